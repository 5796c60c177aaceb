"""What tests of the machine are given: a run to try things on, and dags in a line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ppacer import spec
from ppacer.core.model import RunStatus
from ppacer.core.plan import DagPlan
from ppacer.protocol import Outcome
from tests.runtime.core.machine.plans import make_plan, make_task, output
from tests.runtime.core.machine.world import World


@pytest.fixture
def world() -> type[World]:
    return World


@pytest.fixture
def plan() -> Callable[..., DagPlan]:
    return make_plan


@pytest.fixture
def task() -> Callable[..., spec.Task]:
    return make_task


@pytest.fixture
def failed() -> World:
    """`a -> b -> c`, `a -> d`; b failed, c never ran for it, d succeeded."""
    w = World(
        make_plan(
            make_task("a"), make_task("b"), make_task("c"), make_task("d"), edges=[("a", "b"), ("b", "c"), ("a", "d")]
        )
    )
    w.start()
    w.run("a", output="1")
    w.run("d", output="4")
    w.run("b", Outcome.FAILED)
    assert w.machine.run.status is RunStatus.FAILED
    return w


@pytest.fixture
def family() -> World:
    """`xs`, `first[x in xs]`, `second[x in xs]` member by member, `end` after all; first[1] failed."""
    w = World(
        make_plan(
            make_task("xs"),
            make_task("first", over=output("xs")),
            make_task("second", over=output("xs"), pairwise=["first"]),
            make_task("end"),
            edges=[("xs", "first"), ("xs", "second"), ("first", "second"), ("second", "end")],
        )
    )
    w.start()
    w.run("xs", output='["p","q","r"]')
    for position, outcome in enumerate((Outcome.SUCCESS, Outcome.FAILED, Outcome.SUCCESS)):
        w.run("first", outcome, position=position, output=f'"{position}"')
    for position in (0, 2):
        w.run("second", position=position)
    assert w.machine.run.status is RunStatus.FAILED
    return w
