"""What happens to one attempt or run costs the same however many others there are, whatever they wait for."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

import pytest

from ppacer import spec
from ppacer.protocol import (
    Assignment,
    AttemptLog,
    Claim,
    Deferral,
    LogEntry,
    Outcome,
    Progress,
    Renewal,
    Report,
    RunRequest,
    TaskNotice,
)
from ppacer.services.scheduler import Scheduler
from tests.runtime.scheduler.test_work import Calls

LATER = 3_600_000_000
MEASURED = 3


@dataclass
class Scene:
    scheduler: Scheduler
    client: object
    held: list[Assignment]
    """Attempts that run, for whoever measures."""

    def now(self) -> int:
        return self.scheduler.clock.now()

    async def say(self, **parts: object):
        return await self.client.send(self.client.request(**parts))

    def deferred(self, assignment: Assignment, deferral: Deferral) -> Report:
        return replace(self.client.reported(assignment), outcome=Outcome.DEFERRED, output=None, deferral=deferral)


def program(kit, crowd: int) -> spec.Program:
    """`crowd` tasks of each kind that waits, runs of which most wait, dags that are idle."""
    alerted = {"notify": ("ops",), "priority": 5}
    measured = [kit.task(f"m{number}", **alerted) for number in range(MEASURED)]
    waiting = [kit.task(f"deferred{number}") for number in range(crowd)]
    running = [kit.task(f"running{number}") for number in range(crowd)]
    failing = [kit.task(f"failing{number}", notify=("ops",)) for number in range(crowd)]
    offered = [kit.task(f"offered{number}", runs_on=("gpu",)) for number in range(crowd)]
    held_back = [kit.task(f"held_back{number}", pool="narrow") for number in range(crowd)]
    idle = [
        kit.dag(f"idle{number}", kit.task("a"), schedules=(spec.Cron("0 0 1 1 *", kit.at),), deadline=None)
        for number in range(crowd)
    ]
    made = kit.program(
        kit.dag("measured", *measured, max_active_runs=100),
        kit.dag("crowd", *waiting, *running, *failing, *offered, *held_back, kit.task("last", after="running0")),
        kit.dag("queued", kit.task("a", runs_on=("gpu",)), max_active_runs=1),
        kit.dag("asked", kit.task("a", runs_on=("gpu",)), max_active_runs=100),
        *idle,
    )
    return replace(
        made,
        notifiers=(spec.Notifier("ops", "m:tell", kit.at),),
        pools=(spec.Pool("narrow", 0, kit.at),),
        labels=("gpu",),
    )


async def fill(scheduler: Scheduler, client, crowd: int) -> None:
    """Brings everybody to where they wait."""
    await scheduler.trigger("crowd")
    for _ in range(crowd):
        await scheduler.trigger("queued")
    until = scheduler.clock.now() + LATER
    got = await client.claim(3 * crowd)
    assert len(got) == 3 * crowd
    reports = []
    for each in got:
        if each.task.startswith("deferred"):
            wait = Deferral(until=until, state="1")
            reports.append(replace(client.reported(each), outcome=Outcome.DEFERRED, output=None, deferral=wait))
        elif each.task.startswith("failing"):
            reports.append(client.reported(each, Outcome.FAILED, error="E: no"))
    await client.send(client.request(reports=tuple(reports)))


async def log(scene: Scene, attempt: Assignment) -> None:
    entry = LogEntry(1, 5, "stdout", 20, "said")
    await scene.say(logs=(AttemptLog(attempt.attempt, attempt.token, (entry,)),))


async def progress(scene: Scene, attempt: Assignment) -> None:
    await scene.say(progress=(Progress(attempt.attempt, attempt.token, scene.now(), 0.5, "half"),))


async def renewal(scene: Scene, attempt: Assignment) -> None:
    await scene.say(renewals=(Renewal(attempt.attempt, attempt.token),))


async def notice(scene: Scene, attempt: Assignment) -> None:
    await scene.say(notices=(TaskNotice(attempt.attempt, attempt.token, 1, "look"),))


async def failure_that_is_told(scene: Scene, attempt: Assignment) -> None:
    await scene.say(reports=(scene.client.reported(attempt, Outcome.FAILED, error="E: no"),))


async def deferral(scene: Scene, attempt: Assignment) -> None:
    await scene.say(reports=(scene.deferred(attempt, Deferral(until=scene.now() + LATER, state="1")),))


async def end_of_a_wait(scene: Scene, attempt: Assignment) -> None:
    await scene.say(reports=(scene.deferred(attempt, Deferral(until=scene.now() + 1, state="1")),))
    [again] = (await scene.say(claim=Claim(1, 10))).assignments
    assert again.attempt == attempt.attempt


async def run_that_is_waited_for(scene: Scene, attempt: Assignment) -> None:
    await scene.say(reports=(scene.deferred(attempt, Deferral(run=RunRequest("asked"))),))


async def trigger_and_cancel(scene: Scene, attempt: Assignment) -> None:
    run = await scene.scheduler.trigger("queued")
    await scene.scheduler.cancel_run(run.id)


async def cancelled_task(scene: Scene, attempt: Assignment) -> None:
    await scene.scheduler.cancel_task(attempt.run.id, attempt.task)


async def long_poll(scene: Scene, attempt: Assignment) -> None:
    await scene.scheduler.run_changed(attempt.run.id, 1, wait=0)


async def calls_for(act: Callable[[Scene, Assignment], Awaitable[None]], place, kit, *, crowd: int) -> int:
    """The fewest calls that the loop's thread made for the act, of some tries."""
    made = program(kit, crowd)
    scheduler = await place.scheduler(made)
    client = kit.client(scheduler.exchange, made)
    await fill(scheduler, client, crowd)
    await scheduler.trigger("measured")
    held = await client.claim(MEASURED)
    scene = Scene(scheduler, client, held)
    counts = []
    for attempt in held:
        await quiet(scheduler)
        with Calls() as calls:
            await act(scene, attempt)
        counts.append(calls.count)
    await place.crash(scheduler)
    return min(counts)


async def quiet(scheduler: Scheduler) -> None:
    """Lets what was begun come to its end: notifications that are tried, callbacks of commits."""
    deadline = time.monotonic() + 60
    while scheduler._engine._sender._sending or scheduler._engine._sender._lines:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.02)


ACTS = (
    log,
    progress,
    renewal,
    notice,
    failure_that_is_told,
    deferral,
    end_of_a_wait,
    run_that_is_waited_for,
    trigger_and_cancel,
    cancelled_task,
    long_poll,
)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
async def test_it_costs_the_same_in_a_crowd(kit, tmp_path, act, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "ppacer")
    few = await calls_for(act, kit.place(tmp_path / "few"), kit, crowd=4)
    many = await calls_for(act, kit.place(tmp_path / "many"), kit, crowd=200)
    assert many < 1.1 * few, (few, many)


async def calls_for_a_member(place, kit, *, members: int) -> int:
    """The fewest calls for the report of one member of a family, which brings the next one."""
    numbers = spec.Output("numbers", kit.at)
    family = kit.task(
        "each", after="numbers", fan_out=spec.FanOut("n", numbers), args=(spec.LoopVariable("n", kit.at),)
    )
    other = kit.task("pair", after="numbers each", fan_out=spec.FanOut("n", numbers, ("each",)))
    join = kit.task("join", after="pair", args=(spec.Outputs("pair", kit.at),))
    made = kit.program(kit.dag("d", kit.task("numbers"), family, other, join))
    scheduler = await place.scheduler(made)
    client = kit.client(scheduler.exchange, made)
    await scheduler.trigger("d")
    assert await client.report(await client.claim_one(), output=list(range(members))) == 200
    held = await client.claim_one()
    counts = []
    for _ in range(6):
        exchange = client.request(reports=(client.reported(held, output=1),), claim=Claim(1, 0))
        with Calls() as calls:
            [held] = (await client.send(exchange)).assignments
        counts.append(calls.count)
    await place.crash(scheduler)
    return min(counts)


async def test_a_member_costs_the_same_in_a_big_family(kit, tmp_path) -> None:
    few = await calls_for_a_member(kit.place(tmp_path / "few"), kit, members=10)
    many = await calls_for_a_member(kit.place(tmp_path / "many"), kit, members=2_000)
    assert many < 1.1 * few, (few, many)
