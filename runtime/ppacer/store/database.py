"""One open database: a connection that writes, and a pool of others that can only read.

All writes go through one connection, one transaction at a time, so that writers wait for each other here and not in
the database. Readers never wait for the writer, nor it for them, and may run in any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ppacer.config import Durability
from ppacer.store.errors import CannotOpen, StoreError, Unavailable
from ppacer.store.facts import Facts, facts_of


class Database:
    """`name` is how people know it: a path, or an URL without its password. `explain` makes a `StoreError` of an error
    of the driver, `give_back` does what the method of this name says, within a transaction. Where commits do not wait
    for the disk, `synced` makes those do so that happen within it."""

    exclusive = False
    """Whether nobody else can take the lead while this process lives, whatever becomes of the database."""

    def __init__(
        self,
        name: str,
        writer: Engine,
        readers: Engine,
        *,
        explain: Callable[[DBAPIError], StoreError],
        give_back: Callable[[Connection, int], int],
        synced: Callable[[Connection], AbstractContextManager[None]] | None = None,
    ) -> None:
        self.name = name
        self._writer = writer
        self._readers = readers
        self._explain = explain
        self._give_back = give_back
        self._synced = synced
        self.durability = Durability.FULL if synced is None else Durability.NORMAL
        self._connection: Connection | None = None
        self._lock = Lock()
        self._closed = False
        self.doubts: tuple[str, ...] = ()
        """What people should know of it: what of its settings may lose what was acknowledged."""

    @property
    def dialect(self) -> str:
        """SQLAlchemy's name of the kind of database."""
        return self._writer.dialect.name

    @contextmanager
    def transaction(self, *, synced: bool = False) -> Iterator[Connection]:
        """Commits when the block ends, takes everything back when it raises.

        What a `synced` one commits outlives a power cut whatever durability was chosen.
        """
        with self._lock, self._explained():
            self._refuse_closed()
            connection = self._writing()
            waiting = self._synced(connection) if synced and self._synced is not None else nullcontext()
            with waiting, connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that can only read. Each statement sees what was committed when it began."""
        with self._explained():
            self._refuse_closed()
            with self._readers.connect() as connection:
                yield connection

    def give_back(self, pages: int) -> int:
        """Gives at most so many pages that hold nothing back to the disk, but for a reserve that will be used again.

        Returns how many it were: less than `pages` when there are no more.
        """
        with self.transaction() as connection:
            return self._give_back(connection, pages)

    def facts(self, part: str) -> Facts:
        """What there is to say of the part as a whole; counting all rows may take a while."""
        with self.reading() as connection:
            return facts_of(connection, self.name, part)

    def copy(self, target: Path) -> None:  # noqa: ARG002 - what a file needs
        """Makes `target`, or replaces it, once a copy of all that is committed is complete and on the disk.

        Raises `CannotOpen` where there can be no such file, or the database is no file itself.
        """
        raise CannotOpen(f"{self.name} is no file: its server's own tools copy it")

    def close(self) -> None:
        """Waits for a write under way; a read under way must have ended. Closing twice is fine."""
        with self._lock:
            self._closed = True
            # The last connection to close cleans up (SQLite's write-ahead log), and one that only reads could not.
            self._readers.dispose()
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self._writer.dispose()

    def _writing(self) -> Connection:
        if self._connection is None:
            self._connection = self._writer.connect()
        return self._connection

    def _refuse_closed(self) -> None:
        if self._closed:
            raise Unavailable(f"{self.name} has been closed")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explain(error) from error
