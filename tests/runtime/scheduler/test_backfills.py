"""Backfills: each due time of the range gets one run, as there is room, through restarts and beside the schedule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ppacer import spec
from ppacer.core.custom_times import Answer, Question
from ppacer.core.model import (
    Backfill,
    BackfillStatus,
    DagEventKind,
    RunKind,
    RunStatus,
)
from ppacer.core.plan import DagPlan
from ppacer.services.backfills import CHUNK, TRY_AGAIN
from ppacer.services.changes import dag_topic
from ppacer.services.custom_schedules import ScheduleProblem
from ppacer.services.errors import InvalidTrigger, NotPossible, SchedulerError, SchedulerUnavailable, UnknownBackfill
from ppacer.store.errors import Unavailable
from tests.runtime.scheduler.backfilling import BackfillWorld, quiet
from tests.runtime.scheduler.watching import AT, HOUR, at, hourly, hours

RUNNING, DONE, CANCELLED = BackfillStatus.RUNNING, BackfillStatus.DONE, BackfillStatus.CANCELLED


async def settle_in(world: BackfillWorld, condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        await asyncio.sleep(0.001)
        if condition():
            return
    raise AssertionError("it did not happen")


def world(*dags: spec.Dag, now: int | None = None, **more: object) -> BackfillWorld:
    made = BackfillWorld(at(8, 30) if now is None else now, *dags, **more)
    made.start()
    return made


async def test_each_due_time_of_the_range_gets_a_run_one_after_the_other() -> None:
    w = world(hourly(max_active_runs=9))
    row = await w.begin(at(2), at(6))
    await quiet(w)
    assert (row.total, row.parallel, row.status, row.actor, row.created_at) == (4, 1, RUNNING, "ann", at(8, 30))
    for number in range(2, 6):
        assert w.backfilled() == hours(*range(2, number + 1))
        assert w.backfilled(RunStatus.RUNNING) == hours(number)
        assert w.made[row.id].status is RUNNING
        w.end(w.running()[0])
        await quiet(w)
    assert w.made[row.id] == replace(row, status=DONE, made=4, next_after=at(5), finished_at=at(8, 30))
    assert [run.backfill for run in w.runs.values()] == [row.id] * 4
    assert [run.previous_at for run in w.runs.values()] == hours(1, 2, 3, 4)
    assert [(told.kind, told.actor, told.payload["id"]) for told in w.told] == [
        (DagEventKind.BACKFILL_STARTED, "ann", row.id),
        (DagEventKind.BACKFILL_FINISHED, "scheduler", row.id),
    ]


async def test_as_many_runs_at_once_as_asked_for_and_as_the_dag_allows() -> None:
    w = world(hourly(max_active_runs=3))
    await w.begin(at(0), at(8), parallel=2)
    await quiet(w)
    assert w.backfilled(RunStatus.RUNNING) == hours(0, 1)
    other = [w.trigger(), w.trigger()]
    assert w.queue.queued == 1
    w.end(w.running()[0])
    await quiet(w)
    assert w.backfilled() == hours(0, 1)
    assert w.queue.active == 3
    for run_id in other:
        w.end(run_id)
    await quiet(w)
    assert w.backfilled(RunStatus.RUNNING) == hours(1, 2)


async def test_the_schedule_comes_first() -> None:
    w = world(hourly(catchup=spec.Catchup.ALL))
    w.crash()
    w.pass_time(3 * HOUR)
    w.start()
    await w.begin(at(0), at(3))
    await quiet(w)
    order = []
    while w.running():
        order.append(w.runs[w.running()[0]].scheduled_at)
        w.end(w.running()[0])
        await quiet(w)
    assert order == hours(9, 10, 11, 0, 1, 2)


async def test_due_times_that_have_a_run_are_passed_over() -> None:
    w = world(hourly(max_active_runs=9))
    w.pass_time(3 * HOUR)
    await w.settled()
    for run_id in w.running():
        w.end(run_id)
    row = await w.begin(at(7), at(12), parallel=9)
    await quiet(w)
    assert w.backfilled() == hours(7, 8)
    for run_id in w.running():
        w.end(run_id)
    row = w.made[row.id]
    assert (row.status, row.total, row.made, row.passed_over) == (DONE, 5, 2, 3)


async def test_only_what_has_passed_is_made_up_for() -> None:
    w = world(hourly(max_active_runs=9))
    row = await w.begin(at(7), at(20), parallel=9)
    await quiet(w)
    assert w.backfilled() == hours(7, 8)
    assert row.until_at == at(8, 30) + 1
    w.pass_time(HOUR)
    assert w.dues() == hours(7, 8, 9)


async def test_due_times_that_nobody_has_decided_yet_are_made_up_for_and_then_decided() -> None:
    w = world(hourly(catchup=spec.Catchup.LATEST, max_active_runs=9))
    w.pause()
    w.pass_time(4 * HOUR)
    await w.begin(at(8), at(11), parallel=9)
    await quiet(w)
    assert w.backfilled() == hours(8, 9, 10)
    w.resume()
    assert w.dues() == hours(8, 9, 10, 12)
    assert [span["from"] for span in w.of_kind(DagEventKind.DUE_MISSED)] == hours(11)


async def test_the_schedule_may_decide_while_it_is_read_what_has_a_run() -> None:
    w = world(hourly(catchup=spec.Catchup.LATEST, max_active_runs=9))
    w.pause()
    w.pass_time(4 * HOUR)
    w.hold = asyncio.Event()
    row = await w.begin(at(10), at(13), parallel=9)
    await asyncio.sleep(0)
    w.resume()
    assert w.dues() == hours(12)
    w.hold.set()
    await quiet(w)
    assert w.backfilled() == hours(10, 11)
    assert w.reads == 2
    for run_id in w.running():
        w.end(run_id)
    assert (w.made[row.id].made, w.made[row.id].passed_over) == (2, 1)


async def test_the_schedule_may_decide_before_it_is_read_what_has_a_run() -> None:
    """What a turn made after those that became durable is not read."""
    w = world(hourly(catchup=spec.Catchup.LATEST, max_active_runs=9))
    w.pause()
    w.pass_time(4 * HOUR)
    w.slow = asyncio.Event()
    begun = asyncio.create_task(w.begin(at(10), at(13), parallel=9))
    await settle_in(w, lambda: w.settling == 2)
    w.resume()
    assert w.dues() == hours(12)
    w.slow.set()
    await begun
    await quiet(w)
    assert w.backfilled() == hours(10, 11)


async def test_it_goes_on_after_a_restart() -> None:
    w = world(hourly(max_active_runs=9))
    row = await w.begin(at(0), at(5), parallel=2)
    await quiet(w)
    await w.settled()
    w.crash()
    w.start()
    await quiet(w)
    assert w.backfilled(RunStatus.RUNNING) == hours(0, 1)
    w.end(w.running()[0])
    await quiet(w)
    assert w.backfilled() == hours(0, 1, 2)
    await w.settled()
    w.crash()
    w.pass_time(HOUR)
    w.start()
    while w.running_of_backfills():
        w.end(w.running_of_backfills()[0])
        await quiet(w)
    assert w.backfilled(RunStatus.SUCCESS) == hours(0, 1, 2, 3, 4)
    assert (w.made[row.id].status, w.made[row.id].made) == (DONE, 5)
    previous = {run.scheduled_at: run.previous_at for run in w.runs.values() if run.kind is RunKind.BACKFILL}
    assert previous == {at(hour): at(hour - 1) for hour in range(5)}


async def test_a_restart_after_the_last_run_ends_it() -> None:
    w = world(hourly())
    row = await w.begin(at(0), at(1))
    await quiet(w)
    w.end(w.running()[0])
    w.made[row.id] = replace(w.made[row.id], status=RUNNING, finished_at=None)
    await w.settled()
    w.crash()
    w.start()
    await quiet(w)
    assert w.made[row.id].status is DONE


async def test_a_changed_schedule_or_dag_counts_from_the_restart_on() -> None:
    w = world(hourly(), hourly("e"))
    row, other = await w.begin(at(0), at(4)), await w.begin(at(0), at(4), dag_id="e")
    await quiet(w)
    await w.settled()
    w.crash()
    half_hourly = spec.Dag("d", AT, (), schedules=(spec.Cron("*/30 * * * *", AT),), max_active_runs=1)
    w.plans = {"d": DagPlan("b2", half_hourly, {}, {}, ("p.ppd",))}
    w.start()
    await quiet(w)
    assert w.made[other.id].status is CANCELLED
    [told] = [told for told in w.told if told.kind is DagEventKind.BACKFILL_CANCELLED]
    assert told.payload["reason"] == "the program has no such dag any more"
    w.end(next(run_id for run_id in w.running() if w.runs[run_id].dag == "d"))
    await quiet(w)
    assert w.dues() == [at(0), at(0, 30)]
    assert w.made[row.id].total == 1 + 7


async def test_a_cancel_makes_no_more_runs_and_ends_those_under_way() -> None:
    w = world(hourly(max_active_runs=2))
    row = await w.begin(at(0), at(8), parallel=3)
    await quiet(w)
    first = w.trigger()
    w.end(w.running()[0])
    await quiet(w)
    ended = await w.backfills.cancel(row.id, actor="bob")
    await quiet(w)
    assert (ended.status, ended.finished_at) == (CANCELLED, at(8, 30))
    assert w.made[row.id] == ended
    assert w.backfilled() == hours(0, 1)
    assert w.backfilled(RunStatus.CANCELLED) == hours(1)
    assert w.running() == [first]
    assert (w.told[-1].kind, w.told[-1].actor) == (DagEventKind.BACKFILL_CANCELLED, "bob")
    with pytest.raises(NotPossible, match="has ended already: cancelled"):
        await w.backfills.cancel(row.id, actor="bob")
    with pytest.raises(UnknownBackfill, match="there is no backfill b99"):
        await w.backfills.cancel("b99", actor="bob")
    again = await w.begin(at(0), at(3), parallel=2)
    await quiet(w)
    assert (w.made[again.id].passed_over, w.backfilled(RunStatus.RUNNING)) == (2, hours(2))


async def test_a_cancel_while_it_is_read_what_has_a_run() -> None:
    w = world(hourly())
    w.hold = asyncio.Event()
    row = await w.begin(at(0), at(8))
    await w.backfills.cancel(row.id, actor="bob")
    w.hold.set()
    await quiet(w)
    assert (w.backfilled(), w.made[row.id].status) == ([], CANCELLED)


async def test_a_run_that_is_done_again_is_under_way_again() -> None:
    w = world(hourly(max_active_runs=9))
    row = await w.begin(at(0), at(3))
    await quiet(w)
    first = w.running()[0]
    w.end(first)
    await quiet(w)
    assert w.backfilled(RunStatus.RUNNING) == hours(1)
    w.runs[first] = replace(w.runs[first], status=RunStatus.RUNNING)
    w.queue.restore(w.runs[first])
    w.backfills.reopened(w.runs[first])
    w.end(w.running()[1])
    await quiet(w)
    assert w.backfilled() == hours(0, 1)
    await w.backfills.cancel(row.id, actor="bob")
    assert w.running() == []


async def test_a_due_time_for_which_no_run_can_be_made_is_told() -> None:
    w = world(hourly(max_active_runs=9))
    w.refused = {at(1)}
    row = await w.begin(at(0), at(3), parallel=3)
    await quiet(w)
    assert w.backfilled() == hours(0, 2)
    assert (w.made[row.id].made, w.made[row.id].passed_over) == (2, 1)
    [skipped] = w.of_kind(DagEventKind.DUE_SKIPPED)
    assert skipped == {"due": at(1), "reason": "dag d has no parameter bad", "backfill": row.id}


async def test_a_database_that_cannot_be_read_is_read_again() -> None:
    w = world(hourly())
    w.broken = Unavailable("disk on fire")
    await w.begin(at(0), at(2))
    await quiet(w)
    assert (w.backfilled(), w.reads) == ([], 1)
    w.broken = None
    w.pass_time(TRY_AGAIN)
    await quiet(w)
    assert w.backfilled() == hours(0)
    w.broken = Unavailable("disk on fire")
    with pytest.raises(SchedulerUnavailable, match="disk on fire"):
        await w.backfills.cancel("b99", actor="bob")


async def test_a_long_range_is_read_in_chunks() -> None:
    minutely = spec.Dag("d", AT, (), schedules=(spec.Cron("* * * * *", AT),), max_active_runs=10_000)
    w = world(minutely)
    row = await w.begin(at(0), at(8), parallel=10_000)
    await quiet(w)
    assert len(w.backfilled()) == row.total == 480
    assert w.reads == -(-480 // CHUNK)


REFUSED = [
    (at(8), at(8), {}, "no due time of dag d in that range has passed", "until_at"),
    (at(8), at(2), {}, "no due time of dag d in that range has passed", "until_at"),
    (at(9), at(12), {}, "no due time of dag d in that range has passed", "until_at"),
    (at(2, 10), at(2, 50), {}, "no due time of dag d in that range has passed", "until_at"),
    (at(2), at(6), {"parallel": 0}, "at least one run", "parallel"),
    (at(2), at(6), {"dag_id": "hand"}, "dag hand has no schedule", "dag"),
    (at(2), at(6), {"dag_id": "never"}, "the schedule of dag never does not work: .* this never fires", "dag"),
    (at(-24 * 40), at(6), {"dag_id": "often"}, "more than 100,000 due times: give parts of it", "until_at"),
    (at(2), at(6), {"bad": 1}, "dag d has no parameter bad", "params.bad"),
    (at(2), at(6), {"odd": object()}, "the parameters have no JSON", "params"),
]


@pytest.mark.parametrize(("begin", "end", "more", "message", "field"), REFUSED)
async def test_what_is_refused_and_why(begin, end, more, message, field) -> None:
    w = world(
        hourly(),
        spec.Dag("hand", AT, ()),
        spec.Dag("never", AT, (), schedules=(spec.Cron("0 0 30 2 *", AT),)),
        spec.Dag("often", AT, (), schedules=(spec.Cron("*/30 * * * * *", AT),)),
    )
    with pytest.raises(InvalidTrigger, match=message) as caught:
        await w.begin(begin, end, **more)
    assert caught.value.field == field
    assert (w.made, w.told) == ({}, [])


async def test_two_at_once_must_not_share_due_times() -> None:
    w = world(hourly(max_active_runs=9))
    row = await w.begin(at(2), at(5))
    with pytest.raises(NotPossible, match=rf"backfill {row.id} of dag d is at work from 2026-05-04T02:00:00.* to 2026"):
        await w.begin(at(4), at(6))
    both = await asyncio.gather(w.begin(at(6), at(8)), w.begin(at(6), at(8)), return_exceptions=True)
    assert [isinstance(one, SchedulerError) for one in both] == [False, True]
    await w.begin(at(5), at(6))
    while w.running() or w.backfills._tasks:
        await quiet(w)
        for run_id in w.running():
            w.end(run_id)
    assert w.backfilled(RunStatus.SUCCESS) == hours(*range(2, 8))
    assert {row.status for row in w.made.values()} == {DONE}


async def test_two_that_share_due_times_all_the_same_make_each_run_once() -> None:
    """A command that found the database without a scheduler had not to wait for the first."""
    w = world(hourly(max_active_runs=9))
    for name, begin, end in (("b7", 1, 5), ("b8", 2, 7)):
        w.made[name] = Backfill(name, "d", "ann", 0, at(begin), at(end), 1, RUNNING, at(begin) - 1, end - begin)
    await w.settled()
    w.crash()
    w.start()
    while w.running() or w.backfills._tasks:
        await quiet(w)
        for run_id in w.running():
            w.end(run_id)
    assert w.backfilled(RunStatus.SUCCESS) == hours(*range(1, 7))
    assert [(row.status, row.made + row.passed_over) for row in w.made.values()] == [(DONE, 4), (DONE, 5)]


async def test_what_is_left_to_a_later_start_can_be_cancelled() -> None:
    w = world(hourly(max_active_runs=9), hourly("e"))
    row, other = await w.begin(at(1), at(5)), await w.begin(at(1), at(5), dag_id="e")
    await quiet(w)
    await w.settled()
    w.crash()
    del w.plans["e"]
    w.rests = True
    w.start()
    await quiet(w)
    with pytest.raises(NotPossible, match=f"{row.id} of dag d is at work"):
        await w.begin(at(4), at(6))
    with pytest.raises(NotPossible, match=f"{other.id} ends at the next start: there is no dag e any more"):
        await w.backfills.cancel(other.id, actor="bob")
    w.end(next(run_id for run_id in w.running() if w.runs[run_id].dag == "d"))
    await quiet(w)
    assert w.backfilled() == [at(1), at(1)]
    await w.backfills.cancel(row.id, actor="bob")
    assert [row.status for row in w.made.values()] == [CANCELLED, RUNNING]


# --- schedules written in Python -------------------------------------------------------------------------------------

PYTHON = spec.Dag("d", AT, (), schedules=(spec.CustomSchedule("shop.times:weird", AT),), max_active_runs=9)


def knows(*times: int) -> Callable[[Question], Answer]:
    def answer(question: Question) -> Answer:
        later = [time for time in times if time > question.after]
        told = later[:2]
        return Answer(tuple(told), ended=len(told) == len(later))

    return answer


async def test_a_schedule_in_python_is_asked_for_its_due_times() -> None:
    w = BackfillWorld(at(8, 30), PYTHON, custom=knows(at(1), at(2, 20), at(3, 7), at(4), at(9)))
    w.plans["other"] = w.plans.pop("d")  # not watched
    w.start()
    w.plans["d"] = w.plans.pop("other")
    row = await w.begin(at(2), at(8), parallel=2)
    await quiet(w)
    assert row.total == 3
    assert w.backfilled() == [at(2, 20), at(3, 7)]


async def test_a_schedule_in_python_that_fails_is_asked_again_after_a_restart_and_refused_at_the_start() -> None:
    failing = lambda question: ScheduleProblem("the schedule shop.times:weird does not answer: ValueError", "")  # noqa: E731
    w = BackfillWorld(at(8, 30), PYTHON, custom=failing)
    w.rows.clear()  # not watched
    w.start()
    with pytest.raises(InvalidTrigger, match="does not answer: ValueError"):
        await w.begin(at(2), at(8))
    w.made["b7"] = Backfill("b7", "d", "ann", 0, at(1), at(5), 1, RUNNING, at(2), 3)
    await w.settled()
    w.crash()
    w.start()
    await quiet(w)
    assert w.backfilled() == []
    w.custom = knows(at(1), at(3), at(4), at(6))
    w.pass_time(60)
    await quiet(w)
    assert w.backfilled() == [at(3)]


# --- through a scheduler -------------------------------------------------------------------------------------------


async def test_a_backfill_from_its_start_to_its_end(place, kit) -> None:
    program = kit.program(
        kit.dag("d", kit.task("a"), schedules=(spec.Cron("0 * * * *", kit.at),), max_active_runs=2), code="c1"
    )
    clock = kit.clock(at(8, 30))
    scheduler = await place.scheduler(program, clock=clock)
    row = await scheduler.start_backfill("d", at(2), at(6), parallel=2, actor="ann")
    client = kit.client(scheduler.exchange, program)
    assert len(await client.work(2)) == 2
    await place.crash(scheduler)
    scheduler = await place.scheduler(program, clock=clock)
    client.send = scheduler.exchange
    await client.work(2)
    await kit.until(lambda: scheduler.store.backfill(row.id).status is DONE)
    assert scheduler.store.backfill_counts(row.id) == {RunStatus.SUCCESS: 4}
    runs = sorted(scheduler.store.runs(), key=lambda run: run.scheduled_at)
    assert [(run.scheduled_at, run.previous_at, run.kind, run.actor, run.backfill) for run in runs] == [
        (at(hour), at(hour - 1), RunKind.BACKFILL, "ann", row.id) for hour in range(2, 6)
    ]
    kinds = [event.kind for event in scheduler.store.dag_events("d")]
    assert kinds[:2] == [DagEventKind.BACKFILL_FINISHED, DagEventKind.BACKFILL_STARTED]


async def test_a_backfill_before_the_schedule_has_been_watched_leaves_nothing_to_collide_with(place, kit) -> None:
    dag = kit.dag(
        "d", kit.task("a"), schedules=(spec.Cron("0 * * * *", kit.at),), catchup=spec.Catchup.ALL, max_active_runs=9
    )
    program = kit.program(dag)
    clock = kit.clock(at(1, 30))
    await place.crash(await place.scheduler(program, clock=clock))
    clock.set(at(6, 30))
    scheduler = await place.scheduler(program, clock=clock, schedules=False)
    await scheduler.start_backfill("d", at(3), at(5), parallel=9)
    await kit.until(lambda: len(scheduler.store.runs()) == 2)
    await place.crash(scheduler)
    scheduler = await place.scheduler(program, clock=clock)
    assert sorted(run.scheduled_at for run in scheduler.store.runs()) == hours(2, 3, 4, 5, 6)
    assert scheduler.dag("d").next_due == at(7)


async def test_a_backfill_that_is_cancelled_through_the_scheduler(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), schedules=(spec.Cron("0 * * * *", kit.at),), max_active_runs=9))
    scheduler = await place.scheduler(program, clock=kit.clock(at(8, 30)))
    row = await scheduler.start_backfill("d", at(0), at(8), parallel=3)
    await kit.until(lambda: len(scheduler.store.runs()) == 3)
    ended = await scheduler.cancel_backfill(row.id, actor="bob")
    assert ended.status is CANCELLED
    assert [run.status for run in scheduler.store.runs()] == [RunStatus.CANCELLED] * 3
    assert scheduler.health().active_runs == 0


async def test_a_backfill_of_a_program_that_was_ended_is_known_where_no_schedules_are_served(place, kit) -> None:
    """A command that runs a program for itself may cancel it; it goes on with the next program that serves."""
    program = kit.program(kit.dag("d", kit.task("a"), schedules=(spec.Cron("0 * * * *", kit.at),), max_active_runs=9))
    clock = kit.clock(at(8, 30))
    scheduler = await place.scheduler(program, clock=clock)
    row = await scheduler.start_backfill("d", at(0), at(8), parallel=3)
    await kit.until(lambda: len(scheduler.store.runs()) == 3)
    await place.crash(scheduler)
    scheduler = await place.scheduler(program, clock=clock, schedules=False)
    with pytest.raises(NotPossible, match="is at work"):
        await scheduler.start_backfill("d", at(0), at(8), parallel=3)
    with scheduler._changes.follow(dag_topic("d")) as follower:
        ended = await scheduler.cancel_backfill(row.id, actor="bob")
        await kit.until(follower.done)
    assert (ended.status, ended.made) == (CANCELLED, 3)
    assert [run.status for run in scheduler.store.runs()] == [RunStatus.CANCELLED] * 3
