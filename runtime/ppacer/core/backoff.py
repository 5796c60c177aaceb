"""How long a failed task waits before it is tried again."""

from __future__ import annotations

from datetime import timedelta

from ppacer import spec

LONGEST = timedelta(days=365)
"""No delay grows beyond this, whatever the factor."""


def retry_delay(task: spec.Task, failed_attempts: int, random: float) -> timedelta:
    """The delay after the given number of failed attempts (from 1 on), for a `random` number in [0, 1).

    Without a back-off it is `retry_delay`. With one it is `initial * factor**(failed_attempts - 1)`, at most `max`,
    and then spread evenly over ±`jitter` of itself, so that tasks that failed together are not all tried together.
    """
    backoff = task.backoff
    if backoff is None:
        return task.retry_delay
    cap = LONGEST if backoff.max is None else min(backoff.max, LONGEST)
    try:
        grown = min(backoff.initial * backoff.factor ** (failed_attempts - 1), cap)
    except OverflowError:
        grown = cap
    return max(timedelta(0), grown * (1 + backoff.jitter * (2 * random - 1)))
