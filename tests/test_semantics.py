"""docs/semantics.md is true: what each row of its tables says is made to happen, and compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ppacer import spec
from ppacer.config import KEPT
from ppacer.core.machine import NotPossible
from ppacer.core.model import AttemptStatus, DagEventKind, ErrorKind, RunStatus, TaskStatus
from ppacer.core.state import FINAL_ERRORS, Parents, Verdict, verdict
from ppacer.protocol import Outcome
from ppacer.testing import Pipeline, cancelled, fails, load, takes
from tests.runtime.core.machine.plans import make_plan, make_task
from tests.runtime.core.machine.world import World as Machine
from tests.runtime.scheduler.watching import AT, SECOND
from tests.runtime.scheduler.watching import World as Watching

TEXT = (Path(__file__).parents[1] / "docs" / "semantics.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"\n## {title}\n")[1].split("\n## ")[0]


def tables(title: str) -> list[list[dict[str, str]]]:
    """The tables of a section, each as its rows by the names of their columns."""
    found: list[list[dict[str, str]]] = []
    lines = section(title).splitlines()
    for number, line in enumerate(lines):
        if not re.fullmatch(r"(\|-+)+\|", line):
            continue
        header = cells(lines[number - 1])
        rows: list[dict[str, str]] = []
        for row in lines[number + 1 :]:
            if not row.startswith("|"):
                break
            rows.append(dict(zip(header, cells(row), strict=True)))
        found.append(rows)
    return found


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def rows(title: str, table: int = 0) -> list[dict[str, str]]:
    return tables(title)[table]


def by_first(title: str, table: int = 0) -> list[object]:
    """The rows as parameters of a test, each with its first cell as its name."""
    return [pytest.param(dict(row), id=next(iter(row.values()))) for row in rows(title, table)]


# --- trigger rules ---------------------------------------------------------------------------------------------------

SUCCESS, FAILED, SKIPPED, WAITING = TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.SKIPPED, None
PARENTS = {
    "all succeeded": (SUCCESS, SUCCESS, SUCCESS),
    "one bad, the others succeeded": (FAILED, SUCCESS, SUCCESS),
    "all bad": (FAILED, TaskStatus.UPSTREAM_FAILED, TaskStatus.CANCELLED),
    "one skipped, the others succeeded": (SKIPPED, SUCCESS, SUCCESS),
    "all skipped": (SKIPPED, SKIPPED, SKIPPED),
    "one succeeded, the others not ended": (SUCCESS, WAITING, WAITING),
    "one bad, the others not ended": (FAILED, WAITING, WAITING),
    "none ended": (WAITING, WAITING, WAITING),
}
VERDICTS = {
    "runs": Verdict.RUN,
    "skipped": Verdict.SKIP,
    "upstream failed": Verdict.UPSTREAM_FAILED,
    "waits": Verdict.WAIT,
}


@pytest.mark.parametrize("row", by_first("Trigger rules"))
def test_a_trigger_rule_says_what_its_table_says(row: dict[str, str]) -> None:
    parents = Parents(total=3, unfinished=3)
    for status in PARENTS[row.pop("parents")]:
        if status is not None:
            parents.ended(status)
    assert {f"`{trigger}`" for trigger in spec.Trigger} == row.keys()
    assert {name: verdict(spec.Trigger(name.strip("`")), parents) for name in row} == {
        name: VERDICTS[cell] for name, cell in row.items()
    }


def test_every_way_in_which_parents_may_stand_is_in_the_table() -> None:
    assert [row["parents"] for row in rows("Trigger rules")] == list(PARENTS)


# --- runs ------------------------------------------------------------------------------------------------------------

HAPPENS: dict[str, dict[str, object]] = {
    "everything succeeds": {},
    "`a` fails": {"tasks": {"a": fails("no")}},
    "`c` fails": {"tasks": {"c": fails("no")}},
    "`a` takes longer than its time-out": {"tasks": {"a": takes("11m")}},
    "the run takes longer than its `run_timeout`": {"tasks": {"b": takes("2h")}},
    "somebody cancels `a` while it runs": {"tasks": {"a": cancelled()}},
    "somebody cancels the run while `a` runs": {"tasks": {"a": takes("5m")}, "cancel_after": "1m"},
    "`good` fails": {"tasks": {"good": fails("no")}},
    "`a` fails, and then `bad` does": {"tasks": {"a": fails("no"), "bad": fails("no")}},
    "`last` fails": {"tasks": {"last": fails("no")}},
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The dag of the document."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "steps.py").write_text("def work() -> None: ...\n")
    source = section("What a run ends as").split("```ppd\n")[1].split("```")[0]
    (folder / "runs.ppd").write_text(source)
    return load(folder / "runs.ppd")


@pytest.mark.parametrize("row", by_first("What a run ends as"))
def test_a_run_ends_as_the_table_says(row: dict[str, str], runs: Pipeline) -> None:
    what = row.pop("what happens")
    result = runs.run("d", stub_rest=True, **HAPPENS[what])
    assert {"run": result.status, **result.statuses()} == {name: cell.replace(" ", "_") for name, cell in row.items()}


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    folder = tmp_path_factory.mktemp("families")
    (folder / "steps.py").write_text(
        "def files() -> list[str]: return []\ndef check(x: str) -> str: return x\n"
        "def look(xs: list[str | None]) -> object: return xs\n"
    )
    (folder / "families.ppd").write_text(
        "from steps import check, files, look\n"
        "dag d {\n  task list_them = files()\n  task each[x in list_them] = check(x)\n"
        "  task after_all = look(each[*]) { trigger = all_done }\n}\n"
    )
    return load(folder / "families.ppd")


LISTS: dict[str, tuple[object, dict[str, object]]] = {
    '`["x", "y"]`, and all members succeed': (["x", "y"], {}),
    '`["x", "y"]`, and the second one fails': (["x", "y"], {"each[1]": fails("no")}),
    "`[]`": ([], {}),
    "`none`": (None, {}),
    '`"no list"`': ("no list", {}),
}


@pytest.mark.parametrize("row", by_first("Families made at run time"))
def test_a_family_ends_as_the_table_says(row: dict[str, str], families: Pipeline) -> None:
    found, stubs = LISTS[row["the list"]]
    result = families.run("d", tasks={"list_them": found, **stubs})
    assert result["each"].status == row["the family"]
    expected = row["who comes after it gets"].strip("`").replace("none", "None")
    assert repr(result["after_all"].args[0]).replace("'", '"') == expected


# --- attempts --------------------------------------------------------------------------------------------------------


def test_all_ways_in_which_an_attempt_can_end_are_told() -> None:
    told = rows("How an attempt ends")
    assert {row["kind"].strip("`") for row in told if row["kind"]} == {kind.value for kind in ErrorKind}
    assert {row["attempt"].replace(" ", "_") for row in told} == {s.value for s in AttemptStatus if s.terminal}
    never = {row["kind"].strip("`") for row in told if "never" in row["tried again"]}
    assert never == {kind.value for kind in FINAL_ERRORS} | {ErrorKind.CANCELLED.value}
    [lost] = [row for row in told if row["kind"] == "`lost`"]
    assert lost["tried again"].startswith(f"{spec.LOST_BUDGET} times")


# --- operations ------------------------------------------------------------------------------------------------------


def in_status(status: TaskStatus) -> Machine:
    """A run that goes on, whose task `a` is in the given status."""
    retries = 1 if status is TaskStatus.RETRYING else 0
    when = spec.Literal(status is not TaskStatus.SKIPPED, AT)
    plan = make_plan(
        make_task("first"),
        make_task("a", retries=retries, retry_delay=60, when=when),
        make_task("other"),
        edges=[("first", "a")],
    )
    machine = Machine(plan)
    machine.start()
    if status is TaskStatus.WAITING:
        return machine
    if status is TaskStatus.UPSTREAM_FAILED:
        machine.run("first", Outcome.FAILED)
        return machine
    machine.run("first")
    match status:
        case TaskStatus.RUNNING:
            machine.claim("a")
        case TaskStatus.RETRYING | TaskStatus.FAILED:
            machine.run("a", Outcome.FAILED)
        case TaskStatus.SUCCESS:
            machine.run("a")
        case TaskStatus.CANCELLED:
            machine.cancel_task("a")
    return machine


@pytest.mark.parametrize("row", by_first("What can be asked of a task"))
def test_what_can_be_asked_of_a_task(row: dict[str, str]) -> None:
    status = TaskStatus(row.pop("status").replace(" ", "_"))
    asks = {"cancel": Machine.cancel_task, "rerun": Machine.rerun, "mark": Machine.mark}
    found: dict[str, str] = {}
    for operation in row:
        machine = in_status(status)
        assert machine.status("a") is status
        try:
            found[operation] = "yes" if asks[operation](machine, "a") is not None else "no"
        except NotPossible:
            found[operation] = "no"
    assert found == row


def test_every_status_of_a_task_is_in_the_table() -> None:
    told = [row["status"].replace(" ", "_") for row in rows("What can be asked of a task")]
    assert sorted(told) == sorted(TaskStatus)


# --- due times -------------------------------------------------------------------------------------------------------


def at(clock: str) -> int:
    hour, _, minute = clock.partition(":")
    return round(datetime(2026, 5, 4, int(hour), int(minute), tzinfo=UTC).timestamp()) * SECOND


def times(cell: str) -> list[int]:
    return [] if cell == "–" else [at(clock) for clock in cell.split(", ")]


def hourly(**settings: object) -> spec.Dag:
    return spec.Dag("d", AT, (), schedules=(spec.Cron("0 * * * *", AT),), **settings)


def missed(world: Watching) -> list[int]:
    spans: Iterable[dict[str, int]] = world.of_kind(DagEventKind.DUE_MISSED)
    hour = 3600 * SECOND
    return [due for span in spans for due in range(span["from"], span["until"] + 1, hour)]


@pytest.mark.parametrize("way", ["down", "paused"])
@pytest.mark.parametrize("row", by_first("Due times"))
def test_what_was_missed_is_caught_up_as_the_table_says(row: dict[str, str], way: str) -> None:
    world = Watching(at("8:30"), hourly(catchup=spec.Catchup(row["`catchup`"].strip("`")), max_active_runs=9))
    world.start()
    if way == "down":
        world.crash()
        world.pass_time(4 * 3600)
        world.start()
    else:
        world.pause("d")
        world.pass_time(4 * 3600)
        world.resume("d")
    assert [run.scheduled_at for run in world.runs.values()] == times(row["runs are made for"])
    assert missed(world) == times(row["recorded as missed"])


@pytest.mark.parametrize("row", by_first("Due times", 1))
def test_runs_overlap_as_the_table_says(row: dict[str, str]) -> None:
    world = Watching(at("8:30"), hourly(overlap=spec.Overlap(row["`overlap`"].strip("`"))))
    world.start()
    world.pass_time(3600)
    [first] = world.runs.values()
    world.pass_time(3600)
    cancelled_first = world.runs[first.id].status is RunStatus.CANCELLED
    assert ("is cancelled" if cancelled_first else "goes on") == row["the run of 09:00"]
    later = [run for run in world.runs.values() if run.scheduled_at == at("10:00")]
    recorded = bool(world.of_kind(DagEventKind.DUE_SKIPPED))
    if later and later[0].status is RunStatus.QUEUED:
        found = "waits for it"
    elif later and cancelled_first:
        found = "starts when that has ended"
    else:
        found = "is not made; the dag's history tells" if recorded and not later else "?"
    assert found == row["the run of 10:00"]


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_what_is_kept_is_as_the_table_says() -> None:
    built_in = {"keep_days": KEPT.days, "keep_runs": KEPT.runs}
    built_in |= {"keep_logs_days": KEPT.logs_days, "keep_outputs_days": KEPT.outputs_days}
    told = {row["setting"].strip("`"): int(row["built-in"]) for row in rows("What is kept")}
    assert told == built_in
