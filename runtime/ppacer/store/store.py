"""The store: what the database knows of builds, dags, runs, tasks, attempts and events, and the way it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection, Dialect, bindparam, select, update

from ppacer.core.model import Write
from ppacer.store import driver
from ppacer.store.accounts import AccountRows
from ppacer.store.batches import apply, find_conflict
from ppacer.store.database import Database
from ppacer.store.errors import Conflict, LeaderLost
from ppacer.store.facts import Facts
from ppacer.store.leader import Leader, leader_columns
from ppacer.store.old import OldRows
from ppacer.store.overviews import Overviews
from ppacer.store.reads import Reads
from ppacer.store.schema import RUNS, meta
from ppacer.store.trim import trim_outputs, trim_run


class Store(Reads):
    """One open database; made by `ppacer.store.open_store`. `old` finds what may be removed,
    `overviews` shows many runs at a glance, `accounts` is about users, tokens and what they did.

    All methods block. Reads may be called from any thread at any time; writes wait for each other. Only the leader may
    write: call `advance_leader` first.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.old = OldRows(database)
        self.overviews = Overviews(database)
        self.accounts = AccountRows(database)
        self._leader: int | None = None

    def advance_leader(self, leader: Leader | None = None) -> int:
        """Takes the lead: from here on the writes of every other store on this database raise `LeaderLost`.

        `leader` is who does so, if others may know. Returns the new leader epoch, which only ever grows.
        """
        ours = meta.c.part == RUNS
        # Fencing tokens are made of the epoch: one that was given out must never be given out again.
        with self._database.transaction(synced=True) as connection:
            named = leader_columns(leader)
            connection.execute(update(meta).where(ours).values(leader_epoch=meta.c.leader_epoch + 1, **named))
            epoch: int = connection.execute(select(meta.c.leader_epoch).where(ours)).scalar_one()
        self._leader = epoch
        return epoch

    def write(self, writes: Sequence[Write]) -> None:
        """Carries all writes out in one transaction, as if one after the other, or none of them.

        Durable when it returns. Raises `Conflict` if a guarded write does not find the status (and token, epoch) that
        it expects or a row to insert exists already, `LeaderLost` if another store took the lead meanwhile, and any
        other `StoreError` for a fault of the database. `RenewLeases` alone passes over what it does not find.
        """
        try:
            with self._database.transaction() as connection:
                self._check_leader(connection)
                apply(connection, writes)
        except Conflict as conflict:
            # Which write it is, a statement with many rows cannot tell. Raising takes the second try back as well.
            with self._database.transaction() as connection:
                raise find_conflict(connection, writes) or conflict from None

    def trim_run(self, run_id: str, limit: int) -> int:
        """Deletes at most `limit` rows of a run, in one transaction, but not the run's own: a run too large to be
        deleted at once is made small by this before. Of a run that has not ended nothing is deleted.

        Returns how many rows it deleted: less than `limit` when the run has no more. Raises as `write` does.
        """
        with self._database.transaction() as connection:
            self._check_leader(connection)
            return trim_run(connection, run_id, limit)

    def trim_outputs(self, run_id: str, limit: int) -> int:
        """Takes at most `limit` outputs of an ended run's tasks away, likewise."""
        with self._database.transaction() as connection:
            self._check_leader(connection)
            return trim_outputs(connection, run_id, limit)

    def facts(self) -> Facts:
        """What there is to say of the database as a whole; counting all rows may take a while."""
        return self._database.facts(RUNS)

    def copy(self, target: Path) -> None:
        """Makes `target`, or replaces it, once a copy of all that is committed is complete and on the disk.

        Raises `CannotOpen` where there can be no such file, or the database is no file itself.
        """
        self._database.copy(target)

    def give_back(self, pages: int) -> int:
        """Gives free space back to the disk, as `Database.give_back` does."""
        return self._database.give_back(pages)

    def close(self) -> None:
        """Leaves a single file behind. No read may be under way; closing twice is fine."""
        self._database.close()

    def _check_leader(self, connection: Connection) -> None:
        text = _leader_query(connection.dialect)
        row = driver.find_one(connection, text, (RUNS,))
        found = None if row is None else row[0]
        if self._leader is None:
            raise LeaderLost(f"{self.name}: nothing may be written before the lead has been taken")
        if found != self._leader:
            raise LeaderLost(
                f"{self.name}: another scheduler has taken the lead (epoch {found}, ours was {self._leader}); "
                "this one must stop"
            )


# Where writers do not exclude each other, FOR SHARE holds the row against `advance_leader` until the commit.
_LEADER_EPOCH = select(meta.c.leader_epoch).where(meta.c.part == bindparam("part")).with_for_update(read=True)


@lru_cache
def _leader_query(dialect: Dialect) -> str:
    return str(_LEADER_EPOCH.compile(dialect=dialect))
