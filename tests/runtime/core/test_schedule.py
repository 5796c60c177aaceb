"""The clock of a dag: bounds, unions, what it cannot work out. The times themselves: see the table and the laws."""

# ruff: noqa: DTZ001 (wall-clock times are naive)
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from ppacer import spec
from ppacer.core.instants import HOUR, UnknownZoneError, from_datetime, from_local, iso, zone
from ppacer.core.schedule import DagClock, ScheduleError, due_between, next_due, next_times
from tests.runtime.counting import calls

AT = spec.At(7, 3)
WARSAW = zone("Europe/Warsaw")


def cron(expression: str) -> spec.Cron:
    return spec.Cron(expression, AT)


def every(interval: timedelta, anchor: datetime | None = None) -> spec.Every:
    return spec.Every(interval, AT, anchor=anchor)


def dag(
    *schedules: spec.Schedule,
    timezone: str = "Europe/Warsaw",
    start: date | datetime | None = None,
    end: date | datetime | None = None,
) -> spec.Dag:
    return spec.Dag("d", AT, (), schedules=schedules, timezone=timezone, start=start, end=end)


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


def shown(dues: tuple[int, ...]) -> list[str]:
    return [iso(due, WARSAW) for due in dues]


def test_next_is_strictly_later() -> None:
    clock = DagClock(dag(cron("0 12 * * *")))
    noon = at("2026-01-01T12:00+01:00")
    assert clock.next(noon - 1) == noon
    assert clock.next(noon) == at("2026-01-02T12:00+01:00")
    assert clock.next(noon + 1) == at("2026-01-02T12:00+01:00")


def test_start_is_inclusive_and_end_exclusive() -> None:
    bounded = dag(cron("0 0 * * *"), start=date(2026, 1, 1), end=date(2026, 1, 4))
    assert shown(next_times(bounded, at("2020-01-01T00:00Z"), 9)) == [
        "2026-01-01T00:00:00+01:00",
        "2026-01-02T00:00:00+01:00",
        "2026-01-03T00:00:00+01:00",
    ]
    assert next_due(bounded, at("2026-01-03T00:00+01:00")) is None
    assert next_due(bounded, at("2036-01-03T00:00+01:00")) is None


def test_bounds_are_wall_clock_times_of_the_zone() -> None:
    bounded = dag(cron("*/30 * * * *"), start=datetime(2026, 7, 1, 11, 45), end=datetime(2026, 7, 1, 12, 30))
    assert shown(next_times(bounded, 0, 9)) == ["2026-07-01T12:00:00+02:00"]


def test_a_dag_without_a_schedule_is_never_due() -> None:
    assert next_due(dag(), 0) is None
    assert next_times(dag(), 0, 5) == ()
    assert list(due_between(dag(), 0, 10**15)) == []
    assert DagClock(dag()).last(0, 10**15) is None


def test_a_list_of_schedules_is_due_once_where_they_meet() -> None:
    both = dag(cron("0 */6 * * *"), cron("0 6,7 * * *"), every(timedelta(hours=24), anchor=datetime(2026, 1, 1, 7)))
    assert shown(next_times(both, at("2026-01-01T00:00+01:00"), 4)) == [
        "2026-01-01T06:00:00+01:00",
        "2026-01-01T07:00:00+01:00",
        "2026-01-01T12:00:00+01:00",
        "2026-01-01T18:00:00+01:00",
    ]


def test_two_jobs_that_a_gap_moves_together_are_due_once() -> None:
    both = dag(cron("15 2 * * *"), cron("45 2 * * *"), cron("0 3 * * *"))
    assert shown(next_times(both, at("2026-03-29T00:00+01:00"), 2)) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:15:00+02:00",
    ]


def test_between_takes_its_end_and_not_its_beginning() -> None:
    hourly = dag(cron("@hourly"))
    begin = at("2026-01-01T00:00Z")
    assert list(due_between(hourly, begin, begin + 2 * HOUR)) == [begin + HOUR, begin + 2 * HOUR]
    assert list(due_between(hourly, begin, begin)) == []
    assert DagClock(hourly).last(begin, begin + 3 * HOUR - 1) == begin + 2 * HOUR


def test_the_last_of_a_year_of_seconds_is_found_at_once() -> None:
    clock = DagClock(dag(cron("* * * * * *")))
    begin = at("2026-01-01T00:00Z")
    until = begin + 365 * 24 * HOUR + 1
    assert clock.last(begin, until) == until - 1


def test_due_times_are_counted_at_once() -> None:
    begin, end = at("2020-01-01T00:00+01:00"), at("2030-01-01T00:00+01:00")
    seconds = (end - begin) // 1_000_000
    for schedule, number in (
        (cron("* * * * * *"), seconds),
        (cron("0 9 * * MON-FRI"), 2_609),
        (cron("30 2 29 2 *"), 3),
        (every(timedelta(seconds=0.5)), 2 * seconds),
        (every(timedelta(days=7)), 522),
    ):
        clock = DagClock(dag(schedule))
        assert clock.count(begin, end, 0) == number
        assert calls(lambda clock=clock: clock.count(begin, end, 0)) < 500_000
    bounded = DagClock(dag(cron("@daily"), start=date(2026, 1, 1), end=date(2026, 1, 4)))
    assert [bounded.count(begin, end, 0), bounded.count(end, begin, 0), bounded.count(end, end, 0)] == [3, 0, 0]
    several = DagClock(dag(cron("@daily"), cron("0 12 * * *")))
    assert [several.count(begin, end, most) for most in (7_305, 7_306)] == [None, 7_306]


@pytest.mark.parametrize(
    ("schedule", "first"),
    [
        (every(timedelta(minutes=10)), "2026-01-01T00:10:00+01:00"),
        (every(timedelta(minutes=10), datetime(2026, 1, 1, 0, 3)), "2026-01-01T00:03:00+01:00"),
        (every(timedelta(minutes=10), datetime(2030, 1, 1, 0, 3)), "2026-01-01T00:03:00+01:00"),
        (every(timedelta(seconds=0.5)), "2026-01-01T00:00:00.500000+01:00"),
        (every(timedelta(days=7), datetime(2026, 1, 5, 9)), "2026-01-05T09:00:00+01:00"),
        (every(timedelta(days=7), datetime(2030, 1, 7, 9)), "2026-01-05T09:00:00+01:00"),
        (every(timedelta(days=1)), "2026-01-02T00:00:00+01:00"),
    ],
)
def test_an_interval_counts_from_its_anchor_both_ways(schedule: spec.Every, first: str) -> None:
    assert shown(next_times(dag(schedule), at("2026-01-01T00:00+01:00"), 1)) == [first]


def test_without_an_anchor_an_interval_counts_from_start() -> None:
    started = dag(every(timedelta(hours=5)), start=datetime(2026, 1, 1, 1, 30))
    assert shown(next_times(started, 0, 2)) == ["2026-01-01T01:30:00+01:00", "2026-01-01T06:30:00+01:00"]
    weekly = dag(every(timedelta(days=7)), start=date(2026, 1, 1))
    assert shown(next_times(weekly, at("2026-03-26T00:00+01:00"), 1)) == ["2026-04-02T00:00:00+02:00"]


def test_any_time_may_be_asked() -> None:
    daily, quick = DagClock(dag(cron("30 2 * * *"))), DagClock(dag(every(timedelta(seconds=1))))
    assert daily.next(-(10**30)) is not None
    assert daily.next(10**30) is None
    assert quick.next(10**30) is None
    end = from_local(datetime(9999, 12, 31, 23), UTC)
    for expression in ("* * * * * *", "0 0 29 2 *", "0 0 L * *"):
        clock = DagClock(dag(cron(expression)))
        assert clock.next(end) is None
        assert next_times(dag(cron(expression)), end - 40 * 24 * HOUR, 3) != () or expression == "0 0 29 2 *"


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (cron("61 * * * *"), r'cron\("61 \* \* \* \*"\), minute: 61 is out of range'),
        (cron("0 0 30 2 *"), "day of month: this never fires"),
        (every(timedelta(0)), "must be longer than nothing"),
        (every(timedelta(hours=-1)), "must be longer than nothing"),
        (spec.CustomSchedule("shop.times:Weekend", AT), "shop.times:Weekend is Python and needs a worker"),
    ],
)
def test_what_cannot_be_worked_out_is_refused_with_its_place(schedule: spec.Schedule, message: str) -> None:
    with pytest.raises(ScheduleError, match=message) as caught:
        DagClock(dag(schedule))
    assert caught.value.at == AT


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(UnknownZoneError, match="Europe/Warszawa"):
        DagClock(dag(timezone="Europe/Warszawa"))


def test_an_odd_interval_stays_on_its_grid() -> None:
    clock = DagClock(dag(every(timedelta(microseconds=333_333), anchor=datetime(1970, 1, 1, 1))))
    due = clock.next(at("2070-01-01T00:00Z"))
    assert due is not None
    assert due % 333_333 == 0
    assert clock.next(due) == due + 333_333


ODD = [
    # expression, zone, dst: each is due rarely, or never
    ("30 2 * 3 L0", "Europe/Warsaw", "skip"),
    ("0-29 2 * 3 L0", "Europe/Warsaw", "twice"),
    ("30 2 * 3 SUN#2", "America/New_York", "skip"),
    ("15 2 * 10 SUN#1", "Australia/Lord_Howe", "skip"),
    ("0 0 30 12 *", "Pacific/Apia", None),
    ("0 0 * 2 MON#5", "UTC", None),
    ("0 0 29 2 *", "America/Havana", None),
    ("* * 31 4,6 SUN#5", "Africa/Casablanca", "once"),
    ("59 59 23 31 12 *", "Pacific/Chatham", None),
]


@pytest.mark.parametrize(("expression", "timezone", "dst"), ODD)
def test_no_question_takes_more_than_so_many_steps(expression: str, timezone: str, dst: str | None) -> None:
    """Whatever is asked of it, in whatever year, due ever again or not."""
    policy = None if dst is None else spec.DaylightSaving(dst)
    clock = DagClock(spec.Dag("d", AT, (), schedules=(cron(expression),), timezone=timezone, dst=policy))
    asked = [at(f"{year:04}-03-01T00:00Z") for year in (2, 1900, 1969, 2026, 2099, 9990, 9999)]
    assert max(calls(lambda after=after: clock.next(after)) for after in asked) < 100_000
    assert calls(lambda: clock.last(asked[3], asked[4])) < 4_000_000


def test_a_job_that_would_always_be_in_a_gap_is_never_due() -> None:
    clock = DagClock(replace(dag(cron("30 2 * 3 L0")), dst=spec.DaylightSaving.SKIP))
    assert clock.next(at("2026-01-01T00:00Z")) is None
    moscow = replace(dag(cron("30 2 * 3 L0"), timezone="Europe/Moscow"), dst=spec.DaylightSaving.SKIP)
    assert next_due(moscow, at("1994-01-01T00:00Z")) == at("2012-03-25T02:30+04:00")
