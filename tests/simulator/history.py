"""What a run's events alone say of it, event by event: the fold that the history promises."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from ppacer.core.model import FAMILY, Event, EventKind
from ppacer.core.plan import DagPlan

Place = tuple[str, int]
_OVER = frozenset({"success", "failed", "cancelled"})


@dataclass(slots=True)
class Story:
    """Statuses as words: of the run, of its tasks, of its attempts by their ids. `seq` is that of the last event."""

    plan: DagPlan
    seq: int = 0
    run: str = ""
    outcome: str | None = None
    epoch: int = 1
    tasks: dict[Place, str] = field(default_factory=dict)
    attempts: dict[str, str] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        self.seq = event.seq
        told = json.loads(event.payload)
        task, position = told.get("task", ""), told.get("position", 0)
        match event.kind:
            case EventKind.RUN_CREATED:
                self.run = "queued"
            case EventKind.RUN_STARTED:
                self._start()
            case EventKind.RUN_FINISHED:
                self.run = self.outcome = told["status"]
            case EventKind.RUN_DECIDED:
                self.outcome = told["outcome"]
            case EventKind.RUN_TIMED_OUT:
                self.outcome = "failed"
            case EventKind.CANCEL_REQUESTED:
                self.outcome = self.outcome or "cancelled"
            case EventKind.RUN_REOPENED:
                self.epoch = told["epoch"]
                if self.run in _OVER:
                    self.run, self.outcome = "queued", None
            case EventKind.TASK_EXPANDED:
                self._expand(task, position, told["members"])
            case EventKind.TASK_QUEUED:
                self.tasks[task, position] = self.attempts[told["id"]] = "queued"
            case EventKind.ATTEMPT_STARTED:
                self.tasks[task, position] = self.attempts[told["id"]] = "running"
            case EventKind.ATTEMPT_DEFERRED:
                self.attempts[told["id"]] = "deferred"
            case EventKind.ATTEMPT_FINISHED:
                self.attempts[told["id"]] = told["status"]
            case EventKind.TASK_RETRYING:
                self.tasks[task, position] = "retrying"
            case EventKind.TASK_FINISHED:
                self.tasks[task, position] = told["status"]
            case EventKind.TASK_RESET | EventKind.TASK_MARKED:
                self._reset(task, position, told.get("status", "waiting"))
            case _:
                pass

    def _start(self) -> None:
        self.run = "running"
        if not self.tasks:
            for each in self.plan.dag.tasks:
                self.tasks[each.id, 0 if each.fan_out is None else FAMILY] = "waiting"

    def _expand(self, task: str, position: int, members: int) -> None:
        self.tasks.update({(task, each): "waiting" for each in range(members)})
        if members:
            self.tasks[task, position] = "running"

    def _reset(self, task: str, position: int, status: str) -> None:
        self.tasks[task, position] = status
        if position == FAMILY:
            for member in [each for each in self.tasks if each[0] == task and each[1] != FAMILY]:
                del self.tasks[member]
        elif self.plan.tasks[task].fan_out is not None:
            self.tasks[task, FAMILY] = "running"
