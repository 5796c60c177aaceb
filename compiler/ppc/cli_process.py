"""Runs a program that was just built, in this terminal."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence
from types import FrameType


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
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        with subprocess.Popen(command) as process:
            started.append(process)
            for number in asked:
                process.send_signal(number)
            code = process.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """In place of `SIG_IGN`, which the command would inherit."""
