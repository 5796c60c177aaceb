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


def meet(place: str, number: int, waits: bool = False) -> str:
    """Goes on when so many processes have come to a place, which then were there at the same time; and when the test's
    gate is open, if it waits for that, too."""
    folder = Path(os.environ["STEPS_FILE"]).with_name(f"met-{place}")
    folder.mkdir(exist_ok=True)
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + 120
    while len(list(folder.iterdir())) < number or (waits and not Path(os.environ["STEPS_GATE"]).exists()):
        if time.monotonic() > deadline:
            raise TimeoutError("the others do not come")
        time.sleep(0.02)
    return "met"


def shut(waits: bool = True) -> str:
    """Goes on when the test's gate is open, if it waits."""
    while waits and not Path(os.environ["STEPS_GATE"]).exists():
        time.sleep(0.02)
    return "through"
