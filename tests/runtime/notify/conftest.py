"""Programs with callables of their own, a caller that runs them, a clock and timers that a test moves on by hand."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TypeVar

import pytest

from ppacer import spec
from ppacer.core.model import Attempt, AttemptStatus, Run, RunKind, RunStatus
from ppacer.core.plan import DagPlan, plans
from ppacer.services import worker_process
from ppacer.services.caller import Caller
from ppacer.services.worker_pool import WorkerPool
from ppacer.services.zygote_process import worker_command

T = TypeVar("T")

AT = spec.At(3, 1)
BOUND = 60.0
"""Seconds after which something that should have happened has not."""

NOW = 1_767_225_600_000_000
"""2026-01-01T00:00Z."""

_PROGRAM = """
import sys
from importlib import import_module
from pathlib import Path
from ppacer.services import zygote

def _loader(id):
    module, _, name = id.partition(":")
    return lambda: getattr(import_module(module), name)

if __name__ == "__main__":
    callables = {id: _loader(id) for id in Path(__file__).with_suffix(".txt").read_text().split()}
    sys.exit(zygote.main(sys.argv[2:], callables, [str(Path(__file__).parent / "modules")]))
"""


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, how a worker ended is heard of before its silence is taken for an end."""
    monkeypatch.setattr(worker_process, "_SILENCE_SECONDS", 3600.0)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests of this folder may be coroutines."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 4 * BOUND))
    return True


@dataclass
class Bench:
    """A program's file, the modules beside it, and callers that run it."""

    folder: Path

    def module(self, name: str, text: str) -> None:
        (self.folder / "modules" / f"{name}.py").write_text(textwrap.dedent(text))

    def program(self, *callables: str) -> Path:
        """The file of a program with these callables."""
        file = self.folder / "program.py"
        file.write_text(_PROGRAM)
        file.with_suffix(".txt").write_text("\n".join(callables))
        return file

    @asynccontextmanager
    async def caller(self, *callables: str) -> AsyncIterator[Caller]:
        """A caller of a program with these callables; nothing of it is left at the end of the block."""
        file = self.program(*callables)
        caller = Caller(lambda: WorkerPool(worker_command(sys.executable, file)))
        try:
            yield caller
        finally:
            await caller.close()


@dataclass
class Hand:
    """A clock and the timers on it; time passes when the test says so."""

    at: int = NOW
    waiting: list[_Timer] = field(default_factory=list)

    def now(self) -> int:
        return self.at

    def time(self) -> float:
        return self.at / 1_000_000

    def call_in(self, seconds: float, call: Callable[[], None]) -> _Timer:
        timer = _Timer(self.at + round(max(0.0, seconds) * 1_000_000), call)
        self.waiting.append(timer)
        return timer

    def cancel(self, timer: _Timer) -> None:
        if timer in self.waiting:
            self.waiting.remove(timer)

    def advance(self, seconds: float) -> None:
        """Lets time pass, and calls what is due on the way."""
        end = self.at + round(seconds * 1_000_000)
        while due := [timer for timer in self.waiting if timer.at <= end]:
            first = min(due, key=lambda timer: timer.at)
            self.waiting.remove(first)
            self.at = max(self.at, first.at)
            first.call()
        self.at = end


@dataclass(eq=False)
class _Timer:
    at: int
    call: Callable[[], None]


@dataclass
class Heard:
    """What a local HTTP server was asked."""

    port: int
    paths: list[str] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)
    answer: Callable[[BaseHTTPRequestHandler], None] = lambda handler: handler.send_response(200)


@contextmanager
def http_server() -> Iterator[Heard]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.paths.append(self.path)
            heard.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._answer()

        def do_GET(self) -> None:
            heard.paths.append(self.path)
            self._answer()

        def _answer(self) -> None:
            heard.answer(self)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    heard = Heard(server.server_address[1])
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def until(condition: Callable[[], T | None]) -> T:
    """Polls for what no signal tells."""
    end = time.monotonic() + BOUND
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)
    return found


def make_plan(*notifiers: spec.Notifier, **settings: object) -> DagPlan:
    """A dag `sales` with a task `load` and a run-time family `check`."""
    tasks = (
        spec.Task("load", "shop:load", AT),
        spec.Task("check", "shop:check", AT, fan_out=spec.FanOut("f", spec.Output("load", AT))),
    )
    dag = spec.Dag("sales", AT, tasks, timezone="Europe/Warsaw", **settings)
    program = spec.Program("p", "b1", "0", (dag,), sources=(spec.Source("p.ppd", "", ""),), notifiers=notifiers)
    return plans(program)["sales"]


def make_run(**settings: object) -> Run:
    fields = {"status": RunStatus.RUNNING, "scheduled_at": NOW, "created_at": NOW, "actor": "schedule"}
    return Run("01900000-0000-7000-8000-00000000000a", "sales", "b1", RunKind.SCHEDULED, **{**fields, **settings})


def make_attempt(task: str = "load", position: int = 0, number: int = 1, **settings: object) -> Attempt:
    own = "01900000-0000-7000-8000-0000000000aa"
    return Attempt(own, make_run().id, 1, task, position, number, AttemptStatus.RUNNING, NOW, token=7, **settings)


class Kit:
    """The functions above, for tests that cannot import this file."""

    plan = staticmethod(make_plan)
    run = staticmethod(make_run)
    attempt = staticmethod(make_attempt)
    until = staticmethod(until)
    http_server = staticmethod(http_server)
    hand = Hand
    at = AT
    now = NOW


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "modules").mkdir()
    return Bench(tmp_path)
