"""Leases on a clock that a test moves by hand: each ends once, in time, whatever was renewed or forgotten before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer.services.rescuer import DEAF, GRAIN, Leases
from tests.runtime.scheduler.watching import HandTimers

TERM = 10.0


class Watch:
    """Leases of ten seconds, and which of them ended when."""

    def __init__(self, *, begun: bool = True) -> None:
        self.timers = HandTimers()
        self.ended: list[tuple[str, float]] = []
        self.turns = 0
        self.leases = Leases(self.timers, turn=self.turn, lease=TERM, expired=self.expired)
        if begun:
            self.leases.begin()

    @contextmanager
    def turn(self) -> Iterator[None]:
        self.turns += 1
        yield

    def expired(self, attempt_id: str) -> None:
        self.ended.append((attempt_id, self.timers.seconds))
        self.leases.forget(attempt_id)

    def pass_time(self, seconds: float) -> None:
        until = self.timers.seconds + seconds
        while (call := self.timers.next_within(until)) is not None:
            call()
        self.timers.seconds = until


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_lease_ends_after_its_term_and_a_renewed_one_after_another(watch: Watch) -> None:
    watch.leases.watch("a")
    watch.leases.watch("b")
    watch.pass_time(9)
    watch.leases.watch("b")
    watch.pass_time(9)
    assert watch.ended == [("a", TERM)]
    watch.pass_time(9)
    assert watch.ended == [("a", TERM), ("b", 19.0)]
    assert len(watch.leases) == 0


def test_none_ends_before_the_scheduler_can_be_heard() -> None:
    watch = Watch(begun=False)
    watch.leases.watch("a")
    watch.pass_time(25)
    watch.leases.watch("b")
    watch.leases.forget("b")
    watch.leases.begin()
    watch.pass_time(9)
    assert watch.ended == []
    watch.pass_time(9)
    assert watch.ended == [("a", 35.0)]


def test_an_attempt_that_waited_and_runs_again_ends_once(watch: Watch) -> None:
    """A deferred attempt is forgotten, and watched again under the same id."""
    watch.leases.watch("a")
    watch.pass_time(4)
    watch.leases.forget("a")
    watch.leases.watch("a")
    watch.pass_time(9)
    assert watch.ended == []
    watch.pass_time(9)
    assert watch.ended == [("a", 14.0)]


def test_an_attempt_that_waits_and_runs_many_times_leaves_nothing_behind(watch: Watch) -> None:
    for _ in range(100):
        watch.leases.watch("a")
        watch.pass_time(1)
        watch.leases.forget("a")
    watch.leases.watch("a")
    assert len(watch.leases._heap) == 1


def test_one_whose_end_came_with_that_of_another_does_not_end_again(watch: Watch) -> None:
    watch.leases.watch("a")
    watch.leases.watch("b")

    def both(attempt_id: str) -> None:
        watch.ended.append((attempt_id, watch.timers.seconds))
        watch.leases.forget("a")
        watch.leases.forget("b")

    watch.leases._expired = both
    watch.pass_time(20)
    assert watch.ended == [("a", TERM)]


def test_a_program_that_was_held_up_gives_everybody_a_full_term(watch: Watch) -> None:
    watch.leases.watch("a")
    watch.timers.seconds = TERM + 2 * TERM / DEAF  # the timer rings so late
    watch.pass_time(0)
    assert watch.ended == []
    watch.pass_time(TERM)
    assert [attempt_id for attempt_id, _ in watch.ended] == ["a"]


def test_how_long_a_lease_goes_on_is_told(watch: Watch) -> None:
    watch.leases.watch("a")
    watch.pass_time(4)
    watch.leases.watch("b")
    assert watch.leases.left(["a", "b"]) == TERM - 4
    assert watch.leases.left(["b"]) == TERM
    watch.leases.watch("a")
    assert watch.leases.left(["a", "b"]) == TERM
    watch.leases.forget("a")
    assert watch.leases.left(["a"]) is None
    assert watch.leases.left([]) is None


def test_many_leases_take_few_timers(watch: Watch) -> None:
    for number in range(1_000):
        watch.leases.watch(f"a{number}")
        watch.pass_time(0.01)
    watch.pass_time(2 * TERM)
    assert len(watch.ended) == 1_000
    assert watch.timers.rung <= 1_000 * 0.01 / (TERM / GRAIN) + 2
    assert watch.turns <= watch.timers.rung


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["watch", "watch", "forget", "pass"]), st.sampled_from("abc"), st.floats(0, 15)),
        max_size=40,
    )
)
def test_each_lease_ends_once_and_not_before_its_time(steps: list[tuple[str, str, float]]) -> None:
    watch = Watch()
    granted: dict[str, float] = {}
    for step, attempt_id, seconds in steps:
        if step == "watch":
            watch.leases.watch(attempt_id)
            granted[attempt_id] = watch.timers.seconds
        elif step == "forget":
            watch.leases.forget(attempt_id)
            granted.pop(attempt_id, None)
        else:
            watch.ended.clear()
            watch.pass_time(seconds)
            for ended, when in watch.ended:
                assert granted.pop(ended) + TERM <= when <= watch.timers.seconds
            late = [since for since in granted.values() if since + TERM + TERM / GRAIN < watch.timers.seconds]
            assert not late
        assert len(watch.leases) == len(granted)
