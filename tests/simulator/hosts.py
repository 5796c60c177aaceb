"""The processes of a program: the scheduler with its disk, and executors, each with the shipped code inside."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ppacer import spec
from ppacer.config import FOR_EVER, Retention
from ppacer.core.model import Write
from ppacer.protocol import Exchange, ExchangeAnswer, LogEntry
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.executor import Executor
from ppacer.services.scheduler import Scheduler
from ppacer.services.transport import DirectTransport, TransportError
from ppacer.services.worker_pool import WorkerPool
from ppacer.store.errors import DiskFull, LeaderLost, Locked, StoreError, Unavailable, Unwritable
from tests.simulator.loop import Killed, Process
from tests.simulator.network import SimulatedTransport
from tests.simulator.store import MemoryLogs, MemoryStore
from tests.simulator.surroundings import wall_clock

if TYPE_CHECKING:
    from tests.simulator.world import World

INJECTED = "(simulated)"
"""What the message of every fault says that the simulator made."""

KEEP = Retention(days=0, runs=4, logs_days=0, outputs_days=1)
_FAULTS = (Locked, DiskFull, Unwritable, Unavailable)


class Disk:
    """How fast the scheduler's disk is, and what goes wrong with it. While `down_until` is ahead every write fails."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.down_until = 0.0

    def transaction(self) -> float:
        """Seconds from when something waits until the transaction with it is durable."""
        random = self._world.random
        return random.uniform(0.05, 2.0) if random.random() < self._world.mood.slow_disk else random.uniform(2e-4, 3e-3)

    def wake_up(self) -> float:
        """Seconds until the loop hears of it."""
        return self._world.random.choice((0.00002, 0.00002, 0.0005, 0.02))

    def before(self) -> None:
        world = self._world
        world.crash_point("before a commit")
        if world.timeline.now < self.down_until or world.random.random() < world.mood.disk_faults:
            fault = world.random.choice(_FAULTS)
            world.done[f"disk: {fault.__name__}"] += 1
            raise fault(f"nothing can be written {INJECTED}")

    def after(self) -> None:
        world = self._world
        world.crash_point("after a commit")
        if world.random.random() < world.mood.disk_faults / 2:
            world.done["disk: durable, and then lost"] += 1
            raise Unavailable(f"the connection was lost after the commit {INJECTED}")


class Host:
    """A process with a scheduler, and an executor in it if `in_program`."""

    def __init__(self, world: World, program: spec.Program, *, in_program: bool) -> None:
        self.world = world
        self.program = program
        self.process = world.new_process("scheduler")
        self.process.disk = Disk(world)
        self.process.reading_takes = lambda: world.random.choice((0.0001, 0.0005, 0.01))
        self.listening = False
        self.ready = False
        self.ending = False
        self.executor: Executor | None = None
        self.scheduler: Scheduler
        self._in_program = in_program
        self._working: asyncio.Task[Any] | None = None
        world.task(self.process, self._live())

    def now(self) -> int:
        """Its clock on the wall."""
        return wall_clock(self.process)

    async def stop(self) -> None:
        """SIGTERM."""
        if self.ending or not self.ready:
            self.process.kill()
            return
        self.ending = True
        if self.executor is not None:
            await self.executor.drain(self.world.random.choice((0.0, 1.0, 5.0)))
        await self.scheduler.stop()
        self.process.kill()

    async def _live(self) -> None:
        world, disk = self.world, self.process.disk
        store = MemoryStore(world.memory, disk.before, disk.after, exclusive=world.exclusive)
        self.scheduler = Scheduler(
            self.program,
            store,  # type: ignore[arg-type]
            MemoryLogs(world.memory, disk.before, disk.after),  # type: ignore[arg-type]
            clock=self,
            lease=world.lease,
            code_grace=20.0,
            pool=lambda: WorkerPool(("worker",)),
            retention=KEEP if world.prunes else FOR_EVER,
        )
        self._listen_to_stalls()
        self._listen_to_turns()
        self.listening = True
        try:
            await self.scheduler.start()
        except (StoreError, SchedulerUnavailable) as error:
            if INJECTED not in str(error) and not isinstance(error, LeaderLost):
                world.broken(0, f"the scheduler does not start: {error!r}")
            self.process.kill()
            return
        self.ready = True
        if self._in_program:
            self.executor = Executor(
                self.program, DirectTransport(self._exchange), file="p.py", name="in program", capacity=3,
                clock=self.process.time,
            )  # fmt: skip
            self._working = world.task(self.process, self.executor.run())
        try:
            await self.scheduler.wait_failed()
        except LeaderLost:
            world.done["scheduler: lost its lead"] += 1
            if world.host is self and world.memory.leader == self.scheduler._sources.leader:
                world.broken(0, "the lead was given up although nobody else had taken it")
            await self.scheduler.stop()
            self.process.kill()

    async def _exchange(self, exchange: Exchange) -> ExchangeAnswer:
        """As `exchange_in_program`, watched."""
        self.world.truth.received(exchange)
        answer = await self.scheduler.exchange_in_program(exchange)
        self.world.watch.answered(exchange, answer, f"in-program-{self.scheduler._sources.leader}")
        return answer

    def _listen_to_stalls(self) -> None:
        """No turn fails but by a fault that the simulator made."""
        stall = self.scheduler._stall

        def heard(error: BaseException) -> None:
            self.world.done["scheduler: stalled"] += 1
            late = self.ending and "the journal has been closed" in str(error)  # who asks then is told to ask again
            if INJECTED not in str(error) and not isinstance(error, LeaderLost) and not late:
                self.world.broken(0, f"a turn of the scheduler failed: {error!r}")
            stall(error)

        self.scheduler._stall = heard  # type: ignore[method-assign]

    def _listen_to_turns(self) -> None:
        """What a turn of the leader decides counts from then on, whenever it becomes durable."""
        journal = self.scheduler.journal
        commit = journal.commit

        def heard(writes: Sequence[Write], logs: Sequence[tuple[str, Sequence[LogEntry]]] = ()) -> asyncio.Future[None]:
            if self.scheduler._sources.leader == self.world.memory.leader:
                self.world.truth.decided(writes)
            return commit(writes, logs)

        journal.commit = heard  # type: ignore[method-assign]


class Worksite:
    """A process with an executor of another host."""

    def __init__(self, world: World, program: spec.Program, name: str, capacity: int, labels: tuple[str, ...]) -> None:
        self.world = world
        self.process = world.new_process(name)
        random = world.random
        self.process.rate = random.choice((1.0, 1.0, 1.0002, 0.9998))
        self.process.wall = random.choice((0, 0, 3_000_000, -200_000_000))
        self.executor: Executor | None = None
        self.ended = False
        self._settings = (program, name, capacity, labels)
        world.task(self.process, self._live())

    async def drain(self) -> None:
        """SIGTERM: returns when the executor has ended."""
        if self.executor is not None:
            await self.executor.drain(self.world.random.choice((None, 0.0, 2.0)))

    async def _live(self) -> None:
        program, name, capacity, labels = self._settings
        self.executor = Executor(
            program,
            SimulatedTransport(self.world, self.process),
            file="p.py",
            name=name,
            capacity=capacity,
            labels=labels,
            clock=self.process.time,
        )
        try:
            await self.executor.run()
        except TransportError as error:
            self.world.broken(0, f"executor {name} gives up: {error}")
        self.ended = True
        left = [zygote for zygote in self.world.zygotes if zygote.executor is self.process and zygote.children]
        if left:
            self.world.broken(14, f"executor {name} has ended and left {left}")
        self.process.kill()


__all__ = ["INJECTED", "Disk", "Host", "Killed", "Process", "Worksite"]
