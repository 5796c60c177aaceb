"""What is done with a database of another schema: an earlier one is upgraded by whoever may, others are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ppacer.store.database import Database
from ppacer.store.errors import OtherVersion
from ppacer.store.migrations.step import Version
from ppacer.store.schema import SCHEMA_VERSION
from ppacer.store.versions import PRESENT

Tell: TypeAlias = Callable[[str], object]
"""Is given a sentence about what is done, for people."""

Prepare: TypeAlias = Callable[[int, Tell], None]
"""Is called before a database is upgraded, with the version that it has: to keep a copy, where that can be done."""


def bring_up(database: Database, part: str, found: Version, *, tell: Tell | None, prepare: Prepare) -> None:
    """Makes a database of an earlier schema one of this version, if `tell` is given.

    Raises `OtherVersion` for one that is newer, that was never released, or that may not be changed.
    """
    if found == PRESENT:
        return
    if found.number > SCHEMA_VERSION:
        raise _refuse(database.name, found, "newer", ": run a newer program on it, or name another database")
    from ppacer.store.migrations.every import OLDEST  # noqa: PLC0415 - what a database of this version need not load

    if found.number < OLDEST:
        raise _refuse(database.name, found, "older", ": run the older program on it, or name another database")
    if tell is None:
        raise _refuse(database.name, found, "older")
    from ppacer.store.migrations.upgrade import upgrade  # noqa: PLC0415 - Alembic takes a sixth of a second to load

    before = found.number - 1 if found.step else found.number
    prepare(before, tell)
    upgrade(database, part, found)
    tell(f"{database.name} has been upgraded from schema version {before} to {SCHEMA_VERSION}")


def _refuse(name: str, found: Version, age: str, advice: str = "") -> OtherVersion:
    """Without advice it can be upgraded."""
    half = ", half upgraded" if found.step else ""
    return OtherVersion(
        f"{name} has schema version {found.number}{half}, made by a{'n' if age == 'older' else ''} {age} ppacer; this "
        f"program reads version {SCHEMA_VERSION}{advice}",
        found=found.number,
        supported=SCHEMA_VERSION,
        upgradable=not advice,
    )
