"""Runs and tasks that somebody wants to end, and runs that take too long."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.machine import NotPossible
from ppacer.core.model import AttemptStatus, EventKind, NoticeEvent, RunStatus, TaskStatus
from ppacer.protocol import Deferral, Outcome, RunRequest
from tests.runtime.core.machine.plans import SECOND, list_of

MINUTE = 60 * SECOND


# --- one task --------------------------------------------------------------------------------------------------------


def test_a_waiting_task_is_cancelled_at_once_and_what_follows_sees_a_failure(world, plan, task) -> None:
    w = world(
        plan(
            task("a"), task("b"), task("c"), task("d", trigger=spec.Trigger.ONE_FAILED),
            edges=[("a", "b"), ("b", "c"), ("b", "d")],
        )
    )  # fmt: skip
    w.start()
    w.cancel_task("b")
    assert w.statuses() == {"a": "queued", "b": "cancelled", "c": "upstream_failed", "d": "queued"}
    assert w.row("b").reason == "cancelled by ann"
    asked = next(event for event in w.database.events if event.kind is EventKind.TASK_CANCEL_REQUESTED)
    assert (asked.actor, asked.payload) == ("ann", '{"task":"b"}')
    w.run("a")
    w.run("d")
    assert w.machine.run.status is RunStatus.FAILED, "a task that was cancelled by itself makes the run fail"


def test_a_queued_task_is_withdrawn(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.live("a")
    w.cancel_task("a")
    assert w.commands[0] == h.Withdraw(a.id)
    assert w.database.attempts[a.id].status is AttemptStatus.CANCELLED
    assert w.machine.run.status is RunStatus.FAILED


@pytest.mark.parametrize(
    ("outcome", "status", "run"),
    [
        (Outcome.CANCELLED, "cancelled", "failed"),
        (Outcome.FAILED, "cancelled", "failed"),
        (Outcome.TIMED_OUT, "cancelled", "failed"),
        (Outcome.LOST, "cancelled", "failed"),
        (Outcome.SUCCESS, "success", "success"),
    ],
)
def test_a_running_task_is_told_to_stop(world, plan, task, outcome: Outcome, status: str, run: str) -> None:
    w = world(plan(task("a", retries=5)))
    w.start()
    a = w.claim("a")
    w.cancel_task("a")
    assert w.commands == [h.Stop(a)]
    assert (w.status("a"), w.row("a").reason) == (TaskStatus.RUNNING, "cancelled by ann")
    assert w.cancel_task("a", actor="bob") is None, "once is enough"
    w.restart()
    assert w.commands == [h.Watch(a), h.Stop(a)]
    w.report(a, outcome)
    assert w.status("a") == status
    assert w.row("a").reason == (None if status == "success" else "cancelled by ann")
    assert w.row("a").lost == (outcome is Outcome.LOST)
    assert w.machine.run.status == run


def test_a_running_task_whose_executor_is_gone_ends_with_the_lease(world, plan, task) -> None:
    w = world(plan(task("a", retries=5)))
    w.start()
    a = w.claim("a")
    w.cancel_task("a")
    w.expire(a)
    assert w.status("a") is TaskStatus.CANCELLED
    assert (w.row("a").lost, w.row("a").error) == (1, "no word for 30 s")


def test_a_retrying_task_is_cancelled_at_once(world, plan, task) -> None:
    w = world(plan(task("a", retries=5, retry_delay=60)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.cancel_task("a")
    assert w.status("a") is TaskStatus.CANCELLED
    w.now += MINUTE
    assert w.handle(h.RetryDue(w.now, "a")) is None


@pytest.mark.parametrize("deferral", [Deferral(until=10**15, state="1"), Deferral(run=RunRequest("other"))])
def test_a_deferred_task_is_cancelled_at_once_and_with_it_the_run_that_it_waits_for(
    world, plan, task, deferral
) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", deferral)
    w.cancel_task("a")
    unawaits = [command for command in w.commands if isinstance(command, h.Unawait)]
    assert unawaits == ([h.Unawait(a.id)] if deferral.run is not None else [])
    assert w.database.attempts[a.id].status is AttemptStatus.CANCELLED
    assert w.status("a") is TaskStatus.CANCELLED


def test_a_task_that_is_offered_again_after_a_deferral_is_withdrawn(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", Deferral(until=w.now, state="1"))
    w.handle(h.DeferralDue(w.now, a.id))
    w.cancel_task("a")
    assert w.commands[0] == h.Withdraw(a.id)
    assert w.status("a") is TaskStatus.CANCELLED


def test_what_has_ended_cannot_be_cancelled(world, plan, task) -> None:
    w = world(plan(task("a"), task("b")))
    w.start()
    w.run("a")
    with pytest.raises(NotPossible, match="task a has ended already: success"):
        w.cancel_task("a")
    w.run("b")
    with pytest.raises(NotPossible, match="task b has ended already: success"):
        w.cancel_task("b")


def test_what_is_not_there_cannot_be_cancelled(world, plan, task) -> None:
    w = world(plan(task("a"), task("f", over=list_of(1)), edges=[("a", "f")]))
    with pytest.raises(NotPossible, match="run run has not begun: it waits for its turn"):
        w.cancel_task("a")
    w.start()
    with pytest.raises(NotPossible, match=r"run run has no task nothing$"):
        w.cancel_task("nothing")
    with pytest.raises(NotPossible, match=r"run run has no task f\[0\]"):
        w.cancel_task("f", 0)
    w.run("a")
    for position in (1, -2):
        with pytest.raises(NotPossible, match=r"has no task f\["):
            w.cancel_task("f", position)


def test_a_family_is_cancelled_with_all_its_members(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2, 3)), task("g"), edges=[("f", "g")]))
    w.start()
    running = w.claim("f", 1)
    w.run("f", position=2)
    w.cancel_task("f")
    assert w.statuses() == {
        "f": "running", "f[0]": "cancelled", "f[1]": "running", "f[2]": "success", "g": "upstream_failed",
    }  # fmt: skip
    asked = next(event for event in w.database.events if event.kind is EventKind.TASK_CANCEL_REQUESTED)
    assert asked.payload == '{"task":"f","position":-1}'
    assert w.cancel_task("f") is None
    w.report(running, Outcome.CANCELLED)
    assert w.status("f") is TaskStatus.CANCELLED


def test_a_family_that_waits_is_cancelled_without_ever_having_members(world, plan, task) -> None:
    w = world(plan(task("a"), task("f", over=list_of(1, 2)), edges=[("a", "f")]))
    w.start()
    w.cancel_task("f")
    assert w.statuses() == {"a": "queued", "f": "cancelled"}
    w.run("a")
    assert w.machine.run.status is RunStatus.FAILED


def test_what_was_asked_to_end_is_not_asked_again_with_the_others(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2))))
    w.start()
    first, second = w.claim("f", 0), w.claim("f", 1)
    w.cancel_task("f", 0)
    w.cancel_task("f", actor="bob")
    assert w.commands == [h.Stop(second)]
    assert [w.row("f", each).reason for each in (0, 1)] == ["cancelled by ann", "cancelled by bob"]
    w.cancel("carl")
    assert w.commands == []
    w.report(first, Outcome.CANCELLED)
    w.report(second, Outcome.CANCELLED)
    assert w.machine.run.status is RunStatus.CANCELLED


def test_a_member_is_cancelled_alone_and_its_partner_sees_it(world, plan, task) -> None:
    w = world(
        plan(
            task("f", over=list_of(1, 2)), task("g", over=list_of(1, 2), pairwise=["f"]),
            edges=[("f", "g")],
        )
    )  # fmt: skip
    w.start()
    w.cancel_task("f", 0)
    assert (w.status("g", 0), w.status("g", 1)) == ("upstream_failed", "waiting")


# --- the run ---------------------------------------------------------------------------------------------------------


def test_a_cancel_ends_attempts_in_every_status(world, plan, task) -> None:
    names = ["queued", "running", "deferred", "awaiting", "again", "retrying"]
    w = world(
        plan(*(task(name, retries=1, retry_delay=60) for name in names), task("waiting"), edges=[("queued", "waiting")])
    )
    w.start()
    running = w.claim("running")
    deferred = w.defer("deferred", Deferral(until=10**15))
    awaiting = w.defer("awaiting", Deferral(run=RunRequest("other")))
    again = w.defer("again", Deferral(until=w.now, state="1"))
    w.handle(h.DeferralDue(w.now, again.id))
    w.run("retrying", Outcome.FAILED)
    queued = w.live("queued")
    w.cancel()
    assert w.commands == [h.Withdraw(queued.id), h.Stop(running), h.Unawait(awaiting.id), h.Withdraw(again.id)]
    assert w.statuses() == {**dict.fromkeys([*names, "waiting"], "cancelled"), "running": "running"}
    assert {w.database.attempts[each.id].status for each in (queued, deferred, awaiting, again)} == {"cancelled"}
    assert w.report(running, Outcome.DEFERRED, deferral=Deferral(until=w.now + 1)) is not None
    assert w.database.attempts[running.id].status is AttemptStatus.CANCELLED
    assert w.machine.run.status is RunStatus.CANCELLED


def test_a_run_that_waits_for_its_turn_again_starts_nothing_when_it_is_cancelled(world, plan, task) -> None:
    w = world(
        plan(
            task("a"), task("b", trigger=spec.Trigger.ALL_DONE), task("tidy", handler=spec.HandlerKind.FINALLY),
            edges=[("a", "b")],
        )
    )  # fmt: skip
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("b")
    w.run("tidy")
    w.restart_failed()
    before = len(w.database.attempts)
    w.cancel()
    assert [type(command) for command in w.commands] == [h.RunEnded]
    assert w.statuses() == {"a": "cancelled", "b": "cancelled", "tidy": "cancelled"}
    assert len(w.database.attempts) == before
    assert w.machine.run.status is RunStatus.CANCELLED
    assert w.start() is None


# --- run_timeout -----------------------------------------------------------------------------------------------------


def test_a_run_that_runs_too_long_is_stopped_and_has_failed(world, plan, task) -> None:
    w = world(plan(task("a", retries=3), task("b"), edges=[("a", "b")], run_timeout=timedelta(minutes=5)))
    w.now += MINUTE  # it waited in the queue, which does not count
    w.start()
    due = w.now + 5 * MINUTE
    assert h.WakeAt("run", due, 5 * MINUTE, h.RunTimedOut(due)) in w.commands
    a = w.claim("a")
    assert w.handle(h.RunTimedOut(due - 1)) is None
    w.now = due
    w.handle(h.RunTimedOut(due))
    assert w.commands == [h.Stop(a)]
    assert w.statuses() == {"a": "running", "b": "cancelled"}
    assert w.handle(h.RunTimedOut(due)) is None
    assert w.cancel() is None, "it is ending already"
    w.report(a, Outcome.FAILED)
    assert w.statuses() == {"a": "cancelled", "b": "cancelled"}
    assert w.row("a").reason == "it ran longer than its run_timeout of 5m"
    assert w.machine.run.status is RunStatus.FAILED
    assert w.machine.run.reason == "it ran longer than its run_timeout of 5m"


def test_a_run_that_succeeds_while_it_is_stopped_has_still_failed(world, plan, task) -> None:
    w = world(plan(task("a"), run_timeout=timedelta(seconds=1)))
    w.start()
    a = w.claim("a")
    w.now += SECOND
    w.handle(h.RunTimedOut(w.now))
    w.report(a)
    assert w.status("a") is TaskStatus.SUCCESS
    assert w.machine.run.status is RunStatus.FAILED


def test_the_time_out_of_a_run_is_counted_anew_when_part_of_it_is_done_again(world, plan, task) -> None:
    w = world(plan(task("a"), run_timeout=timedelta(minutes=5)))
    w.start()
    w.run("a", Outcome.FAILED)
    first = w.now + 5 * MINUTE
    w.restart_failed()
    w.now += 4 * MINUTE
    w.start()
    assert h.WakeAt("run", w.now + 5 * MINUTE, 5 * MINUTE, h.RunTimedOut(w.now + 5 * MINUTE)) in w.commands
    assert w.handle(h.RunTimedOut(first)) is None, "a timer of the time before"
    w.now += 5 * MINUTE
    assert w.handle(h.RunTimedOut(w.now)) is not None


def test_a_run_without_a_time_out_never_takes_too_long(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    assert w.handle(h.RunTimedOut(10**17)) is None


def test_a_cancel_after_which_the_time_out_passes_stays_a_cancel(world, plan, task) -> None:
    w = world(plan(task("a"), run_timeout=timedelta(seconds=1)))
    w.start()
    a = w.claim("a")
    w.cancel()
    w.now += SECOND
    assert w.handle(h.RunTimedOut(w.now)) is None
    w.restart()
    assert not [command for command in w.commands if isinstance(command, h.WakeAt)]
    w.report(a, Outcome.CANCELLED)
    assert w.machine.run.status is RunStatus.CANCELLED


# --- deadline --------------------------------------------------------------------------------------------------------


def test_a_run_that_is_late_is_told_of_and_goes_on(world, plan, task) -> None:
    late = (spec.AlertEvent.LATE,)
    w = world(plan(task("a"), deadline=timedelta(hours=2), notify=("ops",), alert_on=late))
    w.start()
    w.handle(h.DeadlinePassed(w.now))
    assert w.machine.run.late_at == w.now
    assert w.told() == [(NoticeEvent.LATE, None, ("ops",))]
    assert w.commands[0].error == "it has not ended 2h after it was due"
    assert w.history()[-1] is EventKind.RUN_LATE
    assert w.handle(h.DeadlinePassed(w.now + 1)) is None, "once is enough"
    w.run("a")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_run_may_be_late_before_it_has_begun(world, plan, task) -> None:
    w = world(plan(task("a"), deadline=timedelta(hours=2)))
    w.handle(h.DeadlinePassed(w.now))
    assert w.machine.run.status is RunStatus.QUEUED
    assert w.machine.run.late_at == w.now
    assert [(notice.event, notice.alert) for notice in w.notices(alerts=False)] == [(NoticeEvent.LATE, False)]
    w.start()
    w.run("a")
    assert w.machine.run.late_at is not None


def test_a_run_that_has_ended_is_not_late(world, plan, task) -> None:
    w = world(plan(task("a"), deadline=timedelta(hours=2)))
    w.start()
    w.run("a")
    assert w.handle(h.DeadlinePassed(w.now)) is None
