"""Memory that an attempt may take: what takes more is ended, with its cause, and nobody else."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ppacer.core.model import ErrorKind
from ppacer.protocol import Outcome
from ppacer.services import worker_memory, worker_process
from ppacer.services.worker_judge import Judge
from ppacer.services.worker_memory import DataLimit, own_resident, resident, size_text, takes_more
from ppacer.services.worker_process import Gone

from .conftest import Bench, FakeScheduler, gone, make_assignment, numbers_in, value

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limits are Linux's")
MB = 10**6

MODULE = """
    import os, resource, subprocess, sys, time
    from pathlib import Path

    def ok():
        return os.getpid()

    def limit():
        return [os.getpid(), resource.getrlimit(resource.RLIMIT_DATA)[0]]

    def grows(megabytes, path=None):
        blocks = []
        if path:
            Path(path).write_text(str(os.getpid()))
        for _ in range(megabytes):
            blocks.append(b"x" * 1_000_000)
            time.sleep(0.002)
        if path:
            time.sleep(3600)  # until that is seen, and below what the kernel would refuse it
        return "grown"

    def grabs(megabytes):
        return len(bytearray(megabytes * 1_000_000))

    def grows_in_children(count, megabytes, path):
        code = f"block = b'x' * ({megabytes} * 1_000_000); import time; time.sleep(3600)"
        children = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
        Path(path + ".new").write_text(" ".join(str(child.pid) for child in children))
        os.rename(path + ".new", path)
        time.sleep(3600)

    def shares(count, megabytes):
        block = b"x" * (megabytes * 1_000_000)
        for _ in range(count):
            if os.fork() == 0:
                time.sleep(1)
                os._exit(0)
        for _ in range(count):
            os.wait()
        return len(block)

    def raises():
        raise MemoryError

    def waits(path, go):
        Path(path).write_text(str(os.getpid()))
        while not Path(go).exists():
            time.sleep(0.01)
        return "waited"
"""

Body = Callable[[FakeScheduler], Awaitable[None]]


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    bench.module("m", MODULE)

    def play(body: Body) -> None:
        async def main() -> None:
            async with bench.executor(scheduler, capacity=4):
                await body(scheduler)

        asyncio.run(main())

    return play


# --- the parts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (512 * MB, "512 MB"),
        (1_500 * MB, "1.5 GB"),
        (2 * 10**12, "2 TB"),
        (512 * 2**20, "512 MiB"),
        (2**31, "2 GiB"),
        (1_234_567, "1.2 MB"),
    ],
)
def test_sizes_as_people_write_them(size: int, text: str) -> None:
    assert size_text(size) == text


@linux
def test_the_memory_of_a_process() -> None:
    before = resident(os.getpid())
    block = b"x" * (64 * MB)
    assert 60 * MB < resident(os.getpid()) - before < 80 * MB
    assert own_resident() >= resident(os.getpid()) - 10 * MB
    assert takes_more(os.getpid(), len(block))
    assert not takes_more(os.getpid(), 64 * 10**9)
    assert resident(2**22 + 1) == 0


@linux
def test_a_limit_is_put_back() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    limit = DataLimit()
    limit.set(10 * MB)
    try:
        with pytest.raises(MemoryError):
            bytearray(4 * 10**9)
    finally:
        limit.put_back()
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    limit.put_back()


@pytest.mark.parametrize(
    ("memory", "kills", "kind", "text"),
    [
        (None, False, ErrorKind.KILLED, "was killed by SIGKILL (Killed); the kernel does so when memory runs out"),
        (None, True, ErrorKind.MEMORY, "the worker process was killed by the kernel because memory ran out"),
        (512 * MB, True, ErrorKind.MEMORY, "the task took more than its memory of 512 MB: the worker process was"),
    ],
)
def test_a_kill_by_the_kernel_is_told_from_others(memory: int | None, kills: bool, kind: ErrorKind, text: str) -> None:
    judge = Judge(make_assignment(memory=memory))
    judge.begin(5)
    report = judge.report(Gone(-9, out_of_memory=kills), None)
    assert (report.outcome, report.error_kind) == (Outcome.FAILED, kind)
    assert text in (report.error or "")


@pytest.mark.slow
def test_the_kernels_kills_are_counted_over_a_workers_life(
    play: Callable[[Body], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = 3
    monkeypatch.setattr(worker_process, "kernel_kills", lambda: kills)
    assert worker_memory.kernel_kills() >= 0

    async def body(scheduler: FakeScheduler) -> None:
        nonlocal kills
        for killed in (False, True):
            path = tmp_path / f"pid-{killed}"
            attempt = scheduler.assign("m:waits", str(path), str(tmp_path / "go"))
            await scheduler.offer()
            (pid,) = await numbers_in(path)
            kills += killed
            os.kill(pid, 9)
            assert (await scheduler.report(attempt)).error_kind == ("memory" if killed else "killed")

    play(body)


# --- attempts --------------------------------------------------------------------------------------------------------


@linux
@pytest.mark.slow
def test_what_takes_too_much_is_killed_and_nobody_else(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        neighbour = scheduler.assign("m:waits", str(tmp_path / "pid"), str(tmp_path / "go"), given={"memory": 400 * MB})
        await scheduler.offer()
        await numbers_in(tmp_path / "pid")
        path = tmp_path / "grows"
        report = await scheduler.run("m:grows", 600, str(path), given={"memory": 300 * MB})
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "memory")
        assert report.error == "the task took more than its memory of 300 MB\ntask task2 of dag sales (sales.ppd:7)"
        await gone([int(path.read_text())])
        assert neighbour not in scheduler.reports
        (tmp_path / "go").touch()
        assert value(await scheduler.report(neighbour)) == "waited"
        assert value(await scheduler.run("m:grows", 20, given={"memory": 300 * MB})) == "grown"

    play(body)


@linux
@pytest.mark.slow
def test_what_takes_far_too_much_at_once_is_refused_it(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:ok"))
        report = await scheduler.run("m:grabs", 100_000, given={"memory": 300 * MB})
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "memory")
        assert (report.error or "").startswith("the task took more than its memory of 300 MB:\nTraceback")
        assert "MemoryError" in (report.error or "")
        assert value(await scheduler.run("m:ok")) != before

    play(body)


@linux
@pytest.mark.slow
def test_a_limit_is_that_of_its_attempt(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        pid, before = value(await scheduler.run("m:limit"))  # type: ignore[misc]
        own, limit = value(await scheduler.run("m:limit", given={"memory": 300 * MB}))  # type: ignore[misc]
        assert own == pid
        assert 0 < limit < 3 * 10**9
        assert value(await scheduler.run("m:limit")) == [pid, before]

    play(body)


@linux
@pytest.mark.slow
def test_descendants_count(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = tmp_path / "pids"
        report = await scheduler.run("m:grows_in_children", 3, 100, str(path), given={"memory": 250 * MB})
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "memory")
        await gone(await numbers_in(path))

    play(body)


@linux
@pytest.mark.slow
def test_what_processes_share_counts_once(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:shares", 5, 100, given={"memory": 250 * MB})
        assert value(report) == 100 * MB

    play(body)


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_memory_that_runs_out_without_a_limit(play: Callable[[Body], None], isolation: str) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:ok", given={"isolation": isolation}))
        report = await scheduler.run("m:raises", given={"isolation": isolation})
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "memory")
        assert (report.error or "").startswith("memory ran out:\nTraceback")
        assert value(await scheduler.run("m:ok", given={"isolation": isolation})) != before

    play(body)
