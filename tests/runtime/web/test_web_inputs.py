"""What the API tells of what a task is given."""

from __future__ import annotations

from typing import Any

import pytest

from ppacer import spec as s
from ppacer.client import Client
from ppacer.web import inputs
from tests.runtime.web.conftest import AT, PRINT, FakeExecutor, Serve, Server, literal


def task(id: str, *args: s.Expr, after: str = "", before: str = "", **more: Any) -> s.Task:
    return s.Task(id, PRINT, AT, args=args, parents=tuple(after.split()), children=tuple(before.split()), **more)


CUT = s.Attribute(s.Output("files", AT), "first", AT)
PROGRAM = s.Program(
    name="shop",
    build="ef" * 32,
    compiler="0.1.0",
    dags=(
        s.Dag(
            "given",
            AT,
            (
                task(
                    "files",
                    s.ParamValue("region", AT),
                    literal("b"),
                    kwargs=(("password", s.Secret("DB", AT)), ("home", s.Env("HOME", AT))),
                    before="load",
                ),
                task("load", CUT, s.RunValue(s.RunField.DAG, AT), after="files"),
            ),
            params=(s.Param("region", s.ParamType(s.ParamKind.STR), AT, literal("eu")),),
            max_active_runs=9,
        ),
        s.Dag(
            "wide",
            AT,
            (
                task("files", before="check"),
                task(
                    "check",
                    s.LoopVariable("f", AT),
                    after="files",
                    before="total",
                    fan_out=s.FanOut("f", s.Output("files", AT)),
                ),
                task("total", s.Outputs("check", AT), after="check"),
            ),
        ),
    ),
    callables=(s.Callable(PRINT, s.CallableKind.FUNCTION),),
)


@pytest.fixture
def server(serving: Serve) -> Server:
    return serving(program=PROGRAM)


@pytest.fixture
def executor(server: Server) -> FakeExecutor:
    return FakeExecutor(server)


def given(server: Server, run_id: str, path: str) -> list[tuple[Any, ...]]:
    found = server.ask(f"/api/v1/runs/{run_id}/tasks/{path}").json["inputs"]
    return [(each["name"], each["expression"], each["value"], each["unknown"]) for each in found]


def test_what_is_known_is_told_and_of_the_rest_why_it_is_not(server: Server) -> None:
    run_id = server.trigger("given", region="us")
    assert given(server, run_id, "files") == [
        (None, "params.region", "us", None),
        (None, '"b"', "b", None),
        ("password", 'secret("DB")', None, "it is made of a secret, which only the worker looks up"),
        ("home", 'env("HOME")', None, "it is made of the environment of the executor"),
    ]
    assert given(server, run_id, "load") == [
        (None, "files.first", None, "files has not ended yet"),
        (None, "run.dag", "given", None),
    ]


def test_what_another_task_returned_is_told_once_that_is_there(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("given")
    (files,) = executor.claim()
    executor.finish(files, output='{"first":{"$":"date","v":"2026-01-31"}}')
    assert given(server, run_id, "load")[0][2:] == ({"$": "date", "v": "2026-01-31"}, None)
    other = server.trigger("given")
    load, files = sorted(executor.claim(2), key=lambda each: each.run.id)
    executor.finish(load)
    executor.finish(files, output='{"last":1}')
    assert given(server, other, "load")[0][2:] == (None, 'the object has no "first"; it has "last"')


def test_each_member_of_a_family_is_given_its_own(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("wide")
    (files,) = executor.claim()
    executor.finish(files, output='["a","b"]')
    assert given(server, run_id, "check") == [(None, "f", None, "each member of the family has its own")]
    assert given(server, run_id, "check?position=1") == [(None, "f", "b", None)]
    assert given(server, run_id, "total")[0][3] == "check has not ended yet"
    for member in executor.claim(2):
        executor.finish(member, output=f'"{member.position}"')
    assert given(server, run_id, "total") == [(None, "check[*]", ["0", "1"], None)]


def test_big_values_and_long_expressions_are_cut(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "BIG_INPUT", 10)
    monkeypatch.setattr(inputs, "LONG_EXPRESSION", 8)
    run_id = server.trigger("given", region="a" * 9)
    with Client(server.url) as client:
        region, other = (client.task(run_id, "files").inputs or ())[:2]
    assert (region.expression, region.value, region.size) == ("params.r…", None, 11)
    assert (other.value, other.size) == ("b", 3)


def test_a_run_tells_of_no_inputs(server: Server) -> None:
    assert server.run(server.trigger("given"))["tasks"]["files"]["inputs"] is None
