"""Rescues attempts whose executor has gone silent, and ends those whose code nobody has any more."""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from ppacer.services.executors import Executors
from ppacer.services.ready_queue import Ready
from ppacer.services.registry import Registry
from ppacer.services.timers import Timers

GRAIN: Final = 50
"""Leases end at most this fraction of their term late."""

DEAF: Final = 10
"""An alarm that rings later than by this fraction of the term tells that the program itself has been held up."""

TELL_AFTER: Final = 5.0
"""After how many seconds it is told that an attempt waits for code: at first an executor that has it may be on its way
back to a scheduler that has just started."""

_log = logging.getLogger("ppacer")


class Leases:
    """The leases of all running attempts: a heap of deadlines, in which a renewal costs nothing.

    None ends before `begin`. A scheduler that could hear nobody for a while (it was suspended, say) grants a full term
    to all, as one that has just started does: the renewals that came meanwhile are still to be read.
    """

    def __init__(
        self,
        timers: Timers,
        *,
        turn: Callable[[], AbstractContextManager[None]],
        lease: float,
        expired: Callable[[str], None],
    ) -> None:
        self._timers = timers
        self._turn = turn
        self._lease = lease
        self._expired = expired
        self._deadlines: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._standing: set[str] = set()
        self._alarm: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._begun = False

    def __len__(self) -> int:
        return len(self._deadlines)

    def begin(self) -> None:
        """From now on the scheduler can be heard: a full term is granted to all that are watched by now."""
        self._begun = True
        self._grant_all()
        self._arm()

    def watch(self, attempt_id: str) -> None:
        """Grants a full term from now on, to a new attempt or an old one."""
        deadline = self._deadlines[attempt_id] = self._timers.time() + self._lease
        if attempt_id not in self._standing:  # another part of an attempt that waited may find its entry there still
            self._push(deadline, attempt_id)
            self._arm()

    def forget(self, attempt_id: str) -> None:
        self._deadlines.pop(attempt_id, None)

    def left(self, attempt_ids: Iterable[str]) -> float | None:
        """In how many seconds the first of these leases ends unless it is renewed; none where there are none."""
        deadlines = [self._deadlines[each] for each in attempt_ids if each in self._deadlines]
        return max(0.0, min(deadlines) - self._timers.time()) if deadlines else None

    def _arm(self) -> None:
        """Wakes for the earliest deadline, but not for each one of many: a lease may end a little late."""
        while self._heap and self._heap[0][1] not in self._deadlines:
            self._pop()
        if self._begun and self._alarm is None and self._heap:
            now = self._timers.time()
            self._rings_at = max(self._heap[0][0], now + self._lease / GRAIN)
            self._alarm = self._timers.call_in(self._rings_at - now, self._ring)

    def _ring(self) -> None:
        """An entry of the heap is at or before its attempt's deadline: renewed ones go back with their new one."""
        self._alarm = None
        now = self._timers.time()
        if now - self._rings_at > self._lease / DEAF:
            self._grant_all()
        over: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            attempt_id = self._pop()
            deadline = self._deadlines.get(attempt_id)
            if deadline is not None and deadline > now:
                self._push(deadline, attempt_id)
            elif deadline is not None:
                over.append(attempt_id)
        if over:
            with self._turn():
                for attempt_id in over:
                    if attempt_id in self._deadlines:  # the end of another may have been its end
                        self._expired(attempt_id)
        self._arm()

    def _grant_all(self) -> None:
        self._deadlines = dict.fromkeys(self._deadlines, self._timers.time() + self._lease)

    def _push(self, deadline: float, attempt_id: str) -> None:
        """Each attempt has one entry at most, or its lease would end twice."""
        self._standing.add(attempt_id)
        heapq.heappush(self._heap, (deadline, attempt_id))

    def _pop(self) -> str:
        _, attempt_id = heapq.heappop(self._heap)
        self._standing.discard(attempt_id)
        return attempt_id


class CodeWatch:
    """Attempts on offer whose code this program does not have: they wait `grace` seconds for an executor that does."""

    def __init__(
        self,
        registry: Registry,
        executors: Executors,
        timers: Timers,
        *,
        turn: Callable[[], AbstractContextManager[None]],
        grace: float,
        gone: Callable[[str], None],
    ) -> None:
        self._registry = registry
        self._executors = executors
        self._timers = timers
        self._turn = turn
        self._grace = grace
        self._gone = gone
        self._missing: dict[tuple[str, str], _Missing] = {}

    def offered(self, ready: Ready) -> None:
        key = (ready.task.callable, ready.attempt.code)
        if self._registry.has_code(*key):
            return
        missing = self._missing.get(key)
        if missing is None:
            missing = self._missing[key] = _Missing(self._timers.time())
            self._timers.call_in(min(TELL_AFTER, self._grace), lambda: self._tell(key))
            self._timers.call_in(self._grace, lambda: self._look(key))
        elif not missing.attempts:
            missing.since = self._timers.time()
        missing.attempts[ready.attempt.id] = None

    def taken(self, ready: Ready) -> None:
        missing = self._missing.get((ready.task.callable, ready.attempt.code))
        if missing is not None:
            missing.attempts.pop(ready.attempt.id, None)

    def _tell(self, key: tuple[str, str]) -> None:
        missing = self._missing.get(key)
        if missing is not None and missing.attempts and self._executors.code_seen(*key) is None:
            callable_id, _ = key
            _log.warning(
                "a run of an earlier build waits for its code of %s, which no executor has: it fails in %g s unless "
                "the program of that build is started as `executor`",
                *(callable_id, max(0.0, self._grace - TELL_AFTER)),
            )

    def _look(self, key: tuple[str, str]) -> None:
        """Gives up what waits for this code, or looks again when that could be right."""
        missing = self._missing[key]
        if not missing.attempts:
            del self._missing[key]
            return
        seen = self._executors.code_seen(*key)
        since = missing.since if seen is None else max(missing.since, seen)
        silent = self._timers.time() - since
        if silent < self._grace:
            self._timers.call_in(self._grace - silent, lambda: self._look(key))
            return
        del self._missing[key]
        with self._turn():
            for attempt_id in missing.attempts:
                self._gone(attempt_id)


@dataclass(slots=True)
class _Missing:
    """Attempts that wait for code, and since when there have been any."""

    since: float
    attempts: dict[str, None] = field(default_factory=dict)
