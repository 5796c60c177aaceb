"""Who is told what: of tasks, of members of families, of the run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.model import NoticeEvent, TaskStatus
from ppacer.protocol import Outcome
from tests.runtime.core.machine.plans import (
    AT,
    SECOND,
    attribute,
    binary,
    constant,
    element,
    list_of,
    output,
    outputs,
    text,
)

E = spec.AlertEvent
N = NoticeEvent
EVERY = tuple(spec.AlertEvent)


def task_value(name: str) -> spec.Expr:
    return spec.TaskValue(spec.TaskField(name), AT)


def test_a_task_tells_its_own_notifiers_else_those_of_the_dag(world, plan, task) -> None:
    w = world(plan(task("a", notify=("me", "you")), task("b"), notify=("ops",)))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, "a", ("me", "you"))]
    w.run("b", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, "b", ("ops",))]


def test_without_notifiers_the_log_alone_is_told(world, plan, task) -> None:
    w = world(plan(task("a"), alert_on=(E.FAILURE,)))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, "a", ()), (N.FAILURE, None, ())]


@pytest.mark.parametrize("alert_on", [(), (E.FAILURE,), (E.RETRY,), (E.SUCCESS,), EVERY])
def test_each_event_is_told_to_people_if_they_asked_and_failures_and_retries_always_to_the_log(
    world, plan, task, alert_on: tuple[spec.AlertEvent, ...]
) -> None:
    w = world(plan(task("a", retries=1, alert_on=alert_on), task("b", alert_on=alert_on), notify=("ops",)))
    w.start()
    seen: list[tuple[str, bool, tuple[str, ...]]] = []
    for name, outcome in (("a", Outcome.FAILED), ("a", Outcome.FAILED), ("b", Outcome.SUCCESS)):
        w.run(name, outcome)
        seen += [(notice.event, notice.alert, notice.notifiers) for notice in w.notices(alerts=False)]
    expected = [(event, event in alert_on, ("ops",) if event in alert_on else ()) for event in ("retry", "failure")]
    if E.SUCCESS in alert_on:
        expected.append(("success", True, ("ops",)))
    assert seen == expected


def test_a_lost_attempt_that_is_made_again_is_a_retry(world, plan, task) -> None:
    w = world(plan(task("a", alert_on=(E.RETRY,), notify=("ops",))))
    w.start()
    w.expire(w.claim("a"))
    [notice] = w.notices()
    assert (notice.event, notice.number, notice.error, notice.retry_in) == (N.RETRY, 1, "no word for 30 s", 0)


def test_a_retry_tells_when_it_comes(world, plan, task) -> None:
    w = world(plan(task("a", retries=1, retry_delay=90, alert_on=(E.RETRY,))))
    w.start()
    w.run("a", Outcome.FAILED)
    assert [notice.retry_in for notice in w.notices()] == [90 * SECOND]


def test_what_somebody_cancelled_is_no_failure_to_tell_of(world, plan, task) -> None:
    w = world(plan(task("a", alert_on=EVERY), alert_on=EVERY, notify=("ops",)))
    w.start()
    a = w.claim("a")
    w.cancel()
    w.report(a, Outcome.FAILED)
    assert w.told() == []


# --- the run ----------------------------------------------------------------------------------------------------------


def test_a_run_that_failed_is_told_of_to_those_who_have_not_been_told_of_its_tasks(world, plan, task) -> None:
    dag = {"notify": ("ops", "boss"), "alert_on": (E.FAILURE,)}
    w = world(plan(task("a", notify=("ops",)), task("b"), edges=[("a", "b")], **dag))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, "a", ("ops",)), (N.FAILURE, None, ("boss",))]


def test_nobody_is_told_twice(world, plan, task) -> None:
    w = world(plan(task("a"), task("b"), edges=[("a", "b")], notify=("ops",), alert_on=(E.FAILURE,)))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, "a", ("ops",))]


def test_a_task_that_tells_nobody_leaves_it_to_the_run(world, plan, task) -> None:
    w = world(plan(task("a", alert_on=()), notify=("ops",), alert_on=(E.FAILURE,)))
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, None, ("ops",))]


def test_handlers_that_fail_are_told_of_for_themselves(world, plan, task) -> None:
    w = world(
        plan(
            task("a", alert_on=()), task("page", handler=spec.HandlerKind.FAILURE, notify=("boss",)),
            notify=("ops", "boss"), alert_on=(E.FAILURE,),
        )
    )  # fmt: skip
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("page", Outcome.FAILED)
    assert w.told() == [(N.FAILURE, "page", ("boss",)), (N.FAILURE, None, ("ops", "boss"))]


@pytest.mark.parametrize("alert_on", [(), (E.SUCCESS,)])
def test_a_run_that_succeeded_is_told_of_if_somebody_asked(world, plan, task, alert_on) -> None:
    w = world(plan(task("a", alert_on=(E.SUCCESS,)), notify=("ops",), alert_on=alert_on))
    w.start()
    w.run("a")
    run = [(N.SUCCESS, None, ("ops",))] if alert_on else []
    assert w.told() == [(N.SUCCESS, "a", ("ops",)), *run]


def test_a_run_that_took_too_long_tells_why_it_failed(world, plan, task) -> None:
    w = world(plan(task("a"), notify=("ops",), alert_on=(E.FAILURE,), run_timeout=timedelta(seconds=90)))
    w.start()
    w.now += 90 * SECOND
    w.handle(h.RunTimedOut(w.now))
    [notice] = w.notices()
    assert (notice.event, notice.task, notice.notifiers) == (N.FAILURE, None, ("ops",))
    assert notice.error == "it ran longer than its run_timeout of 1m30s"


# --- late -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dag_alerts", "expected"),
    [
        ((E.LATE,), [(None, ("ops",)), ("b", ("me",)), ("f", ("me",))]),
        ((), [("b", ("me",)), ("c", ("ops",)), ("f", ("me",))]),
    ],
)
def test_those_who_want_to_know_of_unfinished_tasks_are_told_that_the_run_is_late(
    world, plan, task, dag_alerts, expected
) -> None:
    """Of a family as a whole, and not again who is told of the run."""
    late = (E.LATE,)
    w = world(
        plan(
            task("a", alert_on=late, notify=("me",)), task("b", alert_on=late, notify=("me",)),
            task("c", alert_on=late), task("d", notify=("me",)),
            task("f", over=list_of(1, 2), alert_on=late, notify=("me",)),
            task("tidy", alert_on=late, notify=("me",), handler=spec.HandlerKind.FINALLY),
            notify=("ops",), alert_on=dag_alerts, deadline=timedelta(hours=2),
        )
    )  # fmt: skip
    w.start()
    w.run("a")
    w.handle(h.DeadlinePassed(w.now))
    assert [(notice.task, notice.notifiers) for notice in w.notices()] == expected
    assert {notice.error for notice in w.notices()} == {"it has not ended 2h after it was due"}


def test_those_of_tasks_are_told_too_if_the_run_is_late_before_it_has_begun(world, plan, task) -> None:
    message = text(task_value("id"), " ", task_value("attempt"))
    other = text(output("a"))
    tasks = [
        task("a", alert_on=(E.LATE,), notify=("me",), alert=message),
        task("b", alert_on=(E.LATE,), notify=("me",), alert=other),
        task("f", over=list_of(1), alert_on=(E.LATE,)),
        task("c", notify=("you",)),
    ]
    w = world(plan(*tasks, edges=[("a", "b")], notify=("ops",), deadline=timedelta(hours=2)))
    w.handle(h.DeadlinePassed(w.now))
    assert [(notice.task, notice.position, notice.notifiers, notice.message) for notice in w.notices()] == [
        ("a", 0, ("me",), "a 0"),
        ("b", 0, ("me",), None),
        ("f", -1, ("ops",), None),
    ]
    w.start()
    assert w.statuses() == {"a": "queued", "b": "waiting", "f": "running", "f[0]": "queued", "c": "queued"}


def test_late_without_any_notifier_is_for_the_log(world, plan, task) -> None:
    w = world(plan(task("a", alert_on=(E.LATE,)), alert_on=(E.LATE,), deadline=timedelta(hours=2)))
    w.start()
    w.handle(h.DeadlinePassed(w.now))
    assert w.told() == [(N.LATE, None, ())]


# --- families ---------------------------------------------------------------------------------------------------------


def test_each_member_is_told_of_by_its_position(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of("p", "q"), alert_on=(E.FAILURE, E.SUCCESS), notify=("me",))))
    w.start()
    w.run("f", Outcome.FAILED, position=1)
    assert [(notice.event, notice.task, notice.position) for notice in w.notices()] == [(N.FAILURE, "f", 1)]
    w.run("f", position=0)
    assert [(notice.event, notice.task, notice.position) for notice in w.notices()] == [(N.SUCCESS, "f", 0)]


def test_of_a_family_that_succeeded_as_a_whole_nobody_is_told(world, plan, task) -> None:
    success = (E.SUCCESS,)
    w = world(plan(task("f", over=list_of("p"), alert_on=success), task("g", over=list_of(), alert_on=success)))
    w.start()
    assert w.told() == []
    w.run("f", position=0)
    assert [(notice.task, notice.position) for notice in w.notices()] == [("f", 0)]


# --- the message ------------------------------------------------------------------------------------------------------


MESSAGE = text(
    task_value("id"), " ", task_value("event"), " (", task_value("attempt"), "): ", task_value("error"), " in ",
    spec.RunValue(spec.RunField.DAG, AT),
)  # fmt: skip


def test_the_message_is_worked_out_over_what_it_tells_of(world, plan, task) -> None:
    w = world(plan(task("a", retries=1, alert=MESSAGE, alert_on=EVERY)))
    w.start()
    w.report(w.claim("a"), Outcome.FAILED, error="boom")
    assert [notice.message for notice in w.notices()] == ["a retry (1): boom in d"]
    trace = 'Traceback (most recent call last):\n  File "shop.py", line 7, in load\nshop.Bang: bang\n'
    w.report(w.claim("a"), Outcome.FAILED, error=trace)
    assert [notice.message for notice in w.notices()] == ["a failure (2): shop.Bang: bang in d"]
    assert w.row("a").error == trace


def test_the_message_of_a_success_has_no_error(world, plan, task) -> None:
    w = world(plan(task("a", alert=MESSAGE, alert_on=EVERY)))
    w.start()
    w.run("a")
    assert [notice.message for notice in w.notices()] == ["a success (1): none in d"]


def test_the_message_sees_params_outputs_the_loop_variable_and_the_environment(world, plan, task) -> None:
    message = text(
        attribute(output("xs"), "name"), " ", element(), " ", outputs("g"), " ",
        spec.Env("HOST", AT), " ", spec.Env("PORT", AT, constant(80)),
    )  # fmt: skip
    w = world(
        plan(
            task("xs"), task("g", over=list_of(7)), task("f", over=attribute(output("xs"), "list"), alert=message),
            edges=[("xs", "f"), ("g", "f")],
        ),
        env={"HOST": "here"},
    )  # fmt: skip
    w.start()
    w.run("xs", output='{"name":"n","list":["p","q"]}')
    w.run("g", output="70")
    w.run("f", Outcome.FAILED, position=1)
    assert [notice.message for notice in w.notices()] == ["n q [70] here 80"]


@pytest.mark.parametrize(
    "message",
    [
        attribute(output("a"), "nothing"),
        spec.Env("NOWHERE", AT),
        binary(constant(1), "/", constant(0)),
        constant(5),
        element(),
    ],
)
def test_a_message_without_a_text_gives_way_to_the_usual_words(world, plan, task, message: spec.Expr) -> None:
    """Its fault must neither hide the failure nor end the run."""
    w = world(plan(task("a"), task("b", alert=message), edges=[("a", "b")]))
    w.start()
    w.run("a")
    w.report(w.claim("b"), Outcome.FAILED, error="boom")
    assert [(notice.message, notice.error) for notice in w.notices()] == [(None, "boom")]
    assert w.status("b") is TaskStatus.FAILED


def test_a_message_is_worked_out_only_if_somebody_is_to_get_it(world, plan, task) -> None:
    w = world(plan(task("a", alert=MESSAGE, alert_on=())))
    w.start()
    w.run("a", Outcome.FAILED)
    assert [notice.message for notice in w.notices(alerts=False)] == [None]


def test_a_task_that_was_never_tried_has_a_message_too(world, plan, task) -> None:
    w = world(plan(task("a", when=constant(1), alert=MESSAGE)))
    w.start()
    [notice] = w.notices()
    assert notice.message == (
        "a failure (0): task a of dag d (d.ppd:1): `when` must be true or false, found int (d.ppd:1:1) in d"
    )
