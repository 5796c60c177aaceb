"""From every released schema to the present one: the same tables as a new database has, and all rows kept."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.operations import Operations

from ppacer.store import DiskFull, OtherVersion, StoreError, open_store, sqlite
from ppacer.store.errors import CannotOpen
from ppacer.store.logs import open_logs
from ppacer.store.migrations import upgrade as migrations_upgrade
from ppacer.store.migrations.every import MIGRATIONS, OLDEST
from ppacer.store.migrations.step import Migration, Step, Version
from ppacer.store.migrations.upgrade import pending
from ppacer.store.schema import LOGS, RUNS, SCHEMA_VERSION
from tests.runtime.store.releases import VERSIONS, restore, rows_of, tables_of

released = pytest.mark.parametrize("version", VERSIONS)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "pipeline.db", tmp_path / "pipeline.logs.db"


def open_both(files: tuple[Path, Path]) -> list[str]:
    """Opens and closes both; what was told meanwhile."""
    told: list[str] = []
    open_store(files[0], upgrading=told.append).close()
    open_logs(files[1], upgrading=told.append).close()
    return told


def test_there_is_a_migration_to_every_schema_and_a_record_of_every_one_before_the_present() -> None:
    assert [migration.version for migration in MIGRATIONS] == list(range(OLDEST + 1, SCHEMA_VERSION + 1))
    assert list(range(OLDEST, SCHEMA_VERSION)) == VERSIONS
    assert all(set(migration.steps) == {RUNS, LOGS} for migration in MIGRATIONS)


@released
def test_a_record_has_rows_in_every_table(files: tuple[Path, Path], version: int) -> None:
    restore(version, *files)
    for file in files:
        assert all(rows_of(file).values())


@released
def test_an_upgraded_database_is_as_a_new_one_and_keeps_its_rows(
    files: tuple[Path, Path], version: int, tmp_path: Path
) -> None:
    restore(version, *files)
    before = [rows_of(file) for file in files]
    told = open_both(files)
    new = (tmp_path / "new.db", tmp_path / "new.logs.db")
    assert open_both(new) == []
    for file, fresh, old in zip(files, new, before, strict=True):
        assert tables_of(f"sqlite:///{file}") == tables_of(f"sqlite:///{fresh}")
        kept = {
            name: [{column: row[column] for column in old[name][0]} for row in rows]
            for name, rows in rows_of(file).items()
            if name in old
        }
        for row in old["ppacer_meta"]:
            row["schema_version"] = SCHEMA_VERSION
        assert kept == old
        copy = file.with_suffix(f".v{version}.db")
        assert f"copying {file} to {copy} before it is upgraded" in told
        assert f"{file} has been upgraded from schema version {version} to {SCHEMA_VERSION}" in told
        with closing(sqlite3.connect(file)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert open_both(files) == []  # once


@released
def test_the_copy_is_what_the_database_was(files: tuple[Path, Path], version: int) -> None:
    restore(version, *files)
    before = [rows_of(file) for file in files]
    open_both(files)
    assert [rows_of(file.with_suffix(f".v{version}.db")) for file in files] == before
    assert not list(files[0].parent.glob("*.partial"))


@released
def test_without_leave_an_older_database_is_refused_and_kept(files: tuple[Path, Path], version: int) -> None:
    restore(version, *files)
    before = [file.read_bytes() for file in files]
    for file, open_it in zip(files, (open_store, open_logs), strict=True):
        with pytest.raises(OtherVersion, match="made by an older ppacer; this program reads version") as caught:
            open_it(file)
        assert caught.value.upgradable
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("version", [OLDEST - 1, SCHEMA_VERSION + 1])
def test_what_was_never_released_and_what_is_newer_is_refused_even_with_leave(tmp_path: Path, version: int) -> None:
    open_store(tmp_path / "a.db").close()
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection, connection:
        connection.execute("UPDATE ppacer_meta SET schema_version = ?", [version])
    told: list[str] = []
    with pytest.raises(OtherVersion) as caught:
        open_store(tmp_path / "a.db", upgrading=told.append)
    assert not caught.value.upgradable
    assert (told, [path.name for path in tmp_path.iterdir()]) == ([], ["a.db"])


def test_where_no_copy_can_be_kept_nothing_is_upgraded(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    restore(VERSIONS[0], *files)
    before = rows_of(files[0])
    files[0].with_suffix(f".v{VERSIONS[0]}.db").mkdir()
    with pytest.raises(CannotOpen, match=r"pipeline.v2.db cannot be written: Is a directory"):
        open_store(files[0], upgrading=print)
    assert rows_of(files[0]) == before
    monkeypatch.setattr(sqlite, "copy_file", fill_the_disk)
    with pytest.raises(DiskFull, match="the disk is full"):
        open_store(files[0], upgrading=print)
    assert rows_of(files[0]) == before


def fill_the_disk(source: sqlite3.Connection, target: Path) -> None:
    """As SQLite says it where the copy finds no room."""
    source.execute("PRAGMA max_page_count=1")
    source.execute("CREATE TABLE more AS SELECT randomblob(100000) AS x")


# A kill within a step: `steps` counts those that were begun.
KILLED = """
import os, signal, sys
from dataclasses import replace
from ppacer.store import open_store
from ppacer.store.logs import open_logs
from ppacer.store.migrations import upgrade
from ppacer.store.migrations.step import Step

left, after, opener = int(sys.argv[1]), sys.argv[2] == "after", {"runs": open_store, "logs": open_logs}[sys.argv[3]]

def deadly(step):
    def do(op):
        global left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        step.do(op)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return Step(step.name, do)

upgrade.MIGRATIONS = tuple(
    replace(m, steps={part: tuple(map(deadly, steps)) for part, steps in m.steps.items()}) for m in upgrade.MIGRATIONS
)
opener(sys.argv[4], upgrading=lambda text: None)
"""

STEPS = [
    (version, part, number, when)
    for version in VERSIONS
    for part in (RUNS, LOGS)
    for number in range(1, 1 + sum(len(m.steps[part]) for m, _ in pending(Version(version, 0))))
    for when in ("before", "after")
]


def before_step(version: int, part: str, number: int) -> tuple[int, int]:
    """The version that is complete before the step of that number begins, and how many steps of the next are done."""
    left = number - 1
    for migration, _ in pending(Version(version, 0)):
        steps = len(migration.steps[part])
        if left < steps:
            return migration.version - 1, left
        left -= steps
    raise AssertionError("there is no such step")


KILLS = [step for step in STEPS if before_step(*step[:3])[1] in (0, 1) or step == STEPS[-1]]
"""At the beginning of each migration and within it; the test below goes through every step."""


@pytest.mark.slow
@pytest.mark.parametrize(("version", "part", "number", "when"), KILLS)
def test_an_upgrade_that_was_killed_is_done_by_the_next_start(
    files: tuple[Path, Path], version: int, part: str, number: int, when: str
) -> None:
    restore(version, *files)
    file = files[0] if part == RUNS else files[1]
    before = rows_of(file)
    code = [sys.executable, "-c", KILLED, str(number), when, part, str(file)]
    killed = subprocess.run(code, capture_output=True, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    done, in_it = before_step(version, part, number)
    found = rows_of(file)
    if done == version:
        assert found == before  # a migration is one transaction
    assert (found["ppacer_meta"][0]["schema_version"], found["ppacer_meta"][0].get("step", 0)) == (done, 0), in_it
    open_both(files)
    fresh = file.with_name("fresh.db")
    (open_store if part == RUNS else open_logs)(fresh).close()
    assert tables_of(f"sqlite:///{file}") == tables_of(f"sqlite:///{fresh}")
    assert rows_of(file)["ppacer_meta"][0]["schema_version"] == SCHEMA_VERSION


@pytest.mark.parametrize(("version", "part", "number", "when"), STEPS)
def test_where_each_step_commits_by_itself_the_next_start_goes_on_where_it_was_cut_off(
    files: tuple[Path, Path], version: int, part: str, number: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on MySQL, where a change of tables commits at once, before it has been noted."""
    monkeypatch.setattr(migrations_upgrade, "_TRANSACTIONAL", ())
    restore(version, *files)
    file, open_it = (files[0], open_store) if part == RUNS else (files[1], open_logs)
    with monkeypatch.context() as patch:
        patch.setattr(migrations_upgrade, "MIGRATIONS", cut_off(number, after=when == "after"))
        with pytest.raises(InterruptedError):
            open_it(file, upgrading=print)
    done, noted = before_step(version, part, number)
    assert rows_of(file)["ppacer_meta"][0].get("step", 0) == noted
    if noted:
        with pytest.raises(OtherVersion, match=f"has schema version {done + 1}, half upgraded") as caught:
            open_it(file)
        assert caught.value.upgradable
    open_it(file, upgrading=print).close()
    fresh = file.with_name("fresh.db")
    open_it(fresh).close()
    assert tables_of(f"sqlite:///{file}") == tables_of(f"sqlite:///{fresh}")
    assert rows_of(file)["ppacer_meta"][0]["step"] == 0


def cut_off(number: int, *, after: bool) -> tuple[Migration, ...]:
    """The migrations, which come no further than to the step of that number, before or after it is done."""
    begun = 0

    def breaking(step: Step) -> Step:
        def do(op: Operations) -> None:
            nonlocal begun
            begun += 1
            if begun == number and not after:
                raise InterruptedError
            step.do(op)
            op.get_bind().exec_driver_sql("COMMIT")
            op.get_bind().exec_driver_sql("BEGIN IMMEDIATE")
            if begun == number:
                raise InterruptedError

        return Step(step.name, do)

    return tuple(
        replace(one, steps={part: tuple(map(breaking, steps)) for part, steps in one.steps.items()})
        for one in MIGRATIONS
    )


def test_a_database_that_another_process_writes_to_is_not_upgraded(files: tuple[Path, Path]) -> None:
    restore(VERSIONS[0], *files)
    with closing(sqlite3.connect(files[0], isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process has kept the database locked"):
            open_store(files[0], upgrading=print)
    open_both(files)
