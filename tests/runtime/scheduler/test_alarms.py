"""Alarms on the wall clock: when they ring, whatever is done to the clock, and what they cost."""

from __future__ import annotations

import pytest

from ppacer.services.alarms import LOOK_AGAIN, Alarms
from tests.runtime.scheduler.watching import SECOND, HandTimers

START = 1_000_000 * SECOND


class Clock:
    """A clock on the wall beside the timers' own."""

    def __init__(self, timers: HandTimers) -> None:
        self.timers = timers
        self.shift = START

    def now(self) -> int:
        return self.shift + round(self.timers.seconds * SECOND)


class Rings:
    """Alarms in a world that a test moves on; `rung` has the name of each that rang, and when."""

    def __init__(self) -> None:
        self.timers = HandTimers()
        self.clock = Clock(self.timers)
        self.alarms = Alarms(self.timers, self.clock)  # type: ignore[arg-type]
        self.rung: list[tuple[str, int]] = []

    def set(self, name: str, seconds: float, *, group: str = "run") -> None:
        span = round(seconds * SECOND)
        at = self.clock.now() + span
        self.alarms.set(group, at, max(0, span), lambda told: self.rung.append((name, told - START)))

    def pass_time(self, seconds: float) -> None:
        until = self.timers.seconds + seconds
        while (call := self.timers.next_within(until)) is not None:
            call()
        self.timers.seconds = until

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.rung]


@pytest.fixture
def rings() -> Rings:
    return Rings()


def test_they_ring_in_order_and_once(rings: Rings) -> None:
    for name, seconds in (("c", 90), ("a", 1), ("b", 2.5)):
        rings.set(name, seconds)
    rings.pass_time(2)
    assert rings.rung == [("a", SECOND)]
    rings.pass_time(1_000)
    assert rings.rung == [("a", SECOND), ("b", 2_500_000), ("c", 90 * SECOND)]
    assert not len(rings.alarms)


def test_what_is_due_already_rings_at_once_with_the_time_that_it_is(rings: Rings) -> None:
    rings.set("late", -5)
    rings.pass_time(0)
    assert rings.rung == [("late", 0)]


def test_a_group_is_dropped_as_a_whole(rings: Rings) -> None:
    for number in range(100):
        rings.set(f"a{number}", 10 + number, group="a")
    rings.set("b", 20, group="b")
    rings.alarms.drop("a")
    rings.alarms.drop("a")
    rings.pass_time(1_000)
    assert rings.names == ["b"]
    assert len(rings.alarms._by_wall) == len(rings.alarms._by_patience) == 0


def test_a_clock_set_forward_rings_soon(rings: Rings) -> None:
    rings.set("in an hour", 3_600)
    rings.pass_time(10)
    rings.clock.shift += 3_600 * SECOND
    rings.pass_time(LOOK_AGAIN)
    assert rings.names == ["in an hour"]


def test_a_clock_set_back_keeps_nobody_waiting_longer_than_was_meant(rings: Rings) -> None:
    rings.set("in a minute", 60)
    rings.pass_time(10)
    rings.clock.shift -= 3_600 * SECOND
    rings.pass_time(49)
    assert rings.names == []
    rings.pass_time(1.5)
    assert rings.rung == [("in a minute", 60 * SECOND)], "it is told the time that it was set for"


def test_ten_thousand_that_wait_cost_one_timer(rings: Rings) -> None:
    for number in range(10_000):
        rings.set(str(number), 3_600 + number, group=str(number))
    before = rings.timers.rung
    rings.pass_time(600)
    assert rings.timers.rung - before <= 600 / LOOK_AGAIN + 1
    assert sum(not handle.cancelled for _, _, handle, _ in rings.timers.heap) == 1


def test_what_was_dropped_is_not_kept(rings: Rings) -> None:
    rings.set("stays", 3_600, group="stays")
    for number in range(10_000):
        rings.set(str(number), 3_700, group="goes")
        rings.alarms.drop("goes")
    assert len(rings.alarms._by_wall) < 300
    assert len(rings.alarms._by_patience) < 300
