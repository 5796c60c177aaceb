"""A worker as the executor sees it: its channel, its two pipes, and what becomes of it and of its attempts."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol, TypeAlias

from ppacer.protocol import Assignment, RunInfo
from ppacer.services.worker_frames import FrameError, FrameReader, Message, frame
from ppacer.services.worker_log import PENDING_LIMIT, AttemptOutput
from ppacer.services.worker_mask import Mask
from ppacer.services.worker_memory import kernel_kills

_CHUNK = 65536
_PIPE_CAPACITY = 65536
_CHANNEL_CAPACITY = 4 * 1024 * 1024
"""More than the system keeps of what a worker has sent and nobody has read."""

_SILENCE_SECONDS = 2.0
"""How long a worker that closed its channel has to end by itself, which a busy machine tells late."""

_SILENT = "it was ended because it closed its channel to the executor"


@dataclass(frozen=True, slots=True)
class Finished:
    """The worker told how the attempt ended: the fields of `worker_call.Ending`, and whether it can go on (`fit`)."""

    message: Message


@dataclass(frozen=True, slots=True)
class Gone:
    """The worker's process has ended: `status` as `os.waitstatus_to_exitcode` gives it, or none with the `reason`.

    `neighbours` counts the other attempts that it was running then. `lost` tells that it was killed for what is no
    fault of the attempt, `out_of_memory` that the kernel has killed processes meanwhile because memory ran out.
    """

    status: int | None
    reason: str = ""
    neighbours: int = 0
    lost: bool = False
    out_of_memory: bool = False


End: TypeAlias = Finished | Gone


class Kill(Protocol):
    """Sends a signal to a worker's process group."""

    def __call__(self, worker: WorkerProcess, number: int) -> None: ...


@dataclass(slots=True)
class Session:
    """An attempt in a worker. `end` tells how it ended there; `begun` is when the worker got it, in microseconds since
    the epoch, or none.

    `on_change` is called at both, `on_said` gets what the task says of itself. An attempt is `hopeless` if it was told
    to stop and has not, so that the worker has to be killed; from then on `on_change` is called whenever another
    attempt in the worker has ended.
    """

    attempt: str
    log: AttemptOutput
    on_change: Callable[[], object]
    on_said: Callable[[Message], object]
    end: asyncio.Future[End] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    begun: int | None = None
    hopeless: bool = False

    def ended(self, end: End) -> None:
        if not self.end.done():
            self.end.set_result(end)
            self.on_change()


class WorkerProcess:
    """One worker. It has one attempt at a time or, if it is `shared`, any number of them.

    `variables` are those of the tasks that it has run, as the JSON of their assignments: a worker is for such tasks
    only, since a module may read them when it is imported. None for one that has run nothing yet.
    """

    def __init__(
        self, number: int, channel: socket.socket, outputs: dict[str, int], kill: Kill, *, shared: bool = False
    ) -> None:
        """`outputs` are the reading ends of the pipes `stdout` and `stderr`, now owned by this object."""
        self.number = number
        self.kill = kill
        self.shared = shared
        self.variables: str | None = None
        self.pid: int | None = None
        self.sessions: dict[str, Session] = {}
        self._hopeless: dict[str, Session] = {}
        self.served = 0
        self.retired = False
        self.gone: asyncio.Future[Gone] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._protocol = _Channel(self)
        self._outputs = outputs
        self._reading: set[str] = set()
        self._pipes = select.poll()
        for descriptor in outputs.values():
            self._pipes.register(descriptor, select.POLLIN)
        self._mask = Mask()
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._opening = False
        self._why = ""
        self._lost = False
        self._kernel_kills = kernel_kills()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._opening = True
        transport, _ = await loop.create_unix_connection(lambda: self._protocol, sock=self._channel)
        self._opening = False
        self._transport = transport
        if self.gone.done():  # meanwhile, as the zygote may have
            self.close()
            return
        for stream, descriptor in self._outputs.items():
            os.set_blocking(descriptor, False)
            self._listen(stream)

    def begin(
        self,
        assignment: Assignment,
        log: AttemptOutput,
        on_change: Callable[[], object],
        on_said: Callable[[Message], object],
    ) -> Session:
        """Hands over an attempt."""
        session = Session(assignment.attempt, log, on_change, on_said)
        log.mask = self._mask
        self.sessions[assignment.attempt] = session
        self.served += 1
        self.variables = assignment.env
        if self.gone.done():
            session.ended(self.gone.result())
        else:
            self._send({**_fields(assignment, _ASSIGNMENT), "run": _fields(assignment.run, _RUN)})
        return session

    def cancel(self, session: Session) -> None:
        """Has a shared worker tell an attempt to stop."""
        self._send({"cancel": session.attempt})

    def leave(self, session: Session) -> None:
        """The attempt is over: what comes of it now belongs to nobody."""
        self.drain()
        self.sessions.pop(session.attempt, None)
        self._hopeless.pop(session.attempt, None)
        self._tell_hopeless()

    def give_up(self, session: Session) -> None:
        """The attempt does not stop."""
        session.hopeless = True
        self._hopeless[session.attempt] = session
        self._tell_hopeless()

    def has_hopeful(self) -> bool:
        """Whether it runs an attempt that may still end by itself."""
        return any(not session.hopeless and not session.end.done() for session in self.sessions.values())

    def end_for(self, why: str, *, lost: bool = False) -> None:
        """Kills it with all that it runs; `lost` as in `Gone`."""
        self._why = self._why or why
        self._lost = self._lost or lost
        self.kill(self, signal.SIGKILL)

    def room(self) -> None:
        """Reads on after a log has been delivered."""
        if not self._is_slowed_down(PENDING_LIMIT // 2):
            for stream in self._outputs.keys() - self._reading:
                self._listen(stream)
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def drain(self) -> None:
        """Reads what is in the pipes now; more than a pipe holds has come since."""
        ready = {descriptor for descriptor, _ in self._pipes.poll(0)}  # mostly none: nothing was written
        for stream in [stream for stream, descriptor in self._outputs.items() if descriptor in ready]:
            left = _PIPE_CAPACITY
            while left > 0 and (count := self._read(stream)):
                left -= count

    def close(self) -> None:
        """Lets go of the worker; an idle one ends then."""
        if self._transport is not None:
            self._transport.abort()
        elif not self._opening:  # the loop knows the descriptor then, which is not to become another one under it
            self._channel.close()
        for stream in list(self._outputs):
            self._close(stream)

    def set_gone(self, gone: Gone) -> None:
        """The zygote has told its end, or has ended itself."""
        if self.gone.done():
            return
        self._read_last_words()
        self.drain()
        running = [session for session in self.sessions.values() if not session.end.done()]
        if self._why == _SILENT and gone.status not in (None, -signal.SIGKILL):
            self._why = ""  # it had ended by itself before, which a busy zygote told late
        killed = gone.status == -signal.SIGKILL and not self._why
        gone = Gone(
            gone.status,
            gone.reason or self._why,
            neighbours=max(0, len(running) - 1),
            lost=self._lost,
            out_of_memory=killed and kernel_kills() > self._kernel_kills,
        )
        self.gone.set_result(gone)
        for session in running:
            session.ended(gone)
        self.close()

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

    def _tell_hopeless(self) -> None:
        """Who does not stop waits for those that may still end by themselves."""
        for session in self._hopeless.values():
            session.on_change()

    def _send(self, message: Message) -> None:
        """Sends it with what else is to be sent before the loop turns: an answer of the scheduler brings many attempts,
        and waking the worker for each takes longer than all else that is done for it here."""
        if not self._unsent:
            asyncio.get_running_loop().call_soon(self._send_all)
        self._unsent.append(frame(message))

    def _send_all(self) -> None:
        unsent, self._unsent = self._unsent, []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(unsent))

    # --- what comes out of it ----------------------------------------------------------------------------------------

    def receive(self, message: Message) -> None:
        match message:
            case {"secrets": list(secrets)}:
                self._hide(Mask(str(secret) for secret in secrets))
            case {"attempt": str(attempt)}:
                session = self.sessions.get(attempt)
                if session is not None:
                    self._hear(session, message)
            case _:
                raise FrameError(f"no message of a worker: {sorted(message)}")

    def _hear(self, session: Session, message: Message) -> None:
        match message:
            case {"begun": int(at), "pid": int(pid)}:
                self.pid = pid
                session.begun = at
                session.on_change()
            case {
                "log": str(text),
                "level": int(level),
                "logger": str(logger),
                "at": int(at),
                "attributes": str(extra),
            }:
                self.drain()
                session.log.record(level, logger, text, extra, at)
                self._slow_down()
            case {"stream": str(stream), "data": str(data)} if stream in ("stdout", "stderr"):
                session.log.write(stream, data.encode("latin-1"))
            case {"outcome": str(), "fit": bool()}:
                self.drain()
                session.ended(Finished(message))
            case {"progress": _} | {"notice": _}:
                session.on_said(message)
            case _:
                raise FrameError(f"no message of an attempt: {sorted(message)}")

    def _hide(self, mask: Mask) -> None:
        """Hides secrets in all that is still to be read, and tells the worker so."""
        self._mask = mask
        for session in self.sessions.values():
            session.log.mask = mask
        self._send({"hidden": len(mask.secrets)})

    def channel_lost(self) -> None:
        """Most often its process has ended, and the zygote is about to say how."""
        if not self.gone.done():
            asyncio.get_running_loop().call_later(_SILENCE_SECONDS, self._end_silence)

    def _end_silence(self) -> None:
        if not self.gone.done():
            self.end_for(_SILENT)

    def _listen(self, stream: str) -> None:
        asyncio.get_running_loop().add_reader(self._outputs[stream], self._read, stream)
        self._reading.add(stream)

    def _read(self, stream: str) -> int:
        """Reads a chunk and returns its length; 0 if there is none. It belongs to every attempt that runs now."""
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
        for session in self.sessions.values():
            session.log.write(stream, data)
        self._slow_down()
        return len(data)

    def _is_slowed_down(self, limit: int) -> bool:
        """Whether its task has to wait because the log waits to be delivered. Attempts that share a worker do not wait
        for each other's logs, whose length is bounded in any case."""
        return not self.shared and any(session.log.pending_bytes >= limit for session in self.sessions.values())

    def _slow_down(self) -> None:
        """Stops reading while the log waits to be delivered: the task then waits in its `print`."""
        if not self._is_slowed_down(PENDING_LIMIT):
            return
        loop = asyncio.get_running_loop()
        for stream in self._reading:
            loop.remove_reader(self._outputs[stream])
        self._reading.clear()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _close(self, stream: str) -> None:
        descriptor = self._outputs.pop(stream)
        self._pipes.unregister(descriptor)
        if stream in self._reading:
            self._reading.discard(stream)
            asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


def _fields(value: Assignment | RunInfo, names: Sequence[str]) -> Message:
    """The fields as they are: `asdict` takes ten times as long, and every attempt goes this way."""
    return {name: getattr(value, name) for name in names}


_ASSIGNMENT = tuple(field.name for field in fields(Assignment))
_RUN = tuple(field.name for field in fields(RunInfo))


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
