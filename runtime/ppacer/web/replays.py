"""Answers to changes that were asked for with an `Idempotency-Key`: asked again, they are given again.

They are kept in memory, for a day at most; a program that was restarted has forgotten them. Runs that were triggered
are known by their key for as long as they are kept: see `ppacer.services.operations`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

KEPT_SECONDS = 24 * 3600.0
MOST_KEPT = 10_000
"""How many answers are kept; the oldest goes first."""


class OtherRequest(Exception):
    """The key was given with another request before."""


@dataclass(frozen=True, slots=True)
class _Kept:
    fingerprint: str
    answer: asyncio.Future[bytes]
    until: float


class Replays:
    """`now` counts seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def once(self, key: tuple[str, str], fingerprint: str, do: Callable[[], Awaitable[bytes]]) -> bytes:
        """What `do` answers, or answered when the key was given first; whoever asks meanwhile waits for it.

        What `do` raises is raised to all who wait, and not kept. Raises `OtherRequest`.
        """
        kept = self._find(key)
        if kept is not None:
            if kept.fingerprint != fingerprint:
                raise OtherRequest
            return await asyncio.shield(kept.answer)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._kept[key] = _Kept(fingerprint, answer, self._now() + KEPT_SECONDS)
        try:
            found = await do()
        except BaseException as error:
            del self._kept[key]
            answer.set_exception(error)
            answer.exception()  # whoever waits is told; nobody may
            raise
        answer.set_result(found)
        return found

    def _find(self, key: tuple[str, str]) -> _Kept | None:
        """What is kept for the key; what is over, or too much, is forgotten."""
        while self._kept:
            oldest, kept = next(iter(self._kept.items()))
            if not kept.answer.done() or (kept.until > self._now() and len(self._kept) < MOST_KEPT):
                break
            del self._kept[oldest]
        return self._kept.get(key)
