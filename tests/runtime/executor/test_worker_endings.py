"""Every way in which an attempt can end, with real processes, and what the next attempt finds."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ppacer.protocol import Outcome
from ppacer.services import worker_attempt, worker_process

from .conftest import FOR_EVER, Bench, FakeScheduler, gone, numbers_in, value

pytestmark = pytest.mark.slow

MODULE = """
    import asyncio, ctypes, os, signal, subprocess, sys, threading, time
    from pathlib import Path

    def ok():
        return os.getpid()

    def fails():
        inner()

    def inner():
        raise ValueError("no such region")

    def exits(code):
        sys.exit(code)

    def exits_at_once(code):
        print("last words", flush=True)
        os._exit(code)

    def segfaults():
        ctypes.string_at(0)

    def kills_itself(number):
        os.kill(os.getpid(), number)
        time.sleep(3600)

    class Unpicklable(Exception):
        def __init__(self, a, b):
            super().__init__(a, b)
            self.lock = threading.Lock()

    def raises_unpicklable():
        raise Unpicklable("x", lambda: None)

    class Unspeakable(Exception):
        def __str__(self):
            raise RuntimeError("no words")

    def raises_unspeakable():
        raise Unspeakable

    def interrupts():
        raise KeyboardInterrupt

    def deep():
        return deep()

    def returns_socket():
        import socket
        return {"rows": [1, socket.socket]}

    def returns_much():
        return "x" * 2_000_000

    def closes_everything():
        os.closerange(3, 1000)
        time.sleep(3600)

    def sleeps(path, seconds=3600):
        Path(path).write_text(str(os.getpid()))
        time.sleep(seconds)
        return "slept"

    def ignores_term(path):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(path).write_text(str(os.getpid()))
        while True:
            time.sleep(1)

    def cleans_up(begun, path):
        try:
            Path(begun).write_text(str(os.getpid()))
            time.sleep(3600)
        finally:
            Path(path).write_text("cleaned up")

    async def cleans_up_async(begun, path):
        try:
            Path(begun).write_text(str(os.getpid()))
            await asyncio.sleep(3600)
        finally:
            Path(path).write_text("cleaned up")

    def leaves_children(path):
        # One in the group, one that has left session and group and whose parent is gone.
        one = subprocess.Popen(["sleep", "3600"])
        subprocess.run(["sh", "-c", f"setsid sh -c 'echo $$ > {path}; exec sleep 3600' >/dev/null 2>&1 &"], check=True)
        while not Path(path).exists() or not Path(path).read_text():
            time.sleep(0.01)
        return [os.getpid(), one.pid, int(Path(path).read_text())]

    def leaves_children_and_sleeps(path):
        pids = leaves_children(path + ".child")
        Path(path + ".new").write_text(" ".join(map(str, pids)))
        os.rename(path + ".new", path)
        time.sleep(3600)

    def leaves_thread():
        threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
        return os.getpid()

    def spoils():
        os.environ["SPOILED"] = "yes"
        os.chdir("/")
        sys.stdout = None
        return os.getpid()

    def looks():
        print("still here")
        return [os.getpid(), os.environ.get("SPOILED"), os.getcwd()]
"""

Body = Callable[[FakeScheduler], Awaitable[None]]


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    """Runs a coroutine against an executor of the module above."""
    bench.module("m", MODULE)

    def play(body: Body) -> None:
        async def main() -> None:
            async with bench.executor(scheduler, capacity=4):
                await body(scheduler)

        asyncio.run(main())

    return play


@pytest.mark.parametrize(
    ("callable", "args", "kind", "words"),
    [
        ("exits", (0,), "exited", "the task called sys.exit(0)"),
        ("exits", ("bad news",), "exited", "the task called sys.exit('bad news')"),
        ("exits", (None,), "exited", "the task called sys.exit()"),
        ("exits_at_once", (0,), "exited", "ended with exit code 0 before the task returned"),
        ("exits_at_once", (3,), "exited", "ended with exit code 3 before the task returned"),
        ("segfaults", (), "killed", "killed by SIGSEGV"),
        ("kills_itself", (9,), "killed", "the kernel does so when memory runs out"),
        ("kills_itself", (15,), "killed", "was sent SIGTERM, and not by the executor"),
        ("raises_unpicklable", (), "exception", "Unpicklable: ('x', <function"),
        ("raises_unspeakable", (), "exception", "Unspeakable: <exception str() failed>"),
        ("interrupts", (), "exception", "KeyboardInterrupt"),
        ("deep", (), "exception", "RecursionError"),
        ("returns_socket", (), "output", "cannot be stored: at ['rows'][1]: a value of type type has no JSON form"),
        ("returns_much", (), "output", "write it to a file and return the path"),
        ("closes_everything", (), "killed", "it closed its channel to the executor"),
        ("ok", (1,), "arguments", "the arguments do not fit ok(): too many positional arguments"),
        ("no_such", (), "import", "AttributeError: module 'm' has no attribute 'no_such'"),
    ],
)
def test_an_attempt_fails_with_its_cause_and_the_next_one_runs(
    play: Callable[[Body], None],
    monkeypatch: pytest.MonkeyPatch,
    callable: str,
    args: tuple[object, ...],
    kind: str,
    words: str,
) -> None:
    """Its end is told when it comes: no time-out and no renewal of its lease would tell of it in time."""
    if callable == "closes_everything":
        monkeypatch.setattr(worker_process, "_SILENCE_SECONDS", 0.5)

    async def body(scheduler: FakeScheduler) -> None:
        scheduler.lease = FOR_EVER
        before = value(await scheduler.run("m:ok"))
        report = await scheduler.run(f"m:{callable}", *args)
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, kind)
        assert report.error is not None
        assert words in report.error
        assert report.error.endswith("\ntask task2 of dag sales (sales.ppd:7)")
        assert scheduler.text(report.attempt, "system") == [report.error]
        after = value(await scheduler.run("m:ok"))
        fresh = kind in ("exited", "killed", "import")
        assert (after != before) is fresh

    play(body)


def test_a_traceback_shows_the_users_frames_only(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:fails")
        assert report.error is not None
        lines = report.error.splitlines()
        assert lines[0] == "Traceback (most recent call last):"
        assert [line.split(", in ")[1] for line in lines if line.startswith("  File")] == ["fails", "inner"]
        assert lines[-2:] == ["ValueError: no such region", "task task1 of dag sales (sales.ppd:7)"]

    play(body)


def test_a_segfault_leaves_its_trace_in_the_log(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:segfaults")
        assert "in segfaults" in "\n".join(scheduler.text(report.attempt, "stderr"))

    play(body)


def test_what_a_dying_task_printed_is_kept(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:exits_at_once", 1)
        assert scheduler.text(report.attempt, "stdout") == ["last words"]

    play(body)


def test_a_task_killed_from_outside(play: Callable[[Body], None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = bench.folder / "pid"
        attempt = scheduler.assign("m:sleeps", str(path))
        await scheduler.offer()
        (pid,) = await numbers_in(path)
        os.kill(pid, signal.SIGKILL)
        report = await scheduler.report(attempt)
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "killed")

    play(body)


def test_a_worker_killed_while_idle_costs_nobody_anything(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        for _ in range(5):
            pid = value(await scheduler.run("m:ok"))
            assert isinstance(pid, int)
            attempt = scheduler.assign("m:ok")
            os.kill(pid, signal.SIGKILL)
            await scheduler.offer()
            assert value(await scheduler.report(attempt)) != pid

    play(body)


@pytest.mark.parametrize("callable", ["cleans_up", "cleans_up_async"])
def test_a_time_out_lets_finally_blocks_run(play: Callable[[Body], None], bench: Bench, callable: str) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        begun, path = bench.folder / "begun", bench.folder / "trace"
        attempt = scheduler.assign(f"m:{callable}", str(begun), str(path), seconds=600)
        await scheduler.offer()
        await numbers_in(begun)
        bench.ring(attempt)
        report = await scheduler.report(attempt)
        assert (report.outcome, report.error_kind) == (Outcome.TIMED_OUT, "timeout")
        assert report.error == "the task ran longer than its time-out of 10m\n" + (
            "task task1 of dag sales (sales.ppd:7)"
        )
        assert path.read_text() == "cleaned up"

    play(body)


def test_a_time_out_does_not_count_the_start_of_the_worker(bench: Bench, scheduler: FakeScheduler) -> None:
    bench.module("m", MODULE)
    bench.file.write_text("import time\ntime.sleep(0.8)\n" + bench.file.read_text())

    async def main() -> None:
        async with bench.executor(scheduler):
            value(await scheduler.run("m:ok", seconds=0.6))

    asyncio.run(main())


def test_a_task_that_ignores_sigterm_is_killed_after_the_grace(
    play: Callable[[Body], None], bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_attempt, "GRACE_SECONDS", 1.0)

    async def body(scheduler: FakeScheduler) -> None:
        path = bench.folder / "pid"
        attempt = scheduler.assign("m:ignores_term", str(path))
        await scheduler.offer()
        await numbers_in(path)
        bench.ring(attempt)
        report = await scheduler.report(attempt)
        assert report.outcome is Outcome.TIMED_OUT
        assert report.finished_at - report.started_at > 1_000_000
        await gone([int(path.read_text())])

    play(body)


def test_a_cancel_ends_the_attempt(play: Callable[[Body], None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = bench.folder / "pid"
        attempt = scheduler.assign("m:sleeps", str(path))
        await scheduler.offer()
        (pid,) = await numbers_in(path)
        scheduler.cancel.add(attempt)
        await scheduler.run("m:ok")
        report = await scheduler.report(attempt)
        assert (report.outcome, report.error_kind) == (Outcome.CANCELLED, "cancelled")
        await gone([pid])

    play(body)


def test_a_cancel_that_comes_before_its_worker_has_read_the_attempt(play: Callable[[Body], None], bench: Bench) -> None:
    """It is not lost: the attempt would go on until the end of the grace, and be killed in the middle then."""

    async def body(scheduler: FakeScheduler) -> None:
        (worker,) = {value(await scheduler.run("m:ok"))}
        os.kill(worker, signal.SIGSTOP)
        path = bench.folder / "pid"
        attempt = scheduler.assign("m:sleeps", str(path))
        await scheduler.offer()
        await scheduler.until(lambda: not scheduler.queue)
        scheduler.cancel.add(attempt)
        assert value(await scheduler.run("m:ok")) != worker
        os.kill(worker, signal.SIGCONT)
        report = await scheduler.report(attempt)
        assert (report.outcome, report.error_kind) == (Outcome.CANCELLED, "cancelled")
        assert not path.exists()

    play(body)


def test_processes_that_a_task_leaves_behind_end_with_it(play: Callable[[Body], None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        pids = value(await scheduler.run("m:leaves_children", str(bench.folder / "child")))
        assert isinstance(pids, list)
        await gone(pids)

    play(body)


def test_grandchildren_end_with_a_time_out(play: Callable[[Body], None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = bench.folder / "pids"
        attempt = scheduler.assign("m:leaves_children_and_sleeps", str(path))
        await scheduler.offer()
        pids = await numbers_in(path)
        bench.ring(attempt)
        assert (await scheduler.report(attempt)).outcome is Outcome.TIMED_OUT
        await gone(pids)

    play(body)


def test_grandchildren_end_with_a_worker_that_is_killed(play: Callable[[Body], None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = bench.folder / "pids"
        attempt = scheduler.assign("m:leaves_children_and_sleeps", str(path))
        await scheduler.offer()
        pids = await numbers_in(path)
        os.kill(pids[0], signal.SIGKILL)
        assert (await scheduler.report(attempt)).error_kind == "killed"
        await gone(pids)

    play(body)


def test_a_thread_left_behind_costs_the_worker(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        assert value(await scheduler.run("m:leaves_thread")) != value(await scheduler.run("m:ok"))

    play(body)


def test_a_task_finds_its_surroundings_as_they_were(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:spoils"))
        report = await scheduler.run("m:looks")
        assert value(report) == [before, None, str(Path.cwd())]
        assert scheduler.text(report.attempt) == ["still here"]

    play(body)
