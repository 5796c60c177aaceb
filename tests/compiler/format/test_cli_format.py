"""`ppc fmt` as a person meets it: what it writes, tells and leaves alone."""

from __future__ import annotations

import io
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ppc import format as formatter
from ppc import package
from ppc.cli import main
from ppc.format_lines import Line

UGLY = 'dag   d{task a=print( "x" )}\n'
NICE = 'dag d {\n  task a = print("x")\n}\n'
BROKEN = "let   x=1\nlet y = = 2\n"


@pytest.fixture(autouse=True)
def _a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ugly.ppd").write_text(UGLY)
    Path("nice.ppd").write_text(NICE)


def give_input(monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))


def test_files_are_formatted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "ugly.ppd", "nice.ppd"]) == 0
    assert Path("ugly.ppd").read_text() == NICE
    assert capsys.readouterr() == ("1 file formatted\n", "")
    assert sorted(path.name for path in Path().iterdir()) == ["nice.ppd", "ugly.ppd"]


def test_a_formatted_file_is_not_written() -> None:
    before = Path("nice.ppd").stat()
    assert main(["fmt", "nice.ppd"]) == 0
    after = Path("nice.ppd").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_mode_and_links_are_kept() -> None:
    Path("ugly.ppd").chmod(0o640)
    Path("link.ppd").symlink_to("ugly.ppd")
    assert main(["fmt", "link.ppd"]) == 0
    assert Path("link.ppd").is_symlink()
    assert Path("ugly.ppd").read_text() == NICE
    assert stat.S_IMODE(Path("ugly.ppd").stat().st_mode) == 0o640


def test_check_lists_what_would_change(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "--check", "ugly.ppd", "nice.ppd", "ugly.ppd"]) == 1
    assert capsys.readouterr() == ("ugly.ppd\n", "1 file would change\n")
    assert Path("ugly.ppd").read_text() == UGLY
    assert main(["fmt", "--check", "nice.ppd"]) == 0
    assert capsys.readouterr() == ("", "0 files would change\n")


def test_a_difference_can_be_applied(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ugly.ppd").write_text("let a=1\nlet b = 2\nlet c=3")
    assert main(["fmt", "--diff", "ugly.ppd", "nice.ppd"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out == (
        "--- a/ugly.ppd\n+++ b/ugly.ppd\n@@ -1,3 +1,3 @@\n-let a=1\n+let a = 1\n let b = 2\n-let c=3\n"
        "\\ No newline at end of file\n+let c = 3\n"
    )
    assert Path("ugly.ppd").read_text() == "let a=1\nlet b = 2\nlet c=3"
    assert main(["fmt", "--diff", "nice.ppd"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_input_goes_to_the_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    give_input(monkeypatch, UGLY.encode())
    assert main(["fmt", "-"]) == 0
    assert capsys.readouterr() == (NICE, "")
    give_input(monkeypatch, UGLY.encode())
    assert main(["fmt", "--check", "-"]) == 1
    assert capsys.readouterr() == ("-\n", "1 file would change\n")


def test_ends_of_lines_and_byte_order_mark_are_made_plain(capsys: pytest.CaptureFixture[str]) -> None:
    Path("nice.ppd").write_bytes(b"\xef\xbb\xbf" + NICE.encode())
    Path("ugly.ppd").write_bytes(NICE.replace("\n", "\r\n").encode())
    assert main(["fmt", "--check", "nice.ppd", "ugly.ppd"]) == 1
    assert main(["fmt", "nice.ppd", "ugly.ppd"]) == 0
    assert Path("nice.ppd").read_bytes() == Path("ugly.ppd").read_bytes() == NICE.encode()


def test_a_broken_statement_is_left_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("ugly.ppd").write_text(BROKEN)
    assert main(["fmt", "ugly.ppd"]) == 0
    note = "this statement has a syntax fault and is left as it is; `ppc check` tells which"
    assert capsys.readouterr() == ("1 file formatted\n", f"ugly.ppd:2: note: {note}\n")
    assert Path("ugly.ppd").read_text() == "let x = 1\nlet y = = 2\n"


def test_what_cannot_be_read_costs_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Path("binary.ppd").write_bytes(b"dag\xff")
    Path("folder").mkdir()
    assert main(["fmt", "nosuch.ppd", "binary.ppd", "folder", "ugly.ppd"]) == 1
    out, err = capsys.readouterr()
    assert out == "1 file formatted\n"
    assert err.splitlines() == [
        "error: there is no file `nosuch.ppd`",
        "error: `binary.ppd` is not UTF-8 text; byte 4, in line 1, is 0xff",
        "error: `folder` is a directory",
    ]


def test_what_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(path: Path, _: str) -> None:
        raise package.OutputError(f"cannot write {path}: No space left on device")

    monkeypatch.setattr(package, "write_text", refuse)
    assert main(["fmt", "ugly.ppd"]) == 1
    assert capsys.readouterr().err == "error: cannot write ugly.ppd: No space left on device\n"


def test_the_input_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fmt", "-", "ugly.ppd"]) == 2
    assert capsys.readouterr().err.startswith("error: `-` stands alone")


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ([Line(0, "let x = 2")], "would change its meaning"),
        ([Line(0, "let x = 1", "# new")], "would change its comments"),
        ([Line(0, "let x = = 1")], "would change its faults"),
        ([Line(0, "let x  = 1")], "would not be done at once"),
    ],
)
def test_a_fault_of_the_formatter_itself_leaves_the_file_alone(
    made: list[Line], why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ugly.ppd").write_text("let x=1\n")
    results = [made, [Line(0, "let x = 1")]]
    monkeypatch.setattr(formatter, "statement_lines", lambda _: results.pop(0))
    assert main(["fmt", "ugly.ppd"]) == 1
    expected = f"formatting {why}, which is a fault of the formatter and not of the file"
    assert capsys.readouterr().err == f"error: ugly.ppd is left as it is: {expected}\n"
    assert Path("ugly.ppd").read_text() == "let x=1\n"


def test_an_input_that_cannot_be_formatted_comes_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(formatter, "statement_lines", lambda _: [Line(0, "let x = 2")])
    give_input(monkeypatch, BROKEN.encode())
    assert main(["fmt", "-"]) == 1
    out, err = capsys.readouterr()
    assert out == BROKEN
    assert err.startswith("error: <stdin> is left as it is: its syntax faults are to be mended first")


@pytest.mark.slow
def test_the_command_itself() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ppc.cli", "fmt", "-"], check=False, input=UGLY, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, NICE, "")
