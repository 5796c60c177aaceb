"""From a path or an URL to the kind of database that it names; a driver is loaded only for its own kind."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import MetaData

from ppacer.database_url import Kind, UnknownKindError, kind_of, path_in
from ppacer.store.database import Database
from ppacer.store.errors import CannotOpen, NothingThere
from ppacer.store.sqlite import open_sqlite


def open_database(database: str, tables: MetaData, part: str, *, makes: bool = True) -> Database:
    """Opens it; `part` is what it is to hold, in these tables: `RUNS` or `LOGS`. They are made if they are not there
    and `makes` says so. Raises a `StoreError`."""
    try:
        kind = kind_of(database)
    except UnknownKindError as error:
        raise CannotOpen(str(error)) from error
    match kind:
        case Kind.SQLITE:
            path = Path(path_in(database))
            if not makes and not path.exists():
                raise NothingThere(f"there is no database yet: {path} does not exist")
            return open_sqlite(path, tables, part)
        case Kind.POSTGRESQL:
            from ppacer.store.postgresql import open_postgresql  # noqa: PLC0415 - loads the driver

            return open_postgresql(database, tables, part, makes=makes)
        case Kind.MYSQL:
            from ppacer.store.mysql import open_mysql  # noqa: PLC0415 - likewise

            return open_mysql(database, tables, part, makes=makes)
