"""Laws of due times, against a naive oracle that knows nothing of the implementation: it looks at every minute."""

# ruff: noqa: DTZ001 (wall-clock times are naive)
from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core.instants import MINUTE, from_datetime, to_datetime
from ppacer.core.schedule import DagClock
from ppacer.spec import DaylightSaving
from tests.runtime.core.naive_time import NaiveTimes, read_cron, walked

AT = spec.At(1, 1)
MINUTES = timedelta(minutes=1)
DAY = timedelta(days=1)
ZONES = [
    "UTC",
    "Europe/Warsaw",
    "Europe/Dublin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Nuuk",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Antarctica/Troll",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
]


@cache
def changes(name: str) -> tuple[datetime, ...]:
    """The days (in UTC) of 2005 to 2029 on which a zone changes its clocks; a plain day where it never does."""
    tz = ZoneInfo(name)
    days = [datetime(2005, 1, 1, tzinfo=UTC) + n * DAY for n in range(25 * 365)]
    found = [day for day, later in pairwise(days) if day.astimezone(tz).utcoffset() != later.astimezone(tz).utcoffset()]
    return tuple(found) or (datetime(2026, 3, 29, tzinfo=UTC),)


@dataclass(frozen=True)
class Case:
    """A cron expression in pieces, a zone and a moment near a change of its clocks."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    stepped: int
    weekdays: tuple[int, ...]
    zone: str
    after: int
    dst: DaylightSaving | None

    @property
    def expression(self) -> str:
        hours = f"*/{self.stepped}" if self.stepped else ",".join(map(str, self.hours))
        weekdays = ",".join(map(str, self.weekdays)) if len(self.weekdays) < 7 else "*"
        return f"{','.join(map(str, self.minutes))} {hours} * * {weekdays}"

    @property
    def dag(self) -> spec.Dag:
        return spec.Dag("d", AT, (), schedules=(spec.Cron(self.expression, AT),), timezone=self.zone, dst=self.dst)

    @property
    def times(self) -> NaiveTimes:
        return read_cron(self.expression)

    @property
    def policy(self) -> DaylightSaving:
        return self.dst or self.times.policy

    def fits(self, wall: datetime) -> bool:
        return self.times.fits_day(wall.date()) and wall.time() in self.times.times


@st.composite
def cases(draw: st.DrawFn, dst: DaylightSaving | str | None = "any") -> Case:
    zone = draw(st.sampled_from(ZONES))
    near = from_datetime(draw(st.sampled_from(changes(zone))))
    return Case(
        minutes=tuple(draw(st.lists(st.integers(0, 59), min_size=1, max_size=4, unique=True).map(sorted))),
        hours=tuple(draw(st.lists(st.integers(0, 23), min_size=1, max_size=24, unique=True).map(sorted))),
        stepped=draw(st.sampled_from([0, 0, 1, 2, 3, 5, 12])),
        weekdays=tuple(draw(st.just(range(7)) | st.lists(st.integers(0, 6), min_size=1, max_size=6, unique=True))),
        zone=zone,
        after=near + draw(st.integers(-2 * 1440, 2 * 1440)) * MINUTE + draw(st.sampled_from([0, 0, 1, -1, 30_000_000])),
        dst=draw(st.sampled_from([None, None, *DaylightSaving])) if dst == "any" else dst,  # type: ignore[arg-type]
    )


def shown(instant: int, case: Case) -> datetime:
    return to_datetime(instant, ZoneInfo(case.zone)).replace(tzinfo=None, fold=0)


@settings(max_examples=80, deadline=None)
@given(cases())
def test_due_times_are_those_of_the_oracle(case: Case) -> None:
    expected = walked(case.zone, case.times, case.dst, case.after, case.after + 3 * 1440 * MINUTE)
    made = list(DagClock(case.dag).between(case.after, case.after + 3 * 1440 * MINUTE))
    assert [shown(due, case) for due in made] == [shown(due, case) for due in expected]
    assert made == expected


@settings(max_examples=100, deadline=None)
@given(cases(), st.randoms(use_true_random=False))
def test_next_grows_and_is_the_same_iterated_and_asked_afresh(case: Case, random: object) -> None:
    clock = DagClock(case.dag)
    made = [case.after, *islice(clock.between(case.after, case.after + 400 * 1440 * MINUTE), 40)]
    assert all(before < later for before, later in pairwise(made))
    spans = list(pairwise(made))
    random.shuffle(spans)  # type: ignore[attr-defined]
    for before, later in spans:
        for asked in {before, (before + later) // 2, later - 1}:
            assert DagClock(case.dag).next(asked) == later
            assert clock.next(asked) == later


@settings(max_examples=100, deadline=None)
@given(cases())
def test_due_times_fit_the_expression_or_end_a_gap(case: Case) -> None:
    walls = Counter()
    for due in islice(DagClock(case.dag).between(case.after, case.after + 10 * 1440 * MINUTE), 2000):
        wall = shown(due, case)
        walls[wall] += 1
        if not case.fits(wall):
            assert case.policy is DaylightSaving.ONCE or case.dst is None
            assert wall - shown(due - 1, case) > MINUTES, "the clocks jumped here"
    assert case.policy is DaylightSaving.TWICE or all(times == 1 for times in walls.values())


@settings(max_examples=100, deadline=None)
@given(cases(dst=None), st.integers(0, 23), st.integers(0, 59))
def test_a_job_at_a_time_of_day_is_due_exactly_once_each_day(case: Case, hour: int, minute: int) -> None:
    daily = Case((minute,), (hour,), 0, tuple(range(7)), case.zone, case.after, None)
    start = from_datetime(
        to_datetime(case.after, ZoneInfo(case.zone)).replace(hour=12, minute=0, second=0, microsecond=0)
    )
    noon = shown(start, daily)
    assume(noon.hour == 12)
    calendar = {shown(start + n * 60 * MINUTE, daily).date() for n in range(24 * 30)}
    whole_days = sorted(calendar)[1:-1]
    dues = list(DagClock(daily.dag).between(start, start + 31 * 1440 * MINUTE))
    planned = Counter(_planned_day(due, hour, minute, daily) for due in dues)
    for day in whole_days[:-1]:
        assert planned[day] == 1, day


def _planned_day(due: int, hour: int, minute: int, case: Case) -> date:
    """The day that a due time stands for: its own, or the one before where a gap over midnight moved it."""
    wall = shown(due, case)
    if (wall.hour, wall.minute) < (hour, minute):
        return wall.date() - DAY
    return wall.date()


@settings(max_examples=100, deadline=None)
@given(cases())
def test_the_last_due_time_is_found_without_going_through_all(case: Case) -> None:
    clock = DagClock(case.dag)
    until = case.after + 3 * 1440 * MINUTE
    made = list(clock.between(case.after, until))
    assert clock.last(case.after, until) == (made[-1] if made else None)
    for due in made[:5]:
        assert clock.last(case.after, due) == due
        assert clock.last(due, due) is None


@settings(max_examples=200, deadline=None)
@given(cases(), st.integers(0, 6 * 86_400), st.none() | st.integers(1, 5).map(lambda n: n * DAY))
def test_due_times_are_counted_without_going_through_them(case: Case, seconds: int, every: timedelta | None) -> None:
    schedule = case.dag.schedules[0] if every is None else spec.Every(every, AT, anchor=datetime(2020, 1, 1, 2, 30))
    clock = DagClock(spec.Dag("d", AT, (), schedules=(schedule,), timezone=case.zone, dst=case.dst))
    until = case.after + seconds * 1_000_000
    assert clock.count(case.after, until, 0) == len(list(clock.between(case.after, until)))


@settings(max_examples=100, deadline=None)
@given(cases(), cases())
def test_a_list_of_schedules_is_their_union(one: Case, other: Case) -> None:
    both = spec.Dag("d", AT, (), schedules=one.dag.schedules + other.dag.schedules, timezone=one.zone, dst=one.dst)
    apart = [
        spec.Dag("d", AT, (), schedules=(schedule,), timezone=one.zone, dst=one.dst) for schedule in both.schedules
    ]
    until = one.after + 2 * 1440 * MINUTE
    expected = sorted({due for dag in apart for due in DagClock(dag).between(one.after, until)})
    assert list(DagClock(both).between(one.after, until)) == expected


intervals = st.integers(1, 40).map(lambda n: timedelta(minutes=7 * n)) | st.integers(1, 5).map(lambda n: n * DAY)


@settings(max_examples=100, deadline=None)
@given(cases(dst=None), intervals, st.none() | st.datetimes(datetime(2004, 1, 1), datetime(2030, 1, 1)))
def test_intervals(case: Case, interval: timedelta, anchor: datetime | None) -> None:
    dag = spec.Dag("d", AT, (), schedules=(spec.Every(interval, AT, anchor=anchor),), timezone=case.zone)
    made = list(islice(_dues(dag, case.after), 8))
    assert all(before < later for before, later in pairwise([case.after, *made]))
    if interval % DAY:
        assert {later - before for before, later in pairwise(made)} == {interval // timedelta(microseconds=1)}
    else:
        local = anchor or datetime(1970, 1, 1)
        for due in made:
            wall = shown(due, case)
            on_time = not (wall - local.replace(fold=0)) % interval
            assert on_time or wall - shown(due - 1, case) > MINUTES


def _dues(dag: spec.Dag, after: int) -> Iterator[int]:
    return DagClock(dag).between(after, after + 100 * 1440 * MINUTE)
