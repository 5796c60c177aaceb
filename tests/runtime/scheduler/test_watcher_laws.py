"""Every due time is run, skipped or recorded as missed, once, through outages, pauses and clocks that are set."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ppacer import spec
from ppacer.core.model import DagEventKind
from ppacer.services.dag_run_watcher import LOOK_AGAIN, MISFIRE_GRACE, MOST_COUNTED
from tests.runtime.scheduler.watching import AT, SECOND, World

START = 1_777_896_000_000_000
"""2026-05-04T12:00Z."""

STEP = 20
"""Seconds from one due time to the next."""


def dag(**settings: object) -> spec.Dag:
    return spec.Dag("d", AT, (), schedules=(spec.Every(timedelta(seconds=STEP), AT),), **settings)


class WatcherMachine(RuleBasedStateMachine):
    """One dag whose due times are the multiples of `STEP` seconds."""

    @initialize(catchup=st.sampled_from(spec.Catchup), overlap=st.sampled_from(spec.Overlap), limit=st.integers(1, 3))
    def begin(self, catchup: spec.Catchup, overlap: spec.Overlap, limit: int) -> None:
        self.world = World(START + SECOND, dag(catchup=catchup, overlap=overlap, max_active_runs=limit))
        self.world.start()
        self.backfilled: set[int] = set()

    up = precondition(lambda self: self.world.up)

    @rule(seconds=st.sampled_from([0.5, 1, 7, 19, 20, 21, 45, 59, 60, 61, 200]))
    def time_passes(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    @rule(seconds=st.sampled_from([-3600, -61, -20, -1, 1, 20, 59, 61, 100, 3600]))
    def the_clock_is_set(self, seconds: int) -> None:
        self.world.set_clock(self.world.now() + seconds * SECOND)

    @up
    @rule()
    def it_crashes(self) -> None:
        self.world.crash()

    @precondition(lambda self: not self.world.up)
    @rule()
    def it_starts(self) -> None:
        self.world.start()

    @up
    @rule()
    def it_reloads(self) -> None:
        """The database failed for a moment: what is due just now was not missed."""
        self.world.crash()
        self.world.start(since=self.world.now() - MISFIRE_GRACE)

    @precondition(lambda self: self.world.up and not self.world.rows["d"].paused)
    @rule()
    def somebody_pauses(self) -> None:
        self.world.pause()
        assert self.world.watcher.next_due("d") is None

    @precondition(lambda self: self.world.up and self.world.rows["d"].paused)
    @rule()
    def somebody_resumes(self) -> None:
        self.world.resume()

    @up
    @rule()
    def somebody_triggers(self) -> None:
        self.world.trigger()

    @up
    @rule(data=st.data())
    def somebody_backfills(self, data: st.DataObject) -> None:
        """Due times that have passed and have no run, some of them not decided."""
        step = STEP * SECOND
        passed = range(START + step, self.world.now() + 1, step)
        left = sorted(set(passed[-40:]) - set(self.world.dues()))
        if left:
            for due in data.draw(st.lists(st.sampled_from(left), max_size=4, unique=True)):
                self.world.backfill(due)
                self.backfilled.add(due)

    @up
    @rule(data=st.data())
    def a_run_ends(self, data: st.DataObject) -> None:
        running = self.world.running()
        if running:
            self.world.end(data.draw(st.sampled_from(running)))

    @invariant()
    def every_decided_due_time_was_run_skipped_or_missed(self) -> None:
        watermark = self.world.rows["d"].watched_until
        assert watermark is not None
        step = STEP * SECOND
        first = START + step
        expected = list(range(first, watermark + 1, step))
        runs = [due for due in self.world.dues() if due <= watermark]
        assert len(set(runs)) == len(runs)
        skipped = [due["due"] for due in self.world.of_kind(DagEventKind.DUE_SKIPPED)]
        missed: list[int] = []
        for span in self.world.of_kind(DagEventKind.DUE_MISSED):
            assert isinstance(span["from"], int)
            assert isinstance(span["until"], int)
            times = range(span["from"], span["until"] + 1, step)
            assert span["count"] == len(times)
            missed += times
        # a backfill may have made a run for what had been skipped or missed before; what it has made is never missed
        late = [due for due in [*skipped, *missed] if due in self.backfilled]
        assert sorted([*runs, *skipped, *missed]) == sorted([*expected, *late])

    @invariant()
    def what_is_due_is_decided_unless_something_keeps_it(self) -> None:
        world = self.world
        if not world.up or world.rows["d"].paused:
            return
        due = world.watcher.next_due("d")
        watermark = world.watcher.watermark("d")
        assert watermark == world.rows["d"].watched_until
        assert due == watermark // (STEP * SECOND) * STEP * SECOND + STEP * SECOND
        plan = world.plans["d"]
        behind = plan.dag.catchup is spec.Catchup.ALL and world.queue.active_of("d") >= plan.dag.max_active_runs
        if not behind:
            assert world.watcher.next_due_overall() == due

    def teardown(self) -> None:
        """Half a minute after everything is well again, nothing is left undecided."""
        world = self.world
        if not world.up:
            world.start()
        if world.rows["d"].paused:
            world.resume()
        world.pass_time(LOOK_AGAIN + 1)
        for _ in range(5_000):
            if not world.running():
                break
            world.end(world.running()[0])
        assert not world.running()
        assert world.watcher.next_due("d") > world.now()
        self.every_decided_due_time_was_run_skipped_or_missed()


TestWatcher = WatcherMachine.TestCase
TestWatcher.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("hours", [1, 15, 17, 24])
def test_missed_due_times_of_several_schedules_are_counted_up_to_a_bound(hours: int) -> None:
    minutely = (spec.Cron("* * * * *", AT), spec.Every(timedelta(minutes=10), AT))
    world = World(START, spec.Dag("d", AT, (), schedules=minutely))
    world.pass_time(hours * 3600)
    world.start()
    [span] = world.of_kind(DagEventKind.DUE_MISSED)
    missed = hours * 60
    assert span == {
        "from": START + 60 * SECOND,
        "until": START + missed * 60 * SECOND,
        "count": missed if missed <= MOST_COUNTED else None,
    }
