"""A watcher of schedules in a world that a test moves on by hand: its time, its runs, what it keeps through a crash."""

from __future__ import annotations

import heapq
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count

from ppacer import spec
from ppacer.core.custom_times import Answer, Question
from ppacer.core.model import DagEventKind, DagRow, Run, RunKind, RunStatus, UpdateDag, WatchedUntil, Write
from ppacer.core.plan import DagPlan
from ppacer.services.custom_schedules import ScheduleProblem
from ppacer.services.dag_rows import DagRows
from ppacer.services.dag_run_watcher import SCHEDULE, DagRunWatcher
from ppacer.services.run_queue import QueuedRun, RunQueue

SECOND = 1_000_000
HOUR = 3600
"""In seconds: what `pass_time` takes."""

AT = spec.At(1, 1)


def at(hour: int, minute: float = 0) -> int:
    """A time of the day on which all of this happens."""
    return round((datetime(2026, 5, 4, tzinfo=UTC).timestamp() + hour * HOUR + minute * 60) * SECOND)


def hours(*numbers: int) -> list[int]:
    return [at(number) for number in numbers]


def hourly(id: str = "d", **settings: object) -> spec.Dag:
    return spec.Dag(id, AT, (), schedules=(spec.Cron("0 * * * *", AT),), **settings)


class Handle:
    """A timer: cancelled or not."""

    def __init__(self) -> None:
        self.cancelled = False


class HandTimers:
    """Timers that ring when the world moves on."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.heap: list[tuple[float, int, Handle, Callable[[], None]]] = []
        self.numbers = count()
        self.rung = 0

    def time(self) -> float:
        return self.seconds

    def call_in(self, seconds: float, call: Callable[[], None]) -> Handle:
        handle = Handle()
        heapq.heappush(self.heap, (self.seconds + max(0.0, seconds), next(self.numbers), handle, call))
        return handle

    def cancel(self, handle: Handle) -> None:
        handle.cancelled = True

    def next_within(self, until: float) -> Callable[[], None] | None:
        """The next call at or before `until`; time has moved to it."""
        while self.heap and self.heap[0][0] <= until:
            at, _, handle, call = heapq.heappop(self.heap)
            if not handle.cancelled:
                self.seconds = max(self.seconds, at)
                self.rung += 1
                return call
        return None


@dataclass
class Told:
    """One entry of a dag's history."""

    dag: str
    kind: DagEventKind
    actor: str
    payload: dict[str, object]


class World:
    """`rows`, `runs` and `told` are what the database keeps; the rest is gone after `crash`."""

    def __init__(
        self, now: int, *dags: spec.Dag, ask: Callable[[Question], Awaitable[Answer | ScheduleProblem]] | None = None
    ) -> None:
        self.plans = {dag.id: DagPlan("b1", dag, {}, {}, ("p.ppd",)) for dag in dags}
        self.rows: dict[str, DagRow] = {dag.id: DagRow(dag.id, "b1", now, now, watched_until=now) for dag in dags}
        self.runs: dict[str, Run] = {}
        self.told: list[Told] = []
        self.ask = ask
        self.shift = now
        self.numbers = count(1)
        self.up = False
        self.failed: Exception | None = None
        """What went wrong in a turn, of a task perhaps, to which nobody listens."""

    # --- time --------------------------------------------------------------------------------------------------------

    def now(self) -> int:
        return self.shift + round(self.timers.seconds * SECOND) if self.up else self.shift

    def set_clock(self, now: int) -> None:
        """Sets the clock on the wall; timers do not notice."""
        self.shift += now - self.now()

    def pass_time(self, seconds: float) -> None:
        """Lets time pass, during which all timers ring."""
        if not self.up:
            self.shift += round(seconds * SECOND)
            return
        until = self.timers.seconds + seconds
        for _ in range(100_000):
            call = self.timers.next_within(until)
            if call is None:
                self.timers.seconds = until
                return
            call()
        raise AssertionError("it rings for ever")

    # --- the scheduler -----------------------------------------------------------------------------------------------

    def start(self, since: int | None = None) -> None:
        """Begins with what the database has."""
        self.timers = HandTimers()
        self.up = True
        self.ended: list[Run] = []
        self.advancing: set[str] = set()
        self.dags = DagRows(self, self._watermark)
        self.dags.load(self.rows.values())
        self.queue = RunQueue(self._started, lambda plan: plan.dag.max_active_runs)
        self.watcher = DagRunWatcher(
            self,
            self.timers,
            self,
            self.queue,
            turn=self.turn,
            make_run=self._make_run,
            make_way=self._make_way,
            tell=self._tell,
            ask=self.ask,
        )
        last = {
            dag_id: max(dues)
            for dag_id in self.plans
            if (
                dues := [
                    run.scheduled_at for run in self.runs.values() if (run.dag, run.kind) == (dag_id, RunKind.SCHEDULED)
                ]
            )
        }
        backfilled = {
            dag_id: [
                run.scheduled_at
                for run in self.runs.values()
                if (run.dag, run.kind) == (dag_id, RunKind.BACKFILL) and run.scheduled_at > (row.watched_until or 0)
            ]
            for dag_id, row in self.rows.items()
        }
        with self.turn():
            for run in sorted(self.runs.values(), key=lambda run: run.id):
                if run.status is RunStatus.RUNNING:
                    self.queue.restore(run)
                elif run.status is RunStatus.QUEUED:
                    self._enqueue(run)
            since = self.now() if since is None else since
            self.watcher.watch(self.plans, self.dags, last, since, backfilled)
            self.loaded()

    def loaded(self) -> None:
        """For what else is there at a start, within its turn."""

    def run_ended(self, run: Run) -> None:
        """For who else wants to know, within the turn."""

    def crash(self) -> None:
        self.watcher.close()
        self.shift = self.now()
        self.up = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        assert self.up
        try:
            yield
            self._follow_up()
        except Exception as error:
            self.failed = error
            raise

    def _follow_up(self) -> None:
        while self.ended or self.advancing:
            while self.ended:
                run = self.ended.pop(0)
                self.queue.ended(run)
                self.advancing.add(run.dag)
                self.watcher.room(run.dag)
                self.run_ended(run)
            if self.advancing:
                self.queue.advance(self.advancing.pop())

    def pause(self, dag_id: str = "d") -> None:
        with self.turn():
            self.watcher.pause(dag_id)
            self.dags.pause(dag_id, paused=True)

    def resume(self, dag_id: str = "d") -> None:
        with self.turn():
            self.dags.pause(dag_id, paused=False)
            self.watcher.resume(dag_id)

    def trigger(self, dag_id: str = "d") -> str:
        with self.turn():
            return self._make(self.plans[dag_id], self.now(), RunKind.MANUAL)

    def backfill(self, due: int, dag_id: str = "d") -> None:
        """Makes the run of a due time, as a backfill does."""
        assert due not in self.dues(dag_id=dag_id), "it has a run already"
        with self.turn():
            self._make(self.plans[dag_id], due, RunKind.BACKFILL)
            self.watcher.backfilled(dag_id, due)

    def end(self, run_id: str) -> None:
        """A run ends, well."""
        with self.turn():
            self._end(run_id, RunStatus.SUCCESS)

    # --- what came of it ---------------------------------------------------------------------------------------------

    def dues(self, status: RunStatus | None = None, dag_id: str = "d") -> list[int]:
        """The due times that have runs."""
        return sorted(
            run.scheduled_at
            for run in self.runs.values()
            if run.dag == dag_id and run.kind is not RunKind.MANUAL and status in (None, run.status)
        )

    def of_kind(self, kind: DagEventKind) -> list[dict[str, object]]:
        return [told.payload for told in self.told if told.kind is kind]

    def missed(self) -> list[tuple[object, object, object]]:
        """The spans of missed due times, and how many each has."""
        return [(span["from"], span["until"], span["count"]) for span in self.of_kind(DagEventKind.DUE_MISSED)]

    def skipped(self) -> list[object]:
        return [event["due"] for event in self.of_kind(DagEventKind.DUE_SKIPPED)]

    def running(self) -> list[str]:
        return sorted(run.id for run in self.runs.values() if run.status is RunStatus.RUNNING)

    # --- what it is made of ------------------------------------------------------------------------------------------

    def write(self, writes: Iterable[Write]) -> None:
        for write in writes:
            match write:
                case WatchedUntil():
                    row = self.rows[write.dag]
                    assert row.watched_until is None or write.watched_until > row.watched_until
                    self.rows[write.dag] = replace(row, watched_until=write.watched_until)
                case UpdateDag():
                    assert write.row.watched_until == self.rows[write.row.dag].watched_until
                    self.rows[write.row.dag] = write.row
                case _:
                    raise AssertionError(write)

    def announce(self, topic: str) -> None:
        assert topic.startswith("dag/")

    def _watermark(self, dag_id: str) -> int | None:
        return self.watcher.watermark(dag_id)

    def _tell(self, dag_id: str, kind: DagEventKind, actor: str, **payload: object) -> None:
        self.told.append(Told(dag_id, kind, actor, payload))

    def _make_run(self, plan: DagPlan, due: int) -> None:
        assert due not in self.dues(dag_id=plan.dag.id), "it has a run already"
        self._make(plan, due, RunKind.SCHEDULED)

    def _make(self, plan: DagPlan, at: int, kind: RunKind, **more: object) -> str:
        run_id = f"{next(self.numbers):06}"
        run = Run(run_id, plan.dag.id, "b1", kind, at, RunStatus.QUEUED, self.now(), "somebody", **more)
        self.runs[run.id] = run
        self._enqueue(run)
        return run.id

    def _enqueue(self, run: Run) -> None:
        self.queue.add(QueuedRun(self.plans[run.dag], run, 1))
        self.advancing.add(run.dag)

    def _started(self, queued: QueuedRun) -> None:
        self.runs[queued.run.id] = replace(queued.run, status=RunStatus.RUNNING)

    def _make_way(self, plan: DagPlan) -> None:
        for run_id in self.queue.in_the_way(plan, lambda run_id: False):
            self._cancel(run_id, SCHEDULE)

    def _cancel(self, run_id: str, actor: str) -> None:
        """At once: nothing has to be stopped here."""
        if self.queue.waiting(run_id) is not None:
            self.queue.withdraw(run_id)
        self._end(run_id, RunStatus.CANCELLED)

    def _end(self, run_id: str, status: RunStatus) -> None:
        run = self.runs[run_id] = replace(self.runs[run_id], status=status)
        self.ended.append(run)
