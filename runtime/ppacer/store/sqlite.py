"""How SQLite files are opened, and what SQLite's error codes mean to a person.

Writers begin with BEGIN IMMEDIATE: a transaction that reads first and writes later would otherwise fail at once when
another process wrote in between. The log is written ahead (WAL) and synced at every commit (`synchronous=FULL`): what
was committed survives a power cut. With `synchronous=NORMAL` it is synced only before it is written back: a power cut
takes away what was committed since, and leaves the database whole.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from ppacer.config import Durability
from ppacer.store import driver
from ppacer.store.copies import copy_file
from ppacer.store.database import Database
from ppacer.store.errors import (
    CannotOpen,
    Conflict,
    Damaged,
    DiskFull,
    Locked,
    NotADatabase,
    StoreError,
    Unavailable,
    Unwritable,
)
from ppacer.store.facts import Facts, facts_of
from ppacer.store.older import Tell, bring_up
from ppacer.store.schema import META, SCHEMA_VERSION
from ppacer.store.sqlite_database import SqliteDatabase
from ppacer.store.versions import PRESENT, find_version

BUSY_SECONDS = 5.0
"""How long a statement waits for another process's lock."""

SMALLEST_FILE = 512
"""Bytes in the smallest page that SQLite knows."""

LOG_KEPT_BYTES = 16 * 1024 * 1024
"""What the write-ahead log's file may keep on the disk after it has been written back."""

RESERVE = 10
"""One page in so many may stay in the file although it holds nothing: what comes next needs it."""


_SYNCHRONOUS = {Durability.FULL: "FULL", Durability.NORMAL: "NORMAL"}


def open_sqlite(path: Path, tables: MetaData, part: str, *, durability: Durability, upgrading: Tell | None) -> Database:
    """Opens the file, made with its tables if it is absent or empty. `part` is what it must hold: `RUNS` or `LOGS`.

    One of an earlier schema is copied and upgraded, and `upgrading` is told of both; without that it is refused.
    """
    new = _refuse_impossible(path)
    prepare = partial(_prepare_new if new else _prepare_writer, _SYNCHRONOUS[durability])
    writer = _engine(path, prepare, "rwc" if new else "rw")
    event.listen(writer, "begin", _begin_immediate)
    readers = _engine(path, _prepare_reader, "rw")
    synced = None if durability is Durability.FULL else _synced
    database = SqliteDatabase(path, writer, readers, explain=explain_error, free=_give_back, synced=synced)
    try:
        with database.transaction() as connection:
            found = find_version(connection, str(path), part)
            if found is None:
                tables.create_all(connection, checkfirst=False)
                row = {"part": part, "schema_version": SCHEMA_VERSION, "leader_epoch": 0}
                connection.execute(insert(tables.tables[META]), [row])
                found = PRESENT
        bring_up(database, part, found, tell=upgrading, prepare=partial(_keep_copy, path))
        _write_ahead(writer, path)
        with database.reading() as connection:
            connection.exec_driver_sql("SELECT 1 FROM sqlite_master")  # by now all files are there
        database.watch()
    except BaseException:
        database.close()
        raise
    return database


def _refuse_impossible(path: Path) -> bool:
    """Whether the database has yet to be made."""
    if str(path) == ":memory:":
        raise CannotOpen("a database in memory would be lost with the program: name a file")
    try:
        if path.is_dir():
            raise CannotOpen(f"{path} is a folder: name a file for the database")
        if not path.parent.is_dir():
            raise CannotOpen(f"{path}: the folder {path.parent} does not exist: make it, or put the database elsewhere")
        size = path.stat().st_size if path.exists() else 0
    except OSError as error:
        raise CannotOpen(f"{path} cannot be opened: {error.strerror}") from error
    # SQLite itself takes so short a file for an empty database, and would write over it.
    if 0 < size < SMALLEST_FILE:
        raise NotADatabase(f"{path}: this file is no SQLite database: name another one")
    return size == 0


def _engine(path: Path, prepare: Callable[[DBAPIConnection, ConnectionPoolEntry], None], mode: str) -> Engine:
    """With the mode `rw` no file is made where there is none; `rwc` makes it."""
    url = URL.create("sqlite", database=f"file:{quote(str(path.absolute()))}", query={"mode": mode, "uri": "true"})
    # `isolation_level=None`: the driver begins no transaction of its own accord; `begin` below does. Threads may share
    # a connection because SQLite is built serialised, and nothing here uses one from two threads at a time.
    arguments = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args=arguments, max_overflow=-1)
    event.listen(engine, "connect", prepare)
    return engine


def _prepare_new(synchronous: str, connection: DBAPIConnection, entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # possible only before the first table is made
    cursor.close()
    _prepare_writer(synchronous, connection, entry)


def _prepare_writer(synchronous: str, connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute(f"PRAGMA synchronous={synchronous}")
    cursor.execute("PRAGMA fullfsync=ON")  # macOS: a plain fsync leaves the data in the disk's cache
    cursor.execute(f"PRAGMA journal_size_limit={LOG_KEPT_BYTES}")
    cursor.close()


def _prepare_reader(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


@contextmanager
def _synced(connection: Connection) -> Iterator[None]:
    """Has commits wait for the disk; to be entered outside a transaction."""
    cursor = connection.connection.cursor()
    cursor.execute(f"PRAGMA synchronous={_SYNCHRONOUS[Durability.FULL]}")
    try:
        yield
    finally:
        cursor.execute(f"PRAGMA synchronous={_SYNCHRONOUS[Durability.NORMAL]}")
        cursor.close()


def _begin_immediate(connection: Connection) -> None:
    driver.run(connection, "BEGIN IMMEDIATE")


def _give_back(connection: Connection, pages: int) -> int:
    def number(pragma: str) -> int:
        return int(connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one())

    free = number("freelist_count")
    wanted = min(pages, (RESERVE * free - number("page_count")) // (RESERVE - 1))
    cursor = connection.connection.cursor()
    for _ in range(wanted):  # asked for several pages, it pauses after each, and the driver does not make it go on
        cursor.execute("PRAGMA incremental_vacuum(1)")
    cursor.close()
    return free - number("freelist_count")


def _keep_copy(path: Path, version: int, tell: Tell) -> None:
    """Copies the file before it is upgraded; there is one copy for each version, the last."""
    copy = path.with_suffix(f".v{version}{path.suffix}")
    tell(f"copying {path} to {copy} before it is upgraded")
    copy_closed(path, copy)


def copy_closed(path: Path, target: Path) -> None:
    """Copies a database that nobody has open; as `Database.copy` of one that is."""
    try:
        with closing(sqlite3.connect(path)) as source:
            copy_file(source, target)
    except sqlite3.Error as error:
        raise explain_error(error, target) from error


def look_at(path: Path, part: str) -> Facts:
    """What there is to say of a database of whatever version, which nobody has open. Raises `StoreError`."""
    _refuse_impossible(path)
    engine = _engine(path, _prepare_reader, "rw")
    try:
        with engine.connect() as connection:
            return facts_of(connection, str(path), part)
    except DBAPIError as error:
        raise explain_error(error.orig, path) from error
    finally:
        engine.dispose()


def _write_ahead(writer: Engine, path: Path) -> None:
    """Turns the write-ahead log on: kept in the file, and possible only outside a transaction."""
    connection = writer.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        (mode,) = cursor.fetchone() or ("",)
        cursor.close()
    except sqlite3.Error as error:
        raise explain_error(error, path) from error
    finally:
        connection.close()
    if mode != "wal":
        raise CannotOpen(f"{path}: SQLite can keep no write-ahead log here; put the database on a local disk")


def explain_error(error: BaseException | None, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    # The low byte is the primary code, the rest says more about it.
    kind, text = _MEANINGS.get(code) or _MEANINGS.get(code & 0xFF) or (Unavailable, "the database cannot be used")
    return kind(f"{path}: {text} (SQLite: {error}, {getattr(error, 'sqlite_errorname', 'no code')})")


_MEANINGS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_NOTADB: (NotADatabase, "this file is no SQLite database: name another one"),
    sqlite3.SQLITE_CORRUPT: (Damaged, "the database is damaged: restore it from a backup"),
    sqlite3.SQLITE_FULL: (DiskFull, "the disk is full: free some space"),
    sqlite3.SQLITE_READONLY: (Unwritable, "the database cannot be written: look at the permissions of file and folder"),
    sqlite3.SQLITE_PERM: (Unwritable, "the database cannot be written: look at the permissions of file and folder"),
    sqlite3.SQLITE_BUSY: (Locked, f"another process has kept the database locked for {BUSY_SECONDS:g} seconds"),
    sqlite3.SQLITE_CANTOPEN: (CannotOpen, "the file cannot be opened: look at the permissions of file and folder"),
    sqlite3.SQLITE_IOERR_SHMSIZE: (DiskFull, "the disk is full: free some space"),  # no room for the log's index
    sqlite3.SQLITE_IOERR: (Unavailable, "the disk under the database reports a fault"),
    sqlite3.SQLITE_CONSTRAINT: (Conflict, "a row exists already, or one that it refers to does not"),
}
