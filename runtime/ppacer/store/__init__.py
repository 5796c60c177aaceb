"""Where runs are kept: `open_store` for dags, runs, tasks, attempts and events, `ppacer.store.logs` for task logs.

Importing this package or `ppacer.store.errors` does not import SQLAlchemy; opening a store and its other modules do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ppacer.config import Durability
from ppacer.store.errors import (
    CannotOpen,
    Conflict,
    Damaged,
    DiskFull,
    LeaderLost,
    Locked,
    NotADatabase,
    NothingThere,
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
    "NothingThere",
    "OtherVersion",
    "StoreError",
    "Unavailable",
    "Unwritable",
    "open_store",
]


def open_store(
    url_or_path: str | Path,
    *,
    makes: bool = True,
    durability: Durability = Durability.FULL,
    upgrading: Callable[[str], object] | None = None,
) -> Store:
    """Opens a database: a path, or an URL. Its tables are made if it has none, unless `makes` is false.

    The URLs: `sqlite:///relative`, `sqlite:////absolute`, `postgresql://user@host/database`, and `mysql://…` or
    `mariadb://…` likewise. `durability` is that of a SQLite file: servers have their own.

    A database of an earlier schema is upgraded, and `upgrading` is told what is done, in sentences; without it such a
    database is refused. Upgrading is for whoever has the lead.

    Raises `CannotOpen`, `NotADatabase`, `NothingThere`, `OtherVersion` or another `StoreError`.
    """
    from ppacer.store import kinds, schema  # noqa: PLC0415 - a quarter of a second that `list` need not pay
    from ppacer.store.store import Store  # noqa: PLC0415

    database = kinds.open_database(
        str(url_or_path), schema.schema, schema.RUNS, makes=makes, durability=durability, upgrading=upgrading
    )
    return Store(database)


def __getattr__(name: str) -> object:
    """`Store` itself, for annotations: imported when it is asked for."""
    if name == "Store":
        from ppacer.store.store import Store  # noqa: PLC0415

        return Store
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
