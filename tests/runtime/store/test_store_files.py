"""SQLite files that go from under an open store, and what is on the disk when a commit returns."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ppacer.config import Durability
from ppacer.core.model import InsertBuild
from ppacer.store import Store, open_store
from ppacer.store.errors import Displaced
from ppacer.store.leader import Leader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pipeline.db"


@pytest.fixture
def opened(path: Path, rows: Any) -> Iterator[Store]:
    """One that existed before."""
    open_store(path).close()
    store = open_store(path)
    store.advance_leader()
    store.write([InsertBuild(rows.build())])
    yield store
    store.close()


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
def test_nothing_is_acknowledged_once_a_file_has_been_moved_until_it_is_back(
    opened: Store, path: Path, rows: Any, suffix: str
) -> None:
    file = Path(f"{path}{suffix}")
    file.rename(path.with_name("away"))
    for _ in range(2):
        with pytest.raises(Displaced, match=f"{file.name} has been"):
            opened.write([InsertBuild(rows.build("c" * 64))])
        with pytest.raises(Displaced):
            opened.build("b" * 64)
    assert not file.exists()
    path.with_name("away").rename(file)
    opened.write([InsertBuild(rows.build("c" * 64))])
    assert opened.build("c" * 64) == rows.build("c" * 64)


def test_what_is_committed_while_the_file_goes_is_not_acknowledged(opened: Store, path: Path, rows: Any) -> None:
    event.listen(opened._database._writer, "commit", lambda _: path.rename(path.with_name("away")))
    with pytest.raises(Displaced):
        opened.write([InsertBuild(rows.build("c" * 64))])


def test_another_file_in_its_place_is_neither_written_nor_read(opened: Store, path: Path, rows: Any) -> None:
    open_store(path.with_name("other.db")).close()
    other = path.with_name("other.db").read_bytes()
    path.rename(path.with_name("away"))
    shutil.copy(path.with_name("other.db"), path)
    with pytest.raises(Displaced, match=r"another file has been put in the place of .*pipeline\.db"):
        opened.write([InsertBuild(rows.build("c" * 64))])
    assert path.read_bytes() == other
    path.with_name("away").rename(path)
    assert opened.build("b" * 64) == rows.build()


def test_what_a_removed_file_held_is_saved_once(opened: Store, path: Path, rows: Any) -> None:
    path.unlink()
    rescued = path.with_name("pipeline.db.rescued")
    for _ in range(2):
        with pytest.raises(Displaced, match=r"has been saved in .*pipeline\.db\.rescued: stop the program, move that"):
            opened.write([InsertBuild(rows.build("c" * 64))])
        rescued.rename(path.with_name("kept.db")) if rescued.exists() else None
    assert not rescued.exists()
    opened.close()
    with closing(sqlite3.connect(path.with_name("kept.db"))) as connection:
        assert connection.execute("SELECT build FROM builds").fetchall() == [("b" * 64,)]


def test_where_it_cannot_be_saved_either_that_is_said_and_tried_again(opened: Store, path: Path) -> None:
    rescued = path.with_name("pipeline.db.rescued")
    rescued.mkdir()
    path.unlink()
    with pytest.raises(Displaced, match=r"what it held cannot be saved: .* cannot be written: Is a directory"):
        opened.advance_leader()
    rescued.rmdir()
    with pytest.raises(Displaced, match="has been saved"):
        opened.advance_leader()
    assert rescued.is_file()


def test_what_is_in_a_removed_write_ahead_log_is_written_back(opened: Store, path: Path) -> None:
    Path(f"{path}-wal").unlink()
    with pytest.raises(Displaced, match=r"db-wal has been removed under the running program: stop it and start it"):
        opened.dags()
    copy = path.with_name("copy.db")
    shutil.copy(path, copy)  # what a kill would leave
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT build FROM builds").fetchall() == [("b" * 64,)]


def pragma(store: Store, name: str) -> int:
    with store._database.transaction() as connection:
        return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


@pytest.mark.parametrize(("durability", "synchronous"), [(Durability.FULL, 2), (Durability.NORMAL, 1)])
def test_durability_is_what_was_chosen_but_the_lead_is_always_on_the_disk(
    path: Path, durability: Durability, synchronous: int
) -> None:
    store = open_store(path, durability=durability)
    seen: list[int] = []

    def note(connection: Any) -> None:
        seen.append(int(connection.exec_driver_sql("PRAGMA synchronous").scalar_one()))

    assert store.durability is durability
    assert pragma(store, "synchronous") == synchronous
    event.listen(store._database._writer, "commit", note)
    store.advance_leader()
    store.write([])
    assert seen == [2, synchronous]
    store.close()


def test_who_leads_is_told_to_others(path: Path) -> None:
    store = open_store(path)
    assert store.leader() is None
    store.advance_leader(Leader("tea", 7, 11, "http://tea:9321"))
    assert store.leader() == Leader("tea", 7, 11, "http://tea:9321", epoch=1)
    store.advance_leader()  # one that does not say
    assert store.leader() is None
    store.close()
