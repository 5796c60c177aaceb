"""From the rows of users, tokens and the audit log to what the API says of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from ppacer.core.accounts import AuditEntry, Token, User
from ppacer.store.accounts import AccountRows, AuditFilter
from ppacer.web.account_messages import AuditList, AuditView, TokenList, TokenView, UserList, UserView
from ppacer.web.views import time_text

_T = TypeVar("_T")


def user_view(user: User) -> UserView:
    return UserView(user.name, user.role, time_text(user.created_at), time_text(user.changed_at))


def token_view(token: Token, now: int) -> TokenView:
    """`now` is in microseconds."""
    expires_at = token.expires_at
    return TokenView(
        token.name,
        token.scope,
        time_text(token.created_at),
        token.created_by,
        None if expires_at is None else time_text(expires_at),
        expires_at is not None and expires_at <= now,
    )


def user_list(users: Sequence[User], after: str | None = None, limit: int | None = None) -> UserList:
    """Of users by name at most `limit` behind the one with the name `after`."""
    shown, more = _page([user for user in users if after is None or user.name > after], limit)
    return UserList(tuple(map(user_view, shown)), shown[-1].name if more else None)


def token_list(tokens: Sequence[Token], now: int, after: str | None = None, limit: int | None = None) -> TokenList:
    """Of tokens by id at most `limit` behind the one with the id `after`; `now` is in microseconds."""
    shown, more = _page([token for token in tokens if after is None or token.id > after], limit)
    return TokenList(tuple(token_view(token, now) for token in shown), shown[-1].id if more else None)


def audit_list(rows: AccountRows, wanted: AuditFilter, limit: int) -> AuditList:
    shown, more = _page(rows.audit(wanted, limit + 1), limit)
    return AuditList(tuple(map(_audit_view, shown)), shown[-1].id if more else None)


def _page(found: Sequence[_T], limit: int | None) -> tuple[Sequence[_T], bool]:
    """The first `limit` of them, and whether there are more."""
    return found[:limit], limit is not None and len(found) > limit


def _audit_view(entry: AuditEntry) -> AuditView:
    return AuditView(
        entry.id,
        time_text(entry.at),
        entry.actor,
        entry.how,
        entry.address,
        entry.action,
        entry.subject,
        entry.outcome,
        entry.detail,
    )
