"""Files that include others: found where they are, read once, and told of in their own names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppc.cli import main
from ppc.diagnostics import Diagnostic, Span
from ppc.includes import Unit, gather
from ppc.parse import parse
from ppc.source import Source


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PPC_PATH", raising=False)


def write(**files: str) -> None:
    """`a_b="…"` becomes `a/b.ppd`."""
    for name, text in files.items():
        place = Path(*name.split("_")).with_suffix(".ppd")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def check(*arguments: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What `ppc check` says of faults; empty if there are none."""
    capsys.readouterr()
    main(["check", *arguments])
    return capsys.readouterr().err


USES = "dag d { task a = print(region) }\n"


def test_beside_the_file_that_includes(capsys: pytest.CaptureFixture[str]) -> None:
    write(main=f'include "lib/one.ppd"\n{USES}', lib_one='include "two.ppd"\n', lib_two='let region = "eu"\n')
    assert check("main.ppd", capsys=capsys) == ""


def test_in_the_folders_of_path_and_then_of_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(main=f'include "one.ppd"\n{USES}', lib_one='let region = "eu"\n')
    said = check("main.ppd", capsys=capsys)
    assert "there is no file `one.ppd`" in said
    assert "help: looked for in ." in said
    assert check("main.ppd", "--path", "lib", capsys=capsys) == ""
    monkeypatch.setenv("PPC_PATH", "lib")
    assert check("main.ppd", capsys=capsys) == ""


def test_a_file_is_one_however_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        main=f'include "lib/one.ppd"\ninclude "lib/../lib/one.ppd"\ninclude "link.ppd"\n{USES}',
        lib_one='let region = "eu"\ndag other { task a = empty() }\n',
    )
    Path("link.ppd").symlink_to("lib/one.ppd")
    assert check("main.ppd", "lib/one.ppd", capsys=capsys) == ""


def test_modules_are_found_from_the_folder_of_the_included_file(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        main='include "lib/one.ppd"\ndag d { group g = copy("x") }\n',
        lib_one="from lib_work import work\ntemplate copy(x: str) { task a = work(x) }\n",
    )
    Path("lib/lib_work.py").write_text("def work(x: str) -> str:\n    return x\n", encoding="utf-8")
    assert check("main.ppd", capsys=capsys) == ""
    assert main(["build", "main.ppd"]) == 0
    assert 'search_path=(".", "lib")' in Path("main.py").read_text(encoding="utf-8")


def test_faults_of_included_files_are_told_in_their_own_lines_but_no_warnings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(
        main=f'include "one.ppd"\n{USES}',
        one='let region = "eu"\nlet unused = 1\nimport json\nlabel nowhere\ntemplate t(x: str) { task a = prnt(x) }\n',
    )
    said = check("main.ppd", capsys=capsys)
    assert "one.ppd:5:31" in said
    assert "1 error\n" in said
    assert "warning" not in said


def test_a_file_that_cannot_be_read_costs_no_further_faults(capsys: pytest.CaptureFixture[str]) -> None:
    write(main=f'include "gone.ppd"\ninclude "bad.ppd"\n{USES}', bad="let region = = 1\nlet x = \n")
    Path("folder.ppd").mkdir()
    said = check("main.ppd", capsys=capsys)
    assert said.count("error[") == 3
    assert "error[E201]" not in said


def test_what_is_no_text_is_told_at_the_include(capsys: pytest.CaptureFixture[str]) -> None:
    write(main='include "bytes.ppd"\ninclude "folder.ppd"\ndag d { task a = empty() }\n')
    Path("bytes.ppd").write_bytes(b"\xff\xfe\x00")
    Path("folder.ppd").mkdir()
    said = check("main.ppd", capsys=capsys)
    assert "error[E004]" in said
    assert "error[E002]" in said
    assert said.count("--> main.ppd:") == 2


def test_names_that_two_included_files_declare_are_told_at_the_second_include(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(
        main=f'include "one.ppd"\ninclude "two.ppd"\n{USES}',
        one='let region = "eu"\n',
        two='let region = "us"\n',
    )
    said = check("main.ppd", capsys=capsys)
    assert "error[E204]: `region` is declared in two of the files included here" in said
    assert "--> main.ppd:2:9" in said
    assert "::: one.ppd:1:5" in said
    assert "::: two.ppd:1:5" in said


def test_what_names_the_whole_program_is_told_where_it_is_declared_again(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        one="label gpu\ndag one { task a = empty() { runs_on = gpu } }\n",
        two="label gpu\ndag one { task a = empty() { runs_on = gpu } }\n",
    )
    said = check("one.ppd", "two.ppd", capsys=capsys)
    assert "error[E204]: label `gpu` is declared twice" in said
    assert "error[E204]: dag `one` is declared twice" in said
    assert "--> two.ppd:1:7" in said


def test_the_dags_of_included_files_are_the_program_s(capsys: pytest.CaptureFixture[str]) -> None:
    write(main='include "one.ppd"\n', one="dag one { task a = empty() }\ndag two { task a = empty() }\n")
    assert check("main.ppd", capsys=capsys) == ""


def test_defaults_and_imports_do_not_cross(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        main='include "one.ppd"\ndag d { task a = dumps(1) }\n',
        one="from json import dumps\ndefaults { retries = 3 }\ndag other { task b = dumps(1) }\n",
    )
    assert "error[E203]: `dumps` is neither imported" in check("main.ppd", capsys=capsys)
    write(main='include "one.ppd"\ndag d { task a = empty() }\n')
    assert main(["build", "main.ppd"]) == 0
    text = Path("main.py").read_text(encoding="utf-8")
    assert text.count("retries=3") == 1


def test_a_long_chain_of_includes_overflows_nothing() -> None:
    count = 5_000
    texts = {f"f{i}.ppd": f'include "f{i + 1}.ppd"\n' for i in range(count)}
    texts[f"f{count}.ppd"] = 'let region = "eu"\n'

    def read(name: str, by: Source) -> Unit | Diagnostic:
        if name not in texts:
            return Diagnostic("E001", "there is no such file", Span(by.path, 0, 0))
        source = Source(name, texts[name])
        return Unit(source, *parse(source))

    first = Source("main.ppd", 'include "f0.ppd"\n')
    module, faults = parse(first)
    gathered = gather([(first, module)], read, faults)
    assert not gathered.faults
    assert len(gathered.files) == count + 2
    assert gathered.files[0].source is first
    assert gathered.order[-1].source is first
    assert [file.index for file in gathered.files] == list(range(count + 2))
