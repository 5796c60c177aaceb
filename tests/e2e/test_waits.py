"""Tasks that wait without a worker, and runs that tasks ask for: seen from the terminal."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow


@pytest.fixture
def waits(world: World) -> Path:
    return world.build(PIPELINES / "waits.ppd")


def test_a_hundred_wait_at_once_though_only_one_can_run(world: World, waits: Path) -> None:
    began = time.monotonic()
    done = world.call(waits, "run", "many", "--capacity", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert time.monotonic() - began < 200, "one after the other they would take 300 s"


def test_files_that_come_later_make_a_family(world: World, waits: Path) -> None:
    done = world.call(waits, "run", "files")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "['one', 'two']" in world.call(waits, "logs", "latest", "all").stdout
    log = world.call(waits, "logs", "latest", "ready").stdout
    assert "waiting for in/*.csv: no file fits yet" in log


def test_a_wait_ends_with_the_tasks_time_out(world: World, waits: Path) -> None:
    done = world.call(waits, "run", "never")
    assert done.returncode == 1
    assert "the task waited longer than its time-out of 1.5s" in done.stdout + done.stderr


def test_a_run_asks_for_runs(world: World, waits: Path) -> None:
    done = world.call(waits, "run", "parent")
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = re.findall(r"told +│ success ([0-9a-f-]{36})", done.stdout)
    runs = [line.split() for line in world.call(waits, "runs", "child").stdout.splitlines()[1:]]
    assert [line[1] for line in runs] == ["success", "success"]
    assert made in {word for line in runs for word in line}


def test_a_run_that_fails_fails_the_task_that_asked_for_it(world: World, waits: Path) -> None:
    done = world.call(waits, "run", "parent_of_failure")
    assert done.returncode == 1
    assert "of dag child_that_fails ended as failed" in done.stdout + done.stderr


def test_a_run_that_nobody_waits_for_any_more_is_cancelled(world: World, waits: Path) -> None:
    done = world.call(waits, "run", "parent_that_ends")
    assert done.returncode == 1
    assert "cancelled" in world.call(waits, "runs", "child_that_waits").stdout
