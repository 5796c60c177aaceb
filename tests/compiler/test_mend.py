"""What is safe to mend is mended, whole files and nothing else."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from ppc.cli import main
from ppc.diagnostics import Diagnostic, Edit, Span
from ppc.mend import mend
from ppc.source import Source


def edit(text: str, replaced: str, by: str, at: int | None = None) -> Diagnostic:
    start = text.index(replaced) if at is None else at
    span = Span("a", start, start + len(replaced))
    return Diagnostic("E999", f"{replaced} is wrong", span, edit=Edit(span, by))


def mended(text: str, rounds: list[list[tuple[str, str]]]) -> tuple[str, list[str]]:
    """The text after edits that come in rounds, and what was mended."""
    left = iter(rounds)

    def check(sources: Mapping[str, Source]) -> Iterable[Diagnostic]:
        return [edit(sources["a"].text, old, new) for old, new in next(left, [])]

    after, made = mend({"a": Source("a", text)}, check)
    return after["a"].text, [f"{each.line}:{each.column} {each.diagnostic.message}" for each in made]


def test_edits_of_one_round_are_made_together() -> None:
    text, made = mended("one two\nthree four", [[("three", "3"), ("one", "1"), ("four", "4")]])
    assert text == "1 two\n3 4"
    assert made == ["1:1 one is wrong", "2:1 three is wrong", "2:7 four is wrong"]


def test_an_edit_that_overlaps_waits_for_the_next_round() -> None:
    text, made = mended("abcdef", [[("abcd", "x"), ("cdef", "y")], [("ef", "z")]])
    assert text == "xz"
    assert len(made) == 2


def test_two_insertions_at_one_place_are_not_made_at_once() -> None:
    def check(sources: Mapping[str, Source]) -> list[Diagnostic]:
        found = sources["a"].text
        return [edit(found, "", text, at=1) for text in "bc" if text not in found]

    after, made = mend({"a": Source("a", "a")}, check)
    assert (after["a"].text, len(made)) == ("acb", 2)


def test_edits_that_undo_each_other_end() -> None:
    def check(sources: Mapping[str, Source]) -> list[Diagnostic]:
        text = sources["a"].text
        return [edit(text, text, {"x": "y", "y": "x"}[text])]

    after, _ = mend({"a": Source("a", "x")}, check)
    assert after["a"].text in "xy"


def test_edits_that_never_end_are_bounded() -> None:
    after, made = mend({"a": Source("a", "x")}, lambda sources: [edit(sources["a"].text, "x", "xx")])
    assert len(after["a"].text) == len(made) + 1 <= 101


def test_other_files_and_edits_that_change_nothing_are_left() -> None:
    other = Span("b", 0, 1)
    same = edit("x", "x", "x")
    after, made = mend({"a": Source("a", "x")}, lambda _: [Diagnostic("E999", "…", other, edit=Edit(other, "")), same])
    assert (after["a"].text, made) == ("x", [])


# --- the command -----------------------------------------------------------------------------------------------------

WRONG = "dag d {\n  task a = print('x', True);\n  task b = print(None)  # ppc: allow W401\n  a -> b -> nosuch\n}\n"
RIGHT = 'dag d {\n  task a = print("x", true)\n  task b = print(none)\n  a -> b\n}\n'


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def put(text: str, path: str = "a.ppd") -> Path:
    file = Path(path)
    file.write_bytes(text.encode())
    return file


def test_fix_mends_what_is_safe_and_tells_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    file = put(WRONG)
    file.chmod(0o640)
    assert main(["check", "a.ppd", "--fix"]) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split()[1] for line in lines[:-1]] == ["E112", "E111", "E115", "E111"]
    assert lines[0] == 'a.ppd:2:18: E112 a string stands in double quotes: write `"x"`' or "E112" in lines[0]
    assert lines[-1] == "mended 4 faults"
    assert "E202" in err
    assert file.read_text(encoding="utf-8") == RIGHT.replace("(none)", "(none)  # ppc: allow W401").replace(
        "a -> b", "a -> b -> nosuch"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [entry.name for entry in Path().iterdir()] == ["a.ppd"]
    put(file.read_text(encoding="utf-8").replace(" -> nosuch", ""))
    assert main(["check", "a.ppd", "--fix"]) == 0
    assert file.read_text(encoding="utf-8") == RIGHT
    capsys.readouterr()
    assert main(["check", "a.ppd", "--fix"]) == 0
    assert capsys.readouterr() == ("a.ppd: 1 dag, 2 tasks, no errors\n", "")


def test_diff_shows_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    file = put(WRONG)
    assert main(["check", "a.ppd", "--diff"]) == 1
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("--- a.ppd\n+++ a.ppd (mended)\n@@ ")
    assert [line for line in out.splitlines() if re.match(r"[-+] ", line)] == [
        "-  task a = print('x', True);",
        "-  task b = print(None)  # ppc: allow W401",
        '+  task a = print("x", true)',
        "+  task b = print(none)  # ppc: allow W401",
    ]
    assert file.read_bytes() == WRONG.encode()
    put(RIGHT.rstrip("\n"))
    assert main(["check", "a.ppd", "--diff"]) == 0
    assert capsys.readouterr() == ("", "")
    put(RIGHT.rstrip("\n").replace("true", "True"))
    assert main(["check", "a.ppd", "--diff"]) == 1
    put("dag d { task a = print(True) }")
    assert main(["check", "a.ppd", "--diff"]) == 1
    assert capsys.readouterr().out.count("\n\\ No newline at end of file\n") == 3


def test_line_ends_and_a_byte_order_mark_stay() -> None:
    file = put("\ufeff" + WRONG.replace("\n", "\r\n").replace(" -> nosuch", ""))
    assert main(["check", "a.ppd", "--fix"]) == 0
    assert file.read_bytes() == ("\ufeff" + RIGHT.replace("\n", "\r\n")).encode()


def test_only_what_changes_is_written() -> None:
    put(RIGHT)
    other = put(RIGHT.replace("dag d", "dag e"), "b.ppd")
    before = other.stat()
    put(RIGHT.replace("true", "True"))
    assert main(["check", "a.ppd", "b.ppd", "--fix"]) == 0
    assert (other.stat().st_ino, other.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert Path("a.ppd").read_text(encoding="utf-8") == RIGHT


def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, ordinary_permissions: None, capsys: pytest.CaptureFixture[str]
) -> None:
    file = put(RIGHT.replace("true", "True"))
    tmp_path.chmod(0o500)
    try:
        assert main(["check", "a.ppd", "--fix"]) == 1
    finally:
        tmp_path.chmod(0o700)
    assert capsys.readouterr().err == "error: cannot write a.ppd: Permission denied\n"
    assert "True" in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--fix", "--diff"])
def test_what_cannot_be_read_is_told_or_left(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "gone.ppd", option]) == (1 if option == "--fix" else 0)
    assert ("E001" in capsys.readouterr().err) == (option == "--fix")
