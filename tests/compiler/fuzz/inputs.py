"""Inputs for the compiler, drawn from a seed: random bytes, soup of tokens, and sound sources with something done to
them. The same seed, number and corpus give the same bytes, so that any input can be had again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from ppd.words import RESERVED, SCOPES

ROOT: Final = Path(__file__).resolve().parents[3]
_PPD_BLOCK: Final = re.compile(r"^```ppd\n(.*?)^```", re.DOTALL | re.MULTILINE)
_PIECE: Final = re.compile(r'"[^"\n]*"|\w+|[ \t]+|\r?\n|->|.', re.DOTALL)
_FAULTY: Final = re.compile(r"(?!ok).*\.ppd|explain")
_LONGEST_SOURCE: Final = 4000
_LENGTH: Final = 100
"""Most inputs are about this long or shorter: short ones reach as much of a parser, and more of them can be tried."""
_WHOLE: Final = 1200
"""The longest source that goes through all stages."""
_ALL_STAGES: Final = 25


@dataclass(frozen=True, slots=True)
class Corpus:
    """Sources that the project has, in a fixed order: its examples, the compiler's cases, those in its documents."""

    texts: Sequence[str]
    pieces: Sequence[str]
    """Every token and stretch of space that occurs in the texts, once."""
    sound: Sequence[str]
    """Texts that compile as they are, and are short."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """An input, and the kind of making that it is of."""

    kind: str
    raw: bytes


def read_corpus() -> Corpus:
    """The sources as they stand in this checkout."""
    files = [*sorted((ROOT / "examples").rglob("*.ppd")), *sorted((ROOT / "tests/compiler/cases").rglob("*.ppd"))]
    named = [(file.name, file.read_bytes().decode("utf-8", "replace")) for file in files]
    for page in sorted((ROOT / "docs").glob("*.md")):
        named += [(page.name, text) for text in _PPD_BLOCK.findall(page.read_text(encoding="utf-8"))]
    named = [(name, text) for name, text in named if 0 < len(text) <= _LONGEST_SOURCE]
    texts = [text for _, text in named]
    pieces = sorted({piece for text in texts for piece in _PIECE.findall(text)})
    return Corpus(texts, pieces, [text for name, text in named if len(text) <= _WHOLE and not _FAULTY.match(name)])


def draw(corpus: Corpus, seed: int, number: int) -> Drawn:
    """The input of that number."""
    random = Random(f"{seed}:{number}")
    kind = _LIGHTLY if for_all_stages(number) else random.choices(_KINDS, _WEIGHTS)[0]
    return Drawn(kind, _MAKERS[kind](random, corpus))


def for_all_stages(number: int) -> bool:
    """Whether the input of that number is made to get beyond the parser."""
    return number % _ALL_STAGES == 0


# --- kinds ------------------------------------------------------------------------------------------------------------


def _bytes(random: Random, _: Corpus) -> bytes:
    raw = random.randbytes(random.randrange(60))
    return bytes(byte & 0x7F for byte in raw) if random.random() < 0.7 else raw


def _characters(random: Random, _: Corpus) -> bytes:
    """Any code points, and bytes that are no text among them now and then."""
    text = "".join(_character(random) for _ in range(random.randrange(1, 60)))
    raw = text.encode()
    if random.random() < 0.2:
        place = random.randrange(len(raw) + 1)
        raw = raw[:place] + random.choice(_NO_TEXT) + raw[place:]
    return raw


def _soup(random: Random, corpus: Corpus) -> bytes:
    """Tokens in any order, often inside a block where they might stand."""
    pieces: list[str] = []
    for _ in range(random.randrange(1, 24)):
        pieces.append(random.choice(_WORDS) if random.random() < 0.8 else random.choice(corpus.pieces))
        if random.random() < 0.6:
            pieces.append(" ")
    before, after = random.choice(_SURROUNDINGS)
    return (before + "".join(pieces) + after).encode()


def _damaged_pieces(random: Random, corpus: Corpus) -> bytes:
    """A source with a few of its tokens left out, doubled, swapped, changed, or another's spliced in."""
    pieces: list[str] = _PIECE.findall(_excerpt(random, corpus))
    for _ in range(random.randrange(1, 6)):
        place = random.randrange(len(pieces) + 1)
        end = min(len(pieces), place + random.choice((1, 1, 1, 2, 5)))
        match random.randrange(6):
            case 0:
                del pieces[place:end]
            case 1:
                pieces[place:place] = pieces[place:end] * random.choice((1, 1, 1, 4))
            case 2 if pieces:
                other = random.randrange(len(pieces))
                place = min(place, len(pieces) - 1)
                pieces[place], pieces[other] = pieces[other], pieces[place]
            case 3:
                pieces[place:end] = [random.choice(corpus.pieces)]
            case 4:
                pieces.insert(place, random.choice(_WORDS))
            case _:
                others = _PIECE.findall(_excerpt(random, corpus))
                start = random.randrange(len(others) + 1)
                pieces[place:place] = others[start : start + random.randrange(1, 20)]
    return "".join(pieces).encode()


def _damaged_characters(random: Random, corpus: Corpus) -> bytes:
    """A source with a few of its characters left out, doubled, swapped or changed, or cut off somewhere."""
    text = _excerpt(random, corpus)
    for _ in range(random.randrange(1, 5)):
        place = random.randrange(len(text) + 1)
        match random.randrange(7):
            case 0:
                text = text[:place] + text[place + random.choice((1, 1, 2, 8)) :]
            case 1:
                text = text[:place] + text[place : place + random.choice((1, 3, 9))] + text[place:]
            case 2:
                text = text[:place] + text[place : place + 2][::-1] + text[place + 2 :]
            case 3:
                text = text[:place] + random.choice(_SIGNS) + text[place:]
            case 4:
                text = text[:place] + _character(random) + text[place:]
            case 5:
                text = text[:place]
            case _:
                text = text.replace("\n", random.choice(("\r\n", "\r", "\n\n", "\n\r", " ")))
    if random.random() < 0.05:
        text = "\ufeff" + text
    return text.encode()


def _lightly_damaged(random: Random, corpus: Corpus) -> bytes:
    """A whole source with at most a word or two changed, so that most of it is sound."""
    pieces: list[str] = _PIECE.findall(random.choice(corpus.sound))
    for _ in range(random.choice((0, 1, 1, 1, 2))):
        place = random.randrange(len(pieces))
        other = random.choice(pieces) if random.random() < 0.5 else random.choice(corpus.pieces)
        match random.randrange(4):
            case 0 if len(pieces) > 1:
                del pieces[place]
            case 1:
                pieces.insert(place, other)
            case _:
                while place + 1 < len(pieces) and pieces[place].isspace():
                    place += 1
                pieces[place] = other
    return "".join(pieces).encode()


def _sound(random: Random, corpus: Corpus) -> bytes:
    """A source as it is, or a part of one."""
    return _excerpt(random, corpus).encode()


def _excerpt(random: Random, corpus: Corpus) -> str:
    """A short source, or some lines of a longer one."""
    text = random.choice(corpus.texts)
    if len(text) <= _LENGTH:
        return text
    place = random.randrange(len(text))
    start = text.rfind("\n", 0, place) + 1
    end = text.find("\n", min(len(text), start + random.randrange(30, _LENGTH)))
    return text[start : end + 1] if end >= 0 else text[start : start + _LENGTH]


def _character(random: Random) -> str:
    match random.randrange(4):
        case 0:
            return random.choice(_ODD)
        case 1:
            return chr(random.randrange(0x80))
        case 2:
            return chr(random.randrange(0x3000))
        case _:
            point = random.randrange(0x110000 - 0x800)
            return chr(point if point < 0xD800 else point + 0x800)


_MAKERS: Final = {
    "bytes": _bytes,
    "characters": _characters,
    "soup": _soup,
    "damaged tokens": _damaged_pieces,
    "damaged characters": _damaged_characters,
    "sound": _sound,
}
_KINDS: Final = tuple(_MAKERS)
_WEIGHTS: Final = (8, 10, 28, 30, 22, 2)
_LIGHTLY: Final = "lightly damaged"
_MAKERS[_LIGHTLY] = _lightly_damaged

_ODD: Final = (
    "\0", "\x07", "\x0b", "\x0c", "\x1b[31m", "\x1c", "\x7f", "\x85", "\xa0", "\xad", "\u0301", "e\u0301", "\u00e9",
    "\u061c", "\u115f", "\u200b", "\u200d", "\u200e", "\u2028", "\u2029", "\u202a", "\u202e", "\u2066", "\u2069",
    "\u212a", "\u3000", "\ufe0f", "\ufeff", "\uff21", "\ufffd", "\uffff", "\U0001f600", "\U0001d7d8", "\U000e0041",
    "\U0010ffff", "١", "²", "Ⅷ", "ª", "ß", "ı", "“", "→", "−", "≤", "；",
)  # fmt: skip
_NO_TEXT: Final = (
    b"\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf5\x80\x80\x80",
    b"\xe2\x82",
    b"\xff\xfe",
    b"\xf0",
)
_SIGNS: Final = (
    "{", "}", "(", ")", "[", "]", '"', '"""', "'", 'f"', 'r"', "\\", "#", "\n", "\r", "\t", ",", "=", "->", ":", ".",
    "?", "*", "-", ";", "%", "0", "_", "$", "`", "!",
)  # fmt: skip
_WORDS: Final = (
    *sorted(RESERVED), *sorted(SCOPES), *_SIGNS, "\n", "\n", "\n", " = ", " -> ", "a", "b", "a", "t", "x", "xs",
    "dag d {\n", "task a = ", "group g {", "let x = ", "param p: ", "template t(", "on failure {", "finally {",
    "defaults {",
    "pool p {", "label l", "notifier n = ", 'include "a"', "import os", "from os import path", "print(", "shell(",
    "env(", "secret(", "cron(", "every(", "retries = ", "schedule = ", "timeout = ", "catchup = latest", "trigger = ",
    "after = ", "ping = ", "isolation = ", "alert = ", "alert_on = [late]",
    "[a in xs]", "[*]", '["eu"]', "[a, b]", "{}", '{"k": 1}', '"eu"', 'f"{a}"', 'f"{a:%Y}', 'f"{{', '"\\',
    '"\\x4', '"\\u{1', '"""', 'r"', "1", "1.5", "0x1", "1e9", "1_000", "00", "30m", "1h30m", "2d", "5mm", "500ms",
    "9" * 30 + "d", "9" * 5000, "2026-01-01", "2026-02-30", "2026-01-01T02:30", "2026-1-1", "9999-12-31", "0000-00-00",
    "run.date", "params.x", "task.id", "task.error", "run.failed",
    "not in", "==", "<=", "!=", "&&", "if", "else", "lambda", "True", "None", "*a",
    "**a", "when true", "list[int]", "choice(", "str?", "a.b.c", "# ppc: allow W301", "# x",
)  # fmt: skip
_SURROUNDINGS: Final = (
    ("", ""), ("", "\n"), ("dag d {\n", "\n}\n"), ("dag d {\n  task a = f(", ")\n}\n"),
    ("dag d {\n task a = f() {", "}\n}"), ("let x = ", "\n"), ('let x = f"', '"\n'), ('let x = f"{', '}"\n'),
    ("template t(", ") {\n}\n"), ("defaults {", "}"),
    ("dag d {\n group g {\n", "\n}\n}\n"), ("dag d {\n task a = print(1)\n task b = print(2)\n", "\n a -> b\n}\n"),
)  # fmt: skip
