"""Due times that pass while the program is down, or while their dag is paused: run, or recorded as missed."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from tests.e2e.decided import MISSED, RUN, SECOND, at, decided, events_of, runs_of, without_gaps
from tests.e2e.running import running
from tests.e2e.serving import Serving, moment
from tests.e2e.world import PIPELINES, World, wait_until

pytestmark = pytest.mark.slow

DAGS = ("passed_over", "last_one", "each_one")


def now() -> datetime:
    return datetime.now(UTC)


def until_run_after(served: Serving, moment_: datetime, *dags: str) -> None:
    """Waits until each of the dags has a run for a due time after that moment, and ended."""

    def has_one(dag: str) -> bool:
        runs = served.client.runs(dag=dag, kinds=["scheduled"], statuses=["success"], limit=1).runs
        return bool(runs) and moment(runs[0].scheduled_at) > moment_

    for dag in dags:
        wait_until(lambda dag=dag: has_one(dag), f"a run of {dag} after {moment_}")


def test_what_was_due_while_the_program_was_down(world: World) -> None:
    program = world.build(PIPELINES / "catchup.ppd")
    with running(world, program) as served:
        until_run_after(served, now(), *DAGS)
        served.process.kill()
    down = now()
    wait_until(lambda: now() > down + 3 * SECOND, "three due times to pass")
    up = now()
    with running(world, program) as served:
        until_run_after(served, now(), *DAGS)
        for dag in DAGS:
            served.client.pause(dag)
        found = {dag: decided(served.client, dag) for dag in DAGS}
        missed = {dag: {due for due, what in found[dag].items() if what == MISSED} for dag in DAGS}
        for dag in DAGS:
            assert without_gaps(found[dag])
            assert len([due for due in found[dag] if down < due < up]) >= 3

        # The program's new start parts what was missed from what was waited for, and is the same for all three.
        last = max(missed["passed_over"])
        assert last >= up - SECOND
        assert max(missed["last_one"]) == last - SECOND
        assert found["last_one"][last] == RUN
        for dag in ("passed_over", "last_one"):
            first = min(missed[dag])
            (last_before,) = [
                run for run in runs_of(served.client, dag, "scheduled") if moment(run.scheduled_at) == first - SECOND
            ]
            assert moment(last_before.created_at) < down < first + SECOND, "before that none was missed"
            assert missed[dag] == {due for due in found[dag] if first <= due <= max(missed[dag])}
        assert missed["each_one"] == set()

        made_up = [run for run in runs_of(served.client, "each_one", "scheduled") if moment(run.scheduled_at) > down]
        times = [moment(run.scheduled_at) for run in made_up]
        assert times == sorted(times), "one after the other, oldest first"
        for before, run in pairwise(made_up):
            assert moment(run.previous_at) == moment(before.scheduled_at)
            assert moment(run.started_at) >= moment(before.finished_at), "one at a time"

        told = served.call("history", "passed_over").stdout
        (line,) = [line for line in told.splitlines() if "due missed" in line]
        assert "by schedule" in line
        assert f"count {len(missed['passed_over'])}" in line


def test_a_new_dag_is_caught_up_from_its_start_to_before_its_end(world: World) -> None:
    start = now().replace(microsecond=0) - 8 * SECOND
    program = build_with(world, start, start + 4 * SECOND)
    with running(world, program) as served:
        wait_until(lambda: len(runs_of(served.client, "from_its_start")) == 4, "the runs of the range")
        runs = runs_of(served.client, "from_its_start")
        assert [moment(run.scheduled_at) for run in runs] == [start + n * SECOND for n in range(4)]
        assert {run.kind for run in runs} == {"scheduled"}
        assert served.client.dag("from_its_start").next_runs == ()
        over = served.call("next", "from_its_start")
        assert over.returncode == 1
        assert over.stderr == "error: from_its_start is never due again: its `end` has passed\n"


def test_a_dag_that_has_not_started_waits_for_its_start(world: World) -> None:
    start = now().replace(microsecond=0) + timedelta(days=1000)
    program = build_with(world, start, start + 2 * SECOND)
    shown = world.call(program, "next", "from_its_start", "-n", "9").stdout.splitlines()
    assert [line.split("  ")[0].split(maxsplit=1)[1] for line in shown[1:]] == [
        f"{start + n * SECOND:%Y-%m-%d %H:%M:%S} UTC" for n in (0, 1)
    ]


def build_with(world: World, start: datetime, end: datetime) -> Path:
    """The pipeline with another start and end of the dag that has them."""
    source = (PIPELINES / "catchup.ppd").read_text(encoding="utf-8")
    source = source.replace("2026-01-01T00:00:00", f"{start:%Y-%m-%dT%H:%M:%S}")
    source = source.replace("2026-01-01T00:00:04", f"{end:%Y-%m-%dT%H:%M:%S}")
    file = world.folder / "catchup.ppd"
    file.write_text(source, encoding="utf-8")
    done = world.ppc("build", file)
    assert done.returncode == 0, done.stderr
    return world.folder / "catchup.py"


def test_a_paused_dag_makes_no_scheduled_runs_also_after_a_restart(world: World) -> None:
    me = getpass.getuser()
    program = world.build(PIPELINES / "catchup.ppd")
    with running(world, program) as served:
        until_run_after(served, now(), *DAGS)
        said = served.call("pause", "each_one", "--reason", "the source is away")
        assert said.stdout.startswith("each_one is paused: no scheduled runs until `resume`")
        served.client.pause("last_one", reason="it too")
    assert world.call(program, "pause", "passed_over").returncode == 0, "no program serves now"
    paused = now()
    with running(world, program) as served:
        assert {dag.id for dag in served.client.dags().dags if dag.paused} == set(DAGS)
        listed = served.call("list").stdout
        assert [line.split()[0] for line in listed.splitlines() if "paused" in line] == list(DAGS)
        assert served.run("each_one").run.status == "success", "it can still be triggered"
        wait_until(lambda: now() > paused + 3 * SECOND, "three due times to pass")
        for dag in DAGS:
            assert not [run for run in runs_of(served.client, dag, "scheduled") if moment(run.scheduled_at) > paused]

        resumed = now()
        said = served.call("resume", "each_one")
        assert "each_one is not paused" in said.stdout
        for dag in ("passed_over", "last_one"):
            served.client.resume(dag)
        until_run_after(served, now(), *DAGS)
        for dag in DAGS:
            served.client.pause(dag)
            found = decided(served.client, dag)
            assert without_gaps(found)
            meanwhile = [what for due, what in found.items() if paused < due < resumed - SECOND]
            assert len(meanwhile) >= 2
            assert set(meanwhile) == {RUN if dag == "each_one" else MISSED}
        (event,) = events_of(served.client, "last_one", "due_missed")
        assert decided(served.client, "last_one")[at(event.payload["until"]) + SECOND] == RUN

        kinds = {dag: [(event.kind, event.actor) for event in events_of(served.client, dag)] for dag in DAGS}
        assert kinds["each_one"] == [("added", "build"), ("paused", me), ("resumed", me), ("paused", "local")]
        assert kinds["passed_over"][:4] == [
            ("added", "build"),
            ("paused", me),
            ("resumed", "local"),
            ("due_missed", "schedule"),
        ]
        told = served.call("history", "each_one").stdout
        assert f"paused   by {me}" in told
        assert "reason the source is away" in told
