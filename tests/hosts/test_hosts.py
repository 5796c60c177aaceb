"""A scheduler and three executors on four hosts, between which the network and which themselves come and go."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.hosts.network import best_kind
from tests.hosts.scenarios import SCENARIOS, Scenario, playable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc"),
]

KIND = best_kind()


@pytest.mark.parametrize(
    "scenario",
    [scenario for scenario in SCENARIOS if playable(scenario, KIND)],
    ids=lambda scenario: scenario.name.replace(" ", "-"),
)
def test_nothing_is_lost_or_run_twice_at_a_time(tmp_path: Path, scenario: Scenario) -> None:
    verdict = scenario.play(tmp_path, KIND)
    assert not verdict.faults, "\n".join(verdict.faults)
