"""Modules that the zygote imports ahead: those that do its workers no harm, when nobody wants a worker."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence

import pytest

from ppacer import spec
from ppacer.protocol import Report
from ppacer.services.executor import Executor
from ppacer.services.transport import DirectTransport
from ppacer.services.worker_attempt import RunningAttempt
from ppacer.services.worker_pool import WorkerPool
from ppacer.services.zygote_process import worker_command

from .conftest import FOR_EVER, PROGRAM, Bench, FakeScheduler, eventually, gone, make_assignment, numbers_in, value

AT = spec.At(line=1, column=1)
PLAIN = """
    import os, random, sys
    IMPORTED_BY = os.getpid()
    print("imported", file=sys.stderr)
    print("imported")

    def looks():
        return [IMPORTED_BY, os.getpid(), os.getppid()]

    def draws():
        return random.random()
"""


@pytest.fixture
def play(bench: Bench, caplog: pytest.LogCaptureFixture) -> Callable[..., None]:
    """Runs a coroutine with a pool that preloads modules, and what it has said of them."""

    def play(
        modules: Sequence[str],
        body: Callable[[WorkerPool, Callable[[], list[str]]], Awaitable[None]],
        import_seconds: float = FOR_EVER,
    ) -> None:
        def told() -> list[str]:
            return [text for record in caplog.records if (text := record.getMessage()).startswith("module ")]

        async def main() -> None:
            pool = WorkerPool(worker_command(sys.executable, bench.file), preload=modules)
            try:
                await pool.start()
                await body(pool, told)
            finally:
                await pool.close()

        bench.set("ppacer.services.worker_preload.PROBE_SECONDS", import_seconds)
        with caplog.at_level(logging.DEBUG, "ppacer"):
            asyncio.run(main())

    return play


async def run(pool: WorkerPool, callable: str, isolation: str = "process") -> tuple[RunningAttempt, Report]:
    assignment = make_assignment(callable=callable, isolation=isolation)
    attempt = RunningAttempt(assignment, pool, lambda: None)
    report = await attempt.run()
    assert report is not None
    return attempt, report


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_workers_have_a_module_from_the_start(play: Callable[..., None], bench: Bench, isolation: str) -> None:
    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        await eventually(lambda: told() == ["module plain is preloaded"])
        attempt, report = await run(pool, "plain:looks", isolation)
        by, own, parent = value(report)  # type: ignore[misc]
        assert by == parent != own
        assert attempt.output.take(1000) == ()

    bench.module("plain", PLAIN)
    play(["plain"], body)


@pytest.mark.slow
def test_a_worker_that_is_wanted_at_once_does_not_wait(play: Callable[..., None], bench: Bench) -> None:
    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        by, own, _ = value((await run(pool, "plain:looks"))[1])  # type: ignore[misc]
        assert by == own
        assert told() == []

    bench.set("ppacer.services.worker_preload.IDLE_SECONDS", FOR_EVER)
    bench.module("plain", PLAIN)
    play(["plain"], body)


@pytest.mark.slow
def test_workers_draw_numbers_of_their_own(play: Callable[..., None], bench: Bench) -> None:
    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        await eventually(told)
        reports = await asyncio.gather(*(run(pool, "plain:draws") for _ in range(3)))
        assert len({value(report) for _, report in reports}) == 3

    bench.module("plain", PLAIN)
    play(["plain"], body)


@pytest.mark.slow
def test_a_module_that_sets_logging_up_finds_it_set_up(play: Callable[..., None], bench: Bench) -> None:
    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        await eventually(lambda: told() == ["module careful is preloaded"])
        attempt, _ = await run(pool, "careful:logs")
        assert [(entry.stream, entry.message) for entry in attempt.output.take(1000)] == [("logging", "once")]

    bench.module("careful", "import logging\nlogging.basicConfig()\ndef logs():\n    logging.warning('once')\n")
    play(["careful"], body)


@pytest.mark.slow
def test_what_would_harm_workers_is_left_to_them(play: Callable[..., None], bench: Bench) -> None:
    harmful = {
        "thread": (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(3600,), daemon=True).start()",
            "threads",
        ),
        "child": ("import subprocess\nX = subprocess.Popen(['sleep', '3600'])", "processes"),
        "opens": ("X = open(__file__)", "open files"),
        "connects": ("import socket\nX = socket.socketpair()", "open files"),
        "variable": ("import os\nos.environ['X'] = '1'", "the environment"),
        "moves": ("import os\nos.chdir('/')", "the working directory"),
        "path": ("import sys\nsys.path.append('/nowhere')", "the search path"),
        "handler": ("import signal\nsignal.signal(signal.SIGUSR1, print)", "signal handlers"),
        "logs": ("import logging\nlogging.getLogger().setLevel(10)", "logging"),
        "stream": ("import io, sys\nsys.stdout = io.StringIO()", "the standard streams"),
    }
    others = {
        "broken": ("import no_such_module", "it cannot be imported: ModuleNotFoundError"),
        "quits": ("import sys\nsys.exit(0)", "it cannot be imported: SystemExit"),
        "dies": ("import os\nos._exit(3)", "importing it ends the process"),
    }
    expected = {name: f"it leaves changed: {what}" for name, (_, what) in harmful.items()}
    expected |= {name: why for name, (_, why) in others.items()}

    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        names = [*expected, "plain"]
        await eventually(lambda: len(told()) == len(names))
        assert told() == [f"module {name} is left to workers: {why}" for name, why in expected.items()] + [
            "module plain is preloaded"
        ]
        for name in harmful:
            assert value((await run(pool, f"{name}:ok"))[1]) == name

    for name, (text, _) in (harmful | others).items():
        bench.module(name, f"{text}\ndef ok():\n    return {name!r}\n")
    bench.module("plain", PLAIN)
    play([*expected, "plain"], body)


@pytest.mark.slow
def test_what_takes_long_to_import_is_left_to_workers(play: Callable[..., None], bench: Bench) -> None:
    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        await eventually(told)
        assert told() == ["module hangs is left to workers: it takes longer than 0.5 s to import"]

    bench.module("hangs", "import time\ntime.sleep(3600)")
    play(["hangs"], body, import_seconds=0.5)


@pytest.mark.slow
def test_processes_of_a_module_that_was_tried_are_ended(play: Callable[..., None], bench: Bench) -> None:
    path = bench.folder / "pid"

    async def body(pool: WorkerPool, told: Callable[[], list[str]]) -> None:
        await eventually(told)
        await gone(await numbers_in(path))

    command = f"setsid sh -c 'echo $$ > {path}.new; mv {path}.new {path}; exec sleep 3600' >/dev/null 2>&1 &"
    text = f"""
        import os, subprocess, time
        subprocess.run(["sh", "-c", {command!r}])
        end = time.monotonic() + 60
        while not os.path.exists({str(path)!r}) and time.monotonic() < end:  # or it is ended before it has written that
            time.sleep(0.01)
    """
    bench.module("daemon", text)
    play(["daemon"], body)


def test_the_modules_of_the_tasks_are_preloaded_those_that_read_a_tasks_variables_not(
    bench: Bench, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Sequence[str]] = []

    class Pool(WorkerPool):
        def __init__(self, command: Sequence[str], **settings: object) -> None:
            seen.append(settings["preload"])  # type: ignore[arg-type]

    variables = (("A", spec.Literal("1", AT)),)
    tasks = (
        spec.Task("a", "shop:load", AT),
        spec.Task("b", "shop.etl:Step.run", AT),
        spec.Task("c", "private:f", AT, env=variables),
        spec.Task("d", "private:g", AT),
        spec.Task("e", "shop:store", AT),
    )
    program = spec.Program("p", PROGRAM.build, "test", (spec.Dag("d", AT, tasks),))
    monkeypatch.setattr("ppacer.services.executor.WorkerPool", Pool)
    Executor(program, DirectTransport(scheduler.exchange), file=bench.file)
    assert [name for name in seen[0] if not name.startswith("ppacer.")] == ["shop", "shop.etl"]
