"""Warm workers: hands them out, keeps idle ones for a while, starts new ones through the zygote."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from ppacer.protocol import Assignment
from ppacer.services.worker_process import Finished, Gone, Session, WorkerProcess
from ppacer.services.worker_zygote import ZygoteLink
from ppacer.services.zygote_process import ZygoteProcess

LINGER_SECONDS = 60.0
"""How long an idle worker is kept."""

MAX_ATTEMPTS = 1000
MAX_RESIDENT = 1024**3
"""A worker is replaced after so many attempts, or when it has more bytes in memory than this after one."""

SPARE_WORKERS = 4
"""How many more workers are kept idle than have ever been at work at one time: as many for tasks whose variables
differ."""

MAX_SUSPECTS = 1000
"""How many tasks are remembered for having shared a worker that crashed."""

_RESTART_SECONDS = 1.0
"""The shortest time between two starts of a zygote."""

_NO_VARIABLES = "{}"


class WorkerError(Exception):
    """No worker can be had; the message says why."""


class WorkerPool:
    """The workers of one executor.

    `command` starts the program's `_worker`; a descriptor's number is added to it. `zygote` is one that runs already,
    and is the pool's from here on. `home` is the folder that the tasks' folders are relative to, `secrets` where
    secrets are looked up (see `worker_secrets`), `preload` names modules that may be imported before a task needs them.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        zygote: ZygoteProcess | None = None,
        home: Path | str = os.curdir,
        secrets: str | None = None,
        preload: Sequence[str] = (),
        linger: float = LINGER_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
        max_resident: int = MAX_RESIDENT,
    ) -> None:
        self._command = command
        self._first = zygote
        self._settings = {"home": str(home), "secrets": secrets}
        self._preload = list(preload)
        self._linger = linger
        self._max_attempts = max_attempts
        self._max_resident = max_resident
        self._zygote: ZygoteLink | None = None
        self._starting = asyncio.Lock()
        self._started_at = float("-inf")
        self._workers: dict[int, WorkerProcess] = {}
        self._idle: dict[WorkerProcess, asyncio.TimerHandle] = {}
        self._shared: WorkerProcess | None = None
        self._sharing = asyncio.Lock()
        self._suspects: dict[tuple[str, str, int], None] = {}
        self._most_at_work = 1
        self._last_number = 0
        self._closed = False

    async def start(self) -> None:
        """Starts the zygote ahead of the first attempt."""
        await self._living_zygote()

    async def warm(self) -> None:
        """Sees to it that a worker is there for an attempt that is about to come. Raises `WorkerError`."""
        if not any(worker.variables in (None, _NO_VARIABLES) and not worker.shared for worker in self._idle):
            self._keep(await self._new_worker(shared=False))

    async def acquire(self, assignment: Assignment) -> WorkerProcess:
        """A worker for an attempt: one of its own, the one that was used last if there is one, or the one that is
        shared, which a suspect is kept out of. Raises `WorkerError`."""
        if is_shared(assignment):
            return await (self._lone_worker() if _task(assignment) in self._suspects else self._shared_worker())
        for worker in reversed(self._idle):
            if worker.variables in (None, assignment.env) and not worker.shared and not worker.gone.done():
                self._idle.pop(worker).cancel()
                return worker
        at_work = sum(bool(worker.sessions) for worker in self._workers.values())
        self._most_at_work = max(self._most_at_work, at_work + 1)
        return await self._new_worker(shared=False)

    def suspect(self, assignment: Assignment) -> None:
        """The attempt shared a worker that crashed, perhaps through its fault: from now on its task runs alone, so that
        what crashes again costs nobody else anything and is known."""
        self._suspects[_task(assignment)] = None
        if len(self._suspects) > MAX_SUSPECTS:
            del self._suspects[next(iter(self._suspects))]

    def release(self, worker: WorkerProcess, session: Session) -> None:
        """Takes back a worker whose attempt is over."""
        worker.leave(session)
        if not session.end.done() or not self.is_fit(worker, session.end.result()):
            self.retire(worker)
        if worker.gone.done():
            worker.close()
        elif not worker.sessions:
            if worker.retired:
                self.kill(worker, signal.SIGKILL)
            else:
                self._keep(worker)

    def is_fit(self, worker: WorkerProcess, ended: Finished | Gone) -> bool:
        """Whether a worker in which an attempt ended so may have another one."""
        if self._closed or worker.served >= self._max_attempts or not isinstance(ended, Finished):
            return False
        resident = ended.message.get("resident")
        return ended.message["fit"] is True and isinstance(resident, int) and resident <= self._max_resident

    def retire(self, worker: WorkerProcess) -> None:
        """The worker gets no more attempts."""
        worker.retired = True
        if self._shared is worker:
            self._shared = None

    async def close(self) -> None:
        """Ends every worker and all that descends from them, and the zygote."""
        self._closed = True
        for timer in self._idle.values():
            timer.cancel()
        self._idle.clear()
        async with self._starting:
            if self._zygote is not None:
                await self._zygote.end()
            if self._first is not None:
                await asyncio.to_thread(self._first.end)

    def kill(self, worker: WorkerProcess, number: int) -> None:
        """Sends a signal to a worker and what it has started."""
        if self._zygote is not None and not worker.gone.done():
            self._zygote.send({"kill": worker.number, "signal": int(number)})

    def _keep(self, worker: WorkerProcess) -> None:
        """Keeps an idle worker for a while."""
        if len(self._idle) >= self._most_at_work + SPARE_WORKERS:
            self._let_go(next(iter(self._idle)))
        self._idle[worker] = asyncio.get_running_loop().call_later(self._linger, self._let_go, worker)

    def _let_go(self, worker: WorkerProcess) -> None:
        self._idle.pop(worker).cancel()
        self.retire(worker)
        worker.close()

    async def _shared_worker(self) -> WorkerProcess:
        async with self._sharing:
            worker = self._shared
            if worker is None or worker.gone.done():
                worker = self._shared = await self._new_worker(shared=True)
            if worker in self._idle:
                self._idle.pop(worker).cancel()
            return worker

    async def _lone_worker(self) -> WorkerProcess:
        """One like that which is shared, for a single attempt."""
        worker = await self._new_worker(shared=True)
        self.retire(worker)
        return worker

    async def _living_zygote(self) -> ZygoteLink:
        async with self._starting:
            if self._closed:
                raise WorkerError("the executor is ending")
            if self._zygote is None or self._zygote.ended:
                loop = asyncio.get_running_loop()
                await asyncio.sleep(max(0.0, self._started_at + _RESTART_SECONDS - loop.time()))
                self._started_at = loop.time()
                process, self._first = self._first, None
                try:
                    process = process or ZygoteProcess(self._command)
                except OSError as fault:
                    raise WorkerError(f"no worker process can be started: {fault.strerror}") from fault
                self._zygote = ZygoteLink(process, on_worker_gone=self._worker_gone, on_gone=self._zygote_gone)
                self._zygote.send({**self._settings, "preload": self._preload})
            return self._zygote

    async def _new_worker(self, *, shared: bool) -> WorkerProcess:
        zygote = await self._living_zygote()
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
        outputs = {"stdout": stdout, "stderr": stderr}
        worker = WorkerProcess(self._last_number, channel, outputs, self.kill, shared=shared)
        self._workers[worker.number] = worker
        await worker.open()
        zygote.send({"spawn": worker.number, "shared": shared}, (far_end, stdout_end, stderr_end))
        return worker

    # --- what the zygote tells ---------------------------------------------------------------------------------------

    def _worker_gone(self, number: int, gone: Gone) -> None:
        worker = self._workers.pop(number, None)
        if worker is None:
            return
        timer = self._idle.pop(worker, None)
        if timer is not None:
            timer.cancel()
        self.retire(worker)
        worker.set_gone(gone)

    def _zygote_gone(self, reason: str) -> None:
        for number in list(self._workers):
            self._worker_gone(number, Gone(None, reason))


def is_shared(assignment: Assignment) -> bool:
    """Whether an attempt runs in the worker that is shared.

    What only a process of its own can give gets one, whatever the isolation.
    """
    own = assignment.env != _NO_VARIABLES or assignment.cwd is not None or assignment.memory is not None
    return assignment.isolation in ("thread", "async") and not own


def _task(assignment: Assignment) -> tuple[str, str, int]:
    """What its attempts have in common."""
    return assignment.run.id, assignment.task, assignment.position
