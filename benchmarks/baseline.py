"""The least that a task queue over HTTP and a database must do: Tornado, SQLAlchemy Core, SQLite, and nothing else.

`python -m benchmarks.baseline FILE TASKS` serves a table of so many tasks, and prints its port. `claim` hands out a
batch under a fencing token, `finish` ends one, each in a transaction that is on the disk (`synchronous=FULL`) when it
is answered; `drive` has clients claim and finish everything, each over one connection that stays open.

This is what other figures are ratios of. It is to be left as it is: every change makes old figures worthless.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
import time
import uuid
from itertools import count
from pathlib import Path
from statistics import median

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    event,
    select,
    update,
)
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

_metadata = MetaData()
_tasks = Table(
    "tasks",
    _metadata,
    Column("id", String(36), primary_key=True),
    Column("status", String(30), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Index("by_status", "status", "id"),
)

_CLAIM = (
    update(_tasks)
    .where(_tasks.c.id == bindparam("key"), _tasks.c.status == "queued")
    .values(status="running", token=bindparam("new_token"), started_at=bindparam("now"))
)
_FINISH = (
    update(_tasks)
    .where(_tasks.c.id == bindparam("key"), _tasks.c.status == "running", _tasks.c.token == bindparam("old_token"))
    .values(status="success", finished_at=bindparam("now"))
)


def serve(file: Path, tasks: int) -> None:
    engine = _open(file)
    _metadata.create_all(engine)
    with engine.begin() as connection:
        rows = [{"id": str(uuid.uuid4()), "status": "queued", "token": 0} for _ in range(tasks)]
        if rows:
            connection.execute(_tasks.insert(), rows)
    asyncio.run(_serve(engine))


async def _serve(engine: Engine) -> None:
    connection = engine.connect()
    tokens = count(1)
    shared = {"connection": connection, "tokens": tokens}
    application = Application(
        [("/claim", _ClaimHandler, shared), ("/finish", _FinishHandler, shared), ("/health", _HealthHandler)]
    )
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(application).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def _open(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file.absolute()}", connect_args={"isolation_level": None})
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA journal_mode=WAL"))
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=FULL"))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


class _Handler(RequestHandler):
    def initialize(self, connection: Connection, tokens: count[int]) -> None:
        self.connection = connection
        self.tokens = tokens


class _ClaimHandler(_Handler):
    def post(self) -> None:
        slots = json.loads(self.request.body)["slots"]
        now = time.time_ns() // 1000
        with self.connection.begin():
            query = select(_tasks.c.id).where(_tasks.c.status == "queued").limit(slots)
            ids = self.connection.execute(query).scalars().all()
            claims = [{"key": id_, "new_token": next(self.tokens), "now": now} for id_ in ids]
            if claims:
                self.connection.execute(_CLAIM, claims)
        self.finish({"tasks": [[claim["key"], claim["new_token"]] for claim in claims]})


class _FinishHandler(_Handler):
    def post(self) -> None:
        now = time.time_ns() // 1000
        ends = [{"key": id_, "old_token": token, "now": now} for id_, token in json.loads(self.request.body)["tasks"]]
        with self.connection.begin():
            found = self.connection.execute(_FINISH, ends).rowcount
        self.set_status(200 if found == len(ends) else 409)
        self.finish({})


class _HealthHandler(RequestHandler):
    def get(self) -> None:
        self.finish({"status": "ok"})


# --- the other side --------------------------------------------------------------------------------------------------


def drive(port: int, *, connections: int, batch: int) -> tuple[float, list[float]]:
    """Claims and finishes all there is; the seconds that took, and those of each claim with its finish."""
    laps: list[float] = []
    threads = [threading.Thread(target=_work, args=(port, batch, laps)) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, laps


def _work(port: int, batch: int, laps: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    while True:
        began = time.perf_counter()
        tasks = _ask(connection, "/claim", {"slots": batch})["tasks"]
        if not tasks:
            break
        _ask(connection, "/finish", {"tasks": tasks})
        laps.append(time.perf_counter() - began)
    connection.close()


def _ask(connection: http.client.HTTPConnection, path: str, body: object) -> dict[str, list[list[object]]]:
    connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status != 200:
        raise SystemExit(f"the baseline answered {path} with {response.status}")
    return answer


def half(laps: list[float]) -> float:
    """The seconds that half of the laps were done in."""
    return median(laps)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
