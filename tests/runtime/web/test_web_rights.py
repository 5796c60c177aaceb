"""Every route by every role: what the table in docs/security.md says is tried cell by cell; it holds every route."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

import pytest
from tornado.web import RequestHandler

from ppacer.core.accounts import Right, Role
from ppacer.core.instants import SECOND
from ppacer.web.app import ROUTES
from ppacer.web.operation import OPERATION, Operation
from tests.runtime.web.conftest import start
from tests.runtime.web.test_web_guard import SAMPLES

DOCUMENT = Path(__file__).parents[3] / "docs" / "security.md"
WHO = ("nobody", "executor", "viewer", "operator", "admin")
OWN_PASSWORD = "/api/v1/me/password"
ENDED = {"Last-Event-ID": "none"}
"""What an answer without an end refuses, once the request has come through."""


def table() -> dict[str, dict[str, bool]]:
    """The rows of the document's table: `GET /api/v1/dags`, and who may do that."""
    rows = re.findall(r"^\| `((?:GET|POST) /[^`]*)` \| (.*) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    return {route: dict(zip(WHO, ("✓" in cell for cell in cells.split("|")), strict=True)) for route, cells in rows}


TABLE = table()


def routes() -> list[tuple[str, str, type[RequestHandler]]]:
    """Each method that a route takes, with its address."""
    return [
        (method, path, handler)
        for path, handler in ROUTES
        for method in ("GET", "POST")
        if getattr(handler, method.lower()) is not RequestHandler.get
    ]


def test_every_route_is_in_the_table_and_no_other() -> None:
    there = {f"{method} {path}" for method, path, _ in routes()}
    assert there - set(TABLE) == set(), "say in the table of docs/security.md who may do this"
    assert set(TABLE) - there == set()
    assert all(
        getattr(handler, name) is RequestHandler.get for _, handler in ROUTES for name in ("put", "delete", "patch")
    )


def test_what_is_changed_takes_more_than_a_look() -> None:
    """But for the exchange of executors, the end of one's own login, and one's own password."""
    for method, path, handler in routes():
        declared = getattr(getattr(handler, method.lower()), OPERATION, None)
        if isinstance(declared, Operation) and path != OWN_PASSWORD and (method == "POST" or declared.body is not None):
            assert declared.right in (Right.OPERATE, Right.ADMINISTER), path


class Doors:
    """A server beyond loopback, and what each asks it with."""

    def __init__(self, folder: Path) -> None:
        self.server = start(folder, host="0.0.0.0", token="shared")
        accounts, call = self.server.site.scheduler.accounts, self.server.call
        now = self.server.site.scheduler.clock.now()
        self.tokens = {role: call(accounts.add_token(role, role, by="test"))[1] for role in Role}
        self.expired = call(accounts.add_token("brief", Role.ADMIN, by="test", expires_at=now + SECOND))[1]
        self.revoked = call(accounts.add_token("gone", Role.ADMIN, by="test"))[1]
        call(accounts.revoke_token("gone"))
        clock = self.server.site.scheduler.clock
        accounts._clock = Later(clock)  # type: ignore[assignment]

    def ask(self, method: str, path: str, secret: str | None) -> int:
        form = path in ("/login", "/logout")
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers: Mapping[str, str] = {**ENDED, **({"Authorization": f"Bearer {secret}"} if secret else {})}
        body = None if method == "GET" else (urlencode({"password": "x"}) if form else "{}")
        sent = headers if body is None else {**headers, "Content-Type": kind}
        return self.server.ask(path, method=method, body=body, headers=sent).status


class Later:
    """Two seconds later than it is."""

    def __init__(self, clock: object) -> None:
        self._clock = clock

    def now(self) -> int:
        return int(self._clock.now()) + 2 * SECOND  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    made = Doors(tmp_path_factory.mktemp("rights"))
    yield made
    made.server.stop()


@pytest.mark.parametrize("route", sorted(TABLE))
def test_each_cell(doors: Doors, route: str) -> None:
    method, _, pattern = route.partition(" ")
    path = re.sub("[A-Z]+", lambda part: SAMPLES[part[0]], pattern)
    open_to_all = TABLE[route]["nobody"]
    for who, may in TABLE[route].items():
        status = doors.ask(method, path, None if who == "nobody" else doors.tokens[Role(who)])
        refused = () if pattern == "/login" else (401, 403)  # a login says 401 of what it is given
        assert (status not in refused) if may else status == (401 if who == "nobody" else 403), (who, status)
    for secret in (doors.expired, doors.revoked, "ppacer_x"):
        assert (doors.ask(method, path, secret) == 401) is not open_to_all or pattern == "/login"
    assert doors.ask(method, path, "shared") not in (401, 403) or pattern == "/login"
