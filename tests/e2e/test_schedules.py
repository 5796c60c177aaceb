"""Schedules as a program that serves keeps them: overlaps, unions, such as are written in Python, clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ppacer.web.dag_messages import DagView
from tests.e2e.decided import RUN, SECOND, SKIPPED, decided, events_of, runs_of, without_gaps
from tests.e2e.running import running
from tests.e2e.serving import Serving, moment
from tests.e2e.world import PIPELINES, World, wait_until

pytestmark = pytest.mark.slow

WARSAW = ZoneInfo("Europe/Warsaw")
DAYS = 400


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    program = module_world.build(PIPELINES / "schedules.ppd")
    with running(module_world, program, "--drain", "1") as made:
        yield made


def stop(served: Serving, dag: str) -> None:
    """Pauses the dag and ends its runs."""
    served.client.pause(dag)
    for run in served.client.runs(dag=dag, statuses=["queued", "running"], limit=100).runs:
        served.client.cancel(run.id)
        served.ended(run.id)


def view(served: Serving, dag: str) -> DagView:
    return served.client.dag(dag).dag


# --- overlap ---------------------------------------------------------------------------------------------------------


def test_a_run_that_is_due_while_another_is_active_waits_for_its_turn(served: Serving) -> None:
    wait_until(lambda: view(served, "waiting").queued_runs >= 2, "two runs that wait")
    served.client.pause("waiting")
    first, second, *others = runs_of(served.client, "waiting")
    assert [run.status for run in (first, second, *others)] == ["running", "queued"] + ["queued"] * len(others)
    served.client.cancel(first.id)
    served.ended(first.id)
    served.until(second.id, "t", "running")
    assert {run.status for run in runs_of(served.client, "waiting")[2:]} == {"queued"}
    stop(served, "waiting")
    found = decided(served.client, "waiting")
    assert without_gaps(found)
    assert set(found.values()) == {RUN}


def test_a_run_that_is_due_while_another_is_active_is_left_out_and_recorded(served: Serving) -> None:
    wait_until(lambda: len(events_of(served.client, "skipping", "due_skipped")) >= 2, "two due times to be skipped")
    (active,) = runs_of(served.client, "skipping")
    served.client.cancel(active.id)
    wait_until(lambda: len(runs_of(served.client, "skipping")) == 2, "the next run, when there is room")
    stop(served, "skipping")
    found = decided(served.client, "skipping")
    assert without_gaps(found)
    skipped = events_of(served.client, "skipping", "due_skipped")
    assert {(event.actor, event.payload["reason"]) for event in skipped} == {("schedule", "another run was active")}
    first, *rest = found.values()
    assert first == RUN
    assert rest[: rest.index(RUN)] == [SKIPPED] * rest.index(RUN)
    told = [line for line in served.call("history", "skipping").stdout.splitlines() if "due skipped" in line]
    assert len(told) == len(skipped)
    assert "reason another run was active" in told[0]


def test_a_run_that_is_due_takes_the_place_of_the_one_that_is_active(served: Serving) -> None:
    def ended() -> int:
        return len(served.client.runs(dag="replacing", statuses=["cancelled"]).runs)

    wait_until(lambda: ended() >= 2, "two runs to be cancelled")
    served.client.pause("replacing")
    *replaced, last = runs_of(served.client, "replacing")
    served.until(last.id, "t", "running")
    for run in replaced:
        detail = served.ended(run.id)
        assert detail.run.status == "cancelled"
        (asked,) = [event for event in served.client.run_events(run.id).events if event.kind == "cancel_requested"]
        assert asked.actor == "schedule"
    stop(served, "replacing")
    found = decided(served.client, "replacing")
    assert without_gaps(found)
    assert set(found.values()) == {RUN}


# --- several, and such as are written in Python ----------------------------------------------------------------------


def test_several_schedules_are_due_whenever_one_of_them_is_and_once_where_both_are(served: Serving) -> None:
    wait_until(lambda: len(runs_of(served.client, "both")) >= 5, "five runs")
    served.client.pause("both")
    assert view(served, "both").schedules == ("every 1s", "every 500ms")
    times = [moment(run.scheduled_at) for run in runs_of(served.client, "both")]
    assert {after - before for before, after in pairwise(times)} == {SECOND / 2}
    assert {time.microsecond for time in times} == {0, 500_000}


@pytest.mark.parametrize(("dag", "rest"), [("odd", 1), ("even", 0)])
def test_a_schedule_may_be_a_class_or_an_object_of_ones_own(served: Serving, dag: str, rest: int) -> None:
    """What they give is on the wall clock of the dag's zone, here with five hours and 45 minutes of offset."""
    wait_until(lambda: len(runs_of(served.client, dag)) >= 2, "two runs")
    runs = runs_of(served.client, dag)
    times = [moment(run.scheduled_at) for run in runs]
    assert {time.second % 2 for time in times} == {rest}
    assert {after - before for before, after in pairwise(times)} == {2 * SECOND}
    assert all(moment(run.created_at) - moment(run.scheduled_at) < 60 * SECOND for run in runs)
    assert moment(runs[1].previous_at) == times[0]
    assert view(served, dag).schedules[0] == f"{dag} seconds"
    assert f"{dag} seconds" in next(line for line in served.call("list").stdout.splitlines() if line.startswith(dag))
    shown = served.call("next", dag, "-n", "3").stdout.splitlines()[1:]
    assert [int(line.split()[2].split(":")[2]) % 2 for line in shown] == [rest] * 3


@pytest.mark.parametrize(
    ("dag", "problem"),
    [
        ("raises", "the schedule calendars:Raises does not answer: LookupError: there is no calendar for this year"),
        ("stands", "the schedule calendars:Stands does not go on: next("),
        ("hangs", "the schedule calendars:Hangs does not answer: it took longer than 10 s"),
    ],
)
def test_a_schedule_that_does_not_work_is_its_own_dags_problem(served: Serving, dag: str, problem: str) -> None:
    before = len(runs_of(served.client, "odd"))
    wait_until(lambda: view(served, dag).problem is not None, "the problem to be told")
    told = view(served, dag)
    assert (told.problem or "").startswith(problem)
    assert told.next_run_at is None
    assert problem in next(line for line in served.call("list").stdout.splitlines() if line.startswith(dag))
    assert f"error: dag {dag} (schedules.ppd:" in served.log
    wait_until(lambda: len(runs_of(served.client, "odd")) > before, "another dag to go on")
    assert served.run(dag).run.status == "success", "it can still be triggered"


def test_the_log_tells_where_a_schedule_raised(served: Serving) -> None:
    wait_until(lambda: "LookupError" in served.log, "the traceback in the log")
    assert 'calendars.py", line ' in served.log
    asked = served.call("next", "raises")
    assert (asked.returncode, asked.stderr) == (1, f"error: {view(served, 'raises').problem}\n")


# --- changes of the clock --------------------------------------------------------------------------------------------


def wall_times(day: date, dst: str) -> list[str]:
    """What 02:30 comes to on a day in Warsaw, by the table of docs/language.md."""
    first = datetime(day.year, day.month, day.day, 2, 30, tzinfo=WARSAW)
    second = first.replace(fold=1)
    shown = "%a %Y-%m-%d %H:%M:%S %Z"
    change = (second.utcoffset() or timedelta()) - (first.utcoffset() or timedelta())
    if change > timedelta():
        return [f"{first.replace(hour=3, minute=0):{shown}}"] if dst == "once" else []
    if change < timedelta() and dst == "twice":
        return [f"{first:{shown}}", f"{second:{shown}}"]
    return [f"{first:{shown}}"]


@pytest.mark.parametrize(("dag", "dst"), [("wall", "once"), ("wall_skip", "skip"), ("wall_twice", "twice")])
def test_next_keeps_to_the_wall_clock_through_the_changes_of_a_year(served: Serving, dag: str, dst: str) -> None:
    told = [line.split("  ")[0] for line in served.call("next", dag, "-n", str(DAYS)).stdout.splitlines()[1:]]
    first = date.fromisoformat(told[0].split()[1])
    expected = [time for n in range(DAYS + 2) for time in wall_times(first + timedelta(days=n), dst)]
    assert told == expected[:DAYS]
    odd = [time for time in told if " 02:30:00 " not in time]
    assert len(odd) in ((1, 2) if dst == "once" else (0,)), "each spring has its gap"
    assert len({time.split()[1] for time in told}) == (DAYS if dst != "twice" else DAYS - 1)
