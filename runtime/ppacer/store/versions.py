"""What a database holds, by its table `ppacer_meta`: whether it is ours, which part of ours, of which schema."""

from __future__ import annotations

from sqlalchemy import Connection, Integer, String, column, inspect, literal, select, table

from ppacer.store.errors import NotADatabase
from ppacer.store.migrations.step import Version
from ppacer.store.schema import META, SCHEMA_VERSION

PRESENT = Version(SCHEMA_VERSION, 0)


def find_version(connection: Connection, name: str, part: str) -> Version | None:
    """The version of a part that the database called `name` holds; none where the database is empty.

    Raises `NotADatabase` for another program's database, and where other parts are there and this one is not.
    """
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if META not in names:
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise NotADatabase(f"{name} is a database of another program (its tables: {shown}): name another file")
    held = versions_in(connection)
    if part not in held:
        raise NotADatabase(f"{name} holds ppacer's {', '.join(held)}, not its {part}: the two go into different files")
    return held[part]


def versions_in(connection: Connection) -> dict[str, Version]:
    """The version of each part that lives in the database, which has the table `META`."""
    noted = any(found["name"] == "step" for found in inspect(connection).get_columns(META))  # since schema 3
    query = select(_meta.c.part, _meta.c.schema_version, _meta.c.step if noted else literal(0))
    return {part: Version(number, step) for part, number, step in connection.execute(query)}


_meta = table(META, column("part", String), column("schema_version", Integer), column("step", Integer))
