"""The JSON API over a real scheduler and store: what is shown, triggered, cancelled, followed, refused."""

from __future__ import annotations

import json
import threading
import time
from urllib.parse import quote

import pytest

from ppacer.client import Client, RefusedError
from ppacer.services.snapshots import Condition
from tests.runtime.web.conftest import FakeExecutor, Server

RAW = quote('raw["eu/x"]', safe="")


def test_dags_with_their_next_and_last_runs(server: Server) -> None:
    first, second = server.trigger(), server.trigger()
    found = server.ask("/api/v1/dags").json
    assert found["program"] == "shop"
    daily, by_hand = found["dags"]
    assert daily["schedules"] == ["15 2 * * *"]
    assert daily["timezone"] == "Europe/Warsaw"
    assert daily["tasks"] == 2
    assert daily["next_run_at"].endswith(":15:00.000000Z")
    assert [run["id"] for run in daily["last_runs"]] == [second, first]
    assert by_hand["next_run_at"] is None
    assert by_hand["last_runs"] == []


def test_a_dag_with_its_tasks_as_compiled(server: Server) -> None:
    found = server.ask("/api/v1/dags/daily").json
    assert [task["id"] for task in found["tasks"]] == ['raw["eu/x"]', "load"]
    assert found["tasks"][1] == {
        "id": "load",
        "callable": "ppacer.tasks.builtin:print_",
        "at": "shop.ppd:8",
        "doc": "",
        "parents": ['raw["eu/x"]'],
        "x": 1,
        "y": 0,
        "retries": 1,
        "timeout": 3600.0,
        "trigger": "all_success",
        "pool": None,
        "priority": 0,
        "runs_on": [],
        "handler": "none",
        "over": None,
    }
    assert len(found["next_runs"]) == 10
    assert found["next_runs"][0] == found["dag"]["next_run_at"]
    assert found["next_runs"] == sorted(found["next_runs"])


def test_a_run_from_trigger_to_end(server: Server, executor: FakeExecutor) -> None:
    made = server.post("/api/v1/dags/daily/runs", {"scheduled_at": "2026-01-31T02:15:00+01:00"})
    assert made.status == 201
    run_id = made.json["id"]
    assert made.headers["location"] == f"/api/v1/runs/{run_id}"
    assert made.json["scheduled_at"] == "2026-01-31T01:15:00.000000Z"
    assert (made.json["kind"], made.json["actor"]) == ("manual", "local")

    (assignment,) = executor.claim()
    executor.log(assignment, "one", "<script>alert(1)</script>")
    executor.finish(assignment, output='{"rows":3}')
    (assignment,) = executor.claim()
    executor.finish(assignment, error="Traceback …\nValueError: no")
    (assignment,) = executor.claim()
    executor.finish(assignment)

    found = server.ask(f"/api/v1/runs/{run_id}").json
    assert found["run"]["status"] == "success"
    raw, load = found["tasks"]
    assert (raw["id"], raw["status"], raw["output"]) == ('raw["eu/x"]', "success", {"rows": 3})
    assert [attempt["status"] for attempt in load["attempts"]] == ["failed", "success"]
    assert load["attempts"][0]["error"] == "Traceback …\nValueError: no"
    assert load["attempts"][0]["executor"] == "fake"
    page = server.ask(f"/api/v1/runs/{run_id}/tasks/{RAW}/logs").json
    assert [entry["message"] for entry in page["entries"]] == ["one", "<script>alert(1)</script>"]
    assert page["complete"] is True
    assert server.ask(f"/api/v1/runs/{run_id}/tasks/{RAW}/logs?after=2").json["entries"] == []
    first = server.ask(f"/api/v1/runs/{run_id}/tasks/load/logs?attempt=1").json
    assert first["attempt"]["status"] == "failed"


def test_the_same_key_makes_one_run(server: Server) -> None:
    answers = [server.post("/api/v1/dags/by_hand/runs", {}, **{"Idempotency-Key": "k"}).json["id"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert len(server.ask("/api/v1/runs?dag=by_hand").json["runs"]) == 1


def test_runs_are_paged_filtered_and_found(server: Server, executor: FakeExecutor) -> None:
    ids = [server.trigger() for _ in range(3)]
    other = server.trigger("by_hand")
    first = server.ask("/api/v1/runs?limit=2").json
    assert [run["id"] for run in first["runs"]] == [other, ids[2]]
    second = server.ask(f"/api/v1/runs?limit=2&before={first['next']}").json
    assert [run["id"] for run in second["runs"]] == [ids[1], ids[0]]
    assert second["next"] is None
    assert [run["id"] for run in server.ask("/api/v1/runs?dag=by_hand").json["runs"]] == [other]
    assert [run["id"] for run in server.ask(f"/api/v1/runs?id={ids[1][-9:]}").json["runs"]] == [ids[1]]
    assert server.ask("/api/v1/runs?status=failed").json["runs"] == []


def test_cancel_ends_a_run(server: Server) -> None:
    run_id = server.trigger()
    assert server.post(f"/api/v1/runs/{run_id}/cancel", {}).status == 200
    assert server.ask(f"/api/v1/runs/{run_id}").json["run"]["status"] == "cancelled"
    again = server.post(f"/api/v1/runs/{run_id}/cancel", {})
    assert again.status == 409
    assert again.headers["content-type"] == "application/problem+json"


def test_changes_of_a_run_wake_who_waits(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    seq = server.ask(f"/api/v1/runs/{run_id}").json["seq"]
    got: list[object] = []
    waiting = threading.Thread(
        target=lambda: got.append(server.ask(f"/api/v1/runs/{run_id}/changes?since={seq}&wait=20").json)
    )
    waiting.start()
    executor.claim()
    waiting.join(60)
    (changes,) = got
    assert isinstance(changes, dict)
    assert changes["seq"] > seq
    assert [event["seq"] for event in changes["events"]] == list(range(seq + 1, changes["seq"] + 1))


def test_a_wait_that_nothing_ends_is_answered_in_its_time(server: Server) -> None:
    run_id = server.trigger()
    seq = server.ask(f"/api/v1/runs/{run_id}").json["seq"]
    started = time.monotonic()
    found = server.ask(f"/api/v1/runs/{run_id}/changes?since={seq}&wait=0.3").json
    assert 0.25 < time.monotonic() - started < 20
    assert (found["seq"], found["events"]) == (seq, [])


def test_new_log_lines_wake_who_waits(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    (assignment,) = executor.claim()
    executor.log(assignment, "one")
    path = f"/api/v1/runs/{run_id}/tasks/{RAW}/logs"
    assert server.ask(path).json["last"] == 1
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(server.ask(f"{path}?after=1&wait=20").json))
    waiting.start()
    executor.log(assignment, "two", first=2)
    waiting.join(60)
    (page,) = got
    assert isinstance(page, dict)
    assert [entry["message"] for entry in page["entries"]] == ["two"]
    assert page["complete"] is False


def test_the_pulse_grows_with_any_change(server: Server) -> None:
    before = server.ask("/api/v1/changes").json
    server.trigger()
    after = server.ask(f"/api/v1/changes?since={before['seq']}&wait=10").json
    assert after["seq"] > before["seq"]
    assert after["instance"] == before["instance"] == server.site.instance


def test_health(server: Server) -> None:
    found = server.ask("/health")
    assert found.status == 200
    assert found.json["status"] == "ok"
    assert found.json["instance"] == server.site.instance
    assert (found.json["leads"], found.json["writes"], found.json["executors"]) == (True, True, 0)
    ready = server.ask("/ready")
    assert (ready.status, ready.json) == (200, found.json)


def test_a_program_that_cannot_write_lives_and_is_not_ready(server: Server) -> None:
    async def stall() -> None:
        server.site.scheduler._condition, server.site.scheduler._message = Condition.STALLED, "the disk is full"

    server.call(stall())
    found = server.ask("/health")
    assert (found.status, found.json["status"], found.json["problem"]) == (200, "stalled", "the disk is full")
    assert (found.json["leads"], found.json["writes"]) == (True, False)
    ready = server.ask("/ready")
    assert (ready.status, ready.json) == (503, found.json)
    with Client(server.url) as client:
        assert client.health().status == "stalled"
        with pytest.raises(RefusedError, match="the disk is full"):
            client.ready()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "part"),
    [
        ("GET", "/api/v1/dags/nope", None, 404, "there is no dag `nope`"),
        ("POST", "/api/v1/dags/nope/runs", "{}", 404, "nope"),
        ("GET", "/api/v1/runs/nope", None, 404, "there is no run `nope`"),
        ("GET", "/api/v1/runs/..%2F..%2Fetc", None, 404, "there is no run"),
        ("GET", "/api/v1/runs/00000000-0000-7000-8000-000000000000", None, 404, "there is no run"),
        ("GET", "/api/v1/runs?limit=0", None, 422, "expected a whole number from 1 to 500"),
        ("GET", "/api/v1/runs?limit=nan", None, 422, "expected a whole number"),
        ("GET", "/api/v1/runs?limit=1.5", None, 422, "expected a whole number"),
        ("GET", "/api/v1/changes?wait=nan", None, 422, "expected a number"),
        ("GET", "/api/v1/runs?status=odd", None, 422, "expected one of queued, running"),
        ("GET", "/api/v1/changes?wait=61", None, 422, "from 0 to 60"),
        ("POST", "/api/v1/dags/by_hand/runs", "{", 422, "not JSON"),
        ("POST", "/api/v1/dags/by_hand/runs", "[]", 422, "must be object"),
        ("POST", "/api/v1/dags/by_hand/runs", '{"param": {}}', 422, "param"),
        ("POST", "/api/v1/dags/by_hand/runs", '{"scheduled_at": 7}', 422, "scheduled_at"),
        ("POST", "/api/v1/dags/by_hand/runs", '{"scheduled_at": "noon"}', 422, "expected a time such as"),
        ("POST", "/api/v1/dags/by_hand/runs", '{"params": {"x": 1}}', 422, "x"),
        ("POST", "/api/v1/runs/00000000-0000-7000-8000-000000000000/cancel", "{}", 404, "no run"),
        ("DELETE", "/api/v1/dags", "{}", 405, "Method Not Allowed"),
        ("GET", "/api/v2", None, 404, "nothing at this address"),
        ("GET", "/.git/config", None, 404, "nothing at this address"),
    ],
)
def test_refusals_are_problems_that_say_what_is_wrong(
    server: Server, method: str, path: str, body: str | None, status: int, part: str
) -> None:
    answer = server.ask(path, method=method, body=body)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert problem["status"] == status
    assert part in json.dumps(problem)


def test_an_attempt_that_is_not_there(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    assert server.ask(f"/api/v1/runs/{run_id}/tasks/nope/logs").status == 404
    executor.claim()
    assert server.ask(f"/api/v1/runs/{run_id}/tasks/{RAW}/logs?attempt=7").status == 404


def test_it_says_who_is_asking(server: Server) -> None:
    assert server.ask("/api/v1/me").json == {"user": "local", "role": "admin", "how": "open", "xsrf": None}
    asked = server.ask("/api/v1/me", headers={"X-Ppacer-Actor": "ana"})
    assert asked.json == {"user": "ana", "role": "admin", "how": "open", "xsrf": None}


def test_runs_of_several_kinds_and_of_a_time(server: Server) -> None:
    first, second = server.trigger(), server.trigger("by_hand")
    with Client(server.url) as client:
        made = client.run(second).run.created_at
        assert [run.id for run in client.runs(kinds=["manual", "backfill"]).runs] == [second, first]
        assert client.runs(kinds=["backfill"]).runs == ()
        assert [run.id for run in client.runs(made_from=made).runs] == [second]
        assert [run.id for run in client.runs(made_until=made).runs] == [first]
        with pytest.raises(RefusedError, match="expected a time") as caught:
            client.runs(made_until="soon")
        assert caught.value.problem.field == "to"


def test_runs_for_a_logical_time(server: Server) -> None:
    with Client(server.url) as client:
        made = [client.trigger("daily", scheduled_at=f"2026-02-{day}T00:30").id for day in (10, 11, 12)]
        found = client.runs(dag="daily", planned_from="2026-02-11", planned_until="2026-02-12").runs
        assert [run.id for run in found] == [made[1]]
        assert [run.id for run in client.runs(planned_until="2026-02-11T00:00Z").runs] == made[1::-1]
        with pytest.raises(RefusedError, match="expected a time") as caught:
            client.runs(planned_from="soon")
        assert caught.value.problem.field == "planned_from"


def test_how_far_logs_have_come_is_told_unless_nobody_wants_to_know(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("by_hand")
    (assignment,) = executor.claim()
    executor.log(assignment, "a line", "another")
    [told] = server.run(run_id)["tasks"]["only"]["attempts"]
    assert told["log"] == 2
    [told] = server.run(run_id, logs="false")["tasks"]["only"]["attempts"]
    assert told["log"] is None
