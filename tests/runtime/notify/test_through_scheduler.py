"""From a task that fails to the address that hears of it, through a scheduler that is stopped and started again."""

from __future__ import annotations

import sys
import uuid
from contextlib import asynccontextmanager

import pytest

from ppacer import spec
from ppacer.core.model import NotificationStatus
from ppacer.protocol import PROTOCOL_VERSION, Claim, Exchange, Outcome, Report, TaskNotice
from ppacer.services.notification_sender import RETRY_SECONDS
from ppacer.services.scheduler import Scheduler
from ppacer.services.timers import SystemClock
from ppacer.services.worker_pool import WorkerPool
from ppacer.services.zygote_process import worker_command
from ppacer.store import open_store
from ppacer.store.logs import open_logs

AT = spec.At(3, 1)


def program(port: int) -> spec.Program:
    task = spec.Task("load", "shop:load", AT)
    dag = spec.Dag("sales", AT, (task,), notify=("ops",), ping=spec.Literal(f"http://127.0.0.1:{port}/alive", AT))
    url = spec.Literal(f"json://127.0.0.1:{port}/alert", AT)
    return spec.Program(
        "p",
        "b1",
        "0",
        (dag,),
        (
            spec.Callable("shop:load", spec.CallableKind.FUNCTION),
            spec.Callable("ppacer.notifiers:apprise", spec.CallableKind.FUNCTION),
        ),
        (spec.Source("p.ppd", "", ""),),
        notifiers=(spec.Notifier("ops", "ppacer.notifiers:apprise", AT, (url,)),),
    )


class Place:
    """One pair of databases, and the schedulers that come and go over it."""

    def __init__(self, bench, port: int) -> None:
        self.bench = bench
        self.program = program(port)
        self.instance = str(uuid.uuid4())
        self.file = bench.program("ppacer.notifiers:apprise")

    @asynccontextmanager
    async def scheduler(self, *, workers: bool = True, begins: bool = True, clock: SystemClock | None = None):
        store, logs = open_store(self.bench.folder / "p.db"), open_logs(self.bench.folder / "p.logs.db")
        pool = (lambda: WorkerPool(worker_command(sys.executable, self.file))) if workers else None
        scheduler = Scheduler(self.program, store, logs, pool=pool, begins=begins, clock=clock)
        await scheduler.start()
        try:
            yield scheduler
        finally:
            await scheduler.stop()
            store.close()
            logs.close()

    def exchange(self, **parts: object) -> Exchange:
        codes = {one.id: one.hash for one in self.program.callables}
        request = str(uuid.uuid4())
        return Exchange(PROTOCOL_VERSION, "host", self.instance, request, "b1", codes, (), 8, **parts)

    async def run(self, scheduler: Scheduler, outcome: Outcome, *, said: str | None = None) -> str:
        """A run whose one task ends so; what it said is said twice."""
        run = await scheduler.trigger("sales")
        [assignment] = (await scheduler.exchange(self.exchange(claim=Claim(1, 10)))).assignments
        if said is not None:
            notice = TaskNotice(assignment.attempt, assignment.token, 1, said)
            for _ in range(2):
                [ack] = (await scheduler.exchange(self.exchange(notices=(notice,)))).notices
                assert ack.status == 200
        error = "ValueError: no rows" if outcome is Outcome.FAILED else None
        report = Report(assignment.attempt, assignment.token, outcome, 1, 2, "null", "exception", error)
        [ack] = (await scheduler.exchange(self.exchange(reports=(report,)))).reports
        assert ack.status == 200
        return run.id


@pytest.fixture
def place(bench, kit):
    with kit.http_server() as heard:
        made = Place(bench, heard.port)
        made.heard = heard
        yield made


async def test_a_failure_is_told_and_marked(place: Place, kit) -> None:
    async with place.scheduler() as scheduler:
        run = await place.run(scheduler, Outcome.FAILED)
        [row] = await kit.until(
            lambda: [row for row in scheduler.store.notifications(run) if row.status is not NotificationStatus.PENDING]
        )
    assert (row.status, row.tries, row.notifier) == (NotificationStatus.SENT, 1, "ops")
    [body] = place.heard.bodies
    assert body["title"] == "sales: load failed"
    assert "The task load of dag sales, attempt 1, failed: ValueError: no rows" in body["message"]


async def test_what_a_task_says_is_told_once_and_a_success_gives_a_sign_of_life(place: Place, kit) -> None:
    async with place.scheduler() as scheduler:
        await place.run(scheduler, Outcome.SUCCESS, said="half of it is there")
        await kit.until(lambda: len(place.heard.paths) >= 2)
    assert sorted(path.partition("?")[0] for path in place.heard.paths) == ["/alert", "/alive"]
    [body] = place.heard.bodies
    assert (body["message"], body["type"]) == ("half of it is there", "info")


async def test_what_one_scheduler_could_not_send_the_next_one_sends(place: Place, kit) -> None:
    async with place.scheduler(workers=False) as scheduler:
        run = await place.run(scheduler, Outcome.FAILED)
        [row] = await kit.until(lambda: [row for row in scheduler.store.notifications(run) if row.tries])
        assert row.error == "this scheduler was started without workers of its own"
        assert place.heard.bodies == []
    async with place.scheduler(clock=Later()) as scheduler:
        [row] = await kit.until(
            lambda: [row for row in scheduler.store.notifications(run) if row.status is NotificationStatus.SENT]
        )
    assert (row.tries, row.error) == (2, None)
    [body] = place.heard.bodies
    assert "attempt 1, failed: ValueError: no rows" in body["message"]


async def test_a_scheduler_with_which_nothing_runs_leaves_it_to_the_next_one(place: Place, kit) -> None:
    """It has nobody who could tell, and spends none of the tries."""
    async with place.scheduler(workers=False) as scheduler:
        run = await place.run(scheduler, Outcome.FAILED)
        await kit.until(lambda: [row for row in scheduler.store.notifications(run) if row.tries])
    for _ in range(3):
        async with place.scheduler(workers=False, begins=False, clock=Later()) as scheduler:
            await scheduler.pause_dag("sales")
            await scheduler.resume_dag("sales")
    async with place.scheduler(clock=Later()) as scheduler:
        [row] = await kit.until(
            lambda: [row for row in scheduler.store.notifications(run) if row.status is NotificationStatus.SENT]
        )
    assert (row.tries, len(place.heard.bodies)) == (2, 1)


class Later(SystemClock):
    """A clock on which the next try is due."""

    def now(self) -> int:
        return super().now() + RETRY_SECONDS[0] * 1_000_000
