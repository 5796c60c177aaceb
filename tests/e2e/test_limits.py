"""How much runs at once, in which order, where, and for how long: pools, priorities, limits of dags, labels, times."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from ppacer.web.messages import AttemptView, NotificationView, RunDetail
from tests.e2e.serving import (
    Serving,
    attempt_of,
    moment,
    most_at_once,
    serving,
    statuses,
    task_of,
)
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, World, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "limits.ppd", "--capacity", "20") as made:
        made.client.pause("late_by_schedule")
        yield made


@pytest.fixture(autouse=True)
def _gate_is_shut(module_world: World) -> None:
    (module_world.folder / "gate").unlink(missing_ok=True)


def attempts(*runs: RunDetail) -> list[AttemptView]:
    return [attempt for run in runs for task in run.tasks for attempt in task.attempts]


def told(served: Serving, run: RunDetail) -> tuple[NotificationView, ...]:
    return served.client.run_notifications(run.run.id).notifications


# --- pools and priorities --------------------------------------------------------------------------------------------


def test_a_pool_is_shared_by_all_dags(served: Serving) -> None:
    ids = [served.trigger(dag) for dag in ("left", "right")]
    runs = [served.ended(run) for run in ids]
    assert {run.run.status for run in runs} == {"success"}
    assert most_at_once(attempts(*runs)) == 2


def test_a_slot_is_held_while_a_task_runs_and_comes_back_however_it_ends(served: Serving) -> None:
    run = served.trigger("slots")
    served.until(run, "held", "running")
    (pool,) = [each for each in served.client.pools().pools if each.name == "single"]
    assert (pool.slots, pool.used, pool.waiting) == (1, 1, 2), "the second attempt at `fails` waits, and so does `last`"
    shown = served.call("pools")
    assert shown.returncode == 0
    assert "single" in shown.stdout
    assert [line.split() for line in shown.stdout.splitlines() if line.startswith("single")] == [
        ["single", "1", "1", "2"]
    ]
    served.client.cancel_task(run, "held")
    served.until(run, "last", "success")
    served.client.cancel_task(run, "waits")
    ended = served.ended(run)
    assert statuses(ended) == {
        "works": "success",
        "fails": "failed",
        "too_long": "failed",
        "waits": "cancelled",
        "held": "cancelled",
        "last": "success",
    }
    assert most_at_once(each for each in attempts(ended) if each.id != attempt_of(ended, "waits").id) == 1
    (pool,) = [each for each in served.client.pools().pools if each.name == "single"]
    assert (pool.used, pool.waiting) == (0, 0)


def test_what_waits_starts_by_priority_and_then_by_age(served: Serving) -> None:
    run = served.run("ranks")
    begun = sorted(run.tasks, key=lambda task: moment(task.started_at))
    assert [task.name for task in begun] == ["first", "high", "middle", "low", "lowest"]


# --- limits of a dag -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dag", "most"), [("one_by_one", 1), ("two_by_two", 2)])
def test_so_many_runs_of_a_dag_are_active_and_the_others_queue(served: Serving, dag: str, most: int) -> None:
    ids = [served.trigger(dag) for _ in range(4)]
    listed = {run.id: run.status for run in served.client.runs(dag=dag).runs}
    assert listed[ids[-1]] == "queued"
    served.world.open_gate()
    runs = [served.ended(run) for run in ids]
    assert {run.run.status for run in runs} == {"success"}
    assert most_at_once(run.run for run in runs) == most
    begun = [moment(run.run.started_at) for run in runs]
    assert begun == sorted(begun)


def test_so_many_tasks_of_a_dag_run_at_once_in_all_its_runs_together(served: Serving) -> None:
    ids = [served.trigger("few_tasks") for _ in range(3)]
    served.world.open_gate()
    runs = [served.ended(run) for run in ids]
    assert {run.run.status for run in runs} == {"success"}
    assert most_at_once(run.run for run in runs) == 3
    assert most_at_once(attempts(*runs)) == 2


# --- times -----------------------------------------------------------------------------------------------------------


def test_the_time_of_a_run_begins_when_it_starts_not_while_it_queues(served: Serving) -> None:
    # What the second one waits and takes is in all more than its time-out.
    first, second = (served.trigger("timed", seconds=seconds) for seconds in (60.0, 1.0))
    stopped, quick = served.ended(first), served.ended(second)
    assert (stopped.run.status, stopped.run.reason) == ("failed", "it ran longer than its run_timeout of 5s")
    assert task_of(stopped, "main").status == "cancelled"
    assert attempt_of(stopped, "main").status == "cancelled"
    assert 5.0 <= (moment(stopped.run.finished_at) - moment(stopped.run.started_at)).total_seconds() < 60
    assert quick.run.status == "success"
    assert moment(quick.run.started_at) >= moment(stopped.run.finished_at), "it queued until then"


def test_a_run_later_than_its_deadline_is_told_and_goes_on(served: Serving) -> None:
    run_id = served.trigger("late", waits=True)
    wait_until(lambda: served.client.run(run_id).run.late_at is not None, "the run to be late")
    served.world.open_gate()
    run = served.ended(run_id)
    assert run.run.status == "success"
    assert (moment(run.run.late_at) - moment(run.run.created_at)).total_seconds() >= 0.3
    assert moment(run.run.late_at) < moment(run.run.finished_at)
    assert "run_late" in [event.kind for event in served.client.run_events(run.run.id).events]
    assert [(each.event, each.task, each.notifier) for each in told(served, run)] == [
        ("late", None, "diary"),
        ("late", "main", "other"),
    ], "who is told of the run is not told of its task"
    wait_until(lambda: {each.status for each in told(served, run)} == {"sent"}, "the alerts to be sent")
    assert "alert: late is late: The run of dag late is late: it has not ended 0.3s after it was due" in served.log
    shown = served.call("runs", "late")
    (line,) = [line for line in shown.stdout.splitlines() if run.run.id in line]
    assert line.split()[-1] == "late"


def test_a_run_may_be_late_while_it_queues(served: Serving) -> None:
    first, second = (served.trigger("late", waits=waits) for waits in (True, False))
    wait_until(lambda: served.client.run(second).run.late_at is not None, "the second run to be late")
    assert served.client.run(second).run.status == "queued"
    served.client.cancel(first)
    late = served.ended(second)
    assert late.run.status == "success"
    assert [(each.task, each.notifier) for each in told(served, late)] == [(None, "diary"), ("main", "other")]


def test_a_run_that_ends_in_time_is_not_late(served: Serving) -> None:
    run = served.run("in_time")
    assert run.run.late_at is None
    assert told(served, run) == ()


def test_a_scheduled_run_is_late_by_the_time_it_was_planned_for(served: Serving) -> None:
    served.client.resume("late_by_schedule")
    try:
        wait_until(lambda: any(run.late_at for run in served.client.runs(dag="late_by_schedule").runs), "a late run")
    finally:
        served.client.pause("late_by_schedule")
    (run, *_) = [run for run in served.client.runs(dag="late_by_schedule").runs if run.late_at]
    assert run.kind == "scheduled"
    assert 0.2 <= (moment(run.late_at) - moment(run.scheduled_at)).total_seconds() < 60


def test_the_time_out_of_a_task_wherever_it_runs(served: Serving) -> None:
    run = served.run("time_outs")
    assert statuses(run) == {
        "in_process": "failed",
        "in_thread": "failed",
        "in_loop": "failed",
        "waiting": "failed",
        "in_shell": "failed",
        "next": "success",
    }
    tried = {task.name: [each.status for each in task.attempts] for task in run.tasks}
    assert tried == {
        "in_process": ["timed_out", "timed_out"],
        "in_thread": ["timed_out"],
        "in_loop": ["timed_out"],
        "waiting": ["timed_out"],
        "in_shell": ["timed_out"],
        "next": ["success"],
    }
    for attempt in attempts(run):
        if attempt.status == "timed_out":
            assert 0.2 <= (moment(attempt.finished_at) - moment(attempt.started_at)).total_seconds() < 60
            assert "longer than its time-out of 0.2" in (attempt.error or "")


# --- labels ----------------------------------------------------------------------------------------------------------


def test_only_executors_with_its_labels_take_a_task(world: World) -> None:
    with serving(world, PIPELINES / "limits.ppd", "scheduler") as served:
        served.client.pause("late_by_schedule")

        def join(*arguments: str) -> None:
            world.start(served.program, "executor", "--scheduler", served.url, *arguments)

        following = world.start(served.program, "run", "labelled")
        for task, missing in {
            "anywhere": "an executor",
            "on_gpu": "an executor with the label gpu",
            "on_both": "an executor with the labels gpu, big",
        }.items():
            told = re.compile(rf"^◌ {task} +waits for {missing}$", re.MULTILINE)
            wait_until(lambda told=told: told.search(following.text) is not None, f"what {task} waits for")
        run = served.client.runs(dag="labelled").runs[0].id
        assert served.client.task(run, "on_gpu").waits_for == "an executor with the label gpu"
        join("--name", "plain")
        served.until(run, "anywhere", "success")
        join("--name", "one", "--label", "gpu")
        served.until(run, "on_gpu", "success")
        both = served.client.task(run, "on_both")
        assert (both.status, both.waits_for) == ("queued", "an executor with the labels gpu, big")
        join("--name", "two", "--label", "big", "--label", "gpu")
        ended = served.ended(run)
        assert ended.run.status == "success"
        assert {task.name: attempt_of(ended, task.name).executor for task in ended.tasks} == {
            "anywhere": "plain",
            "on_gpu": "one",
            "on_both": "two",
        }
        labels = {each.name: each.labels for each in served.client.executors().executors}
        assert labels == {"plain": (), "one": ("gpu",), "two": ("big", "gpu")}
        assert following.popen.wait(PATIENCE_SECONDS) == 0
        for process in world.processes[2:]:
            assert process.terminate() == 0
