"""`ppc where`: every line of a program leads to the source that it was made from, and back."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

import pytest

from ppc.cli import main
from ppc.origins import ProgramText

BASE = """\
import shop  # whose functions are what the tasks of all files here call

template load(table: str) {
  task put = shop.extract(table)
}
"""
DAILY = """\
import shop
include "base.ppd"

pool warehouse { slots = 2 }
notifier ops = log()

dag daily {
  schedule = cron("15 2 * * *")
  notify = ops
  param day: date = run.date

  task raw[region in ["eu", "us"]] = shop.extract(region, day = params.day - 1d) {
    retries = 2
  }
  task second = shop.extract("a text that is so long that a program cannot have it in a single one of its lines")
  group g = load("orders")
  raw[*] -> second
}
"""
SHOP = '''\
def extract(region: str, day: object = None) -> list[int]:
    """Löads what a region has sold since the day before the one that the run is for."""
    return [1]
'''


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with its program."""
    folder = tmp_path_factory.mktemp("built")
    for name, text in (("base.ppd", BASE), ("daily.ppd", DAILY), ("shop.py", SHOP)):
        (folder / name).write_text(text, encoding="utf-8")
    assert main(["build", str(folder / "daily.ppd")]) == 0
    return folder


@pytest.fixture(autouse=True)
def _a_project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def where(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    capsys.readouterr()
    assert main(["where", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("part", "source", "told", "what"),
    [
        ("dag_daily = ", DAILY, "dag daily", "dag daily"),
        ("""id='raw["us"]'""", DAILY, "task raw", 'task raw["us"] of dag daily'),
        ('s.ParamValue("day"', DAILY, "task raw", 'task raw["eu"] of dag daily'),
        ('s.Cron("15 2', DAILY, "schedule =", "dag daily"),
        ('id="g.put"', BASE, "task put", "task g.put of dag daily"),
        ('name="day"', DAILY, "param day", "param day of dag daily"),
        ('"warehouse"', DAILY, "pool", "pool warehouse"),
        ('name="ops"', DAILY, "notifier", "notifier ops"),
    ],
)
def test_a_line_of_the_program_leads_to_what_it_was_made_from(
    capsys: pytest.CaptureFixture[str], part: str, source: str, told: str, what: str
) -> None:
    program = Path("daily.py").read_text(encoding="utf-8")
    file, line = ("base.ppd" if source is BASE else "daily.ppd"), line_of(source, told)
    head, text = where(capsys, f"daily.py:{line_of(program, part)}")
    assert (head, text.strip()) == (f"{file}:{line}: {what}", source.splitlines()[line - 1].strip())


def test_the_documents_show_it_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    document = (Path(__file__).parents[2] / "docs" / "ppc.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```console\n(\$ ppc where .*?)^```", document, re.MULTILINE | re.DOTALL)
    for part in re.split(r"^\$ ppc where ", block, flags=re.MULTILINE)[1:]:
        place, *told = part.splitlines()
        assert where(capsys, place) == told


def test_the_function_of_a_callable_leads_to_all_that_call_it(capsys: pytest.CaptureFixture[str]) -> None:
    program = Path("daily.py").read_text(encoding="utf-8")
    line = line_of(program, "    from shop import extract")
    heads = [each for each in where(capsys, f"daily.py({line})") if not each.startswith(" ")]
    assert [each.partition(": ")[2] for each in heads] == [
        'task raw["eu"] of dag daily',
        'task raw["us"] of dag daily',
        "task second of dag daily",
        "task g.put of dag daily",
    ]


def test_what_the_program_carries_of_its_sources_leads_to_them() -> None:
    """Line by line, also where one is written in several."""
    text = Path("daily.py").read_text(encoding="utf-8")
    program = ProgramText(text)
    for path, source in (("daily.ppd", DAILY), ("base.ppd", BASE), ("shop.py", SHOP)):
        start = text.index("text=(", text.index(f'path="{path}"'))
        first = text[:start].count("\n") + 2
        seen = []
        for line in range(first, program.line_count):
            origins = program.origins(line)
            if not origins:
                break
            assert origins[0].path == path
            seen.append((origins[0].line, origins[0].text))
        assert list(dict.fromkeys(seen)) == list(enumerate(source.splitlines(), 1))


def test_a_line_of_a_source_leads_to_what_became_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    program = Path("daily.py").read_text(encoding="utf-8")
    told = where(capsys, f"daily.ppd:{line_of(DAILY, 'task raw')}:8")
    first, second = line_of(program, """id='raw["eu"]'""") - 1, line_of(program, """id='raw["us"]'""") - 1
    assert told == [
        f'daily.py:{first}: task raw["eu"] of dag daily',
        f'daily.py:{second}: task raw["us"] of dag daily',
    ]
    included = where(capsys, f"base.ppd:{line_of(BASE, 'task put')}", "--program", "daily.py")
    assert [re.sub(r":\d+:", ":", each) for each in included] == ["daily.py: task g.put of dag daily"]


def test_every_place_of_the_program_is_found_in_both_directions() -> None:
    text = Path("daily.py").read_text(encoding="utf-8")
    program = ProgramText(text)
    places = {(int(found[1]), int(found[3] or 0)) for found in re.finditer(r"s\.At\((\d+), (\d+)(?:, (\d+))?\)", text)}
    assert len(places) > 10
    for line, file in places:
        made = program.made_from(program.sources[file].path, line)
        assert made
        back = {(origin.path, origin.line) for each in made for origin in program.origins(each.line)}
        assert (program.sources[file].path, line) in back


def test_a_program_in_one_file_and_one_that_was_built_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "daily.ppd", "--format", "pyz"]) == 0
    with zipfile.ZipFile("daily.pyz") as archive:
        inside = archive.read("lib/ppacer_program.py").decode("utf-8")
    line = line_of(inside, '"warehouse"')
    expected = [f"daily.ppd:{line_of(DAILY, 'pool')}: pool warehouse", "    pool warehouse { slots = 2 }"]
    assert where(capsys, f"daily.pyz:{line}") == expected
    assert where(capsys, f"daily.pyz/lib/ppacer_program.py:{line}") == expected
    assert main(["build", "daily.ppd", "-o", "out/"]) == 0
    line = line_of(Path("out/daily.py").read_text(encoding="utf-8"), '"warehouse"')
    assert where(capsys, f"out/daily.py:{line}") == expected
    assert where(capsys, f"daily.ppd:{line_of(DAILY, 'pool')}", "--program", "out/daily.py") == [
        f"out/daily.py:{line}: pool warehouse"
    ]


def test_a_source_that_has_changed_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("daily.ppd").write_text(f"# a line more\n{DAILY}", encoding="utf-8")
    program = Path("daily.py").read_text(encoding="utf-8")
    assert main(["where", f"daily.py:{line_of(program, 'dag_daily = ')}"]) == 0
    out, err = capsys.readouterr()
    assert f"daily.ppd:{line_of(DAILY, 'dag daily')}: dag daily\n    dag daily {{\n" in out
    assert "note: daily.ppd has changed since daily.py was built" in err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["daily.py"], 2, "write FILE:LINE"),
        (["daily.py:0"], 2, "write FILE:LINE"),
        (["daily.py:9999"], 2, "daily.py has no line 9999"),
        (["daily.py:3", "--program", "daily.py"], 2, "--program goes with a line of a .ppd file"),
        (["daily.py:1"], 1, "no line of a source stands behind line 1 of daily.py"),
        (["daily.ppd:1"], 1, "nothing in daily.py begins at line 1 of daily.ppd"),
        (["base.ppd:4"], 1, "there is no program beside base.ppd: name it with --program"),
        (["shop.py:1"], 1, "shop.py is no program that `ppc build` wrote"),
        (["nowhere.py:1"], 1, "cannot read nowhere.py"),
        (["other.ppd:1", "--program", "daily.py"], 1, "daily.py was not built of other.ppd but of"),
        (["broken.py:1"], 1, "broken.py begins as a program does, but is no Python"),
    ],
)
def test_what_cannot_be_found_is_told(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, told: str
) -> None:
    Path("broken.py").write_text("# Generated by ppc\n(", encoding="utf-8")
    capsys.readouterr()
    assert main(["where", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert "Traceback" not in err
