"""The end-to-end scenarios of the seed system, each by its name there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from ppacer.web.dag_messages import VersionList
from ppacer.web.messages import AttemptView, Json, RunDetail
from tests.e2e.serving import Serving, attempt_of, moment, most_at_once, serving, started, statuses, task_of
from tests.e2e.world import PIPELINES, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "seed.ppd", "--capacity", "12") as made:
        yield made


def attempts(detail: RunDetail) -> list[AttemptView]:
    return [attempt for task in detail.tasks for attempt in task.attempts]


def told(served: Serving, run_id: str) -> list[dict[str, Json]]:
    """What the notifier of the pipeline was given for a run, when all has been sent."""
    wait_until(
        lambda: all(each.status == "sent" for each in served.client.run_notifications(run_id).notifications),
        "the notifications to be sent",
    )
    lines = (served.program.parent / "told.jsonl").read_text(encoding="utf-8").splitlines()
    return [message for message in map(json.loads, lines) if message["run"] == run_id]


def test_empty_tasks(served: Serving) -> None:
    run = served.run("empty_tasks")
    assert (run.run.status, statuses(run)) == ("success", {"start": "success", "end": "success"})


def test_linked_list(served: Serving) -> None:
    run = served.run("linked_list")
    assert statuses(run) == dict.fromkeys("abcd", "success")
    for before, after in pairwise("abcd"):
        assert moment(task_of(run, before).finished_at) <= moment(task_of(run, after).started_at)


def test_logs_are_kept_with_their_attempt(served: Serving) -> None:
    run = served.run("linked_list").run.id
    assert [served.said(run, task) for task in "abcd"] == [[f"{word} in linked_list"] for word in "abcd"]
    (entry,) = served.client.logs(run, "a").entries
    assert (entry.level, entry.logger, entry.stream) == (20, "task", "logging")


def test_wait_tasks(served: Serving) -> None:
    run = served.run("wait_tasks")
    assert run.run.status == "success"
    waits = [attempt_of(run, f"{kind}[{n}]") for kind in ("waits", "sleeps") for n in (1, 2, 3)]
    assert most_at_once(waits) == 6
    for each in waits:
        assert moment(each.finished_at) - moment(each.started_at) >= timedelta(seconds=3)
    assert moment(task_of(run, "end").started_at) >= max(moment(each.finished_at) for each in waits)


def test_error_task(served: Serving) -> None:
    run = served.run("error_task")
    assert run.run.status == "failed"
    assert statuses(run) == {"start": "success", "error": "failed", "end": "upstream_failed"}
    error = attempt_of(run, "error").error or ""
    assert error.splitlines()[-2:] == [
        "RuntimeError: attempt 1 of error fails",
        "task error of dag error_task (seed.ppd:32)",
    ]


def test_error_task_with_a_custom_notifier(served: Serving) -> None:
    run = served.run("custom_notifier")
    assert statuses(run) == {"start": "success", "error": "failed", "end": "success"}
    failure, success = sorted(told(served, run.run.id), key=lambda message: str(message["event"]))
    assert failure == {
        "subject": "custom_notifier: error failed",
        "text": failure["text"],
        "event": "failure",
        "dag": "custom_notifier",
        "run": run.run.id,
        "task": "error",
        "attempt": 1,
        "error": "RuntimeError: attempt 1 of error fails",
    }
    assert failure["text"].splitlines()[0] == (
        "The task error of dag custom_notifier, attempt 1, failed: RuntimeError: attempt 1 of error fails"
    )
    assert (success["event"], success["task"]) == ("success", "end")


def test_run_time_error(served: Serving) -> None:
    run = served.run("run_time_error")
    assert statuses(run) == {
        "start": "success",
        "error": "failed",
        "crash": "failed",
        "end": "upstream_failed",
        "other": "success",
    }
    error = attempt_of(run, "error")
    assert error.error_kind == "exception"
    assert "IndexError: list index out of range" in (error.error or "")
    crash = attempt_of(run, "crash")
    assert crash.error_kind == "killed"
    assert (crash.error or "").startswith("the worker process was killed by SIGKILL")


def test_two_runs_at_one_time(served: Serving) -> None:
    first, second = served.trigger("two_runs"), served.trigger("two_runs")
    for run in (first, second):
        served.until(run, "both", "running")
    served.world.open_gate()
    ended = [served.ended(run) for run in (first, second)]
    assert [run.run.status for run in ended] == ["success", "success"]


def test_retries_with_a_delay_and_alerts(served: Serving) -> None:
    run = served.run("retries")
    once = task_of(run, "once")
    assert [each.status for each in once.attempts] == ["failed", "failed", "success"]
    assert once.output == 3
    for before, after in pairwise(once.attempts):
        assert moment(after.created_at) - moment(before.finished_at) >= timedelta(seconds=0.1)
    assert task_of(run, "end").status == "success"
    messages = [each for each in told(served, run.run.id) if each["task"] == "once"]
    assert [(each["event"], each["attempt"]) for each in messages] == [("retry", 1), ("retry", 2)]
    assert "attempt 1, failed, to be tried again in " in messages[0]["text"]


def test_zero_retries(served: Serving) -> None:
    run = served.run("retries")
    zero = task_of(run, "zero")
    assert (zero.status, [each.status for each in zero.attempts]) == ("failed", ["failed"])
    messages = [each for each in told(served, run.run.id) if each["task"] == "zero"]
    assert [(each["event"], each["attempt"]) for each in messages] == [("failure", 1)]


def test_failure_after_retries(served: Serving) -> None:
    run = served.run("retries")
    assert run.run.status == "failed"
    never = task_of(run, "never")
    assert (never.status, [each.status for each in never.attempts]) == ("failed", ["failed", "failed"])
    messages = [each for each in told(served, run.run.id) if each["task"] == "never"]
    assert [each["text"] for each in messages] == ["retry of never, attempt 1", "failure of never, attempt 2"]
    for number in (1, 2):
        shown = served.call("logs", run.run.id, "never", "--attempt", str(number))
        assert f"RuntimeError: attempt {number} of never fails" in shown.stdout


def test_parallel_retries(served: Serving) -> None:
    run = served.run("parallel_retries")
    assert run.run.status == "success"
    tried = [[each.status for each in task_of(run, f"each[{n}]").attempts] for n in range(1, 7)]
    assert tried == [["failed", "failed", "success"]] * 6
    spans = [[moment(each.started_at) for each in task_of(run, f"each[{n}]").attempts] for n in range(1, 7)]
    one_by_one = sum((last - first for first, *_, last in spans), timedelta())
    assert max(last for *_, last in spans) - min(first for first, *_ in spans) < one_by_one


def test_one_and_many_time_outs(served: Serving) -> None:
    run = served.run("time_outs")
    held = ["one", *(f"many[{n}]" for n in range(1, 5))]
    assert statuses(run) == {**dict.fromkeys(held, "failed"), "end": "success"}
    assert {attempt_of(run, name).status for name in held} == {"timed_out"}
    assert most_at_once(attempt_of(run, name) for name in held) == 5


def test_trigger_of_a_dag_without_a_schedule(served: Serving) -> None:
    done = served.call("trigger", "triggered", "-p", "word=ahoy", "--key", "once")
    assert done.returncode == 0, done.stderr
    again = served.call("trigger", "triggered", "-p", "word=ahoy", "--key", "once")
    assert again.returncode == 0, again.stderr
    (run,) = served.client.runs(dag="triggered").runs
    assert run.id in done.stdout
    assert run.id in again.stdout
    ended = served.ended(run.id)
    assert (ended.run.status, ended.run.kind) == ("success", "manual")
    assert served.said(run.id, "only") == ["ahoy in triggered"]


def test_restart_of_a_whole_run(served: Serving) -> None:
    run = served.run("restarted")
    assert statuses(run) == {"first": "success", "needs": "failed", "last": "upstream_failed", "other": "success"}
    (served.program.parent / "needed.txt").write_text("here", encoding="utf-8")
    done = served.call("restart", run.run.id)
    assert done.returncode == 0, done.stderr
    again = served.ended(run.run.id)
    assert (again.run.status, again.run.epoch) == ("success", 2)
    assert {task.name: [(each.epoch, each.status) for each in task.attempts] for task in again.tasks} == {
        "first": [(1, "success")],
        "needs": [(1, "failed"), (2, "success")],
        "last": [(2, "success")],
        "other": [(1, "success")],
    }
    assert served.call("rerun", run.run.id, "first").returncode == 0
    whole = served.ended(run.run.id)
    assert (whole.run.status, whole.run.epoch) == ("success", 3)
    assert {task.name: task.attempts[-1].epoch for task in whole.tasks} == dict.fromkeys(statuses(whole), 3)


@pytest.mark.parametrize("runs", [1, 6])
def test_many_parallel_tasks_under_limits(served: Serving, runs: int) -> None:
    """Forty tasks at once in one run and in many, six of them running and three runs active at any time."""
    ended = [served.ended(run) for run in [served.trigger("parallel_tasks", place=f"with {runs}") for _ in range(runs)]]
    assert {run.run.status for run in ended} == {"success"}
    assert most_at_once(attempt for run in ended for attempt in attempts(run)) == 6
    assert most_at_once(run.run for run in ended) == min(runs, 3)


def test_short_queues(world: World) -> None:
    """An executor with room for one task: whatever waits, waits in the scheduler, and all of it ends."""
    with serving(world, PIPELINES / "seed.ppd", "--capacity", "1") as served:
        ids = [served.trigger("linked_list") for _ in range(5)] + [
            served.trigger("parallel_tasks", place="alone", at_once=1) for _ in range(2)
        ]
        ended = [served.ended(run) for run in ids]
        assert {run.run.status for run in ended} == {"success"}
        assert most_at_once(attempt for run in ended for attempt in attempts(run)) == 1


def test_new_changed_and_unchanged_dags_at_the_start(world: World) -> None:
    source, module = world.folder / "synced.ppd", world.folder / "synced_tasks.py"

    def built(text: str, code: str) -> tuple[str, dict[str, VersionList]]:
        """What a program of this source says when it starts, and the latest change of each of its dags."""
        module.write_text(f"def work() -> None:\n    {code}\n", encoding="utf-8")
        source.write_text(f"from synced_tasks import work\n{text}", encoding="utf-8")
        done = world.ppc("build", source)
        assert done.returncode == 0, done.stderr
        with started(world, source.with_suffix(".py")) as served:
            dags = [dag.id for dag in served.client.dags().dags]
            return served.log, {dag: served.client.versions(dag) for dag in dags}

    same = "dag same { task a = print(1) }\n"
    wider = "dag wider { task a = print(1) }\n"
    code = "dag code { task a = work() }\n"
    log, versions = built(same + wider + code, "pass")
    assert "new: same, wider, code" in log
    assert {dag: found.total for dag, found in versions.items()} == {"same": 1, "wider": 1, "code": 1}

    log, versions = built(same + wider + code, "pass")
    assert "new: " not in log
    assert "changed: " not in log

    log, versions = built(
        same + wider.replace("}", "\n task b = empty() }") + code + "dag extra { task a = empty() }\n", "return"
    )
    assert "new: extra" in log
    assert "changed: wider, code" in log
    assert {dag: found.total for dag, found in versions.items()} == {"same": 1, "wider": 2, "code": 2, "extra": 1}
    assert versions["wider"].versions[0].added == ("b",)
    assert [(each.task, each.what) for each in versions["code"].versions[0].changed] == [("a", ("code",))]
    shown = world.call(world.folder / "synced.py", "show", "wider", "--versions")
    assert shown.returncode == 0, shown.stderr


def test_a_restart_of_the_scheduler_in_mid_run(world: World) -> None:
    program, port = world.build(PIPELINES / "seed.ppd"), free_port()
    world.start(program, "executor", "--scheduler", f"http://127.0.0.1:{port}")
    with started(world, program, "scheduler", port=port) as served:
        run = served.trigger("in_mid_run")
        served.until(run, "gate", "running")
    with started(world, program, "scheduler", port=port) as served:
        assert statuses(served.client.run(run)) == {"before": "success", "gate": "running", "after": "waiting"}
        world.open_gate()
        ended = served.ended(run)
        assert ended.run.status == "success"
        assert {task.name: len(task.attempts) for task in ended.tasks} == {"before": 1, "gate": 1, "after": 1}
