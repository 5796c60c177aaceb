"""The mistakes, as they are written in `mistakes/*.md`.

`## KEY: WORDS` begins a mistake and `### PEER` what it is there: a program, a fence without a name; further files,
those with a name behind their language; the commands that run it, an `sh` fence, where they are not the usual ones,
with `FOLDER` for where the files are. Files before the first peer are there for all. A line that begins with `–` says
why it cannot be made there.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "mistakes"
SOUND = "sound"
"""The case in which nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """A mistake as it is made on one peer. `files` are texts by name, `runs` commands instead of the usual ones.
    `reason` says why it cannot be made, and is empty where it can."""

    files: dict[str, str]
    runs: tuple[tuple[str, ...], ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """`words` say what is wrong; `cases` are by the names of the peers."""

    key: str
    words: str
    cases: dict[str, Case] = field(default_factory=dict)


def mistakes() -> list[Mistake]:
    """All of them, the sound case first."""
    found = [each for file in sorted(FOLDER.glob("*.md")) for each in _read(file.read_text(encoding="utf-8"))]
    return sorted(found, key=lambda mistake: mistake.key != SOUND)


def _read(text: str) -> Iterator[Mistake]:
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, rest = section.partition("\n")
        key, _, words = heading.partition(": ")
        common, *parts = re.split(r"^### ", rest, flags=re.MULTILINE)
        mistake = Mistake(key, words)
        shared = {name: code for _, name, code in _fences(common)}
        for part in parts:
            peer, _, body = part.partition("\n")
            mistake.cases[peer] = _case(key, shared, body)
        yield mistake


def _case(key: str, shared: dict[str, str], body: str) -> Case:
    reason = re.search(r"^– (.*)", body, re.MULTILINE)
    if reason:
        return Case({}, reason=reason[1])
    files, runs = dict(shared), []
    for language, name, code in _fences(body):
        if language == "sh":
            runs += [tuple(shlex.split(line)) for line in code.splitlines()]
        else:
            files[name or f"{key}.{'py' if language == 'python' else language}"] = code
    return Case(files, tuple(runs))


def _fences(text: str) -> list[tuple[str, str, str]]:
    """The language, the name (or none) and the text of each block of code."""
    return re.findall(r"^```(\w+) ?(\S*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
