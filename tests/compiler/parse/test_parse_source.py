"""Files, offsets and how diagnostics look."""

from __future__ import annotations

from pathlib import Path

import pytest

from ppc.diagnostics import Diagnostic, Label, Span
from ppc.parse_tokens import tokenise
from ppc.render import render_text
from ppc.source import Source, read_source


def test_lines_and_columns() -> None:
    source = Source("t", "ab\ncd\r\n\rx☃y")
    assert [source.line_column(offset) for offset in (0, 2, 3, 5, 7, 8, 10, 11)] == [
        (1, 1), (1, 3), (2, 1), (2, 3), (3, 1), (4, 1), (4, 3), (4, 4),
    ]  # fmt: skip
    assert [source.line_text(line) for line in range(1, source.line_count + 1)] == ["ab", "cd", "", "x☃y"]
    assert Source("t", "").line_column(0) == (1, 1)


def test_a_source_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.ppd"
    path.write_bytes("\ufefflet x = 1\r\n".encode())
    assert read_source(path) == Source(str(path), "let x = 1\r\n")


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "E001", "no file"),
        (b"let x = \xff", "E004", "0xff"),
        (b"\xff\xfel\x00", "E004", "UTF-16"),
        (b"\x00\x01\xff", "E004", "binary"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, content: bytes | None, code: str, words: str) -> None:
    path = tmp_path / "a.ppd"
    if content is not None:
        path.write_bytes(content)
    fault = read_source(path)
    assert isinstance(fault, Diagnostic)
    assert fault.code == code
    assert words in render_text([fault], {}, colour=False)


def test_a_directory_is_no_source(tmp_path: Path) -> None:
    fault = read_source(tmp_path)
    assert isinstance(fault, Diagnostic)
    assert fault.code == "E002"
    fault = read_source(tmp_path / "\0")
    assert isinstance(fault, Diagnostic)
    assert fault.code == "E003"


def test_comments_are_kept_beside_the_tokens() -> None:
    comments = tokenise(Source("t", "# one\nlet x = [ # two\n  # three\n 1] # four")).comments
    assert [(comment.text, comment.own_line) for comment in comments] == [
        ("# one", True),
        ("# two", False),
        ("# three", True),
        ("# four", False),
    ]


A = Source("a.ppd", "dag d {\n\ttask t = f()  # ☃\n}\n" + "x" * 300 + " here\n日本 = x\n")
B = Source("b.ppd", "let d = 1\n")
SOURCES = {"a.ppd": A, "b.ppd": B}


def test_a_diagnostic_with_all_there_is() -> None:
    diagnostic = Diagnostic(
        "E201",
        "`d` is declared twice",
        Span("a.ppd", 4, 5),
        label="again here",
        labels=(Label(Span("b.ppd", 4, 5), "first here"), Label(Span("a.ppd", 14, 15), "used here")),
        notes=("one\ntwo",),
        help="rename it",
    )
    assert render_text([diagnostic], SOURCES, colour=False) == (
        "error[E201]: `d` is declared twice\n"
        " --> a.ppd:1:5\n"
        "  |\n"
        "1 | dag d {\n"
        "  |     ^ again here\n"
        "2 |     task t = f()  # ☃\n"
        "  |          - used here\n"
        " ::: b.ppd:1:5\n"
        "  |\n"
        "1 | let d = 1\n"
        "  |     - first here\n"
        "  = note: one\n"
        "          two\n"
        "  = help: rename it\n"
    )


def test_long_lines_are_cut_and_wide_characters_counted() -> None:
    start = A.text.index("here")
    shown = render_text([Diagnostic("W1", "long", Span("a.ppd", start, start + 4))], SOURCES, colour=False)
    line, carets = shown.splitlines()[3:5]
    assert len(line) < 140
    assert line.index("here") == carets.index("^^^^")
    wide = A.text.index("= x")
    shown = render_text([Diagnostic("W1", "wide", Span("a.ppd", wide, wide + 1))], SOURCES, colour=False)
    assert shown.splitlines()[4] == "  |      ^"


def test_several_lines_are_underlined_to_the_first_ones_end() -> None:
    shown = render_text([Diagnostic("E1", "all", Span("b.ppd", 4, 10))], SOURCES, colour=False)
    assert shown.splitlines()[4] == "  |     ^^^^^"


def test_an_unknown_source_is_only_named() -> None:
    shown = render_text([Diagnostic("E001", "there is no file `x.ppd`", Span("x.ppd", 0, 0))], {}, colour=False)
    assert shown == "error[E001]: there is no file `x.ppd`\n --> x.ppd\n"


def test_colour_only_when_asked_and_nothing_that_steers_the_terminal() -> None:
    diagnostic = Diagnostic("E1", "bad \x1b[2J", Span("e.ppd", 0, 1), help="h")
    sources = {"e.ppd": Source("e.ppd", "\x1b[2Jx\u202e")}
    assert "\x1b" not in render_text([diagnostic], sources, colour=False)
    coloured = render_text([diagnostic], sources, colour=True)
    assert "\x1b[1;31merror[E1]\x1b[0m" in coloured
    assert "\x1b[2J" not in coloured
    assert "\u202e" not in coloured
