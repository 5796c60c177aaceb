"""How much work a happening is, counted in Python's own instructions: no clock, so no luck."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from ppacer import spec
from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.model import InsertAttempt, InsertTask, TaskStatus
from ppacer.protocol import Deferral, Outcome
from tests.runtime.core.machine.plans import SECOND, make_plan, make_task, output
from tests.runtime.core.machine.world import World

LATER = 10**15
FEW, MANY = 50, 10_000


def work(call: Callable[[], object]) -> int:
    """The number of instructions that a call takes."""
    count = 0

    def each(frame: FrameType, event: str, argument: object) -> Callable:
        nonlocal count
        count += event == "opcode"
        return each

    def trace(frame: FrameType, event: str, argument: object) -> Callable:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return each

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def grown(size: int, *, deferred: bool = False) -> World:
    """A run with two families of so many members, one member by member after the other; all of the first are offered,
    or wait without an executor."""
    plan = make_plan(
        make_task("xs"),
        make_task("first", over=output("xs"), retries=1, retry_delay=5, timeout=None),
        make_task("second", over=output("xs"), pairwise=["first"]),
        make_task("end", trigger=spec.Trigger.ALL_DONE),
        make_task("tidy", handler=spec.HandlerKind.FINALLY),
        edges=[("xs", "first"), ("xs", "second"), ("first", "second"), ("second", "end")],
    )
    world = World(plan, checks=False)
    world.start()
    world.run("xs", output=codec.encode(list(range(size))))
    if deferred:
        for position in range(size):
            world.defer("first", Deferral(until=LATER, state="1"), position=position)
    return world


@pytest.fixture(scope="module")
def offered() -> dict[int, World]:
    return {size: grown(size) for size in (FEW, MANY)}


@pytest.fixture(scope="module")
def deferred() -> dict[int, World]:
    return {size: grown(size, deferred=True) for size in (FEW, MANY)}


def fail(world: World, position: int) -> None:
    world.run("first", Outcome.FAILED, position=position)


def expire(world: World, position: int) -> None:
    world.expire(world.claim("first", position))


def cancel(world: World, position: int) -> None:
    world.cancel_task("first", position)


def defer(world: World, position: int) -> None:
    world.defer("first", Deferral(until=LATER), position=position)


def cancel_running(world: World, position: int) -> None:
    attempt = world.claim("first", position)
    world.cancel_task("first", position)
    world.report(attempt, Outcome.CANCELLED)


def wake(world: World, position: int) -> None:
    attempt = world.live("first", position)
    assert attempt is not None
    world.now = LATER
    assert world.handle(h.DeferralDue(LATER, attempt.id)) is not None


def succeed(world: World, position: int) -> None:
    world.run("first", position=position)


Happens = Callable[[World, int], None]


@pytest.mark.parametrize(
    ("position", "happens"), list(enumerate([succeed, fail, expire, cancel, defer, cancel_running], start=10))
)
def test_what_happens_to_one_of_many_costs_what_it_costs_among_few(
    offered: dict[int, World], position: int, happens: Happens
) -> None:
    """With what follows it: the member of the other family that waits for this one."""
    few, many = (work(lambda world=offered[size]: happens(world, position)) for size in (FEW, MANY))
    assert many <= 1.02 * few


@pytest.mark.parametrize(("position", "happens"), [(20, wake), (21, cancel)])
def test_ten_thousand_that_wait_without_an_executor_are_no_burden(
    deferred: dict[int, World], position: int, happens: Happens
) -> None:
    few, many = (work(lambda world=deferred[size]: happens(world, position)) for size in (FEW, MANY))
    assert many <= 1.02 * few


def test_a_retry_among_many(offered: dict[int, World]) -> None:
    costs = []
    for size in (FEW, MANY):
        world = offered[size]
        fail(world, 30)
        world.now += 5 * SECOND
        retry = h.RetryDue(world.now, "first", 30)
        costs.append(work(lambda world=world, retry=retry: world.handle(retry)))
        assert world.status("first", 30) is TaskStatus.QUEUED
    assert costs[1] <= 1.02 * costs[0]


def test_what_the_last_of_many_brings_about_is_no_more_than_one_look_at_each() -> None:
    """The end of a family, and of the phase."""
    costs = []
    for size in (200, 800):
        world = grown(size)
        for family in ("first", "second"):
            for position in range(size - (family == "second")):
                world.run(family, position=position)
        last = world.claim("second", size - 1)
        costs.append(work(lambda world=world, last=last: world.report(last)))
    assert costs[1] <= 4.2 * costs[0]


def grown_until_the_list(size: int) -> World:
    plan = make_plan(make_task("xs"), make_task("f", over=output("xs")), edges=[("xs", "f")])
    world = World(plan, checks=False)
    world.start()
    return world


def all_failed(size: int) -> World:
    world = grown(size)
    world.cancel()
    world.run("tidy")
    return world


WHOLE: dict[str, tuple[Callable[[int], World], Callable[[World, int], object]]] = {
    "start": (
        lambda size: World(make_plan(*(make_task(f"t{each}") for each in range(size))), checks=False),
        lambda world, size: world.start(),
    ),
    "expand": (
        grown_until_the_list,
        lambda world, size: world.report(world.claim("xs"), output=codec.encode(list(range(size)))),
    ),
    "cancel": (grown, lambda world, size: world.cancel()),
    "cancel the family": (grown, lambda world, size: world.cancel_task("first")),
    "restore": (grown, lambda world, size: world.restart()),
    "restart": (all_failed, lambda world, size: world.restart_failed()),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_about_all_looks_at_each_once(name: str) -> None:
    """Four times as many are four times the work."""
    make, happens = WHOLE[name]
    costs = []
    for size in (200, 800):
        world = make(size)
        costs.append(work(lambda world=world, size=size: happens(world, size)))
    assert costs[1] <= 4.2 * costs[0]


def test_each_member_is_written_once() -> None:
    world = grown_until_the_list(MANY)
    step = world.report(world.claim("xs"), output=codec.encode(list(range(MANY))))
    assert step is not None
    kinds = [type(write) for write in step.rows]
    assert kinds.count(InsertTask) == MANY
    assert kinds.count(InsertAttempt) == MANY
    assert len(kinds) == 2 * MANY + 3, "the attempt and the row of `xs`, and the family's row"


def test_many_parents_and_many_triggers_that_do_not_wait() -> None:
    """A family that is expanded early learns of each later parent's end without looking at its members each time."""
    costs = []
    for size in (100, 400):
        names = [f"p{each}" for each in range(size)]
        over = spec.ListOf(tuple(spec.Literal(each, spec.At(1, 1)) for each in range(size)), spec.At(1, 1))
        plan = make_plan(
            *map(make_task, names),
            make_task("f", over=over, trigger=spec.Trigger.ALWAYS),
            edges=[(name, "f") for name in names],
        )
        world = World(plan, checks=False)
        world.start()

        def end_all(world: World = world, names: list[str] = names) -> None:
            for name in names:
                world.run(name)

        costs.append(work(end_all))
    assert costs[1] <= 4.3 * costs[0]
