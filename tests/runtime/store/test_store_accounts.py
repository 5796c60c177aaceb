"""Users, tokens, logins and the audit log, in every database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ppacer.core.accounts import (
    AuditEntry,
    DeleteAudit,
    DeleteSessions,
    DeleteToken,
    DeleteUser,
    How,
    InsertAudit,
    InsertSession,
    InsertToken,
    InsertUser,
    Role,
    Session,
    Token,
    UpdateUser,
    User,
)
from ppacer.store import Conflict, Store
from ppacer.store.accounts import AuditFilter

ANA = User("ana", Role.ADMIN, "$scrypt$ln=15,r=8,p=3$c2FsdA$aGFzaA", 11, 12)
BEN = User("Ben", Role.VIEWER, "$scrypt$", 13, 14)


def token(rows: Any, number: int, name: str) -> Token:
    return Token(rows.id(number), name, Role.EXECUTOR, f"{number:064x}", 21, "ana", 22)


def entry(rows: Any, number: int, **changes: Any) -> AuditEntry:
    made = AuditEntry(rows.id(number), number, "ana", "session", "10.0.0.7", "pause", "daily ż", 200, "why \ud83d")
    return replace(made, **changes)


def test_users_come_back_as_they_went_in_and_change(store: Store) -> None:
    store.write([InsertUser(ANA), InsertUser(BEN)])
    assert store.accounts.users() == [BEN, ANA]  # by the characters' numbers
    changed = replace(BEN, role=Role.OPERATOR, password="$other$", changed_at=15)
    store.write([UpdateUser(changed), DeleteUser("ana")])
    assert store.accounts.users() == [changed]
    with pytest.raises(Conflict):
        store.write([UpdateUser(ANA)])
    with pytest.raises(Conflict):
        store.write([InsertUser(BEN)])
    store.write([DeleteUser("ana"), DeleteUser("Ben"), InsertUser(ANA)])
    assert store.accounts.users() == [ANA]


def test_tokens_come_back_and_go(store: Store, rows: Any) -> None:
    first, second = token(rows, 1, "ci"), replace(token(rows, 2, "box"), expires_at=None)
    store.write([InsertToken(second), InsertToken(first)])
    assert store.accounts.tokens() == [first, second]
    with pytest.raises(Conflict):
        store.write([InsertToken(token(rows, 3, "ci"))])
    store.write([DeleteToken(first.id), InsertToken(replace(first, id=rows.id(4)))])
    assert store.accounts.tokens() == [second, replace(first, id=rows.id(4))]


def test_logins_come_back_and_go(store: Store) -> None:
    logins = [Session(f"{number:064x}", How.SESSION, "ana", number, 99) for number in (1, 2, 3)]
    store.write([InsertSession(login) for login in logins])
    assert store.accounts.sessions() == logins
    store.write([DeleteSessions((logins[0].digest, "0" * 64)), DeleteSessions(()), InsertSession(logins[0])])
    store.write([DeleteSessions((logins[1].digest, logins[2].digest))])
    assert store.accounts.sessions() == logins[:1]


def test_the_audit_log_is_read_from_its_end_by_what_is_wanted(store: Store, rows: Any) -> None:
    entries = [
        entry(rows, 1),
        entry(rows, 2, actor="ben", action="login", outcome=401),
        entry(rows, 3, action="login"),
        entry(rows, 4, actor="ben"),
    ]
    store.write([InsertAudit(each) for each in entries])
    read = store.accounts.audit
    stored = [replace(each, detail="why \\ud83d") for each in entries]
    assert read(AuditFilter(), 10) == stored[::-1]
    assert read(AuditFilter(), 2) == [stored[3], stored[2]]
    assert read(AuditFilter(before=rows.id(3)), 10) == [stored[1], stored[0]]
    assert read(AuditFilter(actor="ben"), 10) == [stored[3], stored[1]]
    assert read(AuditFilter(action="login"), 10) == [stored[2], stored[1]]
    assert read(AuditFilter(since=2, until=4), 10) == [stored[2], stored[1]]
    assert store.accounts.old_audit(rows.id(3), 10) == [rows.id(1), rows.id(2)]
    assert store.accounts.old_audit(rows.id(3), 1) == [rows.id(1)]
    store.write([DeleteAudit((rows.id(1), rows.id(2))), DeleteAudit(())])
    assert read(AuditFilter(), 10) == [stored[3], stored[2]]
