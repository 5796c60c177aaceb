"""From a path or an URL to the kind of database that it names; a driver is loaded only for its own kind."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData

from ppacer.config import Durability
from ppacer.database_url import Kind, UnknownKindError, kind_of, path_in
from ppacer.store.database import Database
from ppacer.store.drivers import load_driver
from ppacer.store.errors import CannotOpen, NothingThere
from ppacer.store.facts import Facts
from ppacer.store.older import Tell
from ppacer.store.schema import LOGS, log_schema, schema
from ppacer.store.sqlite import look_at, open_sqlite


def open_database(
    database: str,
    tables: MetaData,
    part: str,
    *,
    makes: bool = True,
    durability: Durability = Durability.FULL,
    upgrading: Tell | None = None,
) -> Database:
    """Opens it; `part` is what it is to hold, in these tables: `RUNS` or `LOGS`. They are made if they are not there
    and `makes` says so. Those of an earlier schema are upgraded, and `upgrading` is told; without it they are refused.
    Raises a `StoreError`."""
    try:
        kind = kind_of(database)
    except UnknownKindError as error:
        raise CannotOpen(str(error)) from error
    match kind:
        case Kind.SQLITE:
            path = Path(path_in(database))
            if not makes and not path.exists():
                raise NothingThere(f"there is no database yet: {path} does not exist")
            return open_sqlite(path, tables, part, durability=durability, upgrading=upgrading)
        case Kind.POSTGRESQL:
            load_driver(kind)
            from ppacer.store.postgresql import open_postgresql  # noqa: PLC0415 - loads the driver

            return open_postgresql(database, tables, part, makes=makes, upgrading=upgrading)
        case Kind.MYSQL:
            load_driver(kind)
            from ppacer.store.mysql import open_mysql  # noqa: PLC0415 - likewise

            return open_mysql(database, tables, part, makes=makes, upgrading=upgrading)


def facts_in(database: str, part: str) -> Facts:
    """What there is to say of a database that nobody has open, a file of whatever version. Raises a `StoreError`."""
    if kind_of(database) is Kind.SQLITE:
        return look_at(Path(path_in(database)), part)
    opened = open_database(database, log_schema if part == LOGS else schema, part, makes=False)
    try:
        return opened.facts(part)
    finally:
        opened.close()
