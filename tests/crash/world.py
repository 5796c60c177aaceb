"""One world of the sweep: a program's processes with the agent in them, killed at a point and started again."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from ppacer.client import AwayError, Client, RefusedError
from tests.crash.points import Point
from tests.e2e.alive import alive, commands
from tests.e2e.world import GONE_SECONDS, Process, World
from tests.servers import free_port

HERE = Path(__file__).parent
PIPELINE = HERE / "pipeline"
AGENT = HERE / "agent"

BOUND = 120.0
"""Within how many seconds whatever a scenario waits for must come on a busy machine; it mostly takes one or two."""

RARE_BOUND = 40.0
"""The same for a later passing of a point, which may never come."""

NEVER = 0
"""The passing at which nobody is killed: passings are counted from 1."""

T = TypeVar("T")


class NeverCameError(Exception):
    """What was waited for did not come within its time."""


class CrashWorld(World):
    """A folder with the built programs in it, and what is in the environment of their processes."""

    points: Sequence[Point] = ()
    passing: int = 1
    plant: str = ""

    @property
    def effects(self) -> Path:
        return self.folder / "effects.jsonl"

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "CRASH_FILE": str(self.effects),
            "CRASH_GATE": str(self.folder / "gate"),
            "CRASH_PLANT": self.plant,
            "CRASH_POINTS": ",".join(point.name for point in self.points),
            "CRASH_PASSING": str(self.passing),
            "PYTHONPATH": with_agent(),
        }


def with_agent() -> str:
    """The folders that Python is to look into, the agent's first."""
    return os.pathsep.join([str(AGENT), *filter(None, [os.environ.get("PYTHONPATH")])])


def built(folder: Path) -> Path:
    """A folder with the programs, compiled once, for worlds to copy."""
    world = World(folder)
    for source in ("crash.ppd", "due.ppd"):
        world.build(PIPELINE / source)
    return folder


def lines(effects: Path) -> list[dict[str, Any]]:
    """The side-effect file, but for a line that is just being written."""
    text = effects.read_text(encoding="utf-8") if effects.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


class Effects:
    """The same for somebody who looks again and again: what was read once is not read again. Threads may share it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0
        self._lines: list[dict[str, Any]] = []
        self._reading = threading.Lock()

    def lines(self) -> list[dict[str, Any]]:
        with self._reading:
            if self._file.exists() and self._file.stat().st_size > self._read:
                with self._file.open("rb") as stream:
                    stream.seek(self._read)
                    new, ends, _ = stream.read().rpartition(b"\n")
                self._read += len(new) + len(ends)
                self._lines += map(json.loads, new.splitlines())
            return list(self._lines)


class Stage:
    """The processes of a world, kept going: one that was killed is started again, once the database as it was left is
    safe in `snapshots`. Scenarios ask for things through it; each question is repeated until it is answered."""

    def __init__(self, world: CrashWorld) -> None:
        self.world = world
        self.point = world.points[0]
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, Process] = {}
        self.effects = Effects(world.effects)
        self.faults: list[str] = []
        self._numbers = itertools.count(1)
        self._ending = threading.Event()
        self._changing = threading.RLock()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    # --- processes ---------------------------------------------------------------------------------------------------

    @property
    def program(self) -> Path:
        return self.world.folder / f"{self.point.program}.py"

    def begin(self) -> None:
        self.note("began", points=[point.id for point in self.world.points], passing=self.world.passing)
        self.start("scheduler")
        if self.point.world == "apart" and not self.point.late_executor:
            self.start("executor")
        self._keeper.start()

    def start(self, name: str) -> None:
        executor = ["--name", name, "--capacity", "4", "--drain", "5"]
        serving = ["--port", str(self.port), "--lease", str(self.point.lease), *self.point.flags]
        if name != "scheduler":
            arguments = ["executor", "--scheduler", self.url, *executor]
        elif self.point.world == "whole":
            arguments = ["start", *serving, *executor]
        else:
            arguments = ["scheduler", *serving]
        with self._changing:
            self.running[name] = self.world.start(self.program, *arguments)
            self.note("started", process=name, of=self.running[name].popen.pid)

    def end(self) -> None:
        """Has all processes end as they should, and notes those that are left."""
        self._ending.set()
        self._keeper.join()
        for name in sorted(self.running):  # the executor first
            process = self.running[name]
            code = process.popen.poll()
            if code is None:
                code = process.terminate()
            early = code == -signal.SIGTERM and "stopping" not in process.text  # it did not listen for it yet
            self.note("ended", process=name, code=0 if early else code)
        deadline = time.monotonic() + GONE_SECONDS
        while (left := list(alive(self.world))) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.note("left", commands=commands(self.world) if left else [])

    def _keep(self) -> None:
        while not self._ending.wait(0.005):
            with self._changing:
                dead = [name for name, process in self.running.items() if process.popen.poll() == -signal.SIGKILL]
                for name in dead:
                    self._snapshot(live=name != "scheduler")
                    self.note("died", process=name, of=self.running[name].popen.pid)
                    self.start(name)
            if not dead and self.point.inner:
                self._snapshot(live=True)

    @property
    def hit(self) -> list[str]:
        """The points that have been hit, in order."""
        return [line["point"] for line in self.effects.lines() if line["kind"] == "about"]

    def _snapshot(self, *, live: bool) -> None:
        """Keeps the database as the kill has left it. Of one that nobody has open the files are copied, so that it is
        the program that mends what there is to mend."""
        hit = self.hit
        kept = self.world.folder / "snapshots" / hit[-1] if hit else None
        if kept is None or kept.exists():
            return
        kept.mkdir(parents=True)
        for name in (f"{self.point.program}.db", f"{self.point.program}.logs.db"):
            source = self.world.folder / name
            if live:
                with (
                    closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
                    closing(sqlite3.connect(kept / name)) as new,
                ):
                    old.backup(new)
                continue
            for part in ("", "-wal"):
                if Path(f"{source}{part}").exists():
                    shutil.copy(f"{source}{part}", kept)

    # --- what is asked -----------------------------------------------------------------------------------------------

    def note(self, kind: str, **what: object) -> None:
        """A line of the side-effect file, as the agent writes them."""
        line = {"kind": kind, "pid": os.getpid(), "at": time.monotonic(), **what}
        descriptor = os.open(self.world.effects, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, (json.dumps(line) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def ask(self, what: str, question: Callable[[Client], T], **details: object) -> T:
        """The answer, however often it takes. A second time what was granted may be refused, being done."""
        number, deadline = next(self._numbers), time.monotonic() + BOUND
        self.note("asked", ask=number, what=what)
        for tries in itertools.count(1):
            since = time.monotonic()
            try:
                with self._client() as client:
                    answer = question(client)
            except AwayError:
                pass
            except RefusedError as error:
                if error.problem.status not in (409, 503) or tries == 1:
                    raise
                if error.problem.status == 409:
                    self.note("refused", ask=number, what=what, since=since, **details)
                    raise
            else:
                found = details | {"id": getattr(answer, "id", None)}
                self.note("acknowledged", ask=number, what=what, since=since, **found)
                return answer
            self._look_at_processes()
            if time.monotonic() > deadline:
                raise NeverCameError(f"nobody answers the question to {what}")
            time.sleep(0.05)
        raise AssertionError

    def command(self, what: str, question: Callable[[Client], object], **details: object) -> None:
        """Asks for what may be done already when it is asked for again."""
        with suppress(RefusedError):
            self.ask(what, question, **details)

    def trigger(self, dag: str, *, ends: str = "success") -> str:
        """Asks for a run, always under one key, which is to end so; its id."""
        key = f"key-{next(self._numbers)}"
        run = self.ask("trigger", lambda client: client.trigger(dag, idempotency_key=key), key=key)
        self.expect(run.id, ends)
        return run.id

    def expect(self, run: str, ends: str) -> None:
        self.note("expected", run=run, ends=ends)

    def until(self, what: str, condition: Callable[[], bool], seconds: float = BOUND) -> None:
        begun = time.monotonic()
        while not condition():
            self._look_at_processes()
            waited = time.monotonic() - begun
            if waited > seconds:
                raise NeverCameError(f"waited in vain for {what}")
            time.sleep(min(0.2, max(0.02, waited / 20)))

    def _look_at_processes(self) -> None:
        """Nothing comes any more of a program that has ended by itself."""
        for name, process in list(self.running.items()):
            if process.popen.poll() not in (None, 0, -signal.SIGKILL):
                raise NeverCameError(f"{name} has ended with {process.popen.returncode}: {process.text}")

    def look(self, question: Callable[[Client], T]) -> T | None:
        """The answer if there is one just now."""
        with suppress(AwayError, RefusedError), self._client() as client:
            return question(client)
        return None

    def until_up(self) -> None:
        self.until("the program to answer", lambda: self.look(lambda client: client.ready()) is not None)

    def until_ended(self, *runs: str, ends: str | None = None) -> None:
        """Waits until the runs have ended, as they should end if that is said."""

        def over(run: str) -> bool:
            found = self.look(lambda client: client.run(run))
            wanted = ("success", "failed", "cancelled") if ends is None else (ends,)
            return found is not None and found.run.status in wanted

        for run in runs:
            self.until(f"the end of run {run}", lambda run=run: over(run))

    def until_hit(self) -> None:
        if self.world.passing == NEVER:
            return
        points = [point.name for point in self.world.points]
        seconds = BOUND if self.world.passing == 1 else RARE_BOUND
        self.until(f"{points} to be hit", lambda: set(self.hit) == set(points), seconds)

    def until_restored(self) -> None:
        """Waits until what each kill has left is kept, and the program answers again."""
        kept = self.world.folder / "snapshots"
        self.until("what the kills have left to be kept", lambda: all((kept / point).exists() for point in self.hit))
        self.until_up()

    def until_begun(self, run: str, task: str, *, again: bool = False) -> None:
        """Waits until a task has begun: `again` for somebody who was given it since the last kill. What a kill left
        may begin after it, too."""
        wanted = {"kind": "task", "word": "start", "run": run, "task": task}.items()

        def begun() -> bool:
            noted = self.effects.lines()
            starts = [line for line in noted if wanted <= line.items()]
            if not again:
                return bool(starts)
            killed = max((line["at"] for line in noted if line["kind"] == "about"), default=0.0)
            answers = [line for line in noted if line["kind"] == "answer" and line["at"] > killed]
            given = {token for answer in answers for _, token in answer["granted"]}
            return any(line["token"] in given for line in starts)

        self.until(f"task {task} of run {run} to begin", begun)

    def open_gate(self) -> None:
        self.world.open_gate()

    def _client(self) -> Client:
        return Client(self.url, timeout=30.0)


def play(template: Path, folder: Path, points: Sequence[Point], *, passing: int = 1, plant: str = "") -> list[str]:
    """Has the scenario of points of one series played in a new folder; what kept it from its end, in words."""
    shutil.copytree(template, folder)
    world = CrashWorld(folder)
    world.points, world.passing, world.plant = points, passing, plant
    stage = Stage(world)
    faults: list[str] = []
    try:
        stage.begin()
        stage.point.scenario(stage)
        stage.until_restored()
    except (NeverCameError, RefusedError) as error:
        faults.append(str(error))
    finally:
        try:
            stage.end()
        finally:
            world.end()
            _end_the_left(world)
    texts = [process.text for process in world.processes]
    return faults + [f"a traceback:\n{text}" for text in texts if "Traceback" in text]


def _end_the_left(world: CrashWorld) -> None:
    """What a faulty program leaves behind has been noted: it goes now."""
    for pid, _ in alive(world):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
