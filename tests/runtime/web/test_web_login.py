"""Logins on the page, with and without a script; users and tokens through the API; what of it is in the audit log."""

from __future__ import annotations

import asyncio
import http.client
import http.cookies
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from ppacer.core.accounts import How, Role
from ppacer.services import accounts as accounts_module
from ppacer.services import passwords
from ppacer.services.accounts import MOST_SESSIONS, SESSION_SECONDS, digest_of
from ppacer.services.login_limits import BY_ADDRESS, BY_USER
from ppacer.web import streams
from tests.runtime.web.conftest import Answer, Serve, Server

PASSWORD = "correct horse battery"
BROWSER = {"Accept": "text/html,*/*", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_LOG_N", 4)


@pytest.fixture
def guarded(serving: Serve) -> Server:
    """With a user of each role, named for it, and a token for everybody."""
    server = serving(host="0.0.0.0", token="shared")
    for role in (Role.ADMIN, Role.OPERATOR, Role.VIEWER):
        server.call(server.site.scheduler.accounts.add_user(f"the-{role}", role, PASSWORD))
    return server


def form(server: Server, path: str, cookie: str | None = None, headers: Any = None, **fields: str) -> Answer:
    """Sends a form as the page's own browser does."""
    sent = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": server.url,
        "Sec-Fetch-Site": "same-origin",
        **({"Cookie": cookie} if cookie else {}),
        **(headers or {}),
    }
    return server.ask(path, method="POST", body=urlencode(fields), headers=sent)


def log_in(server: Server, user: str, password: str = PASSWORD, cookie: str | None = None) -> str:
    """The cookie of a login that succeeds."""
    answer = form(server, "/login", cookie, user=user, password=password)
    assert answer.status == 303, answer.body
    return given(answer)


def given(answer: Answer) -> str:
    (morsel,) = http.cookies.SimpleCookie(answer.headers["set-cookie"]).values()
    return f"{morsel.key}={morsel.value}"


def me(server: Server, cookie: str) -> Answer:
    return server.ask("/api/v1/me", headers={"Cookie": cookie})


# --- logins ----------------------------------------------------------------------------------------------------------


def test_a_browser_is_sent_to_the_login_and_from_there_to_where_it_was_going(guarded: Server) -> None:
    sent = guarded.ask("/runs/7?view=log", headers=BROWSER)
    assert (sent.status, sent.headers["location"]) == (303, "/login?next=/runs/7")
    page = guarded.ask("/login?next=/runs/7", headers=BROWSER)
    assert page.status == 200
    assert b'name="next" value="/runs/7"' in page.body
    assert b"<script" not in page.body
    assert "form-action 'self'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "same-origin"
    answer = form(guarded, "/login", user="the-viewer", password=PASSWORD, next="/runs/7")
    assert (answer.status, answer.headers["location"]) == (303, "/runs/7")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/", f"Max-Age={SESSION_SECONDS}"))
    assert "Secure" not in cookie  # it was asked for without TLS
    assert guarded.ask("/", headers={"Cookie": given(answer)}).status == 200


def test_a_link_from_elsewhere_comes_back_with_the_cookie_that_was_held_back(guarded: Server) -> None:
    first = guarded.ask("/runs/7", headers={**BROWSER, "Sec-Fetch-Site": "cross-site"})
    assert first.status == 200
    assert b'http-equiv="refresh"' in first.body
    assert b"app.js" not in first.body


def test_the_role_of_a_login_is_that_of_its_user(guarded: Server) -> None:
    for role in ("admin", "operator", "viewer"):
        cookie = log_in(guarded, f"the-{role}")
        found = me(guarded, cookie).json
        assert (found["user"], found["role"], found["how"]) == (f"the-{role}", role, "session")
        sent = {"Cookie": cookie, "X-Ppacer-Xsrf": found["xsrf"]}
        assert guarded.post("/api/v1/dags/daily/pause", {}, **sent).status == (403 if role == "viewer" else 200)
        assert guarded.ask("/api/v1/users", headers=sent).status == (200 if role == "admin" else 403)
        exchange = guarded.post("/executor/v1/exchange", {}, **sent)
        assert exchange.status == (422 if role == "admin" else 403)


def test_a_change_under_a_login_needs_what_the_page_alone_can_know(guarded: Server) -> None:
    cookie, other = log_in(guarded, "the-admin"), log_in(guarded, "the-admin")
    right, wrong = me(guarded, cookie).json["xsrf"], me(guarded, other).json["xsrf"]
    assert right != wrong
    for xsrf in ({}, {"X-Ppacer-Xsrf": ""}, {"X-Ppacer-Xsrf": wrong}):
        refused = guarded.post("/api/v1/dags/daily/pause", {}, Cookie=cookie, **xsrf)
        assert (refused.status, refused.json["field"]) == (403, "X-Ppacer-Xsrf")
    assert guarded.post("/api/v1/dags/daily/pause", {}, Cookie=cookie, **{"X-Ppacer-Xsrf": right}).status == 200
    token = {"Authorization": "Bearer shared", "Cookie": cookie}
    assert guarded.post("/api/v1/dags/daily/resume", {}, **token).status == 200  # no page sends this by itself


def test_each_login_has_a_secret_of_its_own_and_ends_the_one_before(guarded: Server) -> None:
    first = log_in(guarded, "the-viewer")
    second = log_in(guarded, "the-viewer", cookie=first)
    assert first != second
    assert me(guarded, first).status == 401
    assert me(guarded, second).status == 200
    planted = f"{first.partition('=')[0]}=planted"
    assert log_in(guarded, "the-viewer", cookie=planted) != planted


def test_a_login_ends_at_the_program_and_not_in_the_browser_alone(guarded: Server) -> None:
    cookie = log_in(guarded, "the-viewer")
    assert form(guarded, "/logout", cookie, xsrf="wrong").status == 403
    page = guarded.ask("/login", headers={"Cookie": cookie}).body.decode()
    assert "You are logged in as <strong>the-viewer</strong>, with the role viewer." in page
    found = re.search(r'name="xsrf" value="([0-9a-f]+)"', page)
    assert found is not None
    answer = form(guarded, "/logout", cookie, xsrf=found[1])
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert given(answer).endswith("=")
    assert me(guarded, cookie).status == 401


def test_a_token_logs_in_unless_it_is_an_executors(guarded: Server) -> None:
    call, accounts = guarded.call, guarded.site.scheduler.accounts
    _, secret = call(accounts.add_token("reader", Role.VIEWER, by="test"))
    _, executors = call(accounts.add_token("box", Role.EXECUTOR, by="test"))
    cookie = log_in(guarded, "", secret)
    assert me(guarded, cookie).json["user"] == "token:reader"
    assert me(guarded, log_in(guarded, "", "shared")).json["how"] == "shared"
    assert form(guarded, "/login", password=executors).status == 401
    call(accounts.revoke_token("reader"))
    assert me(guarded, cookie).status == 401


def test_another_shared_token_ends_the_logins_with_the_one_before(serving: Serve) -> None:
    first = serving(host="0.0.0.0", token="one")
    cookie = log_in(first, "", "one").partition("=")[2]
    first.stop()
    again = serving(host="0.0.0.0", token="one")
    assert me(again, f"ppacer{again.port}={cookie}").status == 200  # logins outlive a restart
    again.stop()
    other = serving(host="0.0.0.0", token="two")
    assert me(other, f"ppacer{other.port}={cookie}").status == 401


def test_where_nothing_needs_to_be_known_there_is_no_form(server: Server) -> None:
    page = server.ask("/login")
    assert page.status == 200
    assert b"You need no login here." in page.body


def test_over_tls_the_cookie_is_for_tls_alone(serving: Serve) -> None:
    server = serving(token="shared", proxies=["127.0.0.1"])
    answer = form(
        server,
        "/login",
        headers={"X-Forwarded-Proto": "https", "Origin": f"https://127.0.0.1:{server.port}"},
        password="shared",
    )
    assert answer.headers["set-cookie"].startswith(f"__Host-ppacer{server.port}=")
    assert "Secure" in answer.headers["set-cookie"]


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_what_is_wrong_is_said_in_the_same_words(guarded: Server) -> None:
    wrong = form(guarded, "/login", user="the-viewer", password="not the password")
    unknown = form(guarded, "/login", user="nobody", password="not the password")
    assert (wrong.status, unknown.status) == (401, 401)
    assert wrong.body.replace(b"the-viewer", b"") == unknown.body.replace(b"nobody", b"")
    assert "set-cookie" not in wrong.headers
    shown = form(guarded, "/login", user='"><script>alert(1)</script>', password="x").body
    assert b"<script" not in shown


def test_the_same_work_is_done_for_who_does_not_exist(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = []
    scrypt = passwords._scrypt

    def counted(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
        costs.append((log_n, r, p))
        return scrypt(password, salt, log_n, r, p)

    monkeypatch.setattr(passwords, "_scrypt", counted)
    form(guarded, "/login", user="the-viewer", password="not the password")
    form(guarded, "/login", user="nobody", password="not the password")
    assert len(costs) == 2
    assert costs[0] == costs[1]


def test_tries_are_counted_by_address_and_by_user(serving: Serve) -> None:
    server = serving(token="shared", proxies=["127.0.0.1"])
    server.call(server.site.scheduler.accounts.add_user("ana", Role.VIEWER, PASSWORD))
    now = [1000.0]
    server.site.logins._clock = lambda: now[0]

    def tried(user: str, address: str, password: str = "not the password") -> Answer:
        return form(server, "/login", headers={"X-Forwarded-For": address}, user=user, password=password)

    assert [tried(f"u{n}", "192.0.2.1").status for n in range(BY_ADDRESS.burst)] == [401] * BY_ADDRESS.burst
    refused = tried("ana", "192.0.2.1", PASSWORD)
    assert (refused.status, refused.headers["retry-after"]) == (429, f"{BY_ADDRESS.seconds:.0f}")
    assert b"too many tries" in refused.body
    assert tried("ana", "192.0.2.2", PASSWORD).status == 303  # from elsewhere
    now[0] += BY_ADDRESS.seconds
    assert tried("ana", "192.0.2.1", PASSWORD).status == 303
    assert tried("ana", "192.0.2.1", PASSWORD).status == 303  # what succeeds is given back
    found = [tried("ana", f"192.0.2.{100 + n}").status for n in range(BY_USER.burst + 1)]
    assert found == [401] * BY_USER.burst + [429]


def test_no_more_passwords_are_hashed_than_may_wait(guarded: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    assert form(guarded, "/login", user="the-viewer", password=PASSWORD).status == 429


def test_a_form_of_another_site_is_refused(guarded: Server) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert form(guarded, "/login", headers=headers, user="the-viewer", password=PASSWORD).status == 403
    as_json = guarded.post("/login", {"user": "the-viewer", "password": PASSWORD})
    assert as_json.status == 415


# --- users and tokens ------------------------------------------------------------------------------------------------


@pytest.fixture
def admin(guarded: Server) -> Callable[..., Answer]:
    def post(path: str, message: object) -> Answer:
        return guarded.post(f"/api/v1{path}", message, Authorization="Bearer shared")

    return post


def test_users_change(guarded: Server, admin: Callable[..., Answer]) -> None:
    made = admin("/users", {"name": "ana", "role": "viewer", "password": PASSWORD})
    assert (made.status, made.json["role"], "password" in made.json) == (201, "viewer", False)
    cookie = log_in(guarded, "ana")
    assert admin("/users/ana/role", {"role": "operator"}).json["role"] == "operator"
    assert me(guarded, cookie).json["role"] == "operator"  # at once
    assert admin("/users/ana/password", {"password": "another long one"}).status == 200
    assert me(guarded, cookie).status == 401
    assert form(guarded, "/login", user="ana", password=PASSWORD).status == 401
    cookie = log_in(guarded, "ana", "another long one")
    assert [user["name"] for user in admin("/users/ana/remove", {}).json["users"]] == [
        *("the-admin", "the-operator", "the-viewer")
    ]
    assert me(guarded, cookie).status == 401
    assert admin("/users/ana/remove", {}).status == 404
    assert admin("/users/the-admin/remove", {}).status == 409
    assert admin("/users/the-admin/role", {"role": "viewer"}).status == 409


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": "the-admin"}, 409, None),
        ({"name": "a b"}, 422, "name"),
        ({"name": "local"}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"role": "executor"}, 422, "role"),
        ({"role": "root"}, 422, "role"),
        ({"password": "elevenchars"}, 422, "password"),
        ({"password": "x" * 201}, 422, "password"),
    ],
)
def test_what_is_no_user_is_refused(admin: Callable[..., Answer], change: Any, status: int, field: str | None) -> None:
    refused = admin("/users", {"name": "ana", "role": "viewer", "password": PASSWORD} | change)
    assert (refused.status, refused.json["field"]) == (status, field)


def test_tokens_are_told_once_and_kept_as_hashes(guarded: Server, admin: Callable[..., Answer]) -> None:
    made = admin("/tokens", {"name": "ci", "scope": "viewer", "expires_at": "2999-01-01"}).json
    secret = made["secret"]
    assert secret.startswith("ppacer_")
    assert guarded.ask("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).json["user"] == "token:ci"
    listed = guarded.ask("/api/v1/tokens", headers={"Authorization": "Bearer shared"})
    assert [(each["name"], each["expired"]) for each in listed.json["tokens"]] == [("ci", False)]
    (kept,) = guarded.site.store.accounts.tokens()
    assert kept.digest == digest_of(secret)
    assert secret.encode() not in listed.body
    assert admin("/tokens", {"name": "ci", "scope": "viewer"}).status == 409
    assert admin("/tokens", {"name": "ci2", "scope": "viewer", "expires_at": "2000-01-01"}).status == 422
    assert admin("/tokens/ci/revoke", {}).status == 200
    assert guarded.ask("/api/v1/me", headers={"Authorization": f"Bearer {secret}"}).status == 401
    assert admin("/tokens/ci/revoke", {}).status == 404


def test_the_first_user_closes_loopback_and_the_last_one_opens_it(serving: Serve) -> None:
    server = serving(machine="of the run file")
    assert server.ask("/api/v1/dags").status == 200
    added = server.post("/api/v1/users", {"name": "ana", "role": "viewer", "password": PASSWORD})
    assert added.status == 201
    assert server.ask("/api/v1/dags").status == 401
    here = {"Authorization": "Bearer of the run file", "X-Ppacer-Actor": "root"}
    found = server.ask("/api/v1/me", headers=here).json
    assert (found["user"], found["role"], found["how"]) == ("root", "admin", "machine")
    assert server.post("/api/v1/users/ana/remove", {}, **here).status == 200
    assert server.ask("/api/v1/dags").status == 200


def test_a_user_has_so_many_logins_and_expired_ones_are_forgotten(
    guarded: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = guarded.site.scheduler.accounts
    first = guarded.call(accounts.begin_session(How.SESSION, "the-viewer"))[1]
    for _ in range(MOST_SESSIONS):
        last = guarded.call(accounts.begin_session(How.SESSION, "the-viewer"))[1]
    assert accounts.session(first) is None
    assert accounts.session(last) is not None
    monkeypatch.setattr(accounts_module, "SESSION_SECONDS", -1)
    expired = guarded.call(accounts.begin_session(How.SESSION, "the-admin"))[1]
    assert accounts.session(expired) is None
    monkeypatch.undo()
    guarded.call(accounts.begin_session(How.SESSION, "the-operator"))
    assert digest_of(expired) not in {each.digest for each in guarded.site.store.accounts.sessions()}


# --- streams ---------------------------------------------------------------------------------------------------------


class NotLetIn(Exception):
    """A stream was refused."""


class Stream:
    """A stream of changes that is followed in a thread, until the program ends it."""

    def __init__(self, server: Server, **headers: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        self.connection.request("GET", "/api/v1/stream", headers=headers)
        self.response = self.connection.getresponse()
        if self.response.status == 401:
            self.connection.close()
            raise NotLetIn
        assert self.response.status == 200
        self.response.readline()  # the first event: it is followed by now
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while self.response.readline():
            pass
        self.ended.set()


@pytest.fixture
def follow(guarded: Server) -> Iterator[Callable[..., Stream]]:
    streams: list[Stream] = []

    def begin(**headers: str) -> Stream:
        streams.append(Stream(guarded, **headers))
        return streams[-1]

    yield begin
    guarded.stop()
    for stream in streams:
        stream.thread.join(60)
        stream.connection.close()


@pytest.mark.parametrize("how", ["logout", "role", "removed", "revoked"])
def test_a_stream_ends_with_what_it_was_let_in_by(guarded: Server, follow: Callable[..., Stream], how: str) -> None:
    accounts, call = guarded.site.scheduler.accounts, guarded.call
    token, secret = call(accounts.add_token("reader", Role.VIEWER, by="test"))
    cookie = log_in(guarded, "the-viewer")
    stays = follow(Authorization="Bearer shared")
    goes = follow(Authorization=f"Bearer {secret}") if how == "revoked" else follow(Cookie=cookie)
    match how:
        case "logout":
            form(guarded, "/logout", cookie, xsrf=me(guarded, cookie).json["xsrf"])
        case "role":
            accounts._users["the-viewer"] = accounts._users["the-viewer"].__class__(
                "the-viewer", Role.EXECUTOR, "", 0, 0
            )
            call(accounts.add_token("other", Role.VIEWER, by="test"))
        case "removed":
            call(accounts.remove_user("the-viewer"))
        case _:
            call(accounts.revoke_token("reader"))
    assert goes.ended.wait(60)
    assert not stays.ended.is_set()
    assert token.name == "reader"


def follow_briefly(guarded: Server, follow: Callable[..., Stream]) -> Stream:
    """A stream let in by a token that expires soon: after longer where the machine is too slow to be let in by then."""
    accounts, clock = guarded.site.scheduler.accounts, guarded.site.scheduler.clock
    for seconds in (2, 8, 32):
        expires_at = clock.now() + seconds * 1_000_000
        _, secret = guarded.call(accounts.add_token(f"{seconds}", Role.VIEWER, by="test", expires_at=expires_at))
        try:
            return follow(Authorization=f"Bearer {secret}")
        except NotLetIn:
            assert clock.now() >= expires_at
    raise AssertionError("it takes too long to be let in")


def test_a_stream_ends_when_the_token_expires(guarded: Server, follow: Callable[..., Stream]) -> None:
    goes = follow_briefly(guarded, follow)
    assert goes.ended.wait(60)


def test_a_stream_ends_when_the_token_expires_however_far_that_is(
    guarded: Server, follow: Callable[..., Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer is set for a day at most: the token may hold for a month."""
    monkeypatch.setattr(streams, "_LONGEST", 0.05)
    goes = follow_briefly(guarded, follow)
    assert goes.ended.wait(60)


# --- the audit log ---------------------------------------------------------------------------------------------------


def test_what_was_done_is_in_the_audit_log_with_who_and_what_became_of_it(guarded: Server) -> None:
    viewer = log_in(guarded, "the-viewer")
    xsrf = me(guarded, viewer).json["xsrf"]
    guarded.post("/api/v1/dags/daily/pause", {}, Cookie=viewer, **{"X-Ppacer-Xsrf": xsrf})
    form(guarded, "/login", user="the-admin", password="not the password")
    form(guarded, "/login", user="hunter2 in the wrong place", password="x")
    shared = {"Authorization": "Bearer shared", "X-Ppacer-Actor": "eva"}
    guarded.post("/api/v1/dags/daily/pause", {}, **shared)
    guarded.post("/api/v1/dags/none/pause", {}, **shared)
    guarded.post("/api/v1/dags/by_hand/runs", {"params": {"secret": "swordfish"}}, **shared)
    guarded.post("/api/v1/users", {"name": "ana", "role": "viewer", "password": PASSWORD}, **shared)
    secret = guarded.post("/api/v1/tokens", {"name": "ci", "scope": "operator"}, **shared).json["secret"]
    token = {"Authorization": f"Bearer {secret}", "X-Ppacer-Actor": "somebody else"}
    guarded.post("/api/v1/dags/daily/resume", {}, **token)
    found = guarded.ask("/api/v1/audit", headers=shared)
    told = [
        (each["actor"], each["how"], each["action"], each["subject"], each["outcome"], each["detail"])
        for each in found.json["entries"][::-1]
    ]
    assert told == [
        ("the-viewer", "session", "login", "", 303, ""),
        ("the-viewer", "session", "pause", "daily", 403, ""),
        ("the-admin", "session", "login", "", 401, ""),
        ("", "session", "login", "", 401, ""),
        ("eva", "shared", "pause", "daily", 200, ""),
        ("eva", "shared", "pause", "none", 404, ""),
        ("eva", "shared", "trigger", "by_hand", 422, ""),
        ("eva", "shared", "users", "ana", 201, "role viewer"),
        ("eva", "shared", "tokens", "ci", 201, "scope operator"),
        ("token:ci", "token", "resume", "daily", 200, ""),
    ]
    assert {each["address"] for each in found.json["entries"]} == {"127.0.0.1"}
    for word in (b"swordfish", b"hunter2", PASSWORD.encode(), secret.encode()):
        assert word not in found.body
    events = guarded.ask("/api/v1/dags/daily/events", headers=shared).json["events"]
    assert [each["actor"] for each in events[:2]] == ["token:ci", "eva"]


def test_the_audit_log_is_read_in_pages_and_by_what_is_wanted(server: Server) -> None:
    for name in ("ana", "ben", "ana"):
        server.post("/api/v1/dags/daily/pause", {}, **{"X-Ppacer-Actor": name})
        server.post("/api/v1/dags/daily/resume", {}, **{"X-Ppacer-Actor": name})
    first = server.ask("/api/v1/audit?limit=4").json
    second = server.ask(f"/api/v1/audit?limit=4&before={first['next']}").json
    assert [len(first["entries"]), len(second["entries"]), second["next"]] == [4, 2, None]
    by_ben = server.ask("/api/v1/audit?actor=ben&action=resume").json["entries"]
    assert [(each["actor"], each["action"]) for each in by_ben] == [("ben", "resume")]
    middle = by_ben[0]["at"]
    assert len(server.ask(f"/api/v1/audit?since={middle}").json["entries"]) == 3
    assert len(server.ask(f"/api/v1/audit?until={middle}").json["entries"]) == 3
    assert server.ask("/api/v1/audit?since=then").json["field"] == "since"


def test_what_is_only_foretold_is_not_in_the_audit_log(server: Server) -> None:
    run_id = server.trigger()
    assert server.post(f"/api/v1/runs/{run_id}/cancel", {"dry_run": True}).status == 200
    assert [each["action"] for each in server.ask("/api/v1/audit").json["entries"]] == ["trigger"]


def test_old_entries_go(server: Server) -> None:
    server.post("/api/v1/dags/daily/pause", {})
    scheduler = server.site.scheduler

    async def prune() -> None:
        assert scheduler._engine is not None
        await scheduler._engine.pruner._remove_audit("ffffffff")

    server.call(asyncio.wait_for(prune(), 60))
    assert server.ask("/api/v1/audit").json["entries"] == []
