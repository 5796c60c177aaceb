"""Watches the schedules: a heap with each dag's next due time, one timer for the earliest.

Every due time up to a dag's *watermark* has been decided: a run was made for it or it was passed over. The watermark
moves in the same transaction that makes the run, so a due time makes at most one run, whatever happens to the program
or to the clock: set back, it only makes the next due time later.

A due time is *missed* when it passed while no scheduler ran, or more than `MISFIRE_GRACE` ago (the machine slept, the
clock was set). The dag's `catchup` decides: `none` passes all of them over, `latest` makes a run for the last one,
`all` makes one for each in order, the next whenever there is room for an active run, so that a long outage neither
floods the queue nor the database.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from ppacer import spec
from ppacer.core.model import WatchedUntil
from ppacer.core.plan import DagPlan
from ppacer.core.schedule import DagClock
from ppacer.localtime import local_time
from ppacer.services.commits import Commits
from ppacer.services.timers import Clock, Timers

MISFIRE_GRACE: Final = 60_000_000
"""How late a due time may be noticed, in microseconds, and still count as noticed in time."""

LOOK_AGAIN: Final = 30.0
"""The longest sleep in seconds: timers run on a clock that does not notice when that on the wall is set."""

_log = logging.getLogger("ppacer")


@dataclass(slots=True)
class _Watched:
    plan: DagPlan
    clock: DagClock
    watermark: int
    next_due: int | None = None
    behind: bool = False


class DagRunWatcher:
    """Makes the scheduled runs. `make_run` makes one, within the turn; `has_room` says whether one more could start."""

    def __init__(
        self,
        commits: Commits,
        timers: Timers,
        clock: Clock,
        *,
        turn: Callable[[], AbstractContextManager[None]],
        make_run: Callable[[DagPlan, int], None],
        has_room: Callable[[DagPlan], bool],
    ) -> None:
        self._commits = commits
        self._timers = timers
        self._clock = clock
        self._turn = turn
        self._make_run = make_run
        self._has_room = has_room
        self._dags: dict[str, _Watched] = {}
        self._heap: list[tuple[int, str]] = []
        self._alarm: asyncio.TimerHandle | None = None

    def watch(self, plans: Mapping[str, DagPlan], watermarks: Mapping[str, int], since: int) -> None:
        """Starts watching, within a turn: what was due up to `since` was missed, what comes later is waited for."""
        for dag_id, plan in plans.items():
            if not plan.dag.schedules:
                continue
            try:
                clock = DagClock(plan.dag)
            except ValueError as error:
                _log.error("dag %s (%s) will not run by itself: %s", dag_id, plan.place(plan.dag.at), error)
                continue
            watched = self._dags[dag_id] = _Watched(plan, clock, watermarks[dag_id])
            self._look_ahead(watched, since)
        self._arm()

    def next_due(self, dag_id: str) -> int | None:
        """The dag's next due time that has not been decided; none if it has none or is not watched."""
        watched = self._dags.get(dag_id)
        return None if watched is None else watched.next_due

    def room(self, dag_id: str) -> None:
        """A run of the dag has ended: one that is behind may go on, within the turn."""
        watched = self._dags.get(dag_id)
        if watched is not None and watched.behind:
            self._catch_up(watched)
            self._arm()

    def _look_ahead(self, watched: _Watched, missed_until: int) -> None:
        """Finds the next due time and, if it was missed, does what `catchup` says."""
        due = watched.next_due = watched.clock.next(watched.watermark)
        if due is not None and due <= missed_until:
            self._pass_over(watched, due, missed_until)
        elif due is not None:
            heapq.heappush(self._heap, (due, watched.plan.dag.id))

    def _pass_over(self, watched: _Watched, first: int, missed_until: int) -> None:
        dag = watched.plan.dag
        since = local_time(first, seconds=True)
        match dag.catchup:
            case spec.Catchup.NONE:
                _log.info("%s: due times were missed since %s and are passed over", dag.id, since)
                self._decide(watched, missed_until)
            case spec.Catchup.LATEST:
                _log.info("%s: due times were missed since %s, the latest is run", dag.id, since)
                last = watched.clock.last(watched.watermark, missed_until) or first
                self._make_run(watched.plan, last)
                self._decide(watched, last)
            case spec.Catchup.ALL:
                _log.info("%s: due times were missed since %s and are caught up", dag.id, since)
                watched.behind = True
                self._catch_up(watched)
                return
        self._await_next(watched)

    def _catch_up(self, watched: _Watched) -> None:
        """Makes the runs that were missed, oldest first, as long as one more could start."""
        while (due := watched.next_due) is not None and due <= self._clock.now():
            if not self._has_room(watched.plan):
                return
            self._make_run(watched.plan, due)
            self._decide(watched, due)
            watched.next_due = watched.clock.next(due)
        watched.behind = False
        self._await_next(watched)

    def _decide(self, watched: _Watched, until: int) -> None:
        watched.watermark = until
        self._commits.write([WatchedUntil(watched.plan.dag.id, until)])

    def _await_next(self, watched: _Watched) -> None:
        watched.next_due = watched.clock.next(watched.watermark)
        if watched.next_due is not None:
            heapq.heappush(self._heap, (watched.next_due, watched.plan.dag.id))

    def _arm(self) -> None:
        """Sets the one timer; at the latest it looks again after `LOOK_AGAIN`."""
        if self._alarm is not None:
            self._timers.cancel(self._alarm)
            self._alarm = None
        if self._heap:
            seconds = (self._heap[0][0] - self._clock.now()) / 1_000_000
            self._alarm = self._timers.call_in(min(seconds, LOOK_AGAIN), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        with self._turn():
            now = self._clock.now()
            while self._heap and self._heap[0][0] <= now:
                due, dag_id = heapq.heappop(self._heap)
                watched = self._dags[dag_id]
                if due + MISFIRE_GRACE > now:
                    self._make_run(watched.plan, due)
                    self._decide(watched, due)
                self._look_ahead(watched, now - MISFIRE_GRACE)
        self._arm()
