"""Whose output is it? In a worker that attempts share, each has outputs of its own.

`sys.stdout` and `sys.stderr` lead to the outputs of the attempt whose code writes: contextvars tell which that is. They
reach asyncio tasks by themselves; threads and what is submitted to thread pools get them here, and processes that are
started by `subprocess` with the worker's own outputs get the attempt's. What is written past all that, to the
descriptors 1 and 2, belongs to nobody: the executor gives it to every attempt that runs at the time.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, Protocol, TextIO

from ppacer.services.worker import text_stream

_CHUNK = 65536
_PUMP_SECONDS = 1.0
"""How long what a subprocess wrote may take to be read once all that could write more has ended."""


class Writer(Protocol):
    """An attempt, as far as its outputs go."""

    outputs: Outputs

    def started(self, process: int) -> None:
        """A process was started by its code."""
        ...


WRITER: ContextVar[Writer | None] = ContextVar("writer", default=None)
"""The attempt whose code runs; none in threads that belong to no attempt."""


class Outputs:
    """The two outputs of one attempt. `send` takes the name of one and what was written to it."""

    def __init__(self, send: Callable[[str, bytes], None]) -> None:
        self._send = send
        self._lock = threading.Lock()
        self._streams = {name: _text_stream(name, send) for name in ("stdout", "stderr")}
        self._pipes: dict[str, tuple[int, threading.Thread]] = {}

    def stream(self, name: str) -> TextIO:
        return self._streams[name]

    def pipe(self, name: str) -> int:
        """A descriptor for processes to write to."""
        with self._lock:
            if name not in self._pipes:
                reading, writing = os.pipe()
                pump = threading.Thread(target=self._pump, args=(name, reading), daemon=True)
                pump.start()
                self._pipes[name] = writing, pump
            return self._pipes[name][0]

    def has_pipes(self) -> bool:
        return bool(self._pipes)

    def end(self) -> None:
        """Sends what is left. To be called when the attempt's processes have ended."""
        with self._lock:
            pipes, self._pipes = list(self._pipes.values()), {}
        for writing, _ in pipes:
            os.close(writing)
        for _, pump in pipes:
            pump.join(_PUMP_SECONDS)
        for stream in self._streams.values():
            try:
                stream.flush()
            except (OSError, ValueError):
                continue  # the task has closed it

    def _pump(self, name: str, reading: int) -> None:
        try:
            while data := os.read(reading, _CHUNK):
                self._send(name, data)
        finally:
            os.close(reading)


def install() -> None:
    """Has this process tell its attempts apart. Once in a process."""
    sys.stdout, sys.stderr = _Routed("stdout", 1), _Routed("stderr", 2)
    threading.Thread.start = _inheriting(threading.Thread.start)  # type: ignore[method-assign, assignment]
    ThreadPoolExecutor.submit = _submitting(ThreadPoolExecutor.submit)  # type: ignore[method-assign]
    subprocess.Popen.__init__ = _starting(subprocess.Popen.__init__)  # type: ignore[method-assign]


class _Raw(io.RawIOBase):
    """What the bytes of one output of one attempt go through."""

    def __init__(self, name: str, send: Callable[[str, bytes], None]) -> None:
        self._name = name
        self._send = send
        self._owner = os.getpid()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        written = bytes(data)
        if os.getpid() != self._owner:  # a process that the task forked
            return os.write(self.fileno(), written)
        for start in range(0, len(written), _CHUNK):
            self._send(self._name, written[start : start + _CHUNK])
        return len(written)

    def fileno(self) -> int:
        return 1 if self._name == "stdout" else 2


def _text_stream(name: str, send: Callable[[str, bytes], None]) -> TextIO:
    buffer = io.BufferedWriter(_Raw(name, send))
    return io.TextIOWrapper(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=True)


class _Routed(io.TextIOBase):
    """`sys.stdout` or `sys.stderr`: the output of whoever uses it."""

    def __init__(self, name: str, descriptor: int) -> None:
        self._name = name
        self._descriptor = descriptor
        self._nobodys = text_stream(descriptor)

    def _stream(self) -> TextIO:
        writer = WRITER.get()
        return self._nobodys if writer is None else writer.outputs.stream(self._name)

    def write(self, text: str) -> int:
        return self._stream().write(text)

    def writelines(self, lines: Iterable[str]) -> None:  # type: ignore[override]
        self._stream().writelines(lines)

    def flush(self) -> None:
        self._stream().flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        """Stays open: it is everybody's."""

    @property
    def buffer(self) -> Any:
        return self._stream().buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream(), name)


def _inheriting(start: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    @wraps(start)
    def wrapped(thread: threading.Thread) -> None:
        if WRITER.get() is not None:
            context, run = copy_context(), thread.run
            thread.run = lambda: context.run(run)  # type: ignore[method-assign]
        start(thread)

    return wrapped


def _submitting(submit: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(submit)
    def wrapped(pool: ThreadPoolExecutor, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return submit(pool, copy_context().run, function, *args, **kwargs)

    return wrapped


_STDOUT, _STDERR = 4, 5
"""Where these stand among the arguments of `Popen`, the first of which is its program."""


def _starting(popen: Callable[..., None]) -> Callable[..., None]:
    @wraps(popen)
    def wrapped(process: Any, *args: Any, **kwargs: Any) -> None:
        writer = WRITER.get()
        if writer is None:
            popen(process, *args, **kwargs)
            return
        for place, name in ((_STDOUT, "stdout"), (_STDERR, "stderr")):
            if len(args) <= place and kwargs.get(name) is None:
                kwargs[name] = writer.outputs.pipe(name)
        popen(process, *args, **kwargs)
        writer.started(process.pid)

    return wrapped
