"""The examples whose point is what several processes do together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.serving import started, statuses
from tests.e2e.world import World
from tests.examples.conftest import Example
from tests.servers import free_port

pytestmark = pytest.mark.slow


def test_a_cluster_counts_where_the_files_are(example: Callable[[str], Example]) -> None:
    here = example("cluster")
    output = here.folder / "said.txt"
    with output.open("wb") as stream:
        script = subprocess.Popen(
            ["sh", "cluster.sh", str(free_port())],
            cwd=here.folder,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = script.wait(300)
    finally:
        if script.poll() is None:
            os.killpg(script.pid, signal.SIGKILL)
            script.wait(60)
    said = output.read_text(encoding="utf-8")
    assert code == 0, said
    assert "in_north │ data/north/access-2026-03-02.log: 70 requests" in said
    assert "in_south │ data/south/access-2026-03-02.log: 55 requests" in said
    assert "2026-03-02: 125 requests, 20 errors, mostly /basket" in said


def test_scheduler_and_executor_are_two_programs(example: Callable[[str], Example]) -> None:
    here = example("two_programs")
    world = World(here.folder)
    program = here.build()
    try:
        with started(world, program, "scheduler") as served:
            run = served.trigger("newsletter")
            served.until(run, "readers", "queued")  # there is nobody yet who would do it
            world.start(program, "executor", "--scheduler", served.url)
            ended = served.ended(run)
    finally:
        world.end()
    assert set(statuses(ended).values()) == {"success"}
    letters = {path.name: path.read_text(encoding="utf-8") for path in (here.folder / "out").iterdir()}
    assert sorted(letters) == ["ada@reader.example.txt", "bob@reader.example.txt", "eve@reader.example.txt"]
    assert letters["eve@reader.example.txt"].startswith(
        "Dear Eve,\n\nthe new field notebooks are here. As you have bought 7 "
    )


def test_what_waits_in_short_queues_has_its_turn(example: Callable[[str], Example]) -> None:
    here = example("short_queues")
    said = here.command(here.build(), "run", "short_queues", "--capacity", "2")
    assert "3 express parcels and 7 others are ready" in said
    printed = (here.folder / "out/printed.txt").read_text(encoding="utf-8").splitlines()
    assert [int(line.split()[0]) for line in printed[:3]] == [3003, 3006, 3009]
    assert len(printed) == len(set(printed)) == 10
    assert (here.folder / "out/collected.txt").read_text(encoding="utf-8").split() == [
        str(n) for n in range(3001, 3011)
    ]
