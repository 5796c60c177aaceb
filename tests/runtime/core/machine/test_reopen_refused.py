"""What of a run cannot be done again as it stands: nothing changes then, and the reason is for people."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.core.machine import NotPossible
from ppacer.core.model import TaskStatus
from ppacer.protocol import Deferral, Outcome, RunRequest
from tests.runtime.core.machine.plans import list_of

T = spec.Trigger
K = spec.HandlerKind


def test_a_queued_run_is_not_reopened(world, plan, task) -> None:
    w = world(plan(task("a")))
    for wish in (w.restart_failed, lambda: w.rerun("a"), lambda: w.mark("a")):
        with pytest.raises(NotPossible, match="run run has not begun: it waits for its turn"):
            wish()


@pytest.mark.parametrize("how", ["cancelled", "handlers"])
def test_a_run_that_is_ending_is_not_reopened(world, plan, task, how: str) -> None:
    w = world(plan(task("a"), task("b"), task("tidy", handler=K.FINALLY)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.claim("b")
    if how == "cancelled":
        w.cancel()
    else:
        w.report(w.live("b"))
    for wish in (w.restart_failed, lambda: w.rerun("a"), lambda: w.mark("a")):
        with pytest.raises(NotPossible, match="run run is ending: wait for its end"):
            wish()


@pytest.mark.parametrize("operation", ["rerun", "mark"])
@pytest.mark.parametrize(
    ("task_id", "position", "why"),
    [
        ("queued", None, "task queued is queued: cancel it first"),
        ("running", None, "task running is running: cancel it first"),
        ("deferred", None, "task deferred is running: cancel it first"),
        ("retrying", None, "task retrying is retrying: cancel it first"),
        ("waiting", None, "task waiting has not run yet: it waits for its turn"),
        ("family", None, "task family is running: cancel it first"),
        ("family", 0, r"task family\[0\] is queued: cancel it first"),
        ("family", 9, r"run run has no task family\[9\]"),
        ("unknown", None, "run run has no task unknown"),
        ("tidy", None, "tidy is a handler: it runs again whenever part of its run does"),
    ],
)
def test_what_cannot_be_done_again_is_refused(world, plan, task, operation: str, task_id, position, why: str) -> None:
    names = ["queued", "running", "deferred", "retrying"]
    w = world(
        plan(
            *(task(name, retries=1, retry_delay=60) for name in names),
            task("waiting"),
            task("family", over=list_of(1, 2)),
            task("tidy", handler=K.FINALLY),
            edges=[("queued", "waiting")],
        )
    )
    w.start()
    w.claim("running")
    w.defer("deferred", Deferral(run=RunRequest("other")))
    w.run("retrying", Outcome.FAILED)
    with pytest.raises(NotPossible, match=f"^{why}$"):
        (w.rerun if operation == "rerun" else w.mark)(task_id, position=position)


def test_nothing_that_follows_may_run(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c"), edges=[("a", "b"), ("b", "c")]))
    w.start()
    w.run("a")
    w.run("b")
    w.claim("c")
    with pytest.raises(NotPossible, match=r"^task c, which follows, is running: cancel it first$"):
        w.rerun("a")
    w.rerun("a", follow=False)
    assert w.statuses() == {"a": "queued", "b": "success", "c": "running"}, "c takes nothing of a"


@pytest.mark.parametrize("status", ["queued", "running", "retrying"])
def test_what_a_running_task_may_take_is_not_taken_away(world, plan, task, status: str) -> None:
    """It would find no output there."""
    w = world(plan(task("a"), task("b", retries=1, retry_delay=9), edges=[("a", "b")]))
    w.start()
    w.run("a")
    if status == "running":
        w.claim("b")
    elif status == "retrying":
        w.run("b", Outcome.FAILED)
    why = f"^task b, which follows, is {status}: cancel it first$"
    for wish in (
        lambda: w.rerun("a", follow=False),
        lambda: w.mark("a", TaskStatus.FAILED),
        lambda: w.mark("a", output="2"),
    ):
        with pytest.raises(NotPossible, match=why):
            wish()


def test_what_runs_because_of_a_failure_does_not_keep_it_from_being_marked(world, plan, task) -> None:
    w = world(plan(task("a"), task("page", trigger=T.ONE_FAILED), edges=[("a", "page")]))
    w.start()
    w.run("a", Outcome.FAILED)
    w.claim("page")
    w.mark("a")
    assert w.statuses() == {"a": "success", "page": "running"}


def test_a_member_is_not_taken_from_its_partner(family) -> None:
    w = family
    w.restart_failed()
    w.start()
    w.run("first", position=1)
    w.claim("second", 1)
    with pytest.raises(NotPossible, match=r"^task second\[1\], which follows, is running: cancel it first$"):
        w.rerun("first", 1, follow=False)
    w.rerun("first", 0, follow=False)
    assert w.status("second", 1) is TaskStatus.RUNNING


@pytest.mark.parametrize("status", [TaskStatus.SKIPPED, TaskStatus.RUNNING, TaskStatus.CANCELLED])
def test_a_task_is_marked_success_or_failed_and_nothing_else(failed, status: TaskStatus) -> None:
    with pytest.raises(NotPossible, match=f"a task is marked success or failed, not {status}"):
        failed.mark("b", status)


def test_the_output_of_a_mark_is_json(failed) -> None:
    with pytest.raises(NotPossible, match="the output of b cannot be read: not JSON"):
        failed.mark("b", output="{")


def test_a_family_is_marked_member_by_member(family) -> None:
    with pytest.raises(NotPossible, match=r"first is a family: mark one of its members, such as first\[0\]"):
        family.mark("first")
