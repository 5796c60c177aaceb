"""What a scheduler that starts makes of what an earlier one left."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from ppacer.core.model import AttemptStatus, ErrorKind, EventKind, RunStatus, TaskStatus
from ppacer.protocol import Claim, Outcome
from ppacer.services.errors import SchedulerUnavailable


async def test_a_run_in_flight_goes_on_and_nothing_finished_is_run_again(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b", after="a"), kit.task("c", after="b")))
    scheduler = await place.scheduler(program)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    assert await client.work(1) == ["a"]
    held = await client.claim_one()
    await place.crash(scheduler)

    again = await place.scheduler(program)
    client.send = again.exchange
    assert again.health().epoch == scheduler.health().epoch + 1
    assert await client.report(held, output=2) == 200
    assert await client.work(1) == ["c"]
    assert (await kit.ended(again, run.id)).status is RunStatus.SUCCESS
    assert [row.number for row in again.store.attempts(run.id)] == [1, 1, 1]


async def test_a_live_lease_gets_one_full_term_and_then_is_lost(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    clock = kit.clock(2_000_000_000_000_000)
    scheduler = await place.scheduler(program, clock=clock, lease=30.0)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    lost = await client.claim_one()
    await place.crash(scheduler)
    clock.set(clock.now() + 40_000_000)

    begun = time.monotonic()
    again = await place.scheduler(program, clock=clock, lease=0.3)
    assert [event.kind for event in again.store.events(run.id)][-1] is EventKind.LEASE_RESTORED
    client.send = again.exchange
    second = await client.claim_one()
    assert time.monotonic() - begun >= 0.3
    assert second.number == 2
    assert second.token > lost.token
    assert await client.report(lost) == 409


async def test_attempts_of_an_executor_within_the_program_are_known_to_have_died(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange_in_program, program)
    lost = await client.claim_one()
    assert scheduler.executors()[0].in_program
    await place.crash(scheduler)

    again = await place.scheduler(program, lease=kit.for_ever)
    client.send = again.exchange_in_program
    second = await client.claim_one()
    assert second.number == 2
    assert await client.report(lost) == 409
    [first, _] = again.store.attempts(run.id)
    assert first.status is AttemptStatus.LOST
    assert "ended with the program" in first.error


async def test_a_claim_repeated_after_a_restart_is_answered_with_the_same_attempts(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b"), kit.task("c")))
    scheduler = await place.scheduler(program)
    await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    request = client.request(claim=Claim(2, 0))
    first = await client.ask(request)
    await place.crash(scheduler)

    client.send = (await place.scheduler(program)).exchange
    again = await client.ask(request)
    assert {one.attempt: one.token for one in again.assignments} == {
        one.attempt: one.token for one in first.assignments
    }
    assert await client.report(again.assignments[0]) == 200


async def test_a_report_repeated_after_a_restart_is_accepted(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b", after="a")))
    scheduler = await place.scheduler(program)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    one = await client.claim_one()
    assert await client.report(one) == 200
    await place.crash(scheduler)

    again = await place.scheduler(program)
    client.send = again.exchange
    events = again.store.events(run.id)
    assert await client.report(one) == 200
    assert await client.report(one, Outcome.FAILED) == 409
    assert [ack.status for ack in await client.log(one, "late")] == [200]
    assert again.store.events(run.id) == events


async def test_queued_runs_keep_their_order_and_their_limit(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program)
    runs = [await scheduler.trigger("d") for _ in range(3)]
    await place.crash(scheduler)

    again = await place.scheduler(program)
    assert (again.health().active_runs, again.health().queued_runs) == (1, 2)
    client = kit.client(again.exchange, program)
    seen = []
    for _ in runs:
        [one] = await client.claim(8)
        seen.append(one.run.id)
        await client.report(one)
    assert seen == [run.id for run in runs]


@pytest.mark.parametrize("jump", [0, -3600])
async def test_a_retry_waits_out_its_delay_and_no_longer(place, kit, jump: int) -> None:
    """Also if the clock has been set back meanwhile."""
    task = kit.task("a", retries=1, retry_delay=timedelta(milliseconds=300))
    program = kit.program(kit.dag("d", task))
    clock = kit.clock(2_000_000_000_000_000)
    scheduler = await place.scheduler(program, clock=clock)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    await client.report(await client.claim_one(), Outcome.FAILED)
    assert scheduler.store.tasks(run.id)[0].status is TaskStatus.RETRYING
    await place.crash(scheduler)

    clock.set(clock.now() + jump * 1_000_000)
    client.send = (await place.scheduler(program, clock=clock)).exchange
    assert (await client.claim_one()).number == 2


async def test_a_cancel_survives(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a"), kit.task("b", after="a")))
    scheduler = await place.scheduler(program)
    run = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, program)
    held = await client.claim_one()
    await scheduler.cancel_run(run.id)
    await place.crash(scheduler)

    again = await place.scheduler(program)
    client.send = again.exchange
    answer = await client.ask(client.request(claim=Claim(7, kit.for_ever)))
    assert answer.cancel == (held.attempt,)
    await client.report(held, Outcome.CANCELLED)
    assert (await kit.ended(again, run.id)).status is RunStatus.CANCELLED


async def test_an_alerting_restart_tells_how_it_stands(place, kit, caplog) -> None:
    caplog.set_level(logging.INFO, "ppacer")
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program)
    await scheduler.trigger("d")
    await place.crash(scheduler)
    await place.scheduler(program)
    assert "new: d" in caplog.messages
    assert "going on with 1 active and 0 queued runs" in caplog.messages


# --- another build ---------------------------------------------------------------------------------------------------


async def test_a_run_keeps_the_graph_it_began_with(place, kit) -> None:
    old = kit.program(kit.dag("d", kit.task("a"), kit.task("b", after="a")), build="b1")
    scheduler = await place.scheduler(old)
    run = await scheduler.trigger("d")
    queued = await scheduler.trigger("d")
    client = kit.client(scheduler.exchange, old)
    await client.work(1)
    await place.crash(scheduler)

    new = kit.program(kit.dag("d", kit.task("x")), build="b2")
    again = await place.scheduler(new)
    client = kit.client(again.exchange, new)
    assert await client.work(3) == ["b", "a", "b"]
    third = await again.trigger("d")
    assert await client.work(1) == ["x"]
    for one, build in ((run, "b1"), (queued, "b1"), (third, "b2")):
        done = await kit.ended(again, one.id)
        assert (done.status, done.build) == (RunStatus.SUCCESS, build)
    assert [task.id for task in (await again.dag_of(run)).tasks] == ["a", "b"]


async def test_a_removed_dag_finishes_on_an_executor_of_its_own_build(place, kit, caplog) -> None:
    old = kit.program(kit.dag("gone", kit.task("a")), kit.dag("d", kit.task("a")), build="b1", code="c1")
    scheduler = await place.scheduler(old)
    run = await scheduler.trigger("gone")
    await place.crash(scheduler)

    new = kit.program(kit.dag("d", kit.task("a")), build="b2", code="c2")
    again = await place.scheduler(new, code_grace=60.0)
    removed = {row.dag: row.removed_at for row in again.store.dags()}
    assert removed["gone"] is not None
    assert removed["d"] is None
    old_client = kit.client(again.exchange, old)
    new_client = kit.client(again.exchange, new)
    assert await new_client.claim(8, wait=0.05) == []
    held = await old_client.claim_one()
    kit.leap(100.0)
    assert await old_client.report(held) == 200
    assert (await kit.ended(again, run.id)).status is RunStatus.SUCCESS
    assert "waits for its code" not in caplog.text


async def test_code_that_nobody_has_any_more_fails_the_run_after_the_grace(place, kit, caplog) -> None:
    old = kit.program(kit.dag("gone", kit.task("a", retries=5)), kit.dag("d", kit.task("a")), build="b1", code="c1")
    scheduler = await place.scheduler(old)
    run = await scheduler.trigger("gone")
    await place.crash(scheduler)

    new = kit.program(kit.dag("d", kit.task("a")), build="b2", code="c2")
    again = await place.scheduler(new, code_grace=0.3)
    assert (await kit.ended(again, run.id)).status is RunStatus.FAILED
    [attempt] = again.store.attempts(run.id)
    assert attempt.error_kind is ErrorKind.CODE_GONE
    assert "no executor has had the code of" in attempt.error
    assert "of build b1 for 0.3 s; start the program of that build as `executor`" in attempt.error
    assert "a run of an earlier build waits for its code of" in caplog.text


async def test_code_of_the_program_itself_is_waited_for(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program, code_grace=0.05)
    run = await scheduler.trigger("d")
    await asyncio.sleep(0.2)
    assert scheduler.store.run(run.id).status is RunStatus.RUNNING
    assert await kit.client(scheduler.exchange, program).work(1) == ["a"]


async def test_a_build_that_cannot_be_read_ends_its_runs_and_says_so(place, kit) -> None:
    old = kit.program(kit.dag("d", kit.task("a")), build="b1")
    scheduler = await place.scheduler(old)
    active, queued = await scheduler.trigger("d"), await scheduler.trigger("d")
    held = await kit.client(scheduler.exchange, old).claim_one()
    with scheduler.store._database.transaction() as connection:
        connection.execute(text('UPDATE builds SET spec = \'{"$":"Nonsense"}\''))
    await place.crash(scheduler)

    again = await place.scheduler(kit.program(kit.dag("d", kit.task("a")), build="b2"))
    for run in (active, queued):
        ended = await kit.ended(again, run.id)
        assert ended.status is RunStatus.FAILED
        assert "build b1" in ended.reason
    assert [row.status for row in again.store.attempts(active.id)] == [AttemptStatus.LOST]
    client = kit.client(again.exchange, old)
    assert await client.report(held) == 409
    assert again.health().active_runs == 0
    await again.trigger("d")
    assert await client.work(1) == ["a"]


async def test_two_schedulers_on_one_database(place, kit) -> None:
    """The older one finds out with its next write, can do no harm, and says so."""
    program = kit.program(kit.dag("d", kit.task("a")))
    first = await place.scheduler(program)
    second = await place.scheduler(program)
    with pytest.raises(SchedulerUnavailable, match="taken the lead"):
        await first.trigger("d")
    with pytest.raises(Exception, match="taken the lead"):
        await asyncio.wait_for(first.wait_failed(), kit.bound)
    assert second.store.active_runs() == []
    await second.trigger("d")
    assert await kit.client(second.exchange, program).work(1) == ["a"]
