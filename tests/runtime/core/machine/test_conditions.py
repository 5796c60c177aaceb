"""`when`: asked when the trigger says run, decided by the scheduler, before any attempt is made."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.model import RunStatus, TaskStatus
from ppacer.protocol import Outcome
from tests.runtime.core.machine.plans import attribute, binary, constant, element, list_of, output


def test_a_task_whose_when_holds_is_tried(world, plan, task) -> None:
    when = binary(attribute(output("a"), "rows"), ">", constant(0))
    w = world(plan(task("a"), task("b", when=when), edges=[("a", "b")]))
    w.start()
    w.run("a", output='{"rows":3}')
    assert w.status("b") is TaskStatus.QUEUED


def test_a_task_whose_when_is_false_is_skipped_and_so_is_what_follows(world, plan, task) -> None:
    w = world(
        plan(
            task("a"),
            task("b", when=binary(output("a"), ">", constant(0))),
            task("c"),
            task("d", trigger=spec.Trigger.NONE_FAILED),
            edges=[("a", "b"), ("b", "c"), ("b", "d")],
        )
    )
    w.start()
    w.run("a", output="0")
    assert w.statuses() == {"a": "success", "b": "skipped", "c": "skipped", "d": "queued"}
    assert w.row("b").reason == "its `when` is false"
    assert w.row("c").reason is None
    assert w.row("b").attempts == 0
    w.run("d")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_when_is_not_asked_before_the_trigger_says_run(world, plan, task) -> None:
    """Else it would be asked about an output that is not there yet."""
    when = binary(output("a"), "==", constant(1))
    w = world(plan(task("a"), task("b", when=when), edges=[("a", "b")]))
    w.start()
    assert w.status("b") is TaskStatus.WAITING
    w.run("a", Outcome.FAILED)
    assert w.status("b") is TaskStatus.UPSTREAM_FAILED


def test_when_is_asked_once_and_not_again_for_a_retry(world, plan, task) -> None:
    w = world(plan(task("a", retries=1, when=binary(spec.Env("GO", spec.At(1, 1)), "==", constant("yes")))), env={})
    env = w._env
    env["GO"] = "yes"
    w.start()
    env["GO"] = "no"
    w.run("a", Outcome.FAILED)
    assert w.status("a") is TaskStatus.QUEUED


@pytest.mark.parametrize(
    ("when", "error"),
    [
        (constant(1), "`when` must be true or false, found int"),
        (constant(None), "`when` must be true or false, found none"),
        (attribute(output("a"), "rows"), "none has no fields, so no `.rows`"),
        (spec.Env("NOWHERE", spec.At(7, 3)), 'env("NOWHERE") has no value here'),
    ],
)
def test_a_when_without_a_truth_fails_the_task_without_an_attempt(world, plan, task, when, error: str) -> None:
    w = world(plan(task("a"), task("b", retries=9, when=when), task("c"), edges=[("a", "b"), ("b", "c")]))
    w.start()
    w.run("a", output="null")
    assert w.statuses() == {"a": "success", "b": "failed", "c": "upstream_failed"}
    assert w.row("b").attempts == 0
    place = "d.ppd:7:3" if "NOWHERE" in error else "d.ppd:1:1"
    assert w.row("b").error == f"task b of dag d (d.ppd:1): {error} ({place})"
    assert [(notice.task, notice.number, notice.error) for notice in w.notices()] == [("b", 0, w.row("b").error)]
    assert w.machine.run.status is RunStatus.FAILED


def test_when_sees_none_for_a_parent_that_did_not_succeed(world, plan, task) -> None:
    when = binary(output("a"), "==", constant(None))
    w = world(plan(task("a"), task("b", when=when, trigger=spec.Trigger.ALL_DONE), edges=[("a", "b")]))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.status("b") is TaskStatus.QUEUED


def test_each_member_of_a_family_is_asked_for_itself(world, plan, task) -> None:
    w = world(
        plan(task("f", over=list_of(1, 2, 3), when=binary(element(), "!=", constant(2))), task("g"), edges=[("f", "g")])
    )
    w.start()
    assert w.statuses() == {"f": "running", "f[0]": "queued", "f[1]": "skipped", "f[2]": "queued", "g": "waiting"}
    w.run("f", position=0)
    w.run("f", position=2)
    assert w.statuses()["f"] == "success"
    assert w.status("g") is TaskStatus.SKIPPED


def test_a_family_of_which_all_are_skipped_is_skipped(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2), when=constant(False))))
    w.start()
    assert w.statuses() == {"f": "skipped", "f[0]": "skipped", "f[1]": "skipped"}
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_member_whose_when_has_no_value_fails_alone(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, "a"), when=binary(element(), ">", constant(0)))))
    w.start()
    assert w.statuses() == {"f": "running", "f[0]": "queued", "f[1]": "failed"}
    assert (w.row("f", 1).error or "").startswith("task f[1] (a) of dag d (d.ppd:1): `>` does not take str and int")
    w.run("f", position=0)
    assert w.status("f") is TaskStatus.FAILED


def test_after_a_cancel_no_when_is_asked(world, plan, task) -> None:
    w = world(plan(task("a"), task("b", when=constant(1), trigger=spec.Trigger.ALL_DONE), edges=[("a", "b")]))
    w.start()
    a = w.claim("a")
    w.handle(h.CancelAsked(w.now, "ann"))
    w.report(a, Outcome.CANCELLED)
    assert w.statuses() == {"a": "cancelled", "b": "cancelled"}
