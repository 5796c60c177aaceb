"""PostgreSQL, through psycopg 3: how its databases are opened and led, and what its SQLSTATEs mean to a person.

A batch is one round trip: psycopg sends executemany in pipeline mode, with one prepared statement. Parameters go as
text of a type that the server works out (as psycopg itself sends strings): the same statement is prepared once, however
large its numbers are and whichever of them are null.

PostgreSQL's text holds every character but NUL. That is written as `\\u0000`, six characters, which inside JSON is the
very same string.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from psycopg import Connection as Session
from psycopg.adapt import Dumper
from sqlalchemy import URL, BigInteger, Connection, Engine, Integer, MetaData, NullPool, QueuePool, create_engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DBAPIError
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

OLDEST = 12
"""The first major version whose sessions can set what is set below."""


def open_postgresql(
    database: str, tables: MetaData, part: str, *, makes: bool, upgrading: Tell | None = None
) -> Database:
    """Opens the database, whose tables for the part are made in the first schema of `search_path`."""
    return open_server(_Postgresql(database), tables, part, makes=makes, upgrading=upgrading)


def postgresql_lead(database: str) -> ServerLead:
    """A lead for each schema of the database."""
    return ServerLead(_Postgresql(database), LockWords(_take, _held, _holder, _give))


# --- connections -----------------------------------------------------------------------------------------------------


class _Postgresql:
    def __init__(self, database: str) -> None:
        self.name = shown(database)
        self._url = parse(database, "postgresql+psycopg")

    def engine(self, use: Use) -> Engine:
        # `format` is positional: `execute_many` puts parameters into the driver's order.
        if use is Use.LEADING:
            engine = create_engine(
                self._url,
                connect_args=_arguments(self._url),
                paramstyle="format",
                isolation_level="AUTOCOMMIT",
                poolclass=NullPool,
            )
        else:
            engine = create_engine(
                self._url,
                connect_args=_arguments(self._url),
                paramstyle="format",
                isolation_level="READ COMMITTED" if use is Use.WRITING else "AUTOCOMMIT",
                poolclass=QueuePool,
                pool_size=SPARE_READERS,
                max_overflow=-1,
                pool_pre_ping=True,
                pool_reset_on_return=None,  # every transaction has been ended; a dead connection could not be
            )
        engine.dialect.colspecs = {**engine.dialect.colspecs, Integer: _Whole}
        settings = _settings(use).encode()

        def prepare(session: Session[Any], _: ConnectionPoolEntry) -> None:
            session.adapters.register_dumper(str, _Text)
            session.adapters.register_dumper(int, _Number)
            session.execute(settings)
            session.commit()

        event.listen(engine, "connect", prepare)
        if use is Use.WRITING:
            event.listen(engine, "handle_error", _drop_where_it_cannot_write)
        return engine

    def explain(self, error: DBAPIError) -> StoreError:
        return _explain(self.name, error)

    def suit(self, tables: MetaData) -> None:
        for table in tables.tables.values():
            for index in table.indexes:
                index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]

    def examine(self, connection: Connection) -> tuple[str, ...]:
        found = connection.exec_driver_sql(_EXAMINE).one()
        if found.version < OLDEST * 10_000:
            raise CannotOpen(f"{self.name}: PostgreSQL {found.version // 10_000} is too old: {OLDEST} is the oldest")
        if found.encoding != "UTF8":
            raise CannotOpen(
                f"{self.name}: the database's encoding is {found.encoding}, which cannot hold every text: make one "
                "with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
            )
        if found.standby:
            raise Unwritable(f"{self.name}: the server is a standby, which cannot be written: name the primary one")
        if found.schema is None:
            raise CannotOpen(f"{self.name}: no schema of its search_path exists: CREATE SCHEMA … AUTHORIZATION …")
        return tuple(
            f"{self.name}: the server runs with {setting} = off: it may lose what was acknowledged, and be damaged, "
            f"when it crashes; set {setting} = on"
            for setting in ("fsync", "full_page_writes")
            if getattr(found, setting) == "off"
        )


def _arguments(url: URL) -> Mapping[str, str | int]:
    """What libpq is told; the URL's own options win. A peer that is gone is noticed within half a minute."""
    arguments: dict[str, str | int] = {
        "application_name": own_name(),
        "connect_timeout": CONNECT_SECONDS,
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 1000 * TRANSACTION_SECONDS,
    }
    return {name: value for name, value in arguments.items() if name not in url.query}


def _settings(use: Use) -> str:
    """Of a session: when it gives up waiting, and that a commit is on the disk when it is answered, whatever is usual
    on this server."""
    settings = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{TRANSACTION_SECONDS}s",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
    }
    if use is Use.READING:
        settings["default_transaction_read_only"] = "on"
    parts = [f"SET {name} = '{value}'" for name, value in settings.items()]
    parts.append(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    if use is Use.LEADING:  # unknown before version 14: there the keepalives alone find out
        parts.append(
            f"SELECT set_config(name, '{TERM_SECONDS:g}s', false) FROM pg_settings "  # noqa: S608 (all constants)
            "WHERE name = 'idle_session_timeout'"
        )
    return "; ".join(parts)


class _Whole(BigInteger):
    """What a whole number is compared with may be larger than the column could hold."""

    render_bind_cast = True


class _Text(Dumper):
    def dump(self, obj: str) -> bytes:
        return (obj.replace("\0", "\\u0000") if "\0" in obj else obj).encode()


class _Number(Dumper):
    def dump(self, obj: int) -> bytes:
        return b"%d" % obj


def _drop_where_it_cannot_write(context: ExceptionContext) -> None:
    """After a failover the server that was the primary may go on as a standby: the next connection finds the new one,
    where the URL names both."""
    if getattr(context.original_exception, "sqlstate", None) == "25006":
        context.is_disconnect = True


_EXAMINE = """
SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       current_schema() AS schema, pg_is_in_recovery() AS standby, current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes
"""


# --- the lead --------------------------------------------------------------------------------------------------------

_PPACER = 0x70706163
"""The first half of the lock's key; the second one is the schema's."""


def _key(connection: Connection) -> tuple[int, int]:
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    return _PPACER, zlib.crc32(str(schema).encode()) & 0x7FFFFFFF


def _take(connection: Connection) -> bool:
    return bool(
        connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s::int, %s::int)", _key(connection)).scalar_one()
    )


def _held(connection: Connection) -> bool:
    return bool(connection.exec_driver_sql(_OWN_LOCKS, _key(connection)).scalar_one())


def _holder(connection: Connection) -> str | None:
    found = connection.exec_driver_sql(_HOLDERS, _key(connection)).one_or_none()
    if found is None or not found.name:
        return None
    return f"{found.name}, connected from {found.address or 'the same host'} since {found.since:%Y-%m-%d %H:%M:%S %Z}"


def _give(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT pg_advisory_unlock(%s::int, %s::int)", _key(connection))


_OWN_LOCKS = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = %s::int::oid AND objid = %s::int::oid AND objsubid = 2
AND pid = pg_backend_pid()
"""

_HOLDERS = """
SELECT activity.application_name AS name, host(activity.client_addr) AS address, activity.backend_start AS since
FROM pg_locks JOIN pg_stat_activity AS activity ON activity.pid = pg_locks.pid
WHERE locktype = 'advisory' AND granted AND classid = %s::int::oid AND objid = %s::int::oid AND objsubid = 2
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


# --- errors ----------------------------------------------------------------------------------------------------------


def _explain(name: str, error: DBAPIError) -> StoreError:
    state: str | None = getattr(error.orig, "sqlstate", None)
    words = first_line(error.orig)
    if state is None:
        return _refused(name, words)
    for prefix, (kind, text) in _MEANINGS.items():
        if state.startswith(prefix):
            return kind(f"{name}: {text} (PostgreSQL: {words})")
    return Unavailable(f"{name}: the database cannot be used (PostgreSQL: {words}, SQLSTATE {state})")


def _refused(name: str, words: str) -> StoreError:
    """Of a connection that was not made the driver tells the server's words only."""
    for part, (kind, text) in _REFUSALS.items():
        if part in words:
            return kind(f"{name}: {text} (PostgreSQL: {words})")
    return unreachable(name, words)


_GRANT = "the user may not do this: make it the owner of the database or of the schema, or GRANT it the right"
_WRITABLE = "the server cannot be written: it is a standby or read only; name the primary one"
_FULL = "the server's disk is full: free some space there"
_MANY = "the server has too many connections: end some, or raise max_connections"
_PASSWORD = "the server does not let the user in: look at user, password and pg_hba.conf"  # noqa: S105
_ABSENT = "there is no such database: CREATE DATABASE … OWNER …"

_MEANINGS: Mapping[str, tuple[type[StoreError], str]] = {
    "23": (Conflict, "a row exists already, or one that it refers to does not"),
    "25006": (Unwritable, _WRITABLE),
    "25P03": (Unavailable, f"the session was silent within a transaction for {TRANSACTION_SECONDS} seconds"),
    "28": (CannotOpen, _PASSWORD),
    "3D000": (CannotOpen, _ABSENT),
    "40": (Locked, "another session was in the way"),
    "42501": (Unwritable, _GRANT),
    "42P01": (Unavailable, "a table is missing: restore the database from a backup"),
    "53100": (DiskFull, _FULL),
    "53300": (Unavailable, _MANY),
    "53": (Unavailable, "the server lacks memory or another resource"),
    "55P03": (Locked, f"another session has kept a row locked for {LOCK_SECONDS} seconds"),
    "57014": (Unavailable, f"a statement was cancelled, or took longer than {STATEMENT_SECONDS} seconds"),
    "57P0": (Unavailable, "the server is shutting down, or ended the session"),
    "08": (Unavailable, "the connection was lost"),
    "XX001": (Damaged, "the database is damaged: restore it from a backup"),
    "XX002": (Damaged, "an index of the database is damaged: REINDEX it, or restore it from a backup"),
}
"""By SQLSTATE, or what it begins with; the first that fits counts."""

_REFUSALS: Mapping[str, tuple[type[StoreError], str]] = {
    "password authentication failed": (CannotOpen, _PASSWORD),
    "no password supplied": (CannotOpen, _PASSWORD),
    "no pg_hba.conf entry": (CannotOpen, _PASSWORD),
    "authentication failed": (CannotOpen, _PASSWORD),
    "does not exist": (CannotOpen, "there is no such database or user"),
    "permission denied for database": (CannotOpen, "the user may not connect: GRANT CONNECT ON DATABASE … TO …"),
    "too many clients": (Unavailable, _MANY),
    "too many connections": (Unavailable, _MANY),
    "remaining connection slots": (Unavailable, _MANY),
    "starting up": (Unavailable, "the server is starting"),
    "shutting down": (Unavailable, "the server is shutting down"),
    "in recovery mode": (Unavailable, "the server is recovering from a crash"),
    "invalid connection option": (CannotOpen, "an option of the URL is unknown"),
    "invalid sslmode": (CannotOpen, "an option of the URL is wrong"),
    "server closed the connection": (Unavailable, "the connection was lost"),
    "connection has been closed": (Unavailable, "the connection was lost"),
    "the connection is lost": (Unavailable, "the connection was lost"),
    "the connection is closed": (Unavailable, "the connection was lost"),
}
"""By a part of what the server says in English, its language for what happens before a session begins."""
