"""The pictures of the states are those of the tables."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

import pytest

from ppacer.core.state import ATTEMPT_MOVES, FAMILY_MOVES, RUN_MOVES, TASK_MOVES

DOCS = Path(__file__).parents[3] / "docs"


@pytest.fixture(scope="module")
def made() -> dict[str, object]:
    return runpy.run_path(str(DOCS / "make_states.py"))


def test_the_pictures_are_current(made: dict[str, object]) -> None:
    text = made["text"]
    assert callable(text)
    assert text() == (DOCS / "states.md").read_text(encoding="utf-8"), "run `python docs/make_states.py`"


def test_the_site_has_a_picture_of_each() -> None:
    """They are drawn ahead: each says in its `desc` what it was made of, and shows all of that."""
    wanted = set(re.findall(r"```mermaid\n(.*?)\n```", (DOCS / "states.md").read_text(encoding="utf-8"), re.DOTALL))
    pictures = [file.read_text(encoding="utf-8") for file in (DOCS / "states").iterdir()]
    made_of = {html.unescape(found) for text in pictures for found in re.findall(r"<desc[^>]*>([^<]+)</desc>", text)}
    assert made_of == wanted, "run `python docs/make_states.py`"
    for text in pictures:
        moves = re.findall(r"(\S+) --&gt; (\w+)(?=[:\n])", text)
        shown = re.findall(r"<text [^>]*>(\w+)</text>", text)
        assert text.count('<g class="edge">') == len(moves)
        assert {state for _, state in moves} <= set(shown)
        assert "black" not in text


def test_each_picture_shows_its_table() -> None:
    pictures = re.findall(r"```mermaid\nstateDiagram-v2\n(.*?)```", (DOCS / "states.md").read_text(), re.DOTALL)
    assert len(pictures) == 4
    for picture, table in zip(pictures, (RUN_MOVES, TASK_MOVES, FAMILY_MOVES, ATTEMPT_MOVES), strict=True):
        drawn = set(re.findall(r"^    (\w+) --> (\w+): \S", picture, re.MULTILINE))
        assert drawn == {(old.value, new.value) for old, ways in table.items() for new in ways}
        last = set(re.findall(r"^    (\w+) --> \[\*\]$", picture, re.MULTILINE))
        assert last == {new for _, new in drawn} - {old for old, _ in drawn}


def test_a_move_without_words_is_noticed(made: dict[str, object]) -> None:
    chart = made["Chart"]
    assert callable(chart)
    with pytest.raises(ValueError, match=r"A run: these moves lack words or are none: .*queued"):
        chart("run", "A run", RUN_MOVES, {}).mermaid()
