"""Every mode of the proxy with every kind of exchange: one scheduler, an executor for each kind behind a proxy of its
own, one cell after the other for each of them, all of them side by side."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ppacer.client import AwayError, Client
from tests.crash.check import Check
from tests.crash.world import PIPELINE, lines, with_agent
from tests.e2e.alive import alive, commands
from tests.e2e.world import PATIENCE_SECONDS, Process, World
from tests.proxy.faults import LEASE, OVERDUE, PERHAPS, RESENT, SILENT, SLOW, Fault, Kind, Mode
from tests.proxy.proxy import Proxy
from tests.servers import free_port

HERE = Path(__file__).parent
BOUND = 180.0
"""Within how many seconds all is well again after any fault, on a busy machine; the longest of them lasts 10.5 s."""

STALL = 0.75
"""An exchange that nobody tampers with takes milliseconds; where one takes so many seconds the machine is too busy for
leases as short as these."""

AWAY, BACK = "; trying again until it answers", "the scheduler answers again"
T = TypeVar("T")


class ProxiedWorld(World):
    @property
    def effects(self) -> Path:
        return self.folder / "effects.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        agent = {"CRASH_FILE": str(self.effects), "CRASH_GATE": str(self.gate), "CRASH_CALM": "0"}
        return super().environment | agent | {"PYTHONPATH": with_agent()}

    @property
    def gate(self) -> Path:
        """What the task waits for whose executor is drained."""
        return self.folder / "gate"


@dataclass
class Cell:
    """One mode with one kind of exchange, and what came of it."""

    kind: Kind
    mode: Mode
    run: str = ""
    began: float = 0.0
    seconds: float = 0.0
    ended: float = 0.0
    hits: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.kind}, {self.mode}"


@dataclass
class Executor:
    """An executor behind its proxy."""

    kind: Kind
    proxy: Proxy
    url: str
    process: Process
    read: int = 0
    """How much of what it has said belongs to earlier cells."""

    def said(self) -> list[str]:
        """What it has said of its scheduler in this cell."""
        text = self.process.text[self.read :]
        return [line for line in text.splitlines() if AWAY in line or BACK in line or "Traceback" in line]


class Harness:
    def __init__(self, folder: Path) -> None:
        self.world = ProxiedWorld(folder)
        shutil.copy(PIPELINE / "crash_tasks.py", folder)
        shutil.copy(HERE / "pipeline" / "proxied.ppd", folder)
        done = self.world.ppc("build", folder / "proxied.ppd")
        assert done.returncode == 0, done.stderr
        self.program = folder / "proxied.py"
        self.port = free_port()
        self.cells: list[Cell] = []

    async def run(self, kinds: Sequence[Kind], modes: Sequence[Mode]) -> list[Cell]:
        """All cells, with their faults."""
        arguments = [self.program, "scheduler", "--port", str(self.port), "--lease", str(LEASE)]
        scheduler = self.world.start(*arguments)
        try:
            await self._until(self._up, "the scheduler")
            await asyncio.gather(*(self._row(kind, modes) for kind in kinds))
            for process in reversed([process for process in self.world.processes if process.popen.poll() is None]):
                assert await asyncio.to_thread(process.terminate) == 0, process.text
        finally:
            await asyncio.to_thread(self.world.end)
        if "Traceback" in scheduler.text:
            self._blame(f"the scheduler: {scheduler.text}")
        try:
            await self._until(lambda: not list(alive(self.world)), "the last process to go")
        except TimeoutError:
            self._blame(f"processes are left: {commands(self.world)}")
        self._check()
        return self.cells

    def _blame(self, fault: str) -> None:
        """What is the fault of no cell in particular is told with the last."""
        self.cells[-1].faults.append(fault)

    async def _row(self, kind: Kind, modes: Sequence[Mode]) -> None:
        proxy = Proxy(self.port)
        url = await proxy.start()
        executor = Executor(kind, proxy, url, self._start(kind, url))
        try:
            for mode in modes:
                cell = Cell(kind, mode)
                self.cells.append(cell)
                await self._play(executor, cell)
                cell.faults += proxy.faults
                proxy.faults.clear()
        finally:
            proxy.fault = None
            await asyncio.to_thread(executor.process.terminate)
            await proxy.stop()

    def _start(self, kind: Kind, url: str) -> Process:
        arguments = [
            "executor",
            "--scheduler",
            url,
            "--name",
            kind,
            "--label",
            kind,
            "--capacity",
            "2",
            "--drain",
            "60",
        ]
        return self.world.start(self.program, *arguments)

    async def _play(self, executor: Executor, cell: Cell) -> None:
        """One run, with one fault in its way; then all must be as before."""
        proxy, kind = executor.proxy, cell.kind
        await self._until(lambda: self._present(kind), f"executor {kind} to be heard of")
        executor.read = len(executor.process.text)
        fault = proxy.fault = Fault(cell.mode, kind)
        cell.hits, cell.began = fault.hits, time.monotonic()
        try:
            if kind is Kind.LAST:
                self.world.gate.unlink(missing_ok=True)
            if kind is Kind.CLAIM:  # the poll that is open now is to be over: the next one is meant
                await self._until(lambda: bool(fault.hits), "the next claim")
            cell.run = await self._asked(lambda client: client.trigger(kind).id)
            if kind is Kind.LAST:
                await self._drain(executor, cell)
            await self._until(lambda: self._over(cell.run), "the end of the run")
            cell.seconds = time.monotonic() - cell.began
            await self._until(lambda: bool(fault.hits), "an exchange of this kind")
            noticed = kind is not Kind.LAST and cell.mode not in SILENT | PERHAPS | RESENT
            await self._until(lambda: _is_well(executor.said(), noticed), "the executor to say that all is well")
        except TimeoutError as error:
            cell.faults.append(str(error))
        proxy.fault, cell.ended = None, time.monotonic()
        cell.said = executor.said()
        cell.faults += _said_wrong(cell)

    async def _drain(self, executor: Executor, cell: Cell) -> None:
        """The executor is told to stop while the task runs, and must report before it goes; then there is a new one."""
        started = {"kind": "task", "word": "start", "run": cell.run}.items()
        await self._until(lambda: any(started <= line.items() for line in lines(self.world.effects)), "the task")
        executor.process.popen.terminate()
        await self._until(lambda: "stopping" in executor.process.text[executor.read :], "the executor to heed that")
        self.world.gate.touch()
        await self._until(lambda: executor.process.popen.poll() is not None, "the executor to drain")
        if executor.process.popen.returncode != 0:
            cell.faults.append(f"it ended with {executor.process.popen.returncode}: {executor.process.text}")
        cell.said = executor.said()
        executor.process, executor.read = self._start(executor.kind, executor.url), 0

    # --- what is seen ------------------------------------------------------------------------------------------------

    def _check(self) -> None:
        """The database and what the tasks noted, when all is over."""
        check = Check(self.world.folder, "proxied")
        found = [*check.reports(), *check.ends(), *check.deeds(), *check.limits(), *check.logs()]
        for cell in self.cells:
            mine = [fault for fault in found if cell.run and cell.run in fault]
            found = [fault for fault in found if fault not in mine]
            cell.faults += mine
            tries = [row for row in check.attempts.values() if row["run_id"] == cell.run]
            wanted = 2 if cell.kind is Kind.CHAINED else 1
            done = [row["status"] for row in tries]
            if done.count("success") != wanted:
                cell.faults.append(f"{done.count('success')} successes: {done}")
            if len(tries) > wanted and cell.mode is not Mode.CUT_OFF and not self._stalled(check, cell):
                cell.faults.append(f"a try more than is due: {[dict(row) for row in tries]}")
        for fault in found:
            self._blame(fault)

    def _stalled(self, check: Check, cell: Cell) -> bool:
        """Whether a report that nobody tampered with took long to be answered meanwhile."""
        tampered = {request for each in self.cells for request in each.hits}
        return any(
            line["at"] - line["since"] > STALL and line["since"] < cell.ended and line["at"] > cell.began
            for line in check.of("answer")
            if line["reports"] and line["request"] not in tampered
        )

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + BOUND
        while not await asyncio.to_thread(condition):
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {BOUND:g} s in vain for {what}")
            await asyncio.sleep(0.1)

    async def _asked(self, question: Callable[[Client], T]) -> T:
        def ask() -> T:
            with Client(f"http://127.0.0.1:{self.port}", timeout=PATIENCE_SECONDS) as client:
                return question(client)

        return await asyncio.to_thread(ask)

    def _up(self) -> bool:
        try:
            with Client(f"http://127.0.0.1:{self.port}", timeout=30.0) as client:
                client.ready()
        except AwayError:
            return False
        return True

    def _present(self, kind: Kind) -> bool:
        with Client(f"http://127.0.0.1:{self.port}", timeout=PATIENCE_SECONDS) as client:
            return any(each.name == kind for each in client.executors().executors)

    def _over(self, run: str) -> bool:
        with Client(f"http://127.0.0.1:{self.port}", timeout=PATIENCE_SECONDS) as client:
            return client.run(run).run.status in ("success", "failed", "cancelled")


def _is_well(said: Sequence[str], noticed: bool) -> bool:
    """Whether it has said as often that all is well as that something is not; and that, if it has `noticed` it."""
    return bool(said) >= noticed and sum(AWAY in line for line in said) == sum(BACK in line for line in said)


def _said_wrong(cell: Cell) -> list[str]:
    """An executor says once what is wrong, and once that it is well again; nothing of what it cannot notice."""
    turns = [AWAY in line for line in cell.said]
    slow, other = (sum(AWAY in line and (OVERDUE in line) is late for line in cell.said) for late in (True, False))
    if cell.mode in SLOW:
        as_due = other == 0 and (slow >= 1 or cell.kind is Kind.LAST)
    elif cell.mode in SILENT | PERHAPS:
        as_due = other == 0
    elif cell.mode in RESENT:
        as_due = other <= 1
    else:
        as_due = other == 1 or (other == 0 and cell.kind is Kind.LAST)
    in_turn = turns == [number % 2 == 0 for number in range(len(turns))]
    back = cell.kind is Kind.LAST or len(turns) % 2 == 0  # it has gone before it heard of anything more
    tracebacks = any("Traceback" in line for line in cell.said)
    return [] if as_due and in_turn and back and not tracebacks else [f"it said {cell.said}"]
