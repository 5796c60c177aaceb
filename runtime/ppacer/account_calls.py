"""What a client may ask of users, tokens and the audit log: a part of `ppacer.client.Client`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import quote

from ppacer.walk_calls import walk
from ppacer.web.account_messages import AuditList, NewToken, TokenList, TokenView, UserList, UserView
from ppacer.web.messages import Json

_Message = TypeVar("_Message")
_API = "/api/v1"


class AccountCalls(ABC):
    """For admins only."""

    @abstractmethod
    def _get(self, kind: type[_Message], path: str, query: Mapping[str, str | None] | None = None) -> _Message: ...

    @abstractmethod
    def _post(self, kind: type[_Message], path: str, body: Mapping[str, Json] | None = None) -> _Message: ...

    def users(self, *, after: str | None = None, limit: int = 500) -> UserList:
        """Those who can log in, by name."""
        return self._get(UserList, f"{_API}/users", {"after": after, "limit": str(limit)})

    def each_user(self) -> Iterator[UserView]:
        """Those who can log in, by name."""

        def page(after: str | None, most: int) -> tuple[Sequence[UserView], str | None]:
            found = self.users(after=after, limit=most)
            return found.users, found.next

        return walk(page)

    def add_user(self, name: str, role: str, password: str) -> UserView:
        """`role` is `viewer`, `operator` or `admin`. Raises `ConflictError` if there is a user of that name."""
        return self._post(UserView, f"{_API}/users", {"name": name, "role": role, "password": password})

    def remove_user(self, name: str) -> UserList:
        """All logins of the user end; those who are left are returned. Raises `ConflictError` for the last admin."""
        return self._post(UserList, _user(name, "remove"))

    def set_role(self, name: str, role: str) -> UserView:
        """`role` is `viewer`, `operator` or `admin`. Raises `ConflictError` for the last admin."""
        return self._post(UserView, _user(name, "role"), {"role": role})

    def set_password(self, name: str, password: str) -> UserView:
        """All logins of the user end."""
        return self._post(UserView, _user(name, "password"), {"password": password})

    def tokens(self, *, after: str | None = None, limit: int = 500) -> TokenList:
        """In the order in which they were made; their secrets nobody can tell."""
        return self._get(TokenList, f"{_API}/tokens", {"after": after, "limit": str(limit)})

    def each_token(self) -> Iterator[TokenView]:
        """In the order in which they were made."""

        def page(after: str | None, most: int) -> tuple[Sequence[TokenView], str | None]:
            found = self.tokens(after=after, limit=most)
            return found.tokens, found.next

        return walk(page)

    def add_token(self, name: str, scope: str, *, expires_at: str | None = None) -> NewToken:
        """`scope` is a role or `executor`; without `expires_at`, a time to come, it holds until it is revoked. The
        secret is told this once. Raises `ConflictError` if there is a token of that name."""
        return self._post(NewToken, f"{_API}/tokens", {"name": name, "scope": scope, "expires_at": expires_at})

    def revoke_token(self, name: str) -> TokenView:
        """It does not hold from now on."""
        return self._post(TokenView, f"{_API}/tokens/{quote(name, safe='')}/revoke")

    def audit(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: str | None = None,
        until: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> AuditList:
        """Who did what, newest first; times without an offset are UTC."""
        query = {"actor": actor, "action": action, "since": since, "until": until, "before": before}
        return self._get(AuditList, f"{_API}/audit", {**query, "limit": str(limit)})


def _user(name: str, operation: str) -> str:
    return f"{_API}/users/{quote(name, safe='')}/{operation}"
