"""A world with backfills, for the tests of them: what becomes durable when, what is read, who answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from ppacer import spec
from ppacer.core.custom_times import Answer, Answers, Question, Unasked
from ppacer.core.model import (
    Backfill,
    BackfillStatus,
    InsertBackfill,
    Run,
    RunKind,
    RunStatus,
    UpdateBackfill,
    Write,
)
from ppacer.core.plan import DagPlan
from ppacer.services.backfills import Backfills
from ppacer.services.custom_schedules import ScheduleProblem
from ppacer.services.errors import InvalidTrigger
from tests.runtime.scheduler.watching import World

RUNNING, DONE, CANCELLED = BackfillStatus.RUNNING, BackfillStatus.DONE, BackfillStatus.CANCELLED


class BackfillWorld(World):
    """A world with backfills, whose turns become durable one by one: at the latest when somebody waits for that."""

    def __init__(self, now: int, *dags: spec.Dag, custom: Callable[[Question], Answer | ScheduleProblem] | None = None):
        super().__init__(now, *dags)
        self.made: dict[str, Backfill] = {}
        self.custom = custom
        self.reads = 0
        self.hold: asyncio.Event | None = None
        self.slow: asyncio.Event | None = None
        self.settling = 0
        self.broken: Exception | None = None
        self.refused: set[int] = set()
        self.rests = False
        self._keep()

    def loaded(self) -> None:
        self.backfills = Backfills(
            self,
            self,
            _Store(self),
            timers=self.timers,
            clock=self,
            queue=self.queue,
            watcher=self.watcher,
            custom=self,
            turn=self.turn,
            prepare=self._prepare,
            cancel_run=self._cancel,
            tell=self._tell,
            new_id=lambda now: f"b{next(self.numbers)}",
        )
        open_ones = [row for row in self.made.values() if row.status is RUNNING]
        left = [run for run in self.runs.values() if not run.status.terminal]
        self.backfills.restore(open_ones, self.plans, left, go_on=not self.rests)

    def run_ended(self, run: Run) -> None:
        self.backfills.ended(run)

    async def begin(self, begin: int, end: int, parallel: int = 1, dag_id: str = "d", **params: object) -> Backfill:
        plan = self.plans[dag_id]
        return await self.backfills.start(plan, begin, end, parallel=parallel, params=params, actor="ann")

    def crash(self) -> None:
        """What is not durable is gone."""
        self.backfills.close()
        super().crash()
        self.rows, self.runs, self.told, self.made = (type(kept)(kept) for kept in self.durable)

    def backfilled(self, status: RunStatus | None = None) -> list[int]:
        runs = [run for run in self.runs.values() if run.kind is RunKind.BACKFILL]
        return sorted(run.scheduled_at for run in runs if status in (None, run.status))

    def running_of_backfills(self) -> list[str]:
        return [run_id for run_id in self.running() if self.runs[run_id].kind is RunKind.BACKFILL]

    # --- the journal, the store and the workers ----------------------------------------------------------------------

    def _keep(self) -> None:
        self.durable = (dict(self.rows), dict(self.runs), list(self.told), dict(self.made))

    async def settled(self) -> None:
        self._keep()
        self.settling += 1
        await (self.slow.wait() if self.slow is not None else asyncio.sleep(0))

    async def read(self, function: Callable[..., object], *args: object) -> object:
        self.reads += 1
        if self.broken is not None:
            raise self.broken
        found = function(*args)
        if self.hold is not None and function.__name__ == "due_times":
            await self.hold.wait()
        else:
            await asyncio.sleep(0)
        return found

    def write(self, writes: list[Write]) -> None:
        for write in writes:
            match write:
                case InsertBackfill():
                    assert write.row.id not in self.made
                    self.made[write.row.id] = write.row
                case UpdateBackfill():
                    assert self.made[write.row.id].status is write.expected
                    self.made[write.row.id] = write.row
                case _:
                    super().write([write])

    async def work_out(self, answers: Answers, look: Callable[[], object]) -> object:
        while True:
            try:
                return look()
            except Unasked as unasked:
                await asyncio.sleep(0)
                found = self.custom(unasked.question)
                if isinstance(found, ScheduleProblem):
                    return found
                answers.learn(unasked.question, found)

    def _prepare(
        self, plan: DagPlan, row: Backfill, due: int, previous_at: int | None, given: Mapping[str, object]
    ) -> Callable[[], Run]:
        if due in self.refused or "bad" in given:
            raise InvalidTrigger("dag d has no parameter bad", "params.bad")

        def make() -> Run:
            assert due not in self.dues(dag_id=plan.dag.id), "it has a run already"
            more = {"backfill": row.id, "previous_at": previous_at}
            return self.runs[self._make(plan, due, RunKind.BACKFILL, **more)]

        return make


class _Store:
    """What has become durable."""

    def __init__(self, world: BackfillWorld) -> None:
        self.world = world

    def due_times(self, dag: str, from_at: int, until_at: int) -> list[int]:
        _, runs, _, _ = self.world.durable
        dues = (run.scheduled_at for run in runs.values() if run.dag == dag and run.kind is not RunKind.MANUAL)
        return sorted(due for due in dues if from_at <= due < until_at)

    def backfill(self, backfill_id: str) -> Backfill | None:
        return self.world.durable[3].get(backfill_id)


async def quiet(world: BackfillWorld) -> None:
    """Until the backfills wait for nothing but runs."""
    for _ in range(1_000):
        tasks = world.backfills._tasks
        if not tasks:
            return
        done, _ = await asyncio.wait(tasks, timeout=60)
        assert done, "it waits for ever"
        assert world.failed is None
    raise AssertionError("it goes on for ever")
