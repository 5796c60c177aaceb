"""The processes that run tasks: simulated below the shipped pool, which believes in its sockets, pipes and zygote.

A worker goes on while its executor stands still; it dies, with all that it runs, soon after its executor has died.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

from ppacer.services.worker_frames import FrameReader, Message, frame
from ppacer.services.worker_process import Gone
from tests.simulator.acts import Act, act_for
from tests.simulator.loop import Process

WIRE_SECONDS = 0.0003
"""From a worker to its executor, and back."""

LIFELINE_SECONDS = 0.02
"""How long a worker may live after its executor has died."""


class _Descriptors:
    """The descriptors of all processes of one world: numbers, channels, and what is in the pipes."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.numbers = itertools.count(1000)
        self.channels: dict[int, Channel] = {}
        self.pipes: dict[int, bytearray] = {}

    def new(self) -> int:
        return next(self.numbers)


DESCRIPTORS = _Descriptors()


class Channel:
    """The executor's end of the socket to a worker; a transport as well."""

    def __init__(self, fileno: int) -> None:
        self.child: Child | None = None
        self.protocol: Any = None
        self.closed = False
        DESCRIPTORS.channels[fileno] = self

    def setblocking(self, flag: bool) -> None:
        pass

    def recv(self, count: int) -> bytes:
        raise BlockingIOError

    def connect(self, protocol: Any) -> None:
        self.protocol = protocol

    def write(self, data: bytes) -> None:
        if self.child is not None:
            self.child.told(data)

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if self.child is not None:
                self.child.lifeline_lost()
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close


def _socketpair() -> tuple[SimpleNamespace, SimpleNamespace]:
    near, far = DESCRIPTORS.new(), DESCRIPTORS.new()
    return SimpleNamespace(detach=lambda: near), SimpleNamespace(detach=lambda: far)


def _pipe() -> tuple[int, int]:
    near, far = DESCRIPTORS.new(), DESCRIPTORS.new()
    DESCRIPTORS.pipes[near] = bytearray()
    return near, far


def _read(descriptor: int, count: int) -> bytes:
    data = DESCRIPTORS.pipes[descriptor]
    if not data:
        raise BlockingIOError
    taken = bytes(data[:count])
    del data[:count]
    return taken


class _Poll:
    def __init__(self) -> None:
        self._registered: dict[int, None] = {}

    def register(self, descriptor: int, _: int) -> None:
        self._registered[descriptor] = None

    def unregister(self, descriptor: int) -> None:
        self._registered.pop(descriptor, None)

    def poll(self, _: int) -> list[tuple[int, int]]:
        return [(each, 1) for each in self._registered if DESCRIPTORS.pipes[each]]


SOCKETS = SimpleNamespace(socketpair=_socketpair, socket=Channel)
PIPES = SimpleNamespace(pipe=_pipe, close=lambda descriptor: None, read=_read, set_blocking=lambda *_: None)
POLLS = SimpleNamespace(poll=_Poll, POLLIN=1)


class NoProcess:
    """Stands for the zygote's own process."""

    def __init__(self, command: Sequence[str]) -> None:
        pass


class SimulatedZygote:
    """Starts workers and tells of their ends; it is another process than the executor, and does not stand still with
    it."""

    def __init__(
        self,
        process: NoProcess,
        *,
        on_worker_gone: Callable[[int, Gone], object],
        on_gone: Callable[[str], object],
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, Process)
        self.ended = False
        self.executor = loop
        self.world = loop.world
        self.children: dict[int, Child] = {}
        self._on_worker_gone = on_worker_gone
        self._on_gone = on_gone
        loop.on_death.append(self._executor_died)
        self.world.zygotes.append(self)

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        if self.ended:
            return
        match message:
            case {"spawn": int(number), "shared": bool(shared)}:
                self.children[number] = Child(self, number, descriptors, shared=shared)
            case {"kill": int(number), "signal": int(what)}:
                child = self.children.get(number)
                if child is not None:
                    self.world.timeline.after(self.world.random.uniform(0.001, 0.005), child.signalled, what)

    async def end(self) -> None:
        if not self.ended:
            self.ended = True
            self._kill_all()
            await asyncio.sleep(0.01)
            self._on_gone("the executor is ending")

    def crash(self) -> None:
        """It is killed; its workers end with it."""
        if not self.ended:
            self.ended = True
            self._kill_all()
            self.executor.outside(0.01, lambda _: self._on_gone("the process that starts workers was killed"))

    def child_gone(self, number: int, status: int) -> None:
        if self.children.pop(number, None) is not None and not self.ended:
            self.executor.outside(WIRE_SECONDS, lambda _: self._on_worker_gone(number, Gone(status)))

    def _kill_all(self) -> None:
        for child in list(self.children.values()):
            child.die(-signal.SIGKILL)

    def _executor_died(self) -> None:
        self.ended = True
        for child in list(self.children.values()):
            self.world.timeline.after(
                self.world.random.uniform(0.001, LIFELINE_SECONDS), lambda dying: dying.die(-signal.SIGKILL), child
            )


class Child:
    """One worker."""

    def __init__(self, zygote: SimulatedZygote, number: int, descriptors: Sequence[int], *, shared: bool) -> None:
        channel, stdout, _ = descriptors
        self.number = number
        self.shared = shared
        self.alive = True
        self.zygote = zygote
        self.world = zygote.world
        self.running: dict[str, Act] = {}
        self.secret_told = False
        self._stdout = stdout - 1
        self._reader = FrameReader()
        self._ready_at = self.world.timeline.now + self.world.random.uniform(0.002, 0.05)
        self._channel = DESCRIPTORS.channels[channel - 1]
        self._channel.child = self

    # --- from outside ------------------------------------------------------------------------------------------------

    def told(self, data: bytes) -> None:
        when = max(self._ready_at, self.world.timeline.now + WIRE_SECONDS)
        self.world.timeline.at(when, self._read, data)

    def signalled(self, number: int) -> None:
        if number == signal.SIGKILL:
            self.die(-number)
        else:
            for act in list(self.running.values()):
                act.asked_to_stop()

    def lifeline_lost(self) -> None:
        self.world.timeline.after(0.002, lambda _: self.die(0))

    def die(self, status: int) -> None:
        if not self.alive:
            return
        self.alive = False
        for attempt in list(self.running):
            self.over(attempt)
        self.zygote.child_gone(self.number, status)

    def _read(self, data: bytes) -> None:
        if not self.alive:
            return
        for message in self._reader.feed(data):
            match message:
                case {"cancel": str(attempt)}:
                    act = self.running.get(attempt)
                    if act is not None:
                        act.asked_to_stop()
                case {"hidden": int()}:
                    self.secret_told = True
                case {"attempt": str(attempt)}:
                    self._begin(attempt, message)

    def _begin(self, attempt: str, message: Message) -> None:
        act = self.running[attempt] = act_for(self, message)
        self.world.truth.began(self, message)
        self.tell({"attempt": attempt, "begun": self.world.wall(self.zygote.executor), "pid": self.number})
        act.begin()

    # --- what it does ------------------------------------------------------------------------------------------------

    def tell(self, message: Message) -> None:
        """Sends to the executor."""
        if not self._channel.closed:
            self.zygote.executor.outside(WIRE_SECONDS, self._channel.protocol.data_received, frame(message))

    def print(self, data: bytes) -> None:
        """Writes into the pipe."""
        DESCRIPTORS.pipes[self._stdout] += data
        self.zygote.executor.outside(WIRE_SECONDS, self.zygote.executor.readable, self._stdout)

    def over(self, attempt: str) -> None:
        """The attempt runs no more."""
        if self.running.pop(attempt, None) is not None:
            self.world.truth.ended(self, attempt)
