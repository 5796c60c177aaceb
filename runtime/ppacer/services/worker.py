"""The worker: a process that runs one attempt after another, as long as none leaves anything behind.

It answers each assignment with `{"begun": true}`, then with log records as they come, then with one message that
tells the end. SIGTERM is how an attempt is told to stop. What goes wrong beyond that is seen from outside, by the exit
status.
"""

from __future__ import annotations

import faulthandler
import io
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import TextIO

from ppacer.context import Cancellation, TaskCancelled
from ppacer.protocol import Assignment, RunInfo
from ppacer.services import worker_tree
from ppacer.services.worker_call import Ending, call
from ppacer.services.worker_frames import FrameSocket, Message

_MAX_RECORD = 1024 * 1024
_MAX_ATTRIBUTE = 8192
_MAX_ATTRIBUTES = 65536
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def serve(channel: socket.socket, callables: Mapping[str, Callable[[], object]], search_path: Sequence[str]) -> None:
    """Runs attempts until the executor closes the channel or an attempt leaves this process unfit for another."""
    sys.path[:0] = [folder for folder in search_path if folder not in sys.path[: len(search_path)]]
    frames = FrameSocket(channel)
    _prepare_outputs()
    _capture_logging(frames)
    stop = _StopSignal()
    home = _Surroundings()
    while (message := frames.receive()) is not None:
        assignment = read_assignment(message)
        frames.send({"begun": True})
        stop.cancellation = Cancellation()
        ending = _attempt(assignment, callables, stop)
        fit = _flush() and ending.fit and not stop.cancellation and _left_nothing()
        frames.send(
            {
                "outcome": ending.outcome,
                "output": ending.output,
                "error_kind": ending.error_kind,
                "error": ending.error,
                "fit": fit,
            }
        )
        if not fit:
            return
        home.restore()


def read_assignment(message: Message) -> Assignment:
    """The assignment whose fields the executor sent."""
    run = message["run"]
    if not isinstance(run, dict):
        raise TypeError("an assignment without a run")
    return Assignment(**{**message, "run": RunInfo(**run)})  # type: ignore[arg-type]  # the executor has checked it


def _attempt(assignment: Assignment, callables: Mapping[str, Callable[[], object]], stop: _StopSignal) -> Ending:
    try:
        return call(assignment, callables, stop)
    except TaskCancelled:
        # The signal came while the outcome of the task was being worked out.
        return Ending.cancelled(assignment.where)
    finally:
        stop.disarm()


class _StopSignal:
    """SIGTERM as an interruption of the running task: an exception in the main thread, or what `on_stop` does."""

    def __init__(self) -> None:
        self.cancellation = Cancellation()
        self._on_stop: Callable[[], object] | None = None
        signal.signal(signal.SIGTERM, self._handle)

    def arm(self, on_stop: Callable[[], object]) -> None:
        """From now on the signal calls `on_stop` in the main thread; at once if it has come already."""
        self._on_stop = on_stop
        if self.cancellation:
            on_stop()

    def disarm(self) -> None:
        self._on_stop = None

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        first = not self.cancellation
        self.cancellation.request()
        if first and self._on_stop is not None:
            self._on_stop()


class _Surroundings:
    """What a task may change for itself but not for the next: the environment and the working directory."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        try:
            self._folder = os.getcwd()  # noqa: PTH109 (kept as the text it is)
        except OSError:
            self._folder = "/"
        self._outputs = (sys.stdout, sys.stderr)

    def restore(self) -> None:
        if dict(os.environ) != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        os.chdir(self._folder)
        sys.stdout, sys.stderr = self._outputs


def _prepare_outputs() -> None:
    # Made anew: the zygote's own are bound to what it was started with.
    sys.stdout, sys.stderr = _text_stream(1), _text_stream(2)
    faulthandler.enable(file=2, all_threads=False)


def _text_stream(descriptor: int) -> TextIO:
    """Each line goes out at once, so that a log can be followed; characters that are no text never raise."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _flush() -> bool:
    """Empties Python's own buffers into the pipes; false if the task has closed what they belong to."""
    try:
        for stream in {sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__}:
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return False
    return True


def _left_nothing() -> bool:
    """Whether no thread and no process of the attempt goes on: either would meddle with the next one."""
    return threading.active_count() == 1 and not worker_tree.has_children()


# --- logging ---------------------------------------------------------------------------------------------------------


def _capture_logging(frames: FrameSocket) -> None:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(_FrameHandler(frames))


class _FrameHandler(logging.Handler):
    """Sends records to the executor as they are: level, logger, message and what `extra` added."""

    def __init__(self, frames: FrameSocket) -> None:
        super().__init__()
        self._frames = frames
        self._owner = os.getpid()
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = self._message(record)
            if os.getpid() != self._owner:
                # A process that the task forked: the channel is its parent's, stderr is everybody's.
                sys.stderr.write(f"{record.levelname} {record.name}: {message}\n")
                return
            self._frames.send(
                {
                    "log": message,
                    "level": record.levelno,
                    "logger": record.name,
                    "at": int(record.created * 1_000_000),
                    "attributes": _attributes(record),
                }
            )
        except Exception:
            self.handleError(record)

    def _message(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self._formatter.formatException(record.exc_info)
        if len(message) > _MAX_RECORD:
            message = f"{message[:_MAX_RECORD]}… ({len(message) - _MAX_RECORD} more characters)"
        return message


def _attributes(record: logging.LogRecord) -> str:
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    if not extra:
        return "{}"
    text = json.dumps({name: _attribute(value) for name, value in extra.items()})
    return text if len(text) <= _MAX_ATTRIBUTES else json.dumps({"left out": f"{len(text)} characters of attributes"})


def _attribute(value: object) -> object:
    """The value where JSON has it as it stands, else its `repr`."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and value - value == 0:
        return value
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= _MAX_ATTRIBUTE else text[:_MAX_ATTRIBUTE] + "…"
