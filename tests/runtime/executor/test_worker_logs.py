"""What a task writes, by whatever way, becomes its log; however much it is."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ppacer.services.worker_log import LINE_LIMIT, LOG_LIMIT

from .conftest import Bench, FakeScheduler, value

pytestmark = pytest.mark.slow

MODULE = """
    import logging, os, subprocess, sys, threading, time
    from pathlib import Path
    from ppacer import TaskContext

    def prints():
        print("out")
        print("err", file=sys.stderr)
        print("no newline", end="")

    def prints_oddly():
        os.write(1, b"\\xff\\x00caf\\xc3\\xa9\\r\\n")
        print("\\udc80")

    def from_subprocess():
        subprocess.run(["sh", "-c", "echo from sh; echo to stderr >&2"], check=True)

    def from_threads():
        def work(n):
            for i in range(50):
                print(f"{n}.{i}")
        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()

    def from_fork():
        pid = os.fork()
        if pid == 0:
            logging.getLogger("child").warning("from the child")
            os._exit(0)
        os.waitpid(pid, 0)

    def logs(context: TaskContext):
        log = logging.getLogger("shop.etl")
        print("first")
        log.debug("not shown")
        log.info("loaded %d rows", 7, extra={"rows": 7, "path": object, "region": "eu", "ratio": float("nan")})
        print("second")
        try:
            1 / 0
        except ZeroDivisionError:
            log.exception("that failed \\udc80")
        context.logger.debug("detail")
        log.info("%d", "broken")

    def writes(count, chunk, newline, path=None):
        block = b"x" * (chunk - newline) + b"\\n" * newline
        view = block * 64
        for _ in range(count // 64):
            os.write(1, view)
        os.write(1, b"the end\\n")
        if path:
            Path(path).touch()
        return "done"

    def prints_and_waits(path):
        print("early")
        while not os.path.exists(path):
            time.sleep(0.01)
"""

Body = Callable[[FakeScheduler], Awaitable[None]]


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    bench.module("m", MODULE)

    def play(body: Body) -> None:
        async def main() -> None:
            async with bench.executor(scheduler, capacity=2):
                await body(scheduler)

        asyncio.run(main())

    return play


def test_both_outputs_and_an_unfinished_line(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = (await scheduler.run("m:prints")).attempt
        assert scheduler.text(attempt, "stdout") == ["out", "no newline"]
        assert scheduler.text(attempt, "stderr") == ["err"]

    play(body)


def test_bytes_that_are_no_text(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = (await scheduler.run("m:prints_oddly")).attempt
        assert scheduler.text(attempt, "stdout") == ["\\xff\\x00café", "\\udc80"]

    play(body)


def test_a_subprocess_writes_into_the_same_log(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = (await scheduler.run("m:from_subprocess")).attempt
        assert scheduler.text(attempt, "stdout") == ["from sh"]
        assert scheduler.text(attempt, "stderr") == ["to stderr"]

    play(body)


def test_threads_print_whole_lines(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = (await scheduler.run("m:from_threads")).attempt
        lines = scheduler.text(attempt, "stdout")
        assert sorted("".join(lines).replace("\n", "")) == sorted(
            "".join(f"{n}.{i}" for n in range(4) for i in range(50))
        )

    play(body)


def test_a_forked_child_logs_to_stderr(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = (await scheduler.run("m:from_fork")).attempt
        assert scheduler.text(attempt) == ["WARNING child: from the child"]

    play(body)


def test_records_of_logging_keep_their_parts(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = time.time()
        attempt = (await scheduler.run("m:logs")).attempt
        lines = [text.splitlines()[0] for text in scheduler.text(attempt, "stdout", "logging")]
        assert sorted(lines) == sorted(["first", "loaded 7 rows", "second", "that failed \\udc80", "detail"])
        # What was printed before a record stands before it; what was printed after it may, too.
        assert lines.index("first") < lines.index("loaded 7 rows")
        assert lines.index("second") < lines.index("that failed \\udc80")
        loaded, failed, detail = (entry for entry in scheduler.logs[attempt] if entry.stream == "logging")
        assert (loaded.level, loaded.logger) == (20, "shop.etl")
        assert json.loads(loaded.attributes) == {
            "rows": 7,
            "path": "<class 'object'>",
            "region": "eu",
            "ratio": "nan",
        }
        assert before <= loaded.at / 1e6 <= time.time()
        assert failed.level == 40
        assert failed.message.endswith("ZeroDivisionError: division by zero")
        assert (detail.level, detail.logger) == (10, "task")
        assert "--- Logging error ---" in scheduler.text(attempt, "stderr")

    play(body)


def test_a_log_can_be_followed_while_the_task_runs(play: Callable[[Body], None], bench: Bench) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = bench.folder / "go"
        attempt = scheduler.assign("m:prints_and_waits", str(path))
        await scheduler.offer()
        await scheduler.until(lambda: attempt in scheduler.logs)
        assert scheduler.text(attempt) == ["early"]
        path.touch()
        await scheduler.report(attempt)
        assert scheduler.text(attempt) == ["early"]

    play(body)


@pytest.mark.parametrize("newline", [0, 1])
def test_fifty_megabytes_of_output(play: Callable[[Body], None], newline: int) -> None:
    """With and without line ends: the beginning and the end are kept, what lies between is counted."""

    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:writes", 50 * 1024, 1024, newline)
        assert value(report) == "done"
        entries = scheduler.logs[report.attempt]
        assert scheduler.text(report.attempt, "stdout")[-1].endswith("the end")
        (note,) = scheduler.text(report.attempt, "system")
        left_out = int(note.split()[0])
        kept = sum(len(entry.message) for entry in entries if entry.stream == "stdout")
        assert kept + left_out == 50 * 1024 * (1024 - newline) + len("the end")
        assert kept < LOG_LIMIT + 1024 * 1024
        assert max(len(entry.message) for entry in entries) <= LINE_LIMIT

    play(body)


def test_a_log_waits_for_a_scheduler_that_is_away_and_so_does_its_task(
    play: Callable[[Body], None], tmp_path: Path
) -> None:
    away = True
    path = tmp_path / "written"

    def before(exchange: object) -> None:
        if away and getattr(exchange, "logs", ()):
            raise OSError("away")

    async def body(scheduler: FakeScheduler) -> None:
        nonlocal away
        scheduler.before = before
        attempt = scheduler.assign("m:writes", 4 * 1024, 1024, 1, str(path))
        await scheduler.offer()
        with pytest.raises(TimeoutError):
            await scheduler.report(attempt, 1.5)
        assert not path.exists()
        away = False
        report = await scheduler.report(attempt)
        assert value(report) == "done"
        assert len(scheduler.text(attempt, "stdout")) == 4 * 1024 + 1

    play(body)
