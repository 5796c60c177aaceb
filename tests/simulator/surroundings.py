"""What surrounds the shipped code in the simulator: clocks, chance, threads, sockets and processes that are simulated.

`simulated()` puts these in the places of the real ones, by name, in the modules of the services that use them; nothing
else of the product is replaced. Which process is meant is told by the loop that runs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from ppacer.services import (
    executor,
    journal,
    task_scheduler,
    transport,
    worker_judge,
    worker_log,
    worker_pool,
    worker_process,
)
from tests.simulator import workers
from tests.simulator.loop import Process

START = 1_700_000_000_000_000
"""The true time at the beginning, in microseconds since 1970 UTC: on a Tuesday, 22:13:20."""


class Chance:
    """One source of chance for all; made anew for each seed."""

    def __init__(self) -> None:
        self.source = random.Random(0)

    def uuid4(self) -> str:
        return f"{self.source.getrandbits(128):032x}"

    def urandom(self, count: int) -> bytes:
        return self.source.randbytes(count)

    def random(self) -> float:
        return self.source.random()


CHANCE = Chance()


def wall_clock(process: Process) -> int:
    """Microseconds since 1970 UTC, as the clock of the process' machine says."""
    return START + round(process.time() * 1_000_000) + process.wall


class _Time:
    """Stands for the module `time`."""

    @staticmethod
    def time_ns() -> int:
        loop = asyncio._get_running_loop()
        assert isinstance(loop, Process)
        return wall_clock(loop) * 1000


# --- the journal's threads -------------------------------------------------------------------------------------------


class SimulatedCondition:
    """What the journal's loop and its writer wake each other by. `notify` wakes the writer."""

    def __init__(self) -> None:
        self.notify: Callable[[], object] = lambda: None

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    @staticmethod
    def wait_for(holds: Callable[[], object]) -> None:
        assert holds(), "the writer was woken for nothing"


class SimulatedWriter:
    """The journal's writer thread: takes the steps of the thread's function one by one, at the times that the disk of
    the process gives: `DISK[process]` tells how long a transaction takes, and how long it takes to hear of its end."""

    def __init__(self, target: Callable[[], None], **_: object) -> None:
        self._journal: Any = target.__self__  # type: ignore[attr-defined]
        loop = asyncio._get_running_loop()
        assert isinstance(loop, Process)
        self._process = loop
        self._busy = False
        self._settled_at = 0.0

    def start(self) -> None:
        self._journal._changed.notify = self._wake

    def join(self) -> None:
        """Writes what is left, however long that takes."""
        while self._journal._waiting:
            self._write()

    def _wake(self) -> None:
        if not self._busy and self._journal._waiting:
            self._busy = True
            self._process.outside(self._process.disk.transaction(), self._step)

    def _step(self, _: None) -> None:
        if self._journal._waiting:
            self._write()
        self._busy = False
        self._wake()

    def _write(self) -> None:
        group = self._journal._next_group()
        failure = self._journal._write(group)
        now = self._process.timeline.now
        self._settled_at = max(self._settled_at, now + self._process.disk.wake_up())
        self._process.outside(self._settled_at - now, lambda _: journal._settle(group, failure))


class _NoReaders:
    def __init__(self, *_: object, **__: object) -> None:
        pass

    def shutdown(self) -> None:
        pass


# --- all of it -------------------------------------------------------------------------------------------------------

_PLACES: tuple[tuple[Any, str, Any], ...] = (
    (journal, "Thread", SimulatedWriter),
    (journal, "Condition", SimulatedCondition),
    (journal, "ThreadPoolExecutor", _NoReaders),
    (task_scheduler, "os", SimpleNamespace(urandom=CHANCE.urandom, environ=os.environ)),
    (task_scheduler, "random", CHANCE),
    (transport, "random", CHANCE.random),
    (executor, "uuid", CHANCE),
    (executor, "time", _Time),
    (worker_judge, "time", _Time),
    (worker_log, "time", _Time),
    (worker_pool, "ZygoteProcess", workers.NoProcess),
    (worker_pool, "ZygoteLink", workers.SimulatedZygote),
    (worker_pool, "socket", workers.SOCKETS),
    (worker_pool, "os", workers.PIPES),
    (worker_process, "os", workers.PIPES),
    (worker_process, "select", workers.POLLS),
    (worker_process, "kernel_kills", lambda: 0),
)


@contextmanager
def simulated() -> Iterator[None]:
    """Within, the services run in simulated surroundings."""
    real = [(module, name, getattr(module, name)) for module, name, _ in _PLACES]
    try:
        for module, name, stand_in in _PLACES:
            setattr(module, name, stand_in)
        yield
    finally:
        for module, name, thing in real:
            setattr(module, name, thing)
