"""What attempts leave behind in the worker that they share: processes, threads, tasks, surroundings."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from ppacer.protocol import Outcome
from ppacer.services import worker_attempt

from .conftest import BOUND, Bench, FakeScheduler, gone, numbers_in, value
from .sharing import ASYNC, MODULE, THREAD, Body, player

pytestmark = pytest.mark.slow


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    return player(bench, scheduler)


def test_processes_that_a_thread_leaves_behind_end_with_it(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        neighbour = scheduler.assign("m:waits", str(tmp_path / "pid"), given=THREAD)
        await scheduler.offer()
        await numbers_in(tmp_path / "pid")
        pids = value(await scheduler.run("m:leaves_processes", str(tmp_path / "child"), given=THREAD))
        assert isinstance(pids, list)
        await gone(pids[1:])
        assert neighbour not in scheduler.reports
        assert value(await scheduler.run("m:ok", given=THREAD)) == pids[0]

    play(body)


def test_a_daemon_that_a_thread_leaves_behind_costs_the_worker(play: Callable[[Body], None], tmp_path: Path) -> None:
    """Nobody can tell whose it is: it ends with the worker, which ends with its last attempt."""

    async def body(scheduler: FakeScheduler) -> None:
        go = tmp_path / "go"
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "x").touch()
        arguments = ("m:writes_and_waits", "y", str(tmp_path / "folder"), str(go))
        neighbour = scheduler.assign(*arguments, given=THREAD)
        await scheduler.offer()
        await scheduler.until(lambda: neighbour in scheduler.logs)
        pids = value(await scheduler.run("m:leaves_a_daemon", str(tmp_path / "daemon"), given=THREAD))
        assert isinstance(pids, list)
        assert value(await scheduler.run("m:ok", given=THREAD)) != pids[0]
        assert neighbour not in scheduler.reports
        go.touch()
        assert (await scheduler.report(neighbour)).outcome is Outcome.SUCCESS
        await gone(pids)

    play(body)


def test_processes_end_with_an_executor_that_is_stopped(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    bench.module("m", MODULE)

    async def main() -> None:
        path = tmp_path / "pid"
        async with bench.executor(scheduler):
            scheduler.assign("m:runs_command", str(path), given=THREAD)
            await scheduler.offer()
            pids = await numbers_in(path)
        await gone(pids)

    asyncio.run(main())


def test_a_thread_left_behind_costs_nothing(play: Callable[[Body], None]) -> None:
    """Clients and pools that a program keeps have threads of their own, which the next attempt shall find."""

    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:leaves_a_thread", given=THREAD))
        assert value(await scheduler.run("m:ok", given=THREAD)) == before

    play(body)


def test_too_many_threads_left_behind_cost_the_worker(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:ok", given=THREAD))
        for _ in range(70):
            await scheduler.run("m:leaves_a_thread", given=THREAD)
        assert value(await scheduler.run("m:ok", given=THREAD)) != before

    play(body)


def test_tasks_that_a_coroutine_leaves_behind_are_cancelled(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:leaves_tasks", str(tmp_path / "trace"), given=ASYNC))
        assert (tmp_path / "trace").exists()
        assert value(await scheduler.run("m:ok", given=ASYNC)) == before

    play(body)


def test_surroundings_are_restored_when_nobody_needs_them(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:spoils", given=THREAD))
        assert value(await scheduler.run("m:looks", given=THREAD)) == [before, None, str(Path.cwd())]

    play(body)


def test_draining_for_a_time_hands_back_what_does_not_stop(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was told to stop has a short time for it; the grace of one that is not to end at once would be too long."""
    bench.module("m", MODULE)
    monkeypatch.setattr(worker_attempt, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(worker_attempt, "NEIGHBOUR_SECONDS", 0.5)

    async def main() -> None:
        async with bench.executor(scheduler, capacity=4) as executor:
            attempts = [scheduler.assign("m:waits", str(tmp_path / name), given=THREAD) for name in "ab"]
            await scheduler.offer()
            (pid,) = await numbers_in(tmp_path / "a")
            await numbers_in(tmp_path / "b")
            async with asyncio.timeout(BOUND):
                await executor.drain(0.2)
            assert {scheduler.reports[one].outcome for one in attempts} == {Outcome.LOST}
            await gone([pid])

    asyncio.run(main())
