"""Calls at times on the wall clock: two heaps and one timer, however many wait.

Timers run on a clock that does not notice when that on the wall is set. So it is looked at now and then: set forward,
what has become due rings within `LOOK_AGAIN`; set back, an alarm still rings no later than after the time that it was
to wait when it was set.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Final

from ppacer.services.timers import Clock, Timers

LOOK_AGAIN: Final = 30.0
"""The longest sleep in seconds."""


@dataclass(frozen=True, slots=True)
class _Alarm:
    group: str
    at: int
    call: Callable[[int], None]


class Alarms:
    """`ring` calls what is due, each once: with the time, which is never before the one that was asked for."""

    def __init__(self, timers: Timers, clock: Clock) -> None:
        self._timers = timers
        self._clock = clock
        self._alarms: dict[int, _Alarm] = {}
        self._groups: dict[str, set[int]] = {}
        self._by_wall: list[tuple[int, int]] = []
        self._by_patience: list[tuple[float, int]] = []
        self._numbers = count()
        self._handle: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    def __len__(self) -> int:
        return len(self._alarms)

    def set(self, group: str, at: int, within: int, call: Callable[[int], None]) -> None:
        """Calls at `at` on the wall clock, and in no more than `within` microseconds; `drop` of the group ends it."""
        number = next(self._numbers)
        self._alarms[number] = _Alarm(group, at, call)
        self._groups.setdefault(group, set()).add(number)
        heapq.heappush(self._by_wall, (at, number))
        heapq.heappush(self._by_patience, (self._timers.time() + within / 1_000_000, number))
        self._arm()

    def drop(self, group: str) -> None:
        """Forgets all alarms of a group."""
        for number in self._groups.pop(group, ()):
            del self._alarms[number]

    def _arm(self) -> None:
        """One timer for the first of all, moved only when an earlier one comes."""
        self._forget_dropped()
        if not self._alarms:
            return
        now = self._timers.time()
        wall = (self._by_wall[0][0] - self._clock.now()) / 1_000_000
        wait = min(wall, self._by_patience[0][0] - now, LOOK_AGAIN)
        if self._handle is not None:
            if self._rings_at <= now + wait:
                return
            self._timers.cancel(self._handle)
        self._rings_at = now + max(0.0, wait)
        self._handle = self._timers.call_in(wait, self._ring)

    def _ring(self) -> None:
        self._handle = None
        now, patience = self._clock.now(), self._timers.time()
        due: dict[int, None] = {}
        while self._by_wall and self._by_wall[0][0] <= now:
            due[heapq.heappop(self._by_wall)[1]] = None
        while self._by_patience and self._by_patience[0][0] <= patience:
            due[heapq.heappop(self._by_patience)[1]] = None
        for number in due:
            alarm = self._alarms.pop(number, None)
            if alarm is None:
                continue
            group = self._groups[alarm.group]
            group.discard(number)
            if not group:
                del self._groups[alarm.group]
            alarm.call(max(now, alarm.at))
        self._arm()

    def _forget_dropped(self) -> None:
        """Takes away what has rung or been dropped where it stands first, and everywhere once that is most."""
        while self._by_wall and self._by_wall[0][1] not in self._alarms:
            heapq.heappop(self._by_wall)
        while self._by_patience and self._by_patience[0][1] not in self._alarms:
            heapq.heappop(self._by_patience)
        if len(self._by_wall) > 2 * len(self._alarms) + 64:
            self._by_wall = [entry for entry in self._by_wall if entry[1] in self._alarms]
            heapq.heapify(self._by_wall)
        if len(self._by_patience) > 2 * len(self._alarms) + 64:
            self._by_patience = [entry for entry in self._by_patience if entry[1] in self._alarms]
            heapq.heapify(self._by_patience)
