"""The formatter's laws: it changes no meaning, keeps comments, is done at once, and takes any text at all."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppc import ast
from ppc.format import UnformattableError, format_source
from ppc.format_check import same_tree
from ppc.format_lines import WIDTH
from ppc.parse import parse
from ppc.parse_tokens import tokenise
from ppc.source import Source
from tests.compiler.programs import disordered_modules, modules

MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def tree(text: str) -> ast.Module:
    module, faults = parse(Source("t.ppd", text))
    assert not faults
    return module


def comments(text: str) -> list[str]:
    return [comment.text for comment in tokenise(Source("t.ppd", text)).comments]


def formatted(text: str) -> str:
    return format_source(Source("t.ppd", text)).text


@given(modules())
@MANY
def test_a_program_keeps_its_meaning(text: str) -> None:
    assert same_tree(tree(text), tree(formatted(text)))


@given(disordered_modules())
@MANY
def test_a_disordered_program_keeps_its_meaning_and_comments(text: str) -> None:
    result = formatted(text)
    assert same_tree(tree(text), tree(result))
    assert comments(text) == comments(result)
    assert formatted(result) == result
    assert "\r" not in result
    assert not result or (result.endswith("\n") and not result.endswith("\n\n") and not result.startswith("\n"))


@given(modules())
@MANY
def test_spaces_and_empty_line_ends_make_no_difference(text: str) -> None:
    if '"""' not in text:
        loose = text.replace(" {\n", "\t{ \n").replace("\n", " \t\n").replace(" = ", "   =\t")
        assert formatted(loose) == formatted(text)


@given(modules())
@MANY
def test_no_line_is_longer_than_it_must_be(text: str) -> None:
    """A longer one holds a string, or a name with what cannot be taken from it."""
    for line in formatted(text).split("\n"):
        if '"' not in line:
            assert len(line) <= WIDTH or line.count(",") <= 1


@given(disordered_modules(), st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 9)), min_size=1, max_size=3))
@MANY
def test_a_damaged_program_is_formatted_around_its_faults(text: str, damages: list[tuple[int, int]]) -> None:
    for place, kind in damages:
        at = place % (len(text) + 1)
        text = text[:at] + ["", "}", "{", '"', ")", "[", "x y", ";", '"""', "\n"][kind] + text[at + (kind == 0) :]
    survives(text)


@given(st.text(st.sampled_from("tasklingdr{}[]()\"'\\#=:->.,;\n\r \tx19*"), max_size=80))
@settings(MANY, max_examples=500)
def test_any_text_is_formatted_or_refused(text: str) -> None:
    survives(text)


@given(st.text(max_size=60))
@MANY
def test_any_characters_are_formatted_or_refused(text: str) -> None:
    survives(text)


def survives(text: str) -> None:
    """Only a text with faults may be refused, and nothing else may happen."""
    try:
        result = format_source(Source("t.ppd", text))
    except UnformattableError:
        assert parse(Source("t.ppd", text))[1]
        return
    assert comments(text) == comments(result.text)
    assert same_tree(parse(Source("t.ppd", text))[0], parse(Source("t.ppd", result.text))[0])
