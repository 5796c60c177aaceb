"""An open SQLite file: what it has beyond every database, since it is a file that this process alone writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ppacer.store.copies import copy_file
from ppacer.store.database import Database
from ppacer.store.errors import Displaced, StoreError
from ppacer.store.files import OpenFiles


class SqliteDatabase(Database):
    """`explain` makes a `StoreError` of SQLite's error about a file, `free` gives pages back."""

    exclusive = True

    def __init__(
        self,
        path: Path,
        writer: Engine,
        readers: Engine,
        *,
        explain: Callable[[BaseException | None, Path], StoreError],
        free: Callable[[Connection, int], int],
        synced: Callable[[Connection], AbstractContextManager[None]] | None,
    ) -> None:
        def explain_path(error: DBAPIError) -> StoreError:
            return explain(error.orig, path)

        super().__init__(str(path), writer, readers, explain=explain_path, give_back=free, synced=synced)
        self._path = path
        self._say = explain
        self._files: OpenFiles | None = None
        self._rescued: Path | None = None

    def watch(self) -> None:
        """From here on nothing is written to files that have been moved, removed or replaced, nor read from such."""
        self._files = OpenFiles(self._path)

    @contextmanager
    def transaction(self, *, synced: bool = False) -> Iterator[Connection]:
        self._check()
        with super().transaction(synced=synced) as connection:
            yield connection
        self._check()  # what was committed to files that had gone by then is not where the next start looks

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        self._check()  # a new connection would open what stands at the path now
        with super().reading() as connection:
            yield connection

    def copy(self, target: Path) -> None:
        with self.reading() as connection:
            self._copy(connection, target)

    def close(self) -> None:
        super().close()
        files, self._files = self._files, None
        if files is not None:
            files.close()

    def _check(self) -> None:
        files = self._files
        if files is None:
            return
        try:
            files.check()
        except Displaced as error:
            saved = self._rescue() if files.gone else self._written_back()
            raise Displaced(f"{error}{saved}") from None

    def _rescue(self) -> str:
        """Copies what nobody else can reach any more, once. Tells what became of that, for the error's message."""
        target = self._path.with_name(f"{self._path.name}.rescued")
        if self._rescued is None:
            try:
                with super().reading() as connection:
                    self._copy(connection, target)
            except StoreError as error:
                return f"; what it held cannot be saved: {error}"
            self._rescued = target
        return f"; what it held has been saved in {target}: stop the program, move that to {self._path}, start again"

    def _written_back(self) -> str:
        """Writes what is in the write-ahead log, which may be the file that has gone, into the database."""
        try:
            with self._lock, self._explained():
                cursor = self._writing().connection.cursor()
                cursor.execute("PRAGMA wal_checkpoint(FULL)")
                cursor.close()
        except (StoreError, sqlite3.Error) as error:
            return f"; what has not been written back cannot be: {error}"
        return ""

    def _copy(self, connection: Connection, target: Path) -> None:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        try:
            copy_file(source, target)
        except sqlite3.Error as error:
            raise self._say(error, target) from error
