"""What tests of the machine are given: a run to try things on, and dags in a line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ppacer import spec
from ppacer.core.plan import DagPlan
from tests.runtime.core.machine.plans import make_plan, make_task
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
