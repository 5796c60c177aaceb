"""The clock on the wall, and timers that end together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """The time on the wall in microseconds since 1970 UTC. It may jump, also backwards."""
        ...


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1000


class Timers:
    """Calls in the future, on the event loop's own (monotonic) clock and heap."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handles: set[asyncio.TimerHandle] = set()

    def time(self) -> float:
        """Seconds that only grow."""
        return self._loop.time()

    def call_in(self, seconds: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Calls once, in so many seconds, unless the handle is cancelled or the timers are closed before."""

        def fire() -> None:
            self._handles.discard(handle)
            call()

        handle = self._loop.call_later(max(0.0, seconds), fire)
        self._handles.add(handle)
        return handle

    def cancel(self, handle: asyncio.TimerHandle) -> None:
        self._handles.discard(handle)
        handle.cancel()

    def close(self) -> None:
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
