"""The TextMate grammar says of every token what the compiler says, read by what VS Code itself reads it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from tests.editors.node import installed, node
from tests.editors.truth import ROOT, Kind, Piece, disagreements, sound_files

HERE = Path(__file__).parent / "textmate"
GRAMMAR = ROOT / "grammar/vscode/syntaxes/ppd.tmLanguage.json"
KINDS = {
    "comment": Kind.COMMENT,
    "string": Kind.STRING,
    "storage.type.string": Kind.STRING,
    "constant.character.escape": Kind.STRING,
    "punctuation.section.embedded": Kind.FIELD,
    "constant.other.format-spec": Kind.FIELD,
    "constant.numeric.date": Kind.DATE,
    "constant.numeric.duration": Kind.DURATION,
    "constant.numeric": Kind.NUMBER,
    "constant.language": Kind.CONSTANT,
    "constant.other.word": Kind.NAME,
    "keyword.operator.word": Kind.KEYWORD,
    "keyword.operator": Kind.OPERATOR,
    "keyword": Kind.KEYWORD,
    "punctuation": Kind.PUNCTUATION,
    "entity.name": Kind.NAME,
    "support": Kind.NAME,
    "variable": Kind.NAME,
}
"""By the beginning of the scope; the first that fits."""

Scoped: TypeAlias = list[tuple[int, int, str]]
Read: TypeAlias = Callable[[Sequence[str]], list[Scoped]]


@pytest.fixture(scope="module")
def read() -> Read:
    """The library that reads such grammars, and its regular expressions."""
    folder = installed("textmate", HERE)

    def pieces(texts: Sequence[str]) -> list[Scoped]:
        question = json.dumps({"modules": str(folder), "grammar": str(GRAMMAR), "texts": texts})
        answer: list[Scoped] = json.loads(node(HERE / "pieces.js", said=question))
        return answer

    return pieces


def kind(scope: str) -> Kind | None:
    return next((kind for beginning, kind in KINDS.items() if scope.startswith(beginning)), None)


def test_it_agrees_with_the_compiler_over_all_files(read: Read) -> None:
    files = sound_files()
    answers = read([text for _, text in files])
    found = []
    for (place, text), scoped in zip(files, answers, strict=True):
        pieces = [Piece(start, end, known) for start, end, scope in scoped if (known := kind(scope))]
        found += disagreements(place, text, pieces)
    assert found == []


CASES = [
    ("retries = 3", "retries", "support.type.property-name.ppd"),
    ("overlap = queue", "queue", "constant.other.word.ppd"),
    ("alert_on = [failure, late]", "late", "constant.other.word.ppd"),
    ("task a = shell()", "shell", "support.function.builtin.ppd"),
    ("task a = shell()", "a", "entity.name.function.task.ppd"),
    ("param day: date", "date", "support.type.ppd"),
    ("let a = params.b", "params", "variable.language.ppd"),
    (r'let a = "\n"', r"\n", "constant.character.escape.ppd"),
    ('let a = "b\ntask c', "task", "keyword.declaration.ppd"),
    ('let a = f"{b\ntask c', "task", "keyword.declaration.ppd"),
    ("let a = ?b@", "@", "invalid.illegal.ppd"),
]


def test_names_are_scoped_for_what_they_are(read: Read) -> None:
    for (text, word, expected), scoped in zip(CASES, read([text for text, _, _ in CASES]), strict=True):
        assert [scope for start, end, scope in scoped if text[start:end] == word] == [expected], text
