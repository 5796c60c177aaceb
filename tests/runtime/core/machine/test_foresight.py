"""What is foretold of a wish is what becomes of it, and foretelling changes nothing."""

from __future__ import annotations

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.foresight import Wish, foresee
from ppacer.core.machine import NotPossible
from ppacer.core.model import FAMILY, RunStatus, TaskStatus
from ppacer.protocol import Outcome

K = spec.HandlerKind
RESTART = h.Reopen(1, "ann", h.Operation.RESTART)


def told(w, wish: Wish) -> dict[str, str]:
    """What would be touched, by the names that people know; a family as a whole with its members."""
    rows = list(w.machine.tasks())
    found = {}
    for each in foresee(w.machine, wish):
        name = each.task if each.position in (0, FAMILY) else f"{each.task}[{each.position}]"
        if each.position == 0 and any(row.task == each.task and row.position == FAMILY for row in rows):
            name = f"{each.task}[0]"
        found[name] = f"{each.status} of {each.members}" if each.members else str(each.status)
    assert list(w.machine.tasks()) == rows, "nothing has changed"
    return found


def rerun(task: str, position: int | None = None, *, follow: bool = True) -> h.Reopen:
    return h.Reopen(1, "ann", h.Operation.RERUN, task, position, follow=follow)


def mark(task: str, status: TaskStatus, position: int | None = None) -> h.Reopen:
    return h.Reopen(1, "ann", h.Operation.MARK, task, position, status=status, reason="known")


def test_of_a_restart(failed) -> None:
    assert told(failed, RESTART) == {"b": "failed", "c": "upstream_failed"}


def test_of_one_task_again_alone_or_with_what_follows(failed) -> None:
    assert told(failed, rerun("a")) == {"a": "success", "b": "failed", "c": "upstream_failed", "d": "success"}
    assert told(failed, rerun("d")) == {"d": "success"}
    assert told(failed, rerun("a", follow=False)) == {"a": "success"}


def test_of_a_mark(failed) -> None:
    assert told(failed, mark("b", TaskStatus.SUCCESS)) == {"b": "failed", "c": "upstream_failed"}
    assert told(failed, mark("a", TaskStatus.SUCCESS)) == {"a": "success"}
    assert told(failed, mark("d", TaskStatus.FAILED)) == {"d": "success"}


def test_of_members_of_a_family(family) -> None:
    w = family
    assert told(w, RESTART) == {"first[1]": "failed", "second[1]": "upstream_failed", "end": "upstream_failed"}
    assert told(w, mark("first", TaskStatus.SUCCESS, 1)) == {
        "first[1]": "failed",
        "second[1]": "upstream_failed",
        "end": "upstream_failed",
    }
    assert told(w, rerun("first", 0, follow=False)) == {"first[0]": "success"}


def test_of_a_family_as_a_whole_it_is_told_how_many_members_it_has(family) -> None:
    assert told(family, rerun("xs")) == {
        "xs": "success",
        "first": "failed of 3",
        "second": "upstream_failed of 3",
        "end": "upstream_failed",
    }


def test_of_the_end_of_a_run(world, plan, task) -> None:
    tasks = [
        task("a"),
        task("b"),
        task("c"),
        task("late"),
        task("on", handler=K.FAILURE),
        task("last", handler=K.FINALLY),
    ]
    w = world(plan(*tasks, edges=[("a", "c"), ("c", "late")]))
    cancel = h.CancelAsked(1, "ann")
    assert told(w, cancel) == dict.fromkeys(("a", "b", "c", "late", "on", "last"), "waiting"), "it has not begun"
    w.start()
    w.claim("a")
    assert told(w, cancel) == {"a": "running", "b": "queued", "c": "waiting", "late": "waiting"}
    w.run("b")
    w.cancel()
    assert told(w, cancel) == {}, "it was asked already"


def test_of_the_end_of_a_task_or_of_members(world, plan, task, family) -> None:
    w = world(plan(task("a"), task("b"), edges=[("a", "b")]))
    w.start()
    w.claim("a")
    assert told(w, h.TaskCancelAsked(1, "ann", "a")) == {"a": "running"}
    family.restart_failed()
    family.start()
    assert told(family, h.TaskCancelAsked(1, "ann", "first")) == {
        "first[1]": "queued",
        "second[1]": "waiting",
        "end": "waiting",
    }


def test_of_a_run_that_ended_before_it_began_all_of_it(world, plan, task) -> None:
    w = world(plan(task("a"), task("b")))
    w.cancel()
    assert w.machine.run.status is RunStatus.CANCELLED
    assert told(w, RESTART) == {"a": "waiting", "b": "waiting"}


def test_what_cannot_be_is_refused_as_it_would_be(failed) -> None:
    with pytest.raises(NotPossible, match="has no task nope"):
        foresee(failed.machine, rerun("nope"))
    failed.restart_failed()
    with pytest.raises(NotPossible, match="nothing of run"):
        foresee(failed.machine, RESTART)


def test_handlers_of_an_ended_run_run_again_too(world, plan, task) -> None:
    w = world(plan(task("a"), task("on", handler=K.FAILURE), task("last", handler=K.FINALLY)))
    w.start()
    w.run("a", Outcome.FAILED)
    w.run("on")
    w.run("last")
    assert told(w, RESTART) == {"a": "failed", "on": "success", "last": "success"}
