"""Tasks that do little, each in a way of its own, for pipelines about what becomes of runs."""

import asyncio
import os
import time
from pathlib import Path


def number(n: int) -> int:
    return n


def loose(value):
    """Gives back what it is given; the build does not know what that is."""
    return value


def fail(why: str = "on purpose") -> str:
    raise RuntimeError(why)


def fail_if(fails: bool, value: str = "done") -> str:
    if fails:
        raise RuntimeError("asked to fail")
    return value


def hold(seconds: float = 60.0) -> str:
    """Holds its place, until it is stopped for most tests."""
    time.sleep(seconds)
    return "held"


async def async_hold(seconds: float = 60.0) -> str:
    await asyncio.sleep(seconds)
    return "held"


def shut(waits: bool = True) -> str:
    """Goes on when the test's gate is open, if it waits."""
    while waits and not Path(os.environ["STEPS_GATE"]).exists():
        time.sleep(0.02)
    return "through"
