"""How writes about users, tokens, logins and the audit log are done. Their ranks come after those of all others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import bindparam, delete

from ppacer.core.accounts import (
    DeleteAudit,
    DeleteSessions,
    DeleteToken,
    DeleteUser,
    InsertAudit,
    InsertSession,
    InsertToken,
    InsertUser,
    UpdateUser,
)
from ppacer.core.model import Write
from ppacer.core.project import PROJECT
from ppacer.store import columns, schema
from ppacer.store.columns import Columns
from ppacer.store.write_kinds import Key, Kind, Step, by_id, inserts, removes, updates


def _row_of_user(write: InsertUser | UpdateUser) -> Key:
    return (write.row.project, write.row.name)


def _changed_user(write: UpdateUser) -> Columns:
    return {"key_project": write.row.project, "key_name": write.row.name, **columns.user_changes(write.row)}


def _row_of_session(write: InsertSession) -> Key:
    return (write.row.digest,)


def _row_by_id(write: InsertToken | InsertAudit) -> Key:
    return (write.row.id,)


KINDS: dict[type[Write], Kind] = {
    InsertUser: inserts(27, schema.accounts, _row_of_user, columns.user_columns),
    UpdateUser: updates(28, schema.accounts, _row_of_user, _changed_user),
    InsertToken: inserts(29, schema.access_tokens, _row_by_id, columns.token_columns),
    InsertSession: inserts(30, schema.login_sessions, _row_of_session, columns.session_columns),
    InsertAudit: inserts(31, schema.audit_log, _row_by_id, columns.audit_columns),
}

_USER_REMOVAL = Kind(
    32,
    schema.accounts,
    delete(schema.accounts).where(
        schema.accounts.c.project == bindparam("key_project"), schema.accounts.c.name == bindparam("key_name")
    ),
    lambda name: (PROJECT, name),
    lambda name: {"key_project": PROJECT, "key_name": name},
    removes=True,
)
_TOKEN_REMOVAL = by_id(33, schema.access_tokens)
_SESSION_REMOVAL = removes(
    34,
    schema.login_sessions,
    delete(schema.login_sessions).where(schema.login_sessions.c.digest == bindparam("key_digest")),
    "key_digest",
)
_AUDIT_REMOVAL = by_id(35, schema.audit_log)

MANY: dict[type[Write], Callable[[Any], Iterable[tuple[Kind, Step]]]] = {
    DeleteUser: lambda write: [(_USER_REMOVAL, write.name)],
    DeleteToken: lambda write: [(_TOKEN_REMOVAL, write.id)],
    DeleteSessions: lambda write: [(_SESSION_REMOVAL, digest) for digest in write.digests],
    DeleteAudit: lambda write: [(_AUDIT_REMOVAL, id_) for id_ in write.ids],
}
