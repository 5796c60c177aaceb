"""Part of a run done again: which tasks, in what state the rest stays, and what is refused."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.evaluate import EvaluationError
from ppacer.core.machine import NotPossible
from ppacer.core.model import FAMILY, EventKind, InsertTask, NoticeEvent, RunStatus, TaskStatus
from ppacer.protocol import Deferral, Outcome, RunRequest
from ppacer.records import replace
from tests.runtime.core.machine.plans import SECOND, attribute, binary, constant, element, list_of, output, output_at

T = spec.Trigger
K = spec.HandlerKind


def rows_of_epoch(w, epoch: int) -> dict[str, str]:
    return {w.shown(row): row.status.value for row in w.database.tasks.values() if row.epoch == epoch}


@pytest.fixture
def failed(world, plan, task):
    """`a -> b -> c`, `a -> d`; b failed, c never ran for it, d succeeded."""
    w = world(plan(task("a"), task("b"), task("c"), task("d"), edges=[("a", "b"), ("b", "c"), ("a", "d")]))
    w.start()
    w.run("a", output="1")
    w.run("d", output="4")
    w.run("b", Outcome.FAILED)
    assert w.machine.run.status is RunStatus.FAILED
    return w


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


# --- families --------------------------------------------------------------------------------------------------------


@pytest.fixture
def family(world, plan, task):
    """`xs`, `first[x in xs]`, `second[x in xs]` member by member, `end` after all; first[1] failed."""
    w = world(
        plan(
            task("xs"),
            task("first", over=output("xs")),
            task("second", over=output("xs"), pairwise=["first"]),
            task("end"),
            edges=[("xs", "first"), ("xs", "second"), ("first", "second"), ("second", "end")],
        )
    )
    w.start()
    w.run("xs", output='["p","q","r"]')
    for position, outcome in enumerate((Outcome.SUCCESS, Outcome.FAILED, Outcome.SUCCESS)):
        w.run("first", outcome, position=position, output=f'"{position}"')
    for position in (0, 2):
        w.run("second", position=position)
    assert w.machine.run.status is RunStatus.FAILED
    return w


def test_only_the_members_that_failed_and_their_partners_are_done_again(family) -> None:
    w = family
    w.restart_failed()
    assert w.statuses() == {
        "xs": "success",
        "first": "running", "first[0]": "success", "first[1]": "waiting", "first[2]": "success",
        "second": "running", "second[0]": "success", "second[1]": "waiting", "second[2]": "success",
        "end": "waiting",
    }  # fmt: skip
    assert {w.row("first", each).epoch for each in (FAMILY, 0, 1, 2)} == {2}, "a family is taken along whole"
    assert w.row("first", 1).label == "q"
    w.start()
    assert w.value(element(), "first", 1) == "q"
    w.run("first", position=1, output='"new"')
    assert w.value(output_at("first"), "second", 1) == "new"
    w.run("second", position=1)
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS
    assert w.row("first", 0).output == '"0"'


def test_a_member_marked_as_success_ends_its_family(family) -> None:
    """It failed because of that member alone; nothing of it is left to do."""
    w = family
    w.now += SECOND
    w.mark("first", position=1, output='"by hand"')
    assert (w.status("first"), w.row("first").finished_at) == (TaskStatus.SUCCESS, w.now)
    assert w.status("second", 1) is TaskStatus.WAITING
    assert w.status("end") is TaskStatus.WAITING
    w.start()
    assert w.value(output_at("first"), "second", 1) == "by hand"
    w.run("second", position=1)
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_member_marked_as_success_where_others_failed_too(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2)), task("end"), edges=[("f", "end")]))
    w.start()
    for position in (0, 1):
        w.run("f", Outcome.FAILED, position=position)
    w.mark("f", position=0)
    assert w.statuses() == {"f": "failed", "f[0]": "success", "f[1]": "failed", "end": "waiting"}
    w.start()
    assert w.status("end") is TaskStatus.UPSTREAM_FAILED
    assert w.machine.run.status is RunStatus.FAILED


def test_a_member_marked_while_others_run(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2)), task("end"), edges=[("f", "end")]))
    w.start()
    w.run("f", Outcome.FAILED, position=0)
    running = w.claim("f", 1)
    w.mark("f", position=0, output='"x"')
    assert w.statuses() == {"f": "running", "f[0]": "success", "f[1]": "running", "end": "waiting"}
    assert w.live("f", 1).epoch == 1, "the attempt that runs is the one that it was"
    w.report(running, Outcome.FAILED)
    assert w.statuses() == {"f": "failed", "f[0]": "success", "f[1]": "failed", "end": "upstream_failed"}


def test_a_member_that_runs_is_retried_in_the_new_epoch(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2), retries=1)))
    w.start()
    for _ in range(2):
        w.run("f", Outcome.FAILED, position=0)
    running = w.claim("f", 1)
    w.restart_failed()
    assert w.statuses() == {"f": "running", "f[0]": "queued", "f[1]": "running"}
    w.report(running, Outcome.FAILED)
    assert (w.live("f", 1).epoch, w.live("f", 1).number) == (2, 2)
    w.run("f", position=1)
    w.run("f", position=0)
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_whole_family_again_is_made_anew_of_its_list(family) -> None:
    w = family
    w.rerun("xs")
    assert w.statuses() == {"xs": "waiting", "first": "waiting", "second": "waiting", "end": "waiting"}
    w.start()
    w.run("xs", output='["z"]')
    assert w.statuses() == {
        "xs": "success", "first": "running", "first[0]": "queued", "second": "running", "second[0]": "waiting",
        "end": "waiting",
    }  # fmt: skip
    assert w.row("first", 0).label == "z"
    assert w.row("first", 0).generation == 1, "some of its members had succeeded"
    assert len([row for row in w.database.tasks.values() if row.task == "first"]) == 4 + 2, "old rows stay"
    w.run("first", position=0)
    w.run("second", position=0)
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_members_keep_their_values_when_their_list_was_made_anew_without_them(family) -> None:
    """`xs` alone again gives another list; a member that is done again is still the one that it was."""
    w = family
    w.rerun("xs", follow=False)
    w.start()
    w.run("xs", output='["only"]')
    w.restart_failed()
    w.start()
    assert w.value(element(), "first", 1) == "q"
    w.run("first", position=1)
    assert w.value(element(), "second", 1) == "q"
    w.run("second", position=1)
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS


@pytest.mark.parametrize("longer", ["first", "second"])
def test_partners_that_came_to_have_lists_of_different_lengths(family, longer: str) -> None:
    """A member without a partner is skipped, as if that had been; and nothing waits for ever."""
    w = family
    w.restart_failed()
    w.start()
    for name in ("first", "second"):
        w.run(name, position=1)
    w.run("end")
    w.rerun("xs", follow=False)
    w.start()
    w.run("xs", output='["p"]' if longer == "first" else '["p","q","r","s"]')
    w.rerun("second", follow=False)
    w.start()
    assert w.status("second", 0) is TaskStatus.QUEUED
    if longer == "second":
        assert w.status("second", 3) is TaskStatus.SKIPPED
        for position in (1, 2):
            w.run("second", position=position)
    w.run("second", position=0)
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_partner_that_is_made_anew_of_a_longer_list(family) -> None:
    """Its new members are nobody's partners."""
    w = family
    w.rerun("xs", follow=False)
    w.start()
    w.run("xs", output='["p","q","r","s"]')
    w.rerun("first", follow=False)
    w.start()
    for position in range(4):
        w.run("first", position=position)
    assert w.statuses()["second"] == "upstream_failed"
    assert w.machine.run.status is RunStatus.FAILED
    w.restart_failed()
    w.start()
    w.run("second", position=1)
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_family_whose_list_had_no_value_is_made_when_it_has_one(world, plan, task) -> None:
    w = world(plan(task("xs"), task("f", over=output("xs")), task("end"), edges=[("xs", "f"), ("f", "end")]))
    w.start()
    w.run("xs", output="1")
    assert w.statuses() == {"xs": "success", "f": "failed", "end": "upstream_failed"}
    with pytest.raises(NotPossible, match="f is a family without members: run it again, or what its list is made of"):
        w.mark("f")
    w.mark("xs", output='["p"]')
    w.start()
    assert w.statuses() == {"xs": "success", "f": "running", "f[0]": "queued", "end": "waiting"}


def test_a_family_that_was_skipped_as_a_whole_is_made_anew_after_a_mark(world, plan, task) -> None:
    """None of its members ever ran, so its list may be another one now."""
    w = world(plan(task("xs"), task("f", over=output("xs"), when=constant(False)), edges=[("xs", "f")]))
    w.start()
    w.run("xs", output='["p","q"]')
    w.mark("xs", output='["z"]')
    w.start()
    assert w.statuses() == {"xs": "success", "f": "skipped", "f[0]": "skipped"}


def test_members_whose_outputs_were_pruned_say_so(family) -> None:
    w = family
    for key, row in list(w.database.tasks.items()):
        w.database.tasks[key] = replace(row, output=None)
    w._checks = False
    w.restart()
    w.restart_failed()
    w.start()
    kept = "outputs are deleted after `keep_outputs_days`"
    with pytest.raises(EvaluationError, match=f"x has no value: its list is no longer kept: {kept}"):
        w.value(element(), "first", 1)
    w.run("first", position=1)
    with pytest.raises(EvaluationError, match=f"the output of xs has no value: it is no longer kept: {kept}"):
        w.value(output("xs"), "second", 1)


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


# --- what is refused -------------------------------------------------------------------------------------------------


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
