"""Modules that the zygote imports ahead, so that its workers have them from the start.

A zygote may hold only what does not harm those that it forks: no thread, no process, no open file or connection, no
changed surroundings. That is found out where it costs nothing: a child, forked for the purpose and then thrown away,
imports the module first. What fails there, takes long or leaves anything behind is left to the workers. All of it
happens while nobody wants a worker, since the zygote does one thing at a time.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module

from ppacer.services import worker_tree

IDLE_SECONDS = 1.0
"""How long the zygote must have had nothing to do before it imports a module, or tries one."""

PROBE_SECONDS = 5.0
"""How long an import may take: so long may a worker have to wait for it, once."""

_NICE = 10
_FINE = "fine"
"""What a child writes of a module that nothing is against."""

_CHUNK = 65536


class Preloader:
    """Imports modules one after the other; `fork` makes the child that tries one and runs a function in it, `told` gets
    each module and what is against it, nothing if it has been imported.

    `probe` is the id of the child under way, `descriptor` what it writes to.
    """

    def __init__(self, fork: Callable[[Callable[[], None]], int], told: Callable[[str, str], None]) -> None:
        self.probe: int | None = None
        self.descriptor: int | None = None
        self._fork = fork
        self._told = told
        self._waiting: deque[str] = deque()
        self._said = b""
        self._due = 0.0

    def add(self, modules: Iterable[str]) -> None:
        self._waiting.extend(modules)
        self.postpone()

    def postpone(self) -> None:
        """The zygote has had something to do."""
        if self.probe is None:
            self._due = time.monotonic() + IDLE_SECONDS

    def milliseconds(self) -> int | None:
        """When to call `go_on`, if nothing else happens until then; none for never."""
        if self.probe is None and not self._waiting:
            return None
        return max(0, round((self._due - time.monotonic()) * 1000))

    def go_on(self) -> None:
        """The time has come: to try a module, or to give up waiting for what the child says of it."""
        if time.monotonic() < self._due:
            return
        if self.probe is not None:
            os.kill(self.probe, signal.SIGKILL)
            self._end_probe(f"it takes longer than {PROBE_SECONDS:g} s to import")
        elif self._waiting:
            self._start_probe(self._waiting[0])

    def hear(self) -> None:
        """The child has written something, or has ended."""
        assert self.descriptor is not None
        data = os.read(self.descriptor, _CHUNK)
        self._said += data
        if not data:
            self._end_probe(self._said.decode() or "importing it ends the process")

    def _start_probe(self, module: str) -> None:
        reading, writing = os.pipe()
        try:
            self.probe = self._fork(lambda: _probe(module, writing))
        except OSError:
            self._waiting.clear()
            os.close(reading)
            return
        finally:
            os.close(writing)
        self.descriptor = reading
        self._said = b""
        self._due = time.monotonic() + PROBE_SECONDS

    def _end_probe(self, verdict: str) -> None:
        assert self.descriptor is not None
        os.close(self.descriptor)
        self.probe = self.descriptor = None
        module = self._waiting.popleft()
        self._due = 0.0
        why = "" if verdict == _FINE else verdict
        if not why:
            with _silence():
                why = _import(module)
            gc.collect()
            gc.freeze()
        self._told(module, why)


def _probe(module: str, writing: int) -> None:
    """Runs in the child: tries the module, and writes what is against it."""
    os.nice(_NICE)
    before = _surroundings()
    with _silence():
        why = _import(module)
    after = _surroundings()
    changed = ", ".join(name for name, value in before.items() if after[name] != value)
    os.write(writing, (why or (f"it leaves changed: {changed}" if changed else _FINE)).encode("utf-8", "replace"))


def _import(module: str) -> str:
    """Imports a module; returns what is against it."""
    try:
        import_module(module)
    except BaseException as fault:
        return f"it cannot be imported: {type(fault).__name__}"
    return ""


def _surroundings() -> dict[str, object]:
    """What an import must leave as it is, by what people call it."""
    root = logging.getLogger()
    return {
        "threads": (threading.active_count(), len(_listed("task"))),
        "processes": worker_tree.children(),
        "open files": _listed("fd"),
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),  # noqa: PTH109 (compared only)
        "the search path": list(sys.path),
        "signal handlers": [signal.getsignal(number) for number in sorted(signal.valid_signals())],
        "logging": (root.handlers[:], root.level, root.manager.disable),
        "the standard streams": (sys.stdout, sys.stderr),
    }


def _listed(what: str) -> list[tuple[str, str]]:
    """This process's threads or open files, where the system lists them, with what each leads to."""
    found = []
    folder = f"/proc/self/{what}"
    try:
        for name in os.listdir(folder):  # noqa: PTH208 (of texts)
            with suppress(OSError):  # the listing itself
                found.append((name, os.readlink(f"{folder}/{name}") if what == "fd" else ""))  # noqa: PTH115
    except OSError:
        pass
    return found


@contextmanager
def _silence() -> Iterator[None]:
    """What a module writes when it is imported is nobody's here."""
    kept = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        for number, descriptor in zip((1, 2), kept, strict=True):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.close(nowhere)
