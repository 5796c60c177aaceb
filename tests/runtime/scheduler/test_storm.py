"""Random storms over a real scheduler and real databases. `PPACER_STORMS=first:last` and `PPACER_STEPS` have more of
them, or others, blow by hand."""

from __future__ import annotations

import os

import pytest

from tests.runtime.scheduler.storm import Storm

FIRST, LAST = map(int, os.environ.get("PPACER_STORMS", "1:3").split(":"))
STEPS = int(os.environ.get("PPACER_STEPS", "120"))


@pytest.mark.parametrize("seed", range(FIRST, LAST + 1))
async def test_a_storm_passes_and_leaves_nothing_behind(place, kit, seed: int) -> None:
    storm = Storm(place, kit, seed)
    await storm.begin()
    await storm.rage(STEPS)
    await storm.calm()
    storm.check()
    assert storm.faults == []
    assert storm.memory() == {}
