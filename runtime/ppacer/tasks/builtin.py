"""The plainest of the built-in tasks: `print`, `empty` and `sleep`."""

from __future__ import annotations

import time
from datetime import timedelta

from ppacer.deferral import defer

_SHORT = 1.0
"""Seconds. To wait this long or longer, the task gives up its worker."""

_LONGEST = 100 * 365 * 86_400.0


def print_(*values: object) -> None:
    """Writes the values into the task's log, as Python's `print` does."""
    print(*values)  # noqa: T201 (that is the task)


def empty() -> None:
    """Does nothing: a node to join edges in."""


def sleep(duration: timedelta | float) -> None:
    """Waits, for a duration or a number of seconds; no worker is held meanwhile."""
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if seconds < 0:
        raise ValueError(f"a negative time to sleep: {seconds} seconds")
    if not seconds <= _LONGEST:
        raise ValueError(f"a time to sleep that is longer than 100 years: {seconds} seconds")
    if seconds >= _SHORT:
        defer(timedelta(seconds=seconds))
    time.sleep(seconds)
