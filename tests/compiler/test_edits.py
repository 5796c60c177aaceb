"""The edits that diagnostics bring: each makes of its fault what was plainly meant, and of no file a worse one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic, Severity
from ppc.mend import mend
from ppc.parse import parse
from ppc.source import Source

CASES = Path(__file__).parent / "cases"
CORPUS = sorted(file for file in CASES.rglob("*.ppd") if not file.name.startswith("ok_"))


def check(source: Source, finder: CallableFinder) -> Sequence[Diagnostic]:
    module, faults = parse(source)
    return compile_program("x", [(source, module)], callables=finder, faults=faults)[1]


def mended(text: str, finder: CallableFinder) -> tuple[str, Sequence[Diagnostic]]:
    """The text with all edits made, and what is left."""

    def checked(sources: Mapping[str, Source]) -> Sequence[Diagnostic]:
        return check(sources["a.ppd"], finder)

    after, _ = mend({"a.ppd": Source("a.ppd", text)}, checked)
    return after["a.ppd"].text, check(after["a.ppd"], finder)


def errors(found: Sequence[Diagnostic]) -> int:
    return sum(each.severity is Severity.ERROR for each in found)


STATEMENTS = [
    # syntax
    ("task b = print(True, None)", "task b = print(true, none)"),
    ("task b = print('x')", 'task b = print("x")'),
    ("task b = print('say \"I\\'m\" \\n')", 'task b = print("say \\"I\'m\\" \\n")'),
    ("task b = print(f'{run.id}')", 'task b = print(f"{run.id}")'),
    ('task b = print(u"x", F"{run.id}")', 'task b = print("x", f"{run.id}")'),
    ('task b = print("a\\q")', 'task b = print("a\\\\q")'),
    ("task b = print(1);", "task b = print(1)"),
    ("task b = print(1) { retries = 1; timeout = 1m }", "task b = print(1) { retries = 1, timeout = 1m }"),
    ("task b = print(007, 1_000)", "task b = print(7, 1000)"),
    ("task b = print(512MB)", 'task b = print("512MB")'),
    ("task b = print(.5)", "task b = print(0.5)"),
    ("task b = print(2026-1-1)", "task b = print(2026-01-01)"),
    ("task b = print(1) { timeout = 10min }", "task b = print(1) { timeout = 10m }"),
    ("task b = print(1) { timeout = 1.5h }", "task b = print(1) { timeout = 1h30m }"),
    ("task b = print(1) { timeout = 2w }", "task b = print(1) { timeout = 14d }"),
    ('task b = print(1 "x")', 'task b = print(1, "x")'),
    ("task b = print(1)\n  a => b", "task b = print(1)\n  a -> b"),
    ("task b = print(1)\n  a >> b", "task b = print(1)\n  a -> b"),
    ("task b = print(1)\n  a --> b", "task b = print(1)\n  a -> b"),
    ("task b = print(1)\n  a → b", "task b = print(1)\n  a -> b"),
    ("task b = print(true && not false || true)", "task b = print(true and not false or true)"),
    ("task b = print(1 ≤ 2, 1 ≠ 2)", "task b = print(1 <= 2, 1 != 2)"),
    ("task b = print(run.id is run.dag)", "task b = print(run.id == run.dag)"),
    ("tsak b = print(1)", "task b = print(1)"),
    ('task "b" = print(1)', "task b = print(1)"),
    ("task b = print", "task b = print()"),
    ("task b = print(1) { retries: 2 }", "task b = print(1) { retries = 2 }"),
    ('task b = shell("x", output: "json")', 'task b = shell("x", output = "json")'),
    # names, settings, values
    ("task other = print(1)\n  a -> othr", "task other = print(1)\n  a -> other"),
    ("task b = prnt(1)", "task b = print(1)"),
    ("task b = extract()", "task b = shop.etl.extract()"),
    ("task b = print(run.date, run.previos)", "task b = print(run.date, run.previous)"),
    ("task b = print(1) { timout = 1m }", "task b = print(1) { timeout = 1m }"),
    ('task b = shell("x", outpt = "json")', 'task b = shell("x", output = "json")'),
    ('timezone = "Europe/Warsw"', 'timezone = "Europe/Warsaw"'),
    ("schedule = crons(\"* * * * *\")", 'schedule = cron("* * * * *")'),
    ("catchup = latst", "catchup = latest"),
    ('catchup = "all"', "catchup = all"),
    ("param p: string = \"x\"\n  task b = print(params.p)", "param p: str = \"x\"\n  task b = print(params.p)"),
    ('task b = shell(f"echo {run.id:raw}")', 'task b = shell(f"echo {run.id}")'),
    ('task b[x in ["apac"]] = print(x)\n  a -> b["apacc"]', 'task b[x in ["apac"]] = print(x)\n  a -> b["apac"]'),
    ('task b[x in [1, 2]] = print(x)\n  a -> b["1"]', "task b[x in [1, 2]] = print(x)\n  a -> b[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), STATEMENTS, ids=[wrong for wrong, _ in STATEMENTS])
def test_what_is_plainly_meant(wrong: str, right: str, finder: CallableFinder) -> None:
    around = 'import shop.etl\n\ndag d {{\n  task a = shop.etl.extract("eu")\n  {}\n}}\n'
    text, _ = mended(around.format(wrong), finder)
    assert text == around.format(right)


@pytest.mark.parametrize(
    "text",
    [
        # a file's worth of work that somebody may still want
        "let spare = 1\npool p { slots = 1 }\nlabel gpu\ntemplate t(x: int) { task a = print(x) }\n"
        "dag d {\n  param p: int = 1\n  task a = print(1)\n}\n",
        # what could mean one thing or another
        "dag d {\n  task a = print('a' if true else 'b')\n  a; b\n}\n",
        'dag d {\n  task a = print(“x”)\n  task b = print(1\n  task c = print("x)\n}\n',
        "dag d {\n  task cpu = print(1)\n  task b = print(2)\n  b -> gpu\n}\n",
    ],
)
def test_what_is_not_plain_stays(text: str, finder: CallableFinder) -> None:
    assert mended(text, finder)[0] == text


def test_an_unused_import_goes_with_its_line_or_its_comma(finder: CallableFinder) -> None:
    text = (
        "import json\nfrom shop.etl import extract, load, clean  # some\nfrom os import path\n\n"
        'dag d {\n  task a = load([], "x")\n}\n'
    )
    assert mended(text, finder)[0] == 'from shop.etl import load  # some\n\ndag d {\n  task a = load([], "x")\n}\n'


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_no_file_gets_worse(file: Path, finder: CallableFinder) -> None:
    text = file.read_bytes().decode()
    before = check(Source("a.ppd", text), finder)
    after, left = mended(text, finder)
    assert not [each for each in left if each.edit is not None]
    if after == text:
        return
    syntax = [each for each in left if each.code.startswith("E1")]
    assert len(syntax) < sum(each.code.startswith("E1") for each in before) or not syntax or len(left) < len(before)
    if not any(each.code.startswith("E1") for each in before):
        assert (errors(left), len(left)) < (errors(before), len(before))
