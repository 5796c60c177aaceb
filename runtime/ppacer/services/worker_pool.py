"""Warm workers: hands them out, keeps idle ones for a while, starts new ones through the zygote."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import uuid
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from ppacer.services import worker_tree
from ppacer.services.worker_frames import FrameError, FrameReader, Message, frame
from ppacer.services.worker_process import Gone, WorkerProcess

LINGER_SECONDS = 60.0
"""How long an idle worker is kept."""

_RESTART_SECONDS = 1.0
"""The shortest time between two starts of a zygote."""

_END_SECONDS = 10.0
_CHUNK = 65536


class WorkerError(Exception):
    """No worker can be had; the message says why."""


class WorkerPool:
    """The workers of one executor. `command` starts the program's `_worker`; a descriptor's number is added to it."""

    def __init__(self, command: Sequence[str], *, linger: float = LINGER_SECONDS) -> None:
        self._command = command
        self._linger = linger
        self._zygote: _Zygote | None = None
        self._starting = asyncio.Lock()
        self._started_at = float("-inf")
        self._workers: dict[int, WorkerProcess] = {}
        self._idle: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._last_number = 0
        self._closed = False

    async def start(self) -> None:
        """Starts the zygote ahead of the first attempt."""
        await self._living_zygote()

    async def acquire(self) -> WorkerProcess:
        """A worker for one attempt: the idle one that was used last, else a new one. Raises `WorkerError`."""
        while self._idle:
            worker, timer = self._idle.popitem()
            timer.cancel()
            if not worker.gone.done():
                return worker
        zygote = await self._living_zygote()
        return await self._new_worker(zygote)

    def release(self, worker: WorkerProcess) -> None:
        """Takes back a worker that may run another attempt."""
        worker.detach()
        if self._closed or worker.gone.done():
            worker.close()
            return
        timer = asyncio.get_running_loop().call_later(self._linger, self._retire, worker)
        self._idle[worker] = timer

    async def close(self) -> None:
        """Ends every worker and all that descends from them, and the zygote."""
        self._closed = True
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        async with self._starting:
            if self._zygote is not None:
                await self._zygote.end()

    def kill(self, worker: WorkerProcess, number: int) -> None:
        """Sends a signal to a worker and what it has started."""
        if self._zygote is not None and not worker.gone.done():
            self._zygote.send({"kill": worker.number, "signal": int(number)})

    def _retire(self, worker: WorkerProcess) -> None:
        self._idle.pop(worker, None)
        worker.close()

    async def _living_zygote(self) -> _Zygote:
        async with self._starting:
            if self._closed:
                raise WorkerError("the executor is ending")
            if self._zygote is None or self._zygote.ended:
                loop = asyncio.get_running_loop()
                await asyncio.sleep(max(0.0, self._started_at + _RESTART_SECONDS - loop.time()))
                self._started_at = loop.time()
                try:
                    self._zygote = _Zygote(self._command, self)
                except OSError as fault:
                    raise WorkerError(f"no worker process can be started: {fault.strerror}") from fault
            return self._zygote

    async def _new_worker(self, zygote: _Zygote) -> WorkerProcess:
        descriptors: list[int] = []
        try:
            near, far = socket.socketpair()
            descriptors += [near.detach(), far.detach(), *os.pipe(), *os.pipe()]
        except OSError as fault:
            for descriptor in descriptors:
                os.close(descriptor)
            raise WorkerError(f"no worker process can be started: {fault.strerror}") from fault
        near_end, far_end, stdout, stdout_end, stderr, stderr_end = descriptors
        self._last_number += 1
        channel = socket.socket(fileno=near_end)
        channel.setblocking(False)
        worker = WorkerProcess(self._last_number, channel, {"stdout": stdout, "stderr": stderr}, self.kill)
        self._workers[worker.number] = worker
        await worker.open()
        zygote.send({"spawn": worker.number}, (far_end, stdout_end, stderr_end))
        return worker

    # --- what the zygote tells ---------------------------------------------------------------------------------------

    def worker_gone(self, number: int, gone: Gone) -> None:
        worker = self._workers.pop(number, None)
        if worker is None:
            return
        timer = self._idle.pop(worker, None)
        if timer is not None:
            timer.cancel()
        worker.set_gone(gone)

    def zygote_gone(self, reason: str) -> None:
        for number in list(self._workers):
            self.worker_gone(number, Gone(None, reason))


class _Zygote:
    """The executor's end of the zygote: starts it, sends to it, hears of its workers' ends and of its own."""

    def __init__(self, command: Sequence[str], pool: WorkerPool) -> None:
        self.ended = False
        self._pool = pool
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._outbox: deque[tuple[bytes, Sequence[int]]] = deque()
        self._cookie = uuid.uuid4().hex
        self._channel, far = socket.socketpair()
        with far:
            try:
                self._process = subprocess.Popen(
                    [*command, str(far.fileno())],
                    pass_fds=(far.fileno(),),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=_environment(self._cookie),
                    start_new_session=True,
                )
            except OSError:
                self._channel.close()
                raise
        self._channel.setblocking(False)
        self._loop.add_reader(self._channel, self._on_readable)
        self._mourning: asyncio.Task[None] | None = None

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Sends a message, and descriptors that it then closes here."""
        if self.ended:
            _close_all(descriptors)
            return
        self._outbox.append((frame(message), descriptors))
        if len(self._outbox) == 1:
            self._write()

    async def end(self) -> None:
        """Closes the channel, upon which the zygote kills everything and ends."""
        if not self.ended:
            self._mourn("the executor is ending")
        assert self._mourning is not None
        await self._mourning

    def _write(self) -> None:
        self._loop.remove_writer(self._channel)
        while self._outbox:
            data, descriptors = self._outbox[0]
            try:
                sent = socket.send_fds(self._channel, [data], descriptors) if descriptors else self._channel.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._channel, self._write)
                return
            except OSError:
                self._mourn(None)
                return
            _close_all(descriptors)
            self._outbox.popleft()
            if sent < len(data):
                self._outbox.appendleft((data[sent:], ()))

    def _on_readable(self) -> None:
        try:
            data = self._channel.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._mourn(None)
            return
        try:
            for message in self._reader.feed(data):
                match message:
                    case {"exited": int(number), "status": int(status)}:
                        self._pool.worker_gone(number, Gone(status))
                    case {"failed": int(number), "error": str(error)}:
                        self._pool.worker_gone(number, Gone(None, f"no worker process can be started: {error}"))
                    case _:
                        raise FrameError("no message of a zygote")
        except FrameError:
            self._mourn(None)

    def _mourn(self, reason: str | None) -> None:
        """The zygote has ended or shall end: forgets it, and sees to it that nothing of it is left."""
        if self.ended:
            return
        self.ended = True
        self._loop.remove_reader(self._channel)
        self._loop.remove_writer(self._channel)
        self._channel.close()
        for _, descriptors in self._outbox:
            _close_all(descriptors)
        self._outbox.clear()
        self._mourning = self._loop.create_task(self._wait(reason))

    async def _wait(self, reason: str | None) -> None:
        try:
            status = await asyncio.to_thread(self._process.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = await asyncio.to_thread(self._process.wait)
        if status != 0:
            # It did not end as it should and so has not seen to its descendants.
            await asyncio.to_thread(worker_tree.kill_marked, self._cookie)
        ending = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        self._pool.zygote_gone(reason or f"the process that starts workers {ending}")


def _environment(cookie: str) -> dict[str, str]:
    """The program's own settings stay here: tokens and the database's address are not the tasks' business."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PPACER_")}
    return own | {worker_tree.COOKIE: cookie}


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def worker_command(python: str, file: Path) -> list[str]:
    """The command that runs a program's zygote."""
    return [python, str(file), "_worker"]
