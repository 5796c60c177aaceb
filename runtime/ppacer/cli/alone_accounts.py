"""Users, tokens and the audit log where nobody serves the database: a part of `ppacer.cli.alone.Alone`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from ppacer.core.accounts import Role
from ppacer.core.instants import from_datetime
from ppacer.services.scheduler import Scheduler
from ppacer.store import Store
from ppacer.store.accounts import AuditFilter
from ppacer.web.account_messages import AuditList, NewToken, TokenList, TokenView, UserList, UserView
from ppacer.web.account_views import audit_list, token_list, token_view, user_list, user_view

_T = TypeVar("_T")


class AloneAccounts(ABC):
    """Answers as `ppacer.account_calls.AccountCalls` does."""

    _store: Store
    _actor: str

    @abstractmethod
    def _do(self, action: str, subject: str, work: Callable[[Scheduler], Awaitable[_T]], detail: str = "") -> _T: ...

    @abstractmethod
    def _now(self) -> int: ...

    def users(self) -> UserList:
        return user_list(self._store.accounts.users())

    def add_user(self, name: str, role: str, password: str) -> UserView:
        made = self._do(
            *("users", name, lambda scheduler: scheduler.accounts.add_user(name, Role(role), password)),
            detail=f"role {role}",
        )
        return user_view(made)

    def remove_user(self, name: str) -> UserList:
        self._do("remove_user", name, lambda scheduler: scheduler.accounts.remove_user(name))
        return self.users()

    def set_role(self, name: str, role: str) -> UserView:
        changed = self._do(
            *("user_role", name, lambda scheduler: scheduler.accounts.set_role(name, Role(role))),
            detail=f"role {role}",
        )
        return user_view(changed)

    def set_password(self, name: str, password: str) -> UserView:
        changed = self._do("user_password", name, lambda scheduler: scheduler.accounts.set_password(name, password))
        return user_view(changed)

    def tokens(self) -> TokenList:
        return token_list(self._store.accounts.tokens(), self._now())

    def add_token(self, name: str, scope: str, *, expires_at: str | None = None) -> NewToken:
        until = None if expires_at is None else _instant(expires_at)
        token, secret = self._do(
            "tokens",
            name,
            lambda scheduler: scheduler.accounts.add_token(name, Role(scope), by=self._actor, expires_at=until),
            detail=f"scope {scope}",
        )
        return NewToken(token_view(token, self._now()), secret)

    def revoke_token(self, name: str) -> TokenView:
        revoked = self._do("revoke_token", name, lambda scheduler: scheduler.accounts.revoke_token(name))
        return token_view(revoked, self._now())

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
        wanted = AuditFilter(
            actor=actor,
            action=action,
            since=None if since is None else _instant(since),
            until=None if until is None else _instant(until),
            before=before,
        )
        return audit_list(self._store.accounts, wanted, limit)


def _instant(text: str) -> int:
    """A time that a command worked out, in UTC where it has no offset."""
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
