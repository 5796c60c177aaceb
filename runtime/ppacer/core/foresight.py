"""What a wish of somebody's would do to a run: found out by granting it to a twin of the run's machine, which is then
forgotten. So what is foretold is what the machine would do, and nothing is written."""

from __future__ import annotations

from collections import Counter
from typing import TypeAlias

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.machine import RunMachine
from ppacer.core.model import FAMILY, TaskRow, TaskStatus
from ppacer.records import dataclass, replace

Wish: TypeAlias = h.CancelAsked | h.TaskCancelAsked | h.Reopen


@dataclass(frozen=True, slots=True)
class Touched:
    """A task that would be ended, asked to end, marked or run again, and what it is in now; a run-time family as a
    whole (`position` is `FAMILY`) with the number of members that it has."""

    task: str
    position: int
    status: TaskStatus
    members: int = 0


def foresee(machine: RunMachine, wish: Wish) -> tuple[Touched, ...]:
    """What would be touched, in topological order; nothing where the wish changes nothing. Raises `NotPossible`.

    What would merely have its turn because of that is not told.
    """
    twin = machine.twin()
    if twin.handle(wish) is None:
        return ()
    if not any(machine.tasks()):  # it ended, or waits, before it has any rows: all of it is meant
        tasks = machine.plan.dag.tasks
        return tuple(Touched(task.id, 0 if task.fan_out is None else FAMILY, TaskStatus.WAITING) for task in tasks)
    rows = list(machine.tasks())
    after = {(row.task, row.position): row for row in twin.tasks()}
    counts = Counter(row.task for row in rows)
    members = {row.task: counts[row.task] - 1 for row in rows if row.position == FAMILY}
    # A family whose list is worked out anew loses its members: it is told as one. Else its members tell of it.
    whole = {task for task, number in members.items() if number and (task, 0) not in after}
    touched = [row for row in rows if _touched(machine.plan.tasks[row.task], row, after.get((row.task, row.position)))]
    by_members = {row.task for row in touched if row.task in members and row.position != FAMILY} - whole
    return tuple(
        Touched(row.task, row.position, row.status, members[row.task] if row.position == FAMILY else 0)
        for row in touched
        if row.task not in members or (row.position == FAMILY) is (row.task not in by_members)
    )


def _touched(task: spec.Task, before: TaskRow, after: TaskRow | None) -> bool:
    if after is None:  # a member of a family whose list is worked out anew
        return True
    if after.epoch != before.epoch:
        return replace(before, epoch=after.epoch) != after  # members are copied with those that are touched
    if task.handler is not spec.HandlerKind.NONE and after.status is TaskStatus.SKIPPED:
        return False  # a handler that is not for this outcome
    return (after.status.terminal and not before.status.terminal) or after.reason != before.reason
