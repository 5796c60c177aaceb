"""Manual runs, and the news that followers get."""

from __future__ import annotations

import asyncio
import logging

import pytest

from ppacer import spec
from ppacer.core.model import RunKind, RunStatus
from ppacer.protocol import Outcome
from ppacer.services.errors import InvalidTrigger, RunFinished, UnknownDag, UnknownRun


async def begin(place, kit, *dags):
    program = kit.program(*(dags or (kit.dag("d", kit.task("a")),)))
    scheduler = await place.scheduler(program)
    return scheduler, kit.client(scheduler.exchange, program)


async def test_a_trigger_is_durable_when_it_is_answered(place, kit) -> None:
    scheduler, _ = await begin(place, kit)
    run = await scheduler.trigger("d", scheduled_at=123, actor="ann")
    stored = scheduler.store.run(run.id)
    assert (stored.kind, stored.scheduled_at, stored.actor, stored.build) == (RunKind.MANUAL, 123, "ann", "b1")
    assert stored.status is RunStatus.RUNNING


async def test_a_key_makes_one_run(place, kit) -> None:
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a")), kit.dag("e", kit.task("a")))
    runs = await asyncio.gather(*(scheduler.trigger("d", idempotency_key="k") for _ in range(5)))
    assert len({run.id for run in runs}) == 1
    other = await scheduler.trigger("e", idempotency_key="k")
    assert other.id != runs[0].id
    await client.work(2)
    await place.crash(scheduler)
    again = await place.scheduler(client.program)
    found = await again.trigger("d", idempotency_key="k")
    assert (found.id, found.status) == (runs[0].id, RunStatus.SUCCESS)


async def test_what_is_no_trigger_is_refused(place, kit) -> None:
    text = spec.ParamType(spec.ParamKind.STR)
    params = (spec.Param("must", text, kit.at), spec.Param("may", text, kit.at, spec.Literal("x", kit.at)))
    free = (spec.Param("must", spec.ParamType(spec.ParamKind.JSON), kit.at),)
    dags = (kit.dag("d", kit.task("a")), kit.dag("p", kit.task("a"), params=params))
    scheduler, client = await begin(place, kit, *dags, kit.dag("j", kit.task("a"), params=free))
    with pytest.raises(UnknownDag, match="no dag nope in this program"):
        await scheduler.trigger("nope")
    with pytest.raises(InvalidTrigger, match="dag d has no parameter x; it has none"):
        await scheduler.trigger("d", params={"x": 1})
    with pytest.raises(InvalidTrigger, match="dag p has no parameter x; it has must, may"):
        await scheduler.trigger("p", params={"x": 1})
    with pytest.raises(InvalidTrigger, match="needs a value for its parameter must"):
        await scheduler.trigger("p")
    with pytest.raises(InvalidTrigger, match="parameter must of dag p takes a text, not 5"):
        await scheduler.trigger("p", params={"must": 5})
    with pytest.raises(InvalidTrigger, match="has no JSON"):
        await scheduler.trigger("j", params={"must": object()})
    with pytest.raises(InvalidTrigger, match="1 to 200"):
        await scheduler.trigger("d", idempotency_key="k" * 201)
    with pytest.raises(InvalidTrigger, match="1 to 200"):
        await scheduler.trigger("d", actor="")
    assert scheduler.store.runs() == []
    run = await scheduler.trigger("p", params={"must": "m"})
    assert run.params == '{"must":"m","may":"x"}'
    assert (await client.claim_one()).run.params == run.params


async def test_what_cannot_be_cancelled(place, kit) -> None:
    scheduler, client = await begin(place, kit)
    with pytest.raises(UnknownRun):
        await scheduler.cancel_run("nope")
    run = await scheduler.trigger("d")
    await client.work(1)
    with pytest.raises(RunFinished, match="success"):
        await scheduler.cancel_run(run.id)


async def test_a_follower_hears_of_each_commit_of_its_run(place, kit) -> None:
    scheduler, client = await begin(place, kit)
    with pytest.raises(UnknownRun):
        await scheduler.run_changed("nope", 0, wait=1)
    run = await scheduler.trigger("d")
    seq = await scheduler.run_changed(run.id, 0, wait=0)
    assert seq == scheduler.store.events(run.id)[-1].seq
    assert await scheduler.run_changed(run.id, seq, wait=0.02) == seq
    follower = asyncio.create_task(scheduler.run_changed(run.id, seq, wait=kit.for_ever))
    await asyncio.sleep(0)
    await client.claim_one()
    assert await asyncio.wait_for(follower, kit.bound) > seq


async def test_a_follower_of_everything(place, kit) -> None:
    scheduler, _ = await begin(place, kit)
    count = await scheduler.changed(-1, wait=kit.for_ever)
    assert await scheduler.changed(count, wait=0.02) == count
    follower = asyncio.create_task(scheduler.changed(count, wait=kit.for_ever))
    await asyncio.sleep(0)
    await scheduler.trigger("d")
    assert await follower > count
    assert await scheduler.changed(10**9, wait=kit.for_ever) < 10**9


async def test_a_follower_of_a_log_hears_of_its_entries_and_of_the_end(place, kit) -> None:
    scheduler, client = await begin(place, kit)
    await scheduler.trigger("d")
    one = await client.claim_one()
    follower = asyncio.create_task(scheduler.log_changed(one.attempt, 0, wait=kit.for_ever))
    await asyncio.sleep(0.01)
    await client.log(one, "one", "two")
    assert await follower == 2
    follower = asyncio.create_task(scheduler.log_changed(one.attempt, 2, wait=kit.for_ever))
    await asyncio.sleep(0.01)
    await client.report(one)
    assert await follower == 2
    assert await scheduler.log_changed(one.attempt, 2, wait=kit.for_ever) == 2


async def test_the_log_tells_calmly_what_happens(place, kit, caplog) -> None:
    caplog.set_level(logging.INFO, "ppacer")
    scheduler, client = await begin(place, kit, kit.dag("d", kit.task("a", retries=1)))
    run = await scheduler.trigger("d")
    for _ in range(2):
        trace = (
            'Traceback (most recent call last):\n  File "x.py", line 3, in f\n    1/0\nZeroDivisionError: oops\nnote'
        )
        await client.report(await client.claim_one(), Outcome.FAILED, error=trace)
    await kit.until(lambda: "ended: failed" in caplog.text)
    name = f"d [{run.id[-8:]}]"
    told = [(record.levelname, record.getMessage()) for record in caplog.records][1:]
    assert told[0] == ("INFO", f"{name} started (run {run.id})")
    retry = f"{name}, task a, attempt 1: failed, to be tried again at once: ZeroDivisionError: oops"
    assert told[1] == ("WARNING", retry)
    assert told[2] == ("ERROR", f"alert: {name}, task a, attempt 2: failed: ZeroDivisionError: oops")
    assert told[3] == ("ERROR", f"alert: {name}: failed")
    assert told[4][1].startswith(f"{name} ended: failed in ")
