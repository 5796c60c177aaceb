"""The program's commands through a program that serves, while the test plays the executor."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from ppacer.cli import main
from tests.runtime.web.conftest import FakeExecutor, Serve, Server
from tests.runtime.web.test_web_operations import PROGRAM, play

Call = Callable[..., str]


@pytest.fixture
def server(serving: Serve) -> Server:
    return serving(program=PROGRAM)


@pytest.fixture
def executor(server: Server) -> FakeExecutor:
    return FakeExecutor(server)


@pytest.fixture
def call(server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Calls a command that asks the server; what it says, its error for a code other than 0."""
    monkeypatch.delenv("PPACER_TOKEN", raising=False)

    def run(*arguments: str, code: int = 0) -> str:
        found = main(PROGRAM, {}, "shop.py", [*arguments, "--scheduler", server.url])
        said = capsys.readouterr()
        assert found == code, said
        return said.err if code else said.out

    return run


def expand(server: Server, executor: FakeExecutor, count: int) -> str:
    """A run of `wide` whose family has so many members, all waiting for executors."""
    run_id = server.trigger("wide")
    (assignment,) = executor.claim()
    executor.finish(assignment, output=json.dumps([f"f{index}" for index in range(count)]))
    return run_id


def work(executor: FakeExecutor, count: int, *failing: int) -> None:
    """Does so many members, each with success but those at the positions."""
    for _ in range(count):
        (assignment,) = executor.claim()
        if assignment.position in failing:
            executor.finish(assignment, error=f"Traceback …\nValueError: no {assignment.position}")
        else:
            executor.finish(assignment)


def test_a_failed_run_is_restarted(call: Call, server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    play(executor, "second", tasks=3)
    said = call("restart", run_id[-8:])
    assert said == (
        f"chain: run {run_id} is running, epoch 2\nanew: second, third\nfollow it at {server.url}/runs/{run_id}\n"
    )
    play(executor, tasks=3)
    assert re.search(rf"^✔ success +chain +\S+ \S+ +manual +local +\S+ +{run_id} +epoch 2$", call("runs"), re.MULTILINE)


def test_a_running_task_is_told_to_stop(call: Call, server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("chain")
    executor.claim()
    assert call("cancel", "latest", "first") == (
        f"chain: run {run_id}: first is being cancelled; told to stop: first\n"
    )
    assert call("cancel", "latest") == f"chain: run {run_id} is being cancelled; told to stop: first\n"


def test_members_of_a_family_by_their_shown_names(call: Call, server: Server, executor: FakeExecutor) -> None:
    run_id = expand(server, executor, 3)
    work(executor, 3, 1)
    logs = call("logs", "latest", "check[1]")
    assert logs == "check[1]  ✖ failed  f1\nTraceback …\nValueError: no 1\n"
    assert re.findall(r"^check\S+", call("logs", "latest", "check"), re.MULTILINE) == [
        "check[0]",
        "check[1]",
        "check[2]",
    ]
    said = call("rerun", "latest", "check[1]")
    assert "anew: check (1 of 3 members), total\n" in said
    work(executor, 2)
    assert server.run(run_id)["run"]["status"] == "success"
    marked = call("mark", "latest", "check[2]", "failed", "--reason", "bad data")
    assert marked.startswith("check[2] is marked as failed: bad data\n")
    assert server.run(run_id)["tasks"]["check[2]"]["status"] == "failed"
    history = call("history", "latest")
    assert re.search(r"task marked +by \S+ +task check\[2\], .*bad data", history)
    assert "attempt started" not in history
    assert "attempt started" in call("history", "latest", "--all")
    assert call("rerun", "latest", "check[3]", code=2) == "error: `check` has no member 3: it has 3, from 0 to 2\n"


def test_a_family_whose_list_is_not_known(call: Call, server: Server, executor: FakeExecutor) -> None:
    server.trigger("wide")
    assert "its list is not known yet" in call("cancel", "latest", "check[0]", code=2)


def test_a_big_family_is_told_in_part(call: Call, server: Server, executor: FakeExecutor) -> None:
    expand(server, executor, 150)
    said = call("logs", "latest")
    assert len(re.findall(r"^check\[", said, re.MULTILINE)) == 100
    assert "… and 50 more members of check: name it, or one of them\n" in said
    assert len(re.findall(r"^check\[", call("logs", "latest", "check"), re.MULTILINE)) == 150


def test_pools(call: Call, server: Server, executor: FakeExecutor) -> None:
    server.trigger("chain")
    play(executor, tasks=1)
    lines = call("pools").splitlines()
    assert lines == ["pool    slots  used  waiting", "narrow      1     0        1", "unused      3     0        0"]


def test_triggers_and_their_parameters(call: Call, server: Server) -> None:
    parameters = ("mode=quick", "days=2026-01-30,2026-01-31", "wait=none", "day=2026-02-01")
    said = call("trigger", "asked", *(part for each in parameters for part in ("-p", each)), "--at", "2026-01-31")
    run_id = said.split()[2]
    found = server.run(run_id)
    assert found["params"] == {
        "day": {"$": "date", "v": "2026-02-01"},
        "days": [{"$": "date", "v": "2026-01-30"}, {"$": "date", "v": "2026-01-31"}],
        "wait": None,
        "mode": "quick",
    }
    assert found["run"]["scheduled_at"] == "2026-01-30T23:00:00.000000Z"
    wrong = call("trigger", "asked", "-p", "mode=quick", "-p", "days=2026-01-30,x", code=2)
    assert wrong == ('error: element [1] of parameter days of dag asked takes a date such as 2026-01-31, not "x"\n')


def test_dags(call: Call, server: Server) -> None:
    said = call("pause", "chain", "--reason", "no data")
    assert said == "chain is paused: no scheduled runs until `resume`\n"
    server.trigger("chain")
    assert call("resume", "chain") == "chain is not paused\n"
    assert call("pause", "chain") == "chain is paused: no scheduled runs until `resume`; its run goes on\n"
    assert re.search(r"^chain +4  on trigger only +paused", call("list"), re.MULTILINE)
    assert re.search(r"paused +by \S+ +reason no data", call("history", "chain"))


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (("runs",), ("cancel", "latest"), ("pools",), ("pause", "chain")):
        assert main(PROGRAM, {}, "shop.py", [*command, "--scheduler", "http://127.0.0.1:1"]) == 1
        assert capsys.readouterr().err == "error: http://127.0.0.1:1 does not answer: connection refused\n"
