"""What a run's events alone say of it: the fold that the history promises."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from ppacer.core.model import FAMILY, Attempt, AttemptStatus, Event, EventKind
from ppacer.core.plan import DagPlan

Key = tuple[str, int]
OVER = {"success", "failed", "cancelled"}


@dataclass
class Folded:
    """Statuses as words; of tasks with the number of attempts, of attempts by their ids."""

    run: str = ""
    outcome: str | None = None
    epoch: int = 1
    late: bool = False
    tasks: dict[Key, tuple[str, int]] = field(default_factory=dict)
    attempts: dict[str, str] = field(default_factory=dict)


def fold(plan: DagPlan, events: Iterable[Event]) -> Folded:
    made = Folded()
    for event in events:
        _take(made, plan, event.kind, json.loads(event.payload))
    return made


def told(attempt: Attempt) -> str:
    """What the history can tell of an attempt: nothing of its parts after the first deferral but its end."""
    if attempt.state is not None and not attempt.status.terminal:
        return AttemptStatus.DEFERRED.value
    return attempt.status.value


def _take(made: Folded, plan: DagPlan, kind: EventKind, payload: dict[str, object]) -> None:
    task, position = str(payload.get("task", "")), int(str(payload.get("position", 0)))
    key = (task, position)
    attempts = made.tasks.get(key, ("", 0))[1]
    match kind:
        case EventKind.RUN_CREATED:
            made.run = "queued"
        case EventKind.RUN_STARTED:
            made.run = "running"
            if not made.tasks:
                for each in plan.dag.tasks:
                    made.tasks[each.id, 0 if each.fan_out is None else FAMILY] = ("waiting", 0)
        case EventKind.RUN_LATE:
            made.late = True
        case EventKind.RUN_TIMED_OUT:
            made.outcome = "failed"
        case EventKind.CANCEL_REQUESTED:
            made.outcome = made.outcome or "cancelled"
        case EventKind.RUN_DECIDED:
            made.outcome = str(payload["outcome"])
        case EventKind.RUN_FINISHED:
            made.run = made.outcome = str(payload["status"])
        case EventKind.RUN_REOPENED:
            made.epoch = int(str(payload["epoch"]))
            if made.run in OVER:
                made.run, made.outcome = "queued", None
        case EventKind.TASK_EXPANDED:
            members = int(str(payload["members"]))
            made.tasks.update({(task, each): ("waiting", 0) for each in range(members)})
            if members:
                made.tasks[key] = ("running", 0)
        case EventKind.TASK_QUEUED:
            made.tasks[key] = ("queued", int(str(payload["number"])))
            made.attempts[str(payload["id"])] = "queued"
        case EventKind.ATTEMPT_STARTED:
            made.tasks[key] = ("running", attempts)
            made.attempts[str(payload["id"])] = "running"
        case EventKind.ATTEMPT_DEFERRED:
            made.attempts[str(payload["id"])] = "deferred"
        case EventKind.ATTEMPT_FINISHED:
            made.attempts[str(payload["id"])] = str(payload["status"])
        case EventKind.TASK_RETRYING:
            made.tasks[key] = ("retrying", attempts)
        case EventKind.TASK_FINISHED:
            made.tasks[key] = (str(payload["status"]), attempts)
        case EventKind.TASK_RESET | EventKind.TASK_MARKED:
            made.tasks[key] = (str(payload.get("status", "waiting")), 0)
            if position == FAMILY:
                for member in [each for each in made.tasks if each[0] == task and each[1] != FAMILY]:
                    del made.tasks[member]
            elif plan.tasks[task].fan_out is not None:
                made.tasks[task, FAMILY] = ("running", 0)
        case EventKind.TASK_CANCEL_REQUESTED | EventKind.LEASE_RESTORED:
            pass
