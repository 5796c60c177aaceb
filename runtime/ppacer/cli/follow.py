"""A run as it goes, in the terminal: what tasks print, how they end, and what runs just now.

Finished lines scroll by; on a terminal the tasks under way stand below them and are redrawn in place. A run-time family
of many members is shown as one: what goes well with a member is only counted, what does not is told.
"""

from __future__ import annotations

import logging
import shlex
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ppacer.cli.console import STATUS_STYLES, Console, Style, clip, display_width, printable
from ppacer.cli.summary import COLLAPSED, counted, family_note, many, task_time
from ppacer.cli.times import between, local, seconds_of
from ppacer.client import Client
from ppacer.core.model import AttemptStatus, RunStatus, TaskStatus
from ppacer.web.describe import ahead_text, elapsed_text
from ppacer.web.messages import AttemptView, LogLine, RunDetail, TaskView

_TICK_SECONDS = 0.25
_LOOK_SECONDS = 1.0
_IDLE_SECONDS = 20.0
_BEYOND_EVENTS = 2**53
"""The number of no event: who asks for what came after it asks for nothing but the run's status."""

_QUEUED_SECONDS = 3.0
"""After how long it is told what a queued task waits for: an executor may be about to come."""

_WAITS_ITS_TURN = "waits for its turn: no more runs of the dag may be active"

_MAX_LINES = 500
"""How many lines of one attempt are shown; `logs` prints all."""

_ERROR_LINES = 8
_RUNNING_LINES = 8
_MAX_NAME = 32
_MAX_REASON = 80
_TOLD_MEMBERS = 10
"""How many members of a big family are told of that did not go well."""

_SYSTEM = "system"
_BUSY = (TaskStatus.RUNNING, TaskStatus.RETRYING)


def follow(client: Client, run_id: str, console: Console, *, quiet: bool, logs_command: str) -> RunDetail:
    """Shows the run until it has ended; returns it as it ended. Raises `ClientError`.

    `logs_command` is how to call `logs`, for hints: `python hello.py logs`.
    """
    progress = _Progress(client, console, quiet=quiet, logs_command=logs_command)
    while True:
        started = time.monotonic()
        detail = client.run(run_id, members=COLLAPSED)
        with console.together():
            progress.show(detail)
        if RunStatus(detail.run.status).terminal:
            return detail
        # A big run is not asked for again before a while has passed, so that following costs it little.
        now = time.monotonic()
        pause = 4 * (now - started)
        _await_news(client, progress, detail, not_before=now + pause, not_after=now + max(_LOOK_SECONDS, pause))


def message_lines(entry: LogLine) -> list[str]:
    """The entry's message as lines that are safe to print."""
    return [printable(line.expandtabs(4)) for line in entry.message.split("\n")]


def entry_style(entry: LogLine) -> Style:
    if entry.stream == "stdout" or entry.level < logging.WARNING:
        return Style.PLAIN
    return Style.RED if entry.level >= logging.ERROR else Style.YELLOW


@dataclass(slots=True)
class _Shown:
    """What has been shown of one attempt: that it began, the lines of its log, its end."""

    last_seq: int = 0
    lines: int = 0
    waiting: bool = False
    ended: bool = False


@dataclass(slots=True)
class _Progress:
    client: Client
    console: Console
    quiet: bool
    logs_command: str
    attempts: dict[str, _Shown] = field(default_factory=dict)
    ended: set[tuple[str, int, int]] = field(default_factory=set)
    told: dict[str, int] = field(default_factory=dict)
    queued: set[str] = field(default_factory=set)
    late: bool = False
    waits: bool = False
    width: int = 0
    again: bool = False

    def show(self, detail: RunDetail) -> None:
        self.width = min(_MAX_NAME, max((display_width(task.name) for task in detail.tasks), default=0))
        self._show(detail, _ends_in_order(detail))

    def show_again(self, detail: RunDetail) -> None:
        """What may be new although the detail is not: what running tasks have written, how long all of it takes."""
        self.again = True
        self._show(detail, (task for task in detail.tasks if task.status in _BUSY or task.waits_for is not None))
        self.again = False

    def _show(self, detail: RunDetail, tasks: Iterable[TaskView]) -> None:
        if detail.run.late_at is not None and not self.late:
            self.late = True
            self._say("late", Style.YELLOW, f"{detail.run.dag} is late: it should have ended by now")
        if self.queued_run(detail) and not self.waits and not self.console.live and _age(detail) > _QUEUED_SECONDS:
            self.waits = True
            self._say("queued", Style.DIM, f"{detail.run.dag} {_WAITS_ITS_TURN}")
        collapsed = many(detail)
        for task in tasks:
            if task.id in collapsed and task.family is None:
                self._member(detail, task)
            else:
                self._task(detail, task)
        self.draw(detail)

    def draw(self, detail: RunDetail) -> None:
        """The tasks under way, on a terminal only."""
        if not self.console.live or RunStatus(detail.run.status).terminal:
            return
        if self.queued_run(detail):
            self.console.footer([self.console.style(f"{_WAITS_ITS_TURN}, {_whole_seconds(_age(detail))}", Style.DIM)])
            return
        now = time.time()
        collapsed = many(detail)
        busy = [task for task in detail.tasks if task.status in _BUSY]
        running = [task for task in busy if (task.family is not None) == (task.id in collapsed)]
        lines = [self._running_line(task, now) for task in running[:_RUNNING_LINES]]
        if len(running) > _RUNNING_LINES:
            lines.append(self.console.style(f"  … and {len(running) - _RUNNING_LINES} more", Style.DIM))
        done, total = counted(detail)
        lines.append(self.console.style(f"{done} of {total} tasks done, {_whole_seconds(_age(detail))}", Style.DIM))
        self.console.footer(lines)

    def queued_run(self, detail: RunDetail) -> bool:
        return detail.run.status == RunStatus.QUEUED

    def running(self, detail: RunDetail) -> bool:
        return any(task.status in _BUSY for task in detail.tasks)

    def stuck(self, detail: RunDetail) -> bool:
        """Whether a task waits for an executor that there is not, and that was not told yet."""
        waiting = (task for task in detail.tasks if task.waits_for is not None)
        return any(task.attempts[-1].id not in self.queued for task in waiting)

    def _running_line(self, task: TaskView, now: float) -> str:
        mark, style = STATUS_STYLES[task.status]
        note = _running_note(task, now)
        name = clip(task.name, self.console.width - display_width(note) - 6)
        return f"{self.console.style(mark, style)} {self._pad(name)}  {self.console.style(note, Style.DIM)}"

    def _task(self, detail: RunDetail, task: TaskView) -> None:
        for attempt in task.attempts:
            if attempt.epoch == detail.run.epoch or attempt.id in self.attempts:
                self._attempt(detail, task, attempt)
        if task.waits_for is not None:
            self._queued(task, task.attempts[-1])
        if TaskStatus(task.status).terminal and self._newly_ended(task):
            self._outcome(detail, task)

    def _queued(self, task: TaskView, attempt: AttemptView) -> None:
        """The task can start nowhere as things stand, which is told once of each attempt."""
        if attempt.id not in self.queued and time.time() - seconds_of(attempt.created_at) > _QUEUED_SECONDS:
            self.queued.add(attempt.id)
            self._line(TaskStatus.QUEUED, task, f"waits for {task.waits_for}")

    def _member(self, detail: RunDetail, task: TaskView) -> None:
        """A member of a big family: told of only if it ends badly, and if not too many of them did so before."""
        status = TaskStatus(task.status)
        if not status.terminal or status in (TaskStatus.SUCCESS, TaskStatus.SKIPPED) or not self._newly_ended(task):
            return
        told = self.told[task.id] = self.told.get(task.id, 0) + 1
        if told <= _TOLD_MEMBERS:
            self._outcome(detail, task)
        elif told == _TOLD_MEMBERS + 1:
            self._hint(f"… and more members of {task.id} that did not go well")

    def _newly_ended(self, task: TaskView) -> bool:
        key = (task.id, task.position, task.epoch)
        new = key not in self.ended
        self.ended.add(key)
        return new

    def _attempt(self, detail: RunDetail, task: TaskView, attempt: AttemptView) -> None:
        shown = self.attempts.get(attempt.id)
        if shown is None and attempt.started_at is None:
            return
        waits = attempt.status == AttemptStatus.DEFERRED
        if shown is None:
            shown = self.attempts[attempt.id] = _Shown()
            if not self.console.live and not waits:
                self._line("running", task, f"attempt {attempt.number}" if attempt.number > 1 else "running")
        if shown.ended or (waits and shown.waiting):
            return
        if waits and not self.console.live:
            self._line(attempt.status, task, _waiting_note(attempt))
        shown.waiting = waits
        if not self.quiet and (self.again or attempt.log is None or attempt.log > shown.last_seq):
            self._logs(detail, task, attempt, shown)
        last = attempt is task.attempts[-1]
        if last and task.status == TaskStatus.RUNNING:
            return  # it may have ended since the task was read: what it leads to is told by the next look
        if AttemptStatus(attempt.status).terminal:
            shown.ended = True
            if not (last and TaskStatus(task.status).terminal):
                took = elapsed_text(between(attempt.started_at, attempt.finished_at))
                self._line("retrying", task, f"attempt {attempt.number} {attempt.status.replace('_', ' ')}, {took}")
                self._error(attempt.error)

    def _logs(self, detail: RunDetail, task: TaskView, attempt: AttemptView, shown: _Shown) -> None:
        while shown.lines <= _MAX_LINES:
            page = self.client.logs(
                *(detail.run.id, task.id),
                position=task.position,
                attempt=attempt.number,
                epoch=attempt.epoch,
                after=shown.last_seq,
            )
            for entry in page.entries[: _MAX_LINES - shown.lines]:
                if entry.stream != _SYSTEM:  # what the executor adds is the error, which is shown with the outcome
                    self._log_lines(task, entry)
            shown.lines += len(page.entries)
            shown.last_seq = page.last
            if shown.lines > _MAX_LINES:
                self._hint(f"… and more: {self.logs_command} {detail.run.id} {shlex.quote(task.name)}")
            if page.complete or not page.entries:
                break

    def _outcome(self, detail: RunDetail, task: TaskView) -> None:
        notes = [task.status.replace("_", " ")]
        if task.attempts:
            notes.append(task_time(task))
        if task.family is not None:
            notes.append(family_note(task.family))
        if task.label is not None:
            notes.append(clip(task.label, _MAX_NAME))
        if task.reason is not None:
            notes.append(clip(task.reason, _MAX_REASON))
        self._line(task.status, task, "  ".join(notes))
        if task.status == TaskStatus.FAILED:
            self._error(task.error or (task.attempts[-1].error if task.attempts else None))
            if task.attempts:
                self._hint(f"its log: {self.logs_command} {detail.run.id} {shlex.quote(task.name)}")

    def _line(self, status: str, task: TaskView, note: str) -> None:
        mark, style = STATUS_STYLES[status]
        name = self._pad(clip(task.name, max(20, self.console.width - display_width(note) - 6)))
        self.console.line(f"{self.console.style(mark, style)} {name}  {self.console.style(note, Style.DIM)}")

    def _say(self, mark: str, style: Style, text: str) -> None:
        self.console.line(f"{STATUS_STYLES[mark][0]} {text}", style)

    def _log_lines(self, task: TaskView, entry: LogLine) -> None:
        style = entry_style(entry)
        bar = self.console.style(f"  {self._pad(clip(task.name, self.width))} │", Style.DIM)
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


def _await_news(client: Client, progress: _Progress, detail: RunDetail, *, not_before: float, not_after: float) -> None:
    """Waits for a change of the run, looking after logs and clocks meanwhile.

    What running tasks say of their progress is no change: on a terminal they are looked at again before long. So are
    tasks that wait for an executor: whether one has come is no change either.
    """
    while True:
        running = progress.running(detail)
        busy = running and (progress.console.live or not progress.quiet)
        stuck = progress.stuck(detail)
        waits = _LOOK_SECONDS if progress.queued_run(detail) else _IDLE_SECONDS
        wait = _TICK_SECONDS if busy else _QUEUED_SECONDS if stuck else waits
        changes = client.changes(detail.run.id, since=detail.seq, wait=wait)
        if changes.seq != detail.seq:
            _pause(client, detail.run.id, not_before)
            return
        if (stuck or (running and progress.console.live)) and time.monotonic() > not_after:
            return
        with progress.console.together():
            progress.show_again(detail)


def _pause(client: Client, run_id: str, until: float) -> None:
    """Lets the time pass, or as much of it as the run takes to end."""
    while (left := until - time.monotonic()) > _TICK_SECONDS:
        time.sleep(_TICK_SECONDS)
        if RunStatus(client.changes(run_id, since=_BEYOND_EVENTS, wait=0.0).status).terminal:
            return
    time.sleep(max(0.0, left))


def _ends_in_order(detail: RunDetail) -> Iterator[TaskView]:
    """The tasks of the run, each family after its members, since that is how they end."""
    family: TaskView | None = None
    for task in detail.tasks:
        if family is not None and task.id != family.id:
            yield family
            family = None
        if task.family is not None:
            family = task
        else:
            yield task
    if family is not None:
        yield family


def _running_note(task: TaskView, now: float) -> str:
    if task.family is not None:
        return family_note(task.family)
    if task.status == TaskStatus.RETRYING and task.due_at is not None:
        return f"tries again {ahead_text(seconds_of(task.due_at) - now)}"
    if not task.attempts:
        return ""
    attempt = task.attempts[-1]
    notes = [_whole_seconds(now - seconds_of(attempt.started_at))]
    if attempt.status == AttemptStatus.DEFERRED:
        notes.append(_waiting_note(attempt))
    elif attempt.progress is not None:
        said = attempt.progress
        share = "" if said.fraction is None else f"{said.fraction:.0%} "
        notes.append(clip(share + said.message, _MAX_REASON))
    if task.reason is not None:
        notes.append(clip(task.reason, _MAX_REASON))
    return "  ".join(notes)


def _waiting_note(attempt: AttemptView) -> str:
    return "waits" if attempt.due_at is None else f"waits until {local(attempt.due_at)}"


def _age(detail: RunDetail) -> float:
    """Seconds since somebody asked for the run."""
    return time.time() - seconds_of(detail.run.created_at)


def _whole_seconds(seconds: float) -> str:
    """For figures that grow while one looks on."""
    return f"{max(0.0, seconds):.0f}s" if seconds < 59.5 else elapsed_text(seconds)
