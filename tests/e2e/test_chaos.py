"""Processes are killed and stopped at random and the network misbehaves, while runs go on: what must hold, holds.

Each seed gives the same faults in the same order; what they hit depends on the machine.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.chaos_check import Check
from tests.e2e.chaos_proxy import Mode, Proxy
from tests.e2e.world import PIPELINES, Api, Process, World, free_port, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc"),
]

SECONDS = 5.0
"""How long there are faults."""

BOUND = 60.0
"""Within how many seconds everything ends after the last fault; mostly it takes about five."""

LEASE = "2"
RUNS = 8


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_or_done_twice(world: World, seed: int) -> None:
    asyncio.run(Chaos(world, random.Random(seed)).run())


class Chaos:
    """A scheduler and two executors, and what happens to them."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self.chance = chance
        self.program = world.build(PIPELINES / "chaos.ppd")
        self.port = free_port()
        self.api = Api(f"http://127.0.0.1:{self.port}")
        self.proxy = Proxy(self.port, random.Random(chance.random()))
        self.running: dict[str, Process] = {}
        self.made: dict[str, str] = {}

    async def run(self) -> None:
        self.url = await self.proxy.start()
        try:
            for name in ("scheduler", "one", "two"):
                self.start(name)
            triggering = asyncio.create_task(self.trigger_all())
            await self.faults()
            await triggering
            await self.all_ended()
            for name in ("one", "two", "scheduler"):
                process = self.running[name]
                assert await asyncio.to_thread(process.terminate) == 0, process.text
        finally:
            await self.proxy.stop()
        for process in self.world.processes:
            assert "Traceback" not in process.text, process.text
        wait_until(lambda: not list(self.processes()), "the last process to go", 5)
        folder = self.program.parent
        check = Check(folder / "chaos.db", folder / "chaos.logs.db", folder / "steps.txt")
        faults = check.run(self.made, self.proxy.accepted)
        assert not faults, "\n".join(faults)

    def start(self, name: str) -> None:
        if name == "scheduler":
            arguments = ["scheduler", "--port", str(self.port), "--lease", LEASE, "--drain", "3"]
        else:
            arguments = ["executor", "--scheduler", self.url, "--name", name, "--capacity", "4", "--drain", "3"]
        self.running[name] = self.world.start(self.program, *arguments)

    async def trigger_all(self) -> None:
        for number in range(RUNS):
            await self.trigger(("chain", "fan", "flaky")[number % 3], f"key-{number}")
            await asyncio.sleep(0.2)

    async def trigger(self, dag: str, key: str) -> None:
        """Asks until it is answered, always with the same key."""
        async with asyncio.timeout(BOUND):
            while key not in self.made:
                try:
                    run = await asyncio.to_thread(self.api.request, f"/api/v1/dags/{dag}/runs", {}, seconds=3, key=key)
                except (OSError, urllib.error.URLError):
                    await asyncio.sleep(0.1)
                    continue
                assert isinstance(run, dict)
                self.made[key] = run["id"]

    async def faults(self) -> None:
        """Makes trouble for a while, then puts everything right again."""
        healing: list[asyncio.Task[None]] = []
        end = asyncio.get_running_loop().time() + SECONDS
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self.chance.uniform(0.1, 0.7))
            match self.chance.choice(("network", "network", "kill", "kill", "kill", "stop")):
                case "network":
                    self.proxy.modes = [*[Mode.PASSED_ON] * 3, *self.chance.sample(list(Mode), 3)]
                case "kill":
                    kind = self.chance.choice(("scheduler", "executor", "zygote", "worker", "worker"))
                    name, pid = self.victim(kind)
                    if pid and name:
                        self.running[name].kill()
                        healing.append(asyncio.create_task(self.start_again(name, self.chance.uniform(0.0, 0.8))))
                    elif pid:
                        _signal(pid, signal.SIGKILL)
                case "stop":
                    _, pid = self.victim(self.chance.choice(("scheduler", "executor", "zygote", "worker")))
                    if pid:
                        _signal(pid, signal.SIGSTOP)
                        healing.append(asyncio.create_task(_go_on(pid, self.chance.uniform(0.2, 3.5))))
        await asyncio.gather(*healing)
        self.proxy.modes = ()

    def victim(self, kind: str) -> tuple[str, int]:
        """A process of this kind: its name, if the test has started it itself, and its id; 0 if there is none."""
        if kind in ("scheduler", "executor"):
            name = "scheduler" if kind == "scheduler" else self.chance.choice(("one", "two"))
            process = self.running[name].popen
            return name, process.pid if process.poll() is None else 0
        ours = dict(self.processes())
        started = {process.popen.pid for process in self.running.values()}
        zygotes = [pid for pid, parent in ours.items() if parent in started]
        found = zygotes if kind == "zygote" else [pid for pid, parent in ours.items() if parent in zygotes]
        return "", self.chance.choice(sorted(found)) if found else 0

    async def start_again(self, name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.start(name)

    async def all_ended(self) -> None:
        """Everything but the newest scheduled runs, of which there is no end."""
        async with asyncio.timeout(BOUND):
            while await asyncio.to_thread(self.unfinished):  # noqa: ASYNC110 (processes outside tell nobody)
                await asyncio.sleep(0.1)

    def unfinished(self) -> list[str]:
        found: list[str] = []
        for run in self.made.values():
            detail = self.api.request(f"/api/v1/runs/{run}")
            assert isinstance(detail, dict)
            if detail["run"]["status"] in ("queued", "running"):
                found.append(run)
        return found

    def processes(self) -> Iterator[tuple[int, int]]:
        """The id and the parent's id of every process that descends from this test's programs."""
        mark = f"STEPS_FILE={self.world.environment['STEPS_FILE']}".encode()
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdecimal() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
                    if state != "Z":
                        yield int(folder.name), int(parent)
            except OSError:
                continue  # it has ended


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


async def _go_on(pid: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    _signal(pid, signal.SIGCONT)
