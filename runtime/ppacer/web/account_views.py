"""From the rows of users, tokens and the audit log to what the API says of them."""

from __future__ import annotations

from ppacer.core.accounts import AuditEntry, Token, User
from ppacer.store.accounts import AccountRows, AuditFilter
from ppacer.web.account_messages import AuditList, AuditView, TokenView, UserView
from ppacer.web.views import time_text


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


def audit_list(rows: AccountRows, wanted: AuditFilter, limit: int) -> AuditList:
    found = rows.audit(wanted, limit)
    return AuditList(tuple(map(_audit_view, found)), found[-1].id if len(found) == limit else None)


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
