"""A worker as the executor sees it: its channel, its two pipes, and what becomes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Protocol, TypeAlias

from ppacer.protocol import Assignment, RunInfo
from ppacer.services.worker_frames import FrameError, FrameReader, Message, frame
from ppacer.services.worker_log import PENDING_LIMIT, AttemptOutput

_CHUNK = 65536
_PIPE_CAPACITY = 65536
_CHANNEL_CAPACITY = 4 * 1024 * 1024
"""More than the system keeps of what a worker has sent and nobody has read."""

_SILENCE_SECONDS = 0.5
"""How long a worker that closed its channel has to end by itself."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The worker told how the attempt ended: the fields of `worker_call.Ending`."""

    message: Message


@dataclass(frozen=True, slots=True)
class Gone:
    """The worker's process has ended: `status` as `os.waitstatus_to_exitcode` gives it, or none with the `reason`."""

    status: int | None
    reason: str = ""


End: TypeAlias = Finished | Gone


class Kill(Protocol):
    """Sends a signal to a worker's process group."""

    def __call__(self, worker: WorkerProcess, number: int) -> None: ...


class WorkerProcess:
    """One worker. `finished` is there from `begin` on, until the attempt's end has been told or the worker is gone."""

    def __init__(self, number: int, channel: socket.socket, outputs: dict[str, int], kill: Kill) -> None:
        """`outputs` are the reading ends of the pipes `stdout` and `stderr`, now owned by this object."""
        self.number = number
        self.kill = kill
        self.begun = False
        self.end: asyncio.Future[End] | None = None
        self.gone: asyncio.Future[Gone] = asyncio.get_running_loop().create_future()
        self.on_gone: Callable[[WorkerProcess], object] | None = None
        self._channel = channel
        self._protocol = _Channel(self)
        self._outputs = outputs
        self._reading: set[str] = set()
        self._log: AttemptOutput | None = None
        self._on_begun: Callable[[], object] | None = None
        self._transport: asyncio.Transport | None = None
        self._silent = False

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_unix_connection(lambda: self._protocol, sock=self._channel)
        self._transport = transport
        for stream, descriptor in self._outputs.items():
            os.set_blocking(descriptor, False)
            self._listen(stream)

    def begin(self, assignment: Assignment, log: AttemptOutput, on_begun: Callable[[], object]) -> asyncio.Future[End]:
        """Hands over an attempt; the future tells its end. `on_begun` is called when the worker has it."""
        assert self._transport is not None
        self.end = asyncio.get_running_loop().create_future()
        self.begun = False
        self._on_begun = on_begun
        self._log = log
        if self.gone.done():
            self.end.set_result(self.gone.result())
        else:
            self._transport.write(frame({**_fields(assignment), "run": _fields(assignment.run)}))
        return self.end

    def room(self) -> None:
        """Reads on after the log has been delivered."""
        if self._log is None or self._log.pending_bytes < PENDING_LIMIT // 2:
            for stream in self._outputs.keys() - self._reading:
                self._listen(stream)
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def detach(self) -> None:
        """The attempt is over and its log complete: what comes now belongs to nobody."""
        self.drain()
        self._log = None
        self._on_begun = None
        self.end = None

    def drain(self) -> None:
        """Reads what is in the pipes now; more than a pipe holds has come since."""
        for stream in list(self._outputs):
            left = _PIPE_CAPACITY
            while left > 0 and (count := self._read(stream)):
                left -= count

    def close(self) -> None:
        """Lets go of the worker; an idle one ends then."""
        if self._transport is not None:
            self._transport.abort()
        else:
            self._channel.close()
        for stream in list(self._outputs):
            self._close(stream)

    def set_gone(self, gone: Gone) -> None:
        """The zygote has told its end, or has ended itself."""
        if self.gone.done():
            return
        if self._silent:
            gone = Gone(gone.status, "it was ended because it closed its channel to the executor")
        self._read_last_words()
        self.drain()
        self.gone.set_result(gone)
        if self.end is not None and not self.end.done():
            self.end.set_result(gone)
        self.close()
        if self.on_gone is not None:
            self.on_gone(self)

    def _read_last_words(self) -> None:
        """Takes what the worker had sent before it ended: that it has ended may be heard sooner, by another way."""
        left = _CHANNEL_CAPACITY
        while left > 0:
            try:
                data = self._channel.recv(_CHUNK)
            except OSError:
                return  # nothing more, or closed already
            if not data:
                return
            left -= len(data)
            self._protocol.data_received(data)

    # --- what comes out of it ----------------------------------------------------------------------------------------

    def receive(self, message: Message) -> None:
        match message:
            case {"begun": True}:
                self.begun = True
                if self._on_begun is not None:
                    self._on_begun()
            case {
                "log": str(text),
                "level": int(level),
                "logger": str(logger),
                "at": int(at),
                "attributes": str(extra),
            }:
                if self._log is not None:
                    self.drain()
                    self._log.record(level, logger, text, extra, at)
                    self._slow_down()
            case {"outcome": str()}:
                self.drain()
                if self.end is not None and not self.end.done():
                    self.end.set_result(Finished(message))
            case _:
                raise FrameError(f"no message of a worker: {sorted(message)}")

    def channel_lost(self) -> None:
        """Most often its process has ended, and the zygote is about to say how."""
        if not self.gone.done():
            asyncio.get_running_loop().call_later(_SILENCE_SECONDS, self._end_silence)

    def _end_silence(self) -> None:
        if not self.gone.done():
            self._silent = True
            self.kill(self, signal.SIGKILL)

    def _listen(self, stream: str) -> None:
        asyncio.get_running_loop().add_reader(self._outputs[stream], self._read, stream)
        self._reading.add(stream)

    def _read(self, stream: str) -> int:
        """Reads a chunk and returns its length; 0 if there is none."""
        descriptor = self._outputs.get(stream)
        if descriptor is None:
            return 0
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return 0
        if not data:
            self._close(stream)
            return 0
        if self._log is not None:
            self._log.write(stream, data)
            self._slow_down()
        return len(data)

    def _slow_down(self) -> None:
        """Stops reading while the log waits to be delivered: the task then waits in its `print`."""
        if self._log is None or self._log.pending_bytes < PENDING_LIMIT:
            return
        loop = asyncio.get_running_loop()
        for stream in self._reading:
            loop.remove_reader(self._outputs[stream])
        self._reading.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _close(self, stream: str) -> None:
        descriptor = self._outputs.pop(stream)
        if stream in self._reading:
            self._reading.discard(stream)
            asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


def _fields(value: Assignment | RunInfo) -> Message:
    """The fields as they are: `asdict` takes ten times as long, and every attempt goes this way."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


class _Channel(asyncio.Protocol):
    """Puts the worker's messages together. A worker that closes or spoils its channel is killed."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._worker = worker
        self._reader = FrameReader()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._reader.feed(data):
                self._worker.receive(message)
        except FrameError:
            assert self._transport is not None
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's name)
        self._worker.channel_lost()
