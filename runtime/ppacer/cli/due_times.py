"""When dags are due next, worked out here; schedules written in Python are asked in a worker of the program's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ppacer import spec
from ppacer.cli.command import Invocation
from ppacer.core.custom_times import Answers
from ppacer.core.instants import UnknownZoneError
from ppacer.core.schedule import DagClock, ScheduleError


@dataclass(frozen=True, slots=True)
class DueTimes:
    """The next times in order, fewer than were asked for where no more follow; or what is wrong with the schedule.

    `called` is what schedules written in Python call themselves, by their callables.
    """

    times: tuple[int, ...] = ()
    problem: str | None = None
    called: Mapping[str, str] = field(default_factory=dict)


def due_times(
    invocation: Invocation, dags: Sequence[spec.Dag], after: int, count: int, previous: int | None = None
) -> dict[str, DueTimes]:
    """The first `count` due times after `after` of each dag, by its name. `previous` is the last one before."""
    found: dict[str, DueTimes] = {}
    asking: list[tuple[spec.Dag, DagClock, Answers]] = []
    for dag in dags:
        answers = Answers(previous)
        try:
            clock = DagClock(dag, answers)
        except (ScheduleError, UnknownZoneError) as error:
            found[dag.id] = DueTimes(problem=str(error))
            continue
        if clock.asks:
            asking.append((dag, clock, answers))
        else:
            found[dag.id] = DueTimes(_times(clock, after, count))
    if asking:
        import asyncio  # noqa: PLC0415 - what most programs need not load for a list

        found |= asyncio.run(_asked(invocation, asking, after, count))
    return found


def _times(clock: DagClock, after: int, count: int) -> tuple[int, ...]:
    times: list[int] = []
    while len(times) < count and (due := clock.next(times[-1] if times else after)) is not None:
        times.append(due)
    return tuple(times)


async def _asked(
    invocation: Invocation, asking: Sequence[tuple[spec.Dag, DagClock, Answers]], after: int, count: int
) -> dict[str, DueTimes]:
    from ppacer.cli.workers import worker_pool  # noqa: PLC0415
    from ppacer.services.caller import Caller  # noqa: PLC0415
    from ppacer.services.custom_schedules import CustomSchedules, ScheduleProblem  # noqa: PLC0415

    caller = Caller(lambda: worker_pool(invocation))
    custom = CustomSchedules(caller)
    found: dict[str, DueTimes] = {}
    try:
        for dag, clock, answers in asking:
            times = await custom.work_out(answers, partial(_times, clock, after, count))
            if isinstance(times, ScheduleProblem):
                found[dag.id] = DueTimes(problem=times.message)
            else:
                found[dag.id] = DueTimes(times, called=custom.texts(dag))
    finally:
        await caller.close()
    return found
