"""Attempts that wait without an executor: until a time, or for a run of another dag."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppacer.core import happenings as h
from ppacer.core.machine import time_left
from ppacer.core.model import AttemptStatus, ErrorKind, EventKind, RunStatus, TaskStatus
from ppacer.core.run_state import deferral_of
from ppacer.protocol import Deferral, Outcome, RunRequest
from tests.runtime.core.machine.plans import SECOND, list_of

MINUTE = 60 * SECOND
OTHER = RunRequest("other", params='{"n":1}')


def test_until_a_time_with_nothing_left_to_do(world, plan, task) -> None:
    """`sleep`: no worker is needed once more."""
    w = world(plan(task("a"), task("b"), edges=[("a", "b")]))
    w.start()
    due = w.now + MINUTE
    a = w.claim("a")
    w.report(a, Outcome.DEFERRED, deferral=Deferral(until=due, output='"slept"'))
    assert w.commands == [h.Ended(a), h.WakeAt("run", due, MINUTE, h.DeferralDue(due, a.id))]
    waiting = w.live("a")
    assert (waiting.status, waiting.due_at, waiting.lease_until) == (AttemptStatus.DEFERRED, due, None)
    assert w.status("a") is TaskStatus.RUNNING
    assert w.report(a) is None, "its token is dead"
    assert w.expire(a) is None
    w.now = due - 1
    assert w.handle(h.DeferralDue(w.now, a.id)) is None
    w.now = due
    w.handle(h.DeferralDue(w.now, a.id))
    assert w.row("a").output == '"slept"'
    assert w.database.attempts[a.id].status is AttemptStatus.SUCCESS
    assert w.status("b") is TaskStatus.QUEUED
    assert w.handle(h.DeferralDue(w.now, a.id)) is None


def test_until_a_time_and_then_on_with_what_was_left_behind(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    first = w.defer("a", Deferral(until=w.now + MINUTE, state='{"page":2}'))
    w.now += MINUTE
    w.handle(h.DeferralDue(w.now, first.id))
    offered = w.live("a")
    assert w.commands == [h.Offer(offered, w.plan.tasks["a"])]
    assert (offered.status, offered.number, offered.due_at) == (AttemptStatus.QUEUED, 1, None)
    assert deferral_of(offered).state == '{"page":2}'
    assert w.status("a") is TaskStatus.RUNNING
    second = w.claim("a")
    assert second.token > first.token
    assert second.started_at == first.started_at, "it began with its first part"
    assert w.report(first) is None
    assert w.expire(first) is None
    w.now += 1
    w.report(second, Outcome.DEFERRED, deferral=Deferral(until=w.now + MINUTE, state='{"page":3}'))
    third = w.live("a")
    assert (third.parts, deferral_of(third).state) == (2, '{"page":3}')
    w.now += MINUTE
    w.handle(h.DeferralDue(w.now, first.id))
    assert w.handle(h.Claimed(w.now, first.id, second.token, "host", "i", "r", w.now + 1)) is None, "an old claim"
    w.now += MINUTE
    w.run("a", output="3")
    assert w.row("a").output == "3"
    assert w.row("a").attempts == 1
    ended = w.database.attempts[first.id]
    assert (ended.started_at, ended.finished_at) == (first.started_at, w.now)
    assert w.history() == [
        EventKind.RUN_CREATED,
        EventKind.RUN_STARTED,
        EventKind.TASK_QUEUED,
        EventKind.ATTEMPT_STARTED,
        EventKind.ATTEMPT_DEFERRED,
        EventKind.ATTEMPT_FINISHED,
        EventKind.TASK_FINISHED,
        EventKind.RUN_FINISHED,
    ], "parts after the first leave no events"


def test_until_a_time_that_has_passed(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", Deferral(until=5))
    [wake] = [command for command in w.commands if isinstance(command, h.WakeAt)]
    assert (wake.at, wake.within) == (5, 0)
    w.handle(h.DeferralDue(w.now, a.id))
    assert w.machine.run.status is RunStatus.SUCCESS
    assert w.row("a").output == "null"


@pytest.mark.parametrize("state", [None, "1"])
def test_what_waits_for_nothing_goes_on_at_once(world, plan, task, state: str | None) -> None:
    """Else a task without a time-out would wait for ever."""
    w = world(plan(task("a", timeout=None)))
    w.start()
    a = w.defer("a", Deferral(state=state))
    assert a.due_at == w.now
    assert w.commands[-1] == h.WakeAt("run", w.now, 0, h.DeferralDue(w.now, a.id))
    w.handle(h.DeferralDue(w.now, a.id))
    assert w.status("a") is (TaskStatus.SUCCESS if state is None else TaskStatus.RUNNING)


# --- for a run -------------------------------------------------------------------------------------------------------


def test_for_a_run_that_ends_well(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", Deferral(run=OTHER))
    assert w.commands[-1] == h.Await(a, OTHER)
    w.handle(h.Awaited(w.now, a.id, output='{"run":"r7","status":"success"}'))
    assert w.row("a").output == '{"run":"r7","status":"success"}'
    assert w.machine.run.status is RunStatus.SUCCESS
    assert w.handle(h.Awaited(w.now, a.id, output="1")) is None


def test_for_a_run_that_ends_well_and_then_on(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", Deferral(run=OTHER, state='"next"'))
    w.handle(h.Awaited(w.now, a.id, output="1"))
    assert deferral_of(w.live("a")).state == '"next"'
    w.run("a", output="2")
    assert w.row("a").output == "2"


def test_for_a_run_that_ends_badly(world, plan, task) -> None:
    w = world(plan(task("a", retries=1)))
    w.start()
    first = w.defer("a", Deferral(run=OTHER, state="1"))
    w.handle(h.Awaited(w.now, first.id, error="run r7 of dag other ended as failed"))
    ended = w.database.attempts[first.id]
    assert (ended.status, ended.error_kind) == (AttemptStatus.FAILED, ErrorKind.RUN)
    assert ended.error == "run r7 of dag other ended as failed\ntask a of dag d (d.ppd:1)"
    second = w.defer("a", Deferral(run=OTHER, state="1"))
    assert second.number == 2
    assert h.Await(second, OTHER) in w.commands, "another attempt, another run"
    w.handle(h.Awaited(w.now, second.id, error="no luck"))
    assert w.status("a") is TaskStatus.FAILED


def test_word_of_a_run_does_not_wake_what_waits_for_a_time(world, plan, task) -> None:
    """It comes late, for an earlier part."""
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", Deferral(run=OTHER, state="1"))
    w.handle(h.Awaited(w.now, a.id, output="1"))
    assert w.handle(h.Awaited(w.now, a.id, output="1")) is None
    w.defer("a", Deferral(until=w.now + MINUTE, state="2"))
    assert w.handle(h.Awaited(w.now, a.id, output="1")) is None
    assert w.handle(h.Awaited(w.now, a.id, error="1")) is None


def test_for_a_run_but_only_until_a_time(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.defer("a", Deferral(run=OTHER, until=w.now + MINUTE, state="1"))
    w.now += MINUTE
    w.handle(h.DeferralDue(w.now, a.id))
    assert w.commands == [h.Unawait(a.id), h.Offer(w.live("a"), w.plan.tasks["a"])]


# --- time-outs -------------------------------------------------------------------------------------------------------


def test_the_time_out_covers_the_waiting(world, plan, task) -> None:
    w = world(plan(task("a", timeout=600, retries=1)))
    w.start()
    begun = w.now
    w.now += MINUTE
    a = w.defer("a", Deferral(until=w.now + 60 * MINUTE, state="1"))
    [wake] = [command for command in w.commands if isinstance(command, h.WakeAt)]
    assert wake.at == a.started_at + 10 * MINUTE
    assert begun < a.started_at
    w.now = wake.at - 1
    assert w.handle(h.DeferralDue(w.now, a.id)) is None
    w.now = wake.at
    w.handle(h.DeferralDue(w.now, a.id))
    ended = w.database.attempts[a.id]
    assert (ended.status, ended.error_kind) == (AttemptStatus.TIMED_OUT, ErrorKind.TIMEOUT)
    assert ended.error == "the task waited longer than its time-out of 10m\ntask a of dag d (d.ppd:1)"
    assert w.status("a") is TaskStatus.QUEUED
    assert w.claim("a").number == 2


def test_a_scheduler_that_was_away_notices_what_came_first(world, plan, task) -> None:
    """Both times have passed by then."""
    w = world(plan(task("late", timeout=600), task("early", timeout=600)))
    w.start()
    late = w.defer("late", Deferral(until=w.now + 11 * MINUTE))
    early = w.defer("early", Deferral(until=w.now + 9 * MINUTE))
    w.now += 60 * MINUTE
    w.restart()
    for attempt in (late, early):
        w.handle(h.DeferralDue(w.now, attempt.id))
    assert w.statuses() == {"late": "failed", "early": "success"}


def test_a_time_out_while_a_run_is_awaited_gives_that_run_up(world, plan, task) -> None:
    w = world(plan(task("a", timeout=60)))
    w.start()
    a = w.defer("a", Deferral(run=OTHER))
    w.now += MINUTE
    w.handle(h.DeferralDue(w.now, a.id))
    assert h.Unawait(a.id) in w.commands
    assert w.status("a") is TaskStatus.FAILED
    assert w.handle(h.Awaited(w.now, a.id, output="1")) is None


def test_without_a_time_out_a_run_is_awaited_for_as_long_as_it_takes(world, plan, task) -> None:
    w = world(plan(task("a", timeout=None)))
    w.start()
    a = w.defer("a", Deferral(run=OTHER))
    assert not [command for command in w.commands if isinstance(command, h.WakeAt)]
    w.now = 10**17
    assert w.handle(h.DeferralDue(w.now, a.id)) is None


def test_the_executors_clock_decides_nothing(world, plan, task) -> None:
    """It may be an hour slow: then the attempt would seem to have begun an hour ago."""
    w = world(plan(task("a", timeout=600)))
    w.start()
    a = w.claim("a")
    wrong = w.now - 60 * MINUTE
    deferral = Deferral(until=w.now + MINUTE)
    w.handle(h.Reported(w.now, a.id, a.token, Outcome.DEFERRED, wrong, wrong, deferral=deferral))
    assert w.live("a").started_at == w.now
    [wake] = [command for command in w.commands if isinstance(command, h.WakeAt)]
    assert wake.at == w.now + MINUTE


@pytest.mark.parametrize(
    ("timeout", "waited", "left"), [(600, 0, 600), (600, 60, 540), (600, 6000, 0), (None, 60, None)]
)
def test_what_is_left_of_the_time_out_for_a_later_part(world, plan, task, timeout, waited: int, left) -> None:
    w = world(plan(task("a", timeout=timeout)))
    w.start()
    a = w.claim("a")
    assert time_left(w.plan.tasks["a"], a, w.now + 5 * SECOND) == timeout, "a first part has all of it"
    w.report(a, Outcome.DEFERRED, deferral=Deferral(until=w.now, state="1"))
    w.handle(h.DeferralDue(w.now, a.id))
    again = w.claim("a")
    assert time_left(w.plan.tasks["a"], again, w.now + waited * SECOND) == left


# --- what else may befall --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["failed", "lost", "expired", "timed_out"])
def test_a_later_part_that_goes_wrong_costs_the_whole_attempt(world, plan, task, how: str) -> None:
    w = world(plan(task("a", retries=1)))
    w.start()
    first = w.defer("a", Deferral(until=w.now, state="1"))
    w.handle(h.DeferralDue(w.now, first.id))
    again = w.claim("a")
    if how == "expired":
        w.expire(again)
    else:
        w.report(again, Outcome(how))
    fresh = w.claim("a")
    assert (fresh.number, fresh.state, fresh.parts) == (2, None, 0), "the next one begins at the beginning"
    assert w.row("a").lost == (how in ("lost", "expired"))


def test_a_later_part_that_cannot_start_fails_the_task(world, plan, task) -> None:
    w = world(plan(task("a", retries=1)))
    w.start()
    a = w.defer("a", Deferral(until=w.now, state="1"))
    w.handle(h.DeferralDue(w.now, a.id))
    w.handle(h.CannotStart(w.now, a.id, ErrorKind.CODE_GONE, "gone"))
    assert w.status("a") is TaskStatus.FAILED


def test_a_retry_waits_and_what_it_waited_for_comes_too_late(world, plan, task) -> None:
    w = world(plan(task("a", retries=1, retry_delay=60)))
    w.start()
    a = w.defer("a", Deferral(run=OTHER))
    w.handle(h.Awaited(w.now, a.id, error="no"))
    assert w.status("a") is TaskStatus.RETRYING
    assert w.handle(h.DeferralDue(w.now + 60 * MINUTE, a.id)) is None
    w.now += MINUTE
    w.handle(h.RetryDue(w.now, "a"))
    assert w.status("a") is TaskStatus.QUEUED


def test_a_scheduler_that_starts_takes_each_kind_of_waiting_up_again(world, plan, task) -> None:
    w = world(
        plan(
            task("time"), task("other", timeout=None), task("again"), task("late", retries=1, retry_delay=60),
            run_timeout=timedelta(hours=1),
        )
    )  # fmt: skip
    w.start()
    started = w.now
    time = w.defer("time", Deferral(until=w.now + MINUTE, state="1"))
    other = w.defer("other", Deferral(run=OTHER))
    again = w.defer("again", Deferral(until=w.now, state="1"))
    w.handle(h.DeferralDue(w.now, again.id))
    again = w.live("again")
    w.run("late", Outcome.FAILED)
    w.restart()
    hour = 60 * MINUTE
    assert w.commands == [
        h.WakeAt("run", started + hour, hour, h.RunTimedOut(started + hour)),
        h.WakeAt("run", w.now + MINUTE, MINUTE, h.DeferralDue(w.now + MINUTE, time.id)),
        h.Await(other, OTHER),
        h.Offer(again, w.plan.tasks["again"]),
        h.WakeAt("run", w.now + MINUTE, MINUTE, h.RetryDue(w.now + MINUTE, "late")),
    ]
    running = w.claim("again")
    w.restart()
    assert h.Watch(running) in w.commands
    w.now += MINUTE
    w.handle(h.DeferralDue(w.now, time.id))
    assert w.live("time").status is AttemptStatus.QUEUED
    w.handle(h.Awaited(w.now, other.id, output="1"))
    assert w.status("other") is TaskStatus.SUCCESS


def test_a_deferral_that_says_nothing_counts_as_lost(world, plan, task) -> None:
    """No executor of this version sends one."""
    w = world(plan(task("a")))
    w.start()
    w.report(w.claim("a"), Outcome.DEFERRED)
    assert w.row("a").lost == 1
    assert w.status("a") is TaskStatus.QUEUED


def test_members_of_a_family_wait_one_by_one(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2))))
    w.start()
    waiting = [w.defer("f", Deferral(until=w.now + MINUTE, output=str(each)), position=each) for each in (0, 1)]
    w.now += MINUTE
    for attempt in reversed(waiting):
        w.handle(h.DeferralDue(w.now, attempt.id))
    assert [w.row("f", each).output for each in (0, 1)] == ["0", "1"]
    assert w.machine.run.status is RunStatus.SUCCESS
