"""The worker: a process that runs one attempt after another, as long as none leaves anything behind.

It answers each assignment with `{"begun": …}`, the time in microseconds since the epoch, then with what the attempt
says as it says it, then with one message that tells the end; each of these names the attempt. SIGTERM is how an attempt
is told to stop. What goes wrong beyond that is seen from outside, by the exit status. The worker that several attempts
share is `worker_shared`.
"""

from __future__ import annotations

import faulthandler
import io
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TextIO

from ppacer.context import Cancellation, TaskCancelled
from ppacer.protocol import Assignment, RunInfo
from ppacer.services import worker_tree
from ppacer.services.worker_call import Ending, prepare
from ppacer.services.worker_frames import FrameSocket, Message
from ppacer.services.worker_mask import Mask
from ppacer.services.worker_memory import DataLimit, own_resident
from ppacer.services.worker_outlet import AttemptOutlet
from ppacer.services.worker_records import capture_logging
from ppacer.services.worker_secrets import Secrets
from ppacer.services.worker_surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Settings:
    """What every worker of a program is told: its callables, the folder of its file, where its secrets come from."""

    callables: Mapping[str, Callable[[], object]]
    home: str
    secrets: str | None


def serve(channel: socket.socket, settings: Settings) -> None:
    """Runs attempts until the executor closes the channel or an attempt leaves this process unfit for another."""
    prepare_process()
    stop = StopSignal()
    worker = _Worker(FrameSocket(channel, stop), settings, stop)
    capture_logging(worker.logged)
    while (message := worker.frames.receive()) is not None:
        if not worker.run(read_assignment(message)):
            return


def prepare_process() -> None:
    _reseed()
    # Made anew: the zygote's own are bound to what it was started with.
    sys.stdout, sys.stderr = text_stream(1), text_stream(2)
    faulthandler.enable(file=2, all_threads=False)


def extend_search_path(folders: Sequence[str]) -> None:
    """Has the users' modules found."""
    sys.path[:0] = [folder for folder in folders if folder not in sys.path[: len(folders)]]


def _reseed() -> None:
    """Python's own generator is another one in each worker; numpy's would be the same, had the zygote imported it."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed()


def read_assignment(message: Message) -> Assignment:
    """The assignment whose fields the executor sent."""
    run = message["run"]
    if not isinstance(run, dict):
        raise TypeError("an assignment without a run")
    return Assignment(**{**message, "run": RunInfo(**run)})  # type: ignore[arg-type]  # the executor has checked it


def text_stream(descriptor: int) -> TextIO:
    """Each line goes out at once, so that a log can be followed; characters that are no text never raise."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


def own_environment() -> dict[str, str]:
    """The environment that `env(…)` and `secret(…)` read: without what is between executor and worker."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PPACER_")}


class StopSignal:
    """SIGTERM as an interruption of the running task: an exception in the main thread, or what `on_stop` does.

    Entered, it waits: what the main thread does in between is not interrupted. While the worker is `idle` it ends at
    the signal: that is meant for an attempt which it has not read yet.
    """

    def __init__(self) -> None:
        self.idle = True
        self.cancellation = Cancellation()
        self._on_stop: Callable[[], object] | None = None
        self._main = threading.get_ident()
        self._held = 0
        self._late = False
        signal.signal(signal.SIGTERM, self._handle)

    def arm(self, on_stop: Callable[[], object]) -> None:
        """From now on the signal calls `on_stop` in the main thread; at once if it has come already."""
        self._on_stop = on_stop
        if self.cancellation:
            on_stop()

    def disarm(self) -> None:
        self._on_stop = None

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._held += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() == self._main:
            self._held -= 1
            if self._late and not self._held:
                self._late = False
                self._stop()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.idle:
            os._exit(0)
        first = not self.cancellation
        self.cancellation.request()
        if self._held:
            self._late = first or self._late
        elif first:
            self._stop()

    def _stop(self) -> None:
        if self._on_stop is not None:
            self._on_stop()


class HomeState:
    """What a task may change for itself but not for the next: the environment, the working directory, the outputs."""

    def __init__(self) -> None:
        self.environment = own_environment()
        self._environment = dict(os.environ)
        self._as_kept = _kept_environment()
        try:
            self._folder = os.getcwd()  # noqa: PTH109 (kept as the text it is)
        except OSError:
            self._folder = "/"
        self._outputs = (sys.stdout, sys.stderr)

    def restore(self) -> None:
        if _kept_environment() != self._as_kept:
            os.environ.clear()
            os.environ.update(self._environment)
        with suppress(OSError):  # somebody has removed it
            os.chdir(self._folder)
        sys.stdout, sys.stderr = self._outputs


def _kept_environment() -> object:
    """The environment as Python keeps it: reading every variable anew is a tenth of what a short task takes."""
    return dict(getattr(os.environ, "_data", os.environ))


class _Worker:
    def __init__(self, frames: FrameSocket, settings: Settings, stop: StopSignal) -> None:
        self.frames = frames
        self.settings = settings
        self.stop = stop
        self.mask = Mask()
        self.state = HomeState()
        self.secrets = Secrets(settings.secrets, self.state.environment)
        self._owner = os.getpid()
        self._attempt: _Attempt | None = None

    def run(self, assignment: Assignment) -> bool:
        """Runs an attempt, and tells whether the process may run another one."""
        self.stop.cancellation = Cancellation()
        self.stop.idle = False
        self._attempt = attempt = _Attempt(self, assignment)
        attempt.tell({"begun": time.time_ns() // 1000, "pid": self._owner})
        ending = attempt.run()
        fit = flush() and ending.fit and not self.stop.cancellation and left_nothing()
        attempt.outlet.end()
        self._attempt = None
        attempt.tell({**ending.message(assignment, self.mask), "fit": fit, "resident": own_resident()})
        if fit:
            self.state.restore()
            self.stop.idle = True
        return fit and not self.stop.cancellation  # which was meant for the next attempt, if it came since

    def logged(self) -> _Attempt | None:
        """The attempt under way; none in a process that the task forked, whose parent the channel belongs to."""
        return self._attempt if os.getpid() == self._owner else None

    def disclose(self, secret: str) -> None:
        """Goes on when the executor, too, hides the secret in what this process writes."""
        if secret in self.mask.secrets:
            return
        self.mask = Mask(self.mask.secrets | {secret})
        self.frames.send({"secrets": sorted(self.mask.secrets)})
        if self.frames.receive() is None:
            os._exit(0)


class _Attempt:
    """The host of one call."""

    def __init__(self, worker: _Worker, assignment: Assignment) -> None:
        self.assignment = assignment
        self.callables = worker.settings.callables
        self.home = worker.settings.home
        self.surroundings = Surroundings(worker.state.environment, worker.secrets, worker.disclose)
        self.cancellation = worker.stop.cancellation
        self.outlet = AttemptOutlet(self)
        self._worker = worker
        self._limit = DataLimit()

    def run(self) -> Ending:
        try:
            if self.assignment.memory is not None:
                self._limit.set(self.assignment.memory)
            call = prepare(self)
            return call if isinstance(call, Ending) else call.run()
        except TaskCancelled:
            # The signal came while the outcome of the task was being worked out.
            return Ending.cancelled()
        finally:
            self.disarm()

    @property
    def mask(self) -> Mask:
        return self._worker.mask

    def tell(self, message: Message) -> None:
        self._worker.frames.send({"attempt": self.assignment.attempt, **message})

    def enter(self, variables: Mapping[str, str | None], folder: Path | None) -> None:
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if folder is not None:
            os.chdir(folder)

    def interruptible(self) -> None:
        self._worker.stop.arm(_interrupt)

    def arm(self, on_stop: Callable[[], object]) -> None:
        self._worker.stop.arm(on_stop)

    def disarm(self) -> None:
        self._worker.stop.disarm()
        self._limit.put_back()


def _interrupt() -> None:
    raise TaskCancelled("the task was told to stop")


def flush() -> bool:
    """Empties Python's own buffers into the pipes; false if the task has closed what they belong to."""
    try:
        for stream in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True


def left_nothing() -> bool:
    """Whether no thread and no process of the attempt goes on: either would meddle with the next one."""
    return threading.active_count() == 1 and not worker_tree.has_children()
