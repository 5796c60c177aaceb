"""Runs a program that was just built, in this terminal: once, or for as long as it is wanted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

_PR_SET_PDEATHSIG = 1


def run_program(command: Sequence[str]) -> int:
    """Runs the command until it ends and gives its exit code, as a shell would: 128 + n after signal n.

    Ctrl-C goes from the terminal to both and is left to the command; a request to end is passed on to it.
    """
    asked: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _: FrameType | None) -> None:
        if started:
            started[0].send_signal(number)
        else:
            asked.append(number)

    handlers = {signal.SIGINT: _ignore, signal.SIGTERM: pass_on, signal.SIGHUP: pass_on}
    with _handling(handlers), subprocess.Popen(command) as process:
        started.append(process)
        for number in asked:
            process.send_signal(number)
        code = process.wait()
    return _as_shells_have_it(code)


class ServedProgram:
    """A program that serves until it is told to stop, and can be started anew. It does not outlive this process
    (where that is killed, on Linux only).

    It is a process group of its own: what the terminal sends comes here, and while `watched` goes on it is passed to
    the program, whose own answer to a second Ctrl-C is to end at once.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._told = False
        self.asked_to_end = False
        """Whether somebody has asked this process to end."""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Passes on what asks this process to end, and leaves no program behind."""
        with _handling(dict.fromkeys((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), self._pass_on)):
            try:
                yield
            finally:
                self.stop()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def code(self) -> int | None:
        """The exit code, none before it has ended."""
        code = None if self._process is None else self._process.poll()
        return None if code is None else _as_shells_have_it(code)

    def start(self) -> None:
        self._told = False
        with_us = _with_parent(os.getpid()) if sys.platform == "linux" else None
        # Nothing here has a second thread, which is what makes `preexec_fn` dangerous.
        self._process = subprocess.Popen(self._command, process_group=0, preexec_fn=with_us)  # noqa: PLW1509

    def stop(self) -> None:
        """Asks the program to stop, unless it was asked already, and waits until it has."""
        if self._process is None:
            return
        if self.running and not self._told:
            self._told = True
            self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def _pass_on(self, number: int, _: FrameType | None) -> None:
        self.asked_to_end = True
        if self._process is not None and self.running:
            self._told = True
            # On SIGHUP it would go on: to a program that serves it says that its certificate was renewed.
            self._process.send_signal(signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)


@contextmanager
def _handling(handlers: dict[signal.Signals, Callable[[int, FrameType | None], None]]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """In place of `SIG_IGN`, which the command would inherit."""


def _with_parent(parent: int) -> Callable[[], None]:
    """What a new process does to be asked to stop when its parent has ended, even by SIGKILL. Linux only."""
    import ctypes  # noqa: PLC0415 - loaded here, where it may be: between fork and exec nothing should be

    libc = ctypes.CDLL(None)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(0)

    return prepare


def _as_shells_have_it(code: int) -> int:
    return code if code >= 0 else 128 - code
