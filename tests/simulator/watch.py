"""Watches what is committed and what is answered, and asks the invariants about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ppacer import spec
from ppacer.core import model as m
from ppacer.core.model import AttemptStatus
from ppacer.core.plan import DagPlan
from ppacer.protocol import Exchange, ExchangeAnswer
from tests.simulator.history import Story
from tests.simulator.invariants import ON_ANSWER, ON_COMMIT
from tests.simulator.memory import Change
from tests.simulator.programs import plans_of

if TYPE_CHECKING:
    from tests.simulator.world import World

Place = tuple[str, str, int]


@dataclass(slots=True)
class Moved:
    """What a transaction changed, table by table, in its order: each row as it was and as it is."""

    dags: list[tuple[m.DagRow | None, m.DagRow | None]] = field(default_factory=list)
    dag_events: list[tuple[m.DagEvent | None, m.DagEvent | None]] = field(default_factory=list)
    backfills: list[tuple[m.Backfill | None, m.Backfill | None]] = field(default_factory=list)
    runs: list[tuple[m.Run | None, m.Run | None]] = field(default_factory=list)
    tasks: list[tuple[m.TaskRow | None, m.TaskRow | None]] = field(default_factory=list)
    attempts: list[tuple[m.Attempt | None, m.Attempt | None]] = field(default_factory=list)
    events: list[tuple[m.Event | None, m.Event | None]] = field(default_factory=list)
    notifications: list[tuple[m.Notification | None, m.Notification | None]] = field(default_factory=list)
    builds: list[Any] = field(default_factory=list)
    versions: list[Any] = field(default_factory=list)
    touched: dict[str, None] = field(default_factory=dict)
    """The runs that were changed and are still there."""


class Watch:
    """What the invariants know. All that is here is learned from what was committed, answered and received."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.memory = world.memory
        self.commits = 0
        self.current: dict[str, dict[tuple[str, int], m.TaskRow]] = {}
        self.stories: dict[str, Story] = {}
        self.claimed: dict[tuple[str, int], m.Attempt] = {}
        self.claimed_at: dict[str, float] = {}
        self.renewed: dict[str, float] = {}
        self.newest_token = 0
        self.given: dict[tuple[int, int, str], list[str]] = {}
        self.ends: dict[tuple[str, int, str, int], Counter[AttemptStatus]] = {}
        self.decided: dict[str, set[int]] = {}
        self.running: dict[str, m.Attempt] = {}
        self.live: dict[Place, dict[str, m.Attempt]] = {}
        self.active: dict[str, set[str]] = {}
        self.keyed: dict[tuple[str, str], str] = {}

    def plan(self, run: m.Run) -> DagPlan:
        return plans_of(run.build)[run.dag]

    def plan_of(self, run_id: str) -> DagPlan:
        return self.plan(self.memory.tables["runs"][run_id])

    def task(self, attempt: m.Attempt) -> spec.Task:
        return self.plan_of(attempt.run_id).tasks[attempt.task]

    def committed(self, changes: Sequence[Change]) -> None:
        """A transaction is durable."""
        self.commits += 1
        self.world.note("commit", len(changes), changes[-1][1] if changes else "")
        moved = Moved()
        for table, key, old, new in changes:
            getattr(moved, table).append((old, new))
            if table in ("tasks", "attempts", "events"):
                moved.touched[key[0] if table != "attempts" else (new or old).run_id] = None
            elif table == "runs":
                moved.touched[key] = None
        gone = [run_id for run_id in moved.touched if run_id not in self.memory.tables["runs"]]
        for run_id in gone:
            del moved.touched[run_id]
            self.current.pop(run_id, None)
            self.stories.pop(run_id, None)
        for invariant in ON_COMMIT:
            invariant(self, moved)

    def answered(self, exchange: Exchange, answer: ExchangeAnswer, instance: str | None = None) -> None:
        """An answer leaves the scheduler."""
        self.world.note("answer", exchange.request, len(answer.assignments), [ack.status for ack in answer.reports])
        truth = self.world.truth
        for ack in answer.renewals:  # not all of them are written: one that cannot write renews by what it knows
            if ack.status == 200 and answer.leader == self.memory.leader:
                truth.heard[ack.attempt] = max(truth.heard[ack.attempt], truth.received_at[exchange.request])
        for invariant in ON_ANSWER:
            invariant(self, exchange, answer, instance or exchange.instance)

    def rows(self, run_id: str) -> list[m.TaskRow]:
        """The rows of a run's tasks that count."""
        return list(self.current.get(run_id, {}).values())
