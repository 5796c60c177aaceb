"""What goes wrong with the database of a program that runs: it says so, keeps what it has, and goes on by itself."""

from __future__ import annotations

import os
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest

from ppacer.client import RefusedError
from ppacer.web.messages import Problem
from tests.e2e.database_faults import (
    broken_disk,
    failing_library,
    full,
    immutable,
    locked,
    moved,
    preload,
    replaced,
    small_disk,
    too_large,
)
from tests.e2e.running import running
from tests.e2e.serving import Serving, statuses, task_of
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, Process, World, wait_until

pytestmark = pytest.mark.slow

LEASE = 5
"""Seconds, more than a pause of a busy machine. Each fault lasts for longer."""

STALLED = "error: nothing can be recorded, so nothing goes on for now: "
GOES_ON = "warning: the database takes writes again: its state was loaded, everything goes on"
Fault = AbstractContextManager[None]


@pytest.fixture
def program(world: World) -> Path:
    return world.build(PIPELINES / "database_faults.ppd")


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def endure(served: Serving, fault: Fault, says: str, *, lease: float = LEASE, executor: Process | None = None) -> None:
    """A task runs when the fault begins, outlasts its lease, ends, and is reported; all goes on when the fault ends."""
    world, client = served.world, served.client
    run = served.trigger("gate")
    wait_until(lambda: any(name == "b" for name, _ in world.steps("start")), "the task to run")
    ((_, pid),) = [step for step in world.steps("start") if step[0] == "b"]
    with fault:
        begun = time.monotonic()
        problem = refusal(served)
        assert problem.status == 503
        assert says in problem.detail
        with pytest.raises(urllib.error.HTTPError) as unwell:
            urllib.request.urlopen(f"{served.url}/ready", timeout=PATIENCE_SECONDS)
        assert unwell.value.code == 503
        assert unwell.value.headers["Content-Type"].startswith("application/json")
        health = unwell.value.read().decode()
        assert '"status":"stalled"' in health
        assert says in health
        wait_until(lambda: time.monotonic() > begun + lease + 1, "a lease to be over")
        assert alive(pid)
        world.open_gate()
        wait_until(lambda: any(name == "b" for name, _ in world.steps("end")), "the task to end")
    wait_until(lambda: healthy(served), "the program to be well again")
    ended = served.ended(run)
    assert statuses(ended) == {"a": "success", "b": "success", "c": "success"}
    assert [len(task_of(ended, name).attempts) for name in "abc"] == [1, 1, 1]
    assert [name for name, _ in world.steps("end") if name in "abc"] == ["a", "b", "c"]
    made = [found.id for found in client.runs(dag="quick").runs]
    assert statuses(served.run("quick")) == {"t": "success"}
    for id_ in made:  # those asked for until the fault was noticed: acknowledged or not, each is run once
        assert statuses(served.ended(id_)) == {"t": "success"}
    assert len([name for name, _ in world.steps("end") if name == "quick"]) == len(made) + 1
    assert served.log.count(STALLED) == 1
    assert served.log.count(GOES_ON) == 1
    assert says in served.log
    logs = [served.log, executor.text] if executor is not None else [served.log]
    for text in logs:
        assert "Traceback" not in text
        assert text.count("trying again until it answers") <= 1
        assert len(text.splitlines()) < 60


def refusal(served: Serving) -> Problem:
    """What the program says to the first request that it cannot carry out."""
    for _ in range(1000):
        try:
            served.trigger("quick")
        except RefusedError as error:
            return error.problem
    pytest.fail("all goes on")


def healthy(served: Serving) -> bool:
    try:
        return served.client.ready().status == "ok"
    except RefusedError:
        return False


def sound(database: Path) -> None:
    """What the program left behind is whole."""
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


@contextmanager
def served_by(world: World, program: Path, *arguments: str | Path, lease: float = LEASE) -> Iterator[Serving]:
    with running(world, program, *map(str, arguments), "--lease", str(lease)) as served:
        yield served


@pytest.mark.parametrize("file", ["database", "logs"])
def test_a_full_disk(world: World, program: Path, file: str) -> None:
    with small_disk(world.folder / "disk", 16) as disk:
        path = disk / f"pipeline.{file}.db"
        with served_by(world, program, f"--{file}", path) as served:
            if file == "database":
                endure(served, full(disk), f"{path}: the disk is full: free some space")
            else:
                endure_logs(served, full(disk), f"{path}: the disk is full: free some space")
        sound(path)


def endure_logs(served: Serving, fault: Fault, says: str) -> None:
    """What a task says cannot be kept: it is once there is room for it, all of it."""
    with fault:
        run = served.trigger("talks")
        wait_until(lambda: STALLED in served.log, "the program to notice")
        assert says in served.log
        begun = time.monotonic()
        wait_until(lambda: time.monotonic() > begun + LEASE + 1, "a lease to be over")
    ended = served.ended(run)
    assert statuses(ended) == {"t": "success"}
    assert len(task_of(ended, "t").attempts) == 1
    said: list[str] = []
    after = 0
    while page := served.client.logs(run, "t", after=after).entries:
        said += [entry.message for entry in page]
        after = page[-1].seq
    assert [line[:6] for line in said] == [f"{number:06d}" for number in range(2000)]
    assert served.log.count(STALLED) <= 2
    assert served.log.count("trying again until it answers") <= 2
    assert len(served.log.splitlines()) < 40


FAULTS: dict[str, tuple[Callable[[Path, int], Fault], str]] = {
    "too large": (lambda database, pid: too_large(pid, 16 * 1024), "the disk under the database reports a fault"),
    "immutable": (
        lambda database, pid: immutable(database, Path(f"{database}-wal")),
        "the disk under the database reports a fault",
    ),
    "moved": (
        lambda database, pid: moved(database),
        "has been moved or removed under the running program: put it back, and everything goes on",
    ),
    "all moved": (
        lambda database, pid: moved(database, Path(f"{database}-wal"), Path(f"{database}-shm")),
        "has been moved or removed under the running program: put it back, and everything goes on",
    ),
    "replaced": (
        lambda database, pid: replaced(database, database.parent / "other.db"),
        "another file has been put in the place of",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_file(world: World, program: Path, name: str) -> None:
    assert world.call(program, "trigger", "quick", "--database", "other.db").returncode == 0
    fault, says = FAULTS[name]
    with served_by(world, program) as served:
        database = program.with_suffix(".db")
        endure(served, fault(database, served.process.popen.pid), says)
    sound(database)


@pytest.mark.parametrize("ending", ["database_faults.db-wal", "database_faults.logs.db-wal"])
@pytest.mark.parametrize("writes", [True, False], ids=["write", "sync"])
def test_a_broken_disk(
    world: World, program: Path, monkeypatch: pytest.MonkeyPatch, ending: str, *, writes: bool
) -> None:
    trigger = world.folder / "broken"
    for name, value in preload(failing_library(world.folder, writes=writes), trigger, ending).items():
        monkeypatch.setenv(name, value)
    with served_by(world, program) as served:
        if "logs" in ending:
            endure_logs(served, broken_disk(trigger), "the disk under the database reports a fault")
        else:
            endure(served, broken_disk(trigger), "the disk under the database reports a fault")
    sound(program.with_suffix(".db"))


LONGER_LEASE = 15
"""A lock is waited for, for 5 seconds, before it is a fault."""


def test_a_lock_that_another_process_holds(world: World, program: Path) -> None:
    with served_by(world, program, lease=LONGER_LEASE) as served:
        says = "another process has kept the database locked for 5 seconds"
        endure(served, locked(program.with_suffix(".db")), says, lease=LONGER_LEASE)


def test_an_executor_elsewhere_keeps_its_tasks_and_its_reports(world: World, program: Path) -> None:
    with served_by(world, program, "scheduler") as served:
        executor = world.start(program, "executor", "--scheduler", served.url)
        endure(served, moved(program.with_suffix(".db")), "has been moved or removed", executor=executor)
        assert executor.text.count("trying again until it answers") == 1
        assert executor.text.count("the scheduler answers again") == 1
        assert executor.terminate() == 0


def test_a_database_that_was_removed_is_saved(world: World, program: Path) -> None:
    database = program.with_suffix(".db")
    with running(world, program) as served:
        kept = served.run("quick").run.id
        database.unlink()
        with pytest.raises(RefusedError, match=r"what it held has been saved in .*database_faults\.db\.rescued: stop"):
            served.trigger("quick")
        assert not database.exists()
    assert served.log.count(STALLED) == 1
    database.with_name(f"{database.name}.rescued").rename(database)
    sound(database)
    with running(world, program) as served:
        assert served.ended(kept).run.status == "success"
        assert statuses(served.run("quick")) == {"t": "success"}


def test_of_a_removed_write_ahead_log_nothing_is_lost_even_by_a_kill(world: World, program: Path) -> None:
    database = program.with_suffix(".db")
    with running(world, program) as served:
        kept = served.run("quick").run.id
        Path(f"{database}-wal").unlink()
        with pytest.raises(RefusedError, match=r"db-wal has been removed under the running program: stop it and start"):
            served.trigger("quick")
        served.process.kill()
    sound(database)
    with running(world, program) as served:
        assert served.ended(kept).run.status == "success"
        assert statuses(served.run("quick")) == {"t": "success"}


# --- at the start ----------------------------------------------------------------------------------------------------


def test_a_database_that_cannot_be_opened_ends_the_start_with_its_cause(world: World, program: Path) -> None:
    folder = world.folder
    (folder / "notes.txt").write_text("no database\n" * 100)
    (folder / "folder").mkdir()
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    assert world.call(program, "trigger", "quick", "--database", "damaged.db").returncode == 0
    content = bytearray((folder / "damaged.db").read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    (folder / "damaged.db").write_bytes(content)
    for name, says in {
        "notes.txt": "notes.txt: this file is no SQLite database: name another one",
        "folder": "folder is a folder: name a file for the database",
        "shop.db": "shop.db is a database of another program (its tables: customers): name another file",
        "absent/x.db": "absent to keep the database in",
        "damaged.db": "damaged.db: the database is damaged: restore it from a backup",
    }.items():
        refused(world, program, "--database", name, says=says)
    refused(world, program, "--logs", "notes.txt", says="notes.txt: this file is no SQLite database")


def test_a_start_while_another_process_holds_the_database_locked(world: World, program: Path) -> None:
    assert world.call(program, "trigger", "quick").returncode == 0
    with locked(program.with_suffix(".db")):
        refused(world, program, says="another process has kept the database locked for 5 seconds")
    with running(world, program) as served:
        assert len(served.client.runs(dag="quick").runs) == 1


def test_a_start_on_a_full_disk(world: World, program: Path) -> None:
    with small_disk(world.folder / "disk", 1) as disk:
        with full(disk):
            refused(world, program, "--database", f"{disk}/new.db", says="disk")
        with running(world, program, "--database", f"{disk}/new.db", "--logs", "elsewhere.db") as served:
            assert statuses(served.run("quick")) == {"t": "success"}


def test_a_start_with_a_database_that_may_not_be_written(world: World, program: Path) -> None:
    assert world.call(program, "trigger", "quick").returncode == 0
    database = program.with_suffix(".db")
    before = database.read_bytes()
    if os.geteuid() == 0:
        with immutable(database):
            refused(world, program, says="the database cannot be written: look at the permissions of file and folder")
    else:
        database.chmod(0o444)
        refused(world, program, says="the database cannot be written: look at the permissions of file and folder")
    assert database.read_bytes() == before


def refused(world: World, program: Path, *arguments: str, says: str) -> None:
    for command in ("start", "scheduler", "run"):
        dag = ("quick",) if command == "run" else ()
        port = () if command == "run" else ("--port", "0")
        done = world.call(program, command, *dag, *port, *arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert done.stderr.count("error: ") == 1, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr + done.stdout
