"""Databases that fail and schedulers that die, at every single commit: nothing is lost, nothing finished runs again."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta

import pytest

from ppacer.core.model import AttemptStatus, EventKind, RunStatus
from ppacer.protocol import Claim, Outcome
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.scheduler import Condition
from ppacer.store import DiskFull, Unavailable

TASKS = ("a", "b", "c", "d")


def program_of(kit):
    return kit.program(
        kit.dag(
            "d",
            kit.task("a"),
            kit.task("b", after="a", retries=1, retry_delay=timedelta(milliseconds=20)),
            kit.task("c", after="a"),
            kit.task("d", after="b c"),
        )
    )


async def work_until_done(client, run_id: str, store, fail_first: set[str]) -> Counter[str]:
    """An executor that sends everything again until it is answered. Counts the acknowledged successes."""
    done: Counter[str] = Counter()
    while (run := store().run(run_id)) is None or not run.status.terminal:
        for one in await client.claim(4, wait=0.2):
            if one.task in fail_first:
                fail_first.discard(one.task)
                await client.report(one, Outcome.FAILED, error="boom")
                continue
            exchange = client.request(reports=(client.reported(one, output=one.number),), logs=())
            [ack] = (await client.ask(exchange)).reports
            done[one.task] += ack.status == 200
    return done


def check_history(store, run_id: str) -> None:
    """The rows agree with the history, and no task went on after it had succeeded."""
    events = store.events(run_id)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    finished: Counter[str] = Counter()
    for event in events:
        payload = json.loads(event.payload)
        if event.kind is EventKind.TASK_FINISHED:
            finished[payload["task"]] += 1
        elif "task" in payload:
            assert finished[payload["task"]] == 0, "something happened to a task after its end"
    assert finished == Counter(TASKS)
    attempts = store.attempts(run_id)
    assert all(attempt.status.terminal for attempt in attempts)
    successes = Counter(attempt.task for attempt in attempts if attempt.status is AttemptStatus.SUCCESS)
    assert successes == Counter(TASKS)


@pytest.mark.parametrize("durable", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, 11))
async def test_a_commit_that_fails(place, kit, nth: int, durable: bool) -> None:
    """`after`: the transaction was committed, but its answer was lost."""
    program = program_of(kit)
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange, program)
    real, count = scheduler.store.write, 0

    def write(writes):
        nonlocal count
        count += 1
        if count == nth:
            if durable:
                real(writes)
            raise Unavailable("the disk went away")
        real(writes)

    scheduler.store.write = write
    while True:
        try:
            run = await scheduler.trigger("d", idempotency_key="once")
            break
        except SchedulerUnavailable:
            await asyncio.sleep(0.01)
    done = await work_until_done(client, run.id, lambda: scheduler.store, {"b"})
    assert count >= nth, "the fault was never reached"
    assert done == Counter(TASKS)
    assert scheduler.store.run(run.id).status is RunStatus.SUCCESS
    assert len(scheduler.store.runs()) == 1
    check_history(scheduler.store, run.id)
    assert not [a for a in scheduler.store.attempts(run.id) if a.status is AttemptStatus.LOST]


@pytest.mark.parametrize("durable", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("nth", range(1, 11))
async def test_a_scheduler_that_dies_at_a_commit(place, kit, nth: int, durable: bool) -> None:
    program = program_of(kit)
    current = [await place.scheduler(program)]
    died = asyncio.Event()
    loop = asyncio.get_running_loop()
    real, count = current[0].store.write, 0

    def write(writes):
        nonlocal count
        count += 1
        if count >= nth:
            if durable and count == nth:
                real(writes)
            loop.call_soon_threadsafe(died.set)
            raise Unavailable("killed")
        real(writes)

    async def replace() -> None:
        await died.wait()
        old = current.pop()
        await place.crash(old)
        current.append(await place.scheduler(program))

    async def send(exchange):
        if not current:
            raise SchedulerUnavailable("nobody there")
        return await current[0].exchange(exchange)

    current[0].store.write = write
    replacing = asyncio.create_task(replace())
    client = kit.client(send, program)
    while True:
        try:
            run = await current[0].trigger("d", idempotency_key="once")
            break
        except (SchedulerUnavailable, IndexError):
            await asyncio.sleep(0.01)
    store = lambda: current[0].store if current else Missing()  # noqa: E731
    done = await work_until_done(client, run.id, store, {"b"})
    assert died.is_set(), "the fault was never reached"
    await replacing
    assert done == Counter(TASKS)
    assert len(current[0].store.runs()) == 1
    check_history(current[0].store, run.id)


class Missing:
    def run(self, run_id: str) -> None:
        return None


async def test_a_database_that_comes_back(place, kit, caplog) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange, program)
    real = scheduler.store.write

    def full(writes):
        raise DiskFull("no space left on the disk")

    scheduler.store.write = full
    with pytest.raises(SchedulerUnavailable, match="no space left"):
        await scheduler.trigger("d")
    assert scheduler.health().condition is Condition.STALLED
    assert scheduler.health().message == "no space left on the disk"
    with pytest.raises(SchedulerUnavailable, match="no space left"):
        await client.send(client.request(claim=Claim(1, 0)))
    assert "no space left on the disk" in caplog.text
    scheduler.store.write = real
    await kit.until(lambda: scheduler.health().condition is Condition.READY)
    assert "everything goes on" in caplog.text
    await scheduler.trigger("d")
    assert await client.work(1) == ["a"]
    assert len(scheduler.store.runs()) == 1


async def test_long_polls_are_let_go_when_the_database_fails(place, kit) -> None:
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program)
    client = kit.client(scheduler.exchange, program)
    poll = asyncio.create_task(client.send(client.request(claim=Claim(1, kit.for_ever))))
    await asyncio.sleep(0.01)

    def broken(writes):
        raise Unavailable("broken")

    real, scheduler.store.write = scheduler.store.write, broken
    with pytest.raises(SchedulerUnavailable):
        await scheduler.trigger("d")
    with pytest.raises(SchedulerUnavailable):
        await asyncio.wait_for(poll, kit.bound)
    scheduler.store.write = real


async def test_a_fault_of_the_program_costs_the_memory_only(place, kit, caplog) -> None:
    """What a turn that raised had changed is forgotten; the database's state is loaded."""
    program = kit.program(kit.dag("d", kit.task("a")))
    scheduler = await place.scheduler(program)
    run = await scheduler.trigger("d")

    def broken(*args: object) -> None:
        raise ZeroDivisionError("a bug")

    scheduler._engine.tasks._leases.watch = broken
    client = kit.client(scheduler.exchange, program)
    with pytest.raises(ZeroDivisionError):
        await client.send(client.request(claim=Claim(1, 0)))
    assert scheduler.health().condition is Condition.STALLED
    assert await client.work(1) == ["a"]
    assert (await kit.ended(scheduler, run.id)).status is RunStatus.SUCCESS
    assert "in doubt" in caplog.text


async def test_a_database_that_does_not_take_part_at_the_start(place, kit) -> None:
    scheduler = place.closed_scheduler(kit.program(kit.dag("d", kit.task("a"))))

    def full(writes):
        raise DiskFull("no space left on the disk")

    scheduler.store.write = full
    with pytest.raises(DiskFull):
        await scheduler.start()
    with pytest.raises(SchedulerUnavailable):
        await scheduler.trigger("d")
