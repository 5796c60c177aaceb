"""Several schedulers on the database of one server, executors that know all of them, and what becomes of their runs."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from ppacer.client import Client, ClientError
from tests.e2e.alive import alive, commands
from tests.e2e.world import GONE_SECONDS, PATIENCE_SECONDS, Process, World, wait_until
from tests.hosts.checker import Verdict, check
from tests.hosts.notes import Execution, executions, notes
from tests.servers import free_port

PIPELINE = Path(__file__).parents[1] / "hosts" / "pipelines" / "hosts.ppd"
HELD = 9
"""How many tasks of a run of `spread` are held back by its gate."""


class Rivals:
    """`database` is the URL that programs are given, `lease` in seconds. Schedulers and executors go by names."""

    def __init__(self, world: World, database: str, lease: float = 30.0) -> None:
        self.world = world
        self.database = database
        self.program = world.build(PIPELINE)
        self.lease = lease
        self.ports: dict[str, int] = {}
        self.processes: dict[str, Process] = {}
        self.started: dict[str, str] = {}

    def start(self, name: str, *arguments: str, command: str = "scheduler", database: str | None = None) -> Process:
        """Starts a scheduler, which leads or stands by; it has the same address whenever it is started.

        `database` is the way by which it reaches that, if it takes another one than the others.
        """
        port = self.ports.setdefault(name, free_port())
        given = ["--database", database or self.database, "--port", str(port), "--lease", str(self.lease), *arguments]
        process = self.processes[name] = self.world.start(self.program, command, *given)
        return process

    def start_executor(self, name: str, *arguments: str) -> Process:
        """Starts an executor that is told of all schedulers so far."""
        given = [part for rival in self.ports for part in ("--scheduler", self.url(rival))]
        given += ["--name", name, "--capacity", "12", *arguments]
        process = self.processes[name] = self.world.start(self.program, "executor", *given)
        return process

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def health(self, name: str) -> dict[str, Any]:
        """What the scheduler says of itself; nothing where it does not answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[name], timeout=5)
        try:
            connection.request("GET", "/health")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            return {}
        finally:
            connection.close()
        return found

    def answer(self, name: str) -> dict[str, Any]:
        """The same of one that answers, sooner or later."""
        found: list[dict[str, Any]] = []

        def answers() -> bool:
            found.append(self.health(name))
            return found[-1] != {}

        wait_until(answers, f"{name} to answer")
        return found[-1]

    def leads(self, name: str) -> bool:
        return self.health(name).get("status") == "ok"

    def stands_by(self, name: str) -> bool:
        """Behind a scheduler that it knows."""
        health = self.health(name)
        return health.get("status") == "standby" and "leads the database" in (health.get("problem") or "")

    def leaders(self) -> list[str]:
        return [name for name in self.ports if self.leads(name)]

    def until_led(self, *names: str, seconds: float = PATIENCE_SECONDS) -> float:
        """Waits until one of these leads; how long that took."""
        begun = time.monotonic()
        wait_until(lambda: any(self.leads(name) for name in names), f"one of {names} to lead: {self.said()}", seconds)
        return time.monotonic() - begun

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Of whoever leads, once somebody does."""
        found: list[str] = []

        def one_leads() -> bool:
            found[:] = self.leaders()
            return len(found) == 1

        wait_until(one_leads, f"one of them to lead: {self.said()}")
        with Client(self.url(found[0]), timeout=PATIENCE_SECONDS) as client:
            yield client

    def hold(self, gate: str = "gate") -> None:
        """A run all of whose held tasks run."""
        with self.client() as client:
            self.started[gate] = client.trigger("spread", params={"gate": gate}).id
        wait_until(lambda: len(self.running(gate)) == HELD, f"the held tasks to run: {self.said()}")

    def open(self, gate: str) -> None:
        (self.world.folder / gate).touch()

    def executions(self, gate: str) -> list[Execution]:
        """Of the run's tasks that are held back, in the order of their beginnings."""
        run = self.started[gate]
        return [each for each in executions(notes(self.notes_file)) if each.run == run and each.held]

    def running(self, gate: str) -> list[Execution]:
        return [each for each in self.executions(gate) if each.ended_at is None]

    @property
    def notes_file(self) -> Path:
        return self.world.folder / "steps.txt"

    def ended(self) -> bool:
        """Whether all runs have, as far as somebody can be asked."""
        with suppress(ClientError, ValueError), self.client() as client:
            return all(client.run(run).run.status not in ("queued", "running") for run in self.started.values())
        return False

    def finish(self) -> Verdict:
        """Opens all gates, has all runs and processes end, and says what came of it."""
        for gate in self.started:
            self.open(gate)
        wait_until(self.ended, f"the end of all runs: {self.said()}")
        return self.stop()

    def stop(self) -> Verdict:
        """Executors first; all of them end as they should."""
        for name in sorted(self.processes, key=lambda name: name in self.ports):
            last = self.processes[name]
            if last.popen.poll() is None:
                assert last.terminate() == 0, f"{name}: {last.text}"
        for process in self.world.processes:
            assert "Traceback" not in process.text, process.text
        wait_until(lambda: not list(alive(self.world)), f"the last process to go: {commands(self.world)}", GONE_SECONDS)
        driver = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql"}
        url = make_url(self.database)
        url = url.set(drivername=driver[url.drivername])
        return check(url.render_as_string(hide_password=False), self.notes_file)

    def said(self) -> str:
        """What all processes have printed last."""
        return "\n".join(f"--- {name}\n{process.text[-1500:]}" for name, process in self.processes.items())
