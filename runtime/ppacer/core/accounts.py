"""Who may do what: roles and their rights, and the rows that people and scripts are known by.

A role is a set of rights, and every operation of the API names the one that it needs; nobody looks at a role otherwise.
`executor` is no step of the ladder: whoever runs tasks sees nothing of what people do, and does nothing that they can.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeAlias

from ppacer.core.project import PROJECT
from ppacer.records import dataclass


class Right(StrEnum):
    """What an operation asks for."""

    KNOWN = "known"
    """Nothing but that it is known who asks."""

    VIEW = "view"
    OPERATE = "operate"
    ADMINISTER = "administer"
    EXECUTE = "execute"
    """To be given tasks, and to report on them."""


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    EXECUTOR = "executor"

    def may(self, right: Right) -> bool:
        return right in _RIGHTS[self]


_RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.KNOWN, Right.VIEW}),
    Role.OPERATOR: frozenset({Right.KNOWN, Right.VIEW, Right.OPERATE}),
    Role.ADMIN: frozenset(Right),
    Role.EXECUTOR: frozenset({Right.KNOWN, Right.EXECUTE}),
}

USER_ROLES = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
"""What a person may be."""


class How(StrEnum):
    """By what it is known who asks."""

    OPEN = "open"
    """By nothing: on loopback, where there are no users and no token, nobody needs to say."""

    MACHINE = "machine"
    """By the secret in the run file, which only the program's own user can read."""

    SHARED = "shared"
    """By the one secret of `--token` or `PPACER_TOKEN`, which names nobody."""

    TOKEN = "token"  # noqa: S105 (a word)
    """By a token of its own name."""

    SESSION = "session"
    """By a login on the page."""

    @property
    def names(self) -> bool:
        """Whether it says who that is; else it is told, and believed, who asks."""
        return self in (How.TOKEN, How.SESSION)


TOKEN_PREFIX = "token:"  # noqa: S105 (likewise)
"""What the name of a token begins with where it stands for who asks: no user has such a name."""

NAME_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"
"""Names of users and of tokens."""

RESERVED = frozenset({"local", "schedule", "run_dag", "backfill", "scheduler"})
"""Names by which histories know the program itself."""

LEAST_PASSWORD = 12
MOST_PASSWORD = 200
"""Characters of a password. The most is what keeps its hashing from being asked for more than a login costs."""

_NAME = re.compile(NAME_PATTERN)


def name_problem(name: str) -> str | None:
    """Why this can be no name of a user or a token, or none."""
    if not _NAME.fullmatch(name):
        return "a name has 1 to 64 letters, digits and signs of . _ @ -, and begins with a letter or a digit"
    return f"`{name}` is a name of the program's own" if name in RESERVED else None


@dataclass(frozen=True, slots=True)
class User:
    """A person with a password, of which only a hash is kept."""

    name: str
    role: Role
    password: str
    created_at: int
    changed_at: int
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class Token:
    """What a script or an executor is known by: `digest` is the SHA-256 of its secret in hex."""

    id: str
    name: str
    scope: Role
    digest: str
    created_at: int
    created_by: str
    expires_at: int | None = None
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class Session:
    """A login: `digest` is the SHA-256 of the cookie's secret in hex. `how` and `holder` say whose it is: the name of a
    user (`SESSION`), the id of a token (`TOKEN`), or the SHA-256 of the shared secret (`SHARED`)."""

    digest: str
    how: How
    holder: str
    created_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that somebody did, or was refused: `action` on `subject`, asked for from `address`. `outcome` is the
    status of the answer as HTTP has it."""

    id: str
    at: int
    actor: str
    how: str
    address: str
    action: str
    subject: str
    outcome: int
    detail: str = ""
    project: str = PROJECT


@dataclass(frozen=True, slots=True)
class InsertUser:
    row: User


@dataclass(frozen=True, slots=True)
class UpdateUser:
    """Sets role and password to those of `row`."""

    row: User


@dataclass(frozen=True, slots=True)
class DeleteUser:
    name: str


@dataclass(frozen=True, slots=True)
class InsertToken:
    row: Token


@dataclass(frozen=True, slots=True)
class DeleteToken:
    id: str


@dataclass(frozen=True, slots=True)
class InsertSession:
    row: Session


@dataclass(frozen=True, slots=True)
class DeleteSessions:
    """Deletes sessions; what is not there is passed over."""

    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InsertAudit:
    row: AuditEntry


@dataclass(frozen=True, slots=True)
class DeleteAudit:
    ids: tuple[str, ...]


AccountWrite: TypeAlias = (
    InsertUser
    | UpdateUser
    | DeleteUser
    | InsertToken
    | DeleteToken
    | InsertSession
    | DeleteSessions
    | InsertAudit
    | DeleteAudit
)
