"""MySQL and MariaDB, through PyMySQL: how their databases are opened and led, and what their errors mean to a person.

PyMySQL is written in Python alone, so that a program for these databases still is one that runs everywhere. It sends
many inserts as one statement with many rows; all else it would send one by one, each with a wait for its answer, so
here they go together, as one text of several statements.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from pymysql.connections import Connection as Session
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor
from sqlalchemy import URL, Connection, Engine, MetaData, NullPool, QueuePool, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import ConnectionPoolEntry

from ppacer.database_url import shown
from ppacer.store.database import Database
from ppacer.store.errors import (
    CannotOpen,
    Conflict,
    Damaged,
    DiskFull,
    Locked,
    StoreError,
    Unavailable,
    Unwritable,
)
from ppacer.store.lead import TERM_SECONDS
from ppacer.store.older import Tell
from ppacer.store.server import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    LOCK_SECONDS,
    SPARE_READERS,
    STATEMENT_SECONDS,
    TRANSACTION_SECONDS,
    LockWords,
    ServerLead,
    Use,
    first_line,
    open_server,
    own_name,
    parse,
    unreachable,
)

OLDEST_MARIADB = (10, 5)
OLDEST_MYSQL = (8, 0, 17)
"""The first versions with what is used here: the collation, and how long a session may be silent."""

TEXT_BYTES = 1_000_000
"""How long the text of several statements may grow: servers take at least 16 MiB unless they were told otherwise."""


def open_mysql(database: str, tables: MetaData, part: str, *, makes: bool, upgrading: Tell | None = None) -> Database:
    """Opens the database, whose tables for the part are made if they are not there."""
    return open_server(_Mysql(database), tables, part, makes=makes, upgrading=upgrading)


def mysql_lead(database: str) -> ServerLead:
    return ServerLead(_Mysql(database), LockWords(_take, _held, _holder, _give))


# --- connections -----------------------------------------------------------------------------------------------------


class _Mysql:
    def __init__(self, database: str) -> None:
        self.name = shown(database)
        self._url = parse(database, "mysql+pymysql")
        self._mariadb: bool | None = None

    def engine(self, use: Use) -> Engine:
        """The two kinds of servers take different words when tables are made; which it is, the server says."""
        if use is Use.LEADING:
            return self._engine(self._url, use)
        if self._mariadb is None:
            self._mariadb = self._is_mariadb()
        return self._engine(self._url.set(drivername="mariadb+pymysql") if self._mariadb else self._url, use)

    def _engine(self, url: URL, use: Use) -> Engine:
        # `format` is positional: `execute_many` puts parameters into the driver's order.
        if use is Use.LEADING:
            engine = create_engine(
                url,
                connect_args=_arguments(url),
                paramstyle="format",
                isolation_level="AUTOCOMMIT",
                poolclass=NullPool,
            )
        else:
            engine = create_engine(
                url,
                connect_args=_arguments(url),
                paramstyle="format",
                isolation_level="READ COMMITTED" if use is Use.WRITING else "AUTOCOMMIT",
                poolclass=QueuePool,
                pool_reset_on_return=None,  # no transaction is left open; asked of a session that was lost it is told
                pool_size=SPARE_READERS,
                max_overflow=-1,
                pool_pre_ping=True,
            )

        def prepare(session: Session[Cursor], _: ConnectionPoolEntry) -> None:
            server: str = session.get_server_info()  # type: ignore[no-untyped-call]
            with session.cursor() as cursor:
                for statement in _settings(use, server):
                    cursor.execute(statement)

        event.listen(engine, "connect", prepare)
        if use is Use.WRITING:
            event.listen(engine, "do_executemany", _execute_together)
        return engine

    def _is_mariadb(self) -> bool:
        engine = self._engine(self._url, Use.LEADING)
        try:
            with engine.connect() as connection:
                return bool(getattr(connection.dialect, "is_mariadb", False))
        except DBAPIError as error:
            raise self.explain(error) from error
        except TypeError as error:
            raise CannotOpen(f"{self.name}: an option of the URL is unknown ({first_line(error)})") from error
        except RuntimeError as error:  # of the driver, which does without a library that one way of logging in needs
            raise CannotOpen(
                f"{self.name}: {first_line(error)}: python -m pip install cryptography, or connect with TLS"
            ) from error

    def explain(self, error: DBAPIError) -> StoreError:
        return _explain(self.name, error)

    def suit(self, tables: MetaData) -> None:
        """With a collation in which texts are the same only if they are made of the same characters, spaces at their
        ends among them."""
        server, collation = ("mariadb", "utf8mb4_nopad_bin") if self._mariadb else ("mysql", "utf8mb4_0900_bin")
        for table in tables.tables.values():
            table.dialect_options[server].update(engine="InnoDB", charset="utf8mb4", collate=collation)

    def examine(self, connection: Connection) -> tuple[str, ...]:
        found = connection.exec_driver_sql(
            "SELECT VERSION() AS version, @@innodb_flush_log_at_trx_commit AS flush, @@read_only AS read_only"
        ).one()
        version = connection.dialect.server_version_info or ()
        product, oldest = ("MariaDB", OLDEST_MARIADB) if self._mariadb else ("MySQL", OLDEST_MYSQL)
        if version[: len(oldest)] < oldest:
            wanted = ".".join(map(str, oldest))
            raise CannotOpen(f"{self.name}: {product} {found.version} is too old: {wanted} is the oldest")
        if found.read_only in (1, "1", "ON"):
            raise Unwritable(f"{self.name}: {_WRITABLE}")
        if found.flush == 1:
            return ()
        return (
            f"{self.name}: the server runs with innodb_flush_log_at_trx_commit = {found.flush}: it may lose up to a "
            "second of what was acknowledged when it crashes; SET GLOBAL innodb_flush_log_at_trx_commit = 1",
        )


def _arguments(url: URL) -> Mapping[str, str | int]:
    """What the driver is told; the URL's own options win. Of the rows an update counts those that it finds."""
    arguments: dict[str, str | int] = {
        "charset": "utf8mb4",
        "connect_timeout": CONNECT_SECONDS,
        "read_timeout": ANSWER_SECONDS,
        "write_timeout": ANSWER_SECONDS,
        "program_name": own_name(),
    }
    found = {name: value for name, value in arguments.items() if name not in url.query}
    return {**found, "client_flag": CLIENT.FOUND_ROWS | CLIENT.MULTI_STATEMENTS}


def _settings(use: Use, server: str) -> tuple[str, ...]:
    """Of a session: when it gives up waiting, and that what does not fit is refused and not cut off."""
    settings = {
        "sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'",
        "innodb_lock_wait_timeout": str(LOCK_SECONDS),
        "lock_wait_timeout": str(STATEMENT_SECONDS),
    }
    if "MariaDB" in server:
        settings["max_statement_time"] = str(STATEMENT_SECONDS)
        settings["idle_transaction_timeout"] = str(TRANSACTION_SECONDS)
    else:
        settings["max_execution_time"] = str(1000 * STATEMENT_SECONDS)
    if use is Use.LEADING:
        settings["wait_timeout"] = f"{TERM_SECONDS:.0f}"
    statements = ["SET SESSION " + ", ".join(f"{name} = {value}" for name, value in settings.items())]
    if use is Use.READING:
        statements.append("SET SESSION TRANSACTION READ ONLY")
    return tuple(statements)


def _execute_together(cursor: Cursor, statement: str, parameters: Sequence[Sequence[object]], _: object) -> bool:
    """Carries a statement out for many rows, and has the cursor count them all; false where the driver does so well."""
    if statement.startswith("INSERT") and " VALUES " in statement:
        return False
    found = 0
    texts: list[str] = []
    size = 0
    for row in parameters:
        text = cursor.mogrify(statement, row)
        size += len(text)
        if texts and size > TEXT_BYTES:
            found += _sent(cursor, texts)
            texts, size = [], len(text)
        texts.append(text)
    found += _sent(cursor, texts)
    cursor.rowcount = found
    return True


def _sent(cursor: Cursor, texts: list[str]) -> int:
    found = cursor.execute(";".join(texts))
    while cursor.nextset():
        found += cursor.rowcount
    return found


# --- the lead --------------------------------------------------------------------------------------------------------


def _key(connection: Connection) -> tuple[str]:
    """Names of locks are the whole server's, and have at most 64 characters."""
    database = connection.exec_driver_sql("SELECT DATABASE()").scalar_one()
    return (f"ppacer:{hashlib.sha256(str(database).encode()).hexdigest()[:40]}",)


def _take(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql("SELECT GET_LOCK(%s, 0)", _key(connection)).scalar_one())


def _held(connection: Connection) -> bool:
    query = "SELECT IS_USED_LOCK(%s) = CONNECTION_ID()"
    return bool(connection.exec_driver_sql(query, _key(connection)).scalar_one())


def _holder(connection: Connection) -> str | None:
    key = _key(connection)
    session = connection.exec_driver_sql("SELECT IS_USED_LOCK(%s)", key).scalar_one()
    if session is None:
        return None
    query = "SELECT USER, HOST FROM information_schema.PROCESSLIST WHERE ID = %s"
    found = connection.exec_driver_sql(query, (session,)).one_or_none()
    if found is None:
        return f"session {session} of the server"
    return f"{found.USER}, connected from {found.HOST}, session {session}"


def _give(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", _key(connection))


# --- errors ----------------------------------------------------------------------------------------------------------


def _explain(name: str, error: DBAPIError) -> StoreError:
    arguments: tuple[object, ...] = getattr(error.orig, "args", ())
    code = arguments[0] if arguments and isinstance(arguments[0], int) else 0
    words = first_line(arguments[1] if len(arguments) > 1 and isinstance(arguments[1], str) else error.orig)
    if code in _UNREACHABLE:
        return unreachable(name, words)
    if code in _MEANINGS:
        kind, text = _MEANINGS[code]
        return kind(f"{name}: {text} (the server: {words})")
    if isinstance(error, IntegrityError):
        return Conflict(f"{name}: a row exists already, or one that it refers to does not (the server: {words})")
    return Unavailable(f"{name}: the database cannot be used (the server: {words}, error {code})")


_UNREACHABLE = (2001, 2002, 2003, 2005)
_GRANT = "the user may not do this: GRANT ALL ON DATABASE.* TO the user"
_WRITABLE = "the server cannot be written: it is a replica or read only; name the primary one"
_FULL = "the server's disk is full: free some space there"
_MANY = "the server has too many connections: end some, or raise max_connections"
_LOST = "the connection was lost"
_SLOW = f"a statement was cancelled, or took longer than {STATEMENT_SECONDS} seconds"
_DAMAGED = "a table is damaged: restore the database from a backup"
_PASSWORD = "the server does not let the user in: look at user, host and password"  # noqa: S105

_MEANINGS: Mapping[int, tuple[type[StoreError], str]] = {
    1045: (CannotOpen, _PASSWORD),
    1698: (CannotOpen, _PASSWORD),
    1251: (CannotOpen, "the user's way of logging in is not known to the driver"),
    1044: (CannotOpen, "the user may not use the database, or there is none: GRANT ALL ON DATABASE.* TO the user"),
    1049: (CannotOpen, "there is no such database: CREATE DATABASE …"),
    1040: (Unavailable, _MANY),
    1203: (Unavailable, _MANY),
    1226: (Unavailable, _MANY),
    1021: (DiskFull, _FULL),
    1114: (DiskFull, _FULL),
    3: (DiskFull, _FULL),
    1290: (Unwritable, _WRITABLE),
    1792: (Unwritable, _WRITABLE),
    1836: (Unwritable, _WRITABLE),
    1142: (Unwritable, _GRANT),
    1143: (Unwritable, _GRANT),
    1227: (Unwritable, _GRANT),
    1205: (Locked, f"another session has kept a row locked for {LOCK_SECONDS} seconds"),
    1213: (Locked, "another session was in the way"),
    1020: (Locked, "another session was in the way"),
    1317: (Unavailable, _SLOW),
    1969: (Unavailable, _SLOW),
    3024: (Unavailable, _SLOW),
    1053: (Unavailable, "the server is shutting down"),
    1153: (Unavailable, "a text is larger than the server takes: raise max_allowed_packet"),
    1146: (Unavailable, "a table is missing: restore the database from a backup"),
    1034: (Damaged, _DAMAGED),
    1194: (Damaged, _DAMAGED),
    1877: (Damaged, _DAMAGED),
    1927: (Unavailable, _LOST),
    2006: (Unavailable, _LOST),
    2013: (Unavailable, _LOST),
    2014: (Unavailable, _LOST),
    4031: (Unavailable, _LOST),
}
