"""Watches the schedules: a heap with each dag's next due time, one timer for the earliest.

Every due time up to a dag's *watermark* has been decided: a run was made for it, or none, which then the dag's history
tells. The watermark moves in the same transaction, so a due time makes at most one run, whatever happens to the program
or to the clock: set back, it only makes the next due time later.

A due time that comes makes its run at once. Where no further run may be active, `overlap` decides: its run waits
(`queue`), none is made (`skip`), or its run waits while the oldest ones are cancelled (`cancel_running`).

A due time was *missed* if it passed while no scheduler ran or while the dag was paused, or is noticed more than
`MISFIRE_GRACE` late (the machine slept, the clock was set). `catchup` decides on all that were missed together: `none`
passes them over, `latest` makes a run for the last one, `all` makes one for each in order, the next whenever there is
room for an active run.

A due time after the watermark may have a run all the same, of a backfill: there is nothing left to decide then.

So a long outage floods neither the queue nor the database. A dag that is paused decides nothing: what was due meanwhile
was missed when it is resumed. A schedule written in Python is asked in a worker, and nobody waits for its answer; what
comes due before it arrives is decided then. One that does not answer is the dag's problem, and asked again.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from ppacer import spec
from ppacer.core.custom_times import Answer, Answers, Question, Unasked
from ppacer.core.model import DagEventKind, RunKind, WatchedUntil
from ppacer.core.plan import DagPlan
from ppacer.core.schedule import DagClock
from ppacer.localtime import local_time
from ppacer.services.changes import dag_topic
from ppacer.services.commits import Commits
from ppacer.services.custom_schedules import ASK_AGAIN_SECONDS, ScheduleProblem
from ppacer.services.dag_rows import DagRows
from ppacer.services.run_queue import RunQueue
from ppacer.services.timers import Clock, Timers

SCHEDULE: Final = "schedule"
"""The actor of scheduled runs, and of what is done to make room for them."""

MISFIRE_GRACE: Final = 60_000_000
"""How late a due time may be noticed, in microseconds, and still count as noticed in time."""

LOOK_AGAIN: Final = 30.0
"""The longest sleep in seconds: timers run on a clock that does not notice when that on the wall is set."""

MOST_WAITING: Final = 1_000
"""How many runs of a dag may wait for their turn and one more still be made for a due time."""

MOST_COUNTED: Final = 1_000
"""Up to how many missed due times of several schedules are counted; those of one are always."""

_log = logging.getLogger("ppacer")


class Tell(Protocol):
    def __call__(self, dag_id: str, kind: DagEventKind, actor: str, **payload: object) -> None:
        """Adds to a dag's history."""


@dataclass(slots=True, eq=False)
class _Watched:
    """`missed_until`: what was due by then was missed, however little time has passed since. `backfilled`: a heap of
    times after the watermark that have a run. `behind`: it waits for room to make runs for what was missed. `rings_at`:
    where it stands in the heap. `asking`: it waits for an answer."""

    plan: DagPlan
    clock: DagClock
    answers: Answers
    watermark: int
    missed_until: int
    paused: bool
    backfilled: list[int]
    next_due: int | None = None
    behind: bool = False
    rings_at: int | None = None
    asking: bool = False
    problem: str | None = None


class DagRunWatcher:
    """All methods belong into a turn, except those that only tell something, and `close`.

    `make_run` makes the run of a due time, `make_way` cancels what keeps one more run from starting, `ask` puts a
    question to a schedule written in Python.
    """

    def __init__(
        self,
        commits: Commits,
        timers: Timers,
        clock: Clock,
        queue: RunQueue,
        *,
        turn: Callable[[], AbstractContextManager[None]],
        make_run: Callable[[DagPlan, int], None],
        make_way: Callable[[DagPlan], None],
        tell: Tell,
        ask: Callable[[Question], Awaitable[Answer | ScheduleProblem]],
    ) -> None:
        self._commits = commits
        self._timers = timers
        self._clock = clock
        self._queue = queue
        self._turn = turn
        self._make_run = make_run
        self._make_way = make_way
        self._tell = tell
        self._ask_worker = ask
        self._dags: dict[str, _Watched] = {}
        self._refused: dict[str, str] = {}
        self._heap: list[tuple[int, str]] = []
        self._alarm: asyncio.TimerHandle | None = None
        self._questions: set[asyncio.Future[None]] = set()

    def watch(
        self,
        plans: Mapping[str, DagPlan],
        rows: DagRows,
        last_scheduled: Mapping[str, int],
        since: int,
        backfilled: Mapping[str, Iterable[int]] = MappingProxyType({}),
    ) -> None:
        """Starts watching: what was due up to `since` was missed, what comes later is waited for.

        `last_scheduled` gives the logical time of each dag's last scheduled run, for schedules that ask for it, and
        `backfilled` the logical times after its watermark that have a run already.
        """
        for dag_id, plan in plans.items():
            row = rows.get(dag_id)
            if not plan.dag.schedules or row is None or row.watched_until is None:
                continue
            answers = Answers(last_scheduled.get(dag_id))
            try:
                clock = DagClock(plan.dag, answers)
            except ValueError as error:
                _log.error("dag %s (%s) will not run by itself: %s", dag_id, plan.place(plan.dag.at), error)
                self._refused[dag_id] = str(error)
                continue
            made = sorted(backfilled.get(dag_id, ()))
            watched = _Watched(plan, clock, answers, row.watched_until, since, row.paused, made)
            self._dags[dag_id] = watched
            self._go_on(watched)
        self._arm()

    def pause(self, dag_id: str) -> None:
        """Decides nothing more of the dag."""
        watched = self._dags.get(dag_id)
        if watched is not None:
            watched.paused = True
            watched.next_due = watched.rings_at = None
            self._arm()

    def resume(self, dag_id: str) -> None:
        """Goes on: what was due meanwhile was missed."""
        watched = self._dags.get(dag_id)
        if watched is not None:
            watched.paused = False
            watched.missed_until = max(watched.missed_until, self._clock.now())
            self._go_on(watched)
            self._arm()

    def room(self, dag_id: str) -> None:
        """A run of the dag has ended: one that is behind may go on."""
        watched = self._dags.get(dag_id)
        if watched is not None and watched.behind:
            self._go_on(watched)
            self._arm()

    def backfilled(self, dag_id: str, due: int) -> None:
        """A run has been made for this due time."""
        watched = self._dags.get(dag_id)
        if watched is not None and due > watched.watermark:
            heapq.heappush(watched.backfilled, due)

    def close(self) -> None:
        """Waits for no answer any more."""
        for question in self._questions:
            question.cancel()

    # --- what it tells -----------------------------------------------------------------------------------------------

    def watermark(self, dag_id: str) -> int | None:
        """Up to when the due times of a dag have been decided; none if it is not watched."""
        watched = self._dags.get(dag_id)
        return None if watched is None else watched.watermark

    def next_due(self, dag_id: str) -> int | None:
        """The dag's next due time that has not been decided; none if it has none, is paused or is not watched, and
        while its schedule has not answered."""
        watched = self._dags.get(dag_id)
        return None if watched is None else watched.next_due

    def next_due_overall(self) -> int | None:
        """The earliest of the due times that are waited for."""
        self._forget_moved()
        return self._heap[0][0] if self._heap else None

    def problem(self, dag_id: str) -> str | None:
        """Why the dag's schedule does not work at present, for people."""
        watched = self._dags.get(dag_id)
        return self._refused.get(dag_id) if watched is None else watched.problem

    # --- deciding ----------------------------------------------------------------------------------------------------

    def _go_on(self, watched: _Watched) -> None:
        """Decides what has become due, as far as that can be done now, and stands in the heap for what comes next."""
        if watched.paused or watched.asking:
            return
        try:
            while self._decide_next(watched):
                pass
        except Unasked as unasked:
            self._ask(watched, unasked.question)

    def _decide_next(self, watched: _Watched) -> bool:
        """Decides the next due time if it has come; false if it has not, or has to wait. May raise `Unasked`: nothing
        has changed then."""
        watched.next_due = None
        due = watched.next_due = watched.clock.next(watched.watermark)
        now = self._clock.now()
        if due is None or due > now:
            watched.behind = False
            self._wait_for(watched, due)
            return False
        made = _first_from(watched.backfilled, due)
        if made == due:
            self._decided(watched, due)
            return True
        missed_until = now if watched.behind else max(watched.missed_until, now - MISFIRE_GRACE)
        if due > missed_until:
            self._decide_due(watched, due)
            return True
        if watched.plan.dag.catchup is spec.Catchup.ALL:
            return self._catch_up(watched, due)
        if made is not None and made <= missed_until:
            self._pass_over(watched, due, made - 1)
        elif watched.plan.dag.catchup is spec.Catchup.NONE:
            self._pass_over(watched, due, missed_until)
        else:
            self._run_latest(watched, due, missed_until)
        return True

    def _decide_due(self, watched: _Watched, due: int) -> None:
        plan = watched.plan
        if not self._queue.has_room(plan, RunKind.SCHEDULED):
            waiting = self._queue.queued_of(plan.dag.id)
            if plan.dag.overlap is spec.Overlap.SKIP:
                self._skip(watched, due, "another run was active")
                return
            if plan.dag.overlap is spec.Overlap.CANCEL_RUNNING:
                self._make_way(plan)
            elif waiting >= MOST_WAITING:
                self._skip(watched, due, f"{waiting} runs wait for their turn already")
                return
        self._make_run(plan, due)
        self._decided(watched, due)

    def _skip(self, watched: _Watched, due: int, reason: str) -> None:
        dag_id = watched.plan.dag.id
        _log.info("%s: no run is made for %s: %s", dag_id, local_time(due, seconds=True), reason)
        self._tell(dag_id, DagEventKind.DUE_SKIPPED, SCHEDULE, due=due, reason=reason)
        self._decided(watched, due)

    def _pass_over(self, watched: _Watched, first: int, until: int) -> None:
        last = watched.clock.last(watched.watermark, until) or first
        self._record_missed(watched, first, last)
        self._decided(watched, last)

    def _run_latest(self, watched: _Watched, first: int, missed_until: int) -> None:
        last = watched.clock.last(watched.watermark, missed_until) or first
        before = watched.clock.last(watched.watermark, last - 1)
        if before is not None:
            self._record_missed(watched, first, before)
        self._make_run(watched.plan, last)
        self._decided(watched, last)

    def _record_missed(self, watched: _Watched, first: int, last: int) -> None:
        dag_id = watched.plan.dag.id
        number = watched.clock.count(watched.watermark, last, MOST_COUNTED)
        since, until = local_time(first, seconds=True), local_time(last, seconds=True)
        _log.info("%s: %s due times were missed from %s to %s", dag_id, number or "many", since, until)
        span = {"from": first, "until": last}
        self._tell(dag_id, DagEventKind.DUE_MISSED, SCHEDULE, **span, count=number)

    def _catch_up(self, watched: _Watched, due: int) -> bool:
        if not watched.behind:
            since = local_time(due, seconds=True)
            _log.info("%s: due times were missed since %s and are caught up", watched.plan.dag.id, since)
            watched.behind = True
        if not self._queue.has_room(watched.plan, RunKind.SCHEDULED):
            return False
        self._make_run(watched.plan, due)
        self._decided(watched, due)
        return True

    def _decided(self, watched: _Watched, until: int) -> None:
        watched.watermark = until
        dag_id = watched.plan.dag.id
        self._commits.write([WatchedUntil(dag_id, until)])
        self._commits.announce(dag_topic(dag_id))

    # --- waiting -----------------------------------------------------------------------------------------------------

    def _wait_for(self, watched: _Watched, due: int | None) -> None:
        if due is not None and watched.rings_at != due:
            heapq.heappush(self._heap, (due, watched.plan.dag.id))
        watched.rings_at = due

    def _forget_moved(self) -> None:
        while self._heap and self._dags[self._heap[0][1]].rings_at != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _arm(self) -> None:
        """Sets the one timer; at the latest it looks again after `LOOK_AGAIN`."""
        if self._alarm is not None:
            self._timers.cancel(self._alarm)
            self._alarm = None
        due = self.next_due_overall()
        if due is not None:
            seconds = (due - self._clock.now()) / 1_000_000
            self._alarm = self._timers.call_in(min(seconds, LOOK_AGAIN), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        with self._turn():
            now = self._clock.now()
            while (due := self.next_due_overall()) is not None and due <= now:
                watched = self._dags[heapq.heappop(self._heap)[1]]
                watched.rings_at = None
                self._go_on(watched)
        self._arm()

    # --- schedules written in Python ---------------------------------------------------------------------------------

    def _ask(self, watched: _Watched, question: Question) -> None:
        watched.asking = True
        asked = asyncio.ensure_future(self._learn(watched, question))
        self._questions.add(asked)
        asked.add_done_callback(self._questions.discard)

    async def _learn(self, watched: _Watched, question: Question) -> None:
        try:
            found = await self._ask_worker(question)
        except Exception as error:  # whatever it is, the dag must not stand still for ever, unnoticed
            found = ScheduleProblem(f"the schedule {question.schedule.callable} could not be asked: {error}", "")
            _log.exception("%s: %s", watched.plan.dag.id, found.message)
        with self._turn():
            self._commits.announce(dag_topic(watched.plan.dag.id))
            if isinstance(found, ScheduleProblem):
                self._ask_later(watched, question, found)
            else:
                watched.problem, watched.asking = None, False
                watched.answers.learn(question, found)
                self._go_on(watched)
        self._arm()

    def _ask_later(self, watched: _Watched, question: Question, problem: ScheduleProblem) -> None:
        if watched.problem != problem.message:
            dag = watched.plan.dag
            _log.error("dag %s (%s): %s", dag.id, watched.plan.place(dag.at), problem.detail or problem.message)
        watched.problem = problem.message
        self._timers.call_in(ASK_AGAIN_SECONDS, lambda: self._ask(watched, question))


def _first_from(heap: list[int], least: int) -> int | None:
    """The first of a heap that is not less; those before it are dropped."""
    while heap and heap[0] < least:
        heapq.heappop(heap)
    return heap[0] if heap else None
