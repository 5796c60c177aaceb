"""Schedules: each due time makes at most one run, whatever happens to the program or to the clock."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from ppacer import spec
from ppacer.core.model import DagEventKind, RunKind, RunStatus
from ppacer.protocol import Outcome
from ppacer.services.dag_run_watcher import MISFIRE_GRACE

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def at(hour: int, minute: int = 0, second: float = 0) -> int:
    return round(datetime(2026, 5, 4, hour, minute, tzinfo=UTC).timestamp() * SECOND + second * SECOND)


def hourly(kit, **settings) -> spec.Dag:
    return kit.dag("d", kit.task("a"), schedules=(spec.Cron("0 * * * *", kit.at),), **settings)


def runs(scheduler) -> list[int]:
    return sorted(run.scheduled_at for run in scheduler.store.runs())


async def test_a_due_time_makes_a_run_at_once(place, kit) -> None:
    program = kit.program(hourly(kit))
    clock = kit.clock(at(11, 59))
    scheduler = await place.scheduler(program, clock=clock)
    assert scheduler.dags()[0].next_due == at(12)
    clock.set(at(11, 59, 59.8))
    scheduler._engine.watcher._ring()
    one = await kit.client(scheduler.exchange, program).claim_one()
    assert one.run.scheduled_at == at(12)
    [run] = scheduler.store.runs()
    assert (run.kind, run.actor, run.previous_at) == (RunKind.SCHEDULED, "schedule", None)
    assert 0 <= run.created_at - at(12) < 60 * SECOND
    assert scheduler.dag("d").next_due == at(13)
    [row] = scheduler.store.dags()
    assert row.watched_until == at(12)


async def test_a_due_time_makes_one_run_through_restarts_and_a_clock_set_back(place, kit) -> None:
    program = kit.program(hourly(kit, max_active_runs=9))
    clock = kit.clock(at(11, 59, 59.9))
    scheduler = await place.scheduler(program, clock=clock)
    await kit.until(lambda: runs(scheduler) == [at(12)])
    clock.set(at(11, 30))
    scheduler._engine.watcher._ring()
    await place.crash(scheduler)
    for now in (at(11, 59, 59.9), at(12), at(12, 0, 0.5)):
        clock.set(now)
        again = await place.scheduler(program, clock=clock)
        assert again.dag("d").next_due == at(13)
        await asyncio.sleep(0.15)
        assert runs(again) == [at(12)]
        await place.crash(again)
    clock.set(at(12, 59, 59.9))
    again = await place.scheduler(program, clock=clock)
    await kit.until(lambda: runs(again) == [at(12), at(13)])
    assert again.store.runs()[0].previous_at == at(12)


@pytest.mark.parametrize(
    ("catchup", "expected"),
    [
        (spec.Catchup.NONE, [12]),
        (spec.Catchup.LATEST, [12, 16]),
        (spec.Catchup.ALL, [12, 13, 14, 15, 16]),
    ],
)
async def test_what_was_missed_while_no_scheduler_ran(place, kit, catchup, expected) -> None:
    program = kit.program(hourly(kit, catchup=catchup, max_active_runs=9))
    clock = kit.clock(at(11, 59, 59.9))
    scheduler = await place.scheduler(program, clock=clock)
    await kit.until(lambda: runs(scheduler) == [at(12)])
    await place.crash(scheduler)
    clock.set(at(16, 30))
    again = await place.scheduler(program, clock=clock)
    assert runs(again) == [at(hour) for hour in expected]
    assert again.dag("d").next_due == at(17)
    await place.crash(again)
    assert runs(await place.scheduler(program, clock=clock)) == [at(hour) for hour in expected]


async def test_catching_up_keeps_to_the_room_there_is(place, kit) -> None:
    """The missed runs come one by one, in order, and survive restarts."""
    program = kit.program(hourly(kit, catchup=spec.Catchup.ALL, start=datetime(2026, 5, 4, 1)))  # noqa: DTZ001
    clock = kit.clock(at(5, 30))
    scheduler = await place.scheduler(program, clock=clock)
    assert runs(scheduler) == [at(1)]
    client = kit.client(scheduler.exchange, program)
    await client.work(2)
    await kit.until(lambda: runs(scheduler) == [at(1), at(2), at(3)])
    await place.crash(scheduler)
    again = await place.scheduler(program, clock=clock)
    client.send = again.exchange
    await client.work(3)
    await kit.until(lambda: again.health().active_runs == 0)
    assert runs(again) == [at(hour) for hour in range(1, 6)]
    assert again.dag("d").next_due == at(6)


@pytest.mark.parametrize(
    ("catchup", "expected"), [(spec.Catchup.NONE, []), (spec.Catchup.LATEST, [5]), (spec.Catchup.ALL, [2, 3, 4, 5])]
)
async def test_a_new_dag_with_a_start_in_the_past(place, kit, catchup, expected) -> None:
    dag = hourly(kit, catchup=catchup, start=datetime(2026, 5, 4, 2), max_active_runs=9)  # noqa: DTZ001
    scheduler = await place.scheduler(kit.program(dag), clock=kit.clock(at(5, 30)))
    assert runs(scheduler) == [at(hour) for hour in expected]


@pytest.mark.parametrize("catchup", spec.Catchup)
async def test_a_new_dag_without_a_start_begins_now(place, kit, catchup) -> None:
    scheduler = await place.scheduler(kit.program(hourly(kit, catchup=catchup)), clock=kit.clock(at(5, 30)))
    assert runs(scheduler) == []
    assert scheduler.dag("d").next_due == at(6)


async def test_a_clock_that_leaps_ahead_is_an_outage(place, kit) -> None:
    program = kit.program(hourly(kit, catchup=spec.Catchup.LATEST))
    clock = kit.clock(at(8, 30))
    scheduler = await place.scheduler(program, clock=clock)
    clock.set(at(12, 30))
    scheduler._engine.watcher._ring()
    await kit.until(lambda: runs(scheduler) == [at(12)])
    assert scheduler.dag("d").next_due == at(13)


async def test_due_times_noticed_a_little_late_are_not_missed(place, kit) -> None:
    every = spec.Every(timedelta(seconds=10), kit.at)
    program = kit.program(kit.dag("d", kit.task("a"), schedules=(every,), max_active_runs=99))
    clock = kit.clock(at(8, 0, 1))
    scheduler = await place.scheduler(program, clock=clock)
    clock.set(at(8, 0, 41))
    scheduler._engine.watcher._ring()
    await kit.until(lambda: runs(scheduler) == [at(8, 0, second) for second in (10, 20, 30, 40)])
    clock.set(at(8, 0, 41) + 2 * MISFIRE_GRACE)
    scheduler._engine.watcher._ring()
    late = [at(8, 1, 50), *(at(8, 2, second) for second in (0, 10, 20, 30, 40))]
    await kit.until(lambda: runs(scheduler)[4:] == late)
    assert scheduler.dag("d").next_due == at(8, 2, 50)


async def test_runs_over_the_limit_wait_in_line(place, kit) -> None:
    dag = hourly(kit, catchup=spec.Catchup.NONE, max_active_runs=2)
    program = kit.program(dag)
    scheduler = await place.scheduler(program, clock=kit.clock(at(8, 30)))
    made = [await scheduler.trigger("d") for _ in range(4)]
    statuses = [scheduler.store.run(run.id).status for run in made]
    assert statuses == [RunStatus.RUNNING, RunStatus.RUNNING, RunStatus.QUEUED, RunStatus.QUEUED]
    assert (scheduler.dag("d").active_runs, scheduler.dag("d").queued_runs) == (2, 2)
    client = kit.client(scheduler.exchange, program)
    first, second = await client.claim(8)
    assert [first.run.id, second.run.id] == [made[0].id, made[1].id]
    await client.report(second)
    [third] = await client.claim(8)
    assert third.run.id == made[2].id


async def test_a_dag_that_comes_back_is_watched_again(place, kit) -> None:
    clock = kit.clock(at(8, 30))
    both = kit.program(hourly(kit), kit.dag("e", kit.task("a")), build="b1")
    await place.crash(await place.scheduler(both, clock=clock))
    await place.crash(await place.scheduler(kit.program(kit.dag("e", kit.task("a")), build="b2"), clock=clock))
    scheduler = await place.scheduler(both, clock=clock)
    assert [row.removed_at for row in scheduler.store.dags()] == [None, None]
    assert scheduler.dag("d").next_due == at(9)
    assert scheduler.dag("e").next_due is None


async def test_a_schedule_that_cannot_be_worked_out_is_said(place, kit, caplog) -> None:
    dag = kit.dag("d", kit.task("a"), schedules=(spec.Cron("0 0 30 2 *", kit.at),))
    scheduler = await place.scheduler(kit.program(dag, hourly(kit).__class__("e", kit.at, ())))
    assert "dag d (p.ppd:1) will not run by itself" in caplog.text
    assert scheduler.dag("d").next_due is None
    assert "this never fires" in scheduler.dag("d").problem
    await scheduler.trigger("d")


async def test_a_scheduler_with_which_nothing_runs_begins_no_run(place, kit) -> None:
    """Its time does not go by while nobody could work on it."""
    dag = kit.dag("d", kit.task("a"), run_timeout=timedelta(minutes=1))
    clock = kit.clock(at(8))
    scheduler = await place.scheduler(kit.program(dag), clock=clock, schedules=False, begins=False)
    run = await scheduler.trigger("d")
    await place.stop(scheduler)
    clock.set(at(9))
    scheduler = await place.scheduler(kit.program(dag), clock=clock, schedules=False, begins=False)
    assert (scheduler.store.run(run.id).status, scheduler.store.run(run.id).started_at) == ("queued", None)
    await place.stop(scheduler)
    clock.set(at(10))
    scheduler = await place.scheduler(kit.program(dag), clock=clock)
    assert scheduler.store.run(run.id).status == "running"
    assert at(10) <= scheduler.store.run(run.id).started_at < at(10, 1)


async def test_a_scheduler_for_one_command_leaves_the_schedules_alone(place, kit) -> None:
    program = kit.program(hourly(kit, catchup=spec.Catchup.LATEST))
    clock = kit.clock(at(8, 30))
    await place.crash(await place.scheduler(program, clock=clock))
    clock.set(at(10, 59, 59.9))
    scheduler = await place.scheduler(program, clock=clock, schedules=False)
    run = await scheduler.trigger("d")
    await asyncio.sleep(0.2)
    assert [run.id] == [one.id for one in scheduler.store.runs()]
    assert scheduler.dag("d").next_due is None
    await place.crash(scheduler)
    clock.set(at(11, 30))
    again = await place.scheduler(program, clock=clock)
    assert [one.scheduled_at for one in again.store.runs()] == [at(11), run.scheduled_at]


def told(scheduler, kind: DagEventKind) -> list[dict[str, object]]:
    """What the dag's history says of one kind, oldest first."""
    return [json.loads(event.payload) for event in scheduler.store.dag_events("d")[::-1] if event.kind is kind]


@pytest.mark.parametrize(
    ("catchup", "expected", "missed"),
    [
        (spec.Catchup.NONE, [], (9, 12, 4)),
        (spec.Catchup.LATEST, [12], (9, 11, 3)),
        (spec.Catchup.ALL, [9, 10, 11, 12], None),
    ],
)
async def test_a_pause_lasts_through_a_restart_and_ends_like_an_outage(place, kit, catchup, expected, missed) -> None:
    program = kit.program(hourly(kit, catchup=catchup, max_active_runs=9))
    clock = kit.clock(at(8, 30))
    scheduler = await place.scheduler(program, clock=clock)
    row = await scheduler.pause_dag("d", actor="ann", reason="holidays")
    assert row.paused
    assert scheduler.dag("d").next_due is None
    assert (await scheduler.pause_dag("d")) == row
    await place.crash(scheduler)
    clock.set(at(12, 30))
    scheduler = await place.scheduler(program, clock=clock)
    assert scheduler.dag("d").paused
    assert scheduler.dag("d").next_due is None
    manual = await scheduler.trigger("d")
    assert runs(scheduler) == [manual.scheduled_at]
    await scheduler.resume_dag("d", actor="bob")
    assert runs(scheduler) == sorted([*(at(hour) for hour in expected), manual.scheduled_at])
    assert scheduler.dag("d").next_due == at(13)
    [stored] = scheduler.store.dags()
    assert (stored.paused, stored.watched_until) == (False, at(12))
    spans = [(span["from"], span["until"], span["count"]) for span in told(scheduler, DagEventKind.DUE_MISSED)]
    assert spans == ([(at(missed[0]), at(missed[1]), missed[2])] if missed else [])
    assert [told(scheduler, kind) for kind in (DagEventKind.PAUSED, DagEventKind.RESUMED)] == [
        [{"reason": "holidays"}],
        [{}],
    ]


@pytest.mark.parametrize("overlap", spec.Overlap)
async def test_what_a_due_time_does_to_the_run_before_it(place, kit, overlap) -> None:
    program = kit.program(hourly(kit, overlap=overlap))
    clock = kit.clock(at(8, 59, 59.9))
    scheduler = await place.scheduler(program, clock=clock)
    client = kit.client(scheduler.exchange, program)
    first = await client.claim_one()
    clock.set(at(10, 0, 1))
    scheduler._engine.watcher._ring()
    match overlap:
        case spec.Overlap.QUEUE:
            await kit.until(lambda: runs(scheduler) == [at(9), at(10)])
            assert scheduler.health().queued_runs == 1
            await client.report(first)
        case spec.Overlap.SKIP:
            await kit.until(lambda: told(scheduler, DagEventKind.DUE_SKIPPED) != [])
            [skipped] = told(scheduler, DagEventKind.DUE_SKIPPED)
            assert skipped == {"due": at(10), "reason": "another run was active"}
            assert runs(scheduler) == [at(9)]
            return
        case spec.Overlap.CANCEL_RUNNING:
            answer = await client.renew(first)
            assert answer.cancel == (first.attempt,)
            await client.report(first, Outcome.CANCELLED)
    second = await client.claim_one()
    assert second.run.scheduled_at == at(10)
    ends = {run.scheduled_at: run.status for run in scheduler.store.runs()}
    cancelled = overlap is spec.Overlap.CANCEL_RUNNING
    assert ends == {at(9): RunStatus.CANCELLED if cancelled else RunStatus.SUCCESS, at(10): RunStatus.RUNNING}


async def test_executors_are_told_when_something_is_due(place, kit) -> None:
    program = kit.program(hourly(kit))
    scheduler = await place.scheduler(program, clock=kit.clock(at(8, 30)))
    client = kit.client(scheduler.exchange, program)
    answer = await client.ask(client.request())
    assert 1_700 < answer.next_due_in <= 1_800
    await scheduler.pause_dag("d")
    assert (await client.ask(client.request())).next_due_in is None
