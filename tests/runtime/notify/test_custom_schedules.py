"""Schedules written in Python, asked in workers: what counts as an answer, and what does not."""

# ruff: noqa: DTZ001 (wall-clock times are naive)
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ppacer import schedules, spec
from ppacer.core.custom_times import Answers, Question
from ppacer.core.instants import from_datetime, iso, zone
from ppacer.core.schedule import DagClock
from ppacer.schedules import AT_MOST, ScheduleFault, due_times
from ppacer.services import custom_schedules
from ppacer.services.custom_schedules import CustomSchedules, ScheduleProblem

AT = spec.At(7, 3)
WARSAW = zone("Europe/Warsaw")


def at(text: str) -> int:
    return from_datetime(datetime.fromisoformat(text))


class Given:
    """A schedule of fixed answers; keeps what it was asked."""

    def __init__(self, *answers: object, start: object = None) -> None:
        self.answers = list(answers)
        self.first = start
        self.asked: list[tuple[datetime, datetime | None]] = []

    def start(self) -> object:
        return self.first

    def next(self, now: datetime, previous: datetime | None) -> object:
        self.asked.append((now, previous))
        return self.answers.pop(0) if self.answers else None


def ask(schedule: object, after: str, *, until: str | None = None, previous: str | None = None) -> list[str]:
    answer = due_times(
        {"s": lambda: schedule},
        "s",
        "Europe/Warsaw",
        after=at(after),
        until=at(until or after),
        previous=None if previous is None else at(previous),
    )
    times = [iso(time, WARSAW) for time in answer["times"]]
    return [*times, "never again"] if answer["ended"] else times


# --- what an answer means --------------------------------------------------------------------------------------------


def test_naive_times_are_of_the_zone_and_aware_ones_as_they_are() -> None:
    given = Given(datetime(2026, 7, 1, 9), datetime(2026, 7, 1, 8, tzinfo=UTC))
    assert ask(given, "2026-07-01T00:00Z", until="2026-07-01T07:30Z") == [
        "2026-07-01T09:00:00+02:00",
        "2026-07-01T10:00:00+02:00",
    ]


@pytest.mark.parametrize(
    ("naive", "meant"),
    [
        (datetime(2026, 3, 29, 2, 30), "2026-03-29T03:00:00+02:00"),  # in the gap: the first moment after it
        (datetime(2026, 10, 25, 2, 30), "2026-10-25T02:30:00+02:00"),  # in the fold: the first time
    ],
)
def test_naive_times_through_changes_of_the_clocks(naive: datetime, meant: str) -> None:
    assert ask(Given(naive), "2026-01-01T00:00Z") == [meant]


def test_a_date_is_its_midnight() -> None:
    assert ask(Given(datetime(2026, 7, 1).date()), "2026-01-01T00:00Z") == ["2026-07-01T00:00:00+02:00"]


def test_now_and_previous_are_aware_and_in_the_zone_of_the_dag() -> None:
    given = Given(datetime(2026, 7, 2))
    ask(given, "2026-07-01T00:00Z", previous="2026-06-30T22:00Z")
    [(now, previous)] = given.asked
    assert (now.isoformat(), previous.isoformat()) == ("2026-07-01T02:00:00+02:00", "2026-07-01T00:00:00+02:00")
    assert str(now.tzinfo) == "Europe/Warsaw"


def test_the_first_time_is_that_of_start_where_it_is_still_to_come() -> None:
    given = Given(datetime(2026, 8, 1), start=datetime(2026, 7, 1))
    assert ask(given, "2026-01-01T00:00Z", until="2026-07-15T00:00Z") == [
        "2026-07-01T00:00:00+02:00",
        "2026-08-01T00:00:00+02:00",
    ]
    assert [previous and iso(from_datetime(previous), WARSAW) for _, previous in given.asked] == [
        "2026-07-01T00:00:00+02:00"
    ]


def test_start_counts_no_more_once_it_has_passed_or_there_was_a_due_time() -> None:
    passed = Given(datetime(2026, 8, 1), start=datetime(2026, 7, 1))
    assert ask(passed, "2026-07-02T00:00Z") == ["2026-08-01T00:00:00+02:00"]
    begun = Given(datetime(2026, 8, 1), start=datetime(2027, 1, 1))
    assert ask(begun, "2026-07-02T00:00Z", previous="2026-07-01T00:00Z") == ["2026-08-01T00:00:00+02:00"]


def test_none_means_never_again() -> None:
    assert ask(Given(None), "2026-01-01T00:00Z") == ["never again"]
    assert ask(Given(datetime(2026, 7, 1)), "2026-01-01T00:00Z", until="2027-01-01T00:00Z") == [
        "2026-07-01T00:00:00+02:00",
        "never again",
    ]


def test_a_schedule_that_counts_from_the_previous_time_is_led_on_to_now() -> None:
    class Hourly(Given):
        def next(self, now: datetime, previous: datetime | None) -> datetime:
            super().next(now, previous)
            return (previous or datetime(2026, 1, 1, tzinfo=WARSAW)) + timedelta(hours=1)

    hourly = Hourly()
    assert ask(hourly, "2026-01-01T03:10+01:00", previous="2026-01-01T01:00+01:00") == ["2026-01-01T04:00:00+01:00"]
    assert [previous.hour for _, previous in hourly.asked] == [1, 2, 3]


def test_a_class_is_made_into_an_object() -> None:
    class Yearly(Given):
        def __init__(self) -> None:
            super().__init__(datetime(2026, 7, 1))

    assert ask(Yearly, "2026-01-01T00:00Z") == ["2026-07-01T00:00:00+02:00"]


def test_one_answer_is_bounded() -> None:
    class Quick(Given):
        def next(self, now: datetime, previous: datetime | None) -> datetime:
            return now + timedelta(seconds=1)

    assert len(ask(Quick(), "2026-01-01T00:00Z", until="2027-01-01T00:00Z")) == AT_MOST


def test_a_slow_schedule_answers_with_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "_ENOUGH_SECONDS", 0.0)
    given = Given(*(datetime(2026, 7, day) for day in range(1, 9)))
    assert ask(given, "2026-01-01T00:00Z", until="2027-01-01T00:00Z") == ["2026-07-01T00:00:00+02:00"]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Given(datetime(2026, 1, 1), datetime(2026, 1, 1)), r"s does not go on: next\(2026-06-01 .* is 2026-01-01"),
        (Given("tomorrow"), r"next\(\) of s gave 'tomorrow', which is no datetime"),
        (Given(start=17), r"start\(\) of s gave 17, which is no datetime"),
        (object(), r"s is no schedule: it has no method start\(\)"),
    ],
)
def test_what_is_no_answer_is_refused(schedule: object, message: str) -> None:
    with pytest.raises(ScheduleFault, match=message):
        ask(schedule, "2026-06-01T00:00Z")


def test_people_are_shown_what_the_schedule_calls_itself() -> None:
    class Named(Given):
        def __str__(self) -> str:
            return "around the weekend"

    def text(schedule: object) -> object:
        return due_times({"s": lambda: schedule}, "s", "UTC", after=0, until=0, previous=None)["text"]

    assert text(Named()) == "around the weekend"
    assert text(Given()) == ""


# --- in a worker -----------------------------------------------------------------------------------------------------

CALENDARS = '''
    import time
    from datetime import datetime, timedelta

    class DailyButNoSummerFridays:
        """Daily at 15:00; no Fridays in July and August; on 24 December at 9:00."""

        def start(self):
            return datetime(2026, 1, 1, 15)

        def next(self, now, previous):
            day = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
            while True:
                if not (day.month in (7, 8) and day.weekday() == 4):
                    due = day + timedelta(hours=9 if (day.month, day.day) == (12, 24) else 15)
                    if due > now.replace(tzinfo=None):
                        return due
                day += timedelta(days=1)

        def __str__(self):
            return "daily at 15:00, summer Fridays off"

    class Broken:
        def start(self):
            return None

        def next(self, now, previous):
            raise LookupError("no calendar for 2027")

    class Hanging(Broken):
        def next(self, now, previous):
            time.sleep(600)

    class Leaving(Broken):
        def next(self, now, previous):
            raise SystemExit(4)

    class Standing(Broken):
        def next(self, now, previous):
            return now
'''
DAILY = spec.CustomSchedule("calendars:DailyButNoSummerFridays", AT)


def asking(bench, *names: str):
    bench.module("calendars", CALENDARS)
    return bench.caller(*(f"calendars:{name}" for name in names))


async def test_a_clock_with_a_schedule_of_the_seed_system(bench) -> None:
    dag = spec.Dag("d", AT, (), schedules=(DAILY, spec.Cron("0 12 1 7 *", AT)), timezone="Europe/Warsaw")
    answers = Answers()
    clock = DagClock(dag, answers)
    async with asking(bench, "DailyButNoSummerFridays") as caller:
        custom = CustomSchedules(caller)
        assert custom.texts(dag) == {}

        async def between(after: str, until: str) -> list[str]:
            found = await custom.work_out(answers, lambda: list(clock.between(at(after), at(until))))
            assert isinstance(found, list)
            return [iso(due, WARSAW)[:16] for due in found]

        new_year = at("2026-01-01T00:00+01:00")
        assert await custom.work_out(answers, lambda: clock.next(new_year)) == at("2026-01-01T15:00+01:00")
        assert await between("2026-07-01T00:00+02:00", "2026-07-05T00:00+02:00") == [
            "2026-07-01T12:00",
            "2026-07-01T15:00",
            "2026-07-02T15:00",
            "2026-07-04T15:00",
        ]
        assert await between("2026-12-23T16:00+01:00", "2026-12-26T00:00+01:00") == [
            "2026-12-24T09:00",
            "2026-12-25T15:00",
        ]
        year = await between("2026-01-01T00:00+01:00", "2029-12-31T23:59+01:00")
        assert len(year) == 4 * 365 + 1 - 35 + 4  # without the Fridays of four summers, with the other schedule
        assert custom.texts(dag) == {DAILY.callable: "daily at 15:00, summer Fridays off"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Broken", "LookupError: no calendar for 2027"),
        ("Hanging", "it took longer than 0.3 s"),
        ("Leaving", "called sys.exit(4)"),
        ("Missing", "has no attribute 'Missing'"),
    ],
)
async def test_a_schedule_that_does_not_answer_is_a_problem_and_no_exception(
    bench, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setattr(custom_schedules, "ASK_SECONDS", 0.3 if name == "Hanging" else 10.0)
    schedule = spec.CustomSchedule(f"calendars:{name}", AT)
    async with asking(bench, name) as caller:
        problem = await CustomSchedules(caller).ask(Question(schedule, "UTC", 0, 0, None))
    assert isinstance(problem, ScheduleProblem)
    assert problem.message.startswith(f"the schedule calendars:{name} does not answer: ")
    assert message in problem.message
    assert problem.detail.startswith(f"the schedule calendars:{name} does not answer: ")
    assert ("Traceback" in problem.detail) is (name == "Broken")


async def test_a_schedule_that_does_not_go_on_is_one(bench) -> None:
    async with asking(bench, "Standing") as caller:
        schedule = spec.CustomSchedule("calendars:Standing", AT)
        problem = await CustomSchedules(caller).ask(Question(schedule, "UTC", 0, 0, None))
    assert isinstance(problem, ScheduleProblem)
    assert problem.message.startswith("the schedule calendars:Standing does not go on: next(1970-01-01 00:00:00")
