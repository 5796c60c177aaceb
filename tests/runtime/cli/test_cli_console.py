"""What is written to terminals: columns, colours only where they belong, nothing that steers the terminal."""

from __future__ import annotations

import io

import pytest

from ppacer.cli.console import Cell, Console, Style, clip, display_width, printable


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
    [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("日本語", 4, "日…"), ("a\x1b[2Jb", 9, "a�[2Jb"), ("abc", 0, "…")],
)
def test_clip(text: str, width: int, expected: str) -> None:
    assert clip(text, width) == expected


def test_control_characters_are_made_harmless() -> None:
    assert printable("ok\tno\x1b]0;title\x07\r") == "ok\tno�]0;title��"
