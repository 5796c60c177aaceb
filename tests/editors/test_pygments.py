"""The Pygments lexer says of every token what the compiler says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pygments.lexers import get_lexer_by_name, get_lexer_for_filename
from pygments.token import Comment, Error, Keyword, Literal, Name, Number, Operator, Punctuation, String, _TokenType

from ppd.pygments_lexer import PpdLexer
from tests.editors.truth import ROOT, Kind, Piece, disagreements, sound_files

KINDS = {
    Comment: Kind.COMMENT,
    Keyword: Kind.KEYWORD,
    Keyword.Constant: Kind.CONSTANT,
    Keyword.Type: Kind.NAME,
    Operator: Kind.OPERATOR,
    Operator.Word: Kind.KEYWORD,
    Punctuation: Kind.PUNCTUATION,
    Name: Kind.NAME,
    Number: Kind.NUMBER,
    Number.Other: Kind.DURATION,
    Literal.Date: Kind.DATE,
    String: Kind.STRING,
    String.Interpol: Kind.FIELD,
}


def pieces(text: str) -> Iterator[Piece]:
    for start, type_, value in PpdLexer().get_tokens_unprocessed(text):
        known = type_
        while known not in KINDS and known.parent is not None:
            known = known.parent
        if known in KINDS:
            yield Piece(start, start + len(value), KINDS[known])


def test_it_agrees_with_the_compiler_over_all_files() -> None:
    files = sound_files()
    assert len(files) > 200
    assert [line for place, text in files for line in disagreements(place, text, pieces(text))] == []


def kind_of(text: str, word: str) -> _TokenType:
    """What the last `word` of a text is taken for."""
    return [type_ for _, type_, value in PpdLexer().get_tokens_unprocessed(text) if value == word][-1]


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("retries = 3", "retries", Name.Property),
        ("overlap = queue", "queue", Name.Constant),
        ("alert_on = [failure, late]", "late", Name.Constant),
        ("task a = shell()", "shell", Name.Builtin),
        ("task a = shell()", "a", Name.Function),
        ("task a = shop.etl.load()", "load", Name.Function),
        ("task a = b(sort = 1)", "sort", Name.Attribute),
        ("param day: date = run.date", "date", Name),
        ("param day: date", "date", Keyword.Type),
        ("let a = params.b", "params", Name.Builtin.Pseudo),
        (r'let a = "\n"', r"\n", String.Escape),
        ("let a = ?b@", "@", Error),
        ('let a = "b\ntask', "task", Keyword),
    ],
)
def test_names_are_coloured_for_what_they_are(text: str, word: str, expected: _TokenType) -> None:
    assert kind_of(text, word) is expected


def test_pygments_finds_it() -> None:
    assert type(get_lexer_by_name("ppd")) is PpdLexer
    assert type(get_lexer_for_filename("pipeline.ppd")) is PpdLexer


def test_no_text_is_lost_or_stops_it() -> None:
    """What is typed is broken most of the time: every beginning of a file comes out whole."""
    text = (ROOT / "examples/weather/weather.ppd").read_text(encoding="utf-8")
    for end in range(0, len(text), 7):
        assert "".join(value for _, _, value in PpdLexer().get_tokens_unprocessed(text[:end])) == text[:end]
