"""Schedules written in Python: what one must be, and how a worker asks it for its due times."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Protocol

from ppacer.core import instants

AT_MOST = 1_000
"""How many due times one answer holds at most."""

_ENOUGH_SECONDS = 2.0
"""After so long an answer is given with what there is: the rest is asked for in another call."""

_LONGEST_TEXT = 200


class Schedule(Protocol):
    """What `schedule = …` of a dag may name: an object like this, or a class without arguments that makes one.

    Naive datetimes that it returns are wall-clock times of the dag's zone (in a fold the first of the two, in a gap the
    first moment after it), aware ones are taken as they are. `str(…)` is what people are shown.
    """

    def start(self) -> datetime | None:
        """The first due time; none where there is no first one, so that `next` alone tells them."""

    def next(self, now: datetime, previous: datetime | None) -> datetime | None:
        """The due time that follows: later than `previous` where there is one, and in the end later than `now`; none
        where there is none any more.

        `now` is not the time on the clock but that after which a due time is wanted, `previous` the dag's last due time
        not later than `now`, if any; both aware, in the dag's zone. Where what is returned is not later than `now`,
        `next` is called again with that as `previous`.
        """


class ScheduleFault(Exception):
    """A schedule that does not keep to what `Schedule` says."""


def due_times(
    callables: Mapping[str, Callable[[], object]],
    schedule: str,
    timezone: str,
    *,
    after: int,
    until: int,
    previous: int | None,
) -> dict[str, object]:
    """The answer to a `ppacer.core.custom_times.Question` and what people are shown: `times`, `ended`, `text`.

    Raises what the schedule raises, and `ScheduleFault`.
    """
    load = callables.get(schedule)
    if load is None:
        raise ScheduleFault(f"this program has no schedule {schedule}")
    found = load()
    asked = _Asked(found() if inspect.isclass(found) else found, schedule, timezone)
    enough = time.monotonic() + _ENOUGH_SECONDS
    times: list[int] = []
    due = asked.following(after, previous)
    while due is not None:
        times.append(due)
        if due > until or len(times) >= AT_MOST or time.monotonic() > enough:
            break
        due = asked.following(due, due)
    return {"times": times, "ended": due is None, "text": asked.text()}


class _Asked:
    def __init__(self, schedule: object, name: str, timezone: str) -> None:
        for method in ("start", "next"):
            if not callable(getattr(schedule, method, None)):
                raise ScheduleFault(f"{name} is no schedule: it has no method {method}()")
        self._schedule: Schedule = schedule  # type: ignore[assignment]  # as far as can be seen
        self._name = name
        self._zone = instants.zone(timezone)

    def following(self, after: int, previous: int | None) -> int | None:
        """The first due time later than `after`."""
        if previous is None:
            first = self._instant(self._schedule.start(), "start")
            if first is not None and first > after:
                return first
        now = self._moment(after)
        while True:
            due = self._instant(self._schedule.next(now, None if previous is None else self._moment(previous)), "next")
            if due is None or due > after:
                return due
            if previous is not None and due <= previous:
                asked = f"next({now}, {self._moment(previous)})"
                raise ScheduleFault(f"{self._name} does not go on: {asked} is {self._moment(due)}")
            previous = due

    def text(self) -> str:
        """What people are shown; empty where it has nothing to say."""
        return "" if type(self._schedule).__str__ is object.__str__ else str(self._schedule)[:_LONGEST_TEXT]

    def _instant(self, moment: object, method: str) -> int | None:
        if moment is None:
            return None
        if isinstance(moment, datetime) and moment.utcoffset() is not None:
            return instants.from_datetime(moment)
        if isinstance(moment, date):
            return instants.from_local(moment, self._zone)
        raise ScheduleFault(f"{method}() of {self._name} gave {moment!r}, which is no datetime")

    def _moment(self, instant: int) -> datetime:
        return instants.to_datetime(instant, self._zone)
