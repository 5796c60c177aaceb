"""A part of a file: the smallest whole statements on the lines, and nothing beside."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppc.diagnostics import Edit
from ppc.format import format_source
from ppc.format_check import same_tree
from ppc.format_range import format_range
from ppc.parse import parse
from ppc.source import Source
from tests.compiler.programs import disordered_modules

TEXT = """\
let   a=1
let   b=2   # two

dag   d  {
    schedule=every( 1h )
    task   x=f( 1 )  {
        retries=2
        timeout=1m
    }
    task   y=f( 2 )
    group g { task   z=f( ) }
}
let   c=3
"""


def apply(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in reversed(edits):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def changed_lines(text: str, first: int, last: int) -> dict[int, str]:
    """What becomes of the lines, from 1, when those from `first` to `last` are formatted."""
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: first - 1])
    end = sum(len(line) + 1 for line in lines[:last]) - 1
    edits = format_range(Source("t.ppd", text), start, end)
    return {text.count("\n", 0, edit.span.start) + 1: edit.text for edit in edits}


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (1, 1, {1: "let a = 1"}),
        (1, 2, {1: "let a = 1", 2: "let b = 2  # two"}),
        (3, 3, {}),
        (5, 5, {5: "  schedule = every(1h)"}),
        (7, 7, {7: "    retries = 2"}),
        (7, 8, {7: "    retries = 2", 8: "    timeout = 1m"}),
        (6, 7, {6: "  task x = f(1) {\n    retries = 2\n    timeout = 1m\n  }"}),
        (9, 9, {6: "  task x = f(1) {\n    retries = 2\n    timeout = 1m\n  }"}),
        (10, 10, {10: "  task y = f(2)"}),
        (11, 11, {11: "  group g { task z = f() }"}),
        (13, 13, {13: "let c = 3"}),
    ],
)
def test_the_smallest_statements_change(first: int, last: int, expected: dict[int, str]) -> None:
    assert changed_lines(TEXT, first, last) == expected


def test_a_block_changes_when_its_first_line_is_touched() -> None:
    edits = changed_lines(TEXT, 4, 4)
    assert list(edits) == [4]
    assert edits[4].startswith("dag d {\n  schedule = every(1h)\n")


def test_nothing_changes_in_a_formatted_file() -> None:
    text = format_source(Source("t.ppd", TEXT)).text
    assert format_range(Source("t.ppd", text), 0, len(text)) == ()


def test_places_are_those_of_the_file_as_it_is() -> None:
    text = TEXT.replace("\n", "\r\n")
    start = text.index("task   y")
    (edit,) = format_range(Source("t.ppd", text), start, start)
    assert text[edit.span.start : edit.span.end] == "    task   y=f( 2 )"


def test_a_statement_with_a_fault_stays_while_its_neighbour_changes() -> None:
    assert changed_lines("dag d {\n task   a = f( ,\n)\n task   b=f()\n}\n", 2, 4) == {4: "  task b = f()"}


@given(disordered_modules(), st.integers(0, 2000), st.integers(0, 300))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_part_of_any_program_can_be_formatted(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    source = Source("t.ppd", text)
    edits = format_range(source, start, min(start + length, len(text)))
    changed = apply(text, edits)
    assert same_tree(parse(source)[0], parse(Source("t.ppd", changed))[0])
