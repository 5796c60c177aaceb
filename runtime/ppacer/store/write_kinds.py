"""What kinds of writes there are made of: a statement, the row that a step is about, its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import Delete, Insert, Table, Update, bindparam, delete, insert, update

from ppacer.store.columns import Columns

Key: TypeAlias = tuple[str | int, ...]
Step: TypeAlias = Any
"""What one kind takes: a write, one lease of a `RenewLeases`, or the id of a row that is to go."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How steps of one kind are done. `row` names the row that a step is about, `parameters` are its values: the
    columns that it sets by their names, those that it looks for with `KEY` or `EXPECTED` before the name.

    Of a kind that is `alone` no other one is about the same row, but for removals."""

    rank: int
    table: Table
    statement: Insert | Update | Delete
    row: Callable[[Step], Key]
    parameters: Callable[[Step], Columns]
    guarded: bool = False
    removes: bool = False
    alone: bool = False


KEY = "key_"
EXPECTED = "expected_"


def update_row(table: Table, *expected: str) -> Update:
    """Changes the columns that the parameters name, in the row that they name if it is as they expect."""
    statement = update(table)
    for column in table.primary_key:
        statement = statement.where(column == bindparam(KEY + column.name))
    for name in expected:
        statement = statement.where(table.c[name] == bindparam(EXPECTED + name))
    return statement


def inserts(
    rank: int, table: Table, row: Callable[[Step], Key], parameters: Callable[[Any], Columns], *, alone: bool = False
) -> Kind:
    return Kind(rank, table, insert(table), row, lambda write: parameters(write.row), alone=alone)


def updates(
    rank: int, table: Table, row: Callable[[Step], Key], parameters: Callable[[Step], Columns], *expected: str
) -> Kind:
    return Kind(rank, table, update_row(table, *expected), row, parameters, guarded=True)


def removes(rank: int, table: Table, statement: Update | Delete, key: str, **values: None) -> Kind:
    return Kind(rank, table, statement, lambda id_: (id_,), lambda id_: {key: id_, **values}, removes=True)


def by_id(rank: int, table: Table) -> Kind:
    return removes(rank, table, delete(table).where(table.c.id == bindparam("key_id")), "key_id")
