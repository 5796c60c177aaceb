"""Backfills and the schedule go over the same time, through everything: each due time has one run at most, and one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ppacer import spec
from ppacer.core.model import (
    Backfill,
    BackfillStatus,
)
from ppacer.services import due_range
from ppacer.services.errors import SchedulerError
from tests.runtime.scheduler.backfilling import BackfillWorld, quiet
from tests.runtime.scheduler.watching import AT, SECOND, at

RUNNING, DONE, CANCELLED = BackfillStatus.RUNNING, BackfillStatus.DONE, BackfillStatus.CANCELLED


STEP = 20
START = at(8)


async def _in_line(function: Callable[[], object]) -> object:
    return function()


class BackfillMachine(RuleBasedStateMachine):
    """A dag that is due every `STEP` seconds, whose schedule and backfills go over the same time."""

    @initialize(catchup=st.sampled_from(spec.Catchup), overlap=st.sampled_from(spec.Overlap), limit=st.integers(1, 4))
    def begin(self, catchup: spec.Catchup, overlap: spec.Overlap, limit: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.patched = patch.object(due_range.asyncio, "to_thread", _in_line)
        self.patched.start()
        schedule = spec.Cron(f"*/{STEP} * * * * *", AT)
        dag = spec.Dag("d", AT, (), schedules=(schedule,), catchup=catchup, overlap=overlap, max_active_runs=limit)
        self.world = BackfillWorld(START + SECOND, dag)
        self.do(self.world.start)
        self.asked: list[Backfill] = []

    def do(self, *deeds: Callable[[], object]) -> None:
        """In the loop, which goes on a little: so readings and turns mix."""

        async def within() -> None:
            for deed in deeds:
                deed()
            await asyncio.sleep(0)

        self.loop.run_until_complete(within())

    @rule(begin=st.integers(-10, 40), length=st.integers(1, 12), parallel=st.integers(1, 4))
    def somebody_begins(self, begin: int, length: int, parallel: int) -> None:
        first = START + begin * STEP * SECOND
        try:
            row = self.loop.run_until_complete(self.world.begin(first, first + length * STEP * SECOND, parallel))
        except SchedulerError:
            return
        assert row.total <= length
        self.asked.append(row)

    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        if self.asked:
            row = data.draw(st.sampled_from(self.asked))
            try:
                self.loop.run_until_complete(self.world.backfills.cancel(row.id, actor="bob"))
            except SchedulerError:
                assert self.world.made[row.id].status.terminal

    @rule(seconds=st.sampled_from([1, 7, 20, 45, 61, 200]))
    def time_passes(self, seconds: float) -> None:
        self.do(lambda: self.world.pass_time(seconds))

    @rule()
    def it_becomes_durable(self) -> None:
        self.world._keep()

    @rule(ticks=st.integers(1, 9))
    def the_loop_goes_on(self, ticks: int) -> None:
        for _ in range(ticks):
            self.do()

    @rule()
    def readings_begin_to_wait(self) -> None:
        self.world.hold = self.world.hold or asyncio.Event()

    @precondition(lambda self: self.world.hold is not None)
    @rule()
    def readings_end(self) -> None:
        self.world.hold.set()
        self.world.hold = None

    @rule(seconds=st.sampled_from([0, 30, 100]))
    def it_crashes_and_starts(self, seconds: int) -> None:
        self.do(self.world.crash, lambda: self.world.pass_time(seconds), self.world.start)
        self.asked = [row for row in self.asked if row.id in self.world.made]

    @rule()
    def somebody_pauses_or_resumes(self) -> None:
        self.do(self.world.resume if self.world.rows["d"].paused else self.world.pause)

    @rule(data=st.data())
    def a_run_ends(self, data: st.DataObject) -> None:
        running = self.world.running()
        if running:
            ended = data.draw(st.sampled_from(running))
            self.do(lambda: self.world.end(ended))

    @invariant()
    def limits_hold(self) -> None:
        world = self.world
        assert world.failed is None
        assert world.queue.active <= world.plans["d"].dag.max_active_runs
        for row in world.made.values():
            of_it = [run for run in world.runs.values() if run.backfill == row.id]
            assert sum(not run.status.terminal for run in of_it) <= row.parallel
            assert len(of_it) == row.made
            assert row.made + row.passed_over <= row.total

    def teardown(self) -> None:
        """Everything ends; then every due time of every backfill that was not cancelled has a run."""
        world = self.world
        if world.hold is not None:
            world.hold.set()
            world.hold = None
        for _ in range(3_000):
            self.loop.run_until_complete(quiet(world))
            if not world.running():
                break
            self.do(lambda: world.end(world.running()[0]))
        assert not [row for row in world.made.values() if row.status is RUNNING]
        dues = world.dues()
        assert len(set(dues)) == len(dues)
        for row in world.made.values():
            if row.status is DONE:
                assert row.made + row.passed_over == row.total
                step = STEP * SECOND
                wanted = range(-(-row.from_at // step) * step, row.until_at, step)
                assert set(wanted) <= set(dues)
                assert len(wanted) == row.total
        self.do(world.crash)
        self.loop.close()
        self.patched.stop()


TestBackfills = BackfillMachine.TestCase
TestBackfills.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
