"""The logs of all attempts: with SQLite in a file of their own, since their volume must not slow the runs' one down.

An attempt's id tells when it was made (`ppacer.core.ids`), and so the logs lie in the order of their attempts' ages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlalchemy import Column, ColumnElement, ScalarSelect, bindparam, delete, exists, func, insert, select

from ppacer.config import Durability
from ppacer.protocol import LogEntry
from ppacer.store import columns, rows
from ppacer.store.database import Database
from ppacer.store.facts import Facts
from ppacer.store.kinds import open_database
from ppacer.store.many import execute_many
from ppacer.store.older import Tell
from ppacer.store.schema import LOGS, log_entries, log_schema


def open_logs(
    url_or_path: str | Path, *, durability: Durability = Durability.FULL, upgrading: Tell | None = None
) -> LogStore:
    """Opens a database, as `ppacer.store.open_store` does. A server's may be the one that the runs are in."""
    return LogStore(open_database(str(url_or_path), log_schema, LOGS, durability=durability, upgrading=upgrading))


class LogStore:
    """All methods block; `read` and `last_seq` may be called from any thread at any time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """How people know it: the path of its file, or its URL without the password."""
        return self._database.name

    @property
    def doubts(self) -> tuple[str, ...]:
        """What people should know of the database, as `Store.doubts` says it."""
        return self._database.doubts

    def append(self, entries: Sequence[tuple[str, Sequence[LogEntry]]]) -> None:
        """Adds entries to the logs of the attempts with these ids; durable when it returns.

        An entry whose attempt and `seq` are there already is passed over, so a delivery may be repeated.
        """
        new = [columns.log_columns(attempt, entry) for attempt, batch in entries for entry in batch]
        if new:
            with self._database.transaction() as connection:
                execute_many(connection, _INSERT_NEW, new)

    def delete(self, parts: Sequence[tuple[str, int]]) -> None:
        """Deletes the entries of attempts (by id) up to a `seq`, in one transaction; what is gone is passed over.

        It is up to the caller that no call deletes so much that it keeps others waiting.
        """
        if parts:
            with self._database.transaction() as connection:
                execute_many(connection, _DELETE_UNTIL, [{"key": id_, "until": seq} for id_, seq in parts])

    def facts(self) -> Facts:
        """As `Store.facts`."""
        return self._database.facts(LOGS)

    def copy(self, target: Path) -> None:
        """As `Store.copy`."""
        self._database.copy(target)

    def give_back(self, pages: int) -> int:
        """Gives free space back to the disk, as `Database.give_back` does."""
        return self._database.give_back(pages)

    def read(self, attempt_id: str, after: int = 0, limit: int = 1000) -> list[LogEntry]:
        """The first `limit` entries with a `seq` beyond `after`, in order."""
        query = (
            select(log_entries)
            .where(log_entries.c.attempt == attempt_id, log_entries.c.seq > after)
            .order_by(log_entries.c.seq)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [rows.to_log_entry(row) for row in connection.execute(query)]

    def last_seq(self, attempt_ids: Iterable[str]) -> dict[str, int]:
        """The `seq` of the last entry of each attempt, 0 for one without any."""
        query = select(func.max(log_entries.c.seq)).where(log_entries.c.attempt == bindparam("id"))
        with self._database.reading() as connection:
            return {id_: connection.execute(query, {"id": id_}).scalar_one() or 0 for id_ in attempt_ids}

    def spans(self, attempt_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        """The `seq` of the first and of the last entry of each attempt that has any."""
        with self._database.reading() as connection:
            found = {id_: connection.execute(_SPAN, {"id": id_}).one() for id_ in attempt_ids}
        return {id_: (row.first, row.last) for id_, row in found.items() if row.first is not None}

    def attempts(self, after: str, before: str, limit: int) -> list[str]:
        """The ids between these two of attempts that have entries, in order: the first `limit` of them."""
        found: list[str] = []
        with self._database.reading() as connection:
            while len(found) < limit:
                id_ = connection.execute(_NEXT_ATTEMPT, {"after": after}).scalar_one()
                if id_ is None or id_ >= before:
                    break
                found.append(id_)
                after = id_
        return found

    def close(self) -> None:
        """Leaves a single file behind. No read may be under way; closing twice is fine."""
        self._database.close()


# An insert that passes over what is there, in words that all databases know.
_ENTRY = [bindparam(column.name, type_=column.type) for column in log_entries.columns]
_INSERT_NEW = insert(log_entries).from_select(
    [column.name for column in log_entries.columns],
    select(*_ENTRY).where(
        ~exists().where(
            log_entries.c.attempt == bindparam("attempt", type_=log_entries.c.attempt.type),
            log_entries.c.seq == bindparam("seq", type_=log_entries.c.seq.type),
        )
    ),
)

_DELETE_UNTIL = delete(log_entries).where(
    log_entries.c.attempt == bindparam("key"), log_entries.c.seq <= bindparam("until")
)


def _edge(edge: Callable[[Column[int]], ColumnElement[int]]) -> ScalarSelect[int]:
    """One end of an attempt's entries: each is found by one step down the index, which asking for both would walk."""
    return select(edge(log_entries.c.seq)).where(log_entries.c.attempt == bindparam("id")).scalar_subquery()


_SPAN = select(_edge(func.min).label("first"), _edge(func.max).label("last"))
_NEXT_ATTEMPT = select(func.min(log_entries.c.attempt)).where(log_entries.c.attempt > bindparam("after"))
