"""SQLite files: what stands in the way of opening and writing them, and what is on the disk afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ppacer.core.model import DeleteRuns, InsertBuild, InsertEvent, InsertRun, InsertTask, RunStatus
from ppacer.protocol import LogEntry
from ppacer.store import (
    CannotOpen,
    Damaged,
    DiskFull,
    Locked,
    NotADatabase,
    NothingThere,
    OtherVersion,
    Store,
    StoreError,
    Unavailable,
    Unwritable,
    open_store,
    sqlite,
)
from ppacer.store.logs import LogStore, open_logs
from ppacer.store.schema import SCHEMA_VERSION

Open = Callable[[str | Path], object]


@pytest.fixture
def kind() -> str:
    return "sqlite"


either = pytest.mark.parametrize("open_it", [open_store, open_logs], ids=["runs", "logs"])


@either
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent/pipeline.db", "the folder .*absent does not exist"),
        ("file.txt/pipeline.db", "the folder .*file.txt does not exist"),
        (".", "is a folder"),
        ("a" * 300, "File name too long"),
    ],
    ids=["no folder", "a file for a folder", "a folder for a file", "a name too long"],
)
def test_a_place_where_no_file_can_be(tmp_path: Path, open_it: Open, name: str, message: str) -> None:
    (tmp_path / "file.txt").write_text("notes")
    with pytest.raises(CannotOpen, match=message):
        open_it(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_database_in_memory_or_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(CannotOpen, match="lost with the program"):
        open_store(":memory:")
    with pytest.raises(CannotOpen, match=r"^oracle://… names no database that can be used: expected the path"):
        open_store("oracle://user:secret@host/db")


def test_what_is_not_there_is_not_made_where_nobody_makes_it(tmp_path: Path) -> None:
    with pytest.raises(NothingThere, match="does not exist"):
        open_store(tmp_path / "pipeline.db", makes=False)
    assert list(tmp_path.iterdir()) == []


def test_a_url_names_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, url in [("a b?.db", "sqlite:///a b?.db"), ("c.db", f"sqlite:///{tmp_path}/c.db"), ("%d#.db", "%d#.db")]:
        store = open_store(url)
        store.close()
        assert (tmp_path / name).is_file()


@either
@pytest.mark.parametrize(
    "content", [b"name,amount\nsoap,3\n" * 100, b"\x00" * 5000, b"x"], ids=["text", "zeros", "byte"]
)
def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path, open_it: Open, content: bytes) -> None:
    path = tmp_path / "sales.csv"
    path.write_bytes(content)
    with pytest.raises(NotADatabase, match=r"sales.csv: this file is no SQLite database"):
        open_it(path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@either
def test_another_programs_database_is_refused_and_kept(tmp_path: Path, open_it: Open) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customers (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(NotADatabase, match=r"another program \(its tables: customers\)"):
        open_it(path)
    assert path.read_bytes() == before


def test_runs_and_logs_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    open_store(tmp_path / "a.db").close()
    open_logs(tmp_path / "b.db").close()
    with pytest.raises(NotADatabase, match="holds ppacer's runs, not its logs"):
        open_logs(tmp_path / "a.db")
    with pytest.raises(NotADatabase, match="holds ppacer's logs, not its runs"):
        open_store(tmp_path / "b.db")


@either
@pytest.mark.parametrize(("version", "word"), [(99, "a newer ppacer"), (0, "an older ppacer")])
def test_a_database_of_another_version_is_refused(tmp_path: Path, open_it: Open, version: int, word: str) -> None:
    path = tmp_path / "pipeline.db"
    open_it(path).close()  # type: ignore[attr-defined]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE ppacer_meta SET schema_version = ?", [version])
    with pytest.raises(OtherVersion, match=word) as caught:
        open_it(path)
    assert (caught.value.found, caught.value.supported) == (version, SCHEMA_VERSION)


@either
def test_an_empty_file_becomes_a_database(tmp_path: Path, open_it: Open) -> None:
    path = tmp_path / "pipeline.db"
    path.touch()
    open_it(path).close()  # type: ignore[attr-defined]
    assert path.read_bytes().startswith(b"SQLite format 3\0")


@pytest.fixture
def plain_user() -> Iterator[Path]:
    """A folder of root's that everybody may read, and a process that is not root for as long as the test runs."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    open_store(folder / "theirs.db").close()
    shutil.copy(folder / "theirs.db", folder / "secret.db")
    (folder / "secret.db").chmod(0o000)
    (folder / "private").mkdir(mode=0o000)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    else:
        (folder / "theirs.db").chmod(0o444)
        folder.chmod(0o555)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    (folder / "private").chmod(0o700)
    shutil.rmtree(folder)


def test_files_and_folders_that_are_somebody_elses(plain_user: Path) -> None:
    with pytest.raises(Unwritable, match=r"theirs.db: the database cannot be written: look at the permissions"):
        open_store(plain_user / "theirs.db")
    with pytest.raises(CannotOpen, match=r"new.db: the file cannot be opened: look at the permissions"):
        open_store(plain_user / "new.db")
    with pytest.raises(CannotOpen, match=r"secret.db: the file cannot be opened"):
        open_store(plain_user / "secret.db")
    with pytest.raises(CannotOpen, match="Permission denied"):
        open_store(plain_user / "private" / "pipeline.db")


def test_a_full_disk_takes_nothing_and_the_store_goes_on_when_there_is_room(store: Store, rows: Any) -> None:
    with store._database.transaction() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    assert store._database._connection is not None
    store._database._connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    store._database._connection.rollback()
    store.write([InsertRun(rows.run())])
    events = [InsertEvent(rows.event(seq)) for seq in range(1, 2000)]

    with pytest.raises(DiskFull, match="the disk is full"):
        store.write(events)
    assert store.events(rows.id(1)) == []
    assert store.runs() == [rows.run()]
    with pytest.raises(DiskFull):
        store.write(events)

    store._database._connection.exec_driver_sql("PRAGMA max_page_count=1000000")
    store._database._connection.rollback()
    store.write(events)
    assert len(store.events(rows.id(1))) == 1999


def test_a_lock_held_too_long_is_told_and_gone_when_it_is_gone(
    store: Store, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.05)
    impatient = open_store(store.name)
    with closing(sqlite3.connect(store.name, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Locked, match="another process has kept the database locked"):
            impatient.advance_leader()
        assert impatient.dags() == store.dags()  # reading goes on
        other.execute("ROLLBACK")
    impatient.advance_leader()
    impatient.write([InsertRun(rows.run())])
    impatient.close()


def test_a_damaged_database_is_told(store: Store, rows: Any) -> None:
    store.write([InsertRun(rows.run()), *(InsertEvent(rows.event(seq)) for seq in range(1, 2000))])
    store.close()
    path = Path(store.name)
    content = bytearray(path.read_bytes())
    end = len(content) // 4  # behind all that is read to open it
    content[-end:] = b"\xff" * end
    path.write_bytes(content)
    damaged = open_store(path)
    with pytest.raises(Damaged, match="restore it from a backup"):
        damaged.events(rows.id(1))
    damaged.close()


def test_any_other_fault_is_told_with_sqlites_own_words(store: Store) -> None:
    with store._database.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE attempts")
    with pytest.raises(Unavailable, match="no such table: attempts"):
        store.live_attempts()


def test_every_fault_of_a_store_is_a_store_error() -> None:
    for fault in (CannotOpen, Damaged, DiskFull, Locked, NotADatabase, OtherVersion, Unavailable, Unwritable):
        assert issubclass(fault, StoreError)


def test_the_writer_is_durable_and_checked_and_the_readers_cannot_write(store: Store) -> None:
    with store._database.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
    with pytest.raises(Unwritable), store._database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM dags")
    assert len(store.dags()) == 2


def test_a_read_does_not_wait_for_a_writer_and_sees_what_is_committed(store: Store, rows: Any) -> None:
    with store._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM backfills")
        connection.exec_driver_sql("DELETE FROM dags")
        assert store.dags() == [rows.dag("daily"), rows.dag("hourly")]
    assert store.dags() == []


@pytest.mark.parametrize("which", ["runs", "logs"])
def test_space_is_given_back_in_steps_but_for_a_reserve(store: Store, logs: LogStore, rows: Any, which: str) -> None:
    opened: Store | LogStore = store if which == "runs" else logs
    store.write([InsertRun(rows.run(status=RunStatus.SUCCESS))])
    if which == "runs":
        store.write([InsertEvent(replace(rows.event(seq), payload="x" * 500)) for seq in range(1, 5000)])
        store.write([DeleteRuns((rows.id(1),))])
    else:
        logs.append([("a", [LogEntry(seq, 1, "stdout", 20, "x" * 500) for seq in range(1, 5000)])])
        logs.delete([("a", 5000)])

    def pragma(name: str) -> int:
        with opened._database.reading() as connection:
            return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())

    full = pragma("page_count")
    assert full > 600
    assert opened.give_back(50) == 50
    assert pragma("page_count") == full - 50
    steps = 1
    while opened.give_back(50) == 50:
        steps += 1
    assert steps >= 10
    assert pragma("freelist_count") <= pragma("page_count") // 10 + 1 < 20
    assert opened.give_back(50) == 0
    name = opened.name
    opened.close()
    assert Path(name).stat().st_size < 4096 * full / 5


def test_a_database_of_another_program_is_not_touched_by_ours(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA auto_vacuum=FULL")
        connection.execute("CREATE TABLE customers (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(NotADatabase):
        open_store(path)
    assert path.read_bytes() == before


@either
def test_closing_leaves_one_file(tmp_path: Path, open_it: Open) -> None:
    opened = open_it(tmp_path / "pipeline.db")
    opened.last_event_seq(["r"]) if isinstance(opened, Store) else opened.last_seq(["a"])  # type: ignore[attr-defined]
    assert len(list(tmp_path.iterdir())) > 1
    opened.close()  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir()] == ["pipeline.db"]


CRASH = """
import os, signal, sys
from ppacer.core.model import BuildRow, InsertBuild
from ppacer.store import open_store
store = open_store(sys.argv[1])
store.advance_leader()
for number in range(20):
    store.write([InsertBuild(BuildRow(f"{number:064}", "p", "c", 1, "{}", 1))])
print("written", flush=True)
with store._database.transaction() as connection:
    connection.exec_driver_sql("DELETE FROM builds")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_what_was_written_survives_a_kill_and_what_was_not_committed_is_gone(tmp_path: Path, rows: Any) -> None:
    path = tmp_path / "pipeline.db"
    done = subprocess.run([sys.executable, "-c", CRASH, str(path)], capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"written\n"), done.stderr
    store = open_store(path)
    assert all(store.build(f"{number:064}") for number in range(20))
    store.advance_leader()
    store.write([InsertBuild(rows.build())])
    store.close()
    assert list(tmp_path.iterdir()) == [path]


CRASH_WHILE_REMOVING = """
import os, signal, sys
from ppacer.core.model import DeleteRuns
from ppacer.store import open_store
from ppacer.store.batches import apply
store = open_store(sys.argv[1])
store.advance_leader()
ids = tuple(run.id for run in store.runs())
store.trim_run(ids[0], 2)
with store._database.transaction() as connection:
    apply(connection, [DeleteRuns(ids)])
    print(connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one(), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_kill_while_runs_are_removed_leaves_them_whole_or_trimmed(store: Store, rows: Any) -> None:
    runs = [rows.run(number, status=RunStatus.SUCCESS) for number in (1, 2)]
    events = [rows.event(seq, number) for number in (1, 2) for seq in (1, 2, 3)]
    store.write([*map(InsertRun, runs), *map(InsertEvent, events), InsertTask(rows.task())])
    code = [sys.executable, "-c", CRASH_WHILE_REMOVING, store.name]
    done = subprocess.run(code, capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"0\n"), done.stderr
    assert store.runs() == runs[::-1]
    assert store.tasks(rows.id(1)) == [rows.task()]
    assert store.events(rows.id(1)) == events[:3]
    assert store.events(rows.id(2)) == events[5:]  # the newest run was the one that had been trimmed


@pytest.mark.slow
def test_the_errors_of_the_store_come_without_sqlalchemy() -> None:
    code = "import sys, ppacer.store.errors; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=300, check=False).returncode == 0
