"""Families whose lists only the run knows: their members, joins and partners, by their names and values."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.serving import Serving, attempt_of, moment, outputs, serving, statuses, task_of
from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "families.ppd") as made:
        yield made


def test_one_for_each_element_of_an_output(served: Serving) -> None:
    run = served.run("over_an_output")
    assert run.run.status == "success"
    members = [f"{family}[{position}]" for family in ("check", "fix") for position in range(3)]
    assert statuses(run) == dict.fromkeys(["files", "check", "fix", "sum", "done", *members], "success")
    assert [task_of(run, f"check[{position}]").label for position in range(3)] == ["a.csv", "b.csv", "c.csv"]
    assert [outputs(run)[f"fix[{position}]"] for position in range(3)] == ["A.CSV", "B.CSV", "C.CSV"]
    assert served.said(run.run.id, "sum") == ["sum ['A.CSV', 'B.CSV', 'C.CSV']"]
    family = task_of(run, "check").family
    assert family is not None
    assert (family.members, family.counts) == (3, {"success": 3})


def test_each_waits_for_its_own_partner_alone(served: Serving) -> None:
    """The first is fixed while the second is still being checked."""
    run = served.trigger("partners")
    served.until(run, "fix", "success", 0)
    assert served.client.task(run, "check", 1).status == "running"
    served.world.open_gate()
    detail = served.ended(run)
    assert detail.run.status == "success"
    assert moment(task_of(detail, "fix[1]").started_at) >= moment(task_of(detail, "check[1]").finished_at)


def test_a_member_that_fails_stops_its_partner_and_the_join(served: Serving) -> None:
    run = served.run("over_an_output", broken="b.csv")
    assert run.run.status == "failed"
    assert statuses(run) == {
        "files": "success",
        "check": "failed", "check[0]": "success", "check[1]": "failed", "check[2]": "success",
        "fix": "upstream_failed", "fix[0]": "success", "fix[1]": "upstream_failed", "fix[2]": "success",
        "sum": "upstream_failed",
        "done": "success",
    }  # fmt: skip
    assert served.said(run.run.id, "done") == ["done ['A.CSV', None, 'C.CSV'] ['A.CSV', None, 'C.CSV']"]
    error = attempt_of(run, "check[1]").error or ""
    assert "ValueError: b.csv is broken\ntask check[1] (b.csv) of dag over_an_output (families.ppd:" in error


def test_members_are_shown_by_their_position_and_value(served: Serving) -> None:
    done = served.call("run", "over_an_output", "-p", "broken=b.csv")
    assert done.returncode == 1
    table = done.stdout[done.stdout.rindex("outcome") :]
    rows = [line.split() for line in table.splitlines() if line.startswith(("check", "fix"))]
    assert [(row[0], row[-1]) for row in rows if "[" in row[0]] == [
        *[(f"check[{position}]", f"{name}.csv") for position, name in enumerate("abc")],
        *[(f"fix[{position}]", f"{name}.csv") for position, name in enumerate("abc")],
    ]
    assert "3 members, 1 failed" in table
    (run, *_) = served.client.runs(dag="over_an_output").runs
    log = served.call("logs", run.id, "check[1]")
    assert "ValueError: b.csv is broken" in log.stdout
    beyond = served.call("logs", run.id, "check[3]")
    assert (beyond.returncode, beyond.stderr) == (2, "error: `check` has no member 3: it has 3, from 0 to 2\n")


def test_the_api_tells_of_members_by_page_and_status(served: Serving) -> None:
    run = served.run("over_an_output", broken="b.csv").run.id
    page = served.client.members(run, "check", limit=2)
    assert ([member.name for member in page.members], page.next) == (["check[0]", "check[1]"], 1)
    page = served.client.members(run, "check", after=1)
    assert ([(member.name, member.label) for member in page.members], page.next) == ([("check[2]", "c.csv")], None)
    failed = served.client.members(run, "check", statuses=["failed"])
    assert [(member.name, member.label) for member in failed.members] == [("check[1]", "b.csv")]
    alone = served.client.task(run, "check", 2)
    assert (alone.name, alone.output) == ("check[2]", "C.CSV")


def test_one_for_each_element_of_a_param(served: Serving) -> None:
    run = served.run("over_params", days=["2026-01-31", "2026-02-28"])
    assert run.run.status == "success"
    assert [task_of(run, f"day[{position}]").label for position in (0, 1)] == ["2026-01-31", "2026-02-28"]
    assert [served.said(run.run.id, "day", position) for position in (0, 1)] == [
        ["31.01.2026 in day[0]"],
        ["28.02.2026 in day[1]"],
    ]
    assert [outputs(run)[f"known[{position}]"] for position in (0, 1)] == ["known[0]", "known[1]"]


def test_a_list_of_each_member_of_another_family(served: Serving) -> None:
    run = served.run("nested")
    assert run.run.status == "success"
    found = {name: task.label for name, task in ((task.name, task) for task in run.tasks) if "][" in name}
    assert found == {'load["eu"][0]': "one", 'load["eu"][1]': "two", 'load["us"][0]': "three"}
    assert outputs(run)['load["us"][0]'] == "us/three"
    assert served.said(run.run.id, 'sums["eu"]') == ["eu ['eu/one', 'eu/two']"]
    assert served.said(run.run.id, "all") == ["['eu/one', 'eu/two'] ['eu/one', 'eu/two', 'us/three']"]
    log = served.call("logs", run.run.id, 'load["us"][0]')
    assert (log.returncode, log.stdout.splitlines()[0]) == (0, 'load["us"][0]  ✔ success  three')


def test_an_empty_list_is_a_family_that_succeeds(served: Serving) -> None:
    run = served.run("lists", files=[])
    assert run.run.status == "success"
    assert statuses(run) == {"files": "success", "check": "success", "after": "success"}
    assert served.said(run.run.id, "after") == ["after []"]


@pytest.mark.parametrize(("value", "found"), [(None, "none"), (3, "int"), ("abc", "str"), ({"a": 1}, "dict")])
def test_a_list_that_is_none_fails_the_family_with_a_clear_error(served: Serving, value: object, found: str) -> None:
    run = served.run("lists", files=value)
    assert statuses(run) == {"files": "success", "check": "failed", "after": "upstream_failed"}
    error = task_of(run, "check").error or ""
    assert error.startswith("task check of dag lists (families.ppd:")
    assert f": the list of a family must be a list, found {found} (families.ppd:" in error


def test_the_error_of_a_list_is_shown_where_the_run_is_followed_and_in_its_logs(served: Serving) -> None:
    done = served.call("run", "lists", "-p", "files=null")
    assert done.returncode == 1
    error = "the list of a family must be a list, found none (families.ppd:"
    (run, *_) = served.client.runs(dag="lists").runs
    for shown in (done, served.call("logs", run.id), served.call("logs", run.id, "check")):
        assert error in shown.stdout


def test_each_member_has_its_own_condition(served: Serving) -> None:
    run = served.run("asked")
    assert statuses(run) == {
        "items": "success",
        "some": "failed", "some[0]": "success", "some[1]": "skipped", "some[2]": "failed",
        "rest": "success",
    }  # fmt: skip
    assert served.said(run.run.id, "rest") == ["[1, None, None]"]
    assert (task_of(run, "some[2]").error or "").startswith("task some[2] (a) of dag asked (families.ppd:")


def test_ten_thousand_cost_twenty_times_what_five_hundred_cost(served: Serving) -> None:
    """In time of the processor of the program, so that it does not matter what else the machine does."""

    def run(members: int) -> float:
        before = cpu_seconds(served.process.popen.pid)
        detail = served.ended(served.trigger("many", members=members), seconds=600)
        assert detail.run.status == "success"
        assert task_of(detail, "sum").output == members * (members - 1) // 2
        family = task_of(detail, "each").family
        assert family is not None
        assert (family.members, family.counts) == (members, {"success": members})
        return (cpu_seconds(served.process.popen.pid) - before) / members

    run(100)
    for _ in range(3):  # a processor that is shared with others may be slower for a while
        few, many = run(500), run(10_000)
        if many < 2 * few:
            return
    pytest.fail(f"{many * 1000:.2f} ms for each of many, {few * 1000:.2f} ms for each of few")


def cpu_seconds(pid: int) -> float:
    """What the process has used, in its own code and in the system's."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
