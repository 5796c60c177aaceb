"""What is counted while the program works, for `/metrics`: plain numbers, so that nothing waits for whoever looks.

Counters begin at 0 with the program and only grow. Names of dags are those of the program and of the runs that it goes
on with, so there are no more of them than that. One thread adds to a number; another may read it meanwhile.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

from ppacer.core.instants import SECOND
from ppacer.core.model import Attempt, InsertTask, Run, RunKind, TaskRow, UpdateAttempt, UpdateTask, Write

SECONDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43200.0)
"""Bounds of what takes from an instant to half a day."""

INSTANTS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Bounds of what takes a moment."""


class Histogram:
    """How many values were at most each of some bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> Histogram:
        copied = Histogram(self.bounds)
        copied.counts, copied.total = self.counts.copy(), self.total
        return copied


class Measures:
    """What has become of runs, tasks and attempts since the program began; added to by the scheduler's loop alone.

    `runs`, `tasks` and `attempts` count by dag and status.
    """

    def __init__(self) -> None:
        self.runs: Counter[tuple[str, str]] = Counter()
        self.tasks: Counter[tuple[str, str]] = Counter()
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.durations: dict[str, Histogram] = {}
        self.waits = Histogram(SECONDS)
        self.delays = Histogram(SECONDS)

    def run_ended(self, run: Run) -> None:
        self.runs[run.dag, run.status.value] += 1

    def run_started(self, run: Run) -> None:
        """How long after its planned time a scheduled run starts."""
        if run.kind is RunKind.SCHEDULED and run.epoch == 1 and run.started_at is not None:
            self.delays.observe(max(0, run.started_at - run.scheduled_at) / SECOND)

    def written(self, dag: str, writes: Iterable[Write]) -> None:
        """Tasks and attempts that end with a step's writes; rows that a new epoch copies do not end anew."""
        for write in writes:
            match write:
                case UpdateTask(row=row):
                    self._task(dag, row)
                case InsertTask(row=row) if row.epoch == 1:
                    self._task(dag, row)
                case UpdateAttempt(row=attempt) if attempt.status.terminal and attempt.token:
                    self._attempt(dag, attempt)

    def attempt_claimed(self, attempt: Attempt, now: int) -> None:
        """How long it was on offer; what goes on after it was deferred has waited for something else."""
        if not attempt.parts:
            self.waits.observe(max(0, now - attempt.created_at) / SECOND)

    def _task(self, dag: str, row: TaskRow) -> None:
        if row.status.terminal:
            self.tasks[dag, row.status.value] += 1

    def _attempt(self, dag: str, attempt: Attempt) -> None:
        """One that an executor has had: others have not run."""
        status = attempt.status.value
        self.attempts[dag, status] += 1
        if attempt.started_at is not None and attempt.finished_at is not None:
            durations = self.durations.get(status)
            if durations is None:
                durations = self.durations[status] = Histogram(SECONDS)
            durations.observe(max(0, attempt.finished_at - attempt.started_at) / SECOND)


class CommitMeasures:
    """What the database is given; added to by the thread that writes alone."""

    def __init__(self) -> None:
        self.durations = Histogram(INSTANTS)
        self.writes = 0
        self.errors = 0
