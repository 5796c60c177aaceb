"""The worker that attempts with `isolation = thread` and `isolation = async` share, as many as there are.

Each attempt begins in a thread of its own, which loads its callable; there a plain function runs, while a coroutine
goes to the one asyncio loop, which has a thread of its own as well. The main thread listens to the executor alone: so
neither code that blocks the loop nor a slow import keeps it from stopping an attempt. `{"cancel": attempt}` is how one
is told to stop: its task is cancelled, its processes get SIGTERM, its `TaskContext.cancelled` turns true. What does not
heed that cannot be ended alone: the executor ends the whole worker then.

A process that an attempt started by `subprocess` is killed with all its descendants when the attempt ends. One that
came about otherwise cannot be told to be the attempt's; the worker takes no new attempts then, and ends with its last.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

from ppacer.context import Cancellation
from ppacer.core.model import ErrorKind
from ppacer.core.trace_ids import TRACEPARENT
from ppacer.protocol import Assignment, Outcome
from ppacer.services import worker_tree
from ppacer.services.worker import HomeState, Settings, prepare_process, read_assignment
from ppacer.services.worker_call import Call, Ending, prepare
from ppacer.services.worker_error import describe
from ppacer.services.worker_frames import FrameSocket, Message
from ppacer.services.worker_mask import Mask
from ppacer.services.worker_memory import own_resident
from ppacer.services.worker_outlet import AttemptOutlet
from ppacer.services.worker_records import capture_logging
from ppacer.services.worker_secrets import Secrets
from ppacer.services.worker_streams import WRITER, Outputs, install
from ppacer.services.worker_surroundings import Surroundings

MAX_THREADS_LEFT = 64
"""How many threads attempts may have left behind before the worker takes no more of them."""

_LEFT_TASKS_SECONDS = 1.0
"""How long asyncio tasks that an attempt leaves behind may take to be cancelled before its end is told."""

_T = TypeVar("_T")


def serve(channel: socket.socket, settings: Settings) -> None:
    """Runs attempts until the executor closes the channel."""
    prepare_process()
    install()
    worker = _SharedWorker(FrameSocket(channel), settings)
    capture_logging(worker.logged)
    while (message := worker.frames.receive()) is not None:
        match message:
            case {"cancel": str(name)}:
                worker.cancel(name)
            case {"hidden": int(count)}:
                worker.confirm(count)
            case _:
                worker.begin(read_assignment(message))


class _SharedWorker:
    def __init__(self, frames: FrameSocket, settings: Settings) -> None:
        self.frames = frames
        self.settings = settings
        self.mask = Mask()
        self.loop = asyncio.new_event_loop()
        self.loop.set_task_factory(_make_task)  # type: ignore[arg-type]  # generators are no coroutines any more
        self.state = HomeState()
        self.secrets = Secrets(settings.secrets, self.state.environment)
        self.attempts: dict[str, _Attempt] = {}
        self._owner = os.getpid()
        self._changing = threading.Lock()
        self._hidden = threading.Condition()
        self._confirmed = 0
        threading.Thread(target=self._turn, name="asyncio", daemon=True).start()

    def begin(self, assignment: Assignment) -> None:
        attempt = _Attempt(self, assignment)
        with self._changing:
            self.attempts[assignment.attempt] = attempt
        try:
            threading.Thread(target=attempt.run, name=assignment.task, daemon=True).start()
        except RuntimeError as fault:  # too many of them
            attempt.end(Ending(Outcome.LOST, error_kind=ErrorKind.LOST, error=f"{fault}, in the worker", fit=False))

    def cancel(self, name: str) -> None:
        attempt = self.attempts.get(name)
        if attempt is not None:
            attempt.cancel()

    def ended(self, attempt: _Attempt, killed: set[int]) -> bool:
        """Forgets the attempt, whose processes were killed; tells whether this process may have more attempts."""
        with self._changing:
            self.attempts.pop(attempt.assignment.attempt, None)
            if not self.attempts:
                self.state.restore()
            known = {process for one in self.attempts.values() for process in list(one.processes)}
            own_threads = 2 + len(self.attempts)
        if threading.active_count() - own_threads > MAX_THREADS_LEFT:
            return False
        return not _has_children() or not any(map(worker_tree.is_child, worker_tree.children() - known - killed))

    def logged(self) -> _Attempt | None:
        """The attempt whose code runs here; none in a process that it forked, whose parent the channel belongs to."""
        writer = WRITER.get()
        return writer if isinstance(writer, _Attempt) and os.getpid() == self._owner else None

    def disclose(self, secret: str) -> None:
        """Goes on when the executor, too, hides the secret in what this process writes."""
        with self._hidden:
            if secret not in self.mask.secrets:
                self.mask = Mask(self.mask.secrets | {secret})
                self.frames.send({"secrets": sorted(self.mask.secrets)})
            wanted = len(self.mask.secrets)
            self._hidden.wait_for(lambda: self._confirmed >= wanted)

    def confirm(self, count: int) -> None:
        """The executor hides so many secrets."""
        with self._hidden:
            self._confirmed = count
            self._hidden.notify_all()

    def _turn(self) -> None:
        """Runs the loop for ever: what an asyncio task raises to end the process ends that task alone."""
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except (SystemExit, KeyboardInterrupt):
                continue


class _Attempt:
    """The host of one call, in the thread that it began in and, if it is a coroutine, on the loop."""

    def __init__(self, worker: _SharedWorker, assignment: Assignment) -> None:
        self.assignment = assignment
        self.callables = worker.settings.callables
        self.home = worker.settings.home
        self.surroundings = Surroundings(worker.state.environment, worker.secrets, worker.disclose)
        self.cancellation = Cancellation()
        self.outputs = Outputs(self._written)
        self.outlet = AttemptOutlet(self)
        self.processes: set[int] = set()
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._worker = worker
        self._stopping = threading.Lock()
        self._on_stop: Callable[[], object] | None = None

    # --- its life ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        WRITER.set(self)
        try:
            self.tell({"begun": time.time_ns() // 1000, "pid": os.getpid()})
            call = prepare(self)
            if isinstance(call, Call) and self.assignment.isolation == "async" and call.is_async:
                asyncio.run_coroutine_threadsafe(self._run_on_loop(call), self._worker.loop)
                return
            ending = call.run() if isinstance(call, Call) else call
        except BaseException as fault:  # the worker's own fault: the executor must hear of it all the same
            ending = Ending.failed(ErrorKind.EXCEPTION, describe(fault), fit=False)
        self.end(ending)

    async def _run_on_loop(self, call: Call) -> None:
        # In a task of its own, so that a cancel that comes late does not hit what follows.
        ending = await asyncio.create_task(call.run_here())
        left = [task for task in self.tasks if not task.done() and task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LEFT_TASKS_SECONDS)
        if self.processes or self.outputs.has_pipes():
            await asyncio.to_thread(self.end, ending)
        else:
            self.end(ending)

    def cancel(self) -> None:
        with self._stopping:
            self.cancellation.request()
            if self._on_stop is not None:
                with suppress(RuntimeError):  # a loop of its own that has ended by now
                    self._on_stop()
        for process in list(self.processes):
            if worker_tree.is_child(process):
                os.kill(process, signal.SIGTERM)

    def end(self, ending: Ending) -> None:
        """Tells the end, when nothing that is known to be the attempt's goes on."""
        killed: set[int] = set()
        for process in list(self.processes):
            if worker_tree.is_child(process):
                killed |= worker_tree.kill_tree(process)
        self.outputs.end()
        self.outlet.end()
        message = ending.message(self.assignment, self.mask)
        fit = self._worker.ended(self, killed) and ending.error_kind is not ErrorKind.MEMORY
        self.tell({**message, "fit": fit, "resident": own_resident()})

    # --- what it hears and says --------------------------------------------------------------------------------------

    @property
    def mask(self) -> Mask:
        return self._worker.mask

    def tell(self, message: Message) -> None:
        self._worker.frames.send({"attempt": self.assignment.attempt, **message})

    def started(self, process: int) -> None:
        self.processes.add(process)

    def enter(self, variables: Mapping[str, str | None], folder: Path | None) -> None:
        """The executor gives attempts that have either a worker of their own. Their spans `SPAN` tells."""
        assert variables.keys() <= {TRACEPARENT}
        assert folder is None

    def interruptible(self) -> None:
        """Nothing interrupts a thread: the task must look."""

    def arm(self, on_stop: Callable[[], object]) -> None:
        with self._stopping:
            self._on_stop = on_stop
            if self.cancellation:
                on_stop()

    def disarm(self) -> None:
        with self._stopping:
            self._on_stop = None

    def _written(self, stream: str, data: bytes) -> None:
        self.tell({"stream": stream, "data": data.decode("latin-1")})


def _make_task(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, _T], **settings: Any
) -> asyncio.Task[_T]:
    """Has an attempt know the asyncio tasks that its code makes."""
    task = asyncio.Task(coroutine, loop=loop, **settings)
    writer = WRITER.get()
    if isinstance(writer, _Attempt):
        writer.tasks.add(task)
    return task


def _has_children() -> bool:
    """Whether this process has any child, ended ones included. Waits for none: others may be about to."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True
