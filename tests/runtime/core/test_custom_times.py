"""Clocks of schedules written in Python: what has to be asked, and that looking again comes to an end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core import custom_times
from ppacer.core.custom_times import KEPT, Answer, Answers, Question, Unasked
from ppacer.core.instants import HOUR, MINUTE
from ppacer.core.schedule import DagClock, ScheduleError

AT = spec.At(7, 3)
FRIDAYS = spec.CustomSchedule("shop.times:fridays", AT)
HOURLY = spec.Cron("0 * * * *", AT)
T = TypeVar("T")


def dag(*schedules: spec.Schedule, start: date | None = None, end: date | None = None) -> spec.Dag:
    return spec.Dag("d", AT, (), schedules=schedules, start=start, end=end)


class Oracle:
    """A worker that knows all due times, and tells at most `chunk` at once. Keeps the questions."""

    def __init__(self, times: list[int], answers: Answers, chunk: int = 1_000) -> None:
        self.times = times
        self.answers = answers
        self.chunk = chunk
        self.questions: list[Question] = []

    def work_out(self, look: Callable[[], T]) -> T:
        while True:
            try:
                return look()
            except Unasked as unasked:
                question = unasked.question
                self.questions.append(question)
                assert len(self.questions) < 10_000, "it goes on for ever"
                first = bisect_right(self.times, question.after)
                last = bisect_right(self.times, question.until) + 1
                told = tuple(self.times[first : min(last, first + self.chunk)])
                self.answers.learn(question, Answer(told, ended=first + len(told) >= len(self.times)))


def test_a_clock_without_answers_refuses_a_custom_schedule_with_its_place() -> None:
    with pytest.raises(ScheduleError, match=r"shop\.times:fridays is Python and needs a worker") as caught:
        DagClock(dag(HOURLY, FRIDAYS))
    assert caught.value.at == AT


def test_a_clock_tells_whether_it_may_ask() -> None:
    assert DagClock(dag(HOURLY, FRIDAYS), Answers()).asks
    assert not DagClock(dag(HOURLY), Answers()).asks


def test_the_first_question_is_for_one_time_and_names_the_previous_one() -> None:
    clock = DagClock(dag(FRIDAYS), Answers(previous=90))
    with pytest.raises(Unasked) as caught:
        clock.next(100)
    assert caught.value.question == Question(FRIDAYS, "UTC", after=100, until=100, previous=90)


def test_a_previous_time_that_is_later_than_what_is_asked_for_is_none() -> None:
    with pytest.raises(Unasked) as caught:
        DagClock(dag(FRIDAYS), Answers(previous=101)).next(100)
    assert caught.value.question.previous is None


def test_what_was_told_is_not_asked_again() -> None:
    answers = Answers()
    clock, oracle = DagClock(dag(FRIDAYS), answers), Oracle([110, 120, 130], answers)
    assert oracle.work_out(lambda: clock.next(100)) == 110
    assert [clock.next(after) for after in (100, 101, 109)] == [110, 110, 110]
    assert oracle.work_out(lambda: clock.next(110)) == 120
    assert [question.previous for question in oracle.questions] == [None, 110]


def test_a_schedule_that_has_ended_is_asked_no_more() -> None:
    answers = Answers()
    clock, oracle = DagClock(dag(FRIDAYS), answers), Oracle([110], answers)
    assert oracle.work_out(lambda: clock.next(100)) == 110
    assert clock.next(110) is None
    assert clock.next(10**15) is None
    assert list(clock.between(100, 10**15)) == [110]
    assert clock.last(110, 10**15) is None
    assert len(oracle.questions) == 1


def test_a_look_beyond_what_is_known_goes_on_from_the_last_time_known() -> None:
    answers = Answers()
    clock, oracle = DagClock(dag(FRIDAYS), answers), Oracle([110, 500, 600], answers)
    assert oracle.work_out(lambda: clock.next(100)) == 110
    assert oracle.work_out(lambda: clock.next(300)) == 500
    assert oracle.questions[-1] == Question(FRIDAYS, "UTC", after=300, until=300, previous=110)


def test_what_lies_outside_start_and_end_is_not_asked_for() -> None:
    answers = Answers()
    bounded = dag(FRIDAYS, start=date(1970, 1, 2), end=date(1970, 1, 3))
    clock = DagClock(bounded, answers)
    oracle = Oracle(list(range(0, 100 * HOUR, HOUR)), answers)
    assert oracle.work_out(lambda: list(clock.between(0, 10**15))) == list(range(24 * HOUR, 48 * HOUR, HOUR))
    [question] = oracle.questions
    assert (question.after, question.until) == (24 * HOUR - 1, 48 * HOUR)
    assert clock.next(48 * HOUR) is None


def test_a_union_is_due_whenever_one_of_them_is() -> None:
    answers = Answers()
    clock = DagClock(dag(HOURLY, FRIDAYS), answers)
    oracle = Oracle([HOUR, HOUR + 5 * MINUTE, 3 * HOUR], answers)
    due = oracle.work_out(lambda: list(clock.between(0, 4 * HOUR)))
    assert due == [HOUR, HOUR + 5 * MINUTE, 2 * HOUR, 3 * HOUR, 4 * HOUR]


def test_between_asks_before_it_gives_anything() -> None:
    with pytest.raises(Unasked):
        DagClock(dag(FRIDAYS), Answers()).between(0, 100)


def test_one_look_may_be_about_any_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_times, "KEPT", 5)
    answers = Answers()
    times = list(range(10, 5_000, 10))
    clock, oracle = DagClock(dag(FRIDAYS), answers), Oracle(times, answers)

    def look() -> list[int]:
        found = [0]
        while len(found) <= 100 and (due := clock.next(found[-1])) is not None:
            found.append(due)
        return found[1:]

    assert oracle.work_out(look) == times[:100]
    assert len(oracle.questions) == 100


def test_a_clock_that_runs_for_ever_remembers_a_bounded_number_of_times() -> None:
    answers = Answers()
    clock, oracle = DagClock(dag(FRIDAYS), answers), Oracle(list(range(10, 100_000, 10)), answers)
    due = 0
    for _ in range(5 * KEPT):
        found = oracle.work_out(lambda: clock.next(due))  # noqa: B023 (called at once)
        assert found == due + 10
        due = found
    assert len(answers._known[FRIDAYS.callable].times) <= 2 * KEPT + 1


TIMES = st.lists(st.integers(0, 400), unique=True, max_size=60).map(sorted)
SPANS = st.tuples(st.integers(0, 420), st.integers(0, 420)).map(sorted)


@settings(deadline=None)
@given(TIMES, st.lists(SPANS, min_size=1, max_size=6), st.integers(1, 7))
def test_every_look_agrees_with_the_whole_list(times: list[int], spans: list[list[int]], chunk: int) -> None:
    answers = Answers()
    clock, oracle = DagClock(dag(FRIDAYS), answers), Oracle(times, answers, chunk)
    for after, until in spans:
        expected = [time for time in times if after < time <= until]
        later = [time for time in times if time > after]
        assert oracle.work_out(lambda: clock.next(after)) == (later[0] if later else None)  # noqa: B023
        assert oracle.work_out(lambda: list(clock.between(after, until))) == expected  # noqa: B023
        assert oracle.work_out(lambda: clock.last(after, until)) == (expected[-1] if expected else None)  # noqa: B023
    for question in oracle.questions:
        assert question.previous is None or question.previous <= question.after
