"""What the JSON API says of users, tokens and the audit log, and what may be asked of it there, as types.

Secrets and passwords come in, and a new token's secret goes out, once; nothing here shows them otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ppacer.core.accounts import LEAST_PASSWORD, MOST_PASSWORD, NAME_PATTERN, USER_ROLES, Role

_NAME: dict[str, Any] = {"pattern": NAME_PATTERN}
_PASSWORD: dict[str, Any] = {"minLength": LEAST_PASSWORD, "maxLength": MOST_PASSWORD}
_USER_ROLE: dict[str, Any] = {"enum": [role.value for role in USER_ROLES]}
_NO_MOMENT: dict[str, Any] = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, {"type": "null"}]
}


@dataclass(frozen=True, slots=True)
class UserView:
    """Somebody who can log in; `changed_at` is when role or password were last set."""

    name: str
    role: str
    created_at: str
    changed_at: str


@dataclass(frozen=True, slots=True)
class UserList:
    """`next` is the value of `after` that gives the page after this one."""

    users: tuple[UserView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class TokenView:
    """What a script or an executor is known by."""

    name: str
    scope: str
    created_at: str
    created_by: str
    expires_at: str | None
    expired: bool


@dataclass(frozen=True, slots=True)
class TokenList:
    """`next` is the value of `after` that gives the page after this one."""

    tokens: tuple[TokenView, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token with its secret, which is told this once."""

    token: TokenView
    secret: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """Something that `actor` did, known by `how`, from `address`, to `subject`; `outcome` is the status of the answer.
    Without an actor it was nobody who is known."""

    id: str
    at: str
    actor: str
    how: str
    address: str
    action: str
    subject: str
    outcome: int
    detail: str


@dataclass(frozen=True, slots=True)
class AuditList:
    """`next` is the value of `before` that gives the page after this one."""

    entries: tuple[AuditView, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class UserRequest:
    name: str = field(metadata=_NAME)
    role: Role = field(metadata=_USER_ROLE)
    password: str = field(metadata=_PASSWORD)


@dataclass(frozen=True, slots=True)
class RoleRequest:
    role: Role = field(metadata=_USER_ROLE)


@dataclass(frozen=True, slots=True)
class PasswordRequest:
    password: str = field(metadata=_PASSWORD)


@dataclass(frozen=True, slots=True)
class OwnPasswordRequest:
    """`old_password` is the one that holds until now."""

    old_password: str = field(metadata={"maxLength": MOST_PASSWORD})
    password: str = field(metadata=_PASSWORD)


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """`expires_at` is when it ends to hold; never if left out."""

    name: str = field(metadata=_NAME)
    scope: Role
    expires_at: str | None = field(default=None, metadata=_NO_MOMENT)
