"""One scheduler and three executors, each on a host of its own, and what they run."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from ppacer.client import AwayError, Client, RefusedError
from ppacer.web.messages import RunDetail
from tests.e2e.alive import alive, commands
from tests.e2e.world import Process, World
from tests.e2e.world import wait_until as wait_at_most
from tests.hosts.network import Network, make_network
from tests.hosts.notes import Execution, executions, notes
from tests.servers import free_port

T = TypeVar("T")

SCHEDULER = "scheduler"
EXECUTORS = ("one", "two", "three")
LEASE = 6.0
HELD = 9
"""How many tasks of a run of `spread` are held back by its gate."""

_PIPELINES = Path(__file__).parent / "pipelines"
_TOKEN = "of-these-hosts-only"
_BOUND = 120.0
"""How many seconds anything may take to happen: much more than it does, unless the machine has much else to do."""


class GuardedWorld(World):
    """A world whose programs ask for a token."""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"PPACER_TOKEN": _TOKEN}


class Cluster:
    """`started` are the runs by the names of their gates."""

    def __init__(self, folder: Path, network: Network, lease: float) -> None:
        self.world = GuardedWorld(folder)
        self.network = network
        self.program = self.world.build(_PIPELINES / "hosts.ppd")
        self.port = free_port()
        self.lease = str(lease)
        self.started: dict[str, str] = {}
        self.executors: dict[str, Process] = {}
        self.scheduler = self.start_scheduler()

    def start_scheduler(self) -> Process:
        """Starts the scheduler, and returns when it answers on its own host."""
        arguments = ["scheduler", "--host", self.network.address, "--port", str(self.port), "--lease", self.lease]
        self.scheduler = self._start(SCHEDULER, self.program, arguments)
        wait_until(self.up, "the scheduler to answer")
        return self.scheduler

    def start_executor(self, name: str, *arguments: str, program: Path | None = None) -> Process:
        more = ["executor", "--scheduler", self.network.url(name, self.port), "--name", name, "--capacity", "6"]
        process = self.executors[name] = self._start(name, program or self.program, [*more, *arguments])
        return process

    def start_executors(self) -> None:
        for name in EXECUTORS:
            self.start_executor(name)
        wait_until(lambda: set(self.present()) >= set(EXECUTORS), "all executors to join")

    def other_build(self) -> Path:
        """The program of another build, in which what the tasks call has other code."""
        folder = self.world.folder / "other"
        folder.mkdir()
        for file in _PIPELINES.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        code = folder / "work.py"
        code.write_text(code.read_text().replace("return context.task", 'return "other " + context.task'))
        done = self.world.ppc("build", folder / "hosts.ppd")
        assert done.returncode == 0, done.stderr
        return folder / "hosts.py"

    # --- what is asked for -------------------------------------------------------------------------------------------

    def ask(self, question: Callable[[Client], T]) -> T:
        """The answer of the scheduler to somebody on its own host."""

        def asked() -> T:
            with Client(f"http://{self.network.address}:{self.port}", _TOKEN, timeout=60.0) as client:
                return question(client)

        return self.network.on(SCHEDULER, asked)

    def up(self) -> bool:
        with suppress(AwayError, RefusedError):
            self.ask(lambda client: client.ready())
            return True
        return False

    def present(self) -> list[str]:
        return [executor.name for executor in self.ask(lambda client: client.executors()).executors]

    def leaving(self) -> list[str]:
        """Those that have said that they claim nothing more."""
        known = self.ask(lambda client: client.executors()).executors
        return [executor.name for executor in known if executor.capacity == 0]

    def trigger(self, dag: str, gate: str) -> None:
        """A run whose held tasks go on until `open` is called with the same gate."""
        self.started[gate] = self.ask(lambda client: client.trigger(dag, params={"gate": gate})).id

    def hold(self, gate: str = "gate") -> None:
        """A run of `spread`, all of whose held tasks run."""
        self.trigger("spread", gate)
        wait_until(lambda: len(self.running(gate)) == HELD, "the held tasks to run")

    def open(self, gate: str) -> None:
        (self.world.folder / gate).touch()

    def over(self, gate: str) -> bool:
        return self.detail(gate).run.status not in ("queued", "running")

    def detail(self, gate: str) -> RunDetail:
        run = self.started[gate]
        return self.ask(lambda client: client.run(run, members=100))

    def executors_of(self, gate: str) -> dict[str, list[str]]:
        """The names of the executors that were given the tasks of a run, attempt after attempt."""
        return {task.name: [attempt.executor or "" for attempt in task.attempts] for task in self.detail(gate).tasks}

    def held_by(self, name: str, gate: str = "gate") -> set[str]:
        """The held tasks whose first attempt the executor was given."""
        held = {task for task in self.executors_of(gate) if task.startswith(("each", "stubborn", "there"))}
        return {task for task, given in self.executors_of(gate).items() if task in held and given and given[0] == name}

    # --- what was noted ----------------------------------------------------------------------------------------------

    @property
    def notes_file(self) -> Path:
        return self.world.folder / "steps.txt"

    def executions(self, gate: str) -> list[Execution]:
        """Of the run's tasks that are held back, in the order of their beginnings."""
        run = self.started[gate]
        return [each for each in executions(notes(self.notes_file)) if each.run == run and each.held]

    def running(self, gate: str) -> list[Execution]:
        return [each for each in self.executions(gate) if each.ended_at is None]

    def told_to_stop(self, gate: str) -> set[str]:
        """The tasks of which an execution was told to stop."""
        return {each.task for each in self.executions(gate) if each.told}

    def begun_again(self, gate: str) -> set[str]:
        """The tasks of the run that a second attempt has begun."""
        return {each.task for each in self.executions(gate) if each.number > 1}

    # --- processes ---------------------------------------------------------------------------------------------------

    def processes_of(self, name: str) -> list[int]:
        """The executor's own process first, then its zygote and workers."""
        found = [self.executors[name].popen.pid]
        parents = dict(alive(self.world))
        for one in found:
            found += [pid for pid, parent in parents.items() if parent == one and pid not in found]
        return found

    @contextmanager
    def suspended(self, pids: list[int]) -> Iterator[None]:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def finish(self) -> None:
        """Heals the network, opens all gates, waits for all runs to end, and has all processes end as they should."""
        for name in (SCHEDULER, *EXECUTORS):
            self.network.heal(name)
        for gate in self.started:
            self.open(gate)
        wait_until(lambda: all(map(self.over, self.started)), "the ends of all runs")
        for name, process in [*self.executors.items(), (SCHEDULER, self.scheduler)]:
            if process.popen.poll() is None:
                assert process.terminate() == 0, f"{name}: {process.text}"
        for process in self.world.processes:
            assert "Traceback" not in process.text, process.text
        wait_until(lambda: not list(alive(self.world)), f"the last process to go: {commands(self.world)}")

    def close(self) -> None:
        for name in (SCHEDULER, *EXECUTORS):
            self.network.heal(name)
        self.world.end()

    def _start(self, host: str, program: Path, arguments: list[str]) -> Process:
        return self.network.on(host, lambda: self.world.start(program, *arguments))


@contextmanager
def cluster(folder: Path, lease: float, kind: str | None = None) -> Iterator[Cluster]:
    """A cluster with its scheduler, which grants leases of so many seconds; nothing of it is left at the end."""
    network = make_network((SCHEDULER, *EXECUTORS), kind)
    try:
        made = Cluster(folder, network, lease)
        try:
            yield made
        finally:
            made.close()
    finally:
        network.close()


def wait_until(condition: Callable[[], bool], what: str) -> None:
    wait_at_most(condition, what, _BOUND)


def wait(seconds: float) -> None:
    """Lets time pass, which is what a lease is made of."""
    time.sleep(seconds)
