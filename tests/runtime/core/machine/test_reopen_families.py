"""Part of a run done again where there are families: single members, whole families, lists that are others now."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.core.evaluate import EvaluationError
from ppacer.core.machine import NotPossible
from ppacer.core.model import FAMILY, EventKind, RunStatus, TaskStatus
from ppacer.protocol import Outcome
from ppacer.records import replace
from tests.runtime.core.machine.plans import SECOND, constant, element, list_of, output, output_at


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


def test_a_member_that_was_done_again_often_counts_for_its_family(family) -> None:
    w = family
    for _ in range(2):
        w.rerun("first", 0, follow=False)
        w.start()
        w.run("first", position=0)
    assert [w.row("first", each).generation for each in (FAMILY, 0, 1, 2)] == [0, 2, 0, 0]
    w.rerun("first")
    w.start()
    assert [w.row("first", each).generation for each in (FAMILY, 0, 1, 2)] == [3, 3, 3, 3]


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


@pytest.mark.parametrize(("outcome", "then"), [(Outcome.SUCCESS, "queued"), (Outcome.FAILED, "upstream_failed")])
def test_a_member_waits_for_a_task_that_is_done_again_alone(family, outcome: Outcome, then: str) -> None:
    """Its family had been made by then, and its partner has ended: what the task ends as decides on all its members."""
    w = family
    w.rerun("xs", follow=False)
    w.start()
    w.restart_failed()
    assert (w.status("first", 1), w.status("second", 1)) == ("waiting", "waiting")
    w.run("xs", outcome, output='["p"]')
    assert w.status("first", 1) == then
    assert w.status("second", 1) == ("waiting" if then == "queued" else "upstream_failed")


def test_a_member_that_waits_is_left_waiting(world, plan, task) -> None:
    """And its family keeps its rows."""
    over = list_of("p", "q")
    w = world(
        plan(
            task("first", over=over), task("other", over=over),
            task("second", over=over, pairwise=["first", "other"], trigger=spec.Trigger.ALL_DONE),
            edges=[("first", "second"), ("other", "second")],
        )
    )  # fmt: skip
    w.start()
    w.run("first", Outcome.FAILED, position=1)
    assert w.status("second", 1) is TaskStatus.WAITING
    w.rerun("first", 1)
    assert [w.row("second", each).epoch for each in (FAMILY, 0, 1)] == [1, 1, 1]
    told = [event.payload for event in w.database.events if event.kind is EventKind.TASK_RESET]
    assert told == ['{"task":"first","position":1}']
    w.run("other", position=1)
    assert w.status("second", 1) is TaskStatus.WAITING
    w.run("first", position=1)
    assert w.status("second", 1) is TaskStatus.QUEUED


def test_a_member_learns_that_a_partner_made_anew_has_none_for_it(world, plan, task) -> None:
    """It waited for that family to be made; now there is nothing to wait for."""
    w = world(
        plan(
            task("xs"), task("slow"), task("first", over=output("xs")),
            task("second", over=output("xs"), pairwise=["first"]),
            edges=[("xs", "first"), ("slow", "first"), ("xs", "second"), ("first", "second")],
        )
    )  # fmt: skip
    w.start()
    w.run("slow")
    w.run("xs", output='["p","q"]')
    for position in (0, 1):
        w.run("first", position=position)
        w.run("second", Outcome.FAILED if position else Outcome.SUCCESS, position=position)
    w.rerun("xs", follow=False)
    w.start()
    w.run("xs", output='["p"]')
    w.rerun("slow", follow=False)
    w.start()
    w.rerun("first", follow=False)
    w.restart_failed()
    assert (w.status("first"), w.status("second", 1)) == (TaskStatus.WAITING, TaskStatus.WAITING)
    w.run("slow")
    assert (w.status("first", 0), w.status("second", 1)) == (TaskStatus.QUEUED, TaskStatus.SKIPPED)
    w.run("first", position=0)
    assert w.machine.run.status is RunStatus.SUCCESS
