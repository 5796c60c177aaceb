"""Every route behind the same rules: host, origin, token, type and size of bodies; and what every answer carries."""

from __future__ import annotations

import base64
import re

import pytest
from tornado.web import RequestHandler

from ppacer.protocol import EXCHANGE_PATH, PROTOCOL_VERSION
from ppacer.web.app import ROUTES
from tests.runtime.web.conftest import FakeExecutor, Serve, Server

SAMPLES = {
    "DAG": "daily",
    "RUN": "00000000-0000-7000-8000-000000000000",
    "TASK": "load",
    "BUILD": "ab",
    "BACKFILL": "00000000-0000-7000-8000-000000000000",
    "USER": "ana",
    "TOKEN": "ci",
    "FILE": "app.js",
    "VERSION": "0123456789abcdef",
    "VIEW": "grid",
    "PART": "runs",
}


NOT_TAKEN = RequestHandler.get  # which is that of all other methods as well


def paths_with(method: str) -> list[str]:
    """An address for each route that takes the method, and is not open to all."""
    guarded = [(path, handler) for path, handler in ROUTES if not getattr(handler, "open_to_all", False)]
    taking = [path for path, handler in guarded if getattr(handler, method) is not NOT_TAKEN]
    return [re.sub("[A-Z]+", lambda part: SAMPLES[part[0]], path) for path in taking]


GETS = [*paths_with("get"), "/nothing"]
POSTS = paths_with("post")
ENDED = {"Last-Event-ID": "none"}
"""What an answer without an end refuses, once the request has come through."""


def test_the_lists_above_hold_what_is_known_to_be_there() -> None:
    assert {"/", "/api/v1/dags/daily", "/api/v1/pools"} <= set(GETS)
    assert {EXCHANGE_PATH, "/api/v1/dags/daily/runs", "/api/v1/dags/daily/pause"} <= set(POSTS)
    assert len(GETS) + len(POSTS) > sum(not getattr(handler, "open_to_all", False) for _, handler in ROUTES)


@pytest.fixture
def guarded(serving: Serve) -> Server:
    return serving(host="0.0.0.0", token="s3cret")


@pytest.mark.parametrize("path", GETS)
def test_reading_needs_the_token(guarded: Server, path: str) -> None:
    refused = guarded.ask(path)
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer realm=")
    assert guarded.ask(path, headers={"Authorization": "Bearer wrong"}).status == 401
    assert guarded.ask(path, headers={"Authorization": "Bearer s3cret", **ENDED}).status in (200, 404, 422)
    basic = base64.b64encode(b"me:s3cret").decode()
    assert guarded.ask(path, headers={"Authorization": f"Basic {basic}", **ENDED}).status in (200, 404, 422)


@pytest.mark.parametrize("path", POSTS)
def test_writing_needs_the_token(guarded: Server, path: str) -> None:
    assert guarded.post(path, {}).status == 401
    assert guarded.post(path, {}, Authorization="Bearer s3cret").status != 401


def test_health_needs_no_token_and_an_executor_does(guarded: Server) -> None:
    assert guarded.ask("/health").status == 200
    assert guarded.ask("/ready").status == 200
    executor = FakeExecutor(guarded)
    assert executor.send(executor.message()).status == 401
    allowed = FakeExecutor(guarded, {"Authorization": "Bearer s3cret"})
    assert allowed.send(allowed.message()).status == 200


@pytest.mark.parametrize("path", ["/health", *GETS, *POSTS])
def test_a_foreign_host_or_origin_is_refused_everywhere(server: Server, path: str) -> None:
    method, body = ("POST", "{}") if path in POSTS else ("GET", None)
    own = f"127.0.0.1:{server.port}"
    for headers, status in (
        ({"Host": "evil.example"}, 421),
        ({"Host": own, "Origin": "http://evil.example"}, 403),
        ({"Host": own, "Origin": "null"}, 403),
        ({"Host": own, "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": own, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
    ):
        assert server.ask(path, method=method, body=body, headers=headers).status == status
    allowed = server.ask(path, method=method, body=body, headers={"Origin": f"http://{own}", **ENDED})
    assert allowed.status not in (401, 403, 421)


def test_a_link_from_elsewhere_opens_the_page_but_writes_nothing(server: Server) -> None:
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for page in ("/", "/login", "/runs", "/dags/daily"):
        assert server.ask(page, headers=followed).status == 200
    for costly in ("/api/v1/database/runs/copy", "/api/v1/database", "/api/v1/runs?id=0", "/api/v1/stream", "/metrics"):
        assert server.ask(costly, headers=followed).status == 403
    typed = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}
    assert server.ask("/api/v1/dags", headers=typed).status == 200
    assert server.ask("/api/v1/dags/daily/runs", method="POST", body="{}", headers=followed).status == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_only_json_is_taken(server: Server, kind: str) -> None:
    answer = server.ask("/api/v1/dags/daily/runs", method="POST", body="{}", headers={"Content-Type": kind})
    assert answer.status in (400, 415)  # 400 where the body is not even of the type it claims
    assert server.ask("/api/v1/runs").json["runs"] == []


def test_bodies_have_a_limit(server: Server) -> None:
    big = b'{"params": {"x": "' + b"x" * (1024 * 1024) + b'"}}'
    assert server.ask("/api/v1/dags/daily/runs", method="POST", body=big).status == 413


@pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/v1/dags", "/nothing", "/health"])
def test_every_answer_carries_the_strict_headers(server: Server, path: str) -> None:
    headers = server.ask(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_the_page_is_made_of_its_own_files_only(server: Server) -> None:
    page = server.ask("/").body.decode()
    names = re.findall(r'(?:src|href)="(/[^"]*)"', page)
    assert any(name.endswith("/app.js") for name in names)
    for name in names:
        found = server.ask(name)
        assert found.status == 200
        assert not re.search(rb"https?://(?!www\.w3\.org/)", found.body)
    assert "style=" not in page
    assert "<script>" not in page
    script = server.ask("/static/app.js").body.decode()
    for name in re.findall(r'from "\./([a-z]+\.js)"', script):
        assert server.ask(f"/static/{name}").status == 200


def test_files_are_cached_by_their_content(server: Server) -> None:
    first = server.ask("/static/style.css")
    again = server.ask("/static/style.css", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/static/..%2Fapp.py", "/static/%2e%2e%2fapi.py", "/static/../app.py", "/static/none.js", "/static/"]
)
def test_nothing_but_the_pages_files_is_given_out(server: Server, path: str) -> None:
    assert server.ask(path).status == 404


def test_an_executor_of_another_version_is_told(server: Server) -> None:
    executor = FakeExecutor(server)
    answer = executor.send(executor.message(protocol=99))
    assert answer.status == 426
    assert "99" in answer.json["detail"]


def test_a_faulty_exchange_is_told_its_field(server: Server) -> None:
    answer = server.post(EXCHANGE_PATH, {"protocol": PROTOCOL_VERSION, "executor": 7})
    assert answer.status == 422
    assert answer.json["field"] == "executor"
