"""What there is to say of a database as a whole."""

from __future__ import annotations

from sqlalchemy import Connection, func, inspect, select, table

from ppacer.records import dataclass
from ppacer.store.errors import CannotOpen
from ppacer.store.leader import Leader
from ppacer.store.schema import META, RUNS, meta
from ppacer.store.versions import find_version


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one part: `rows` are counted by table, `size` is in bytes. `half` says that an upgrade to this version was
    cut off. `leader` took the lead last, if that is known."""

    version: int
    half: bool
    size: int
    rows: dict[str, int]
    leader: Leader | None


def facts_of(connection: Connection, name: str, part: str) -> Facts:
    """Takes as long as counting all rows takes. Raises `NotADatabase`, and `CannotOpen` for an empty database."""
    version = find_version(connection, name, part)
    if version is None:
        raise CannotOpen(f"{name} is empty")
    return Facts(
        version.number,
        version.step > 0,
        int(connection.exec_driver_sql(_SIZES[connection.dialect.name]).scalar_one()),
        {found: _count(connection, found) for found in inspect(connection).get_table_names() if found != META},
        leader_of(connection, part) if version.number >= _NAMES_LEADERS else None,
    )


def leader_of(connection: Connection, part: str) -> Leader | None:
    """Who took the lead last; none where nobody did, or did not say."""
    row = connection.execute(select(meta).where(meta.c.part == part)).one()
    if row.leader_host is None:
        return None
    return Leader(row.leader_host, row.leader_pid, row.leader_since, row.leader_url, row.leader_epoch)


def last_leader(connection: Connection) -> Leader | None:
    """The same of any database, one that is empty or of another version too."""
    inspector = inspect(connection)
    if not inspector.has_table(META) or not {column["name"] for column in inspector.get_columns(META)} >= _LEADER:
        return None
    found = connection.execute(select(meta.c.part).where(meta.c.part == RUNS)).one_or_none()
    return None if found is None else leader_of(connection, RUNS)


def _count(connection: Connection, name: str) -> int:
    return int(connection.execute(select(func.count()).select_from(table(name))).scalar_one())


_NAMES_LEADERS = 3
"""The first schema that says who leads."""

_LEADER = {"leader_epoch", "leader_host", "leader_pid", "leader_since", "leader_url"}

_SIZES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
    "mysql": "SELECT coalesce(sum(data_length + index_length), 0) FROM information_schema.tables "
    "WHERE table_schema = database()",
}
_SIZES["mariadb"] = _SIZES["mysql"]
