"""Clocks and timers: one heap of moments, one wake-up of the event loop at a time."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    def now(self) -> int:
        """The time on the wall in microseconds since 1970 UTC. It may jump, also backwards."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, on the scale of the event loop's `time()`."""
        ...


class SystemClock:
    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()
