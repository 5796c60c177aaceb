"""Durations in the language's own notation, to and from text: `1h30m`, `500ms`, `2d`."""

from __future__ import annotations

import re
from datetime import timedelta

from ppacer.core.instants import duration, microseconds

_UNITS = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
)
_NOTATION = re.compile("-?" + "".join(f"(?:([0-9]{{1,18}}){unit})?" for unit, _ in _UNITS))


def duration_text(value: timedelta) -> str:
    """A duration as short as is exact: `1h30m`, `-2d`; `0s` for none."""
    left = microseconds(value)
    text = "-" if left < 0 else ""
    left = abs(left)
    if not left:
        return "0s"
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            text += f"{count}{unit}"
    return text


def duration_of(text: str) -> timedelta:
    """The duration that a text names: whole numbers of d, h, m, s, ms, us, largest first.

    Raises `ValueError` where it names none, or a longer one than there is.
    """
    found = _NOTATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(f"{text[:50]} is no duration such as 1h30m")
    count = sum(int(number or 0) * size for number, (_, size) in zip(found.groups(), _UNITS, strict=True))
    try:
        return duration(-count if text.startswith("-") else count)
    except OverflowError:
        raise ValueError(f"{text[:50]} is too long") from None
