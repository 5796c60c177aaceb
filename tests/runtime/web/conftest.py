"""A program that serves, in this process: the real scheduler, store and handlers, and executors played by the test."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
from tornado.netutil import bind_sockets

from ppacer import spec as s
from ppacer import wire
from ppacer.protocol import (
    EXCHANGE_PATH,
    PROTOCOL_VERSION,
    Assignment,
    AttemptLog,
    Claim,
    Exchange,
    ExchangeAnswer,
    LogEntry,
    Outcome,
    Report,
)
from ppacer.services.scheduler import Scheduler
from ppacer.store import open_store
from ppacer.store.logs import open_logs
from ppacer.web.app import serve
from ppacer.web.security import Access, networks
from ppacer.web.site import Site

AT = s.At(3, 1)
PRINT = "ppacer.tasks.builtin:print_"
_T = TypeVar("_T")

BOUND = 60.0
"""Seconds after which something that should have happened has not: a machine may be that busy."""


def literal(value: s.Constant) -> s.Literal:
    return s.Literal(value, AT)


PROGRAM = s.Program(
    name="shop",
    build="ab" * 32,
    compiler="0.1.0",
    dags=(
        s.Dag(
            id="daily",
            at=AT,
            doc="Load <b>sales</b>.",
            schedules=(s.Cron("15 2 * * *", AT),),
            timezone="Europe/Warsaw",
            tags=("sales",),
            max_active_runs=50,
            tasks=(
                s.Task(id='raw["eu/x"]', callable=PRINT, at=s.At(7, 3), args=(literal("a"),), children=("load",)),
                s.Task(
                    id="load",
                    callable=PRINT,
                    at=s.At(8, 3),
                    args=(literal("b"),),
                    parents=('raw["eu/x"]',),
                    retries=1,
                    timeout=timedelta(hours=1),
                    x=1,
                ),
            ),
        ),
        s.Dag(id="by_hand", at=AT, tasks=(s.Task(id="only", callable=PRINT, at=AT),)),
    ),
    callables=(s.Callable(PRINT, s.CallableKind.FUNCTION),),
    sources=(s.Source("flows/shop.ppd", "00" * 32, "…"),),
)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A serving program in a thread with a loop of its own."""

    site: Site
    port: int
    loop: asyncio.AbstractEventLoop
    stopping: asyncio.Event
    thread: threading.Thread

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = BOUND,
    ) -> Answer:
        """One request with just these headers (and `Host`); a body is JSON unless the headers say otherwise."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        sent = ({"Content-Type": "application/json"} if body is not None else {}) | dict(headers or {})
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, path: str, message: object, **headers: str) -> Answer:
        return self.ask(path, method="POST", body=json.dumps(message), headers=headers)

    def call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Runs a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(BOUND)

    def stop(self) -> None:
        """Ends it; harmless if it has ended."""
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.stopping.set)
        self.thread.join(BOUND)
        assert not self.thread.is_alive()

    def run(self, run_id: str, **query: object) -> Any:
        """A run's detail: its tasks by their names."""
        found = self.ask(f"/api/v1/runs/{run_id}?{urlencode(query)}").json
        found["tasks"] = {task["name"]: task for task in found["tasks"]}
        return found

    def trigger(self, dag: str = "daily", **params: object) -> str:
        answer = self.post(f"/api/v1/dags/{dag}/runs", {"params": params})
        assert answer.status == 201, answer.body
        run_id = answer.json["id"]
        assert isinstance(run_id, str)
        return run_id


@dataclass
class FakeExecutor:
    """Speaks the protocol over HTTP as an executor does, one step at a time."""

    server: Server
    headers: Mapping[str, str] = field(default_factory=dict)
    instance: str = field(default_factory=lambda: str(uuid.uuid4()))

    def exchange(self, **parts: Any) -> ExchangeAnswer:
        answer = self.send(self.message(**parts))
        assert answer.status == 200, answer.body
        return wire.decode(ExchangeAnswer, answer.body)

    def message(self, **parts: Any) -> Exchange:
        return replace(
            Exchange(
                protocol=PROTOCOL_VERSION,
                executor="fake",
                instance=self.instance,
                request=str(uuid.uuid4()),
                build=self.server.site.program.build,
                codes={each.id: each.hash for each in self.server.site.program.callables},
                capacity=4,
            ),
            **parts,
        )

    def send(self, message: Exchange) -> Answer:
        return self.server.ask(EXCHANGE_PATH, method="POST", body=wire.encode(message), headers=self.headers)

    def claim(self, slots: int = 1) -> tuple[Assignment, ...]:
        found: tuple[Assignment, ...] = ()
        end = time.monotonic() + BOUND
        while len(found) < slots:
            found += self.exchange(claim=Claim(slots - len(found), 10.0)).assignments
            assert len(found) == slots or time.monotonic() < end, "nothing to do came"
        return found

    def log(self, assignment: Assignment, *messages: str, first: int = 1) -> None:
        entries = tuple(
            LogEntry(first + index, 1_700_000_000_000_000, "stdout", 20, text) for index, text in enumerate(messages)
        )
        answer = self.exchange(logs=(AttemptLog(assignment.attempt, assignment.token, entries),))
        assert [ack.status for ack in answer.logs] == [200]

    def finish(self, assignment: Assignment, *, error: str | None = None, output: str = "null") -> None:
        report = Report(
            attempt=assignment.attempt,
            token=assignment.token,
            outcome=Outcome.FAILED if error else Outcome.SUCCESS,
            started_at=1_700_000_000_000_000,
            finished_at=1_700_000_001_500_000,
            output=None if error else output,
            error_kind="exception" if error else None,
            error=error,
        )
        answer = self.exchange(reports=(report,))
        assert [ack.status for ack in answer.reports] == [200]

    def work_off(self, tasks: int = 2) -> None:
        for _ in range(tasks):
            (assignment,) = self.claim()
            self.finish(assignment)


Serve = Callable[..., Server]


def start(
    folder: Path,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    machine: str | None = None,
    proxies: Sequence[str] = (),
    program: s.Program = PROGRAM,
) -> Server:
    """A server on the database in the folder: on loopback, or as if on `host` with `token`; to be stopped."""
    ready: list[Server] = []
    up = threading.Event()

    async def main() -> None:
        with_store, with_logs = open_store(folder / "shop.db"), open_logs(folder / "shop.logs.db")
        scheduler = Scheduler(program, with_store, with_logs)
        await scheduler.start()
        sockets = bind_sockets(0, "127.0.0.1")
        access = Access(host, token, machine, networks(proxies))
        site = Site(program, scheduler, with_store, with_logs, access, str(uuid.uuid4()))
        server = serve(site, sockets)
        stop = asyncio.Event()
        port = sockets[0].getsockname()[1]
        ready.append(Server(site, port, asyncio.get_running_loop(), stop, threading.current_thread()))
        up.set()
        await stop.wait()
        server.stop()
        await scheduler.stop()
        await server.close_all_connections()
        with_logs.close()
        with_store.close()

    threading.Thread(target=asyncio.run, args=(main(),), daemon=True).start()
    assert up.wait(BOUND)
    return ready[0]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serve]:
    """Starts servers, one after the other on one database."""
    started: list[Server] = []

    def begin(**how: Any) -> Server:
        started.append(start(tmp_path, **how))
        return started[-1]

    yield begin
    for server in started:
        server.stop()


@pytest.fixture
def server(serving: Serve) -> Server:
    return serving()


@pytest.fixture
def executor(server: Server) -> FakeExecutor:
    return FakeExecutor(server)
