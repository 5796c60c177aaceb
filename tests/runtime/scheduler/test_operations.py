"""What people ask of a scheduler beyond triggers: parts of runs done again, tasks ended, dags paused, runs of runs."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from ppacer import spec
from ppacer.core.model import DagEventKind, NotificationStatus, RunStatus, TaskStatus
from ppacer.protocol import Claim, Deferral, Outcome, Renewal, Report, RunRequest
from ppacer.services.errors import InvalidTrigger, NotPossible, RunFinished, UnknownDag, UnknownRun, UnknownTask

SECOND = 1_000_000


async def begin(place, kit, *tasks, dags=(), **settings):
    """A scheduler of a dag with these tasks, and an executor of it."""
    dag = kit.dag("d", *tasks, **settings)
    scheduler = await place.scheduler(kit.program(dag, *dags))
    return scheduler, kit.client(scheduler.exchange, scheduler.program)


def deferred(assignment, deferral: Deferral) -> Report:
    return Report(assignment.attempt, assignment.token, Outcome.DEFERRED, 1_000, 2_000, deferral=deferral)


async def fail_one(scheduler, client, kit) -> str:
    """A run whose first of two tasks fails."""
    run = await scheduler.trigger("d")
    assert await client.report(await client.claim_one(), Outcome.FAILED, error="no") == 200
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.FAILED
    return run.id


# --- parts of runs done again ----------------------------------------------------------------------------------------


async def test_two_who_restart_a_run_at_once_restart_it_once(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b", after="a"))
    run_id = await fail_one(scheduler, client, kit)
    asked = [scheduler.restart_run(run_id, actor=name) for name in ("ann", "bob")]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, NotPossible) for each in found) == 1
    assert await client.work(2) == ["a", "b"]
    run = await kit.ended(scheduler, run_id)
    assert (run.status, run.epoch) == (RunStatus.SUCCESS, 2)
    reopened = [event for event in scheduler.store.events(run_id) if event.kind == "run_reopened"]
    assert [event.actor for event in reopened] == ["ann"]


async def test_a_restart_survives_the_scheduler(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b", after="a"))
    run_id = await fail_one(scheduler, client, kit)
    await scheduler.restart_run(run_id, actor="ann")
    await place.crash(scheduler)
    again = await place.scheduler(scheduler.program)
    client = kit.client(again.exchange, again.program)
    assert await client.work(2) == ["a", "b"]
    assert (await kit.ended(again, run_id)).epoch == 2


async def test_a_run_that_is_done_again_waits_for_its_turn(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    run_id = await fail_one(scheduler, client, kit)
    other = await scheduler.trigger("d")
    assert (await scheduler.restart_run(run_id, actor="ann")).status is RunStatus.QUEUED
    for turn in (other.id, run_id):
        assignment = await client.claim_one()
        assert assignment.run.id == turn
        assert await client.report(assignment) == 200


async def test_what_cannot_be_done_again_is_refused_and_changes_nothing(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    run = await scheduler.trigger("d")
    assignment = await client.claim_one()
    seq = scheduler.store.last_event_seq([run.id])[run.id]
    with pytest.raises(NotPossible, match="nothing of run"):
        await scheduler.restart_run(run.id, actor="ann")
    with pytest.raises(NotPossible, match="task a is running: cancel it first"):
        await scheduler.rerun_task(run.id, "a", actor="ann")
    with pytest.raises(UnknownTask):
        await scheduler.rerun_task(run.id, "b", actor="ann")
    with pytest.raises(UnknownTask):
        await scheduler.cancel_task(run.id, "a", 3, actor="ann")
    with pytest.raises(UnknownRun):
        await scheduler.restart_run("nope", actor="ann")
    with pytest.raises(InvalidTrigger, match="reason"):
        await scheduler.mark_task(run.id, "a", status=TaskStatus.SUCCESS, reason=" ", actor="ann")
    with pytest.raises(InvalidTrigger, match="success or failed"):
        await scheduler.mark_task(run.id, "a", status=TaskStatus.SKIPPED, reason="so", actor="ann")
    assert scheduler.store.last_event_seq([run.id])[run.id] == seq
    assert await client.report(assignment) == 200


async def test_a_task_that_is_cancelled_is_stopped_and_that_survives_the_scheduler(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b", after="a"))
    run = await scheduler.trigger("d")
    assignment = await client.claim_one()
    await scheduler.cancel_task(run.id, "a", actor="ann")
    await place.crash(scheduler)
    again = await place.scheduler(scheduler.program)
    client.send = again.exchange
    answer = await client.ask(client.request(renewals=(Renewal(assignment.attempt, assignment.token),)))
    assert answer.cancel == (assignment.attempt,)
    assert await client.report(assignment, Outcome.CANCELLED) == 200
    ended = await kit.ended(again, run.id)
    assert ended.status is RunStatus.FAILED
    rows = {row.task: row for row in again.store.current_tasks(run.id)}
    assert (rows["a"].status, rows["a"].reason) == (TaskStatus.CANCELLED, "cancelled by ann")
    assert rows["b"].status is TaskStatus.UPSTREAM_FAILED


# --- dags ------------------------------------------------------------------------------------------------------------


async def test_pauses_and_silence_are_kept_and_recorded(place, kit) -> None:
    schedule = (spec.Every(timedelta(hours=1), kit.at),)
    scheduler, _ = await begin(place, kit, kit.task("a"), schedules=schedule)
    assert scheduler.dag("d").next_due is not None
    await scheduler.pause_dag("d", actor="ann", reason="maintenance")
    await scheduler.pause_dag("d", actor="bob")
    until = scheduler.clock.now() + 3_600 * SECOND
    await scheduler.silence_dag("d", until, actor="ann")
    await place.crash(scheduler)
    again = await place.scheduler(scheduler.program)
    state = again.dag("d")
    assert (state.paused, state.silenced_until, state.next_due) == (True, until, None)
    await again.resume_dag("d", actor="bob")
    await again.silence_dag("d", None, actor="bob")
    state = again.dag("d")
    assert (state.paused, state.silenced_until) == (False, None)
    assert state.next_due is not None
    told = [(event.kind, event.actor) for event in reversed(again.store.dag_events("d"))]
    assert told[1:] == [
        (DagEventKind.PAUSED, "ann"),
        (DagEventKind.SILENCED, "ann"),
        (DagEventKind.RESUMED, "bob"),
        (DagEventKind.SILENCED, "bob"),
    ]
    paused = next(event for event in again.store.dag_events("d") if event.kind is DagEventKind.PAUSED)
    assert json.loads(paused.payload)["reason"] == "maintenance"
    with pytest.raises(UnknownDag):
        await again.pause_dag("nope", actor="ann")


async def test_a_silenced_dag_alerts_nobody(place, kit) -> None:
    log = spec.Notifier("ops", "ppacer.notifiers:log", kit.at)
    dag = kit.dag("d", kit.task("a"), notify=("ops",))
    program = kit.program(dag)
    program = spec.Program(
        program.name, program.build, program.compiler, program.dags, program.callables, program.sources, (), (log,)
    )
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange, program)
    await scheduler.silence_dag("d", scheduler.clock.now() + 3_600 * SECOND, actor="ann")
    quiet = await fail_one(scheduler, client, kit)
    await scheduler.silence_dag("d", None, actor="ann")
    loud = await fail_one(scheduler, client, kit)
    assert scheduler.store.notifications(quiet) == []
    await kit.until(lambda: [n.status for n in scheduler.store.notifications(loud)] == [NotificationStatus.SENT])


# --- waiting ---------------------------------------------------------------------------------------------------------


async def test_a_deferred_attempt_leaves_its_place_and_comes_back(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    run = await scheduler.trigger("d")
    first = await client.claim_one()
    report = deferred(first, Deferral(until=scheduler.clock.now() + SECOND // 10, state='{"seen":1}'))
    for _ in range(2):  # a repeated report is answered as the first one was
        answer = await client.ask(client.request(reports=(report,)))
        assert [ack.status for ack in answer.reports] == [200]
    assert scheduler.health().running_attempts == 0
    assert await client.report(first) == 409, "the token is dead"
    second = await client.claim_one()
    assert (second.attempt, second.number, second.part, second.state) == (first.attempt, 1, 1, '{"seen":1}')
    assert second.token > first.token
    assert second.time_left is not None
    assert second.time_left < 600
    assert await client.report(second) == 200
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS


async def test_what_has_nothing_left_to_do_ends_without_an_executor_also_after_a_restart(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    run = await scheduler.trigger("d")
    wait = deferred(await client.claim_one(), Deferral(until=scheduler.clock.now() + SECOND // 5, output="7"))
    await client.ask(client.request(reports=(wait,)))
    await place.crash(scheduler)
    again = await place.scheduler(scheduler.program)
    assert (await kit.ended(again, run.id)).status is RunStatus.SUCCESS
    [row] = again.store.current_tasks(run.id)
    assert (row.output, row.attempts) == ("7", 1)


@pytest.mark.parametrize("crash", [False, True], ids=["", "over a crash"])
@pytest.mark.parametrize("outcome", [Outcome.SUCCESS, Outcome.FAILED])
async def test_a_run_of_another_dag_is_made_once_and_waited_for(place, kit, outcome: Outcome, *, crash: bool) -> None:
    other = kit.dag("other", kit.task("x"))
    scheduler, client = await begin(place, kit, kit.task("a"), dags=(other,))
    run = await scheduler.trigger("d")
    assignment = await client.claim_one()
    await client.ask(client.request(reports=(deferred(assignment, Deferral(run=RunRequest("other"))),)))
    if crash:
        await place.crash(scheduler)
        scheduler = await place.scheduler(scheduler.program)
        client = kit.client(scheduler.exchange, scheduler.program)
    [child] = scheduler.store.runs("other")
    assert (child.actor, child.idempotency_key) == ("run_dag", f"run_dag:{assignment.attempt}")
    assert await client.report(await client.claim_one(), outcome, error="no") == 200
    ended = await kit.ended(scheduler, run.id)
    [row] = scheduler.store.current_tasks(run.id)
    if outcome is Outcome.SUCCESS:
        assert ended.status is RunStatus.SUCCESS
        assert json.loads(row.output) == {"run": child.id, "status": "success"}
    else:
        assert ended.status is RunStatus.FAILED
        assert f"run {child.id} of dag other ended as failed" in row.error


async def test_who_waits_for_a_run_takes_it_along_when_it_is_cancelled(place, kit) -> None:
    other = kit.dag("other", kit.task("x"))
    scheduler, client = await begin(place, kit, kit.task("a"), dags=(other,))
    run = await scheduler.trigger("d")
    wait = deferred(await client.claim_one(), Deferral(run=RunRequest("other")))
    await client.ask(client.request(reports=(wait,)))
    [child] = scheduler.store.runs("other")
    await scheduler.cancel_run(run.id, actor="ann")
    assert (await kit.ended(scheduler, child.id)).status is RunStatus.CANCELLED
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.CANCELLED
    with pytest.raises(RunFinished):
        await scheduler.cancel_run(run.id)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (RunRequest("nope"), "there is no dag nope"),
        (RunRequest("other", params='{"x":1}'), "no parameter x"),
    ],
    ids=["dag", "param"],
)
async def test_a_run_that_cannot_be_made_fails_who_asks_for_it(place, kit, request_: RunRequest, error: str) -> None:
    other = kit.dag("other", kit.task("x"))
    scheduler, client = await begin(place, kit, kit.task("a"), dags=(other,))
    run = await scheduler.trigger("d")
    await client.ask(client.request(reports=(deferred(await client.claim_one(), Deferral(run=request_)),)))
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.FAILED
    [row] = scheduler.store.current_tasks(run.id)
    assert error in row.error
    assert scheduler.store.runs("other") == []


# --- limits and lateness ---------------------------------------------------------------------------------------------


async def test_slots_are_those_of_what_runs_and_come_back(place, kit) -> None:
    tasks = [kit.task(name, pool="p") for name in "abc"]
    dag = kit.dag("d", *tasks)
    program = kit.program(dag)
    pool = spec.Pool("p", 2, kit.at)
    program = spec.Program(
        program.name, program.build, program.compiler, (dag,), program.callables, program.sources, pools=(pool,)
    )
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange, program)
    await scheduler.trigger("d")
    held = await client.claim(3)
    assert len(held) == 2
    [state] = scheduler.pools()
    assert (state.name, state.slots, state.used, state.waiting) == ("p", 2, 2, 1)
    await place.crash(scheduler)
    again = await place.scheduler(program)
    client.send = again.exchange
    assert (await client.ask(client.request(claim=Claim(3, 0)))).assignments == (), "what runs still holds its slots"
    assert await client.report(held[0]) == 200
    assert [each.task for each in await client.claim(3)] == ["c"]


async def test_a_run_that_waits_for_its_turn_is_late_too(place, kit) -> None:
    scheduler, client = await begin(
        place, kit, kit.task("a"), deadline=timedelta(milliseconds=200), alert_on=(spec.AlertEvent.LATE,)
    )
    first, second = await scheduler.trigger("d"), await scheduler.trigger("d")
    await kit.until(lambda: scheduler.store.run(second.id).late_at is not None)
    assert scheduler.store.run(second.id).status is RunStatus.QUEUED
    await place.crash(scheduler)
    again = await place.scheduler(scheduler.program)
    client.send = again.exchange
    await client.work(2)
    for run in (first, second):
        ended = await kit.ended(again, run.id)
        assert ended.late_at is not None
        late = [event for event in again.store.events(run.id) if event.kind == "run_late"]
        assert len(late) == 1, "it is told once"
