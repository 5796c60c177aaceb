"""What a migration is made of: steps that may be cut off at any point and are then done again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column, inspect

if TYPE_CHECKING:
    from alembic.operations import Operations


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
