"""The name that somebody probably meant, found without comparing with every name there is."""

from __future__ import annotations

from collections.abc import Iterable

_FEW = 64
"""Up to so many names are compared one by one, with difflib, which forgives more."""
_LONGEST = 48
"""Longer names are not indexed: the index holds one entry a character."""


class Similar:
    """Answers which of `names` resembles a given one.

    Among many names an index of all names with one character left out finds those that differ by a character added,
    dropped or changed, or by two neighbours swapped; so asking costs the same however many names there are.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._index: dict[str, str] | None = None

    def to(self, name: str) -> str | None:
        """The most similar name other than `name` itself, or none that is similar enough."""
        if len(self._names) <= _FEW:
            import difflib  # noqa: PLC0415 - a file without faults asks for no name

            by_key = {_key(other): other for other in reversed(self._names) if other != name}
            key = _key(name)
            close = difflib.get_close_matches(key, by_key, n=3, cutoff=0.65)
            if close:
                # Of equally similar ones the one that is nearest in length: `retries`, not `retry_delay`, for `retry`.
                return by_key[min(close, key=lambda other: (-_ratio(key, other), abs(len(other) - len(key))))]
        if len(name) > _LONGEST:
            return None
        if self._index is None:
            self._index = {}
            for other in self._names:
                if len(other) <= _LONGEST:
                    for variant in _variants(_key(other)):
                        self._index.setdefault(variant, other)
        found = (self._index.get(variant) for variant in _variants(_key(name)))
        return next((other for other in found if other is not None and other != name), None)


def is_slip(name: str, other: str) -> bool:
    """Whether one is the other with a slip of the finger in it: a letter more, less or wrong, or two swapped.

    In a short name that says nothing: `cpu` is no slip of `gpu`.
    """
    if min(len(name), len(other)) < _SHORT or name == other:
        return False
    start = 0
    while start < min(len(name), len(other)) and name[start] == other[start]:
        start += 1
    one, two = name[start:], other[start:]
    swapped = one[:2] == two[1::-1] and one[2:] == two[2:]
    return swapped or one[1:] == two[1:] or one[1:] == two or one == two[1:]


_SHORT = 4


def _ratio(one: str, other: str) -> float:
    import difflib  # noqa: PLC0415

    return round(difflib.SequenceMatcher(None, other, one).ratio(), 2)


def _key(name: str) -> str:
    return name.lower().replace("_", "")


def _variants(key: str) -> Iterable[str]:
    yield key
    if len(key) > 2:
        for i in range(len(key)):
            yield key[:i] + key[i + 1 :]
