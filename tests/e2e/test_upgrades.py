"""A database of an earlier release under a program of this one; its upgrade, copies, what there is to know of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.running import running
from tests.e2e.serving import statuses, task_of
from tests.e2e.world import PIPELINES, World, wait_until
from tests.runtime.store.releases import RELEASED, VERSIONS, restore, rows_of

pytestmark = pytest.mark.slow

released = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def pipeline(world: World) -> Path:
    """The program whose runs were under way when the databases were recorded."""
    return world.build(RELEASED / "pipeline.ppd")


def restored(program: Path, version: int) -> tuple[Path, Path]:
    files = program.with_suffix(".db"), program.with_suffix(".logs.db")
    restore(version, *files)
    return files


@released
def test_what_was_under_way_in_an_earlier_release_goes_on(world: World, pipeline: Path, version: int) -> None:
    database, logs = restored(pipeline, version)
    before = rows_of(database)
    world.open_gate()
    with running(world, pipeline) as served:
        for file in (database, logs):
            copy = file.with_suffix(f".v{version}.db")
            assert f"copying {file} to {copy} before it is upgraded" in served.log
            assert f"{file} has been upgraded from schema version {version} to" in served.log
        unfinished = [row for row in before["runs"] if row["status"] in ("queued", "running")]
        assert {row["dag"] for row in unfinished} == {"steps", "waits", "queued", "fanned", "daily"}
        for row in unfinished:
            ended = served.ended(row["id"])
            # What has waited since the record was made may have waited for too long.
            assert ended.run.status in (("success", "failed") if row["dag"] == "waits" else ("success",))
        (backfill,) = [row["id"] for row in before["backfills"]]
        wait_until(lambda: served.client.backfill(backfill).status == "done", "the backfill to be complete")
        assert served.client.backfill(backfill).succeeded == 7
        steps = next(row["id"] for row in before["runs"] if row["dag"] == "steps")
        assert statuses(served.ended(steps)) == {"a": "success", "b": "success", "c": "success"}
        ends = [name for name, _ in world.steps("end")]
        assert [name for name in ends if name in "abc"] == ["b", "c"]  # what had ended is not done again
        assert [entry.message for entry in served.client.logs(steps, "a").entries] == ["step a"]
        wait_until(lambda: "notifier pager could not tell" in served.log, "what was to be told to be tried again")
        assert served.client.dag("daily").dag.paused
    assert world.call(pipeline, "db", "upgrade").stdout == f"{database} is of this program's version already\n"


@released
def test_asked_first_a_start_names_the_command_that_upgrades(world: World, pipeline: Path, version: int) -> None:
    database, _ = restored(pipeline, version)
    before = database.read_bytes()
    command = "pipeline.py db upgrade` makes it one"
    for arguments in (("start", "--migrate", "ask", "--port", "0"), ("run", "steps", "--migrate", "ask"), ("runs",)):
        done = world.call(pipeline, *arguments)
        assert done.returncode == 1
        assert f"{database} has schema version {version}, made by an older ppacer" in done.stderr
        assert command in done.stderr
    assert database.read_bytes() == before
    status = world.call(pipeline, "db", "status").stdout
    assert f"version     {version}\n" in status
    assert "9 runs" in status
    done = world.call(pipeline, "db", "upgrade")
    assert (done.returncode, done.stdout.count("has been upgraded")) == (0, 2)
    assert f"version     {version}\n" not in world.call(pipeline, "db", "status").stdout
    world.open_gate()
    with running(world, pipeline, "--migrate", "ask") as served:
        assert "upgraded" not in served.log


@pytest.fixture
def program(world: World) -> Path:
    return world.build(PIPELINES / "database_faults.ppd")


def test_a_copy_is_made_of_a_program_that_serves_and_is_as_good_as_the_database(world: World, program: Path) -> None:
    with running(world, program) as served:
        talked = served.trigger("talks")
        done = served.call("db", "backup", "copies.db")  # while it works
        assert done.returncode == 0, done.stderr
        served.ended(talked)
        kept = served.run("quick").run.id
        lines = len(served.client.logs(talked, "t").entries)
        done = served.call("db", "backup", "copies.db")
        assert "runs copied to copies.db" in done.stdout
        assert "logs copied to copies.logs.db" in done.stdout
        status = served.call("db", "status").stdout
        assert f"process {served.process.popen.pid} on " in status
        assert f"answers at {served.url}" in status
        assert "2,001 log_entries" in status
        assert "stop it first" in served.call("db", "upgrade").stderr
        lost = served.run("quick").run.id
    assert not list(world.folder.glob("*.copy*"))
    for name in ("db", "logs.db"):
        with closing(sqlite3.connect(world.folder / f"copies.{name}")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (world.folder / f"copies.{name}").replace(world.folder / f"database_faults.{name}")
    with running(world, program) as served:
        assert served.ended(kept).run.status == "success"
        assert len(served.client.logs(talked, "t").entries) == lines
        assert lost not in [run.id for run in served.client.runs().runs]


def test_copies_replace_copies_only(world: World, program: Path) -> None:
    assert world.call(program, "trigger", "quick").returncode == 0
    (world.folder / "notes.txt").write_text("notes")
    for name, says in {
        "database_faults.db": "is the database itself: name another file",
        "notes.txt": "is no copy of a database: name another file",
        "absent/copy.db": "absent/copy.db",
    }.items():
        done = world.call(program, "db", "backup", name)
        assert done.returncode in (1, 2)
        assert says in done.stderr
        assert "Traceback" not in done.stderr
    for _ in range(2):
        assert world.call(program, "db", "backup", "copy.db").returncode == 0
    assert rows_of(world.folder / "copy.db") == rows_of(world.folder / "database_faults.db")
    misused = world.call(program, "db", "backup")
    assert (misused.returncode, misused.stderr) == (2, "error: say where the copy goes: db backup FILE\n")
    assert world.call(program, "db", "status", "x.db").returncode == 2


def test_less_durability_is_said_and_loses_nothing_to_a_kill(world: World, program: Path) -> None:
    with running(world, program, "--durability", "normal") as served:
        assert "(durability normal: a power cut may take the last moments away)" in served.log
        assert served.client.health().durability == "normal"
        assert "durability  normal" in served.call("db", "status").stdout
        kept = served.run("quick").run.id
        served.process.kill()
    with running(world, program) as served:
        assert "durability normal" not in served.log
        assert served.client.health().durability == "full"
        assert task_of(served.ended(kept), "t").status == "success"
