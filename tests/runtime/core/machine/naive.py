"""The rules of a run told a second time, in the plainest way: by looking at all current statuses, without counters.

`Dag` is a drawn dag: what its conditions and lists mean is told beside their expressions, so that nothing here
evaluates any. `expect` says, of each row that waited before a step, what it must be after it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.model import FAMILY, RunStatus, TaskRow, TaskStatus
from ppacer.core.plan import DagPlan

Key = tuple[str, int]
Rows = Mapping[Key, TaskRow]

BAD = {"failed", "upstream_failed", "cancelled"}
OVER = BAD | {"success", "skipped"}


@dataclass
class Dag:
    """`conditions` tells of each task's `when`: `true`, `false`, `broken`, or the parent whose output must be none.
    `lists` tells of each family's list: its length, or the task whose output it is."""

    plan: DagPlan
    conditions: dict[str, str]
    lists: dict[str, int | str]

    def task(self, key: Key) -> spec.Task:
        return self.plan.tasks[key[0]]

    def is_family(self, task: str) -> bool:
        return task in self.lists

    def handler(self, key: Key) -> str:
        return self.task(key).handler.value


# --- one task ---------------------------------------------------------------------------------------------------------


def rule(trigger: spec.Trigger, parents: list[str]) -> str | None:
    """What becomes of a task whose parents stand so: none while it has to wait, `go` if it is to run."""
    bad = any(status in BAD for status in parents)
    skipped = "skipped" in parents
    good = "success" in parents
    done = all(status in OVER for status in parents)
    if not parents or trigger is spec.Trigger.ALWAYS:
        return "go"
    if trigger is spec.Trigger.ALL_SUCCESS:
        return "upstream_failed" if bad else None if not done else "skipped" if skipped else "go"
    if trigger is spec.Trigger.NONE_FAILED:
        return "upstream_failed" if bad else "go" if done else None
    if trigger is spec.Trigger.ALL_DONE:
        return "go" if done else None
    if trigger is spec.Trigger.ALL_FAILED:
        return "skipped" if good or skipped else "go" if done else None
    if trigger is spec.Trigger.ONE_SUCCESS:
        return "go" if good else None if not done else "upstream_failed" if bad else "skipped"
    return "go" if bad else "skipped" if done else None


def members(rows: Rows, family: str) -> list[TaskRow]:
    found: list[TaskRow] = []
    while (row := rows.get((family, len(found)))) is not None:
        found.append(row)
    return found


def decide(dag: Dag, rows: Rows, key: Key) -> str | None:
    """What the rules say about a waiting task, family or member: none for `wait`, else the status that it comes to."""
    task = dag.task(key)
    partners = task.fan_out.pairwise if task.fan_out is not None else ()
    others: list[str] = []
    own: list[str] = []
    for parent in task.parents:
        if not dag.is_family(parent):
            others.append(rows[parent, 0].status.value)
        elif parent not in partners:
            others += [row.status.value for row in members(rows, parent)] or [rows[parent, FAMILY].status.value]
        elif not members(rows, parent):
            own.append(rows[parent, FAMILY].status.value)
        elif key[1] == FAMILY:
            own.append("expanded")
        else:
            own.append(rows[parent, key[1]].status.value if (parent, key[1]) in rows else "skipped")
    found = rule(task.trigger, others + own)
    if task.fan_out is None:
        return after_condition(dag, rows, key) if found == "go" else found
    if key[1] != FAMILY:
        return after_condition(dag, rows, key) if found == "go" else found
    if found is None and "expanded" in own and set(others + own) <= OVER | {"expanded"}:
        found = "go"
    if found != "go":
        return found
    source = dag.lists[task.id]
    known = isinstance(source, int) or rows[source, 0].status.terminal
    return after_list(dag, rows, task.id) if known else None


def after_condition(dag: Dag, rows: Rows, key: Key) -> str:
    condition = dag.conditions[key[0]]
    if condition in ("false", "broken"):
        return "skipped" if condition == "false" else "failed"
    return "queued" if condition == "true" or value(rows, condition) is None else "skipped"


def after_list(dag: Dag, rows: Rows, family: str) -> str:
    source = dag.lists[family]
    found = list(range(source)) if isinstance(source, int) else value(rows, source)
    if not isinstance(found, list):
        return "failed"
    return family_end(rows, family) if found else "success"


def value(rows: Rows, task: str) -> object:
    row = rows[task, 0]
    return json.loads(row.output or "null") if row.status is TaskStatus.SUCCESS else None


def family_end(rows: Rows, family: str) -> str:
    """What a family with members is."""
    found = {row.status.value for row in members(rows, family)}
    if not found <= OVER:
        return "running"
    for status in ("failed", "cancelled", "upstream_failed"):
        if status in found:
            return status
    return "skipped" if found == {"skipped"} else "success"


# --- the whole run ----------------------------------------------------------------------------------------------------


def expect(dag: Dag, rows: Rows, outcome: RunStatus | None, key: Key) -> str:
    """What must be of a row that waited before the step, unless somebody cancelled it."""
    handler = dag.handler(key)
    if handler == "none":
        return decide(dag, rows, key) or "waiting"
    if not all(row.status.terminal for other, row in rows.items() if dag.handler(other) == "none"):
        return "waiting"
    if handler == "finally":
        before = (row for other, row in rows.items() if dag.handler(other) in ("success", "failure"))
        if not all(row.status.terminal for row in before):
            return "waiting"
    elif outcome is None or outcome.value != {"success": "success", "failure": "failed"}[handler]:
        return "skipped"
    return decide(dag, rows, key) or "waiting"


def ends_as(dag: Dag, rows: Rows) -> RunStatus:
    """What a run ends as that nobody asked to end."""
    bad = any(row.status.value in BAD for key, row in rows.items() if dag.handler(key) == "none")
    return RunStatus.FAILED if bad else RunStatus.SUCCESS


# --- part of it done again --------------------------------------------------------------------------------------------


def to_reset(dag: Dag, rows: Rows, ask: h.Reopen) -> set[Key]:
    """What a restart or a rerun does again: rows of plain tasks, of whole families, of members of families that keep
    the others. What waits in a running run is among them."""
    found: set[Key] = set()
    if ask.operation is h.Operation.RESTART:
        for key, row in rows.items():
            whole = key[1] == FAMILY and members(rows, key[0])
            if dag.handler(key) == "none" and row.status.value in BAD and not whole:
                _add(found, key)
        for key in list(found):
            _follow(dag, rows, key, found)
        return found
    assert ask.task is not None
    position = ask.position if dag.is_family(ask.task) and ask.position is not None else None
    key = (ask.task, (FAMILY if dag.is_family(ask.task) else 0) if position is None else position)
    _add(found, key)
    if ask.follow:
        _follow(dag, rows, key, found)
    return found


def _follow(dag: Dag, rows: Rows, key: Key, found: set[Key]) -> None:
    for child in followers(dag, rows, key):
        if child not in found and (child[0], FAMILY) not in found:
            _add(found, child)
            _follow(dag, rows, child, found)


def _add(found: set[Key], key: Key) -> None:
    """A family that is done again as a whole is so with all its members."""
    if key[1] == FAMILY:
        found -= {other for other in found if other[0] == key[0]}
    found.add(key)


def followers(dag: Dag, rows: Rows, key: Key) -> Iterator[Key]:
    for child in dag.task(key).children:
        fan_out = dag.plan.tasks[child].fan_out
        if fan_out is None:
            yield child, 0
        elif key[0] in fan_out.pairwise and key[1] != FAMILY and members(rows, child):
            if (child, key[1]) in rows:
                yield child, key[1]
        else:
            yield child, FAMILY


def to_wake(dag: Dag, rows: Rows, key: Key) -> set[Key]:
    """What never ran for the task that is marked, and for what never ran for that."""
    found: set[Key] = set()
    _wake(dag, rows, key, found)
    return found


def _wake(dag: Dag, rows: Rows, key: Key, found: set[Key]) -> None:
    for child in followers(dag, rows, key):
        inside = members(rows, child[0]) if child[1] == FAMILY else []
        idle = [(row.task, row.position) for row in inside if never_ran(row)]
        if not inside:
            idle = [child] if never_ran(rows[child]) else []
        elif len(idle) == len(inside):
            idle = [child]
        for each in idle:
            if each not in found and (each[0], FAMILY) not in found:
                _add(found, each)
                _wake(dag, rows, each, found)


def never_ran(row: TaskRow) -> bool:
    unmarked = row.status.value in ("upstream_failed", "skipped", "cancelled") or row.reason is None
    return row.status.value in OVER - {"success"} and not row.attempts and unmarked


def is_refused(dag: Dag, rows: Rows, run_status: RunStatus, ask: h.Reopen, *, ending: bool) -> bool:
    """Whether part of a run cannot be done again as it stands."""
    if (run_status is RunStatus.QUEUED and not rows) or (run_status is RunStatus.RUNNING and ending):
        return True
    if ask.operation is h.Operation.RESTART:
        reset = to_reset(dag, rows, ask)
        nothing = not reset and (bool(rows) or run_status is RunStatus.SUCCESS)
        return nothing or any(_disturbs(dag, rows, key) for key in reset)
    assert ask.task is not None
    if ask.task not in dag.plan.tasks:
        return True
    family = dag.is_family(ask.task)
    key = (ask.task, (FAMILY if family else 0) if ask.position is None or not family else ask.position)
    if key not in rows or dag.handler(key) != "none" or rows[key].status.value not in OVER:
        return True
    if ask.operation is h.Operation.MARK:
        users = rows[key].status is TaskStatus.SUCCESS and any(_live(rows, each) for each in followers(dag, rows, key))
        return key[1] == FAMILY or users
    return any(_disturbs(dag, rows, each) for each in to_reset(dag, rows, ask))


def _disturbs(dag: Dag, rows: Rows, key: Key) -> bool:
    return _live(rows, key) or any(_live(rows, child) for child in followers(dag, rows, key))


def _live(rows: Rows, key: Key) -> bool:
    return rows[key].status.value in ("queued", "running", "retrying")


# --- one attempt ------------------------------------------------------------------------------------------------------


def after_failure(task: spec.Task, row: TaskRow, *, final: bool = False) -> str:
    """What a task is whose attempt failed or took too long."""
    if row.reason is not None:
        return "cancelled"
    if final or row.attempts - row.lost > task.retries:
        return "failed"
    return "retrying" if task.retry_delay else "queued"


def after_loss(task: spec.Task, row: TaskRow) -> str:
    if row.reason is not None:
        return "cancelled"
    return "failed" if task.on_lost is spec.OnLost.FAIL or row.lost >= spec.LOST_BUDGET else "queued"
