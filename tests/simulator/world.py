"""One world, made from one seed: a program, its scheduler and executors, people, faults, and what watches them.

First everything may go wrong for a while, then nothing does any more and all must come to its end (`calm`).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Coroutine
from random import Random
from typing import TYPE_CHECKING, Any

from ppacer import spec
from tests.simulator import faults
from tests.simulator.calm import calm
from tests.simulator.hosts import Host, Worksite
from tests.simulator.loop import Killed, Process, Stuck, Timeline
from tests.simulator.memory import Memory
from tests.simulator.mood import Mood
from tests.simulator.network import Network
from tests.simulator.people import People
from tests.simulator.programs import PROGRAMS, program
from tests.simulator.surroundings import CHANCE, wall_clock
from tests.simulator.truth import Truth
from tests.simulator.watch import Watch
from tests.simulator.workers import DESCRIPTORS

if TYPE_CHECKING:
    from tests.simulator.workers import SimulatedZygote


class Broken(BaseException):
    """An invariant does not hold. No code of the product may take it for a fault of its own."""


class World:
    """`done` counts what was drawn. `poison` holds the tasks that kill their executors, `quiet_since` is when nothing
    went wrong any more, and nothing from before could still arrive. `astray` is for how many seconds more
    something may wait because clocks were set.
    With `exclusive` the database is a file of one process, whose lead nobody takes while that lives.
    `trace` is a digest of all that was committed and answered, in order."""

    def __init__(self, seed: int, *, told: bool = False) -> None:
        self.seed = seed
        self.random = Random(seed)
        CHANCE.source = Random(seed ^ 0x5EED)
        DESCRIPTORS.clear()
        self.timeline = Timeline()
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []
        self.memory = Memory()
        self.network = Network(self)
        self.truth = Truth(self)
        self.watch = Watch(self)
        self.people = People(self)
        self.mood = Mood(self.random)
        self.lease = self.random.choice((8.0, 8.0, 10.0, 20.0))
        self.prunes = self.random.random() < 0.15
        self.number = self.random.randrange(PROGRAMS)
        self.builds = (program(self.number, 0), program(self.number, 1))
        self.pools = {pool.name: pool.slots for pool in self.builds[0].pools}
        self.dags: dict[str, spec.Dag] = {dag.id: dag for dag in self.builds[0].dags}
        self.zygotes: list[SimulatedZygote] = []
        self.host: Host | None = None
        self.hosts: list[Host] = []
        self.worksites: dict[str, Worksite] = {}
        self.in_program = self.random.random() < 0.3
        self.rebuilds = self.random.random() < 0.3
        self.exclusive = Random(seed ^ 0xF17E).random() < 0.5
        self.ending = False
        self.astray = 0
        self.quiet_since: float | None = None
        self.poison: set[tuple[object, ...]] = set()
        self._digest = hashlib.sha256()
        self._told = told
        self.processes: list[Process] = []
        self.memory.watch = self.watch.committed

    # --- its life ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """From the beginning to the end, or to the first thing that must not be. Raises `Broken`."""
        unheard: list[str] = []
        try:
            faults.begin(self)
            if not self.faults:
                calm(self)
        except Stuck as stuck:
            self.faults.append(f"[12] {stuck}")
        except Broken:
            pass  # it stands among the faults
        finally:
            for process in self.processes:
                unheard += process.bury()
        if self.faults:
            raise Broken(self.faults[0])
        if unheard:
            raise Broken(f"[0] raised, and heard of by nobody: {unheard}")

    @property
    def trace(self) -> str:
        return self._digest.hexdigest()

    # --- who comes and goes ------------------------------------------------------------------------------------------

    def start_host(self, build: spec.Program | None = None) -> None:
        """A scheduler begins, of the given build or the one that was there last."""
        before = self.host
        program_ = build or (self.builds[0] if before is None else before.program)
        host = self.host = Host(self, program_, in_program=self.in_program)
        self.hosts.append(host)
        host.process.wall = before.process.wall if before is not None else 0
        host.process.on_death.append(lambda: self._host_ended(host))

    def _host_ended(self, host: Host) -> None:
        if self.host is host:
            pause = self.random.choice((0.1, 1.0, 1.0, 5.0, 20.0))
            build = self.random.choice(self.builds) if self.rebuilds and self.mood.faulty else None
            self.timeline.after(pause, lambda _: self.host is host and self.start_host(build))

    def start_worksite(self, name: str, build: int, capacity: int, labels: tuple[str, ...]) -> None:
        site = self.worksites[name] = Worksite(self, self.builds[build], name, capacity, labels)
        site.process.on_death.append(lambda: self._worksite_ended(site, (name, build, capacity, labels)))

    def _worksite_ended(self, site: Worksite, settings: tuple[str, int, int, tuple[str, ...]]) -> None:
        if not self.ending:
            pause = self.random.choice((0.5, 3.0, 15.0))
            self.timeline.after(pause, lambda _: None if self.ending else self.start_worksite(*settings))

    # --- what its parts use ------------------------------------------------------------------------------------------

    def new_process(self, name: str) -> Process:
        process = Process(self.timeline, name, self._unhandled)
        process.world = self
        self.processes.append(process)
        return process

    @staticmethod
    def task(process: Process, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return process.create_task(work)

    def wall(self, process: Process) -> int:
        return wall_clock(process)

    def crash_point(self, name: str) -> None:
        """Somewhere in the scheduler's process, where it may be killed."""
        if self.mood.crash_points and self.random.random() < self.mood.crash_points:
            self.done[f"killed {name}"] += 1
            self.note("killed", name)
            loop = asyncio._get_running_loop()
            assert isinstance(loop, Process)
            loop.kill()
            raise Killed

    def note(self, *what: object) -> None:
        """Something happened that every run of the seed has alike."""
        text = f"{self.timeline.now:.6f} {what}"
        self._digest.update(text.encode())
        if self._told:
            print(text)

    def broken(self, number: int, text: str) -> None:
        """Invariant `number` does not hold; 0 is that nothing fails of itself."""
        self.faults.append(f"[{number}] at {self.timeline.now:.6f}: {text}")
        self.timeline.halted = True
        raise Broken(self.faults[-1])

    def _unhandled(self, name: str, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.broken(0, f"{name}: {context.get('message')}: {error!r}")
