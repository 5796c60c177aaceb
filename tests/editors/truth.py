"""What each character of a `.ppd` file is, by the compiler's own tokens: what every grammar must agree with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from ppc.parse import parse
from ppc.parse_tokens import tokenise
from ppc.source import Source
from ppd.words import CLAUSES, CONSTANTS, DECLARATIONS, HANDLED, OPERATORS

ROOT = Path(__file__).parents[2]


class Kind(StrEnum):
    KEYWORD = "keyword"
    CONSTANT = "constant"
    NAME = "name"
    STRING = "string"
    FIELD = "field"
    """The braces and the format of a field in an f-string."""
    NUMBER = "number"
    DURATION = "duration"
    DATE = "date"
    OPERATOR = "operator"
    PUNCTUATION = "punctuation"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Piece:
    """`text[start:end]` of a file is of this kind."""

    start: int
    end: int
    kind: Kind


_KINDS = {
    **{word.upper(): Kind.KEYWORD for word in DECLARATIONS | CLAUSES | OPERATORS | HANDLED},
    **{word.upper(): Kind.CONSTANT for word in CONSTANTS},
    **dict.fromkeys(("STRING", "FSTART", "FTEXT", "FEND"), Kind.STRING),
    **dict.fromkeys(("FOPEN", "FSPEC", "FCLOSE"), Kind.FIELD),
    **{name: Kind(name.lower()) for name in ("NAME", "NUMBER", "DURATION", "DATE")},
    **dict.fromkeys(("ARROW", "EQUAL", "QUESTION", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT"), Kind.OPERATOR),
    **dict.fromkeys(("EQ", "NE", "LT", "LE", "GT", "GE"), Kind.OPERATOR),
    **dict.fromkeys(("LPAR", "RPAR", "LSQB", "RSQB", "LBRACE", "RBRACE", "LDICT", "RDICT"), Kind.PUNCTUATION),
    **dict.fromkeys(("COMMA", "COLON", "DOT"), Kind.PUNCTUATION),
}


@cache
def truth(text: str) -> tuple[Piece, ...]:
    """The compiler's tokens and comments, in order. A comma that ends a setting is punctuation."""
    read = tokenise(Source("f.ppd", text))
    pieces = [Piece(c.span.start, c.span.start + len(c.text), Kind.COMMENT) for c in read.comments]
    for token in read.tokens:
        if token.type != "NEWLINE":
            pieces.append(Piece(token.start, token.end, _KINDS[token.type]))
        elif token.text == ",":
            pieces.append(Piece(token.start, token.end, Kind.PUNCTUATION))
    return tuple(sorted((piece for piece in pieces if piece.start < piece.end), key=lambda piece: piece.start))


@cache
def sound_files() -> tuple[tuple[str, str], ...]:
    """Every `.ppd` of the repository that parses, and those in its documents: a place and the text."""
    places = [path for folder in ("examples", "tests") for path in sorted((ROOT / folder).rglob("*.ppd"))]
    texts = [(str(path.relative_to(ROOT)), path.read_bytes().decode("utf-8", "replace")) for path in places]
    for document in sorted((ROOT / "docs").glob("*.md")):
        found = re.findall(r"^```ppd\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        texts += [(f"docs/{document.name}[{number}]", text) for number, text in enumerate(found)]
    return tuple((place, text) for place, text in texts if not parse(Source(place, text))[1])


def disagreements(place: str, text: str, pieces: Iterable[Piece]) -> Iterator[str]:
    """Each token of which a grammar says something else than the compiler: where, what it is, what it is taken for."""
    kinds: list[Kind | None] = [None] * len(text)
    for piece in pieces:
        kinds[piece.start : piece.end] = [piece.kind] * (piece.end - piece.start)
    for token in truth(text):
        said = {kinds[offset] for offset in range(token.start, token.end) if not text[offset].isspace()}
        if said and said != {token.kind}:
            line = text.count("\n", 0, token.start) + 1
            taken = " and ".join(sorted(str(kind) for kind in said))
            yield f"{place}:{line}: {text[token.start : token.end]!r} is {token.kind}, not {taken}"
