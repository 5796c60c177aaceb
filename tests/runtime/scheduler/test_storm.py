"""Random storms over a real scheduler and real databases. `PPACER_STORMS=first:last` and `PPACER_STEPS` have more of
them, or others, blow by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.scheduler.storm import Storm

FIRST, LAST = map(int, os.environ.get("PPACER_STORMS", "1:3").split(":"))
STEPS = int(os.environ.get("PPACER_STEPS", "120"))


async def pass_through(storm: Storm, steps: int) -> None:
    await storm.begin()
    await storm.rage(steps)
    await storm.calm()
    storm.check()
    assert storm.faults == []
    assert storm.memory() == {}


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
async def test_a_storm_passes_and_leaves_nothing_behind(place, kit, seed: int) -> None:
    await pass_through(Storm(place, kit, seed), STEPS)


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
async def test_a_storm_passes_over_a_server(
    kit, tmp_path: Path, empty_database: Callable[[str], str], kind: str
) -> None:
    await pass_through(Storm(kit.place(tmp_path, empty_database(kind)), kit, FIRST), STEPS // 3)
