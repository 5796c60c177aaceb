"""Runs that wait for their turn: per dag, first come, first served, as many at once as the dag allows.

Runs of backfills stand behind all others: the past can wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from ppacer.core.model import Run, RunKind
from ppacer.core.plan import DagPlan


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run that waits (to start, or to go on in a new epoch), the dag of its build, the number of its last event."""

    plan: DagPlan
    run: Run
    seq: int


@dataclass(slots=True)
class _Line:
    active: set[str] = field(default_factory=set)
    queued: OrderedDict[str, QueuedRun] = field(default_factory=OrderedDict)
    backfilled: OrderedDict[str, QueuedRun] = field(default_factory=OrderedDict)

    def of(self, run: Run) -> OrderedDict[str, QueuedRun]:
        return self.backfilled if run.kind is RunKind.BACKFILL else self.queued

    def first(self) -> QueuedRun | None:
        waiting = self.queued or self.backfilled
        return next(iter(waiting.values())) if waiting else None


class RunQueue:
    """`limit` says how many runs of a dag may be active, given the plan of the one that is next."""

    def __init__(self, start: Callable[[QueuedRun], None], limit: Callable[[DagPlan], int]) -> None:
        self._start = start
        self._limit = limit
        self._lines: dict[str, _Line] = {}
        self._active = 0
        self._queued: dict[str, QueuedRun] = {}

    @property
    def active(self) -> int:
        """The number of runs that have started and not ended."""
        return self._active

    @property
    def queued(self) -> int:
        """The number of runs that wait."""
        return len(self._queued)

    def active_of(self, dag_id: str) -> int:
        line = self._lines.get(dag_id)
        return 0 if line is None else len(line.active)

    def queued_of(self, dag_id: str) -> int:
        line = self._lines.get(dag_id)
        return 0 if line is None else len(line.queued) + len(line.backfilled)

    def active_runs(self, dag_id: str) -> list[str]:
        """The ids of the dag's active runs, oldest first."""
        line = self._lines.get(dag_id)
        return [] if line is None else sorted(line.active)  # ids sort by time

    def waiting(self, run_id: str) -> QueuedRun | None:
        return self._queued.get(run_id)

    def has_room(self, plan: DagPlan, kind: RunKind) -> bool:
        """Whether one more run of this kind would start at once."""
        line = self._lines.get(plan.dag.id)
        if line is None:
            return self._limit(plan) > 0
        ahead = len(line.active) + len(line.queued) + (len(line.backfilled) if kind is RunKind.BACKFILL else 0)
        return ahead < self._limit(plan)

    def in_the_way(self, plan: DagPlan, ending: Callable[[str], bool]) -> list[str]:
        """The runs that have to be cancelled so that one more scheduled run can start, as far as that can be reached.

        They are the oldest ones that are active or, being scheduled ones too, still wait; not those of which `ending`
        says that they end anyway.
        """
        line = self._lines.get(plan.dag.id)
        if line is None:
            return []
        staying = {run_id for run_id in line.active if not ending(run_id)}
        late = {run_id for run_id, queued in line.queued.items() if queued.run.kind is RunKind.SCHEDULED}
        excess = len(staying) + len(line.queued) + 1 - self._limit(plan)
        return sorted(staying | late)[: max(0, excess)]

    def restore(self, run: Run) -> None:
        """Counts a run that is active already."""
        self._line(run.dag).active.add(run.id)
        self._active += 1

    def add(self, queued: QueuedRun) -> None:
        """Puts a run on the line; it starts with the next `advance` that has room for it."""
        self._line(queued.run.dag).of(queued.run)[queued.run.id] = queued
        self._queued[queued.run.id] = queued

    def withdraw(self, run_id: str) -> None:
        """Takes a waiting run off the line: it has ended without a start."""
        queued = self._queued.pop(run_id)
        del self._line(queued.run.dag).of(queued.run)[run_id]

    def ended(self, run: Run) -> None:
        """Makes room, if the run was active."""
        line = self._line(run.dag)
        if run.id in line.active:
            line.active.remove(run.id)
            self._active -= 1

    def advance(self, dag_id: str) -> None:
        """Starts as many of the dag's runs as there is room for."""
        line = self._line(dag_id)
        while (queued := line.first()) is not None:
            if len(line.active) >= self._limit(queued.plan):
                return
            self.withdraw(queued.run.id)
            line.active.add(queued.run.id)
            self._active += 1
            self._start(queued)
        if not line.active:
            self._lines.pop(dag_id, None)

    def _line(self, dag_id: str) -> _Line:
        return self._lines.setdefault(dag_id, _Line())
