"""The tables of moves and the trigger rules, told a second time in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product

import pytest

from ppacer.core.model import AttemptStatus, RunStatus, TaskStatus
from ppacer.core.state import (
    ATTEMPT_MOVES,
    FAMILY_MOVES,
    RUN_MOVES,
    TASK_MOVES,
    IllegalMoveError,
    Parents,
    Verdict,
    check_attempt_move,
    check_run_move,
    check_task_move,
    verdict,
)
from ppacer.spec import Trigger

S, F, U, K, C = (
    TaskStatus.SUCCESS,
    TaskStatus.FAILED,
    TaskStatus.UPSTREAM_FAILED,
    TaskStatus.SKIPPED,
    TaskStatus.CANCELLED,
)
ENDS = (S, F, U, K, C)
BAD = {F, U, C}


def by_ends(trigger: Trigger, ends: tuple[TaskStatus, ...]) -> Verdict:
    """What becomes of a task once all its parents have ended so: the rules as a person would say them."""
    rules: dict[Trigger, Callable[[], Verdict]] = {
        Trigger.ALL_SUCCESS: lambda: (
            Verdict.UPSTREAM_FAILED if BAD & set(ends) else Verdict.SKIP if K in ends else Verdict.RUN
        ),
        Trigger.NONE_FAILED: lambda: Verdict.UPSTREAM_FAILED if BAD & set(ends) else Verdict.RUN,
        Trigger.ALL_DONE: lambda: Verdict.RUN,
        Trigger.ALWAYS: lambda: Verdict.RUN,
        Trigger.ALL_FAILED: lambda: Verdict.RUN if set(ends) <= BAD else Verdict.SKIP,
        Trigger.ONE_SUCCESS: lambda: (
            Verdict.RUN if S in ends else Verdict.UPSTREAM_FAILED if BAD & set(ends) else Verdict.SKIP
        ),
        Trigger.ONE_FAILED: lambda: Verdict.RUN if BAD & set(ends) else Verdict.SKIP,
    }
    return rules[trigger]()


@pytest.mark.parametrize("trigger", Trigger)
def test_a_rule_is_decided_by_how_the_parents_ended_and_not_by_their_order(trigger: Trigger) -> None:
    for count in (1, 2, 3):
        for ends in product(ENDS, repeat=count):
            parents = Parents(total=count, unfinished=count)
            seen = [verdict(trigger, parents)]
            for end in ends:
                parents.ended(end)
                seen.append(verdict(trigger, parents))
            decided = [v for v in seen if v is not Verdict.WAIT]
            assert set(decided) == {by_ends(trigger, ends)}, (trigger, ends, seen)
            assert seen[-1] is not Verdict.WAIT


@pytest.mark.parametrize("trigger", Trigger)
def test_a_task_without_parents_runs(trigger: Trigger) -> None:
    assert verdict(trigger, Parents(total=0, unfinished=0)) is Verdict.RUN


@pytest.mark.parametrize(
    ("trigger", "end", "expected"),
    [
        (Trigger.ALL_SUCCESS, F, Verdict.UPSTREAM_FAILED),
        (Trigger.ALL_SUCCESS, K, Verdict.WAIT),
        (Trigger.ONE_SUCCESS, S, Verdict.RUN),
        (Trigger.ONE_FAILED, F, Verdict.RUN),
        (Trigger.ALL_FAILED, S, Verdict.SKIP),
        (Trigger.ALL_DONE, F, Verdict.WAIT),
    ],
)
def test_a_rule_is_decided_as_early_as_it_can_be(trigger: Trigger, end: TaskStatus, expected: Verdict) -> None:
    parents = Parents(total=2, unfinished=2)
    parents.ended(end)
    assert verdict(trigger, parents) is expected


@pytest.mark.parametrize("trigger", Trigger)
def test_a_rule_asks_of_which_kinds_the_parents_are_and_not_how_many(trigger: Trigger) -> None:
    """So members of a family need not be looked at again while the kinds of its parents stay."""
    seen: dict[tuple[bool, ...], Verdict] = {}
    for counts in product(range(3), repeat=4):
        unfinished, succeeded, failed, skipped = counts
        if any(counts):
            parents = Parents(sum(counts), unfinished, succeeded, failed, skipped)
            assert parents.kinds == tuple(count > 0 for count in counts)
            assert seen.setdefault(parents.kinds, verdict(trigger, parents)) is verdict(trigger, parents)


def test_parents_told_of_apart_are_those_told_of_together() -> None:
    for ends in product(ENDS, repeat=3):
        apart, together = [Parents(2, 2), Parents(2, 2)], Parents(4, 4)
        for place, end in enumerate(ends):
            apart[place % 2].ended(end)
            together.ended(end)
        assert apart[0].joined(apart[1]) == together


def test_an_expanded_parent_counts_as_its_members() -> None:
    parents = Parents(total=2, unfinished=2)
    parents.expanded(5)
    assert parents == Parents(total=6, unfinished=6)
    parents.expanded(1)
    assert parents == Parents(total=6, unfinished=6)


def test_a_family_waits_runs_and_ends() -> None:
    """It has no attempts, so it is neither queued nor tried again."""
    assert set(FAMILY_MOVES) == set(TaskStatus) - {TaskStatus.QUEUED, TaskStatus.RETRYING}
    for status, ways in FAMILY_MOVES.items():
        assert status.terminal == (not ways)
        assert ways <= set(FAMILY_MOVES)
    check_task_move("t", TaskStatus.WAITING, S, lambda: "", family=True)
    with pytest.raises(IllegalMoveError, match="task t cannot go from waiting to success: no list"):
        check_task_move("t", TaskStatus.WAITING, S, lambda: "no list")
    with pytest.raises(IllegalMoveError, match="task t cannot go from waiting to queued"):
        check_task_move("t", TaskStatus.WAITING, TaskStatus.QUEUED, lambda: "", family=True)


@pytest.mark.parametrize("table", [RUN_MOVES, TASK_MOVES, ATTEMPT_MOVES])
def test_every_status_has_a_row_and_only_terminal_ones_have_no_way_out(
    table: Mapping[RunStatus | TaskStatus | AttemptStatus, frozenset[object]],
) -> None:
    kinds = {type(status) for status in table}
    assert len(kinds) == 1
    assert set(table) == set(kinds.pop())
    for status, ways in table.items():
        assert status.terminal == (not ways)
        assert ways <= set(table)


def test_an_illegal_move_tells_the_story() -> None:
    with pytest.raises(IllegalMoveError, match="run r cannot go from success to running"):
        check_run_move("r", RunStatus.SUCCESS, RunStatus.RUNNING)
    with pytest.raises(IllegalMoveError, match="task t cannot go from failed to queued: once upon a time"):
        check_task_move("t", F, TaskStatus.QUEUED, lambda: "once upon a time")
    with pytest.raises(IllegalMoveError, match="attempt a cannot go from lost to success: the end"):
        check_attempt_move("a", AttemptStatus.LOST, AttemptStatus.SUCCESS, lambda: "the end")
