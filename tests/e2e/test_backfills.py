"""Backfills, as they are asked for: how far they go, how they are bounded, and how they end."""

from __future__ import annotations

import getpass
import signal
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ppacer.client import RefusedError
from ppacer.web.messages import RunView
from tests.e2e.decided import SECOND, events_of, runs_of
from tests.e2e.running import running
from tests.e2e.serving import Serving, moment
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, World, wait_until

pytestmark = pytest.mark.slow

WARSAW = ZoneInfo("Europe/Warsaw")
ME = getpass.getuser()


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with running(module_world, module_world.build(PIPELINES / "backfills.ppd")) as made:
        yield made
        assert "Traceback" not in made.log


def due(day: str) -> datetime:
    """The due time of that day in Warsaw."""
    return datetime.combine(date.fromisoformat(day), time(2, 30), WARSAW).astimezone(UTC)


def by_due_time(runs: list[RunView]) -> list[RunView]:
    return sorted(runs, key=lambda run: run.scheduled_at)


def most_at_once(runs: list[RunView]) -> int:
    begins = [moment(run.started_at) for run in runs]
    return max(sum(moment(run.started_at) <= at < moment(run.finished_at) for run in runs) for at in begins)


def test_each_due_time_of_a_range_gets_a_run_few_of_them_at_once(served: Serving) -> None:
    """From the first day to before the last, here through the end of summer time."""
    done = served.call("backfill", "daily", "--from", "2026-10-23", "--until", "2026-10-28", "--parallel", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("✔ backfill of daily done: 5 of 5 runs done\n")
    assert done.stdout.count("success") == 5

    days = [f"2026-10-{day}" for day in range(23, 28)]
    runs = by_due_time(runs_of(served.client, "daily", "backfill"))
    assert [moment(run.scheduled_at) for run in runs] == [due(day) for day in days]
    assert {(run.status, run.actor) for run in runs} == {("success", ME)}
    assert [run.created_at for run in runs] == sorted(run.created_at for run in runs), "the oldest first"
    assert [moment(run.previous_at) for run in runs] == [due("2026-10-22"), *map(due, days[:-1])]
    outputs = [served.client.task(run.id, "day").output for run in runs]
    assert outputs[2] == "2026-10-25, before it 2026-10-24T02:30:00+02:00"
    assert most_at_once(runs) == 2

    (view,) = served.client.backfills(dag="daily").backfills
    assert (view.status, view.actor, view.parallel) == ("done", ME, 2)
    assert (view.total, view.made, view.passed_over) == (5, 5, 0)
    assert (view.active, view.succeeded, view.failed) == (0, 5, 0)
    assert {run.backfill for run in runs} == {view.id}
    kinds = [(event.kind, event.actor, event.payload["id"]) for event in events_of(served.client, "daily")[1:]]
    assert kinds == [("backfill_started", ME, view.id), ("backfill_finished", "scheduler", view.id)]
    told = served.call("history", "daily").stdout
    assert f"backfill started   by {ME}" in told
    assert "total 5, parallel 2" in told


def test_due_times_that_have_a_run_are_passed_over(served: Serving) -> None:
    served.call("backfill", "daily", "--from", "2026-09-03", "--until", "2026-09-05")
    done = served.call("backfill", "daily", "--from", "2026-09-01", "--until", "2026-09-07", "-p", "bad=2026-09-02")
    assert done.returncode == 1, "a run of it failed"
    assert done.stdout.endswith("✖ backfill of daily done: 4 of 4 runs done, 1 of them failed; 2 due times had a run\n")
    runs = [run for run in runs_of(served.client, "daily", "backfill") if run.scheduled_at.startswith("2026-09")]
    assert [(moment(run.scheduled_at).day, run.status) for run in by_due_time(runs)] == [
        (1, "success"),
        (2, "failed"),
        *((day, "success") for day in range(3, 7)),
    ]


def test_a_backfill_leaves_alone_what_the_schedule_has_made(served: Serving) -> None:
    wait_until(lambda: len(runs_of(served.client, "often", "scheduled")) >= 2, "two scheduled runs")
    until = datetime.now(UTC).replace(microsecond=0)
    made = served.client.start_backfill("often", (until - 20 * SECOND).isoformat(), until.isoformat(), parallel=8)
    wait_until(lambda: served.client.backfill(made.id).status == "done", "the end of the backfill")
    view = served.client.backfill(made.id)
    assert (view.total, view.made + view.passed_over) == (20, 20)
    assert view.passed_over >= 1
    times = sorted(moment(run.scheduled_at) for run in runs_of(served.client, "often"))
    assert [each for each in times if until - 20 * SECOND <= each < until] == [
        until - n * SECOND for n in range(20, 0, -1)
    ]


def test_a_dag_has_no_more_active_runs_than_it_may_have(served: Serving) -> None:
    done = served.call("backfill", "one_by_one", "--from", "2026-10-01", "--until", "2026-10-05", "--parallel", "4")
    assert done.returncode == 0
    runs = runs_of(served.client, "one_by_one")
    assert (len(runs), most_at_once(runs)) == (4, 1)


def test_a_backfill_that_is_cancelled_makes_no_more_runs_and_ends_those_under_way(served: Serving) -> None:
    client = served.client
    until = ("--until", "2026-10-06")
    begun = served.call("backfill", "held", "--from", "2026-10-01", *until, "--parallel", "2", "--no-follow")
    assert begun.returncode == 0
    assert "5 due times, 2026-10-01 00:00 to 2026-10-06 00:00, 2 at once" in begun.stdout
    (view,) = client.backfills(dag="held").backfills
    wait_until(lambda: len(client.runs(dag="held", statuses=["running"]).runs) == 2, "two runs to be under way")
    view = client.backfill(view.id)
    assert (view.status, view.total, view.made, view.active) == ("running", 5, 2, 2)
    (line,) = [line for line in served.call("backfill", "--list").stdout.splitlines() if view.id in line]
    assert "● running" in line
    assert "0 of 5 runs done" in line

    with pytest.raises(RefusedError, match=f"backfill {view.id} of dag held is at work from 2026-10-01"):
        client.start_backfill("held", "2026-10-05", "2026-10-09")

    said = served.call("backfill", "--cancel", view.id[-12:])
    assert said.stdout == f"backfill {view.id} of held is cancelled: 0 of 5 runs done\n"
    for run in client.runs(backfill=view.id).runs:
        assert served.ended(run.id).run.status == "cancelled"
    assert len(runs_of(client, "held")) == 2
    last = events_of(client, "held")[-1]
    assert (last.kind, last.actor, last.payload["made"]) == ("backfill_cancelled", ME, 2)
    again = served.call("backfill", "--cancel", view.id)
    assert (again.returncode, again.stderr) == (1, f"error: backfill {view.id} has ended already: cancelled\n")


def test_ctrl_c_cancels_the_backfill_that_is_followed(served: Serving) -> None:
    span = ("--from", "2026-11-01", "--until", "2026-11-04")
    following = served.world.start(served.program, "backfill", "held", *span)
    wait_until(lambda: bool(served.client.runs(dag="held", statuses=["running"]).runs), "a run to be under way")
    following.popen.send_signal(signal.SIGINT)
    assert following.popen.wait(PATIENCE_SECONDS) == 1
    assert "cancelling the backfill; once more to leave it alone\n" in following.text
    assert following.text.endswith("■ backfill of held cancelled: 1 of 3 runs done, 1 of them failed\n")
    assert {run.status for run in runs_of(served.client, "held")} == {"cancelled"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("by_hand --from 2026-10-01 --until 2026-10-02", "by_hand has no schedule, so no due times"),
        ("daily --from 2026-10-02 --until 2026-10-02", "--until 2026-10-02 is not after --from 2026-10-02"),
        ("daily --from 2126-10-01 --until 2126-10-05", "no due time of dag daily in that range has passed"),
        ("daily --from 2026-01-01 --until 2026-01-02 -p bad=x", "parameter bad of dag daily takes a date"),
    ],
)
def test_what_cannot_be_backfilled_is_told(served: Serving, asked: str, said: str) -> None:
    done = served.call("backfill", *asked.split())
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_backfill_goes_on_at_the_next_start_whatever_ended_the_last(world: World) -> None:
    """It is asked for while nothing serves, and the program that makes its runs is killed in the middle."""
    program = world.build(PIPELINES / "backfills.ppd")
    span = ("--from", "2026-10-01", "--until", "2026-10-07")
    begun = world.call(program, "backfill", "gated", *span, "--parallel", "2", "--no-follow")
    assert begun.returncode == 0
    assert begun.stdout.endswith("nothing serves this program now: it goes on at its next start\n")
    with running(world, program) as first:
        wait_until(lambda: ended(first) >= 2, "two runs to end")
        first.process.kill()
    with running(world, program) as second:
        (view,) = second.client.backfills().backfills
        assert view.made < 6, "it was in the middle"
        world.open_gate()
        wait_until(lambda: second.client.backfill(view.id).status == "done", "the end of the backfill")
        view = second.client.backfill(view.id)
        assert (view.total, view.made, view.passed_over, view.succeeded, view.failed) == (6, 6, 0, 6, 0)
        times = [moment(run.scheduled_at) for run in by_due_time(runs_of(second.client, "gated", "backfill"))]
        assert times == [due(f"2026-10-0{day}") for day in range(1, 7)]
        assert second.process.terminate() == 0
    assert listed(world, program) == ["✔ done", "gated"]


def ended(served: Serving) -> int:
    return len(served.client.runs(dag="gated", statuses=["success"]).runs)


def listed(world: World, program: Path) -> list[str]:
    """Status and dag of the one backfill there is, where nothing serves."""
    _, line = world.call(program, "backfill", "--list").stdout.splitlines()
    return [part.strip() for part in line.split("  ") if part][:2]
