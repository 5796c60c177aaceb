"""Processes are killed and stopped at random and the network misbehaves, while runs go on and people ask for this and
that: what must hold, holds.

Each seed gives the same faults in the same order; what they hit depends on the machine. For more seeds:
`CHAOS_SEEDS=100-120 CHAOS_SECONDS=15 pytest tests/e2e/test_chaos.py`.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias, TypeVar

import pytest

from ppacer.client import AwayError, Client, RefusedError
from ppacer.web.messages import RunView
from tests.e2e.alive import alive, commands
from tests.e2e.chaos_check import Check, Wish
from tests.e2e.chaos_proxy import Mode, Proxy
from tests.e2e.chaos_records import BAD, ENDED, FAMILY, Records
from tests.e2e.world import GONE_SECONDS, PIPELINES, Process, World, wait_until
from tests.servers import free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc"),
]

SECONDS = float(os.environ.get("CHAOS_SECONDS", "5"))
"""How long there are faults."""

BOUND = 180.0
"""Within how many seconds everything ends after the last fault; mostly it takes about five."""

LEASE = "2"
DAGS = ("chain", "fan", "flaky", "wide", "waits", "shared", "breaks")
RUNS = 21
T = TypeVar("T")
Ask: TypeAlias = Callable[[Client, str, str, int | None], RunView]
"""Asks something of a run, or of one of its tasks."""

_FIRST, _, _LAST = os.environ.get("CHAOS_SEEDS", "1-3").partition("-")


@pytest.mark.parametrize("seed", range(int(_FIRST), int(_LAST or _FIRST) + 1))
def test_nothing_is_lost_or_done_twice(world: World, seed: int) -> None:
    asyncio.run(Chaos(world, random.Random(seed), whole=seed % 2 == 0).run())


class Chaos:
    """A scheduler and two executors, and what happens to them. If it is `whole`, the first executor is in the
    scheduler's own process."""

    def __init__(self, world: World, chance: random.Random, *, whole: bool) -> None:
        self.world = world
        self.chance = chance
        self.program = world.build(PIPELINES / "chaos.ppd")
        self.port = free_port()
        self.proxy = Proxy(self.port, chance=random.Random(chance.random()))
        self.whole = whole
        self.executors = ("two",) if whole else ("one", "two")
        self.running: dict[str, Process] = {}
        self.made: dict[str, str] = {}
        self.granted: list[Wish] = []
        self.wishes = 0

    async def run(self) -> None:
        self.url = await self.proxy.start()
        try:
            for name in ("scheduler", *self.executors):
                self.start(name)
            await asyncio.to_thread(wait_until, self.up, "the scheduler")
            asking = [self.trigger_all(), self.backfill(), self.pause(), self.wish_all()]
            asked = [asyncio.create_task(each) for each in asking]
            await self.faults()
            await asyncio.gather(*asked)
            await self.all_ended()
            for name in (*self.executors, "scheduler"):
                process = self.running[name]
                await asyncio.to_thread(wait_until, partial(_heeds, process), f"{name} to have begun")
                assert await asyncio.to_thread(process.terminate) == 0, process.text
        finally:
            await self.proxy.stop()
        for process in self.world.processes:
            assert "Traceback" not in process.text, process.text
        wait_until(lambda: not list(alive(self.world)), f"the last process to go: {commands(self.world)}", GONE_SECONDS)
        folder = self.program.parent
        records = Records(folder / "chaos.db", folder / "chaos.logs.db", folder / "steps.txt")
        faults = Check(records).run(self.made, self.proxy.accepted, self.granted)
        assert not faults, "\n".join(faults)

    def start(self, name: str) -> None:
        executor = ["--name", name, "--capacity", "4"]
        if name != "scheduler":
            arguments = ["executor", "--scheduler", self.url, *executor]
        elif self.whole:
            arguments = ["start", "--port", str(self.port), "--lease", LEASE, *executor]
        else:
            arguments = ["scheduler", "--port", str(self.port), "--lease", LEASE]
        self.running[name] = self.world.start(self.program, *arguments, "--drain", "3")

    def client(self, actor: str | None = None) -> Client:
        return Client(f"http://127.0.0.1:{self.port}", timeout=3.0, actor=actor)

    def up(self) -> bool:
        with suppress(AwayError, RefusedError), self.client() as client:
            client.ready()
            return True
        return False

    # --- what is asked for -------------------------------------------------------------------------------------------

    async def trigger_all(self) -> None:
        for number in range(RUNS):
            await self.trigger(DAGS[number % len(DAGS)], f"key-{number}")
            await asyncio.sleep(0.1)

    async def trigger(self, dag: str, key: str) -> None:
        """Asks always with the same key."""
        run = await self.answered(lambda client: client.trigger(dag, idempotency_key=key))
        self.made[key] = run.id

    async def backfill(self) -> None:
        """Due times before the first one. Asked for twice, if the answer to the first time got lost."""
        from_at, until_at = (datetime.now(UTC) - timedelta(seconds=seconds) for seconds in (40, 30))
        await self.answered(
            lambda client: client.start_backfill("tick", from_at.isoformat(), until_at.isoformat(), parallel=2)
        )

    async def pause(self) -> None:
        """For a while no due time is decided; in the end all of them are."""
        await asyncio.sleep(self.chance.uniform(0.0, SECONDS / 2))
        await self.answered(lambda client: client.pause("tick"))
        await asyncio.sleep(self.chance.uniform(0.0, SECONDS / 2))
        await self.answered(lambda client: client.resume("tick"))

    async def answered(self, ask: Callable[[Client], T]) -> T:
        """Asks until there is an answer."""

        def once() -> T:
            with self.client() as client:
                return ask(client)

        async with asyncio.timeout(BOUND):
            while True:
                try:
                    return await asyncio.to_thread(once)
                except (AwayError, RefusedError):
                    await asyncio.sleep(0.1)

    async def wish_all(self) -> None:
        """Runs and tasks are cancelled, restarted, run again and marked, for as long as there are faults."""
        end = asyncio.get_running_loop().time() + SECONDS
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self.chance.uniform(0.02, 0.2))
            if self.made:
                run = self.chance.choice(sorted(self.made.values()))
                await asyncio.to_thread(self.wish, run, self.chance.choice(_WISHES), self.chance.random())

    def wish(self, run: str, wish: tuple[Ask, str, set[str]], which: float) -> None:
        """One thing is asked of a run, by somebody who asks for nothing else. Nobody may answer, or refuse it."""
        self.wishes += 1
        actor = f"wish-{self.wishes}"
        ask, event, statuses = wish
        with suppress(AwayError, RefusedError), self.client(actor) as client:
            tasks = [task for task in client.run(run).tasks if task.handler == "none" and task.status in statuses]
            if tasks:
                task = tasks[int(which * len(tasks))]
                ask(client, run, task.id, None if task.position == FAMILY else task.position)
                self.granted.append(Wish(actor, run, event))

    # --- what happens ------------------------------------------------------------------------------------------------

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
            name = "scheduler" if kind == "scheduler" else self.chance.choice(self.executors)
            process = self.running[name].popen
            return name, process.pid if process.poll() is None else 0
        ours = dict(alive(self.world))
        started = {process.popen.pid for process in self.running.values()}
        zygotes = [pid for pid, parent in ours.items() if parent in started]
        found = zygotes if kind == "zygote" else [pid for pid, parent in ours.items() if parent in zygotes]
        return "", self.chance.choice(sorted(found)) if found else 0

    async def start_again(self, name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self.start(name)

    async def all_ended(self) -> None:
        """Everything but the newest scheduled runs, of which there is no end; and every slot has come back."""
        async with asyncio.timeout(BOUND):
            while await asyncio.to_thread(self.unfinished):  # noqa: ASYNC110 (processes outside tell nobody)
                await asyncio.sleep(0.1)

    def unfinished(self) -> list[str]:
        try:
            with self.client() as client:
                active = client.runs(statuses=("queued", "running"), limit=500).runs
                pools = [pool.name for pool in client.pools().pools if pool.used or pool.waiting]
                backfills = [each.id for each in client.backfills().backfills if each.status == "running"]
        except (AwayError, RefusedError) as error:  # it has just been started
            return [str(error)]
        return [run.id for run in active if run.kind != "scheduled"] + pools + backfills


_LIVE = {"waiting", "queued", "running", "retrying"}
_WISHES: list[tuple[Ask, str, set[str]]] = [
    (lambda client, run, _task, _position: client.cancel(run), "cancel_requested", _LIVE),
    (lambda client, run, _task, _position: client.restart(run), "run_reopened", BAD),
    (lambda client, run, _task, _position: client.restart(run), "run_reopened", BAD),
    (lambda client, run, task, position: client.cancel_task(run, task, position), "task_cancel_requested", _LIVE),
    (lambda client, run, task, position: client.rerun(run, task, position), "run_reopened", ENDED),
    (lambda client, run, task, position: client.rerun(run, task, position, follow=False), "run_reopened", ENDED),
    (
        lambda client, run, task, position: client.mark(run, task, position, status="failed", reason="r"),
        "run_reopened",
        ENDED,
    ),
    (
        lambda client, run, task, position: client.mark(run, task, position, status="success", reason="r"),
        "run_reopened",
        ENDED,
    ),
]
"""What may be asked, the event that tells of it, and the statuses of which it needs a task."""


def _heeds(process: Process) -> bool:
    """Whether it has come so far that it drains when it is told to stop; it says so in its first line."""
    return bool(process.text)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


async def _go_on(pid: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    _signal(pid, signal.SIGCONT)
