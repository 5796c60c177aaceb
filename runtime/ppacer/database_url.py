"""What names a database: the path of a SQLite file, or the URL of a server's database, which may hold a password.

Loads next to nothing: the settings are read by every command.
"""

from __future__ import annotations

import hashlib
import re
from enum import Enum

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class Kind(Enum):
    SQLITE = "SQLite"
    POSTGRESQL = "PostgreSQL"
    MYSQL = "MySQL or MariaDB"


SCHEMES = {
    "sqlite": Kind.SQLITE,
    "postgresql": Kind.POSTGRESQL,
    "postgres": Kind.POSTGRESQL,
    "mysql": Kind.MYSQL,
    "mariadb": Kind.MYSQL,
}
"""What a URL of each kind begins with."""

_SQLITE = "sqlite:///"


class UnknownKindError(ValueError):
    """The URL is of a kind that cannot be used; the message shows nothing of it but its scheme."""


def kind_of(database: str) -> Kind:
    """Raises `UnknownKindError`."""
    match = _SCHEME.match(database)
    if match is None:
        return Kind.SQLITE
    scheme = match[1].lower()
    if scheme not in SCHEMES or (SCHEMES[scheme] is Kind.SQLITE and not database.startswith(_SQLITE)):
        known = "the path of a file, postgresql://USER@HOST/DATABASE or mysql://USER@HOST/DATABASE"
        raise UnknownKindError(f"{scheme}://… names no database that can be used: expected {known}")
    return SCHEMES[scheme]


def is_server(database: str) -> bool:
    """Whether it is the URL of a server's database, and not a file. Raises `UnknownKindError`."""
    return kind_of(database) is not Kind.SQLITE


def path_in(database: str) -> str:
    """The path that an URL of SQLite names; anything else as it is."""
    return database.removeprefix(_SQLITE)


def shown(database: str) -> str:
    """As people may see it: a path as it is, of an URL only scheme, user, host, port and database.

    What stands between the user and the last `@` may be (a badly written part of) a password.
    """
    match = _SCHEME.match(database)
    if match is None:
        return database
    place, at, rest = database[match.end() :].rpartition("@")
    user = place.partition(":")[0].partition("@")[0]
    return f"{match[0]}{user}{at}{re.split(r'[?#]', rest, maxsplit=1)[0]}"


def digest(database: str) -> str:
    """A short name for a server's database, whoever uses it, for the names of files."""
    without_user = shown(database).partition("://")[2].rpartition("@")[2]
    return hashlib.sha256(f"{kind_of(database).name}:{without_user}".encode()).hexdigest()[:8]
