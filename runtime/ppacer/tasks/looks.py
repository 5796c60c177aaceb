"""Looking now and then for what is waited for, without a worker in between: what all `wait_for_…` tasks share."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

from ppacer.context import TaskContext
from ppacer.deferral import defer

JITTER = 0.2
"""By how much, at most, a delay is shortened, so that those who began to wait together do not all look together."""

_FIRST = timedelta(seconds=1)
_SHORTEST = timedelta(seconds=1)
_MOST_DOUBLED = 30


def look_delay(look: int, every: timedelta, random: float) -> timedelta:
    """The time from a look (the first is 1) to the next: 1 s, 2 s, 4 s … and `every` at most.

    Of that it takes off up to `JITTER` of it, by a `random` number in [0, 1).
    """
    grown = min(_FIRST * (1 << min(look - 1, _MOST_DOUBLED)), every)
    return grown * (1 - JITTER * random)


def check_every(every: timedelta) -> None:
    """Raises `ValueError` for what is no time between looks."""
    if every < _SHORTEST:
        given = f"{every.total_seconds():g} s"
        raise ValueError(f"`every` is the time from one look to the next: at least 1 s, not {given}")


def kept(context: TaskContext) -> Mapping[str, object]:
    """What the look before has left for this one."""
    return context.state if isinstance(context.state, dict) else {}


def look_again(
    context: TaskContext,
    every: timedelta,
    what: str,
    why: str,
    *,
    within: timedelta | None = None,
    keep: Mapping[str, object] | None = None,
) -> NoReturn:
    """Has the task look again when it is time for it; `within` this time, if that is sooner.

    `what` is waited for and `why` it is not there yet; the log says so whenever the reason is another one than before.
    """
    before = kept(context)
    if before.get("why") != why:
        context.logger.info("waiting for %s: %s", what, why)
    delay = look_delay(context.part + 1, every, random.random())  # noqa: S311 (nothing secret)
    defer(delay if within is None else min(delay, within), state={**(keep or {}), "why": why})
