"""Families made at run time: their members, what follows them, and families over one list, member by member."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise, permutations

import pytest

from ppacer import spec
from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.families import MOST_MEMBERS
from ppacer.core.model import EventKind, InsertAttempt, InsertTask, RunStatus, TaskStatus, UpdateTask
from ppacer.core.state import Parents
from ppacer.protocol import Outcome
from tests.runtime.core.machine.plans import (
    binary,
    constant,
    element,
    list_of,
    output,
    output_at,
    outputs,
    text,
)

T = spec.Trigger


def test_a_family_is_made_of_what_its_list_says_when_that_is_known(world, plan, task) -> None:
    w = world(plan(task("files"), task("check", over=output("files")), edges=[("files", "check")]))
    w.start()
    assert w.statuses() == {"files": "queued", "check": "waiting"}
    w.run("files", output='["a.csv","b.csv"]')
    assert w.statuses() == {
        "files": "success",
        "check": "running",
        "check[0]": "queued",
        "check[1]": "queued",
    }
    assert [w.row("check", each).label for each in (0, 1)] == ["a.csv", "b.csv"]
    assert [w.value(element(), "check", each) for each in (0, 1)] == ["a.csv", "b.csv"]
    task_id = spec.TaskValue(spec.TaskField.ID, spec.At(1, 1))
    assert [w.value(task_id, "check", each) for each in (0, 1)] == ["check[0]", "check[1]"]
    expanded = [event for event in w.database.events if event.kind is EventKind.TASK_EXPANDED]
    assert [event.payload for event in expanded] == ['{"task":"check","position":-1,"members":2}']
    w.run("check", position=1)
    assert w.status("check") is TaskStatus.RUNNING
    w.run("check", position=0)
    assert w.status("check") is TaskStatus.SUCCESS
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_new_member_is_written_once_as_it_is_at_the_end_of_the_step(world, plan, task) -> None:
    """An insert that is changed within its step stays one write, before what refers to it."""
    w = world(plan(task("f", over=list_of(1, 2))))
    step = w.start()
    inserted = [write.row.status for write in step.writes if isinstance(write, InsertTask)]
    assert inserted == [TaskStatus.RUNNING, TaskStatus.QUEUED, TaskStatus.QUEUED]
    assert not [write for write in step.writes if isinstance(write, UpdateTask)]
    order = [(type(write), write.row.position) for write in step.rows if isinstance(write, InsertTask | InsertAttempt)]
    assert order == [
        (InsertTask, -1),
        (InsertTask, 0),
        (InsertTask, 1),
        (InsertAttempt, 0),
        (InsertAttempt, 1),
    ]


def test_an_empty_family_succeeds_and_what_follows_gets_an_empty_list(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of()), task("g"), edges=[("f", "g")]))
    w.start()
    assert w.statuses() == {"f": "success", "g": "queued"}
    assert w.value(outputs("f"), "g") == []
    w.run("g")
    assert w.machine.run.status is RunStatus.SUCCESS


@pytest.mark.parametrize(
    ("over", "error"),
    [
        (constant(3), "the list of a family must be a list, found int"),
        (constant("abc"), "the list of a family must be a list, found str"),
        (constant(None), "the list of a family must be a list, found none"),
        (spec.Env("NOWHERE", spec.At(1, 1)), 'env("NOWHERE") has no value here'),
        (binary(constant(1), "/", constant(0)), "division by zero"),
    ],
)
def test_a_family_whose_list_has_no_value_fails(world, plan, task, over: spec.Expr, error: str) -> None:
    w = world(plan(task("f", over=over, retries=3), task("g"), edges=[("f", "g")]))
    w.start()
    assert w.statuses() == {"f": "failed", "g": "upstream_failed"}
    assert w.row("f").error == f"task f of dag d (d.ppd:1): {error} (d.ppd:1:1)"
    assert [(notice.task, notice.position) for notice in w.notices()] == [("f", -1)]
    assert w.machine.run.status is RunStatus.FAILED


def test_a_list_may_be_long_but_not_without_end(world, plan, task) -> None:
    p = plan(task("files"), task("f", over=output("files")), edges=[("files", "f")])
    w = world(p, checks=False)
    w.start()
    w.run("files", output=codec.encode(list(range(MOST_MEMBERS + 1))))
    assert w.status("f") is TaskStatus.FAILED
    assert f"the list has {MOST_MEMBERS + 1} elements; a family has at most {MOST_MEMBERS} members" in w.row("f").error


def test_ten_thousand_members(world, plan, task) -> None:
    w = world(
        plan(task("files"), task("f", over=output("files")), task("g"), edges=[("files", "f"), ("f", "g")]),
        checks=False,
    )
    w.start()
    w.run("files", output=codec.encode(list(range(10_000))))
    assert len([command for command in w.commands if isinstance(command, h.Offer)]) == 10_000
    for position in range(10_000):
        w.run("f", position=position, output=str(position))
    w.check()
    assert w.value(outputs("f"), "g") == list(range(10_000))
    w.run("g")
    assert w.machine.run.status is RunStatus.SUCCESS


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("eu", "eu"),
        (7, "7"),
        (1.5, "1.5"),
        (True, "true"),
        (None, "none"),
        ({"path": "a", "n": 1}, '{"path": "a", "n": 1}'),
        ([1, 2], "[1, 2]"),
        ("a\nb\t c", "a b c"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_members_are_labelled_by_their_values(world, plan, task, value: object, label: str) -> None:
    w = world(plan(task("files"), task("f", over=output("files")), edges=[("files", "f")]))
    w.start()
    w.run("files", output=codec.encode([value]))
    assert w.row("f", 0).label == label


def test_the_list_of_outputs_has_none_for_members_that_did_not_succeed(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2, 3)), task("g", trigger=T.ALL_DONE), edges=[("f", "g")]))
    w.start()
    w.run("f", position=2, output='"c"')
    w.run("f", Outcome.FAILED, position=1)
    w.run("f", position=0, output='{"n":1}')
    assert w.value(outputs("f"), "g") == [{"n": 1}, None, "c"]


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ([Outcome.SUCCESS, Outcome.SUCCESS], "success"),
        ([Outcome.SUCCESS, Outcome.FAILED], "failed"),
        ([Outcome.TIMED_OUT, Outcome.FAILED], "failed"),
        ([Outcome.SUCCESS, None], "cancelled"),
        ([None, Outcome.FAILED], "failed"),
        ([None, None], "cancelled"),
    ],
)
def test_a_family_ends_as_the_worst_of_its_members(world, plan, task, ends: list[Outcome | None], status: str) -> None:
    """`None` stands for a member that somebody cancelled."""
    w = world(plan(task("f", over=list_of(*range(len(ends))))))
    w.start()
    for position, end in enumerate(ends):
        if end is None:
            w.cancel_task("f", position)
        else:
            w.run("f", end, position=position)
    assert w.status("f") == status
    assert w.machine.run.status is (RunStatus.SUCCESS if status == "success" else RunStatus.FAILED)


def test_members_are_retried_one_by_one(world, plan, task) -> None:
    w = world(plan(task("f", over=list_of(1, 2), retries=1, retry_delay=5)))
    w.start()
    w.run("f", Outcome.FAILED, position=1)
    assert w.statuses() == {"f": "running", "f[0]": "queued", "f[1]": "retrying"}
    w.now += 5_000_000
    assert w.handle(h.RetryDue(w.now, "f")) is None
    assert w.handle(h.RetryDue(w.now, "f", 7)) is None
    w.handle(h.RetryDue(w.now, "f", 1))
    assert w.claim("f", 1).number == 2


# --- triggers count members ------------------------------------------------------------------------------------------


RULES: list[tuple[spec.Trigger, list[str], str]] = [
    (T.ALL_SUCCESS, ["success", "success"], "queued"),
    (T.ALL_SUCCESS, ["success"], "waiting"),
    (T.ALL_SUCCESS, ["failed"], "upstream_failed"),
    (T.ALL_SUCCESS, ["skipped", "success"], "skipped"),
    (T.NONE_FAILED, ["skipped", "success"], "queued"),
    (T.NONE_FAILED, ["success", "failed"], "upstream_failed"),
    (T.ALL_DONE, ["failed"], "waiting"),
    (T.ALL_DONE, ["failed", "success"], "queued"),
    (T.ALL_FAILED, ["failed"], "waiting"),
    (T.ALL_FAILED, ["failed", "failed"], "queued"),
    (T.ALL_FAILED, ["failed", "success"], "skipped"),
    (T.ONE_SUCCESS, ["failed"], "waiting"),
    (T.ONE_SUCCESS, ["failed", "success"], "queued"),
    (T.ONE_SUCCESS, ["failed", "failed"], "upstream_failed"),
    (T.ONE_SUCCESS, ["skipped", "skipped"], "skipped"),
    (T.ONE_FAILED, ["success"], "waiting"),
    (T.ONE_FAILED, ["failed"], "queued"),
    (T.ONE_FAILED, ["success", "success"], "skipped"),
    (T.ALWAYS, [], "queued"),
]


@pytest.mark.parametrize(("trigger", "ends", "then"), RULES)
@pytest.mark.parametrize("first", ["plan order", "other order"])
def test_a_trigger_counts_the_members(world, plan, task, trigger, ends: list[str], then: str, first: str) -> None:
    when = binary(element(), "!=", constant("skipped"))
    kinds = [*ends, *["success"] * (2 - len(ends))]
    w = world(plan(task("f", over=list_of(*kinds), when=when), task("g", trigger=trigger), edges=[("f", "g")]))
    w.start()
    order = range(len(ends)) if first == "plan order" else reversed(range(len(ends)))
    for position in order:
        if ends[position] != "skipped":
            w.run("f", Outcome(ends[position]), position=position)
    assert w.status("g") == then


@pytest.mark.parametrize("trigger", T)
def test_an_empty_family_counts_as_one_success(world, plan, task, trigger: spec.Trigger) -> None:
    w = world(plan(task("f", over=list_of()), task("g", trigger=trigger), edges=[("f", "g")]))
    w.start()
    skips = trigger in (T.ALL_FAILED, T.ONE_FAILED)
    assert w.status("g") is (TaskStatus.SKIPPED if skips else TaskStatus.QUEUED)


@pytest.mark.parametrize("trigger", T)
def test_before_it_is_expanded_a_family_counts_as_one_that_has_not_ended(world, plan, task, trigger) -> None:
    w = world(
        plan(
            task("slow"), task("f", over=output("slow")), task("other"), task("g", trigger=trigger),
            edges=[("slow", "f"), ("f", "g"), ("other", "g")],
        )
    )  # fmt: skip
    w.start()
    w.run("other")
    decided = {T.ONE_SUCCESS: "queued", T.ALWAYS: "queued", T.ALL_FAILED: "skipped"}
    assert w.status("g") == decided.get(trigger, "waiting")


def test_a_family_that_never_comes_to_be_counts_as_what_it_ended_as(world, plan, task) -> None:
    w = world(
        plan(task("a"), task("f", over=output("a")), task("g", trigger=T.ALL_FAILED), edges=[("a", "f"), ("f", "g")])
    )
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.statuses() == {"a": "failed", "f": "upstream_failed", "g": "queued"}


# --- lists made of other things --------------------------------------------------------------------------------------


def test_a_list_of_a_familys_outputs_waits_for_all_of_them(world, plan, task) -> None:
    """Also under a trigger that would not wait."""
    w = world(plan(task("f", over=list_of(1, 2)), task("g", over=outputs("f"), trigger=T.ALWAYS), edges=[("f", "g")]))
    w.start()
    w.run("f", position=0, output='"one"')
    assert w.status("g") is TaskStatus.WAITING
    w.run("f", position=1, output='"two"')
    assert [w.row("g", each).label for each in (0, 1)] == ["one", "two"]


@pytest.mark.parametrize("trigger", [T.ALWAYS, T.ONE_SUCCESS, T.ONE_FAILED])
def test_a_family_is_not_expanded_before_its_list_is_known(world, plan, task, trigger: spec.Trigger) -> None:
    w = world(
        plan(
            task("other"), task("files"), task("f", over=output("files"), trigger=trigger),
            edges=[("other", "f"), ("files", "f")],
        )
    )  # fmt: skip
    w.start()
    w.run("other", Outcome.FAILED if trigger is T.ONE_FAILED else Outcome.SUCCESS)
    assert w.status("f") is TaskStatus.WAITING
    w.run("files", output="[1]")
    assert w.statuses()["f[0]"] == "queued"


def test_a_family_over_the_list_that_a_member_of_another_made(world, plan, task) -> None:
    """Families with constant keys and lists at run time, `[r in regions, f in files[r]]`: one for each key."""
    w = world(
        plan(
            task('files["eu"]'), task('files["us"]'),
            task('load["eu"]', over=output('files["eu"]')), task('load["us"]', over=output('files["us"]')),
            task("all"),
            edges=[
                ('files["eu"]', 'load["eu"]'), ('files["us"]', 'load["us"]'),
                ('load["eu"]', "all"), ('load["us"]', "all"),
            ],
        )
    )  # fmt: skip
    w.start()
    w.run('files["us"]', output="[1,2]")
    w.run('files["eu"]', output="[]")
    w.run('load["us"]', position=1, output="20")
    w.run('load["us"]', position=0, output="10")
    joined = spec.Concat((outputs('load["eu"]'), outputs('load["us"]')), spec.At(1, 1))
    assert w.value(joined, "all") == [10, 20]


def test_the_list_is_that_of_the_expansion_whatever_the_environment_says_later(world, plan, task) -> None:
    over = spec.ListOf((spec.Env("A", spec.At(1, 1)), spec.Env("B", spec.At(1, 1))), spec.At(1, 1))
    env = {"A": "one", "B": "two"}
    w = world(plan(task("f", over=over)), env=env)
    w.start()
    env.clear()
    w.restart()
    assert [w.value(element(), "f", each) for each in (0, 1)] == ["one", "two"]


# --- families over one list, member by member ------------------------------------------------------------------------


def pairs(plan: Callable, task: Callable, **settings: object) -> object:
    """`first[x in xs]`, `second[x in xs] = …(first[x])`."""
    return plan(
        task("xs"),
        task("first", over=output("xs")),
        task("second", over=output("xs"), pairwise=["first"], **settings),
        edges=[("xs", "first"), ("xs", "second"), ("first", "second")],
    )


def test_members_wait_for_the_member_at_their_own_position(world, plan, task) -> None:
    w = world(pairs(plan, task))
    w.start()
    w.run("xs", output="[1,2]")
    assert w.statuses()["second"] == "running"
    w.run("first", position=1, output='"b"')
    assert (w.status("second", 0), w.status("second", 1)) == ("waiting", "queued")
    assert w.value(output_at("first"), "second", 1) == "b"
    w.run("first", Outcome.FAILED, position=0)
    assert w.status("second", 0) is TaskStatus.UPSTREAM_FAILED
    w.run("second", position=1)
    assert w.statuses() == {
        "xs": "success", "first": "failed", "first[0]": "failed", "first[1]": "success",
        "second": "upstream_failed", "second[0]": "upstream_failed", "second[1]": "success",
    }  # fmt: skip
    assert w.machine.run.status is RunStatus.FAILED


@pytest.mark.parametrize(("trigger", "end", "then"), [
    (T.ALL_SUCCESS, "success", "queued"),
    (T.ALL_SUCCESS, "failed", "upstream_failed"),
    (T.ALL_SUCCESS, "skipped", "skipped"),
    (T.NONE_FAILED, "success", "queued"),
    (T.NONE_FAILED, "failed", "upstream_failed"),
    (T.NONE_FAILED, "skipped", "queued"),
    (T.ALL_DONE, "success", "queued"), (T.ALL_DONE, "failed", "queued"), (T.ALL_DONE, "skipped", "queued"),
    (T.ALL_FAILED, "failed", "skipped"),
    (T.ONE_SUCCESS, "failed", "queued"),
    (T.ONE_FAILED, "success", "skipped"), (T.ONE_FAILED, "failed", "queued"), (T.ONE_FAILED, "skipped", "skipped"),
    (T.ALWAYS, "failed", "queued"),
])  # fmt: skip
def test_each_trigger_of_a_member_counts_its_partner(world, plan, task, trigger, end: str, then: str) -> None:
    """The task that made the list, which succeeded, counts too."""
    w = world(
        plan(
            task("xs"),
            task("first", over=output("xs"), when=binary(element(), "!=", constant("skipped"))),
            task("second", over=output("xs"), pairwise=["first"], trigger=trigger),
            edges=[("xs", "first"), ("xs", "second"), ("first", "second")],
        )
    )
    w.start()
    w.run("xs", output=codec.encode([end, "success"]))
    if trigger is T.ALL_FAILED:
        assert w.statuses()["second"] == then
        return
    early = trigger in (T.ONE_SUCCESS, T.ALWAYS)
    assert w.status("second", 1) == ("queued" if early else "waiting")
    if end != "skipped":
        w.run("first", Outcome(end), position=0)
    assert w.status("second", 0) == then
    assert w.status("second", 1) == ("queued" if early else "waiting")


STEPS = ["xs", "slow", "first[0]", "first[1]"]


@pytest.mark.parametrize("order", [order for order in permutations(STEPS) if order.index("xs") < 2])
def test_partners_may_be_expanded_and_end_in_any_order(world, plan, task, order: tuple[str, ...]) -> None:
    """The second family also waits for `slow`, so it may be expanded before, between or after the ends of the first."""
    w = world(
        plan(
            task("xs"), task("slow"), task("first", over=output("xs")),
            task("second", over=output("xs"), pairwise=["first"]),
            task("third", over=output("xs"), pairwise=["second"]),
            task("end"),
            edges=[
                ("xs", "first"), ("xs", "second"), ("xs", "third"), ("first", "second"), ("slow", "second"),
                ("second", "third"), ("third", "end"),
            ],
        )
    )  # fmt: skip
    w.start()
    for step in order:
        name, _, position = step.removesuffix("]").partition("[")
        if position and w.live(name, int(position)) is None:
            continue  # the list is not known yet: these come below
        w.run(name, position=int(position or 0), output="[1,2]" if name == "xs" else "null")
    for position in (0, 1):
        if w.live("first", position) is not None:
            w.run("first", position=position)
    for family in ("second", "third"):
        for position in (1, 0):
            assert w.status(family, position) is TaskStatus.QUEUED
            w.run(family, position=position)
    w.run("end")
    assert w.machine.run.status is RunStatus.SUCCESS


def test_how_the_parents_of_a_member_stand(world, plan, task) -> None:
    w = world(pairs(plan, task, when=constant(False)))
    w.start()
    assert w.machine.parents("second") == Parents(total=2, unfinished=2)
    w.run("xs", output="[1,2]")
    assert w.machine.parents("second") == Parents(total=2, unfinished=1, succeeded=1)
    assert w.machine.parents("second", 0) == Parents(total=2, unfinished=1, succeeded=1)
    w.run("first", Outcome.FAILED, position=0)
    assert w.machine.parents("second", 0) == Parents(total=2, unfinished=0, succeeded=1, failed=1)
    assert w.machine.parents("second", 1) == Parents(total=2, unfinished=1, succeeded=1)
    with pytest.raises(KeyError):
        w.machine.parents("second", 2)


@pytest.mark.parametrize("slow", [Outcome.SUCCESS, Outcome.FAILED])
def test_a_family_with_a_partner_waits_for_its_other_parents_as_a_whole(world, plan, task, slow: Outcome) -> None:
    w = world(
        plan(
            task("xs"), task("slow"), task("first", over=output("xs")),
            task("second", over=output("xs"), pairwise=["first"]),
            edges=[("xs", "first"), ("xs", "second"), ("first", "second"), ("slow", "second")],
        )
    )  # fmt: skip
    w.start()
    w.run("xs", output="[1,2]")
    w.run("first", position=0)
    assert w.statuses()["second"] == "waiting"
    w.run("slow", slow)
    if slow is Outcome.FAILED:
        assert w.row("second").status is TaskStatus.UPSTREAM_FAILED
        assert w.machine.task("second", 0) is None
    else:
        assert (w.status("second", 0), w.status("second", 1)) == ("queued", "waiting")


@pytest.mark.parametrize("trigger", [T.ALWAYS, T.ONE_SUCCESS])
@pytest.mark.parametrize("slow", [Outcome.SUCCESS, Outcome.FAILED])
def test_a_trigger_that_does_not_wait_does_not_wait_for_partners_to_be_made(world, plan, task, trigger, slow) -> None:
    w = world(
        plan(
            task("xs"), task("slow"), task("first", over=output("xs")),
            task("second", over=output("xs"), pairwise=["first"], trigger=trigger),
            edges=[("xs", "first"), ("xs", "second"), ("first", "second"), ("slow", "first")],
        )
    )  # fmt: skip
    w.start()
    w.run("xs", output="[1,2]")
    assert w.statuses()["first"] == "waiting"
    assert (w.status("second", 0), w.status("second", 1)) == ("queued", "queued")
    assert w.value(output_at("first"), "second", 0) is None
    w.run("slow", slow)
    for position in (0, 1):
        if slow is Outcome.SUCCESS:
            w.run("first", position=position)
        w.run("second", position=position)
    assert w.machine.run.status == slow.value


def test_a_partner_without_members_counts_as_what_it_ended_as(world, plan, task) -> None:
    w = world(
        plan(
            task("xs"), task("a"), task("first", over=output("xs")),
            task("second", over=output("xs"), pairwise=["first"], trigger=T.ALL_DONE),
            edges=[("xs", "first"), ("xs", "second"), ("a", "first"), ("first", "second")],
        )
    )  # fmt: skip
    w.start()
    w.run("a", Outcome.FAILED)
    assert w.status("first") is TaskStatus.UPSTREAM_FAILED
    w.run("xs", output="[1,2]")
    assert (w.status("second", 0), w.status("second", 1)) == ("queued", "queued")
    assert w.value(output_at("first"), "second", 0) is None


def test_members_that_end_as_they_are_made_count_once_for_their_partners(world, plan, task) -> None:
    """All in one step: the first family is made and skipped, and the one that waits for it is made meanwhile."""
    w = world(
        plan(
            task("go"), task("slow", over=list_of(1, 2)), task("first", over=list_of(1, 2), when=constant(False)),
            task("second", over=list_of(1, 2), pairwise=["slow", "first"], trigger=T.NONE_FAILED),
            edges=[("go", "first"), ("slow", "second"), ("first", "second")],
        )
    )  # fmt: skip
    w.start()
    w.run("go")
    assert w.statuses()["first"] == "skipped"
    assert (w.status("second", 0), w.status("second", 1)) == ("waiting", "waiting")
    w.run("slow", position=0)
    assert (w.status("second", 0), w.status("second", 1)) == ("queued", "waiting")


def test_empty_partners(world, plan, task) -> None:
    w = world(pairs(plan, task))
    w.start()
    w.run("xs", output="[]")
    assert w.statuses() == {"xs": "success", "first": "success", "second": "success"}
    assert w.machine.run.status is RunStatus.SUCCESS


def test_a_long_chain_of_partners_is_expanded_without_deep_recursion(world, plan, task) -> None:
    names = [f"f{i}" for i in range(1500)]
    families = [task(name, over=output("xs"), pairwise=names[i - 1 : i] if i else []) for i, name in enumerate(names)]
    edges = [("xs", name) for name in names] + list(pairwise(names))
    w = world(plan(task("xs"), *families, edges=edges), checks=False)
    w.start()
    w.run("xs", output="[1]")
    assert w.status("f1499", 0) is TaskStatus.WAITING
    w.run("f0", Outcome.FAILED)
    assert w.status("f1499", 0) is TaskStatus.UPSTREAM_FAILED
    assert w.machine.run.status is RunStatus.FAILED


# --- loop variables --------------------------------------------------------------------------------------------------


def test_times_in_a_list_mean_the_same_before_and_after_a_restart(world, plan, task) -> None:
    """A list is kept as JSON, so that is what members see from the beginning."""
    over = spec.ListOf((spec.RunValue(spec.RunField.SCHEDULED_AT, spec.At(1, 1)),), spec.At(1, 1))
    w = world(plan(task("f", over=over), timezone="Europe/Warsaw"))
    w.start()
    shown = text(binary(element(), "+", constant(timedelta(days=200))))
    before = w.value(shown, "f")
    w.restart()
    assert w.value(shown, "f") == before
