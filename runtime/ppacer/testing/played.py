"""What a world remembers of each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ppacer.core.machine import RunMachine
from ppacer.core.model import Attempt, Event, NoticeEvent, Run
from ppacer.core.plan import DagPlan
from ppacer.protocol import Assignment, LogEntry
from ppacer.services.awaited_runs import key_of
from ppacer.testing.stubs import Stubs


@dataclass(frozen=True, slots=True)
class Told:
    """An alert, of a failure for one, or a message that a task wanted people to be told."""

    event: NoticeEvent
    task: str | None
    notifiers: tuple[str, ...]
    subject: str
    message: str
    at: int


@dataclass(frozen=True, slots=True)
class Made:
    """One call: what was told to the executor, and the arguments that this comes to."""

    assignment: Assignment
    args: tuple[object, ...]
    kwargs: Mapping[str, object]


@dataclass(slots=True)
class Played:
    """A run and all that happened to it; tasks by the names that people know them by.

    `ended` is the run of a dag that is not run, since it has a stub; any other has a `machine`.
    """

    plan: DagPlan
    stubs: Stubs
    machine: RunMachine | None = None
    ended: Run | None = None
    attempts: dict[str, Attempt] = field(default_factory=dict)
    order: dict[str, None] = field(default_factory=dict)
    calls: dict[str, list[Made]] = field(default_factory=dict)
    logs: dict[str, list[tuple[int, LogEntry]]] = field(default_factory=dict)
    alerts: list[Told] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def run(self) -> Run:
        run = self.ended if self.machine is None else self.machine.run
        assert run is not None
        return run

    def asked_for(self, other: Played) -> bool:
        """Whether one of its tasks asked for the other run."""
        return any(key_of(attempt) == other.run.idempotency_key for attempt in self.attempts.values())
