"""Times of day that are left out on the day when the clocks go forward."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache

from ppacer import spec
from ppacer.core.cron import CronFault, CronFields, parse_cron
from ppacer.core.cron_rule import CronRule
from ppacer.core.instants import Shift, from_local, microseconds, next_shift, zone
from ppacer.core.schedule import DagClock
from ppacer.records import dataclass, replace
from ppc import ast
from ppc.resolved import ResolvedDag

LEFT_OUT = "W711"

CODES = {LEFT_OUT: "a time of day that one day of the year does not have"}

_FROM = date(2026, 1, 1)
"""Any day does, as long as it is the same for every build."""
_YEARS = timedelta(days=10 * 366)
"""How far ahead is looked for a day that both fits the schedule and has a change of the clocks."""
_LAST = date(9000, 1, 1)
"""The calendar ends with the year 9999."""
_DAY = timedelta(days=1)
_NOWHERE = spec.At(1, 1)


def check(dag: ResolvedDag, setting: ast.Setting, scheduled: spec.Dag) -> None:
    """`setting` is the schedule of a dag that does not say what it wants with `dst`."""
    items = setting.value.items if isinstance(setting.value, ast.ListLiteral) else (setting.value,)
    if scheduled.timezone == "UTC" or len(items) != len(scheduled.schedules):
        return  # the latter has been told: a schedule with a fault
    for item, schedule in zip(items, scheduled.schedules, strict=True):
        alone = spec.Dag(
            "", _NOWHERE, (), schedules=(replace(schedule, at=_NOWHERE),), timezone=scheduled.timezone,
            start=scheduled.start, end=scheduled.end,
        )  # fmt: skip
        if (lost := _lost(alone)) is not None:
            _report(dag, item, scheduled.timezone, lost)


@dataclass(frozen=True, slots=True)
class _Lost:
    """The wall-clock times that fall into a gap, and whether what follows it is due for them, or anyway."""

    times: tuple[datetime, ...]
    shift: Shift
    is_due: bool
    due_anyway: bool


def _report(dag: ResolvedDag, item: ast.Expr, timezone: str, lost: _Lost) -> None:
    span = item.span
    if isinstance(item, ast.Call) and item.callee.text == "cron":
        span = item.arguments[0].value.span
    start, end = _clock(lost.shift.before), _clock(lost.shift.after)
    times = [_clock(moment) for moment in lost.times]
    if lost.due_anyway:
        label = f"falls together with the run of {end} then"
    elif not lost.is_due:
        label = "no run then"
    else:
        label = f"due at {end} then"
        if len(times) > 1:
            label = f"one run at {end} then, in place of {len(times)}"
    missing = " and no ".join(times) if len(times) < 3 else f"{times[0]} to {times[-1]}"
    dag.scope.file.report(
        LEFT_OUT,
        f"there is no {missing} in {timezone} on the day when the clocks go forward",
        span,
        label=label,
        notes=(f"as on {lost.shift.after.date()}, when they go from {start} to {end}",),
        help=f"choose another time, or say what is wanted: `dst = once` (a run at {end}) or `dst = skip` (none then)",
    )


def _clock(moment: datetime) -> str:
    return moment.time().isoformat("seconds" if moment.second else "minutes")


@lru_cache
def _lost(dag: spec.Dag) -> _Lost | None:
    """What the first change of the clocks takes from a dag with one schedule, if it is a time of day and not one of
    many that go on before or after it. An editor asks with every key."""
    schedule, tz = dag.schedules[0], zone(dag.timezone)
    fields = parse_cron(schedule.expression) if isinstance(schedule, spec.Cron) else None
    if isinstance(schedule, spec.CustomSchedule) or isinstance(fields, CronFault):
        return None
    if fields is not None and fields.dst is spec.DaylightSaving.SKIP:
        return None  # every few hours: one that is left out follows from that
    after = from_local(_FROM if dag.start is None else max(_FROM, dag.start, key=_moment), tz)
    last = _LAST if dag.end is None else min(_LAST, dag.end, key=_moment)
    until = min(after + microseconds(_YEARS), from_local(last, tz))
    while (shift := next_shift(after, until, tz)) is not None:
        after = shift.instant
        if not shift.skips:
            continue
        times = _times(fields, schedule, dag.start, shift.before, shift.after)
        if times:
            break
        if fields is None or fields.every_day:
            return None
    else:
        return None
    length = shift.after - shift.before
    if fields is not None and fields.dst is spec.DaylightSaving.TWICE:
        around = (
            *_times(fields, schedule, dag.start, shift.before - length, shift.before),
            *_times(fields, schedule, dag.start, shift.after, shift.after + length),
        )
        if around:
            return None
    is_due = DagClock(dag).next(shift.instant - 1) == shift.instant
    due_anyway = bool(_times(fields, schedule, dag.start, shift.after, shift.after + timedelta(seconds=1)))
    return _Lost(times, shift, is_due, due_anyway)


def _times(
    fields: CronFields | None, schedule: spec.Schedule, start: date | None, begin: datetime, end: datetime
) -> tuple[datetime, ...]:
    """The wall-clock times of a schedule from `begin` to before `end`; none of what keeps to elapsed time."""
    found: list[datetime] = []
    if fields is not None:
        rule = CronRule(fields)
        moment = rule.at_or_after(begin)
        while moment is not None and moment < end:
            found.append(moment)
            moment = rule.after(moment)
    elif isinstance(schedule, spec.Every) and not schedule.interval % _DAY:
        anchor = _moment(schedule.anchor or start or date(1970, 1, 1))
        moment = anchor - (anchor - begin) // schedule.interval * schedule.interval
        if moment < end:
            found.append(moment)
    return tuple(found)


def _moment(day: date) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, time())
