"""Names of tasks as a test gives them: one name may stand for many tasks.

| name | stands for |
|---|---|
| `load`, `orders.dump` | that task; of a family, whether made at build time or at run time, all members |
| `raw["eu"]`, `t["eu", *]` | the members of a family with these keys |
| `check[0]`, `check["a.csv"]` | the member of a run-time family at that position, or all that stand for that value |
| `orders.*` | what is inside the group |
| `*` | all tasks |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ppacer.core import codec
from ppacer.core.families import label_of

_ANY = "*"
_PART = re.compile(r"[A-Za-z_]\w*|\*")
_INDEX = re.compile(r'\[((?:"(?:[^"\\]|\\.)*"|[^"\[\]])*)\]')
_KEY = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^",\s]+)\s*(?:,|$)')


@dataclass(frozen=True, slots=True)
class Shown:
    """A task by its id; `position` and `label` are those of a member of a run-time family. `open` is true where any
    member of one is meant."""

    id: str
    position: int | None = None
    label: str | None = None
    open: bool = False

    @property
    def name(self) -> str:
        """What people call it: `load`, `raw["eu"]`, `check[0]`."""
        return self.id if self.position is None else f"{self.id}[{self.position}]"


@dataclass(frozen=True, slots=True)
class Name:
    """What a test calls a task, or several. Made by `parse`."""

    text: str
    parts: tuple[tuple[str, tuple[str, ...]], ...]

    @staticmethod
    def parse(text: str) -> Name | None:
        """None for what cannot be the name of a task."""
        parts = _parsed(text)
        return None if parts is None else Name(text, parts)

    @property
    def exactness(self) -> tuple[int, int]:
        """Of two names that stand for a task, the one of which this is greater says more."""
        named = [part for part, _ in self.parts if part != _ANY]
        keys = [key for _, keys in self.parts for key in keys if key != _ANY]
        return len(named), len(keys)

    @property
    def is_open(self) -> bool:
        """Whether it ends with a `*`, so that it may stand for nothing."""
        part, keys = self.parts[-1]
        return _ANY in (part, *keys[-1:])

    def fits(self, task: Shown) -> bool:
        """Whether it stands for the task."""
        theirs = _parsed(task.id)
        assert theirs is not None, "every id of a task is a name"
        *before, (last, keys) = self.parts
        if last == _ANY:
            if len(theirs) < len(self.parts):
                return False
        elif len(theirs) != len(self.parts):
            return False
        for (ours, wanted), (name, has) in zip(before, theirs, strict=False):
            if ours != name or not _fit(wanted, has):
                return False
        if last == _ANY:
            return True
        name, has = theirs[-1]
        if last != name or not _fit(keys[: len(has)], has):
            return False
        left = keys[len(has) :]
        return not left or (len(left) == 1 and _fits_member(left[0], task))


def _fits_member(key: str, task: Shown) -> bool:
    if task.open or key == _ANY:
        return task.open or task.position is not None
    if key.startswith('"'):
        return task.label is not None and label_of(codec.decode(key)) == task.label
    return key == str(task.position)


def _fit(wanted: Sequence[str], has: Sequence[str]) -> bool:
    return len(wanted) <= len(has) and all(key in (_ANY, own) for key, own in zip(wanted, has, strict=False))


@lru_cache(4096)
def _parsed(text: str) -> tuple[tuple[str, tuple[str, ...]], ...] | None:
    """`orders.dump["eu", 1][0]` as `(("orders", ()), ("dump", ('"eu"', "1", "0")))`."""
    parts: list[tuple[str, tuple[str, ...]]] = []
    at = 0
    while True:
        part = _PART.match(text, at)
        if part is None:
            return None
        at = part.end()
        keys: list[str] = []
        while (index := _INDEX.match(text, at)) is not None:
            found = _keys(index[1])
            if not found:
                return None
            keys += found
            at = index.end()
        parts.append((part[0], tuple(keys)))
        if at == len(text):
            break
        if text[at] != "." or part[0] == _ANY:
            return None
        at += 1
    return None if parts[-1][0] == _ANY and parts[-1][1] else tuple(parts)


def _keys(text: str) -> list[str]:
    """What stands between two brackets; nothing where that is no list of keys."""
    keys: list[str] = []
    at = 0
    while at < len(text):
        key = _KEY.match(text, at)
        if key is None or (key[1].startswith('"') and not _is_text(key[1])):
            return []
        keys.append(key[1])
        at = key.end()
    return keys


def _is_text(key: str) -> bool:
    try:
        codec.decode(key)
    except codec.CodecError:
        return False
    return True
