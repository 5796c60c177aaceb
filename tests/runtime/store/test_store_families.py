"""Run-time families read in part: the whole, how its members do, some of them, and their attempts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ppacer.core.model import FAMILY, InsertAttempt, InsertEvent, InsertRun, InsertTask, TaskStatus
from ppacer.store import Store
from tests.runtime.store.conftest import Rows

SUCCESS, FAILED, RUNNING, WAITING = TaskStatus.SUCCESS, TaskStatus.FAILED, TaskStatus.RUNNING, TaskStatus.WAITING


@pytest.fixture
def filled(store: Store, rows: Rows) -> Store:
    """A run in two epochs: `load`, and the family `check`, whose list was longer in the first."""
    old = [rows.task("check", position, FAILED) for position in range(9)]
    statuses = (SUCCESS, FAILED, WAITING, SUCCESS, RUNNING)
    new = [rows.task("check", position, status) for position, status in enumerate(statuses)]
    tasks = [rows.task("load", 0, SUCCESS), rows.task("check", FAMILY), *old]
    tasks += [replace(row, epoch=2) for row in (rows.task("check", FAMILY, RUNNING), *new)]
    store.write([InsertRun(replace(rows.run(), epoch=2)), *(InsertTask(task) for task in tasks)])
    return store


@pytest.fixture
def run_id(rows: Rows) -> str:
    return rows.run().id


def test_tasks_without_members(filled: Store, run_id: str) -> None:
    found = [(row.task, row.position, row.epoch) for row in filled.whole_tasks(run_id)]
    assert found == [("check", FAMILY, 2), ("load", 0, 1)]


def test_members_by_status(filled: Store, run_id: str) -> None:
    family = filled.whole_tasks(run_id)[0]
    assert filled.member_counts(family) == {SUCCESS: 2, FAILED: 1, WAITING: 1, RUNNING: 1}
    assert [row.position for row in filled.members(family)] == [0, 1, 2, 3, 4]
    assert {row.epoch for row in filled.members(family)} == {2}
    assert [row.position for row in filled.members(family, [SUCCESS])] == [0, 3]
    assert [row.position for row in filled.members(family, after=1, limit=2)] == [2, 3]
    assert filled.members(family, after=4) == []


@pytest.mark.parametrize(
    ("limit", "positions"), [(0, []), (1, [1]), (2, [1, 4]), (3, [0, 1, 4]), (4, [0, 1, 3, 4]), (9, [0, 1, 2, 3, 4])]
)
def test_members_that_need_a_look_come_first(filled: Store, run_id: str, limit: int, positions: list[int]) -> None:
    family = filled.whole_tasks(run_id)[0]
    assert [row.position for row in filled.urgent_members(family, limit)] == positions


def test_attempts_of_some_positions(filled: Store, rows: Rows, run_id: str) -> None:
    made = [replace(rows.attempt(at + 1, "check"), position=at, epoch=2) for at in range(5)]
    filled.write([InsertAttempt(attempt) for attempt in made])
    assert filled.attempts(run_id, "check", [1, 3]) == [made[1], made[3]]
    assert filled.attempts(run_id, positions=[0]) == [made[0]]
    assert filled.attempts(run_id, "load", [1]) == []


def test_some_of_the_events(filled: Store, rows: Rows, run_id: str) -> None:
    made = [rows.event(seq) for seq in range(1, 6)]
    filled.write([InsertEvent(event) for event in made])
    assert filled.events(run_id, 1, 2) == made[1:3]
    assert filled.events(run_id, 1) == made[1:]
