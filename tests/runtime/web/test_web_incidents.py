"""What has happened to others, tried here: each test is one incident, named for it."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppacer.cli import main
from ppacer.config import load
from tests.runtime.web.conftest import PROGRAM, FakeExecutor, Serve, Server


@pytest.fixture
def guarded(serving: Serve) -> Server:
    return serving(host="0.0.0.0", token="s3cret")


@pytest.fixture
def logs() -> Iterator[None]:
    """A program sets its log up for the whole process: afterwards it is as before."""
    loggers = [logging.getLogger(), logging.getLogger("ppacer")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.mark.usefixtures("logs")
def test_an_api_that_is_open_by_default(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow, CVE-2020-13927: without a setting, everybody on the network could ask for runs.

    As it comes a program serves on loopback, and does not start where others could ask and nobody would be known.
    """
    assert load(tmp_path / "shop.py", flags={}, environ={}).config.loopback
    monkeypatch.chdir(tmp_path)
    assert main(PROGRAM, {}, "shop.py", ["scheduler", "--port", "0", "--proxy", "10.0.0.1"]) == 2
    assert "needs a token or a user" in capsys.readouterr().err


@pytest.mark.parametrize(
    "body",
    [
        {"spec": "steps: [{command: id}]"},
        {"params": {}, "dag": {"tasks": [{"callable": "os:system", "args": ["id"]}]}},
        {"params": {"x": {"$": "callable", "v": "os:system"}}},
        {"params": {"__reduce__": ["os.system", ["id"]]}},
    ],
)
def test_code_in_a_request(server: Server, body: object) -> None:
    """Dagu, GHSA-6qr9-g2xw-cw92: a run could be given a whole workflow, and needed no login.

    Which code is run is decided when a program is built; a request can name one of its dags, and parameters.
    """
    assert server.post("/api/v1/dags/daily/runs", body).status == 422
    assert server.ask("/api/v1/runs").json["runs"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/dags/health",
        "/api/v1/dags/daily/health",
        "/api/v1/dags/daily/pause/health",
        "/api/v1/dags/daily;/health",
        "/api/v1/dags?/health",
        "/health/../api/v1/dags",
        "/health/%2e%2e/api/v1/dags",
        "//health",
        "/HEALTH",
        "/health/",
        "/static/../api/v1/dags",
        "/static/app.js/../../api/v1/dags",
        "/login/api/v1/dags",
        "/api/v1/dags#/static/x.css",
        "/api/v1/dags/daily/runs.css",
    ],
)
def test_rules_by_the_spelling_of_a_path(guarded: Server, path: str) -> None:
    """Kestra, CVE-2026-53576: what ended in the right letters needed no login.

    Whether somebody must be known is a property of the handler, and what has none is closed.
    """
    for method, body in (("GET", None), ("POST", "{}")):
        assert guarded.ask(path, method=method, body=body).status == 401


@pytest.mark.parametrize(
    "text", ["../../../etc/passwd", "..%2F..%2Fetc%2Fpasswd", "%2e%2e%2fshop.db", "%00", "C:%5Cx", "%2Fetc%2Fpasswd"]
)
def test_ids_in_paths(server: Server, tmp_path: Path, text: str) -> None:
    """Dagu, CVE-2026-31886: a run's id went into the path of a file. No path is made from a request here."""
    before = sorted(tmp_path.rglob("*"))
    for path in (
        *(f"/api/v1/runs/{text}", f"/api/v1/runs/{text}/tasks/{text}/logs", f"/api/v1/dags/{text}"),
        *(f"/api/v1/database/{text}/copy", f"/static/{text}", f"/api/v1/dags/daily/versions/{text}"),
    ):
        answer = server.ask(path)
        assert answer.status == 404, path
        assert b"root:" not in answer.body
    assert server.post(f"/api/v1/runs/{text}/cancel", {}).status == 404
    assert sorted(tmp_path.rglob("*")) == before


def test_logs_served_on_all_interfaces(guarded: Server) -> None:
    """Airflow, CVE-2021-35936: workers served their logs to everybody, on a port of their own.

    Logs are sent to the scheduler and served by the API alone, to who may look at runs; executors serve nothing.
    """
    executor = FakeExecutor(guarded, {"Authorization": "Bearer s3cret"})
    triggered = guarded.post("/api/v1/dags/by_hand/runs", {}, Authorization="Bearer s3cret")
    (assignment,) = executor.claim()
    executor.log(assignment, "a line")
    executor.finish(assignment)
    path = f"/api/v1/runs/{triggered.json['id']}/tasks/only/logs"
    assert guarded.ask(path).status == 401
    assert guarded.ask(f"{path}/stream").status == 401
    shown = guarded.ask(path, headers={"Authorization": "Bearer s3cret"})
    assert [entry["message"] for entry in shown.json["entries"]] == ["a line"]


def test_secrets_that_show(guarded: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Airflow, CVE-2024-45784: secrets stood unmasked in logs of tasks and of the program.

    Those of tasks are hidden where they run (`tests/runtime/executor/test_worker_mask.py`); here the program's own.
    """
    shared = {"Authorization": "Bearer s3cret"}
    password = "correct horse battery"
    guarded.post("/api/v1/users", {"name": "ana", "role": "viewer", "password": password}, **shared)
    guarded.post("/api/v1/users", {"name": "ana", "role": "viewer", "password": password}, **shared)  # refused
    secret = guarded.post("/api/v1/tokens", {"name": "ci", "scope": "viewer"}, **shared).json["secret"]
    for path in ("/api/v1/users", "/api/v1/tokens", "/api/v1/audit", "/api/v1/me", "/health", "/api/v1/database"):
        shown = guarded.ask(path, headers=shared)
        assert shown.status == 200
        for word in ("s3cret", password, secret, "scrypt"):
            assert word not in shown.body.decode()
            assert word not in json.dumps(dict(shown.headers))
    kept = b"".join(Path(guarded.site.store.name + ending).read_bytes() for ending in ("", "-wal"))
    for word in ("s3cret", password, secret):
        assert word.encode() not in kept
        assert word not in caplog.text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_forged_requests(server: Server, kind: str) -> None:
    """Luigi, CVE-2018-1000843: any page could have a browser on the machine ask for anything.

    What a browser sends for a page of another site says so, and is no JSON, or asks first and is told nothing.
    """
    own, path = f"127.0.0.1:{server.port}", "/api/v1/dags/daily/runs"
    forged = {"Host": own, "Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Content-Type": kind}
    without = {"Host": own, "Content-Type": kind}  # an old browser tells nothing
    for headers in (forged, without):  # 400 where the body is not even of the type it claims
        assert server.ask(path, method="POST", body='{"params": {}}', headers=headers).status in (400, 403, 415)
    forged_json = {**forged, "Content-Type": "application/json"}
    assert server.ask(path, method="POST", body="{}", headers=forged_json).status == 403
    rebound = {"Host": f"evil.example:{server.port}", "Content-Type": "application/json"}  # a name that leads here
    assert server.ask(path, method="POST", body="{}", headers=rebound).status == 421
    asked = server.ask(path, method="OPTIONS", headers={"Host": own, "Origin": "http://evil.example"})
    assert asked.status == 403
    assert not [name for name in asked.headers if name.startswith("access-control-")]
    assert server.ask("/api/v1/runs").json["runs"] == []


def test_streams_without_a_login(guarded: Server) -> None:
    """Prefect, CVE-2026-7723: who opened a websocket was not asked for a login. There are none here, and streams are
    routes like all others; an upgrade is not answered."""
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    for path in ("/api/v1/stream", "/api/v1/runs/x/stream", "/api/v1/runs/x/tasks/y/logs/stream", "/ws", "/api/v1/ws"):
        assert guarded.ask(path).status == 401
        assert guarded.ask(path, headers=upgrade).status == 401
    known = {**upgrade, "Authorization": "Bearer s3cret"}
    assert guarded.ask("/api/v1/dags", headers=known).status == 200


def test_a_body_without_an_end(server: Server) -> None:
    """Tornado alone takes 90 MB of it. It is refused by what it says of its length, before it is read."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        path, host = "/api/v1/dags/daily/runs", f"127.0.0.1:{server.port}"
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 90000000\r\n\r\n"
        connection.sendall(head.encode())
        answer = connection.recv(1000)
    assert answer.startswith((b"HTTP/1.1 413", b"HTTP/1.1 400")) or answer == b""
