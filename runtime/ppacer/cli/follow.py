"""A run as it goes, in the terminal: what tasks print, how they end, and what runs just now.

Finished lines scroll by; on a terminal the tasks under way stand below them and are redrawn in place.
"""

from __future__ import annotations

import logging
import shlex
import time
from dataclasses import dataclass, field
from datetime import datetime

from ppacer.cli.console import STATUS_STYLES, Cell, Console, Style, clip, display_width, printable, status_cell
from ppacer.client import Client
from ppacer.core.model import AttemptStatus, RunStatus, TaskStatus
from ppacer.web.describe import ahead_text, elapsed_text
from ppacer.web.messages import AttemptView, LogLine, RunDetail, TaskView

_TICK_SECONDS = 0.25
_IDLE_SECONDS = 20.0
_MAX_LINES = 500
"""How many lines of one attempt are shown; `logs` prints all."""

_ERROR_LINES = 8
_RUNNING_LINES = 8
_MAX_NAME = 32
_SYSTEM = "system"


def follow(client: Client, run_id: str, console: Console, *, quiet: bool, logs_command: str) -> RunDetail:
    """Shows the run until it has ended; returns it as it ended. Raises `ClientError`.

    `logs_command` is how to call `logs`, for hints: `python hello.py logs`.
    """
    progress = _Progress(client, console, quiet=quiet, logs_command=logs_command)
    while True:
        started = time.monotonic()
        detail = client.run(run_id)
        with console.together():
            progress.show(detail)
        if RunStatus(detail.run.status).terminal:
            return detail
        # A big run is not asked for again before a while has passed, so that following costs it little.
        now = time.monotonic()
        _await_change(client, progress, detail, not_before=now + 4 * (now - started))


def summary(detail: RunDetail, console: Console) -> None:
    """The table of all tasks, and how the run ended."""
    rows = [
        [
            Cell(task_name(task), Style.BOLD),
            status_cell(task.status),
            Cell(str(len(task.attempts)) if task.attempts else "–", right=True),
            Cell(_task_time(task), right=True),
        ]
        for task in detail.tasks
    ]
    console.line()
    console.table(rows, ("task", "outcome", "attempts", "time"))
    run = detail.run
    mark, style = STATUS_STYLES.get(run.status, ("·", Style.PLAIN))
    took = f" in {elapsed_text(_between(run.started_at, run.finished_at))}" if run.started_at else ""
    console.line()
    console.line(
        console.style(f"{mark} {run.dag} {run.status}", style) + took + console.style(f"  run {run.id}", Style.DIM)
    )


def message_lines(entry: LogLine) -> list[str]:
    """The entry's message as lines that are safe to print."""
    return [printable(line.expandtabs(4)) for line in entry.message.split("\n")]


def entry_style(entry: LogLine) -> Style:
    if entry.stream == "stdout" or entry.level < logging.WARNING:
        return Style.PLAIN
    return Style.RED if entry.level >= logging.ERROR else Style.YELLOW


def task_name(task: TaskView) -> str:
    """The name a task is known by: members of a run-time family by their position."""
    return task.id if task.label is None else f"{task.id}[{task.position}]"


@dataclass(slots=True)
class _Shown:
    """What has been shown of one attempt: that it began, the lines of its log, its end."""

    last_seq: int = 0
    lines: int = 0
    ended: bool = False


@dataclass(slots=True)
class _Progress:
    client: Client
    console: Console
    quiet: bool
    logs_command: str
    attempts: dict[str, _Shown] = field(default_factory=dict)
    ended: set[tuple[str, int]] = field(default_factory=set)
    width: int = 0

    def show(self, detail: RunDetail) -> None:
        self.width = min(_MAX_NAME, max((display_width(task_name(task)) for task in detail.tasks), default=0))
        for task in detail.tasks:
            for attempt in task.attempts:
                if attempt.status not in (AttemptStatus.QUEUED, AttemptStatus.DEFERRED):
                    self._attempt(detail, task, attempt)
            if TaskStatus(task.status).terminal and (task.id, task.position) not in self.ended:
                self.ended.add((task.id, task.position))
                self._outcome(detail, task)
        self.draw(detail)

    def draw(self, detail: RunDetail) -> None:
        """The tasks under way, on a terminal only."""
        if not self.console.live or RunStatus(detail.run.status).terminal:
            return
        now = time.time()
        running = [task for task in detail.tasks if task.status in (TaskStatus.RUNNING, TaskStatus.RETRYING)]
        lines = [self._running_line(task, now) for task in running[:_RUNNING_LINES]]
        if len(running) > _RUNNING_LINES:
            lines.append(self.console.style(f"  … and {len(running) - _RUNNING_LINES} more", Style.DIM))
        done = sum(TaskStatus(task.status).terminal for task in detail.tasks)
        spent = _whole_seconds(now - _seconds(detail.run.created_at))
        lines.append(self.console.style(f"{done} of {len(detail.tasks)} tasks done, {spent}", Style.DIM))
        self.console.footer(lines)

    def running(self, detail: RunDetail) -> bool:
        return any(task.status in (TaskStatus.RUNNING, TaskStatus.RETRYING) for task in detail.tasks)

    def _running_line(self, task: TaskView, now: float) -> str:
        mark, style = STATUS_STYLES[task.status]
        if task.status == TaskStatus.RETRYING and task.due_at is not None:
            note = f"tries again {ahead_text(_seconds(task.due_at) - now)}"
        else:
            note = _whole_seconds(now - _seconds(task.attempts[-1].started_at)) if task.attempts else ""
        name = clip(task_name(task), self.console.width - len(note) - 6)
        return f"{self.console.style(mark, style)} {self._pad(name)}  {self.console.style(note, Style.DIM)}"

    def _attempt(self, detail: RunDetail, task: TaskView, attempt: AttemptView) -> None:
        shown = self.attempts.get(attempt.id)
        if shown is None:
            shown = self.attempts[attempt.id] = _Shown()
            if not self.console.live:
                self._line("running", task, f"attempt {attempt.number}" if attempt.number > 1 else "running")
        if shown.ended:
            return
        if not self.quiet:
            self._logs(detail, task, attempt, shown)
        if AttemptStatus(attempt.status).terminal:
            shown.ended = True
            last = attempt is task.attempts[-1]
            if not (last and TaskStatus(task.status).terminal):
                took = elapsed_text(_between(attempt.started_at, attempt.finished_at))
                self._line("retrying", task, f"attempt {attempt.number} {attempt.status.replace('_', ' ')}, {took}")
                self._error(attempt.error)

    def _logs(self, detail: RunDetail, task: TaskView, attempt: AttemptView, shown: _Shown) -> None:
        while shown.lines <= _MAX_LINES:
            page = self.client.logs(
                detail.run.id, task.id, position=task.position, attempt=attempt.number, after=shown.last_seq
            )
            for entry in page.entries[: _MAX_LINES - shown.lines]:
                if entry.stream != _SYSTEM:  # what the executor adds is the error, which is shown with the outcome
                    self._log_lines(task, entry)
            shown.lines += len(page.entries)
            shown.last_seq = page.last
            if shown.lines > _MAX_LINES:
                self._hint(f"… and more: {self.logs_command} {detail.run.id} {shlex.quote(task_name(task))}")
            if page.complete or not page.entries:
                break

    def _outcome(self, detail: RunDetail, task: TaskView) -> None:
        took = _task_time(task)
        status = task.status.replace("_", " ")
        self._line(task.status, task, f"{status}  {took}" if task.attempts else status)
        if task.status == TaskStatus.FAILED:
            self._error(task.error or (task.attempts[-1].error if task.attempts else None))
            if task.attempts:
                self._hint(f"its log: {self.logs_command} {detail.run.id} {shlex.quote(task_name(task))}")

    def _line(self, status: str, task: TaskView, note: str) -> None:
        mark, style = STATUS_STYLES[status]
        name = self._pad(clip(task_name(task), max(20, self.console.width - display_width(note) - 6)))
        self.console.line(f"{self.console.style(mark, style)} {name}  {self.console.style(note, Style.DIM)}")

    def _log_lines(self, task: TaskView, entry: LogLine) -> None:
        style = entry_style(entry)
        bar = self.console.style(f"  {self._pad(clip(task_name(task), self.width))} │", Style.DIM)
        for line in message_lines(entry):
            self.console.line(f"{bar} {self.console.style(line, style)}")

    def _error(self, error: str | None) -> None:
        lines = [line for line in (error or "").rstrip().splitlines() if line.strip()]
        if len(lines) > _ERROR_LINES:
            self.console.line("    …", Style.DIM)
        for line in lines[-_ERROR_LINES:]:
            self.console.line(f"    {printable(line)}", Style.RED)

    def _hint(self, text: str) -> None:
        self.console.line(f"    {text}", Style.DIM)

    def _pad(self, name: str) -> str:
        return name + " " * max(0, self.width - display_width(name))


def _await_change(client: Client, progress: _Progress, detail: RunDetail, *, not_before: float) -> None:
    """Waits for a change of the run, looking after logs and clocks meanwhile."""
    while True:
        busy = progress.running(detail) and (progress.console.live or not progress.quiet)
        changes = client.changes(detail.run.id, since=detail.seq, wait=_TICK_SECONDS if busy else _IDLE_SECONDS)
        if changes.seq != detail.seq:
            time.sleep(max(0.0, not_before - time.monotonic()))
            return
        with progress.console.together():
            progress.show(detail)


def _task_time(task: TaskView) -> str:
    """From the start of the first attempt to the end of the last, waits between them included."""
    times = [attempt for attempt in task.attempts if attempt.started_at is not None]
    if not times or times[-1].finished_at is None:
        return "–"
    return elapsed_text(_between(times[0].started_at, times[-1].finished_at))


def _whole_seconds(seconds: float) -> str:
    """For figures that grow while one looks on."""
    return f"{max(0.0, seconds):.0f}s" if seconds < 59.5 else elapsed_text(seconds)


def _between(start: str | None, end: str | None) -> float:
    return _seconds(end) - _seconds(start) if start is not None and end is not None else 0.0


def _seconds(moment: str | None) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment is not None else time.time()
