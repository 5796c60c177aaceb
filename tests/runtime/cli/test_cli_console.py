"""What is written to terminals: columns, colours only where they belong, nothing that steers the terminal."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from ppacer.cli.console import Cell, Console, OutputError, Style, clip, display_width, printable


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "colour", "live"),
    [
        (Terminal(), {}, True, True),
        (Terminal(), {"NO_COLOR": "1"}, False, True),
        (Terminal(), {"NO_COLOR": ""}, True, True),
        (Terminal(), {"TERM": "dumb"}, False, False),
        (io.StringIO(), {}, False, False),
    ],
)
def test_colour_only_on_a_terminal_that_wants_it(
    stream: io.StringIO, environ: dict[str, str], colour: bool, live: bool
) -> None:
    console = Console(stream, environ)
    assert (console.colour, console.live) == (colour, live)


def test_columns_are_aligned_by_what_is_seen() -> None:
    stream = Terminal()
    Console(stream, {}).table(
        [[Cell("a", Style.GREEN), Cell("7", right=True), "x"], ["日本", "123", ""]], ("n", "c", "")
    )
    plain = stream.getvalue().replace("\x1b[0m", "").replace("\x1b[32m", "").replace("\x1b[2m", "")
    assert plain.splitlines() == ["n       c", "a       7  x", "日本  123"]


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("é", 1), ("e\u0301", 1), ("日本", 4), ("", 0)])
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 4, "日…"), ("a\x1b[2Jb\r", 9, "ab�"), ("abc", 0, "…")],
)
def test_clip(text: str, width: int, expected: str) -> None:
    assert clip(text, width) == expected


def test_control_characters_are_made_harmless() -> None:
    assert printable("ok\tno\x1b]0;title\x07\r") == "ok\tno�"
    assert printable("\x1b[1;31mred\x1b[0m \x1b[38:5:9mx\x1b[K \x1b") == "red x �"


def test_what_is_written_scrolls_by_above_the_footer() -> None:
    stream = Terminal()
    console = Console(stream, {})
    console.footer(["one", "two"])
    console.line("said")
    console.line("more")
    assert stream.getvalue() == "one\ntwo\n\x1b[2F\x1b[Jsaid\nmore\n"
    console.footer(["three"])
    with console.together():
        console.footer(["four"])
    assert stream.getvalue().endswith("three\n\x1b[1F\x1b[Jfour\n")


@pytest.fixture
def full() -> Iterator[TextIO]:
    with Path("/dev/full").open("w") as stream:
        yield stream


def test_a_stream_that_takes_no_more_is_an_error(full: TextIO) -> None:
    with pytest.raises(OutputError, match="cannot write the output: no space left on device") as caught:
        Console(full, {}).line("x")
    assert not caught.value.reader_gone


def test_work_goes_on_without_a_stream_and_says_so_once(full: TextIO, capsys: pytest.CaptureFixture[str]) -> None:
    console = Console(full, {})
    console.keep_going()
    console.line("x")
    console.line("y")
    assert capsys.readouterr().err == (
        "error: cannot write the output: no space left on device; everything else goes on\n"
    )
