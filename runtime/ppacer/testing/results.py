"""What became of a run, for assertions and for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ppacer.cli.command import similar
from ppacer.core.durations import duration_text
from ppacer.core.gist import gist
from ppacer.core.model import AttemptStatus, ErrorKind, EventKind, NoticeEvent, RunStatus, TaskStatus
from ppacer.core.operators import text
from ppacer.testing.errors import PipelineError
from ppacer.testing.names import Name, Shown

_WIDEST = 60
"""How many characters of an output or error a table shows."""

_MOST_FAILED = 3
"""How many tasks that failed one line names."""


@dataclass(frozen=True, slots=True)
class Called:
    """One call of a task, its arguments as they are written in the dag and worked out: not yet rebuilt to the
    annotations of what is called, and without the context. `part` counts the calls of an attempt that was deferred."""

    attempt: int
    part: int
    args: tuple[object, ...]
    kwargs: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt; its number counts from 1."""

    number: int
    status: AttemptStatus
    error_kind: ErrorKind | None
    error: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """What an attempt wrote: to `stdout` or `stderr`, by `logging`, or what the executor says itself (`system`).

    `level` is a level of `logging`, `attributes` a JSON object of what `extra` brought.
    """

    attempt: int
    stream: str
    level: int
    message: str
    logger: str = ""
    attributes: str = "{}"


@dataclass(frozen=True, slots=True)
class TaskResult:
    """What became of a task, or of a member of a family. All times are in the dag's zone.

    `id` is what people call it; of a member `task` is its family and `position` its place there, from 0.
    `attempts` counts the attempts, `tries` tells how each ended. `output` is none for a task that did not succeed; of
    a run-time family it is the list of its members' outputs, and `members` are their ids. `label` is the value that a
    member stands for. `error` is the last attempt's if the task failed, `reason` tells why it was not run or was asked
    to end.
    """

    id: str
    task: str
    position: int | None
    status: TaskStatus
    attempts: int = 0
    output: object = None
    error: str | None = None
    reason: str | None = None
    label: str | None = None
    members: tuple[str, ...] | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tries: tuple[Try, ...] = ()
    calls: tuple[Called, ...] = ()
    log: tuple[LogLine, ...] = ()

    def __repr__(self) -> str:
        said = f": {gist(self.error)}" if self.error else ""
        return f"<task {self.id} {self.status}{_because(self.reason)}{said}>"

    @property
    def call(self) -> Called:
        """Its last call. Raises `AssertionError` if it was never called."""
        if not self.calls:
            raise AssertionError(f"task {self.id} was never called: it is {self.status}{_because(self.reason)}")
        return self.calls[-1]

    @property
    def args(self) -> tuple[object, ...]:
        """The positional arguments of its last call."""
        return self.call.args

    @property
    def kwargs(self) -> Mapping[str, object]:
        """The named arguments of its last call."""
        return self.call.kwargs

    @property
    def log_text(self) -> str:
        """The messages of its log, each on a line of its own."""
        return "\n".join(line.message for line in self.log)


@dataclass(frozen=True, slots=True)
class Alert:
    """What somebody would have been told: by these notifiers, or in the log alone if there are none.

    `task` is none for what is about the run. `message` is the dag's own text or the usual one.
    """

    event: NoticeEvent
    task: str | None
    notifiers: tuple[str, ...]
    subject: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One step in the run's history; `details` are what there is to say of it beside its task."""

    at: datetime
    kind: EventKind
    task: str | None
    actor: str
    details: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What became of a run. Times are the fake clock's, in the dag's zone; `at` is the run's planned time.

    `tasks` holds the tasks in the order of the graph by the ids that people are shown, families before their members;
    `result["load"]` is the short way. `order` has the ids of the tasks that were started, in that order. `late` tells
    whether the deadline passed. `runs` are those that its tasks asked for with `run_dag`.
    """

    id: str
    dag: str
    at: datetime
    params: Mapping[str, object]
    status: RunStatus
    reason: str | None
    started_at: datetime | None
    finished_at: datetime
    late: bool
    tasks: Mapping[str, TaskResult]
    order: tuple[str, ...]
    alerts: tuple[Alert, ...]
    events: tuple[RunEvent, ...] = field(repr=False)
    runs: tuple[RunResult, ...]

    @property
    def took(self) -> timedelta:
        """From the run's start to its end."""
        return timedelta(0) if self.started_at is None else self.finished_at - self.started_at

    def __getitem__(self, name: str) -> TaskResult:
        """The task of that name, `load`, `raw["eu"]`, `check[0]` or `check["a.csv"]`.

        Raises `PipelineError` where there is no such task, or several.
        """
        if name in self.tasks:
            return self.tasks[name]
        found = self._named(name)
        if len(found) > 1:
            raise PipelineError(f"`{name}` stands for several tasks: {', '.join(task.id for task in found)}")
        return found[0]

    def statuses(self, name: str = "*") -> dict[str, str]:
        """How each task ended, or each that a name such as `raw` or `orders.*` stands for. A run-time family stands
        for itself only where it has no members."""
        return {task.id: task.status.value for task in self._named(name) if not task.members}

    def __repr__(self) -> str:
        count = len(self.statuses())
        succeeded = sum(status == TaskStatus.SUCCESS for status in self.statuses().values())
        failed = [f"{task.id}: {gist(task.error)}" for task in self.tasks.values() if task.error and not task.members]
        if len(failed) > _MOST_FAILED:
            failed[_MOST_FAILED:] = [f"and {len(failed) - _MOST_FAILED} more"]
        parts = [f"{self.dag} {self.status}{_because(self.reason)}", f"{succeeded} of {count} succeeded", *failed]
        return f"<run of {'; '.join(parts)}>"

    def __str__(self) -> str:
        """A table of the tasks, and below it the alerts and the last logs of what failed."""
        return "\n".join([*_table(self), *_alerts(self), *_logs(self)])

    def _named(self, text_: str) -> list[TaskResult]:
        name = Name.parse(text_)
        found = [] if name is None else [task for task in self.tasks.values() if name.fits(_shown(task))]
        if not found and text_ != "*":
            raise PipelineError(f"the run of dag {self.dag} has no task `{text_}`{similar(text_, [*self.tasks])}")
        return found


def _shown(task: TaskResult) -> Shown:
    return Shown(task.task, task.position, task.label)


# --- for people ------------------------------------------------------------------------------------------------------


def _because(reason: str | None) -> str:
    return f" ({reason})" if reason else ""


def _table(run: RunResult) -> list[str]:
    head = f"{run.dag}  {run.status}  planned for {run.at:%Y-%m-%d %H:%M:%S %Z}, took {duration_text(run.took)}"
    rows = [("task", "status", "attempts", "began after", "output, error or reason")]
    rows += [_row(run, task) for task in run.tasks.values()]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    cells = (
        "  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[4]]) for row in rows
    )
    return [f"{head}{'; it was late' if run.late else ''}", *(f"  {line}".rstrip() for line in cells)]


def _row(run: RunResult, task: TaskResult) -> tuple[str, str, str, str, str]:
    began = "–"
    if task.started_at is not None and run.started_at is not None:
        began = duration_text(task.started_at - run.started_at)
    said = gist(task.error) if task.error else task.reason or ""
    if task.status is TaskStatus.SUCCESS:
        said = text(task.output)
    name = task.id if task.label is None else f"{task.id} ({task.label})"
    return name, task.status.value, str(task.attempts or "–"), began, _clip(said)


def _alerts(run: RunResult) -> list[str]:
    return [
        f"  alert: {alert.event} of {alert.task or 'the run'} to {', '.join(alert.notifiers) or 'the log alone'}: "
        f"{_clip(alert.message.strip().partition(chr(10))[0])}"
        for alert in run.alerts
    ]


def _logs(run: RunResult) -> list[str]:
    lines: list[str] = []
    for task in run.tasks.values():
        if task.status is TaskStatus.FAILED and task.log:
            last = "\n".join(line.message for line in task.log if line.attempt == task.attempts)
            lines += [f"  log of {task.id}, attempt {task.attempts}:", *(f"    {line}" for line in last.splitlines())]
    return lines


def _clip(said: str) -> str:
    said = " ".join(said.split())
    return said if len(said) <= _WIDEST else f"{said[: _WIDEST - 1]}…"
