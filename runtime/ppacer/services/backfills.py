"""Backfills: runs for the due times of a range that have none.

Runs are made one after the other, oldest due time first: the next when fewer than `parallel` of the backfill's own are
under way and the dag has room, which its scheduled runs have before it. How far it has come is recorded in the
transaction that makes a run, so a backfill goes on after a restart, with the schedule and the settings of the program
that starts then.

Which due times have a run is read from the database a chunk at a time. Only the watcher of the schedules makes others:
for due times after its watermark. So what stands between the watermark as it was before the reading and the one that it
has reached since is read once more, and the watcher is told of runs that are made beyond its watermark.
"""

from __future__ import annotations

import asyncio
import logging
from array import array
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Protocol

from ppacer import spec
from ppacer.core import codec
from ppacer.core.instants import iso, zone
from ppacer.core.model import Backfill, BackfillStatus, DagEventKind, InsertBackfill, Run, RunKind, UpdateBackfill
from ppacer.core.plan import DagPlan
from ppacer.records import replace
from ppacer.services.changes import dag_topic
from ppacer.services.commits import Commits
from ppacer.services.custom_schedules import ASK_AGAIN_SECONDS, CustomSchedules, ScheduleProblem
from ppacer.services.dag_run_watcher import DagRunWatcher, Tell
from ppacer.services.due_range import DueRange, due_range
from ppacer.services.errors import InvalidTrigger, NotPossible, SchedulerUnavailable, UnknownBackfill
from ppacer.services.journal import Journal
from ppacer.services.run_queue import RunQueue
from ppacer.services.timers import Clock, Timers
from ppacer.store.errors import StoreError
from ppacer.store.store import Store

MOST_DUE_TIMES: Final = 100_000
"""How many due times one backfill may be for."""

CHUNK: Final = 200
"""For how many due times at once it is read whether they have a run."""

TRY_AGAIN: Final = 5.0
"""Seconds until what could not be read is read again."""

ACTOR: Final = "scheduler"
"""The actor of what nobody asked for."""

_log = logging.getLogger("ppacer")


class Prepare(Protocol):
    def __call__(
        self, plan: DagPlan, row: Backfill, due: int, previous_at: int | None, given: Mapping[str, object]
    ) -> Callable[[], Run]:
        """What makes the run of a due time, within a turn; nothing has changed before. Raises `InvalidTrigger`."""
        ...


@dataclass(slots=True, eq=False)
class _Open:
    """A backfill that still makes runs. `times` are its due times, none while they are not known; those before `done`
    have been decided. `chunk` holds the next of them, each with whether it has a run, as was true while the watermark
    was `watermark`; `elsewhere` are those for which other backfills have made one since. `active` are its runs that
    have not ended."""

    row: Backfill
    plan: DagPlan
    given: Mapping[str, object]
    times: array[int] | None = None
    previous: int | None = None
    done: int = 0
    chunk: deque[tuple[int, bool]] = field(default_factory=deque)
    watermark: int | None = None
    elsewhere: set[int] = field(default_factory=set)
    reading: bool = False
    active: set[str] = field(default_factory=set)

    def coming(self) -> array[int]:
        """The due times that are next; there is one at least."""
        assert self.times is not None
        return self.times[self.done : self.done + CHUNK]


class Backfills:
    """`prepare` prepares a run, `cancel_run` asks one to end, `tell` adds to a dag's history."""

    def __init__(
        self,
        commits: Commits,
        journal: Journal,
        store: Store,
        *,
        timers: Timers,
        clock: Clock,
        queue: RunQueue,
        watcher: DagRunWatcher,
        custom: CustomSchedules,
        turn: Callable[[], AbstractContextManager[None]],
        prepare: Prepare,
        cancel_run: Callable[[str, str], object],
        tell: Tell,
        new_id: Callable[[int], str],
    ) -> None:
        self._commits = commits
        self._journal = journal
        self._store = store
        self._timers = timers
        self._clock = clock
        self._queue = queue
        self._watcher = watcher
        self._custom = custom
        self._turn = turn
        self._prepare = prepare
        self._cancel_run = cancel_run
        self._tell = tell
        self._new_id = new_id
        self._open: dict[str, dict[str, _Open]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(
        self, plan: DagPlan, from_at: int, until_at: int, *, parallel: int, params: Mapping[str, object], actor: str
    ) -> Backfill:
        """Begins a backfill for the due times from `from_at` to before `until_at`, as far as they have passed.

        Raises `InvalidTrigger`, `NotPossible`, `SchedulerUnavailable`.
        """
        dag = plan.dag
        if parallel < 1:
            raise InvalidTrigger("at least one run of a backfill has to be active at once", "parallel")
        if not dag.schedules:
            raise InvalidTrigger(f"dag {dag.id} has no schedule, so no due times: trigger it", "dag")
        now = self._clock.now()
        until_at = min(until_at, now + 1)
        if from_at >= until_at:
            raise InvalidTrigger(f"no due time of dag {dag.id} in that range has passed", "until_at")
        found = await self._due_times(dag, from_at, until_at)
        if isinstance(found, ScheduleProblem):
            raise InvalidTrigger(found.message, "dag")
        times = found.times
        if not times:
            raise InvalidTrigger(f"no due time of dag {dag.id} in that range has passed", "until_at")
        if len(times) > MOST_DUE_TIMES:
            raise InvalidTrigger(f"the range has more than {MOST_DUE_TIMES:,} due times: give parts of it", "until_at")
        self._check_apart(dag, from_at, until_at)
        row = Backfill(
            id=self._new_id(now),
            dag=dag.id,
            actor=actor,
            created_at=now,
            from_at=from_at,
            until_at=until_at,
            parallel=parallel,
            status=BackfillStatus.RUNNING,
            next_after=from_at - 1,
            total=len(times),
            params=_params_text(params),
        )
        self._prepare(plan, row, times[0], found.previous, params)  # what is wrong with the parameters is told at once
        backfill = _Open(row, plan, params, times, found.previous)
        with self._turn():
            self._commits.write([InsertBackfill(row)])
            span = {"from": from_at, "until": until_at}
            self._tell(
                dag.id, DagEventKind.BACKFILL_STARTED, actor, id=row.id, **span, total=row.total, parallel=parallel
            )
            self._open.setdefault(dag.id, {})[row.id] = backfill
            self._read_on(backfill)
        await self._commits.settled()
        return row

    async def cancel(self, backfill_id: str, *, actor: str) -> Backfill:
        """Makes no more runs, and asks those under way to end. Raises `UnknownBackfill`, `NotPossible`,
        `SchedulerUnavailable`."""
        backfill = next((of[backfill_id] for of in self._open.values() if backfill_id in of), None)
        if backfill is None:
            try:
                row = await self._journal.read(self._store.backfill, backfill_id)
            except StoreError as error:
                raise SchedulerUnavailable(f"nothing can be looked up at the moment: {error}") from error
            if row is None:
                raise UnknownBackfill(f"there is no backfill {backfill_id}")
            if not row.status.terminal:
                raise NotPossible(f"backfill {backfill_id} ends at the next start: there is no dag {row.dag} any more")
            raise NotPossible(f"backfill {backfill_id} has ended already: {row.status}")
        with self._turn():
            self._end(backfill, BackfillStatus.CANCELLED, actor)
            for run_id in sorted(backfill.active):
                self._cancel_run(run_id, actor)
        await self._commits.settled()
        return backfill.row

    def restore(
        self, rows: Iterable[Backfill], plans: Mapping[str, DagPlan], runs: Iterable[Run], *, go_on: bool = True
    ) -> None:
        """Takes backfills over from the database, within a turn, and goes on with them, unless that is left to a later
        start. `runs` are those that have not ended, of any kind."""
        active: dict[str, set[str]] = {}
        for run in runs:
            if run.backfill is not None:
                active.setdefault(run.backfill, set()).add(run.id)
        for row in rows:
            plan = plans.get(row.dag)
            if plan is None and not go_on:
                continue
            if plan is None:
                ended = replace(row, status=BackfillStatus.CANCELLED, finished_at=self._clock.now())
                self._commits.write([UpdateBackfill(ended, row.status)])
                reason = "the program has no such dag any more"
                self._tell(row.dag, DagEventKind.BACKFILL_CANCELLED, ACTOR, id=row.id, made=row.made, reason=reason)
                continue
            given = codec.decode(row.params)
            backfill = _Open(row, plan, given if isinstance(given, dict) else {}, active=active.get(row.id, set()))
            self._open.setdefault(row.dag, {})[row.id] = backfill
            if go_on:
                self._go_on_with(backfill)

    def ended(self, run: Run) -> None:
        """A run has ended, of a backfill or not: there may be room. Belongs into a turn."""
        for backfill in list(self._open.get(run.dag, {}).values()):
            backfill.active.discard(run.id)
            self._advance(backfill)

    def reopened(self, run: Run) -> None:
        """A run that had ended is under way again."""
        backfill = self._open.get(run.dag, {}).get(run.backfill or "")
        if backfill is not None:
            backfill.active.add(run.id)

    def close(self) -> None:
        """Reads and works out nothing more."""
        for task in self._tasks:
            task.cancel()

    # --- due times ---------------------------------------------------------------------------------------------------

    async def _due_times(self, dag: spec.Dag, from_at: int, until_at: int) -> DueRange | ScheduleProblem:
        """Raises `InvalidTrigger`."""
        try:
            return await due_range(dag, from_at, until_at, self._custom, MOST_DUE_TIMES)
        except ValueError as error:
            raise InvalidTrigger(f"the schedule of dag {dag.id} does not work: {error}", "dag") from error

    def _go_on_with(self, backfill: _Open) -> None:
        self._run(self._recall(backfill))

    async def _recall(self, backfill: _Open) -> None:
        """Works out what a backfill from before a restart has left to do."""
        row, dag = backfill.row, backfill.plan.dag
        found: DueRange | ScheduleProblem | InvalidTrigger
        try:
            found = await self._due_times(dag, row.next_after + 1, row.until_at)
        except InvalidTrigger as error:
            found = error
        if backfill.row.status.terminal:  # cancelled meanwhile
            return
        if isinstance(found, InvalidTrigger):
            with self._turn():
                self._end(backfill, BackfillStatus.CANCELLED, ACTOR, reason=str(found))
            return
        if isinstance(found, ScheduleProblem):
            _log.error("the backfill of dag %s waits: %s", dag.id, found.message)
            self._timers.call_in(ASK_AGAIN_SECONDS, lambda: self._go_on_with(backfill))
            return
        with self._turn():
            backfill.times, backfill.previous = found.times, found.previous
            if len(found.times) > MOST_DUE_TIMES:
                reason = f"by the schedule of now it is for more than {MOST_DUE_TIMES:,} due times"
                self._end(backfill, BackfillStatus.CANCELLED, ACTOR, reason=reason)
                return
            total = row.made + row.passed_over + len(found.times)
            backfill.row = replace(row, total=total)  # another program may have another schedule
            self._advance(backfill)

    def _check_apart(self, dag: spec.Dag, from_at: int, until_at: int) -> None:
        for other in self._open.get(dag.id, {}).values():
            row = other.row
            if from_at < row.until_at and row.from_at < until_at:
                tz = zone(dag.timezone)
                span = f"{iso(row.from_at, tz)} to {iso(row.until_at, tz)}"
                raise NotPossible(
                    f"backfill {row.id} of dag {dag.id} is at work from {span}: wait for its end, cancel it, or give "
                    "another range"
                )

    # --- making runs -------------------------------------------------------------------------------------------------

    def _read_on(self, backfill: _Open) -> None:
        if not backfill.reading:
            backfill.reading = True
            self._run(self._read(backfill))

    async def _read(self, backfill: _Open) -> None:
        """Finds out which of the next due times have a run."""
        dag_id, times = backfill.row.dag, backfill.coming()
        watermark = self._watcher.watermark(dag_id)
        backfill.elsewhere.clear()
        try:
            await self._commits.settled()
            made = set(await self._journal.read(self._store.due_times, dag_id, times[0], times[-1] + 1))
        except StoreError as error:
            _log.error("the backfill of dag %s waits: %s", dag_id, error)
            backfill.reading = False
            self._timers.call_in(TRY_AGAIN, lambda: self._read_on(backfill))
            return
        except SchedulerUnavailable:  # all that is in memory is given up, this too
            return
        with self._turn():
            backfill.reading = False
            backfill.watermark = watermark
            backfill.chunk = deque((due, due in made) for due in times)
            self._advance(backfill)

    def _advance(self, backfill: _Open) -> None:
        """Makes the runs for which there is room now."""
        times = backfill.times
        if times is None or backfill.row.status.terminal:
            return
        before = backfill.row
        watermark = self._watcher.watermark(before.dag)
        while backfill.chunk:
            due, has_run = backfill.chunk[0]
            has_run = has_run or due in backfill.elsewhere
            if backfill.watermark is not None and watermark is not None and backfill.watermark < due <= watermark:
                backfill.chunk.clear()
                break
            if not has_run and not self._has_room(backfill):
                break
            backfill.chunk.popleft()
            made = not has_run and self._make(backfill, due)
            row = backfill.row
            backfill.row = replace(row, next_after=due, made=row.made + made, passed_over=row.passed_over + (not made))
            backfill.previous = due
            backfill.done += 1
        if backfill.row != before:
            self._commits.write([UpdateBackfill(backfill.row, before.status)])
            self._commits.announce(dag_topic(before.dag))
        if backfill.done == len(times):
            if not backfill.active:
                self._end(backfill, BackfillStatus.DONE, ACTOR)
        elif not backfill.chunk:
            self._read_on(backfill)

    def _has_room(self, backfill: _Open) -> bool:
        of_its_own = len(backfill.active) < backfill.row.parallel
        return of_its_own and self._queue.has_room(backfill.plan, RunKind.BACKFILL)

    def _make(self, backfill: _Open, due: int) -> bool:
        """Makes the run of a due time; false, and why is told, if that cannot be."""
        row, plan = backfill.row, backfill.plan
        try:
            make = self._prepare(plan, row, due, backfill.previous, backfill.given)
        except InvalidTrigger as error:
            _log.error("the backfill of dag %s makes no run for a due time: %s", row.dag, error)
            self._tell(row.dag, DagEventKind.DUE_SKIPPED, row.actor, due=due, reason=str(error), backfill=row.id)
            return False
        backfill.active.add(make().id)
        for other in self._open[row.dag].values():
            other.elsewhere.add(due)
        self._watcher.backfilled(row.dag, due)
        return True

    def _end(self, backfill: _Open, status: BackfillStatus, actor: str, **more: object) -> None:
        before = backfill.row
        row = backfill.row = replace(before, status=status, finished_at=self._clock.now())
        self._commits.write([UpdateBackfill(row, before.status)])
        self._commits.announce(dag_topic(row.dag))
        kind = DagEventKind.BACKFILL_FINISHED if status is BackfillStatus.DONE else DagEventKind.BACKFILL_CANCELLED
        self._tell(row.dag, kind, actor, id=row.id, made=row.made, passed_over=row.passed_over, **more)
        del self._open[row.dag][row.id]
        if not self._open[row.dag]:
            del self._open[row.dag]

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)

    def _ended_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a backfill stands still until the next start", exc_info=error)


def _params_text(params: Mapping[str, object]) -> str:
    """The JSON of what was given. Raises `InvalidTrigger`."""
    try:
        return codec.encode(dict(params))
    except codec.CodecError as error:
        raise InvalidTrigger(f"the parameters have no JSON: {error}", "params") from error
