"""The laws of the time between looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer.context import TaskContext
from ppacer.tasks.looks import JITTER, check_every, look_again, look_delay

from .conftest import Waiting

LOOKS = st.integers(1, 1_000_000)
EVERY = st.timedeltas(timedelta(seconds=1), timedelta(days=3650))
RANDOM = st.floats(0, 1, exclude_max=True)
SECOND = timedelta(seconds=1)


@given(LOOKS, EVERY, RANDOM)
def test_a_delay_is_never_longer_than_asked_for_and_never_much_shorter(
    look: int, every: timedelta, random: float
) -> None:
    whole = look_delay(look, every, 0)
    assert whole * (1 - JITTER) - timedelta(microseconds=1) <= look_delay(look, every, random) <= whole <= every
    assert look_delay(look, every, random) >= SECOND * (1 - JITTER)


@given(LOOKS, EVERY, RANDOM)
def test_delays_grow_until_they_are_as_long_as_asked_for(look: int, every: timedelta, random: float) -> None:
    assert look_delay(look, every, random) <= look_delay(look + 1, every, random)
    assert look_delay(64, timedelta(days=3650), 0) == timedelta(days=3650)


@given(st.integers(1, 12), RANDOM)
def test_what_comes_soon_is_seen_soon(look: int, random: float) -> None:
    """With the delays so far, no look is later than twice the time that has been waited, and a second."""
    before = sum((look_delay(each, timedelta(days=1), 0) for each in range(1, look)), timedelta(0))
    assert look_delay(look, timedelta(days=1), random) <= before + SECOND


@given(st.lists(RANDOM, min_size=2, max_size=2, unique=True))
def test_those_who_began_together_do_not_look_together(randoms: list[float]) -> None:
    one, other = (look_delay(9, timedelta(seconds=30), each) for each in randoms)
    assert (one != other) or abs(randoms[0] - randoms[1]) < 1e-6


def test_the_first_delays(context: TaskContext) -> None:
    every = timedelta(seconds=30)
    assert [look_delay(look, every, 0).total_seconds() for look in range(1, 9)] == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_delay_may_be_cut_short(context: TaskContext) -> None:
    waiting = Waiting(
        lambda now: look_again(now, timedelta(hours=1), "x", "not yet", within=timedelta(milliseconds=10)), context
    )
    waiting.look()
    assert waiting.delay == timedelta(milliseconds=10)


def test_the_log_tells_a_reason_once(context: TaskContext, caplog: pytest.LogCaptureFixture) -> None:
    reasons = iter(["it is closed", "it is closed", "it is empty", "it is closed"])
    waiting = Waiting(lambda now: look_again(now, timedelta(hours=1), "the shop", next(reasons)), context)
    for _ in range(4):
        waiting.look()
    assert caplog.messages == [
        "waiting for the shop: it is closed",
        "waiting for the shop: it is empty",
        "waiting for the shop: it is closed",
    ]


@pytest.mark.parametrize("every", [timedelta(0), timedelta(milliseconds=999), timedelta(seconds=-5)])
def test_looking_all_the_time_is_refused(every: timedelta) -> None:
    with pytest.raises(ValueError, match="`every` is the time from one look to the next: at least 1 s, not "):
        check_every(every)
