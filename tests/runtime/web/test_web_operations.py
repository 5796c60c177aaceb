"""What the API can do to runs and tasks, and what it then tells of them; the test plays the executor."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from ppacer import spec as s
from ppacer.client import Client
from ppacer.protocol import Claim, Progress, Renewal
from tests.runtime.web.conftest import AT, PRINT, FakeExecutor, Serve, Server, literal

LIST = s.ParamType(s.ParamKind.LIST, of=s.ParamType(s.ParamKind.DATE))


def task(id: str, *, after: str = "", before: str = "", **more: Any) -> s.Task:
    return s.Task(id, PRINT, AT, parents=tuple(after.split()), children=tuple(before.split()), **more)


PROGRAM = s.Program(
    name="shop",
    build="cd" * 32,
    compiler="0.1.0",
    dags=(
        s.Dag(
            "chain",
            AT,
            (
                task("first", before="second"),
                task("second", after="first", before="third", pool="narrow"),
                task("third", after="second"),
                task("drop", handler=s.HandlerKind.FINALLY),
            ),
            max_active_runs=9,
        ),
        s.Dag(
            "wide",
            AT,
            (
                task("files", before="check"),
                task("check", after="files", before="total", fan_out=s.FanOut("f", s.Output("files", AT))),
                task("total", after="check", args=(s.Outputs("check", AT),)),
            ),
            max_active_runs=9,
        ),
        s.Dag(
            "asked",
            AT,
            (task("only"),),
            params=(
                s.Param("day", s.ParamType(s.ParamKind.DATE), AT, s.RunValue(s.RunField.DATE, AT)),
                s.Param("days", LIST, AT, s.ListOf((), AT)),
                s.Param("wait", s.ParamType(s.ParamKind.DURATION, optional=True), AT, literal(timedelta(hours=1))),
                s.Param("mode", s.ParamType(s.ParamKind.CHOICE, choices=("full", "quick")), AT, doc="How."),
            ),
            timezone="Europe/Warsaw",
        ),
    ),
    callables=(s.Callable(PRINT, s.CallableKind.FUNCTION),),
    pools=(s.Pool("narrow", 1, AT), s.Pool("unused", 3, AT)),
)


@pytest.fixture
def server(serving: Serve) -> Server:
    return serving(program=PROGRAM)


@pytest.fixture
def executor(server: Server) -> FakeExecutor:
    return FakeExecutor(server)


def play(executor: FakeExecutor, *failing: str, tasks: int) -> list[str]:
    """Does so many attempts, each with success but those of the tasks named; which they were."""
    done = []
    for _ in range(tasks):
        (assignment,) = executor.claim()
        done.append(assignment.task)
        executor.finish(assignment, error="no" if assignment.task in failing else None, output='"out"')
    return done


def statuses(server: Server, run_id: str) -> dict[str, str]:
    return {name: task["status"] for name, task in server.run(run_id)["tasks"].items()}


def kinds(server: Server, run_id: str) -> list[tuple[str, str]]:
    return [(event["kind"], event["actor"]) for event in server.ask(f"/api/v1/runs/{run_id}/events").json["events"]]


def test_a_failed_run_is_restarted_from_where_it_failed(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    assert play(executor, "second", tasks=3) == ["first", "second", "drop"]
    before = server.run(run_id)
    assert (before["run"]["status"], before["run"]["outcome"], before["run"]["epoch"]) == ("failed", "failed", 1)
    assert before["tasks"]["third"]["status"] == "upstream_failed"
    assert before["tasks"]["drop"]["handler"] == "finally"

    answer = server.post(f"/api/v1/runs/{run_id}/restart", {}, **{"X-Ppacer-Actor": "ann"})
    assert (answer.status, answer.json["epoch"]) == (200, 2)
    assert play(executor, tasks=3) == ["second", "third", "drop"]
    after = server.run(run_id)
    assert (after["run"]["status"], after["run"]["epoch"]) == ("success", 2)
    assert [task["epoch"] for task in after["tasks"].values()] == [1, 2, 2, 2]
    second = after["tasks"]["second"]["attempts"]
    assert [(each["epoch"], each["number"], each["status"]) for each in second] == [(1, 1, "failed"), (2, 1, "success")]
    assert ("run_reopened", "ann") in kinds(server, run_id)


def test_the_log_of_each_epoch_is_kept(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    for text in ("old", "new"):
        (assignment,) = executor.claim()
        executor.log(assignment, text)
        executor.finish(assignment, error=None if text == "new" else "no")
        if text == "old":
            play(executor, tasks=1)
            assert server.post(f"/api/v1/runs/{run_id}/restart", {}).status == 200
    path = f"/api/v1/runs/{run_id}/tasks/first/logs"
    assert [entry["message"] for entry in server.ask(path).json["entries"]] == ["new"]
    assert [entry["message"] for entry in server.ask(f"{path}?epoch=1&attempt=1").json["entries"]] == ["old"]
    assert server.ask(f"{path}?epoch=3").status == 404


@pytest.mark.parametrize(
    ("body", "again"), [({}, ["second", "third", "drop"]), ({"follow": False}, ["second", "drop"])]
)
def test_one_task_is_run_again_with_or_without_what_follows(
    server: Server, executor: FakeExecutor, body: dict[str, bool], again: list[str]
) -> None:
    run_id = server.trigger("chain")
    play(executor, tasks=4)
    assert server.post(f"/api/v1/runs/{run_id}/tasks/second/rerun", body).status == 200
    assert play(executor, tasks=len(again)) == again
    found = server.run(run_id)
    assert found["run"]["status"] == "success"
    assert found["tasks"]["second"]["generation"] == 1


def test_a_task_marked_as_succeeded_lets_what_never_ran_have_its_turn(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    play(executor, "first", tasks=2)
    mark = {"status": "success", "output": {"rows": 3}, "reason": "loaded by hand"}
    assert server.post(f"/api/v1/runs/{run_id}/tasks/first/mark", mark, **{"X-Ppacer-Actor": "ann"}).status == 200
    assert play(executor, tasks=3) == ["second", "third", "drop"]
    found = server.run(run_id)
    assert found["run"]["status"] == "success"
    first = found["tasks"]["first"]
    assert (first["status"], first["output"], first["output_size"]) == ("success", {"rows": 3}, 10)
    assert "loaded by hand" in first["reason"]
    (event,) = [
        event for event in server.ask(f"/api/v1/runs/{run_id}/events").json["events"] if event["kind"] == "task_marked"
    ]
    assert event["actor"] == "ann"
    assert event["payload"]["reason"] == "loaded by hand"


def test_one_task_is_cancelled_and_what_follows_does_not_run(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    play(executor, tasks=1)
    assert server.post(f"/api/v1/runs/{run_id}/tasks/second/cancel", {}).status == 200
    assert statuses(server, run_id)["second"] == "cancelled"
    assert play(executor, tasks=1) == ["drop"]
    found = server.run(run_id)
    assert found["run"]["status"] == "failed"
    assert found["tasks"]["third"]["status"] == "upstream_failed"


def test_a_family_and_its_members(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("wide")
    (assignment,) = executor.claim()
    executor.finish(assignment, output='["a","b","c"]')
    members = executor.claim(3)
    by_position = {member.position: member for member in members}
    for position, error in ((0, None), (1, "no")):
        executor.finish(by_position[position], error=error, output=str(position))
    found = server.run(run_id)
    family = found["tasks"]["check"]
    assert (family["position"], family["status"]) == (-1, "running")
    assert family["family"] == {"members": 3, "counts": {"success": 1, "failed": 1, "running": 1}, "shown": 3}
    member = found["tasks"]["check[1]"]
    assert (member["id"], member["position"], member["label"], member["status"]) == ("check", 1, "b", "failed")

    few = server.run(run_id, members=1)
    assert list(few["tasks"]) == ["files", "check", "check[1]", "total"]
    path = f"/api/v1/runs/{run_id}/tasks/check"
    page = server.ask(f"{path}/members?limit=2").json
    assert [member["name"] for member in page["members"]] == ["check[0]", "check[1]"]
    page = server.ask(f"{path}/members?limit=2&after={page['next']}").json
    assert ([member["name"] for member in page["members"]], page["next"]) == (["check[2]"], None)
    assert [each["position"] for each in server.ask(f"{path}/members?status=failed").json["members"]] == [1]
    assert server.ask(f"{path}?position=0").json["output"] == 0
    assert server.ask(path).json["family"]["members"] == 3
    assert server.ask(f"{path}?position=3").status == 404
    assert server.ask(f"/api/v1/runs/{run_id}/tasks/files/members").status == 404

    assert server.post(f"{path}/cancel?position=2", {}).status == 200
    assert "cancel" in server.run(run_id)["tasks"]["check[2]"]["reason"]


def test_what_a_running_attempt_says_of_its_progress(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    (assignment,) = executor.claim()
    said = Progress(assignment.attempt, assignment.token, 1_700_000_000_000_000, 0.4, "loading")
    executor.exchange(progress=(said,))
    (attempt,) = server.run(run_id)["tasks"]["first"]["attempts"]
    assert attempt["progress"] == {"at": "2023-11-14T22:13:20.000000Z", "fraction": 0.4, "message": "loading"}


def test_a_big_output_is_left_out_of_the_run(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    (assignment,) = executor.claim()
    executor.finish(assignment, output=json.dumps("x" * 20_000))
    first = server.run(run_id)["tasks"]["first"]
    assert (first["output"], first["output_size"]) == (None, 20_002)
    assert server.ask(f"/api/v1/runs/{run_id}/tasks/first").json["output"] == "x" * 20_000


def test_pools_and_executors(server: Server, executor: FakeExecutor) -> None:
    for _ in range(2):
        server.trigger("chain")
    play(executor, tasks=2)
    executor.claim()
    assert server.ask("/api/v1/pools").json["pools"] == [
        {"name": "narrow", "slots": 1, "used": 1, "waiting": 1},
        {"name": "unused", "slots": 3, "used": 0, "waiting": 0},
    ]
    told = server.ask("/api/v1/executors").json
    (found,) = told["executors"]
    assert (found["name"], found["capacity"], found["running"], found["current"]) == ("fake", 4, 1, True)
    assert (found["instance"], told["waiting"]) == (executor.instance, 1)


def test_until_when_it_is_leased_what_an_executor_runs(server: Server, executor: FakeExecutor) -> None:
    def until() -> Any:
        (found,) = server.ask("/api/v1/executors").json["executors"]
        return found["leased_until"]

    server.trigger("chain")
    (first,) = executor.claim()
    granted = until()
    executor.exchange(renewals=(Renewal(first.attempt, first.token),))
    assert until() > granted
    executor.finish(first)
    assert until() is None


def test_parameters_of_all_kinds(server: Server) -> None:
    body = {
        "params": {"days": ["2026-01-30"], "wait": "90m", "mode": "full"},
        "scheduled_at": "2026-01-31T00:30",
    }
    made = server.post("/api/v1/dags/asked/runs", body)
    assert made.status == 201, made.body
    assert made.json["scheduled_at"] == "2026-01-30T23:30:00.000000Z"
    assert server.run(made.json["id"])["params"] == {
        "day": {"$": "date", "v": "2026-01-31"},
        "days": [{"$": "date", "v": "2026-01-30"}],
        "wait": {"$": "duration", "v": 5_400_000_000},
        "mode": "full",
    }
    assert server.ask("/api/v1/dags/asked").json["params"] == [
        {"name": "day", "type": "date", "required": False, "doc": "", "default": None},
        {"name": "days", "type": "list[date]", "required": False, "doc": "", "default": []},
        {
            "name": "wait",
            "type": "duration?",
            "required": False,
            "doc": "",
            "default": {"$": "duration", "v": 3_600_000_000},
        },
        {"name": "mode", "type": 'choice("full", "quick")', "required": True, "doc": "How.", "default": None},
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"params": {"mode": "full", "days": ["2026-01-30", 5]}}, "params.days[1]"),
        ({"params": {}}, "params.mode"),
        ({"params": {"mode": "full", "x": 1}}, "params.x"),
        ({"params": {"mode": "full"}, "scheduled_at": "noon"}, "scheduled_at"),
        ({"params": 5}, "params"),
        ({"when": "now"}, "when"),
    ],
)
def test_a_trigger_at_fault_is_told_its_field(server: Server, body: object, field: str) -> None:
    answer = server.post("/api/v1/dags/asked/runs", body)
    assert (answer.status, answer.json["field"]) == (422, field)
    assert server.ask("/api/v1/runs").json["runs"] == []


def test_an_idempotency_key_at_fault(server: Server) -> None:
    answer = server.post("/api/v1/dags/chain/runs", {}, **{"Idempotency-Key": "x" * 201})
    assert (answer.status, answer.json["field"]) == (422, "idempotency_key")


def test_what_cannot_be_done_as_things_stand(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    (running,) = executor.claim()
    busy = server.post(f"/api/v1/runs/{run_id}/tasks/first/rerun", {})
    assert busy.status == 409
    assert "cancel it first" in busy.json["detail"]
    executor.finish(running)
    play(executor, tasks=3)
    well = server.post(f"/api/v1/runs/{run_id}/restart", {})
    assert well.status == 409, well.body
    assert run_id in well.json["detail"]
    assert server.post(f"/api/v1/runs/{run_id}/cancel", {}).status == 409
    assert server.post(f"/api/v1/runs/{run_id}/tasks/first/cancel", {}).status == 409
    assert server.run(run_id)["run"]["epoch"] == 1


MARK = {"status": "success", "reason": "r"}


@pytest.mark.parametrize(
    ("path", "body", "status", "part"),
    [
        ("tasks/nope/cancel", {}, 404, "nope"),
        ("tasks/nope/rerun", {}, 404, "nope"),
        ("tasks/nope/mark", MARK, 404, "nope"),
        ("tasks/first/rerun?position=x", {}, 422, "position"),
        ("tasks/first/rerun", {"follow": 1}, 422, "follow"),
        ("tasks/first/rerun", {"only": True}, 422, "only"),
        ("tasks/first/mark", {"status": "success"}, 422, "reason"),
        ("tasks/first/mark", {"status": "success", "reason": " "}, 422, "reason"),
        ("tasks/first/mark", {"status": "skipped", "reason": "r"}, 422, "status"),
        ("tasks/first/mark", {"status": "failed", "reason": "r", "output": 1}, 422, "output"),
        ("tasks/first/mark", MARK | {"output": {"$": "nope", "v": 1}}, 422, "output"),
        ("cancel", {"now": True}, 422, "now"),
        ("restart", [], 422, "must be object"),
    ],
)
def test_operations_at_fault(server: Server, path: str, body: object, status: int, part: str) -> None:
    run_id = server.trigger("chain")
    answer = server.post(f"/api/v1/runs/{run_id}/{path}", body)
    assert answer.status == status, answer.body
    assert part in json.dumps([answer.json["detail"], answer.json["field"]])
    assert server.run(run_id)["run"]["epoch"] == 1


@pytest.mark.parametrize("path", ["", "/cancel", "/restart", "/tasks/first/rerun", "/tasks/first", "/notifications"])
def test_a_run_that_there_is_not(server: Server, path: str) -> None:
    address = f"/api/v1/runs/00000000-0000-7000-8000-000000000000{path}"
    answer = server.ask(address) if path in ("", "/tasks/first", "/notifications") else server.post(address, {})
    assert (answer.status, answer.json["detail"]) == (
        404,
        "there is no run `00000000-0000-7000-8000-000000000000`",
    )


@pytest.mark.parametrize("actor", ["", "x" * 101, " ann", "zażółć"])
def test_an_actor_that_is_no_name(server: Server, actor: str) -> None:
    answer = server.post("/api/v1/dags/chain/runs", {}, **{"X-Ppacer-Actor": actor.encode().decode("latin-1")})
    if actor == " ann":  # what HTTP takes off is not there
        assert answer.json["actor"] == "ann"
    else:
        assert (answer.status, answer.json["field"]) == (422, "X-Ppacer-Actor")


def test_who_triggered_and_who_cancelled(server: Server, executor: FakeExecutor) -> None:
    made = server.post("/api/v1/dags/chain/runs", {}, **{"X-Ppacer-Actor": "ann"}).json
    assert made["actor"] == "ann"
    assert server.post(f"/api/v1/runs/{made['id']}/cancel", {}, **{"X-Ppacer-Actor": "bob"}).status == 200
    assert {("run_created", "ann"), ("cancel_requested", "bob")} <= set(kinds(server, made["id"]))


def test_events_are_paged(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    play(executor, tasks=4)
    path = f"/api/v1/runs/{run_id}/events"
    whole = server.ask(path).json["events"]
    page = server.ask(f"{path}?limit=3").json
    rest = server.ask(f"{path}?after={page['next']}").json
    assert page["events"] + rest["events"] == whole
    assert rest["next"] is None
    assert [event["seq"] for event in whole] == list(range(1, len(whole) + 1))


def test_runs_by_kind(server: Server) -> None:
    run_id = server.trigger("chain")
    assert [run["id"] for run in server.ask("/api/v1/runs?kind=manual").json["runs"]] == [run_id]
    assert server.ask("/api/v1/runs?kind=backfill").json["runs"] == []
    assert server.ask("/api/v1/runs?kind=odd").status == 422
    assert server.ask("/api/v1/runs?status=queued&status=running&dag=chain").json["runs"] != []


def test_nobody_is_handed_work_of_a_cancelled_run(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    server.post(f"/api/v1/runs/{run_id}/cancel", {})
    handed = executor.exchange(claim=Claim(4, 0.0)).assignments
    assert [assignment.task for assignment in handed] in ([], ["drop"])


# --- looks ahead -----------------------------------------------------------------------------------------------------


def foreseen(server: Server, path: str, **body: object) -> dict[str, str]:
    answer = server.post(f"/api/v1/runs/{path}", {**body, "dry_run": True})
    assert answer.status == 200, answer.body
    assert answer.json["count"] == len(answer.json["tasks"])
    return {task["name"]: task["status"] for task in answer.json["tasks"]}


def test_what_an_operation_would_touch_is_told_and_nothing_is_done(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    (first,) = executor.claim()
    assert foreseen(server, f"{run_id}/cancel") == {"first": "running", "second": "waiting", "third": "waiting"}
    assert foreseen(server, f"{run_id}/tasks/first/cancel") == {"first": "running"}
    executor.finish(first, error="no")
    play(executor, tasks=1)
    before = server.run(run_id)
    everything = {"first": "failed", "second": "upstream_failed", "third": "upstream_failed", "drop": "success"}
    assert foreseen(server, f"{run_id}/restart") == everything
    assert foreseen(server, f"{run_id}/tasks/first/rerun", follow=False) == {"first": "failed", "drop": "success"}
    assert foreseen(server, f"{run_id}/tasks/first/mark", status="success", reason="known") == everything
    assert server.run(run_id) == before, "nothing was written"
    assert server.post(f"/api/v1/runs/{run_id}/restart", {}).json["epoch"] == 2


def test_a_look_ahead_is_refused_as_the_deed_would_be(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    play(executor, tasks=4)
    for path, body in (("cancel", {}), ("restart", {}), ("tasks/first/cancel", {}), ("tasks/drop/rerun", {})):
        looked = server.post(f"/api/v1/runs/{run_id}/{path}", {**body, "dry_run": True})
        done = server.post(f"/api/v1/runs/{run_id}/{path}", body)
        assert (looked.status, looked.json) == (done.status, done.json)
        assert done.status == 409


def test_members_are_told_by_their_names_a_family_made_anew_with_their_number(serving: Serve) -> None:
    server = serving(program=PROGRAM)
    executor = FakeExecutor(server)
    run_id = server.trigger("wide")
    (files,) = executor.claim()
    executor.finish(files, output='["a","b","c"]')
    for member in executor.claim(3):
        executor.finish(member, error="no" if member.position == 1 else None)
    with Client(server.url) as client:
        assert [task.name for task in client.foresee_restart(run_id).tasks] == ["check[1]", "total"]
        found = client.foresee_rerun(run_id, "files")
        assert [(task.name, task.members) for task in found.tasks] == [("files", 0), ("check", 3), ("total", 0)]
        assert found.count == 5
        assert client.foresee_mark(run_id, "check", 1, status="success").count == 2
        assert client.foresee_rerun(run_id, "check", 0, follow=False).tasks[0].name == "check[0]"
        assert client.restart(run_id).status == "queued" or client.run(run_id).run.status == "running"
        assert [task.name for task in client.foresee_cancel(run_id).tasks] == ["check[1]", "total"]
        assert [task.name for task in client.foresee_cancel_task(run_id, "check").tasks] == ["check[1]", "total"]
