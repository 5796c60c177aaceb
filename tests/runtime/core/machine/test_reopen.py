"""Part of a run done again: which tasks, and in what state the rest stays."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.machine import NotPossible
from ppacer.core.model import EventKind, InsertTask, NoticeEvent, RunStatus, TaskStatus
from ppacer.protocol import Outcome
from tests.runtime.core.machine.plans import SECOND, attribute, binary, constant, list_of, output

T = spec.Trigger
K = spec.HandlerKind


def rows_of_epoch(w, epoch: int) -> dict[str, str]:
    return {w.shown(row): row.status.value for row in w.database.tasks.values() if row.epoch == epoch}


# --- restart ---------------------------------------------------------------------------------------------------------


def test_a_restart_does_again_what_failed_and_all_that_follows(failed) -> None:
    w = failed
    w.now += SECOND
    step = w.restart_failed()
    assert w.commands == [h.RunReopened(w.machine.run)]
    run = w.machine.run
    assert (run.status, run.epoch, run.started_at, run.finished_at, run.outcome) == ("queued", 2, None, None, None)
    assert w.statuses() == {"a": "success", "b": "waiting", "c": "waiting", "d": "success"}
    assert [write.row.task for write in step.writes if isinstance(write, InsertTask)] == ["b", "c"]
    assert [event.kind for event in w.database.events[-3:]] == [
        EventKind.RUN_REOPENED,
        EventKind.TASK_RESET,
        EventKind.TASK_RESET,
    ]
    reopened = w.database.events[-3]
    assert (reopened.actor, reopened.payload) == ("ann", '{"operation":"restart","epoch":2,"reason":null}')
    w.now += SECOND
    w.start()
    assert w.machine.run.started_at == w.now
    assert w.statuses() == {"a": "success", "b": "queued", "c": "waiting", "d": "success"}
    assert w.live("b").epoch == 2
    assert w.live("b").number == 1, "a new epoch has all its attempts"
    w.run("b")
    w.run("c")
    assert w.machine.run.status is RunStatus.SUCCESS
    assert rows_of_epoch(w, 1) == {"a": "success", "b": "failed", "c": "upstream_failed", "d": "success"}
    assert rows_of_epoch(w, 2) == {"b": "success", "c": "success"}


def test_a_restart_may_fail_again_and_be_restarted_again(failed) -> None:
    w = failed
    for epoch in (2, 3, 4):
        w.restart_failed()
        w.start()
        w.run("b", Outcome.FAILED)
        assert (w.machine.run.status, w.machine.run.epoch) == (RunStatus.FAILED, epoch)
    assert w.row("b").generation == 0, "it never succeeded"


def test_retries_and_losses_are_counted_anew(world, plan, task) -> None:
    w = world(plan(task("a", retries=1)))
    w.start()
    for _ in range(2):
        w.run("a", Outcome.FAILED)
    w.restart_failed()
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.status("a") is TaskStatus.QUEUED
    assert w.row("a").attempts == 2


def test_what_follows_is_done_again_even_if_it_had_succeeded(world, plan, task) -> None:
    w = world(plan(task("a"), task("tidy", trigger=T.ALL_DONE), task("end"), edges=[("a", "tidy"), ("tidy", "end")]))
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("tidy")
    w.run("end")
    w.restart_failed()
    assert w.statuses() == {"a": "waiting", "tidy": "waiting", "end": "waiting"}
    assert [w.row(each).generation for each in ("a", "tidy", "end")] == [0, 1, 1]


def test_a_cancelled_run_goes_on_where_it_was(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c"), edges=[("a", "b"), ("b", "c")]))
    w.start()
    w.run("a")
    b = w.claim("b")
    w.cancel()
    w.report(b, Outcome.CANCELLED)
    w.restart_failed()
    assert w.machine.run.reason is None
    assert w.row("b").reason is None
    w.start()
    assert w.statuses() == {"a": "success", "b": "queued", "c": "waiting"}


def test_a_run_cancelled_in_its_queue_begins_after_all(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.cancel()
    with pytest.raises(NotPossible, match="run run ended before it began: restart it as a whole"):
        w.rerun("a")
    with pytest.raises(NotPossible, match="restart it as a whole"):
        w.mark("a")
    w.restart_failed()
    assert (w.machine.run.status, w.machine.run.epoch, w.machine.run.outcome) == (RunStatus.QUEUED, 2, None)
    w.start()
    w.run("a")
    assert w.machine.run.status is RunStatus.SUCCESS
    assert {row.epoch for row in w.machine.tasks()} == {2}


def test_a_run_cancelled_in_the_queue_of_its_second_epoch(failed) -> None:
    w = failed
    w.restart_failed()
    w.cancel()
    assert w.statuses() == {"a": "success", "b": "cancelled", "c": "cancelled", "d": "success"}
    w.restart_failed()
    w.start()
    w.run("b")
    w.run("c")
    assert (w.machine.run.status, w.machine.run.epoch) == (RunStatus.SUCCESS, 3)


def test_a_run_that_succeeded_has_nothing_to_restart(world, plan, task) -> None:
    for p in (plan(task("a")), plan()):
        w = world(p)
        w.start()
        if p.tasks:
            w.run("a")
        with pytest.raises(NotPossible, match="nothing of run run failed or was cancelled: success"):
            w.restart_failed()


def test_a_running_run_goes_on_in_the_new_epoch(world, plan, task) -> None:
    """Only new rows for what changes: what runs meanwhile is left alone."""
    w = world(plan(task("a"), task("b"), task("slow"), task("end"), edges=[("a", "b"), ("b", "end"), ("slow", "end")]))
    w.start()
    slow = w.claim("slow")
    w.run("a", Outcome.FAILED)
    assert w.statuses()["end"] == "upstream_failed"
    w.restart_failed()
    assert [type(command) for command in w.commands] == [h.RunReopened, h.Offer]
    assert (w.machine.run.status, w.machine.run.epoch) == (RunStatus.RUNNING, 2)
    assert w.statuses() == {"a": "queued", "b": "waiting", "slow": "running", "end": "waiting"}
    w.report(slow)
    w.run("a")
    w.run("b")
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS
    assert w.row("slow").epoch == 1


def test_what_waits_in_a_running_run_needs_no_new_row(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c", trigger=T.ALL_DONE), edges=[("a", "c"), ("b", "c")]))
    w.start()
    w.run("a", Outcome.FAILED)
    w.restart_failed()
    assert rows_of_epoch(w, 2) == {"a": "queued"}
    assert w.row("c").epoch == 1
    w.run("a")
    w.run("b")
    assert w.status("c") is TaskStatus.QUEUED


# --- rerun -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def succeeded(world, plan, task):
    """`a -> b -> c`, all succeeded."""
    w = world(plan(task("a"), task("b"), task("c"), edges=[("a", "b"), ("b", "c")]))
    w.start()
    for each in "abc":
        w.run(each, output=f'"{each}1"')
    return w


def test_one_task_again_with_what_follows(succeeded) -> None:
    w = succeeded
    w.rerun("b")
    assert w.statuses() == {"a": "success", "b": "waiting", "c": "waiting"}
    assert [w.row(each).generation for each in "abc"] == [0, 1, 1]
    w.start()
    assert w.value(output("a"), "b") == "a1"
    w.run("b", output='"b2"')
    assert w.value(output("b"), "c") == "b2"
    w.run("c")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_one_task_again_alone(succeeded) -> None:
    w = succeeded
    w.rerun("b", follow=False)
    assert w.statuses() == {"a": "success", "b": "waiting", "c": "success"}
    w.start()
    w.run("b", Outcome.FAILED)
    assert w.statuses() == {"a": "success", "b": "failed", "c": "success"}
    assert w.machine.run.status is RunStatus.FAILED


def test_the_generation_grows_with_each_success_that_is_done_again(succeeded) -> None:
    """So that a key for outside is another one, while retries and restarts of failures keep it."""
    w = succeeded
    expected = [0]
    for outcome in (Outcome.SUCCESS, Outcome.FAILED, Outcome.SUCCESS, Outcome.SUCCESS):
        succeeded_before = w.status("c") is TaskStatus.SUCCESS
        w.rerun("c")
        expected.append(expected[-1] + succeeded_before)
        w.start()
        assert w.row("c").generation == expected[-1]
        w.run("c", outcome)
    assert expected == [0, 1, 2, 2, 3]


def test_a_success_that_was_marked_failed_is_not_forgotten(succeeded) -> None:
    w = succeeded
    w.mark("c", TaskStatus.FAILED)
    w.start()
    w.restart_failed()
    assert w.row("c").generation == 1


@pytest.mark.parametrize("status", ["failed", "skipped", "upstream_failed", "cancelled"])
def test_what_ended_otherwise_may_be_done_again_too(world, plan, task, status: str) -> None:
    when = binary(output("a"), "==", constant(1))
    w = world(plan(task("a"), task("b", when=when), edges=[("a", "b")]))
    w.start()
    if status == "cancelled":
        w.cancel_task("b")
    w.run(
        "a",
        Outcome.FAILED if status == "upstream_failed" else Outcome.SUCCESS,
        output="1" if status == "failed" else "0",
    )
    if status == "failed":
        w.run("b", Outcome.FAILED)
    assert w.status("b") == status
    w.rerun("b")
    w.start()
    then = {"failed": "queued", "skipped": "skipped", "upstream_failed": "upstream_failed", "cancelled": "skipped"}
    assert w.status("b") == then[status], "its rule and its condition are asked again"


# --- marks -----------------------------------------------------------------------------------------------------------


def test_a_failure_marked_as_success_lets_go_on_what_never_ran_for_it(failed) -> None:
    w = failed
    w.now += SECOND
    w.mark("b", output='{"rows":7}', reason="loaded by hand")
    assert w.statuses() == {"a": "success", "b": "success", "c": "waiting", "d": "success"}
    row = w.row("b")
    assert (row.epoch, row.attempts, row.output, row.error, row.finished_at) == (2, 0, '{"rows":7}', None, w.now)
    assert row.reason == "marked success by ann: loaded by hand"
    marked = next(event for event in w.database.events if event.kind is EventKind.TASK_MARKED)
    assert marked.payload == '{"task":"b","status":"success","reason":"loaded by hand"}'
    w.start()
    assert w.value(attribute(output("b"), "rows"), "c") == 7
    w.run("c")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_run_of_which_a_mark_leaves_nothing_to_do_ends_when_its_turn_comes(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    w.run("a", Outcome.FAILED)
    w.mark("a")
    assert w.row("a").output == "null"
    w.start()
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_run_that_waits_to_go_on_may_be_changed_further(world, plan, task) -> None:
    """As when a person goes through what failed, task by task, while another run has its turn."""
    w = world(plan(task("a"), task("b"), task("c"), task("d"), edges=[("b", "d")]))
    w.start()
    for name in ("a", "b", "c"):
        w.run(name, Outcome.FAILED)
    w.mark("a")
    w.mark("b")
    w.rerun("c")
    assert (w.machine.run.status, w.machine.run.epoch) == (RunStatus.QUEUED, 4)
    assert w.statuses() == {"a": "success", "b": "success", "c": "waiting", "d": "waiting"}
    w.start()
    w.run("c")
    w.run("d")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_success_marked_as_failure_changes_nothing_of_what_has_run(succeeded) -> None:
    w = succeeded
    w.mark("a", TaskStatus.FAILED, reason="the file was empty")
    assert w.statuses() == {"a": "failed", "b": "success", "c": "success"}
    assert (w.row("a").error, w.row("a").output) == ("the file was empty", None)
    assert w.row("a").reason == "marked failed by ann: the file was empty"
    w.start()
    assert w.machine.run.status is RunStatus.FAILED


def test_a_mark_wakes_those_that_a_trigger_had_skipped(world, plan, task) -> None:
    w = world(plan(task("a"), task("page", trigger=T.ONE_FAILED), task("end"), edges=[("a", "page"), ("page", "end")]))
    w.start()
    w.run("a")
    assert w.statuses() == {"a": "success", "page": "skipped", "end": "skipped"}
    w.mark("a", TaskStatus.FAILED)
    w.start()
    assert w.statuses() == {"a": "failed", "page": "queued", "end": "waiting"}


def test_a_mark_wakes_those_whose_condition_had_no_value_for_it(world, plan, task) -> None:
    when = binary(attribute(output("a"), "rows"), ">", constant(0))
    w = world(plan(task("a"), task("b", when=when, trigger=T.ALL_DONE), edges=[("a", "b")]))
    w.start()
    w.run("a", Outcome.FAILED)
    assert (w.status("b"), w.row("b").attempts) == (TaskStatus.FAILED, 0)
    w.mark("a", output='{"rows":1}')
    w.start()
    assert w.status("b") is TaskStatus.QUEUED


def test_a_mark_leaves_marks_alone(failed) -> None:
    w = failed
    w.mark("c", TaskStatus.FAILED, reason="never mind")
    w.start()
    w.mark("b")
    assert w.statuses() == {"a": "success", "b": "success", "c": "failed", "d": "success"}


def test_a_mark_does_not_wake_what_failed_of_itself_or_ran(world, plan, task) -> None:
    w = world(
        plan(
            task("a"), task("tidy", trigger=T.ALL_DONE), task("b"), task("c"),
            edges=[("a", "tidy"), ("a", "b"), ("b", "c"), ("tidy", "c")],
        )
    )  # fmt: skip
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("tidy", Outcome.FAILED)
    w.mark("a")
    w.start()
    assert w.statuses() == {"a": "success", "tidy": "failed", "b": "queued", "c": "upstream_failed"}


def test_a_mark_in_a_running_run_takes_effect_at_once(world, plan, task) -> None:
    w = world(plan(task("a"), task("slow"), task("b"), edges=[("a", "b")]))
    w.start()
    w.run("a", Outcome.FAILED)
    w.mark("a")
    assert w.statuses() == {"a": "success", "slow": "queued", "b": "queued"}
    assert (w.machine.run.status, w.machine.run.epoch) == (RunStatus.RUNNING, 2)


# --- handlers --------------------------------------------------------------------------------------------------------


def test_handlers_run_again_each_time(world, plan, task) -> None:
    w = world(
        plan(
            task("a"), task("good", handler=K.SUCCESS), task("bad", handler=K.FAILURE), task("tidy", handler=K.FINALLY),
            task("drop", handler=K.FINALLY, over=list_of(1, 2)),
        )
    )  # fmt: skip
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("bad")
    for name, position in (("tidy", 0), ("drop", 0), ("drop", 1)):
        w.run(name, position=position)
    w.restart_failed()
    assert w.statuses() == dict.fromkeys(["a", "good", "bad", "tidy", "drop"], "waiting")
    assert [w.row(each).generation for each in ("good", "bad", "tidy", "drop")] == [0, 1, 1, 1]
    w.start()
    w.run("a")
    assert w.statuses()["bad"] == "skipped"
    w.run("good")
    w.run("tidy")
    for position in (0, 1):
        assert w.row("drop", position).generation == 1
        w.run("drop", position=position)
    assert w.machine.run.status is RunStatus.SUCCESS


def test_handlers_that_wait_in_a_running_run_stay(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("tidy", handler=K.FINALLY)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.restart_failed()
    assert w.row("tidy").epoch == 1


# --- whom a mark does not tell ---------------------------------------------------------------------------------------


def test_a_run_that_fails_because_of_a_mark_is_told_of(world, plan, task) -> None:
    """Nobody was told of the task: its failure is news."""
    w = world(plan(task("a", notify=("ops",)), notify=("ops",), alert_on=(spec.AlertEvent.FAILURE,)))
    w.start()
    w.run("a")
    w.mark("a", TaskStatus.FAILED)
    assert w.told() == []
    w.start()
    assert w.told() == [(NoticeEvent.FAILURE, None, ("ops",))]
