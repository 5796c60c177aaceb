"""What a database that is opened holds: ours of this version, nothing yet, or something that must not be touched."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ppacer.store.errors import OtherVersion
from ppacer.store.schema import SCHEMA_VERSION, meta


def versions(connection: Connection) -> dict[str, int]:
    """The schema version of each part that lives in the database, which has the table `META`."""
    return {row.part: row.schema_version for row in connection.execute(select(meta.c.part, meta.c.schema_version))}


def refuse_other_version(name: str, found: int) -> None:
    """Raises `OtherVersion` where it is not this program's."""
    if found == SCHEMA_VERSION:
        return
    age, hint = ("newer", "run a newer") if found > SCHEMA_VERSION else ("older", "run the older")
    raise OtherVersion(
        f"{name} has schema version {found}, made by a{'n' if age == 'older' else ''} {age} ppacer; this program "
        f"reads version {SCHEMA_VERSION}: {hint} program on it, or name another database",
        found=found,
        supported=SCHEMA_VERSION,
    )
