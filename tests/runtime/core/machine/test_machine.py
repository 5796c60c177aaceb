"""What becomes of a run, told happening by happening. `world` checks the invariants after each."""

from __future__ import annotations

import json

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.machine import RunMachine
from ppacer.core.model import (
    AttemptStatus,
    ErrorKind,
    EventKind,
    InsertEvent,
    RunKind,
    RunStatus,
    TaskStatus,
    UpdateTask,
)
from ppacer.core.restore import RestoreError
from ppacer.core.runs import abandon, new_run
from ppacer.protocol import Outcome

SECOND = 1_000_000


def kinds(commands: list[h.Command]) -> list[str]:
    return [type(command).__name__ for command in commands]


def test_a_chain_runs_one_task_after_the_other(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), edges=[("a", "b")]))
    w.start()
    assert kinds(w.commands) == ["RunStarted", "Offer"]
    assert w.statuses() == {"a": "queued", "b": "waiting"}
    a = w.claim("a")
    assert a.code == "c0de"
    assert kinds(w.commands) == ["Watch"]
    w.report(a, output="[1]")
    assert kinds(w.commands) == ["Ended", "Offer"]
    assert w.machine.task("a").output == "[1]"
    w.run("b")
    assert kinds(w.commands) == ["Ended", "RunEnded"]
    assert w.machine.run.status is RunStatus.SUCCESS
    assert w.history() == [
        EventKind.RUN_CREATED,
        EventKind.RUN_STARTED,
        EventKind.TASK_QUEUED,
        EventKind.ATTEMPT_STARTED,
        EventKind.ATTEMPT_FINISHED,
        EventKind.TASK_FINISHED,
        EventKind.TASK_QUEUED,
        EventKind.ATTEMPT_STARTED,
        EventKind.ATTEMPT_FINISHED,
        EventKind.TASK_FINISHED,
        EventKind.RUN_FINISHED,
    ]
    finished = json.loads(w.database.events[4].payload)
    assert finished == {"task": "a", "number": 1, "id": a.id, "status": "success", "error_kind": None}


def test_a_dag_without_tasks_succeeds_at_once(world, plan) -> None:
    w = world(plan())
    w.start()
    assert w.machine.run.status is RunStatus.SUCCESS


def test_all_parents_are_waited_for(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c"), edges=[("a", "c"), ("b", "c")]))
    w.start()
    w.run("b")
    assert w.status("c") is TaskStatus.WAITING
    w.run("a")
    assert w.status("c") is TaskStatus.QUEUED


def test_a_failure_ends_all_that_follows_and_the_run(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c"), task("d"), edges=[("a", "b"), ("b", "c")]))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.statuses() == {"a": "failed", "b": "upstream_failed", "c": "upstream_failed", "d": "queued"}
    assert w.machine.run.status is RunStatus.RUNNING
    w.run("d")
    assert w.machine.run.status is RunStatus.FAILED


def test_a_task_that_tidies_up_does_not_hide_a_failure(world, plan, task) -> None:
    w = world(plan(task("a"), task("tidy", trigger=spec.Trigger.ALL_DONE), edges=[("a", "tidy")]))
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("tidy")
    assert w.status("tidy") is TaskStatus.SUCCESS
    assert w.machine.run.status is RunStatus.FAILED


def test_a_long_chain_ends_without_deep_recursion(world, plan, task) -> None:
    names = [f"t{i}" for i in range(3000)]
    wired = plan(task("first"))
    tasks = tuple(
        spec.Task(
            name,
            "m:f",
            spec.At(1, 1),
            parents=tuple(names[i - 1 : i]) if i else (),
            children=tuple(names[i + 1 : i + 2]),
        )
        for i, name in enumerate(names)
    )
    dag = spec.Dag("d", spec.At(1, 1), tasks)
    chain = type(wired)(wired.build, dag, {t.id: t for t in tasks}, {}, wired.sources)
    run, _ = new_run(id="r", dag="d", build="b", kind=RunKind.MANUAL, scheduled_at=0, at=0, actor="me")
    machine = RunMachine(chain, run, new_id=lambda at: "a", seq=1)
    machine.handle(h.Start(0))
    machine.handle(h.Claimed(0, "a", 1, "e", "i", "r", 1))
    step = machine.handle(h.Reported(0, "a", 1, Outcome.FAILED, 0, 0))
    assert len([write for write in step.writes if isinstance(write, UpdateTask)]) == 3000
    assert machine.run.status is RunStatus.FAILED


# --- retries ---------------------------------------------------------------------------------------------------------


def test_a_failed_attempt_is_retried_after_the_delay(world, plan, task) -> None:
    w = world(plan(task("a", retries=1, retry_delay=60)))
    w.start()
    w.report(w.claim("a"), Outcome.FAILED, error="boom")
    assert w.status("a") is TaskStatus.RETRYING
    assert w.machine.task("a").error == "boom"
    due = w.now + 60 * SECOND
    assert w.commands[-1] == h.WakeAt("run", due, 60 * SECOND, h.RetryDue(due, "a"))
    assert w.handle(h.RetryDue(due - 1, "a")) is None
    w.now += 60 * SECOND
    w.handle(h.RetryDue(w.now, "a"))
    assert kinds(w.commands) == ["Offer"]
    second = w.claim("a")
    assert second.number == 2
    w.report(second, Outcome.TIMED_OUT)
    assert w.status("a") is TaskStatus.FAILED
    assert w.machine.run.status is RunStatus.FAILED
    assert [row.error_kind for row in w.database.attempts.values()] == [ErrorKind.EXCEPTION, ErrorKind.TIMEOUT]


def test_without_a_delay_a_retry_is_offered_at_once(world, plan, task) -> None:
    w = world(plan(task("a", retries=2)))
    w.start()
    for _ in range(2):
        w.run("a", Outcome.FAILED)
        assert kinds(w.commands) == ["Ended", "Notice", "Offer"]
    w.run("a")
    assert w.machine.run.status is RunStatus.SUCCESS
    assert w.machine.task("a").attempts == 3


def test_a_retry_that_came_due_twice_counts_once(world, plan, task) -> None:
    w = world(plan(task("a", retries=1, retry_delay=1)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.now += SECOND
    assert w.handle(h.RetryDue(w.now, "a")) is not None
    assert w.handle(h.RetryDue(w.now, "a")) is None
    assert w.handle(h.RetryDue(w.now, "unknown")) is None


@pytest.mark.parametrize("kind", [ErrorKind.ARGUMENTS, ErrorKind.CODE_GONE])
def test_what_trying_again_cannot_mend_is_not_retried(world, plan, task, kind: ErrorKind) -> None:
    w = world(plan(task("a", retries=5)))
    w.start()
    offered = w.live("a")
    w.handle(h.CannotStart(w.now, offered.id, kind, "no way"))
    assert kinds(w.commands) == ["Withdraw", "Notice", "RunEnded"]
    assert w.status("a") is TaskStatus.FAILED
    assert w.database.attempts[offered.id].status is AttemptStatus.FAILED
    assert w.database.attempts[offered.id].error_kind is kind
    assert w.machine.run.status is RunStatus.FAILED


def test_an_executor_that_cannot_build_the_arguments_is_not_asked_again(world, plan, task) -> None:
    w = world(plan(task("a", retries=5)))
    w.start()
    a = w.claim("a")
    w.handle(h.Reported(w.now, a.id, a.token, Outcome.FAILED, 1, 2, error_kind=ErrorKind.ARGUMENTS, error="no date"))
    assert w.status("a") is TaskStatus.FAILED
    assert (w.database.attempts[a.id].started_at, w.database.attempts[a.id].finished_at) == (1, 2)


# --- leases ----------------------------------------------------------------------------------------------------------


def test_a_lost_attempt_is_replaced_and_its_report_refused(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    lost = w.claim("a")
    w.expire(lost)
    assert kinds(w.commands) == ["Ended", "Notice", "Offer"]
    assert w.database.attempts[lost.id].status is AttemptStatus.LOST
    assert w.report(lost) is None
    second = w.claim("a")
    assert second.token > lost.token
    assert w.report(lost) is None
    assert w.expire(lost) is None
    w.report(second)
    assert w.machine.run.status is RunStatus.SUCCESS


def test_losses_have_a_budget_of_their_own(world, plan, task) -> None:
    w = world(plan(task("a", retries=1)))
    w.start()
    for _ in range(spec.LOST_BUDGET):
        w.expire(w.claim("a"))
    w.run("a", Outcome.FAILED)
    assert w.status("a") is TaskStatus.QUEUED
    w.expire(w.claim("a"))
    assert w.status("a") is TaskStatus.FAILED
    assert w.machine.task("a").attempts == 1 + 1 + spec.LOST_BUDGET
    assert w.machine.task("a").lost == spec.LOST_BUDGET + 1


def test_on_lost_fail(world, plan, task) -> None:
    w = world(plan(task("a", retries=3, on_lost=spec.OnLost.FAIL)))
    w.start()
    w.expire(w.claim("a"))
    assert w.status("a") is TaskStatus.FAILED


@pytest.mark.parametrize("outcome", [Outcome.LOST, Outcome.CANCELLED])
def test_an_attempt_that_the_executor_gave_up_counts_as_lost(world, plan, task, outcome: Outcome) -> None:
    w = world(plan(task("a")))
    w.start()
    w.run("a", outcome)
    assert w.status("a") is TaskStatus.QUEUED
    assert w.machine.task("a").lost == 1


def test_a_claim_is_granted_once(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.claim("a")
    assert w.handle(h.Claimed(w.now, a.id, 99, "other", "instance", "request", 1)) is None


def test_a_restored_lease_is_part_of_the_history(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    offered = w.live("a")
    assert w.handle(h.LeaseRestored(w.now, offered.id, 5)) is None
    a = w.claim("a")
    w.handle(h.LeaseRestored(w.now, a.id, a.lease_until + 5))
    assert w.machine.attempt(a.id).lease_until == a.lease_until + 5
    assert w.history()[-1] is EventKind.LEASE_RESTORED
    w.report(a)
    assert w.machine.run.status is RunStatus.SUCCESS


# --- cancel ----------------------------------------------------------------------------------------------------------


def test_cancelling_a_queued_run_ends_it(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.handle(h.CancelAsked(w.now, "ann"))
    assert w.machine.run.status is RunStatus.CANCELLED
    assert w.machine.run.reason == "cancelled by ann"
    assert kinds(w.commands) == ["RunEnded"]
    assert w.start() is None


def test_cancel_stops_what_runs_and_ends_with_it(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c"), task("d", retries=1, retry_delay=9), edges=[("a", "c")]))
    w.start()
    w.run("d", Outcome.FAILED)
    a = w.claim("a")
    b = w.live("b")
    w.handle(h.CancelAsked(w.now, "ann"))
    assert kinds(w.commands) == ["Stop", "Withdraw"]
    assert w.commands == [h.Stop(a), h.Withdraw(b.id)]
    assert w.statuses() == {"a": "running", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    assert w.machine.run.status is RunStatus.RUNNING
    assert w.handle(h.CancelAsked(w.now, "bob")) is None
    assert w.handle(h.RetryDue(w.now, "d")) is None
    w.report(a, Outcome.CANCELLED)
    assert w.status("a") is TaskStatus.CANCELLED
    assert w.machine.run.status is RunStatus.CANCELLED
    cancel = next(event for event in w.database.events if event.kind is EventKind.CANCEL_REQUESTED)
    assert cancel.actor == "ann"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Outcome.SUCCESS, "success"), (Outcome.FAILED, "cancelled"), (Outcome.LOST, "cancelled")],
)
def test_what_succeeds_during_a_cancel_has_succeeded_and_the_rest_is_cancelled(
    world, plan, task, outcome, status
) -> None:
    w = world(plan(task("a", retries=3), task("b"), edges=[("a", "b")]))
    w.start()
    a = w.claim("a")
    w.handle(h.CancelAsked(w.now, "ann"))
    w.report(a, outcome)
    assert w.statuses() == {"a": status, "b": "cancelled"}
    assert w.machine.run.status is RunStatus.CANCELLED


def test_a_cancelled_run_whose_executor_is_gone_ends_with_the_lease(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    a = w.claim("a")
    w.handle(h.CancelAsked(w.now, "ann"))
    w.expire(a)
    assert w.machine.run.status is RunStatus.CANCELLED


# --- alerts ----------------------------------------------------------------------------------------------------------


def test_alerts_tell_what_was_asked_for(world, plan, task) -> None:
    every = tuple(spec.AlertEvent)
    w = world(plan(task("a", retries=1, retry_delay=2, alert_on=every), alert_on=every))
    w.start()
    w.report(w.claim("a"), Outcome.FAILED, error="boom")
    [alert] = [command for command in w.commands if isinstance(command, h.Notice)]
    assert (alert.event, alert.task, alert.number, alert.error) == (spec.AlertEvent.RETRY, "a", 1, "boom")
    assert alert.retry_in == 2 * SECOND
    w.now += 2 * SECOND
    w.handle(h.RetryDue(w.now, "a"))
    w.run("a")
    told = [(alert.event, alert.task) for alert in w.commands if isinstance(alert, h.Notice)]
    assert told == [(spec.AlertEvent.SUCCESS, "a"), (spec.AlertEvent.SUCCESS, None)]


def test_by_default_people_are_alerted_to_failures_only(world, plan, task) -> None:
    w = world(plan(task("a", retries=1)))
    w.start()
    w.run("a", Outcome.FAILED)
    [notice] = [command for command in w.commands if isinstance(command, h.Notice)]
    assert (notice.event, notice.alert) == (spec.AlertEvent.RETRY, False)
    w.run("a", Outcome.FAILED)
    [notice] = [command for command in w.commands if isinstance(command, h.Notice)]
    assert (notice.event, notice.alert) == (spec.AlertEvent.FAILURE, True)


# --- restoring -------------------------------------------------------------------------------------------------------


def test_resuming_a_cancelled_run_stops_its_attempts_again(world, plan, task) -> None:
    p = plan(task("a"))
    w = world(p)
    w.start()
    a = w.claim("a")
    w.handle(h.CancelAsked(w.now, "ann"))
    again = RunMachine.restore(
        p, w.machine.run, w.machine.tasks(), w.machine.attempts(), new_id=lambda at: "x", seq=w.machine.seq
    )
    assert again.resume() == [h.Watch(a), h.Stop(a)]


def test_rows_that_do_not_fit_the_dag_are_refused(world, plan, task) -> None:
    w = world(plan(task("a")))
    w.start()
    for other in (plan(task("a"), task("b")), plan()):
        with pytest.raises(RestoreError, match="run run has"):
            RunMachine.restore(other, w.machine.run, w.machine.tasks(), (), new_id=lambda at: "x", seq=3)


def test_a_run_that_nothing_can_go_on_with_ends_as_failed(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), task("c"), edges=[("a", "c")]))
    w.start()
    w.claim("a")
    failed, writes = abandon(
        w.machine.run,
        list(w.machine.tasks()),
        list(w.machine.attempts()),
        seq=w.machine.seq,
        at=w.now,
        reason="its build cannot be read",
    )
    w.database.apply(writes)
    assert w.database.runs["run"] == failed
    assert failed.status is RunStatus.FAILED
    assert {row.status for row in w.database.tasks.values()} == {TaskStatus.CANCELLED}
    assert sorted(row.status for row in w.database.attempts.values()) == ["cancelled", "lost"]
    assert {row.lost for row in w.database.tasks.values()} == {0, 1}
    told = [(event.row.kind.value, json.loads(event.row.payload)) for event in writes if isinstance(event, InsertEvent)]
    assert [event.row.seq for event in writes if isinstance(event, InsertEvent)] == [
        w.machine.seq + n for n in range(1, len(told) + 1)
    ]
    assert {payload["id"]: payload["status"] for kind, payload in told if kind == "attempt_finished"} == {
        row.id: row.status for row in w.database.attempts.values()
    }
    assert [payload["task"] for kind, payload in told if kind == "task_finished"] == ["a", "b", "c"]
    assert told[-1] == ("run_finished", {"status": "failed", "reason": "its build cannot be read"})
