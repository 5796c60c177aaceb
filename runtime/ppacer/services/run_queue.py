"""Runs that wait for their turn: per dag, first come, first served, as many at once as the dag allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ppacer.core.model import Run
from ppacer.core.plan import DagPlan


@dataclass(frozen=True, slots=True)
class QueuedRun:
    """A run that has not started, the dag of its build, and the number of its last event."""

    plan: DagPlan
    run: Run
    seq: int


@dataclass(slots=True)
class _Line:
    active: set[str] = field(default_factory=set)
    queued: dict[str, QueuedRun] = field(default_factory=dict)


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
        return 0 if line is None else len(line.queued)

    def waiting(self, run_id: str) -> QueuedRun | None:
        return self._queued.get(run_id)

    def restore(self, run: Run) -> None:
        """Counts a run that is active already."""
        self._line(run.dag).active.add(run.id)
        self._active += 1

    def add(self, queued: QueuedRun) -> None:
        """Puts a run on the line; it starts with the next `advance` that has room for it."""
        self._line(queued.run.dag).queued[queued.run.id] = queued
        self._queued[queued.run.id] = queued

    def withdraw(self, run_id: str) -> None:
        """Takes a waiting run off the line: it has ended without a start."""
        queued = self._queued.pop(run_id)
        del self._line(queued.run.dag).queued[run_id]

    def ended(self, run: Run) -> None:
        """Makes room, if the run was active."""
        line = self._line(run.dag)
        if run.id in line.active:
            line.active.remove(run.id)
            self._active -= 1

    def advance(self, dag_id: str) -> None:
        """Starts as many of the dag's runs as there is room for."""
        line = self._line(dag_id)
        while line.queued:
            queued = next(iter(line.queued.values()))
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
