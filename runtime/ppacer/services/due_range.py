"""All due times of a range, of whatever schedules, without holding anybody up."""

from __future__ import annotations

import asyncio
from array import array
from dataclasses import dataclass
from functools import partial
from itertools import islice

from ppacer import spec
from ppacer.core.custom_times import Answers
from ppacer.core.instants import HOUR
from ppacer.core.schedule import DagClock
from ppacer.services.custom_schedules import CustomSchedules, ScheduleProblem

_LONG_AGO = -(1 << 60)


@dataclass(frozen=True, slots=True)
class DueRange:
    """Due times in order, and the one before them, if it is known."""

    times: array[int]
    previous: int | None


async def due_range(
    dag: spec.Dag, from_at: int, until_at: int, custom: CustomSchedules, most: int
) -> DueRange | ScheduleProblem:
    """The due times from `from_at` to before `until_at`; only the first `most` + 1 if there are more than `most`.

    Raises `ScheduleError`, `UnknownZoneError`.
    """
    answers = Answers()
    clock = DagClock(dag, answers)
    times: array[int] = array("q")
    after, span = from_at - 1, 24 * HOUR
    while after < until_at - 1 and len(times) <= most:  # in growing parts: nobody knows how many there are
        part = min(after + span, until_at - 1)
        look = partial(_part, clock, after, part, most + 1 - len(times))
        found = await (custom.work_out(answers, look) if clock.asks else asyncio.to_thread(look))
        if isinstance(found, ScheduleProblem):
            return found
        times += found
        after, span = part, 2 * span
    previous = None if clock.asks or not times else clock.last(_LONG_AGO, times[0] - 1)
    return DueRange(times, previous)


def _part(clock: DagClock, after: int, until: int, most: int) -> array[int]:
    return array("q", islice(clock.between(after, until), most))
