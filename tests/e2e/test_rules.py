"""Triggers, families, templates, params and growing delays, from the source to the outcome of each task."""

from __future__ import annotations

import re
import shutil

import pytest

from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow

OUTCOMES = {
    'raw["eu"]': ("success", "1"),
    'raw["us"]': ("success", "1"),
    "all": ("success", "1"),
    "bad": ("failed", "2"),
    "tell": ("success", "1"),
    "late": ("upstream", "0"),
    "done": ("success", "1"),
    "orders.dump": ("success", "1"),
    "orders.load": ("success", "1"),
}


def test_each_task_ends_as_its_rule_says(world: World) -> None:
    shutil.copy(PIPELINES / "rules.ppd", world.folder)
    built = world.ppc("build", "rules.ppd")
    assert built.returncode == 0, built.stderr
    program = world.folder / "rules.py"
    done = world.call(program, "run", "rules", "-p", "full=true", "-p", "mode=slow")
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    table = said[said.rindex("outcome") :]
    found = {task: re.search(rf"^{re.escape(task)}\s+\S+ (\w+)\s+(\d*)", table, re.MULTILINE) for task in OUTCOMES}
    assert {task: None if match is None else (match[1], match[2] or "0") for task, match in found.items()} == OUTCOMES
    assert "['eu', 'us'] True slow" in said
    assert "loaded orders.sql" in said
    assert "done without None" in said
