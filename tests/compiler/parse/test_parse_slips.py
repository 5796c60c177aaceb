"""What a slip of a finger leaves in the examples, such as they are copied and changed, is one fault."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ppc.diagnostics import Diagnostic, in_source_order
from ppc.parse import parse
from ppc.parse_tokens import tokenise
from ppc.source import Source

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").rglob("*.ppd"))
LEFT = {("certificates.ppd", "when expiring != [ {")}
"""Where a `]` is missing before the `{` of settings, it is read as the `{` of a dict."""


def faults_of(text: str) -> list[Diagnostic]:
    return in_source_order(parse(Source("example.ppd", text))[1])


def without_each_token(text: str) -> Iterator[tuple[str, str]]:
    """Each text that lacks one token, and the line where that was."""
    for token in tokenise(Source("example.ppd", text)).tokens:
        if token.end > token.start and (token.type != "NEWLINE" or token.text == ","):
            without = text[: token.start] + text[token.end :]
            number = without.count("\n", 0, token.start)
            yield without, without.split("\n")[number].strip()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_a_token_that_is_missing_is_at_most_one_fault(file: Path) -> None:
    for text, line in without_each_token(file.read_text(encoding="utf-8")):
        if not any(file.name == name and line.endswith(end) for name, end in LEFT):
            assert len(faults_of(text)) <= 1, line


CALL = """\
dag d {
  task raw = fetch(
    "orders",
    day = run.date,
    keys = ["a", "b"],
  ) { retries = 3 }
  task kept = keep(raw)
}
"""


@pytest.mark.parametrize(
    ("was", "becomes", "message"),
    [
        ("fetch(", "fetch", "`fetch` is not called"),
        ('"orders",', '"orders"', "a `,` is missing before `day`"),
        ('"orders",', '"orders,', "this string is never closed"),
        ('"b"],', '"b",', "this `[` is never closed"),
        ('["a", "b"],', '"a", "b"],', "an argument without a name stands before those with one"),
        ("  ) {", "  {", "this `(` is never closed"),
        ("  ) {", "  )", "`retries` cannot stand here"),
        ("= 3 }", "= 3", "this `{` is never closed"),
        ("keep(raw)", "keep{(raw)", "this `{` is never closed"),
        ("dag d {", "dag d : {", "`:` cannot stand here"),
        ("dag d {", "dag d , {", "a comma ends no statement here"),
        ("dag d {", "dag d [ {", "`[` cannot stand here"),
    ],
)
def test_a_slip_in_a_call_or_a_head_is_told_once_where_it_is(was: str, becomes: str, message: str) -> None:
    (fault,) = faults_of(CALL.replace(was, becomes))
    assert message in fault.message


def test_two_slips_in_one_call_and_the_next_task_are_two_faults() -> None:
    first, second = faults_of(CALL.replace('"orders",', '"orders"').replace("keep(raw)", "keep(raw"))
    assert "missing before" in first.message
    assert "never closed" in second.message
