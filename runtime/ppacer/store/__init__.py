"""Where runs are kept: `open_store` for dags, runs, tasks, attempts and events, `ppacer.store.logs` for task logs.

Importing this package or `ppacer.store.errors` does not import SQLAlchemy; opening a store and its other modules do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ppacer.store.errors import (
    CannotOpen,
    Conflict,
    Damaged,
    DiskFull,
    LeaderLost,
    Locked,
    NotADatabase,
    OtherVersion,
    StoreError,
    Unavailable,
    Unwritable,
)

if TYPE_CHECKING:
    from ppacer.store.store import Store as Store

__all__ = [
    "CannotOpen",
    "Conflict",
    "Damaged",
    "DiskFull",
    "LeaderLost",
    "Locked",
    "NotADatabase",
    "OtherVersion",
    "StoreError",
    "Unavailable",
    "Unwritable",
    "open_store",
]

SQLITE_URL = "sqlite:///"


def open_store(url_or_path: str | Path) -> Store:
    """Opens a database, which is made if there is none: a path, or an URL `sqlite:///relative` or `sqlite:////absolute`.

    Raises `CannotOpen`, `NotADatabase`, `OtherVersion` or another `StoreError`.
    """
    from ppacer.store import schema, sqlite  # noqa: PLC0415 - a quarter of a second that `list` need not pay
    from ppacer.store.store import Store  # noqa: PLC0415

    path = str(url_or_path)
    if path.startswith(SQLITE_URL):
        path = path.removeprefix(SQLITE_URL)
    elif "://" in path:
        scheme = path.partition(":")[0]
        raise CannotOpen(f"databases of kind {scheme} are not supported by this version yet: name a file for SQLite")
    return Store(sqlite.open_sqlite(Path(path), schema.schema, schema.RUNS))


def __getattr__(name: str) -> object:
    """`Store` itself, for annotations: imported when it is asked for."""
    if name == "Store":
        from ppacer.store.store import Store  # noqa: PLC0415

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
