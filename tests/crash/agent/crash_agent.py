"""What the crash sweep puts into every process of a program, from outside: crash points, witnesses, planted faults.

Nothing of the program knows of it: `crash_install` wraps the functions that matter. `CRASH_POINTS` names points: the
process that passes one for the `CRASH_PASSING`th time, counted over all processes of the world, writes down what it has
in hand and kills itself with SIGKILL. `CRASH_FILE` is the side-effect file: a line of JSON for each event, on the disk
before anything follows from it. `CRASH_PLANT` names a fault of `crash_plants`, to see that the checker finds it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Callable
from typing import TypeAlias

FILE = os.environ.get("CRASH_FILE", "")
POINTS = frozenset(os.environ.get("CRASH_POINTS", "").split(","))
PASSING = int(os.environ.get("CRASH_PASSING", "1"))

Hand: TypeAlias = Callable[[int], object]
"""What a process has in hand, given the number of the passing; worked out only where it is written down."""

TOKENS: dict[tuple[str, int, int], tuple[str, int]] = {}
"""In a worker: the attempt and its fencing token, by idempotency key, number and part."""


def append(kind: str, **what: object) -> None:
    """Writes one line, whole and at once, and waits until the disk has it."""
    line = {"kind": kind, "pid": os.getpid(), "at": time.monotonic(), "clock": time.time_ns() // 1000, **what}
    descriptor = os.open(FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def armed(beginning: str) -> bool:
    """Whether there is a point to be hit whose name begins so."""
    return any(point.startswith(beginning) for point in POINTS)


def passing(point: str, hand: Hand) -> None:
    """The process is at a point; it may be its end."""
    if point not in POINTS:
        return
    number = _count(point)
    if number != PASSING:
        append("passed", point=point, passing=number)
        return
    append("about", point=point, passing=number, hand=hand(number))
    os.kill(os.getpid(), signal.SIGKILL)
    append("survived", point=point, passing=number)


def _count(point: str) -> int:
    """The number of this passing, the first being 1."""
    descriptor = os.open(f"{FILE}.{point}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.write(descriptor, b".")
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
