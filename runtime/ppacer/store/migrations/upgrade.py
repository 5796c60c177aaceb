"""Runs migrations on an open database, whose lead the caller has: nobody else may use it meanwhile.

Where a transaction takes changes of tables (SQLite, PostgreSQL), a migration is one, and one that was cut off has left
nothing. Elsewhere (MySQL) each step is a transaction of its own that notes itself in `ppacer_meta`: the version stands
at the migration's own from its second step on, so that programs of the version before refuse the database, and `step`
says how many of its steps have been done, 0 when all have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, Integer, String, column, table, update

from ppacer.store.database import Database
from ppacer.store.migrations.every import MIGRATIONS
from ppacer.store.migrations.step import Migration, Version
from ppacer.store.schema import META

_TRANSACTIONAL = ("sqlite", "postgresql")
"""Databases that take changes of tables back with the transaction."""


def upgrade(database: Database, part: str, found: Version) -> None:
    """Brings a part that was left at `found` to the present schema. Raises `StoreError`, and may then be repeated."""
    for migration, done in pending(found):
        steps = migration.steps[part]
        for batch in _batches(database, done, len(steps)):
            with database.transaction() as connection:
                for number in batch:
                    steps[number].do(_operations(connection))
                    _note(connection, part, migration, 0 if number + 1 == len(steps) else number + 1)
                if not steps:
                    _note(connection, part, migration, 0)


def pending(found: Version) -> Iterator[tuple[Migration, int]]:
    """What is still to be run, and how many steps of it have been."""
    for migration in MIGRATIONS:
        if migration.version > found.number:
            yield migration, 0
        elif migration.version == found.number and found.step:
            yield migration, found.step


def _batches(database: Database, done: int, steps: int) -> Sequence[Sequence[int]]:
    """The numbers of the steps to do, by the transactions that do them; one where a part has nothing to do but to note
    its version."""
    numbers = range(done, steps)
    return [numbers] if database.dialect in _TRANSACTIONAL or not steps else [[number] for number in numbers]


def _operations(connection: Connection) -> Operations:
    return Operations(MigrationContext.configure(connection))


_meta = table(META, column("part", String), column("schema_version", Integer), column("step", Integer))


def _note(connection: Connection, part: str, migration: Migration, step: int) -> None:
    noted = update(_meta).where(_meta.c.part == part).values(schema_version=migration.version, step=step)
    connection.execute(noted)
