"""Retries, time-outs, failures: what a run's tasks come to, seen from the terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow


@pytest.fixture
def outcomes(world: World) -> Path:
    return world.build(PIPELINES / "outcomes.ppd")


def test_retries_until_it_works(world: World, outcomes: Path) -> None:
    done = world.call(outcomes, "run", "recovers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [name for name, _ in world.steps("start")] == ["flaky", "flaky", "flaky", "flaky"]
    assert [name for name, _ in world.steps("end")] == ["flaky", "flaky"]
    earlier = world.call(outcomes, "logs", "latest", "flaky", "--attempt", "1")
    assert "flaky fails on try 1" in earlier.stdout


def test_a_failure_stops_what_follows_and_says_why(world: World, outcomes: Path) -> None:
    done = world.call(outcomes, "run", "gives_up")
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert [name for name, _ in world.steps("start")] == ["good", "bad", "bad"]
    assert "bad fails on try 2" in said
    assert "task bad of dag gives_up" in said
    assert "outcomes.ppd:12" in said
    assert "upstream" in said


def test_a_time_out_ends_the_attempt(world: World, outcomes: Path) -> None:
    done = world.call(outcomes, "run", "hangs")
    assert done.returncode == 1
    assert "the task ran longer than" in done.stdout + done.stderr
    ((_, pid),) = world.steps("start")
    assert not Path(f"/proc/{pid}").exists()
