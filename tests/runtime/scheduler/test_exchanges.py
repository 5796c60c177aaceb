"""The executors' protocol, from the scheduler's side."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from ppacer import spec
from ppacer.core.model import AttemptStatus, ErrorKind, RunStatus
from ppacer.protocol import OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Claim, ExchangeAnswer, Outcome
from ppacer.services.errors import SchedulerUnavailable, UnsupportedProtocol


async def begin(place, kit, *tasks, **settings):
    program = kit.program(kit.dag("d", *tasks))
    scheduler = await place.scheduler(program, **settings)
    return scheduler, kit.client(scheduler.exchange, program)


async def test_a_chain_is_carried_from_claim_to_claim(place, kit) -> None:
    read = (spec.Attribute(spec.Output("a", kit.at), "rows", kit.at),)
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b", after="a", args=read))
    run = await scheduler.trigger("d")
    first = await client.claim_one()
    assert (first.task, first.number, first.args, first.kwargs) == ("a", 1, "[]", "{}")
    assert first.where == "task a of dag d (p.ppd:1)"
    assert (first.run.id, first.run.dag, first.run.scheduled_at) == (run.id, "d", run.scheduled_at)
    request = client.request(reports=(client.reported(first, output={"rows": 7}),), claim=Claim(1, 0))
    answer = await client.ask(request)
    assert [ack.status for ack in answer.reports] == [200]
    [second] = answer.assignments
    assert (second.task, second.args) == ("b", "[7]")
    assert second.token > first.token
    await client.report(second)
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS


async def test_a_long_poll_is_answered_as_soon_as_an_attempt_is_ready(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    poll = asyncio.create_task(client.claim(8, wait=kit.for_ever))
    await asyncio.sleep(0)
    await scheduler.trigger("d")
    assert [one.task for one in await asyncio.wait_for(poll, kit.bound)] == ["a"]


async def test_a_long_poll_ends_empty_when_its_time_is_over(place, kit) -> None:
    _, client = await begin(place, kit, kit.task("a"))
    assert await client.claim(1, wait=0.05) == []
    assert await client.claim(0, wait=0.05) == []


async def test_a_long_poll_is_answered_when_a_retry_comes_due(place, kit) -> None:
    task = kit.task("a", retries=1, retry_delay=timedelta(milliseconds=80))
    scheduler, client = await begin(place, kit, task)
    await scheduler.trigger("d")
    begun = time.monotonic()
    await client.report(await client.claim_one(), Outcome.FAILED, error="boom")
    [again] = await asyncio.wait_for(client.claim(1, wait=kit.for_ever), kit.bound)
    assert again.number == 2
    assert time.monotonic() - begun > 0.07


async def test_a_repeated_claim_is_answered_with_the_same_attempts(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b"), kit.task("c"))
    await scheduler.trigger("d")
    request = client.request(claim=Claim(2, 0))
    first = await client.ask(request)
    assert len(first.assignments) == 2
    assert (await client.ask(request)).assignments == first.assignments
    await client.report(first.assignments[0])
    assert (await client.ask(request)).assignments == first.assignments[1:]
    await client.report(first.assignments[1])
    assert (await client.ask(request)).assignments == ()


async def test_a_request_that_got_nothing_gets_nothing_later(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    request = client.request(claim=Claim(1, 0))
    assert (await client.ask(request)).assignments == ()
    await scheduler.trigger("d")
    assert (await client.ask(request)).assignments == ()
    assert len(await client.claim(1)) == 1


async def test_a_request_repeated_while_it_is_under_way_gets_the_same_answer(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b"))
    request = client.request(claim=Claim(1, kit.for_ever))
    both = [asyncio.create_task(client.ask(request)) for _ in range(2)]
    await asyncio.sleep(0.01)
    await scheduler.trigger("d")
    first, second = await asyncio.gather(*both)
    assert len(first.assignments) == 1
    assert first == second


async def test_a_poll_is_closed_by_the_same_request_without_a_wait(place, kit) -> None:
    _, client = await begin(place, kit, kit.task("a"))
    request = client.request(claim=Claim(1, kit.for_ever))
    poll = asyncio.create_task(client.ask(request))
    await asyncio.sleep(0.01)
    await client.ask(replace(request, claim=Claim(0, 0)))
    assert (await asyncio.wait_for(poll, kit.bound)).assignments == ()


async def test_an_executor_that_says_that_it_is_leaving_is_handed_nothing_more(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    poll = asyncio.create_task(client.ask(client.request(claim=Claim(1, kit.for_ever))))
    await asyncio.sleep(0.01)
    await client.ask(replace(client.request(), capacity=0))
    assert (await asyncio.wait_for(poll, kit.bound)).assignments == ()
    await scheduler.trigger("d")
    [leaving] = scheduler.executors()
    assert (leaving.capacity, leaving.running) == (0, 0)


async def test_a_closed_connection_is_handed_nothing(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    poll = asyncio.create_task(client.send(client.request(claim=Claim(1, kit.for_ever))))
    await asyncio.sleep(0.01)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    await scheduler.trigger("d")
    assert len(await client.claim(1)) == 1


async def test_what_was_handed_to_a_connection_that_closed_can_be_asked_for_again(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    request = client.request(claim=Claim(1, kit.for_ever))
    poll = asyncio.create_task(client.send(request))
    await asyncio.sleep(0.01)
    trigger = asyncio.create_task(scheduler.trigger("d"))
    await kit.until(lambda: scheduler.health().running_attempts == 1)
    poll.cancel()
    await asyncio.gather(poll, trigger, return_exceptions=True)
    assert [one.task for one in (await client.ask(request)).assignments] == ["a"]


async def test_a_report_that_was_accepted_is_accepted_again(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b"))
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    for _ in range(3):
        assert await client.report(one, output=1) == 200
    events = scheduler.store.events(run.id)
    assert await client.report(one, Outcome.FAILED) == 409
    assert scheduler.store.events(run.id) == events
    exchange = client.request(reports=(client.reported(one), client.reported(one)))
    assert [ack.status for ack in (await client.ask(exchange)).reports] == [200, 200]


async def test_two_reports_of_one_attempt_at_the_same_moment(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    assert await asyncio.gather(*(client.report(one) for _ in range(5))) == [200] * 5
    assert [row.number for row in scheduler.store.attempts(run.id)] == [1]


async def test_a_stale_token_changes_nothing(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    before = (scheduler.store.tasks(run.id), scheduler.store.attempts(run.id), scheduler.store.events(run.id))
    for other in (replace(one, token=one.token - 1), replace(one, token=one.token + 1), replace(one, token=0)):
        assert await client.report(other) == 409
        assert [ack.status for ack in (await client.renew(other)).renewals] == [409]
        assert [ack.status for ack in await client.log(other, "no")] == [409]
    assert before == (scheduler.store.tasks(run.id), scheduler.store.attempts(run.id), scheduler.store.events(run.id))
    assert scheduler.logs.read(one.attempt) == []
    unknown = replace(one, attempt="0" * 36)
    assert await client.report(unknown) == 409
    assert await client.report(one) == 200


async def test_an_expired_lease_is_rescued_and_its_report_refused(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), lease=0.2)
    run = await scheduler.trigger("d")
    lost = await client.claim_one()
    kit.grant(scheduler, kit.for_ever)
    again = await client.claim_one()
    assert (again.task, again.number) == ("a", 2)
    assert await client.report(lost) == 409
    assert [ack.status for ack in (await client.renew(lost)).renewals] == [409]
    assert await client.report(again) == 200
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    [first, second] = scheduler.store.attempts(run.id)
    assert (first.status, first.error_kind) == (AttemptStatus.LOST, ErrorKind.LOST)
    assert "nothing was heard of executor host-1 for 0.2 s" in first.error
    assert second.status is AttemptStatus.SUCCESS


async def test_time_in_which_the_scheduler_heard_nobody_does_not_count(place, kit) -> None:
    """It was suspended, say, for longer than a lease, while the executor's renewals waited to be read."""
    scheduler, client = await begin(place, kit, kit.task("a"), lease=30.0)
    await scheduler.trigger("d")
    one = await client.claim_one()
    renewing: list[asyncio.Task[ExchangeAnswer]] = []
    asyncio.get_running_loop().call_later(20.0, lambda: renewing.append(asyncio.create_task(client.renew(one))))
    kit.leap(100.0)  # this is the fault: nothing in this program went on
    await kit.until(lambda: bool(renewing))
    assert [ack.status for ack in (await renewing[0]).renewals] == [200]
    assert await client.report(one) == 200


async def test_renewed_leases_last(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), lease=30.0)
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    [before] = scheduler.store.attempts(run.id)
    for _ in range(8):
        kit.leap(10.0)
        assert [ack.status for ack in (await client.renew(one)).renewals] == [200]
    [after] = scheduler.store.attempts(run.id)
    assert after.lease_until > before.lease_until
    assert await client.report(one) == 200
    assert len(scheduler.store.attempts(run.id)) == 1


async def test_logs_are_kept_once(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    await scheduler.trigger("d")
    one = await client.claim_one()
    for _ in range(2):
        assert [ack.status for ack in await client.log(one, "one", "two")] == [200]
    await client.report(one)
    assert [ack.status for ack in await client.log(one, "one", "two", "late")] == [200]
    assert [entry.message for entry in scheduler.logs.read(one.attempt)] == ["one", "two", "late"]


async def test_what_comes_at_once_is_shared_by_those_who_wait(place, kit) -> None:
    scheduler, client = await begin(place, kit, *(kit.task(name) for name in "abcdef"))
    other = kit.client(scheduler.exchange, client.program)
    polls = [asyncio.create_task(one.claim(8)) for one in (client, other)]
    await asyncio.sleep(0.01)
    await scheduler.trigger("d")
    assert [len(assignments) for assignments in await asyncio.gather(*polls)] == [3, 3]


async def test_no_more_is_handed_out_than_was_asked_for(place, kit) -> None:
    scheduler, client = await begin(place, kit, *(kit.task(name) for name in "abcdef"))
    poll = asyncio.create_task(client.claim(4))
    await asyncio.sleep(0.01)
    await scheduler.trigger("d")
    assert len(await poll) == 4
    assert len(await client.claim(4)) == 2


async def test_by_priority_and_then_by_age(place, kit) -> None:
    tasks = [kit.task("low", priority=-1), kit.task("one"), kit.task("two"), kit.task("high", priority=9)]
    scheduler, client = await begin(place, kit, *tasks)
    await scheduler.trigger("d")
    assert [one.task for one in await client.claim(4)] == ["high", "one", "two", "low"]


async def test_attempts_go_to_executors_with_their_code_and_labels(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b", runs_on=("gpu",)))
    await scheduler.trigger("d")
    stranger, gpu = (kit.client(scheduler.exchange, client.program) for _ in range(2))
    stranger.codes = {"m:f": "other"}
    gpu.labels = ("gpu", "big")
    assert await stranger.claim(8, wait=0.05) == []
    assert [one.task for one in await client.claim(8)] == ["a"]
    assert await client.claim(8, wait=0.05) == []
    assert [one.task for one in await gpu.claim(8)] == ["b"]


async def test_codes_need_not_be_told_again(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b"))
    codes, client.codes = client.codes, {}
    await scheduler.trigger("d")
    assert await client.claim(1, wait=0) == []
    client.codes = codes
    [first] = await client.claim(1, wait=0)
    client.codes = {}
    [second] = await client.claim(1, wait=0)
    assert {first.task, second.task} == {"a", "b"}


async def test_arguments_without_a_value_fail_the_task_where_it_stands(place, kit) -> None:
    bad = (spec.Attribute(spec.Output("a", kit.at), "rows", spec.At(12, 8)),)
    scheduler, client = await begin(
        place, kit, kit.task("a"), kit.task("b", after="a", args=bad, retries=3), kit.task("c", after="a")
    )
    run = await scheduler.trigger("d")
    await client.report(await client.claim_one(), output={"lines": 1})
    assert [one.task for one in await client.claim(8)] == ["c"]
    [failed] = scheduler.store.attempts(run.id, "b")
    assert failed.error_kind is ErrorKind.ARGUMENTS
    assert 'task b of dag d (p.ppd:1): the object has no "rows"' in failed.error
    assert "p.ppd:12:8" in failed.error


async def test_an_exchange_with_news_is_answered_at_once(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    await scheduler.trigger("d")
    one = await client.claim_one()
    request = client.request(reports=(client.reported(one),), claim=Claim(1, kit.for_ever))
    assert (await asyncio.wait_for(client.ask(request), kit.bound)).assignments == ()


async def test_another_protocol_is_refused(place, kit) -> None:
    _, client = await begin(place, kit, kit.task("a"))
    for version in (OLDEST_PROTOCOL_VERSION - 1, PROTOCOL_VERSION + 1):
        with pytest.raises(UnsupportedProtocol, match=f"version {version}"):
            await client.send(replace(client.request(), protocol=version))


async def test_a_stopping_scheduler_answers_its_long_polls(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    poll = asyncio.create_task(client.send(client.request(claim=Claim(1, kit.for_ever))))
    await asyncio.sleep(0.01)
    await asyncio.wait_for(place.stop(scheduler), kit.bound)
    assert (await asyncio.wait_for(poll, kit.bound)).assignments == ()
    with pytest.raises(SchedulerUnavailable):
        await client.send(client.request())


async def test_executors_are_listed_while_they_are_heard_of(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    await scheduler.trigger("d")
    await client.claim_one()
    [seen] = scheduler.executors()
    assert (seen.name, seen.instance, seen.capacity, seen.running) == ("host-1", client.instance, 8, 1)
    assert not seen.in_program
    assert scheduler.health().executors == 1


# --- cancel ----------------------------------------------------------------------------------------------------------


async def test_a_cancel_reaches_the_executor_through_its_long_poll(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b", after="a"))
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    poll = asyncio.create_task(client.ask(client.request(claim=Claim(7, kit.for_ever))))
    await asyncio.sleep(0.01)
    cancelled = await scheduler.cancel_run(run.id, actor="ann")
    assert (cancelled.status, cancelled.reason) == (RunStatus.RUNNING, "cancelled by ann")
    assert (await asyncio.wait_for(poll, kit.bound)).cancel == (one.attempt,)
    assert (await client.renew(one)).cancel == (one.attempt,)
    assert await client.claim(7, wait=0.05) == []
    assert await client.report(one, Outcome.CANCELLED) == 200
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.CANCELLED
    assert (await client.ask(client.request())).cancel == ()


async def test_an_executor_without_a_free_slot_hears_of_a_cancel_too(place, kit) -> None:
    """It asks for no slots; what is ready meanwhile is nothing to it."""
    scheduler, client = await begin(place, kit, kit.task("a"), kit.task("b"))
    run = await scheduler.trigger("d")
    one = await client.claim_one()
    poll = asyncio.create_task(client.ask(client.request(claim=Claim(0, kit.for_ever))))
    await asyncio.sleep(0)
    [other] = await client.claim(1)
    assert not poll.done()
    await scheduler.cancel_task(run.id, "a")
    answer = await asyncio.wait_for(poll, kit.bound)
    assert (answer.assignments, answer.cancel) == ((), (one.attempt,))
    assert await client.report(other) == 200


async def test_a_cancelled_run_makes_room_for_the_next(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    first, second = await scheduler.trigger("d"), await scheduler.trigger("d")
    one = await client.claim_one()
    await scheduler.cancel_run(first.id)
    assert scheduler.store.run(second.id).status is RunStatus.QUEUED
    await client.report(one, Outcome.CANCELLED)
    assert (await client.claim_one()).run.id == second.id


async def test_a_queued_run_is_cancelled_at_once(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.task("a"))
    first, second, third = [await scheduler.trigger("d") for _ in range(3)]
    assert (await scheduler.cancel_run(second.id)).status is RunStatus.CANCELLED
    assert scheduler.health().queued_runs == 1
    await client.work(2)
    assert (await kit.ended(scheduler, first.id)).status is RunStatus.SUCCESS
    assert (await kit.ended(scheduler, third.id)).status is RunStatus.SUCCESS
    assert scheduler.store.attempts(second.id) == []
