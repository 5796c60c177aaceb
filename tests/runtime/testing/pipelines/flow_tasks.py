"""Task code of the pipeline that tests of `ppacer.testing` run."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path

from ppacer import TaskContext
from ppacer.deferral import defer


class Color(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Load:
    path: Path
    rows: int
    day: date


CALLS: list[str] = []
"""What was called, for tests that look whether anything was."""


def extract(region: str, day: date) -> list[int]:
    CALLS.append(region)
    return [day.day, len(region)]


def load(parts: list[list[int] | None], color: Color, wait: timedelta) -> Load:
    assert isinstance(color, Color)
    assert wait == timedelta(hours=1)
    return Load(Path("out") / color.name, sum(sum(part) for part in parts if part), date(2026, 1, 2))


def report(load: Load) -> str:
    return f"{type(load).__name__} {load.rows}"


async def later(value: int) -> int:
    return value + 1


class Adder:
    def __init__(self, first: int) -> None:
        self.first = first

    def __call__(self, context: TaskContext) -> int:
        return self.first + context.attempt


def list_files() -> list[str]:
    return ["a.csv", "b.csv", "c.csv"]


def check(file: str) -> int:
    if file == "b.csv":
        raise ValueError(f"{file} is broken")
    return len(file)


def mend(file: str, checked: int | None) -> str:
    return f"{file}:{checked}"


def total(checks: list[int | None]) -> int:
    return sum(each or 0 for each in checks)


def fail(text: str = "it failed") -> int:
    raise RuntimeError(text)


def exits() -> None:
    sys.exit(3)


def unstorable() -> object:
    return object()


def page(failed: list[dict[str, object]], status: str) -> str:
    return f"{status}: {', '.join(str(each['id']) for each in failed)}"


def poll(context: TaskContext) -> int:
    """Looks three times, a minute apart."""
    looks = context.state if isinstance(context.state, int) else 0
    if looks < 2:
        defer(timedelta(minutes=1), state=looks + 1)
    return looks


def until(moment: datetime) -> None:
    defer(moment, output="late enough")


def surroundings(token: str, context: TaskContext) -> dict[str, str]:
    print("the token is", token)
    context.logger.warning("token %s", token, extra={"token": token})
    return {
        "token": token,
        "mode": os.environ["FLOW_MODE"],
        "folder": Path.cwd().name,
        "zone": os.environ.get("FLOW_ZONE", "none"),
    }


def talk(context: TaskContext) -> None:
    print("first")
    subprocess.run(["echo", "then"], check=True)
    logging.getLogger("flow.talk").info("second", extra={"n": 2})
    subprocess.run(["echo", "third"], check=True)
    sys.stderr.write("fourth\nfif")
    context.progress(0.5, "half")
    context.notifier.send("something came up", subject="Look")
    context.notifier.send("for the desk", to="desk")
    sys.stderr.write("th\n")


def know(context: TaskContext) -> dict[str, object]:
    run = context.run
    return {
        "id": run.id,
        "dag": run.dag,
        "at": run.scheduled_at,
        "date": run.date,
        "previous": run.previous,
        "params": run.params,
        "task": context.task,
        "attempt": context.attempt,
        "key": context.idempotency_key,
    }


def desk(message: str) -> None:
    """A notifier, which no test calls."""
    raise AssertionError(message)


class Workdays:
    """Every day at seven, but for the weekend."""

    def start(self) -> datetime | None:
        return datetime(2026, 1, 1, 7)  # noqa: DTZ001 (in the zone of the dag)

    def next(self, now: datetime, previous: datetime | None) -> datetime | None:
        day = now.replace(hour=7, minute=0, second=0, microsecond=0)
        while day <= now or day.weekday() > 4:
            day += timedelta(days=1)
        return day


class Broken:
    def start(self) -> datetime | None:
        raise RuntimeError("no calendar")

    def next(self, now: datetime, previous: datetime | None) -> datetime | None:
        return None
