"""What the database knows of users, tokens and logins, and what they did."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from ppacer.core.accounts import AuditEntry, Session, Token, User
from ppacer.core.project import PROJECT
from ppacer.records import dataclass
from ppacer.store import rows, schema
from ppacer.store.database import Database


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are wanted; none of a field means any. `since` is inclusive, `until` exclusive, in microseconds."""

    actor: str | None = None
    action: str | None = None
    since: int | None = None
    until: int | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Everybody who may be let in."""

    users: Sequence[User]
    tokens: Sequence[Token]
    sessions: Sequence[Session]


class AccountRows:
    """Each method but `known` is one statement on a connection that cannot write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self) -> Known:
        return Known(self.users(), self.tokens(), self.sessions())

    def users(self) -> list[User]:
        """All users, by name."""
        table = schema.accounts
        query = select(table).where(table.c.project == PROJECT).order_by(table.c.name)
        return [rows.to_user(row) for row in self._all(query)]

    def tokens(self) -> list[Token]:
        """All tokens, those that have expired too, in the order in which they were made."""
        table = schema.access_tokens
        query = select(table).where(table.c.project == PROJECT).order_by(table.c.id)
        return [rows.to_token(row) for row in self._all(query)]

    def sessions(self) -> list[Session]:
        """All logins, those that have expired too, in the order in which they were made."""
        table = schema.login_sessions
        query = select(table).order_by(table.c.created_at, table.c.digest)
        return [rows.to_session(row) for row in self._all(query)]

    def audit(self, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
        """At most `limit` entries, newest first."""
        table = schema.audit_log
        query = select(table)
        for column, value in ((table.c.actor, wanted.actor), (table.c.action, wanted.action)):
            if value is not None:
                query = query.where(column == value)
        if wanted.since is not None:
            query = query.where(table.c.at >= wanted.since)
        if wanted.until is not None:
            query = query.where(table.c.at < wanted.until)
        if wanted.before is not None:
            query = query.where(table.c.id < wanted.before)
        return [rows.to_audit_entry(row) for row in self._all(query.order_by(table.c.id.desc()).limit(limit))]

    def old_audit(self, before: str, limit: int) -> list[str]:
        """The ids of the first `limit` entries whose id is less than `before`."""
        table = schema.audit_log
        query = select(table.c.id).where(table.c.id < before).order_by(table.c.id).limit(limit)
        return [row.id for row in self._all(query)]

    def _all(self, query: rows.Query) -> Sequence[rows.AnyRow]:
        with self._database.reading() as connection:
            return connection.execute(query).all()
