"""What a hop costs the database does not grow with dags, runs, finished tasks or width: its statements are counted, and
the steps of SQLite's own machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ppacer import spec
from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    Event,
    EventKind,
    InsertAttempt,
    InsertEvent,
    InsertRun,
    InsertTask,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
    Write,
)
from ppacer.protocol import Claim
from ppacer.services.scheduler import Scheduler
from tests.runtime.scheduler.test_work import Calls
from tests.runtime.store.executed import executed

HOPS = 4
RUNS, TASKS = 100, 100
"""Ended runs, and their tasks each."""


@dataclass(frozen=True)
class Cost:
    """The least of some hops: statements of the runs' database, steps that SQLite takes for them, calls of the loop."""

    statements: int
    steps: int
    calls: int


def past(program: spec.Program) -> list[Write]:
    """Runs of the dag `other` that have ended, with all they have."""
    writes: list[Write] = []
    for number in range(RUNS):
        run = f"{number:08x}-0000-7000-8000-000000000000"
        row = Run(run, "other", program.build, RunKind.MANUAL, number, RunStatus.SUCCESS, number, "test", finished_at=9)
        writes.append(InsertRun(row))
        for task in range(TASKS):
            attempt = f"{number:08x}-0000-7000-9000-{task:012x}"
            name = f"x{task}"
            writes += [
                InsertTask(TaskRow(run, 1, name, 0, TaskStatus.SUCCESS, attempts=1, finished_at=9, output="1")),
                InsertAttempt(Attempt(attempt, run, 1, name, 0, 1, AttemptStatus.SUCCESS, 1, token=1, finished_at=9)),
                InsertEvent(Event(run, task + 1, 9, EventKind.TASK_FINISHED, "scheduler", "{}")),
            ]
    return writes


async def hop(place, kit, program: spec.Program, *, other_runs: int = 1, before: Sequence[Write] = ()) -> Cost:
    """A report that carries the next claim home."""
    scheduler: Scheduler = await place.scheduler(program)
    if before:
        scheduler.store.write(before)
    client = kit.client(scheduler.exchange, program)
    for _ in range(other_runs):
        await scheduler.trigger("other")
    await scheduler.trigger("d")
    held = await client.claim_one()
    costs: list[Cost] = []
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    database = scheduler.store._database
    database._connection.connection.dbapi_connection.set_progress_handler(step, 1)
    for _ in range(HOPS):
        exchange = client.request(reports=(client.reported(held),), claim=Claim(1, 0))
        steps = 0
        with executed(database) as statements, Calls() as calls:
            [held] = (await client.send(exchange)).assignments
        costs.append(Cost(len(statements), steps, calls.count))
    database._connection.connection.dbapi_connection.set_progress_handler(None, 0)
    await place.crash(scheduler)
    return Cost(*(min(getattr(cost, name) for cost in costs) for name in ("statements", "steps", "calls")))


def chain(kit) -> list[spec.Task]:
    rest = (kit.task(f"t{number}", after=f"t{number - 1}", priority=1) for number in range(1, HOPS + 2))
    return [kit.task("t0", priority=1), *rest]


def small(kit) -> spec.Program:
    return kit.program(kit.dag("d", *chain(kit)), kit.dag("other", kit.task("x0")))


def same(found: Cost, few: Cost) -> None:
    assert found.statements == few.statements
    assert found.steps < 1.05 * few.steps
    assert found.calls < 1.05 * few.calls


async def test_a_hop_is_one_transaction_of_few_statements(kit, tmp_path) -> None:
    """Its beginning, the look at who leads, and one statement for each kind of row that it changes."""
    found = await hop(kit.place(tmp_path), kit, small(kit))
    assert 5 <= found.statements <= 7
    assert found.steps > 50


async def test_a_thousand_dags(kit, tmp_path) -> None:
    few = await hop(kit.place(tmp_path / "few"), kit, small(kit))
    yearly = spec.Cron("0 0 1 1 *", kit.at)
    idle = [kit.dag(f"idle{number}", kit.task("a"), schedules=(yearly,)) for number in range(1_000)]
    program = kit.program(kit.dag("d", *chain(kit)), kit.dag("other", kit.task("x0")), *idle)
    same(await hop(kit.place(tmp_path / "many"), kit, program), few)


async def test_ten_thousand_finished_tasks(kit, tmp_path) -> None:
    few = await hop(kit.place(tmp_path / "few"), kit, small(kit))
    same(await hop(kit.place(tmp_path / "many"), kit, small(kit), before=past(small(kit))), few)


async def test_many_runs_at_once(kit, tmp_path) -> None:
    few = await hop(kit.place(tmp_path / "few"), kit, small(kit))
    other = kit.dag("other", *(kit.task(f"x{number}") for number in range(20)), max_active_runs=50)
    program = kit.program(kit.dag("d", *chain(kit)), other)
    same(await hop(kit.place(tmp_path / "many"), kit, program, other_runs=50), few)


async def test_a_run_of_five_thousand_tasks(kit, tmp_path) -> None:
    few = await hop(kit.place(tmp_path / "few"), kit, small(kit))
    crowd = [kit.task(f"x{number}") for number in range(5_000)]
    program = kit.program(kit.dag("d", *chain(kit), *crowd), kit.dag("other", kit.task("x0")))
    same(await hop(kit.place(tmp_path / "many"), kit, program), few)
