"""What a migration is made of: steps that may be cut off at any point and are then done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column, inspect

if TYPE_CHECKING:
    from alembic.operations import Operations
    from sqlalchemy.schema import SchemaItem


class Version(NamedTuple):
    """The number of a schema; `step` is 0, or of a migration to it that was cut off how many steps have been done."""

    number: int
    step: int


@dataclass(frozen=True, slots=True)
class Step:
    """One change: of the tables by a single statement, or of rows.

    Where statements that change tables commit at once (MySQL), a program may be killed after one and before it has
    noted that. So `do` of such a step must find out whether its change is there already; rows are changed in the
    transaction that notes it.
    """

    name: str
    do: Callable[[Operations], None]


@dataclass(frozen=True, slots=True)
class Migration:
    """Makes schema `version` of the one before. `steps` are by the part of the database that they belong to."""

    version: int
    steps: Mapping[str, tuple[Step, ...]]


def add_column(table: str, make: Callable[[], Column[Any]]) -> Step:
    """Adds a column, which `make` makes anew for each database. It must be null or have a default of the server."""
    return Step(f"add {table}.{make().name}", partial(_add_column, table, make))


def _add_column(table: str, make: Callable[[], Column[Any]], op: Operations) -> None:
    column = make()
    if column.name not in {found["name"] for found in inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)


def create_table(name: str, make: Callable[[], Sequence[SchemaItem]]) -> Step:
    """Makes a table of what `make` makes anew for each database: columns and constraints, no indices."""
    return Step(f"create {name}", partial(_create_table, name, make))


def _create_table(name: str, make: Callable[[], Sequence[SchemaItem]], op: Operations) -> None:
    if not inspect(op.get_bind()).has_table(name):
        op.create_table(name, *make(), **_ON_MYSQL)


def create_index(name: str, table: str, *columns: str) -> Step:
    """Makes an index of a table that is there."""
    return Step(f"create index {name}", partial(_create_index, name, table, columns))


def _create_index(name: str, table: str, columns: Sequence[str], op: Operations) -> None:
    if op.get_bind().dialect.name not in ("mysql", "mariadb"):
        op.create_index(name, table, list(columns), if_not_exists=True)
    elif name not in {found["name"] for found in inspect(op.get_bind()).get_indexes(table)}:
        op.create_index(name, table, list(columns))  # MySQL knows no IF NOT EXISTS here


_ON_MYSQL: Mapping[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_0900_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
}
"""What `ppacer.store.mysql` has new tables made with."""
