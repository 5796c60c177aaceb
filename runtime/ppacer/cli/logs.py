"""`logs RUN [TASK]`: what tasks wrote, attempt by attempt."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from ppacer.cli.access import Program, program_of
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Console, Style, printable, status_cell
from ppacer.cli.find import find_run, find_task
from ppacer.cli.follow import entry_style, message_lines
from ppacer.core.model import TaskStatus
from ppacer.web.messages import AttemptView, LogLine, RunDetail, TaskView


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Which attempt of a task is meant: 0 stands for the last one, and for the last epoch that has it."""

    number: int
    epoch: int

    def fits(self, attempt: AttemptView) -> bool:
        return self.number in (0, attempt.number) and self.epoch in (0, attempt.epoch)

    def __str__(self) -> str:
        number = f" {self.number}" if self.number else ""
        return f"attempt{number}" + (f" in epoch {self.epoch}" if self.epoch else "")


_LAST = _Attempt(0, 0)


def logs(invocation: Invocation) -> int:
    with program_of(invocation) as program:
        detail = program.run(find_run(program, invocation.text("run")))
        named = invocation.values.get("task")
        tasks = _wanted(program, detail, named)
        wanted = _Attempt(invocation.number("attempt", 0), invocation.number("epoch", 0))
        if wanted != _LAST:
            tasks = [task for task in tasks if any(map(wanted.fits, task.attempts))] or _refuse(tasks, named, wanted)
        for index, task in enumerate(tasks):
            if index:
                invocation.console.line()
            _print_task(program, detail, task, wanted, invocation.console)
        if named is None:
            _tell_left_out(detail, invocation.console)
    return 0


def _wanted(program: Program, detail: RunDetail, text: object) -> list[TaskView]:
    """The task that is meant, all members of the family that is meant, or all tasks.

    A family has no log as a whole; where its list had no value, it has an error.
    """
    if not isinstance(text, str):
        return [task for task in detail.tasks if task.family is None or task.error is not None]
    named = find_task(detail, text)
    if named.position is not None:
        return [program.task(detail.run.id, named.task, named.position)]
    whole = program.task(detail.run.id, named.task)
    if whole.family is None or whole.error is not None:
        return [whole]
    return list(program.each_member(detail.run.id, named.task))


def _tell_left_out(detail: RunDetail, console: Console) -> None:
    for task in detail.tasks:
        if task.family is not None and task.family.members > task.family.shown:
            left = task.family.members - task.family.shown
            console.line()
            console.line(f"… and {left} more members of {task.name}: name it, or one of them", Style.DIM)


def _print_task(program: Program, detail: RunDetail, task: TaskView, wanted: _Attempt, console: Console) -> None:
    attempt = next(filter(wanted.fits, reversed(task.attempts)), None)
    _print_header(task, attempt, console)
    if attempt is None:
        _print_error(task.error, console)
        return
    told = False
    lines = program.each_log_line(
        *(detail.run.id, task.id), position=task.position, attempt=attempt.number, epoch=attempt.epoch
    )
    for entry in lines:
        told = told or entry.message == attempt.error
        _print_entry(entry, console)
    if not told:
        _print_error(attempt.error, console)
    if attempt.id == task.attempts[-1].id and task.epoch > attempt.epoch and task.error != attempt.error:
        _print_error(task.error, console)  # it failed without an attempt when it was to be run anew


def _refuse(tasks: list[TaskView], named: object, wanted: _Attempt) -> NoReturn:
    """None of the tasks has the attempt."""
    if len(tasks) == 1:
        raise CommandError(f"{tasks[0].name} has no {wanted}: {_made(tasks[0])}", 2)
    raise CommandError(f"no {'member of ' + str(named) if named else 'task of the run'} has an {wanted}", 2)


def _made(task: TaskView) -> str:
    """How many attempts the task made, for a message."""
    made = Counter(attempt.epoch for attempt in task.attempts)
    if len(made) < 2:
        return f"it made {len(task.attempts) or 'none'}"
    return "it made " + ", ".join(f"{count} in epoch {epoch}" for epoch, count in made.items())


def _print_error(error: str | None, console: Console) -> None:
    for line in (error or "").rstrip().splitlines():
        console.line(printable(line), Style.RED)


def _print_entry(entry: LogLine, console: Console) -> None:
    time = datetime.fromisoformat(entry.at).astimezone().strftime("%H:%M:%S")
    logger = f"{entry.logger}: " if entry.logger and entry.logger != "root" else ""
    first, *rest = message_lines(entry)
    style = entry_style(entry)
    console.line(f"{console.style(time, Style.DIM)}  {console.style(logger + first, style)}")
    for line in rest:
        console.line(f"{' ' * len(time)}  {console.style(line, style)}")


def _print_header(task: TaskView, attempt: AttemptView | None, console: Console) -> None:
    status = status_cell(task.status if attempt is None else attempt.status)
    last = attempt is None or attempt.id == task.attempts[-1].id
    notes = [] if task.label is None else [printable(task.label)]
    if attempt is not None and len(task.attempts) > 1:
        notes.append(f"attempt {attempt.number}" + (f" of epoch {attempt.epoch}" if attempt.epoch > 1 else ""))
    if last:
        if attempt is not None and TaskStatus(task.status).terminal and task.status != attempt.status:
            notes.append(f"counts as {task.status.replace('_', ' ')}")
        if task.reason is not None:
            notes.append(printable(task.reason))
    shown = console.style(status.text, status.style)
    note = console.style("".join(f"  {note}" for note in notes), Style.DIM)
    console.line(f"{console.style(task.name, Style.BOLD)}  {shown}{note}")
