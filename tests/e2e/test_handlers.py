"""`on success`, `on failure` and `finally` after every end of a run; nothing that they do changes that end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ppacer.web.messages import RunDetail
from tests.e2e.serving import Serving, moment, serving, statuses, task_of
from tests.e2e.world import PIPELINES, World

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "handlers.ppd") as made:
        yield made


def handlers(detail: RunDetail) -> dict[str, str]:
    return {task.name: task.status for task in detail.tasks if task.handler != "none"}


def test_after_a_success(served: Serving) -> None:
    run = served.run("handled")
    assert run.run.status == "success"
    assert handlers(run) == {
        "cheer": "success", "frail": "success",
        "page": "skipped", "blame": "skipped", "sink": "skipped",
        "tidy": "success", "sweep": "success", "what": "success",
    }  # fmt: skip
    assert served.said(run.run.id, "cheer") == ["cheer success [] after 7"]
    assert served.said(run.run.id, "tidy") == ["tidy success"]
    assert task_of(run, "page").reason == "it is for a run that ends as failed"


def test_after_a_failure(served: Serving) -> None:
    run = served.run("handled", fails=True)
    assert run.run.status == "failed"
    assert handlers(run) == {
        "cheer": "skipped", "frail": "skipped",
        "page": "success", "blame": "success", "sink": "success",
        "tidy": "success", "sweep": "success", "what": "success",
    }  # fmt: skip
    assert served.said(run.run.id, "page") == ["page failed main 1 None"]
    assert served.said(run.run.id, "tidy") == ["tidy failed"]
    (failed,) = task_of(run, "what").output
    assert failed == {"id": "main", "attempt": 1, "error": "RuntimeError: asked to fail"}


@pytest.mark.parametrize(("fails", "ends"), [(False, "success"), (True, "failed")])
def test_handlers_that_fail_leave_the_run_its_end(served: Serving, fails: bool, ends: str) -> None:
    run = served.run("handled", fails=fails, handlers_fail=True)
    assert run.run.status == ends
    expected = {
        **({"page": "success", "blame": "failed", "sink": "upstream_failed"} if fails else {"cheer": "success"}),
        **({} if fails else {"frail": "failed"}),
        "tidy": "success", "sweep": "failed", "what": "success",
    }  # fmt: skip
    assert {name: status for name, status in handlers(run).items() if status != "skipped"} == expected
    assert [attempt.status for attempt in task_of(run, "sweep").attempts] == ["failed", "failed"]
    assert served.said(run.run.id, "tidy") == [f"tidy {ends}"]
    assert [failed["id"] for failed in task_of(run, "what").output] == (["main"] if fails else [])


@pytest.mark.parametrize(("fails", "code"), [("false", 0), ("true", 1)])
def test_the_exit_code_is_that_of_the_ordinary_tasks(served: Serving, fails: str, code: int) -> None:
    done = served.call("run", "handled", "-p", f"fails={fails}", "-p", "handlers_fail=true")
    assert done.returncode == code, done.stdout
    assert "✖ sweep" in done.stdout


def test_handlers_come_after_all_other_tasks_and_finally_after_the_rest(served: Serving) -> None:
    run = served.run("handled", fails=True)
    ended = {task.name: moment(task.finished_at) for task in run.tasks}
    begun = {task.name: moment(task.started_at) for task in run.tasks if task.attempts}
    assert begun["page"] >= max(ended[name] for name in ("first", "main", "last"))
    assert begun["blame"] >= ended["page"]
    assert min(begun[name] for name in ("tidy", "sweep", "what")) >= ended["sink"]


def test_after_a_cancel_only_finally_runs(served: Serving) -> None:
    run_id = served.trigger("stopped")
    served.until(run_id, "main", "running")
    done = served.call("cancel", run_id)
    assert done.returncode == 0, done.stderr
    run = served.ended(run_id)
    assert run.run.status == "cancelled"
    assert statuses(run) == {
        "main": "cancelled",
        "last": "cancelled",
        "cheer": "skipped",
        "page": "skipped",
        "tidy": "success",
    }
    assert served.said(run_id, "tidy") == ["tidy cancelled None"]
    assert (task_of(run, "main").reason or "").startswith("cancelled by ")
    assert task_of(run, "page").reason == "it is for a run that ends as failed"


def test_a_run_that_is_cancelled_before_it_begins_runs_nothing(served: Serving) -> None:
    first, second = served.trigger("stopped"), served.trigger("stopped")
    served.until(first, "main", "running")
    assert served.client.cancel(second).status == "cancelled"
    run = served.client.run(second)
    assert (run.run.started_at, run.tasks) == (None, ())
    served.client.cancel(first)
    served.ended(first)


def test_a_task_cancelled_by_itself_fails_the_run(served: Serving) -> None:
    run_id = served.trigger("stopped")
    served.until(run_id, "main", "running")
    assert served.call("cancel", run_id, "main").returncode == 0
    run = served.ended(run_id)
    assert run.run.status == "failed"
    assert statuses(run) == {
        "main": "cancelled",
        "last": "upstream_failed",
        "cheer": "skipped",
        "page": "success",
        "tidy": "success",
    }
    assert served.said(run_id, "page") == [f"page failed main {task_of(run, 'main').reason}"]
    assert served.said(run_id, "tidy") == ["tidy failed None"]


def test_after_its_time_out_a_run_has_failed(served: Serving) -> None:
    run = served.run("too_long")
    assert (run.run.status, run.run.reason) == ("failed", "it ran longer than its run_timeout of 0.3s")
    assert statuses(run) == {
        "main": "cancelled",
        "last": "cancelled",
        "cheer": "skipped",
        "page": "success",
        "tidy": "success",
    }
    assert served.said(run.run.id, "page") == [f"page failed main {run.run.reason}"]
    assert served.said(run.run.id, "tidy") == ["tidy failed"]


def test_a_cancel_while_handlers_run_ends_those_and_leaves_the_run_its_end(served: Serving) -> None:
    run_id = served.trigger("slow_tidying")
    served.until(run_id, "cheer", "running")
    assert served.client.run(run_id).run.outcome == "success"
    served.client.cancel(run_id)
    served.until(run_id, "tidy", "running")
    served.client.cancel(run_id)
    run = served.ended(run_id)
    assert run.run.status == "success"
    assert statuses(run) == {"main": "success", "cheer": "cancelled", "tidy": "cancelled"}


def test_a_handler_may_be_a_family_over_what_failed(served: Serving) -> None:
    run = served.run("each_failure")
    assert run.run.status == "failed"
    assert handlers(run) == {"page": "success", "page[0]": "skipped", "page[1]": "success"}
    assert served.said(run.run.id, "page", 1) == ["page for main[3] RuntimeError: asked to fail"]
