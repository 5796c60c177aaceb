"""Which worker an attempt gets: warm ones first, fresh ones in time, and none for ever."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from ppacer.core import codec
from ppacer.protocol import Outcome
from ppacer.services.worker_attempt import RunningAttempt
from ppacer.services.worker_pool import SPARE_WORKERS, WorkerPool
from ppacer.services.zygote_process import ZygoteProcess, worker_command

from .conftest import FOR_EVER, Bench, FakeScheduler, eventually, gone, make_assignment, value

pytestmark = pytest.mark.slow

MODULE = """
    import os, time

    KEPT = []

    def ok():
        return os.getpid()

    def parent():
        return os.getppid()

    def sleeps(seconds):
        time.sleep(seconds)
        return os.getpid()

    def keeps(megabytes):
        KEPT.append(b"x" * (megabytes * 1_000_000))
        return os.getpid()
"""

Run = Callable[..., object]


@pytest.fixture(autouse=True)
def module(bench: Bench) -> None:
    bench.module("m", MODULE)


@asynccontextmanager
async def pool(bench: Bench, **settings: object) -> AsyncIterator[WorkerPool]:
    made = WorkerPool(worker_command(sys.executable, bench.file), **settings)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        await made.close()


async def run(pool: WorkerPool, callable: str = "m:ok", *args: object, **given: object) -> int:
    """The output of an attempt: the id of its process."""
    assignment = make_assignment(callable=callable, args=codec.encode(list(args)), **given)
    report = await RunningAttempt(assignment, pool, lambda: None).run()
    assert report is not None
    found = value(report)
    assert isinstance(found, int)
    return found


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_a_worker_is_replaced_after_a_number_of_attempts(bench: Bench, isolation: str) -> None:
    async def main() -> None:
        async with pool(bench, max_attempts=3) as workers:
            pids = [await run(workers, isolation=isolation) for _ in range(7)]
            assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [3, 3, 1]
            await gone([pids[0], pids[3]])

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_a_worker_that_has_grown_is_replaced(bench: Bench, isolation: str) -> None:
    async def main() -> None:
        async with pool(bench, max_resident=250 * 10**6) as workers:
            grown = await run(workers, "m:keeps", 50, isolation=isolation)
            assert await run(workers, "m:keeps", 250, isolation=isolation) == grown
            assert await run(workers, isolation=isolation) != grown
            await gone([grown])

    asyncio.run(main())


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_an_idle_worker_ends_after_a_while(bench: Bench, isolation: str) -> None:
    async def main() -> None:
        async with pool(bench, linger=FOR_EVER) as workers:
            pid = await run(workers, isolation=isolation)
            workers._linger = 0.3  # from when it is idle again
            assert await run(workers, isolation=isolation) == pid
            await gone([pid])
            assert await run(workers, isolation=isolation) != pid

    asyncio.run(main())


def test_a_worker_that_was_started_ahead_is_used(bench: Bench) -> None:
    async def main() -> None:
        async with pool(bench) as workers:
            await workers.warm()
            await workers.warm()
            first, second = await asyncio.gather(run(workers, "m:sleeps", 0.5), run(workers, "m:sleeps", 0.5))
            assert first != second
            await workers.warm()
            assert await run(workers) in (first, second)
            assert workers._last_number == 2, "one was there, one was made: nothing else was"

    asyncio.run(main())


def test_a_zygote_that_runs_already_is_the_first_one(bench: Bench) -> None:
    async def main() -> None:
        zygote = ZygoteProcess(worker_command(sys.executable, bench.file))
        async with pool(bench, zygote=zygote) as workers:
            assert await run(workers, "m:parent") == zygote.popen.pid
        assert zygote.popen.returncode == 0

    asyncio.run(main())


def test_another_zygote_comes_after_the_one_that_ran_already(bench: Bench) -> None:
    async def main() -> None:
        zygote = ZygoteProcess(worker_command(sys.executable, bench.file))
        async with pool(bench, zygote=zygote) as workers:
            await workers.start()
            zygote.popen.kill()
            await asyncio.to_thread(zygote.popen.wait)
            assert await run(workers, "m:parent") != zygote.popen.pid

    asyncio.run(main())


def test_a_zygote_that_nobody_needed_ends_with_the_pool_or_by_itself(bench: Bench) -> None:
    async def main() -> None:
        unused = ZygoteProcess(worker_command(sys.executable, bench.file))
        async with pool(bench, zygote=unused):
            pass
        assert unused.popen.returncode == 0

    asyncio.run(main())
    alone = ZygoteProcess(worker_command(sys.executable, bench.file))
    alone.end()
    alone.end()
    assert alone.popen.returncode == 0


def test_a_worker_starts_without_what_few_tasks_need(bench: Bench) -> None:
    bench.module(
        "loaded", "import sys\ndef heavy(): return len({'asyncio', 'argparse', 'tornado'} & sys.modules.keys())"
    )

    async def main() -> None:
        async with pool(bench) as workers:
            assert await run(workers, "loaded:heavy") == 0

    asyncio.run(main())


def test_idle_workers_do_not_pile_up(bench: Bench) -> None:
    """As when each member of a family has variables of its own."""

    async def main() -> None:
        async with pool(bench) as workers:
            pids = [await run(workers, env=codec.encode({"N": n})) for n in range(SPARE_WORKERS + 4)]
            assert len(set(pids)) == len(pids)
            await gone(pids[:3])
            assert await run(workers, env=codec.encode({"N": SPARE_WORKERS + 3})) == pids[-1]

    asyncio.run(main())


def test_a_worker_is_started_before_something_becomes_due(
    bench: Bench, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[float] = []

    async def warm(self: WorkerPool) -> None:
        started.append(time.monotonic())

    async def main() -> None:
        monkeypatch.setattr(WorkerPool, "warm", warm)
        scheduler.next_due_in = 2.5
        async with bench.executor(scheduler, capacity=2):
            before = time.monotonic()
            assert (await scheduler.run("m:ok")).outcome is Outcome.SUCCESS
            await eventually(lambda: started)
            assert started[0] - before > 0.4

    asyncio.run(main())
