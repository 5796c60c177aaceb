"""`user`, `token` and `audit` where nobody serves the database; and the same through a program that does."""

from __future__ import annotations

import getpass
import io
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ppacer.core.accounts import How, Role
from ppacer.services import passwords
from ppacer.services.accounts import digest_of
from ppacer.store import open_store
from ppacer.store.accounts import AuditFilter

_ALL = AuditFilter()
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LOG_N", 4)


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts a text on the standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_users_are_added_changed_and_removed(call: Any, say: Any, tmp_path: Path) -> None:
    assert call("user", "list").err.startswith("error: there is no run yet")
    say(f"{PASSWORD}\n")
    assert call("user", "add", "ana", "--role", "admin").out == "ana can log in, as admin\n"
    say(f"{PASSWORD}\n")
    assert call("user", "add", "ben", "--role", "viewer").out == "ben can log in, as viewer\n"
    assert [line.split()[:2] for line in call("user", "list").out.splitlines()[1:]] == [
        ["ana", "admin"],
        ["ben", "viewer"],
    ]
    assert call("user", "role", "ben", "--role", "operator").out == "ben is operator now\n"
    say("another long one\n")
    assert call("user", "password", "ben").out == "ben has another password, and must log in anew\n"
    assert call("user", "role", "ana", "--role", "viewer").err.startswith("error: `ana` is the last admin")
    assert call("user", "remove", "ben").out == "ben is removed\n"
    assert "loopback is open to all" in call("user", "remove", "ana").out
    assert call("user", "remove", "ana").err == "error: there is no user `ana`\n"
    say("short\n")
    assert call("user", "add", "eva", "--role", "viewer").err == "error: a password has 12 to 200 characters\n"
    with closing(open_store(tmp_path / "shop.db")) as store:
        assert store.accounts.users() == []


def test_at_a_terminal_a_password_is_asked_for_twice(
    call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", terminal)
    said = iter([PASSWORD, "another one", PASSWORD, PASSWORD])
    monkeypatch.setattr(getpass, "getpass", lambda prompt: next(said))
    assert call("user", "add", "ana", "--role", "admin").err == "error: these were two passwords\n"
    assert call("user", "add", "ana", "--role", "admin").code == 0
    with closing(open_store(tmp_path / "shop.db")) as store:
        assert [user.role for user in store.accounts.users()] == [Role.ADMIN]


def test_a_token_is_printed_alone_and_once(call: Any, tmp_path: Path) -> None:
    made = call("token", "add", "box", "--scope", "executor", "--expires", "90d")
    assert made.out.startswith("ppacer_")
    assert made.out.count("\n") == 1
    assert "token box with the scope executor, until " in made.err
    assert "login page" not in made.err
    for_admin = call("token")
    assert for_admin.out.startswith("ppacer_")
    assert "the login page instead of a password" in for_admin.err
    again = call("token", "add", "box", "--scope", "viewer")
    assert again.err.startswith("error: there is a token `box` already")
    rows = [line.split() for line in call("token", "list").out.splitlines()[1:]]
    assert [row[1] for row in rows] == ["executor", "admin"]
    assert rows[1][0].endswith("-1")
    with closing(open_store(tmp_path / "shop.db")) as store:
        assert store.accounts.tokens()[0].digest == digest_of(made.out.strip())
    assert call("token", "revoke", "box").out == "box does not hold any more\n"
    assert call("token", "revoke", "box").err == "error: there is no token `box`\n"
    assert "box" not in call("token", "list").out


def test_what_is_done_without_a_program_is_in_the_audit_log_too(call: Any, say: Any, tmp_path: Path) -> None:
    assert call("audit").out == "nothing was done yet\n"
    say(f"{PASSWORD}\n")
    call("user", "add", "ana", "--role", "admin")
    call("user", "remove", "ben")
    call("pause", "daily", "--reason", "why not")
    call("trigger", "by_hand")
    lines = call("audit").out.splitlines()
    assert [" ".join(line.split()[3:6]) for line in lines] == [
        "users ana done",
        "remove_user ben refused",
        "pause daily done",
        "trigger by_hand done",
    ]
    assert call("audit", "--action", "pause").out.count("\n") == 1
    assert call("audit", "--actor", "nobody").out == "nothing was done yet\n"
    assert call("audit", "--since", "1h", "-n", "2").out.count("\n") == 2
    assert call("audit", "--since", "2999-01-01").out == "nothing was done yet\n"
    assert PASSWORD not in "".join(lines)
    with closing(open_store(tmp_path / "shop.db")) as store:
        entries = store.accounts.audit(_ALL, 10)
    assert {entry.how for entry in entries} == {How.MACHINE}
