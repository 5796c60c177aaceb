"""Handlers: which of them run when, what they see, and that nothing they do changes what the run ends as."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.model import EventKind, RunStatus, TaskStatus
from ppacer.protocol import Outcome
from tests.runtime.core.machine.plans import SECOND, attribute, binary, constant, element, output, outputs, text

K = spec.HandlerKind
AT = spec.At(1, 1)
RUN_STATUS = spec.RunValue(spec.RunField.STATUS, AT)
RUN_FAILED = spec.RunValue(spec.RunField.FAILED, AT)


@pytest.fixture
def handled(plan, task):
    """`a -> b`, and one handler of each kind; `**settings` are those of the dag."""

    def make(**settings: object):
        return plan(
            task("a"),
            task("b"),
            task("good", handler=K.SUCCESS),
            task("bad", handler=K.FAILURE),
            task("tidy", handler=K.FINALLY),
            edges=[("a", "b")],
            **settings,
        )

    return make


def test_handlers_wait_until_all_ordinary_tasks_have_ended(world, handled) -> None:
    w = world(handled())
    w.start()
    w.run("a")
    assert w.statuses() == {"a": "success", "b": "queued", "good": "waiting", "bad": "waiting", "tidy": "waiting"}
    assert w.machine.run.outcome is None
    w.run("b")
    assert w.machine.run.outcome is RunStatus.SUCCESS
    assert w.machine.run.status is RunStatus.RUNNING
    assert w.statuses() == {"a": "success", "b": "success", "good": "queued", "bad": "skipped", "tidy": "waiting"}
    assert w.row("bad").reason == "it is for a run that ends as failed"
    assert EventKind.RUN_DECIDED in w.history()
    w.run("good")
    assert w.status("tidy") is TaskStatus.QUEUED
    w.run("tidy")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_after_a_failure_those_for_failures_run(world, handled) -> None:
    w = world(handled())
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.statuses() == {
        "a": "failed",
        "b": "upstream_failed",
        "good": "skipped",
        "bad": "queued",
        "tidy": "waiting",
    }
    w.run("bad")
    w.run("tidy")
    assert w.machine.run.status is RunStatus.FAILED


@pytest.mark.parametrize("a", [Outcome.SUCCESS, Outcome.FAILED])
@pytest.mark.parametrize("handler", [Outcome.SUCCESS, Outcome.FAILED, Outcome.TIMED_OUT])
@pytest.mark.parametrize("tidy", [Outcome.SUCCESS, Outcome.FAILED])
def test_nothing_that_handlers_do_changes_what_the_run_ends_as(world, plan, task, a, handler, tidy) -> None:
    w = world(
        plan(
            task("a"), task("good", handler=K.SUCCESS), task("bad", handler=K.FAILURE), task("tidy", handler=K.FINALLY)
        )
    )
    w.start()
    w.run("a", a)
    w.run("good" if a is Outcome.SUCCESS else "bad", handler)
    w.run("tidy", tidy)
    assert w.machine.run.status == a.value


def test_handlers_are_retried_and_have_edges_like_other_tasks(world, plan, task) -> None:
    w = world(
        plan(
            task("a"),
            task("one", handler=K.FINALLY, retries=1, retry_delay=5),
            task("two", handler=K.FINALLY),
            task("three", handler=K.FINALLY, trigger=spec.Trigger.ALL_DONE),
            edges=[("one", "two"), ("two", "three")],
        )
    )
    w.start()
    w.run("a")
    w.run("one", Outcome.FAILED)
    assert w.status("one") is TaskStatus.RETRYING
    w.now += 5 * SECOND
    w.handle(h.RetryDue(w.now, "one"))
    w.run("one", Outcome.FAILED)
    assert w.statuses() == {"a": "success", "one": "failed", "two": "upstream_failed", "three": "queued"}
    w.run("three")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_dag_with_handlers_only(world, plan, task) -> None:
    w = world(plan(task("good", handler=K.SUCCESS), task("bad", handler=K.FAILURE)))
    w.start()
    assert w.statuses() == {"good": "queued", "bad": "skipped"}
    w.run("good")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_all_handlers_may_be_for_another_end(world, plan, task) -> None:
    w = world(plan(task("a"), task("bad", handler=K.FAILURE)))
    w.start()
    w.run("a")
    assert w.statuses() == {"a": "success", "bad": "skipped"}
    assert w.machine.run.status is RunStatus.SUCCESS


# --- what they see ---------------------------------------------------------------------------------------------------


def test_handlers_see_what_the_run_ended_as_and_what_failed(world, plan, task) -> None:
    w = world(
        plan(
            task("a"),
            task("f", over=spec.ListOf((constant(1), constant(2)), AT)),
            task("page", handler=K.FAILURE),
            task("tidy", handler=K.FINALLY),
        )
    )
    w.start()
    w.report(w.claim("a"), Outcome.FAILED, error="boom")
    w.run("f", position=0)
    trace = "Traceback (most recent call last):\n  …\nLate: too slow\n"
    w.report(w.claim("f", 1), Outcome.TIMED_OUT, error=trace)
    failed = [
        {"id": "a", "error": "boom", "attempt": 1},
        {"id": "f[1]", "error": "Late: too slow", "attempt": 1},
    ]
    assert w.value(RUN_STATUS, "page") == "failed"
    assert w.value(RUN_FAILED, "page") == failed
    w.report(w.claim("page"), Outcome.FAILED, error="no pager")
    assert w.value(RUN_FAILED, "tidy") == failed, "handlers are not among them"


@pytest.mark.parametrize("waiting", [False, True])
def test_what_is_cancelled_by_a_time_out_has_failed_the_run(world, handled, waiting: bool) -> None:
    w = world(handled(run_timeout=timedelta(seconds=60)))
    w.start()
    a = None if waiting else w.claim("a")
    w.now += 60 * SECOND
    w.handle(h.RunTimedOut(w.now))
    if a is not None:
        w.report(a, Outcome.CANCELLED)
    why = "it ran longer than its run_timeout of 1m"
    assert w.value(RUN_FAILED, "bad") == [
        {"id": "a", "error": why, "attempt": 1},
        {"id": "b", "error": why, "attempt": 0},
    ]


def test_what_failed_before_part_of_the_run_was_done_again_is_forgotten(world, handled) -> None:
    w = world(handled())
    w.start()
    w.run("a", Outcome.FAILED)
    assert [each["id"] for each in w.value(RUN_FAILED, "bad")] == ["a"]
    w.run("bad")
    w.run("tidy")
    w.restart_failed()
    w.start()
    w.run("a")
    w.run("b", Outcome.FAILED)
    assert [each["id"] for each in w.value(RUN_FAILED, "bad")] == ["b"]


def test_a_task_cancelled_by_itself_has_failed_the_run(world, handled) -> None:
    w = world(handled())
    w.start()
    w.cancel_task("a")
    assert w.value(RUN_FAILED, "bad") == [{"id": "a", "error": "cancelled by ann", "attempt": 1}]


def test_a_run_that_was_cancelled_has_failed_through_nothing_but_failures(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("tidy", handler=K.FINALLY)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.cancel()
    assert w.value(RUN_FAILED, "tidy") == [{"id": "a", "error": None, "attempt": 1}]


def test_handlers_read_outputs_of_ordinary_tasks_without_edges(world, plan, task) -> None:
    w = world(
        plan(
            task("a"),
            task("b"),
            task("tidy", handler=K.FINALLY, when=binary(output("b"), "==", constant(None))),
            task("each", handler=K.FINALLY, over=attribute(output("a"), "xs")),
        )
    )
    w.start()
    w.run("a", output='{"xs":["p","q"]}')
    w.run("b", Outcome.FAILED)
    assert w.statuses() == {
        "a": "success", "b": "failed", "tidy": "queued", "each": "running", "each[0]": "queued", "each[1]": "queued",
    }  # fmt: skip
    assert [w.value(element(), "each", position) for position in (0, 1)] == ["p", "q"]
    for task_id, position in (("tidy", 0), ("each", 0), ("each", 1)):
        w.run(task_id, position=position)
    assert w.machine.run.status is RunStatus.FAILED


def test_a_handler_family_over_what_failed(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("page", handler=K.FAILURE, over=RUN_FAILED)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("b", Outcome.FAILED)
    assert [w.row("page", each).label for each in (0, 1)] == [
        '{"id": "a", "error": null, "attempt": 1}',
        '{"id": "b", "error": null, "attempt": 1}',
    ]
    assert w.value(text(attribute(element(), "id")), "page", 1) == "b"
    w.run("page", Outcome.FAILED, position=0)
    w.run("page", position=1)
    assert w.status("page") is TaskStatus.FAILED
    assert w.machine.run.status is RunStatus.FAILED


def test_a_handler_whose_condition_has_no_value_fails_and_harms_nothing(world, plan, task) -> None:
    w = world(plan(task("a"), task("tidy", handler=K.FINALLY, when=attribute(output("a"), "x"))))
    w.start()
    w.run("a")
    assert w.status("tidy") is TaskStatus.FAILED
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_handler_family_takes_the_list_of_an_ordinary_one(world, plan, task) -> None:
    w = world(
        plan(
            task("f", over=spec.ListOf((constant(1), constant(2)), AT)),
            task("tidy", handler=K.FINALLY, over=outputs("f")),
        )
    )
    w.start()
    w.run("f", Outcome.FAILED, position=0)
    w.run("f", position=1, output='"x"')
    assert [w.row("tidy", each).label for each in (0, 1)] == ["none", "x"]


# --- cancels ---------------------------------------------------------------------------------------------------------


def test_after_a_cancel_only_finally_runs(world, handled) -> None:
    w = world(handled())
    w.start()
    a = w.claim("a")
    w.cancel()
    assert w.statuses() == {"a": "running", "b": "cancelled", "good": "waiting", "bad": "waiting", "tidy": "waiting"}
    w.report(a, Outcome.CANCELLED)
    assert w.statuses() == {
        "a": "cancelled", "b": "cancelled", "good": "skipped", "bad": "skipped", "tidy": "queued",
    }  # fmt: skip
    assert w.value(RUN_STATUS, "tidy") == "cancelled"
    w.run("tidy", Outcome.FAILED)
    assert w.machine.run.status is RunStatus.CANCELLED
    assert w.machine.run.reason == "cancelled by ann"


def test_a_cancel_of_what_nothing_runs_of_goes_on_to_finally_at_once(world, handled) -> None:
    w = world(handled())
    w.start()
    w.cancel()
    assert w.status("tidy") is TaskStatus.QUEUED


@pytest.mark.parametrize("running", [False, True])
def test_a_cancel_while_handlers_run_cancels_those_of_the_phase(world, plan, task, running: bool) -> None:
    """What the run ends as is decided by then; `finally` still runs."""
    w = world(
        plan(
            task("a"),
            task("one", handler=K.SUCCESS),
            task("two", handler=K.SUCCESS, trigger=spec.Trigger.ALL_DONE),
            task("tidy", handler=K.FINALLY),
            edges=[("one", "two")],
        )
    )
    w.start()
    w.run("a")
    one = w.claim("one") if running else w.live("one")
    w.cancel()
    assert w.machine.run.outcome is RunStatus.SUCCESS
    if running:
        assert h.Stop(one) in w.commands
        assert w.statuses() == {"a": "success", "one": "running", "two": "cancelled", "tidy": "waiting"}
        assert w.cancel("bob") is None
        w.report(one, Outcome.CANCELLED)
    else:
        assert [type(command) for command in w.commands] == [h.Withdraw, h.Offer], "`two` was never offered"
    assert w.statuses() == {"a": "success", "one": "cancelled", "two": "cancelled", "tidy": "queued"}
    w.run("tidy")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_cancel_while_a_family_of_handlers_runs(world, plan, task) -> None:
    """Its members are cancelled, and a family that waits for it is never made."""
    w = world(
        plan(
            task("a"),
            task("drop", handler=K.FINALLY, over=spec.ListOf((constant(1), constant(2)), AT)),
            task("then", handler=K.FINALLY, over=outputs("drop"), trigger=spec.Trigger.ALL_DONE),
            edges=[("drop", "then")],
        )
    )
    w.start()
    w.run("a")
    running = w.claim("drop", 1)
    w.cancel()
    assert w.statuses() == {
        "a": "success", "drop": "running", "drop[0]": "cancelled", "drop[1]": "running", "then": "cancelled",
    }  # fmt: skip
    w.report(running, Outcome.CANCELLED)
    assert w.status("drop") is TaskStatus.CANCELLED
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_second_cancel_ends_the_finally_of_a_cancelled_run(world, handled) -> None:
    w = world(handled())
    w.start()
    a = w.claim("a")
    w.cancel()
    assert w.cancel("bob") is None, "the first one is under way"
    w.report(a, Outcome.CANCELLED)
    tidy = w.claim("tidy")
    w.cancel("bob")
    assert w.commands == [h.Stop(tidy)]
    assert w.row("tidy").reason == "cancelled by bob"
    w.report(tidy, Outcome.FAILED)
    assert w.status("tidy") is TaskStatus.CANCELLED
    assert w.machine.run.status is RunStatus.CANCELLED
    assert w.machine.run.reason == "cancelled by ann"


def test_a_handler_may_be_cancelled_by_itself_before_its_turn(world, handled) -> None:
    w = world(handled())
    w.start()
    w.cancel_task("tidy")
    w.run("a")
    w.run("b")
    w.run("good")
    assert w.statuses()["tidy"] == "cancelled"
    assert w.machine.run.status is RunStatus.SUCCESS


def test_after_a_time_out_the_handlers_for_failures_run_and_then_finally(world, handled, task) -> None:
    w = world(handled(run_timeout=timedelta(seconds=60)))
    w.start()
    a = w.claim("a")
    w.now += 60 * SECOND
    w.handle(h.RunTimedOut(w.now))
    assert w.machine.run.outcome is RunStatus.FAILED
    w.report(a, Outcome.CANCELLED)
    assert w.statuses() == {
        "a": "cancelled", "b": "cancelled", "good": "skipped", "bad": "queued", "tidy": "waiting",
    }  # fmt: skip
    assert w.value(RUN_STATUS, "bad") == "failed"
    w.run("bad")
    assert w.handle(h.RunTimedOut(w.now + 1)) is None, "handlers have time-outs of their own"
    w.run("tidy")
    assert w.machine.run.status is RunStatus.FAILED
    assert w.machine.run.reason == "it ran longer than its run_timeout of 1m"
