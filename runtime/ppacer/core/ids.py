"""Ids of runs, attempts and requests: UUID version 7 (RFC 9562), whose text sorts by the time of making."""

from __future__ import annotations

from collections.abc import Callable

RANDOM_BYTES = 10
"""How many random bytes one id takes."""

_LAST_MILLISECOND = (1 << 48) - 1


def uuid7(now_us: int, random: bytes) -> str:
    """A UUIDv7 in its canonical text for an instant in microseconds since 1970 UTC and 10 random bytes.

    The twelve bits after the version carry the fraction of the millisecond (RFC 9562, section 6.2, method 3), so ids
    of different microseconds sort by time.
    """
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"an id takes {RANDOM_BYTES} random bytes, not {len(random)}")
    millisecond, fraction = divmod(now_us, 1000)
    if not 0 <= millisecond <= _LAST_MILLISECOND:
        raise ValueError(f"no id can be made for the instant {now_us}")
    tail = int.from_bytes(random, "big") & ((1 << 62) - 1)
    value = millisecond << 80 | 7 << 76 | (fraction * 4096 // 1000) << 64 | 0b10 << 62 | tail
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def first_id(at_us: int) -> str:
    """The least id that can be made at that instant or later: of times that no id can tell, the nearest one's."""
    return uuid7(min(max(at_us, 0), _LAST_MILLISECOND * 1000), bytes(RANDOM_BYTES))


class IdSource:
    """Makes ids that strictly grow, even within one microsecond or while the clock steps back.

    `random(n)` gives n random bytes (`os.urandom`). An id that would not grow takes the next microsecond instead.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._last = -1

    def next(self, now_us: int) -> str:
        """The next id, made at the instant `now_us`."""
        self._last = max(now_us, self._last + 1)
        return uuid7(self._last, self._random(RANDOM_BYTES))
