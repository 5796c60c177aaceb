"""Somebody who has logged in sets their own password: what it takes, what ends with it, what is kept of it."""

from __future__ import annotations

from typing import Any

import pytest

from ppacer.core.accounts import Role
from ppacer.services import passwords
from ppacer.services.login_limits import BY_ADDRESS
from ppacer.store.accounts import AuditFilter
from tests.runtime.web.conftest import Answer, Serve, Server
from tests.runtime.web.test_web_login import PASSWORD, form, log_in, me

NEW = "another long one"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LOG_N", 4)


@pytest.fixture
def guarded(serving: Serve) -> Server:
    server = serving(host="0.0.0.0", token="shared")
    for name, role in (("ana", Role.VIEWER), ("bob", Role.ADMIN)):
        server.call(server.site.scheduler.accounts.add_user(name, role, PASSWORD))
    return server


def asked(server: Server, cookie: str, old: str = PASSWORD, new: str = NEW) -> Answer:
    headers = {"Cookie": cookie, "X-Ppacer-Xsrf": me(server, cookie).json["xsrf"]}
    return server.post("/api/v1/me/password", {"old_password": old, "password": new}, **headers)


def outcomes(server: Server) -> list[tuple[str, str, int]]:
    """What the audit log says of it, oldest first."""
    wanted = AuditFilter(action="own_password")
    found = server.call(server.site.scheduler.journal.read(server.site.store.accounts.audit, wanted, 50))
    return [(each.actor, each.subject, each.outcome) for each in reversed(found)]


def test_the_other_logins_end_and_this_one_goes_on(guarded: Server) -> None:
    here, there, bob = log_in(guarded, "ana"), log_in(guarded, "ana"), log_in(guarded, "bob")
    answer = asked(guarded, here)
    assert (answer.status, answer.json["name"], "password" in answer.json) == (200, "ana", False)
    assert [me(guarded, cookie).status for cookie in (here, there, bob)] == [200, 401, 200]
    assert form(guarded, "/login", user="ana", password=PASSWORD).status == 401
    assert log_in(guarded, "ana", NEW)
    assert asked(guarded, here, NEW, PASSWORD).status == 200  # and back again
    assert outcomes(guarded) == [("ana", "ana", 200)] * 2
    assert {each.digest for each in guarded.site.store.accounts.sessions()} == {
        session.digest for session in guarded.site.scheduler.accounts._sessions.values()
    }


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"old_password": "not the password", "password": NEW}, 403, "old_password"),
        ({"old_password": PASSWORD, "password": "elevenchars"}, 422, "password"),
        ({"old_password": PASSWORD, "password": "x" * 201}, 422, "password"),
        ({"old_password": PASSWORD, "password": PASSWORD}, 422, "password"),
        ({"old_password": "x" * 201, "password": NEW}, 403, "old_password"),
        ({"password": NEW}, 422, "old_password"),
        ({"old_password": PASSWORD}, 422, "password"),
    ],
)
def test_what_is_not_right_changes_nothing(guarded: Server, body: Any, status: int, field: str) -> None:
    here, there = log_in(guarded, "ana"), log_in(guarded, "ana")
    headers = {"Cookie": here, "X-Ppacer-Xsrf": me(guarded, here).json["xsrf"]}
    refused = guarded.post("/api/v1/me/password", body, **headers)
    assert (refused.status, refused.json["field"]) == (status, field)
    assert me(guarded, there).status == 200
    assert log_in(guarded, "ana")


def test_a_page_of_another_site_cannot_ask_for_it(guarded: Server) -> None:
    cookie = log_in(guarded, "ana")
    body = {"old_password": PASSWORD, "password": NEW}
    refused = guarded.post("/api/v1/me/password", body, Cookie=cookie)
    assert (refused.status, refused.json["field"]) == (403, "X-Ppacer-Xsrf")
    assert guarded.post("/api/v1/me/password", body).status == 401
    assert log_in(guarded, "ana")


def test_the_old_password_may_be_tried_as_often_as_a_login(guarded: Server) -> None:
    now = [1000.0]
    guarded.site.logins._clock = lambda: now[0]
    cookie = log_in(guarded, "ana")
    tries = [asked(guarded, cookie, f"wrong {n}").status for n in range(BY_ADDRESS.burst)]
    assert tries == [403] * BY_ADDRESS.burst
    refused = asked(guarded, cookie)
    assert (refused.status, refused.headers["retry-after"]) == (429, f"{BY_ADDRESS.seconds:.0f}")
    assert "wait for 30 s" in refused.json["detail"]
    assert form(guarded, "/login", user="ana", password=PASSWORD).status == 429  # the same tries
    now[0] += BY_ADDRESS.seconds
    assert asked(guarded, cookie).status == 200
    assert asked(guarded, cookie, NEW, PASSWORD).status == 200  # what succeeds is given back
    assert outcomes(guarded) == [("ana", "ana", status) for status in (*tries, 429, 200, 200)]


def test_no_more_passwords_are_hashed_than_may_wait(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    cookie = log_in(guarded, "ana")
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    assert asked(guarded, cookie).status == 409


def test_who_is_no_user_has_none(guarded: Server, serving: Serve) -> None:
    _, secret = guarded.call(guarded.site.scheduler.accounts.add_token("reader", Role.VIEWER, by="test"))
    body = {"old_password": PASSWORD, "password": NEW}
    for shown in ("shared", secret):
        assert guarded.post("/api/v1/me/password", body, Authorization=f"Bearer {shown}").status == 409
        assert asked(guarded, log_in(guarded, "", shown)).status == 409
    guarded.call(guarded.site.scheduler.accounts.remove_user("ana"))
    guarded.call(guarded.site.scheduler.accounts.remove_user("bob"))
    guarded.stop()
    refused = serving().post("/api/v1/me/password", body)  # where nobody needs to be known
    assert refused.status == 409
    assert "login with a name and a password" in refused.json["detail"]


def test_a_user_who_is_removed_meanwhile_is_not_there(guarded: Server) -> None:
    cookie = log_in(guarded, "ana")
    xsrf = me(guarded, cookie).json["xsrf"]
    guarded.call(guarded.site.scheduler.accounts.remove_user("ana"))
    body = {"old_password": PASSWORD, "password": NEW}
    assert guarded.post("/api/v1/me/password", body, Cookie=cookie, **{"X-Ppacer-Xsrf": xsrf}).status == 401
