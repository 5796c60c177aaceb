"""What PostgreSQL and MySQL have in common: how their databases are opened, kept open, and led.

One connection writes, a few read, and one holds the lead. Each statement, each wait for a lock and each silence within
a transaction has an end, on this side of the network and on the other; so nothing hangs on a connection of which the
other end is gone. A connection that was lost is replaced by the next call: the call that lost it has failed, and what
it did is not kept.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, MetaData, insert, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from ppacer.database_url import shown
from ppacer.store.database import Database
from ppacer.store.errors import CannotOpen, NotADatabase, NothingThere, StoreError, Unavailable
from ppacer.store.facts import last_leader
from ppacer.store.leader import Leader
from ppacer.store.migrations.step import Version
from ppacer.store.older import Tell, bring_up
from ppacer.store.schema import META, SCHEMA_VERSION
from ppacer.store.versions import PRESENT, versions_in

T = TypeVar("T")

CONNECT_SECONDS = 10
"""How long a server may take to let one in."""

STATEMENT_SECONDS = 60
"""How long one statement may take."""

ANSWER_SECONDS = 90
"""How long an answer may be silent before the connection counts as lost: longer than any statement may take."""

LOCK_SECONDS = 5
"""How long a statement waits for the lock of another session."""

TRANSACTION_SECONDS = 30
"""How long a session may be silent within a transaction before the server ends it, and takes it back."""

IDLE_SECONDS = 1.0
"""The connection that writes is tried before it is used again after so long a pause: it may have been lost."""

SPARE_READERS = 2
"""How many connections for reading are kept open; more are made when they are needed."""


class Use(Enum):
    """What a connection is for."""

    WRITING = "writing"
    READING = "reading"
    LEADING = "leading"


class Server(Protocol):
    """One database of a server: what differs from kind to kind."""

    @property
    def name(self) -> str:
        """How people know it: its URL without the password."""
        ...

    def engine(self, use: Use) -> Engine:
        """Connects when it is first used. Readers commit by themselves and cannot write."""
        ...

    def explain(self, error: DBAPIError) -> StoreError:
        """What an error of the driver means to a person."""
        ...

    def suit(self, tables: MetaData) -> None:
        """Adds to the tables what this kind of server has to be told when they are made."""
        ...

    def examine(self, connection: Connection) -> tuple[str, ...]:
        """Refuses, with a `StoreError`, a server that cannot be used. Returns what people should know of it."""
        ...


def parse(database: str, drivername: str) -> URL:
    """Its URL, for that driver. Raises `CannotOpen`."""
    try:
        url = make_url(database)
    except (ArgumentError, ValueError) as error:
        raise CannotOpen(
            f"{shown(database)} is no URL of a database such as {database.partition(':')[0]}://USER:PASSWORD@HOST:PORT/"
            "DATABASE: signs in the password that mean something in URLs are written as %40 for @, %2F for /, %3A for :"
        ) from error
    if not url.database:
        raise CannotOpen(
            f"{shown(database)} names no database: add its name, as in {shown(database).rstrip('/')}/ppacer"
        )
    return url.set(drivername=drivername)


def own_name() -> str:
    """What this process is called in the server's list of sessions; no longer than PostgreSQL has it."""
    return f"ppacer {os.uname().nodename[:36]} process {os.getpid()}"


def open_server(server: Server, tables: MetaData, part: str, *, makes: bool, upgrading: Tell | None) -> Database:
    """Opens the database; the part's tables are made if they are not there and `makes` says so. Those of an earlier
    schema are upgraded, and `upgrading` is told; without it they are refused.

    Raises a `StoreError`.
    """
    database = ServerDatabase(
        server.name,
        server.engine(Use.WRITING),
        server.engine(Use.READING),
        explain=server.explain,
        give_back=_nothing_to_give_back,
    )
    try:
        with database.transaction() as connection:
            database.doubts = server.examine(connection)
            found = _held(connection, server.name, tables, part)
            if found is None:
                if not makes:
                    raise NothingThere(f"there is no run yet: {server.name} has no tables of ppacer's")
                server.suit(tables)
                _make(connection, tables, part)
                found = PRESENT
        bring_up(database, part, found, tell=upgrading, prepare=_no_copy)
    except BaseException:
        database.close()
        raise
    return database


class ServerDatabase(Database):
    """As every database, but its connections may be lost: the one that writes is replaced when it was, and tried
    before it is used again after a pause."""

    _used = 0.0

    def _writing(self) -> Connection:
        now = time.monotonic()
        connection = self._connection
        if connection is not None and (connection.invalidated or now - self._used > IDLE_SECONDS):
            connection.close()  # to the pool, which tries what it gives out (`pool_pre_ping`)
            self._connection = None
        self._used = now
        return super()._writing()


def _no_copy(version: int, tell: Tell) -> None:
    """Copies of a server's database are its operator's business."""


def _held(connection: Connection, name: str, tables: MetaData, part: str) -> Version | None:
    """The version of the part's tables; none if they are not there, or not all. Those of others are refused."""
    inspector = inspect(connection)
    if inspector.has_table(META):
        return versions_in(connection).get(part)
    theirs = sorted(set(tables.tables) & set(inspector.get_table_names()))
    if theirs:
        more = ", …" if len(theirs) > 3 else ""
        raise NotADatabase(
            f"{name} has tables of another program by the names {', '.join(theirs[:3])}{more}: name a database of "
            "ppacer's own"
        )
    return None


def _make(connection: Connection, tables: MetaData, part: str) -> None:
    """Makes the part's tables, or the rest of them: where tables are made outside of transactions, somebody may have
    been killed midway. So `META` is made first, and its row, which says that they are complete, last."""
    tables.tables[META].create(connection, checkfirst=True)
    tables.create_all(connection)
    row = {"part": part, "schema_version": SCHEMA_VERSION, "leader_epoch": 0}
    connection.execute(insert(tables.tables[META]), [row])


def _nothing_to_give_back(_: Connection, __: int) -> int:
    return 0  # servers use again what is free in their files


@dataclass(frozen=True, slots=True)
class LockWords:
    """How a kind of server says it, given the one open connection: `take` the lock, see if it is `held`, tell its
    `holder`, `give` it back."""

    take: Callable[[Connection], bool]
    held: Callable[[Connection], bool]
    holder: Callable[[Connection], str | None]
    give: Callable[[Connection], None]


class ServerLead:
    """A lock of a session, on a connection of its own that is kept (see `ppacer.store.lead.Lead`)."""

    def __init__(self, server: Server, words: LockWords) -> None:
        self._server = server
        self._engine = server.engine(Use.LEADING)
        self._words = words
        self._connection: Connection | None = None
        self._leads = False

    def take(self) -> bool:
        if not self.held():
            self._leads = self._asked(self._words.take)
        return self._leads

    def held(self) -> bool:
        if self._leads:
            try:
                self._leads = self._asked(self._words.held)
            except StoreError:
                return False
            if not self._leads:
                self._abandon()
        return self._leads

    def holder(self) -> str | None:
        return self._asked(self._words.holder)

    def leader(self) -> Leader | None:
        return self._asked(last_leader)

    def release(self) -> None:
        try:
            if self._leads:
                self._asked(self._words.give)
        except StoreError:
            return  # the lock goes with the session, which is gone
        self._leads = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, question: Callable[[Connection], T]) -> T:
        """The answer of the server. A session that does not give one is given up, and with it the lead."""
        try:
            if self._connection is None:
                self._connection = self._engine.connect()
            return question(self._connection)
        except DBAPIError as error:
            self._abandon()
            raise self._server.explain(error) from error

    def _abandon(self) -> None:
        """Ends the session without asking it."""
        connection, self._connection, self._leads = self._connection, None, False
        if connection is not None:
            connection.invalidate()
            connection.close()


def first_line(error: object) -> str:
    """What a driver says, without what it adds on further lines: values of the row, hints."""
    return str(error).strip().partition("\n")[0]


def unreachable(name: str, words: str) -> Unavailable:
    return Unavailable(f"{name}: the server cannot be reached: is it running, and is the address right? ({words})")
