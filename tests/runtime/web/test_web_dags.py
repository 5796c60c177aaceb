"""What the API tells of dags over several builds, and what may be done to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from ppacer import records
from ppacer import spec as s
from ppacer.core.instants import to_datetime
from tests.runtime.web.conftest import AT, PRINT, FakeExecutor, Serve, Server, literal

HOURLY = s.Dag(
    "hourly",
    AT,
    (s.Task("load", PRINT, AT, children=("mail",)), s.Task("mail", PRINT, AT, parents=("load",))),
    schedules=(s.Every(timedelta(hours=1), AT),),
    timezone="Europe/Warsaw",
    max_active_runs=2,
)
OTHER = s.Dag("other", AT, (s.Task("only", PRINT, AT),))


def program(*dags: s.Dag, build: str, code: str = "h1") -> s.Program:
    source = s.Code("steps.py", 7, f"def print_(): ...  # {code}")
    return s.Program(
        name="shop",
        build=build * 32,
        compiler="0.1.0",
        dags=dags,
        callables=(s.Callable(PRINT, s.CallableKind.FUNCTION, hash=code, code=source),),
        sources=(s.Source("shop.ppd", "", "dag hourly { … }"),),
    )


@pytest.fixture
def server(serving: Serve) -> Server:
    return serving(program=program(HOURLY, OTHER, build="ab"))


@dataclass(frozen=True)
class Ann:
    """Somebody who asks."""

    server: Server

    def post(self, path: str, body: object) -> Any:
        answer = self.server.post(path, body, **{"X-Ppacer-Actor": "ann"})
        assert answer.status in (200, 201), answer.body
        return answer.json

    def events(self, dag: str) -> list[tuple[str, str, Any]]:
        found = self.server.ask(f"/api/v1/dags/{dag}/events").json["events"]
        return [(event["kind"], event["actor"], event["payload"]) for event in found]


def test_a_dag_is_paused_and_resumed(server: Server) -> None:
    ann = Ann(server)
    assert ann.post("/api/v1/dags/hourly/pause", {"reason": "no data"})["paused"] is True
    assert server.ask("/api/v1/dags").json["dags"][0]["paused"] is True
    assert ann.post("/api/v1/dags/hourly/resume", {})["paused"] is False
    (resumed, by, _), (paused, also_by, payload), *_ = ann.events("hourly")
    assert (resumed, by, paused, also_by) == ("resumed", "ann", "paused", "ann")
    assert payload["reason"] == "no data"


def test_a_dag_is_silenced_for_a_while(server: Server) -> None:
    ann = Ann(server)
    found = ann.post("/api/v1/dags/hourly/silence", {"seconds": 3600, "reason": "known"})
    until = datetime.fromisoformat(found["silenced_until"])
    now = to_datetime(server.site.scheduler.clock.now())
    assert timedelta(minutes=59) < until - now <= timedelta(hours=1)
    (kind, by, payload), *_ = ann.events("hourly")
    assert (kind, by, payload["reason"]) == ("silenced", "ann", "known")
    assert ann.post("/api/v1/dags/hourly/silence", {})["silenced_until"] is None


def test_a_silence_until_a_time_in_the_dags_zone(server: Server) -> None:
    day = (to_datetime(server.site.scheduler.clock.now()) + timedelta(days=2)).date()
    found = Ann(server).post("/api/v1/dags/hourly/silence", {"until": f"{day}T00:30+01:00"})
    assert found["silenced_until"] == f"{day - timedelta(days=1)}T23:30:00.000000Z"


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("silence", {"until": "2020-01-01T00:00"}, 422, "until"),
        ("silence", {"until": "soon"}, 422, "until"),
        ("silence", {"until": "2999-01-01"}, 422, "until"),
        ("silence", {"seconds": 0}, 422, "seconds"),
        ("silence", {"seconds": 60, "until": "2999-01-01"}, 422, "seconds"),
        ("silence", {"for": "2h"}, 422, "for"),
        ("pause", {"reason": 5}, 422, "reason"),
        ("resume", {"reason": "x"}, 422, "reason"),
    ],
)
def test_requests_at_fault(server: Server, path: str, body: object, status: int, field: str) -> None:
    answer = server.post(f"/api/v1/dags/hourly/{path}", body)
    assert (answer.status, answer.json["field"]) == (status, field)
    assert server.ask("/api/v1/dags").json["dags"][0]["silenced_until"] is None


@pytest.mark.parametrize("path", ["pause", "resume", "silence", "backfills", "events", "versions", "versions/ab", ""])
def test_a_dag_that_there_is_not(server: Server, path: str) -> None:
    address = f"/api/v1/dags/nope/{path}".rstrip("/")
    body = {"from_at": "2026-01-01", "until_at": "2026-01-02"} if path == "backfills" else {}
    posted = path in ("pause", "resume", "silence", "backfills")
    answer = server.post(address, body) if posted else server.ask(address)
    assert answer.status == 404
    assert "there is no dag `nope`" in answer.json["detail"]


def test_versions_tell_what_changed(serving: Serve) -> None:
    serving(program=program(HOURLY, build="ab")).stop()
    load = HOURLY.tasks[0]
    report = s.Task("report", PRINT, AT, parents=("load",), args=(literal("x"),))
    tasks = (records.replace(load, children=("report",), retries=2), report)
    serving(program=program(records.replace(HOURLY, tasks=tasks, max_active_runs=1), build="cd")).stop()
    server = serving(program=program(records.replace(HOURLY, tasks=tasks, max_active_runs=1), build="ef", code="h2"))
    found = server.ask("/api/v1/dags/hourly/versions").json
    assert found["total"] == 3
    newest, middle, first = found["versions"]
    assert newest["build"] == "ef" * 32
    assert newest["changed"] == [{"task": "load", "what": ["code"]}, {"task": "report", "what": ["code"]}]
    assert (middle["added"], middle["removed"], middle["settings"]) == (["report"], ["mail"], ["max_active_runs"])
    assert middle["changed"] == [{"task": "load", "what": ["retries"]}]
    assert (first["first"], first["added"]) == (True, [])
    assert server.ask("/api/v1/dags/hourly/versions?limit=1").json["versions"] == [newest]

    detail = server.ask("/api/v1/dags/hourly/versions/cdcd").json
    assert detail["version"] == middle
    assert [task["id"] for task in detail["tasks"]] == ["load", "report"]
    assert detail["tasks"][0]["code"] == {"path": "steps.py", "line": 7, "text": "def print_(): ...  # h1"}
    assert detail["source"]["text"] == "dag hourly { … }"
    assert server.ask("/api/v1/dags/hourly/versions/00").status == 404


def test_a_program_built_anew_without_a_change_is_no_version(serving: Serve) -> None:
    serving(program=program(HOURLY, build="ab")).stop()
    server = serving(program=program(HOURLY, build="cd"))
    assert server.ask("/api/v1/dags/hourly/versions").json["total"] == 1


def test_dags_that_are_gone_keep_their_history(serving: Serve) -> None:
    first = serving(program=program(HOURLY, OTHER, build="ab"))
    run_id = first.trigger("other")
    FakeExecutor(first).work_off(1)
    first.stop()
    server = serving(program=program(HOURLY, build="cd"))
    assert server.ask("/api/v1/dags").json["removed"] == []
    (gone,) = server.ask("/api/v1/dags?removed=true").json["removed"]
    assert (gone["id"], gone["renamed_to"]) == ("other", None)
    assert [run["id"] for run in gone["last_runs"]] == [run_id]
    assert gone["first_seen_at"] < gone["removed_at"]
    refused = server.ask("/api/v1/dags/other")
    assert refused.status == 404
    assert "there is no dag `other`: it was removed on " in refused.json["detail"]
    assert server.post("/api/v1/dags/other/runs", {}).status == 404
    assert [run["id"] for run in server.ask("/api/v1/runs?dag=other").json["runs"]] == [run_id]
    assert server.ask(f"/api/v1/runs/{run_id}").json["tasks"][0]["status"] == "success"
    assert [kind for kind, _, _ in Ann(server).events("other")] == ["removed", "added"]
    assert server.ask("/api/v1/dags/other/versions").json["total"] == 1


def test_a_dag_under_another_name(serving: Serve) -> None:
    serving(program=program(HOURLY, build="ab")).stop()
    server = serving(program=program(records.replace(HOURLY, id="each_hour"), build="cd"))
    (gone,) = server.ask("/api/v1/dags?removed=true").json["removed"]
    assert (gone["id"], gone["renamed_to"]) == ("hourly", "each_hour")
    assert "and is `each_hour` now" in server.ask("/api/v1/dags/hourly").json["detail"]


def test_events_are_paged_newest_first(server: Server) -> None:
    ann = Ann(server)
    for _ in range(2):
        ann.post("/api/v1/dags/hourly/pause", {})
        ann.post("/api/v1/dags/hourly/resume", {})
    path = "/api/v1/dags/hourly/events"
    page = server.ask(f"{path}?limit=3").json
    rest = server.ask(f"{path}?limit=3&before={page['next']}").json
    kinds = [event["kind"] for event in page["events"] + rest["events"]]
    assert kinds == ["resumed", "paused", "resumed", "paused", "added"]
    assert rest["next"] is None


def test_notifications_of_a_run(server: Server) -> None:
    run_id = server.trigger("other")
    FakeExecutor(server).work_off(1)
    assert server.ask(f"/api/v1/runs/{run_id}/notifications").json == {"notifications": [], "next": None}
    assert server.ask("/api/v1/notifications").json["notifications"] == []
    assert server.ask("/api/v1/notifications?limit=0").status == 422


def test_a_backfill_and_its_progress(server: Server) -> None:
    ann = Ann(server)
    executor = FakeExecutor(server)
    body = {"from_at": "2026-01-31", "until_at": "2026-01-31T03:00", "parallel": 2}
    answer = server.post("/api/v1/dags/hourly/backfills", body, **{"X-Ppacer-Actor": "ann"})
    assert answer.status == 201, answer.body
    made = answer.json
    assert answer.headers["location"] == f"/api/v1/backfills/{made['id']}"
    assert (made["from_at"], made["until_at"]) == ("2026-01-30T23:00:00.000000Z", "2026-01-31T02:00:00.000000Z")
    assert (made["status"], made["total"], made["parallel"], made["actor"]) == ("running", 3, 2, "ann")

    (assignment,) = executor.claim()
    executor.finish(assignment, error="no")
    path = f"/api/v1/backfills/{made['id']}"
    found = wait_for(server, path, lambda view: view["made"] == 3 and view["failed"] == 1)
    assert (found["active"], found["succeeded"], found["passed_over"]) == (2, 0, 0)
    executor.work_off(4)
    found = wait_for(server, path, lambda view: view["status"] == "done")
    assert (found["active"], found["succeeded"], found["failed"]) == (0, 2, 1)
    assert found["finished_at"] is not None

    runs = server.ask(f"/api/v1/runs?backfill={made['id']}").json["runs"]
    assert [run["scheduled_at"][11:16] for run in runs] == ["01:00", "00:00", "23:00"]
    assert {(run["kind"], run["backfill"]) for run in runs} == {("backfill", made["id"])}
    assert server.ask("/api/v1/runs?kind=backfill").json["runs"] == runs
    assert server.ask("/api/v1/backfills").json == {"backfills": [found], "next": None}
    assert server.ask("/api/v1/backfills?dag=other").json["backfills"] == []
    kinds = [(kind, by) for kind, by, _ in ann.events("hourly")]
    assert kinds[:2] == [("backfill_finished", "scheduler"), ("backfill_started", "ann")]

    again = ann.post("/api/v1/dags/hourly/backfills", body)
    found = wait_for(server, f"/api/v1/backfills/{again['id']}", lambda view: view["status"] == "done")
    assert (found["made"], found["passed_over"]) == (0, 3)
    first = server.ask("/api/v1/backfills?limit=1").json
    assert [view["id"] for view in first["backfills"]] == [again["id"]]
    rest = server.ask(f"/api/v1/backfills?before={first['next']}").json
    assert [view["id"] for view in rest["backfills"]] == [made["id"]]


def test_a_backfill_is_cancelled(server: Server) -> None:
    ann = Ann(server)
    made = ann.post("/api/v1/dags/hourly/backfills", {"from_at": "2026-01-01", "until_at": "2026-01-02"})
    path = f"/api/v1/backfills/{made['id']}"
    wait_for(server, path, lambda view: view["made"] == 1)
    assert ann.post(f"{path}/cancel", {})["status"] == "cancelled"
    found = wait_for(server, path, lambda view: view["active"] == 0)
    assert (found["made"], found["failed"], found["succeeded"]) == (1, 1, 0)
    assert server.post(f"{path}/cancel", {}).status == 409
    assert ("backfill_cancelled", "ann") in [(kind, by) for kind, by, _ in ann.events("hourly")]


@pytest.mark.parametrize(
    ("dag", "body", "field"),
    [
        ("hourly", {"from_at": "2026-01-02", "until_at": "2026-01-01"}, None),
        ("hourly", {"from_at": "soon", "until_at": "2026-01-01"}, "from_at"),
        ("hourly", {"from_at": "2026-01-01"}, "until_at"),
        ("hourly", {"from_at": "2026-01-01", "until_at": "2026-01-02", "parallel": 0}, "parallel"),
        ("hourly", {"from_at": "2026-01-01", "until_at": "2026-01-02", "parallel": "2"}, "parallel"),
        ("hourly", {"from_at": "2026-01-01", "until_at": "2026-01-02", "params": {"x": 1}}, "params.x"),
        ("other", {"from_at": "2026-01-01", "until_at": "2026-01-02"}, None),
    ],
)
def test_backfills_at_fault(server: Server, dag: str, body: object, field: str | None) -> None:
    answer = server.post(f"/api/v1/dags/{dag}/backfills", body)
    assert answer.status == 422, answer.body
    assert field is None or answer.json["field"] == field
    assert server.ask("/api/v1/backfills").json["backfills"] == []


def test_a_backfill_that_there_is_not(server: Server) -> None:
    for answer in (server.ask("/api/v1/backfills/nope"), server.post("/api/v1/backfills/nope/cancel", {})):
        assert (answer.status, answer.json["detail"]) == (404, "there is no backfill `nope`")


def wait_for(server: Server, path: str, condition: Callable[[Any], bool]) -> Any:
    """What the address answers once that fulfils the condition; the pulse tells when to look again."""
    while True:
        seq = server.ask("/api/v1/changes").json["seq"]
        found = server.ask(path).json
        if condition(found):
            return found
        assert server.ask(f"/api/v1/changes?since={seq}&wait=10").json["seq"] != seq, found
