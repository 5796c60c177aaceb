"""`logs RUN [TASK]`: what tasks wrote, attempt by attempt."""

from __future__ import annotations

from datetime import datetime

from ppacer.cli.access import Program, program_of
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Console, Style, printable, status_cell
from ppacer.cli.find import find_run, find_task
from ppacer.cli.follow import entry_style, message_lines
from ppacer.core.model import TaskStatus
from ppacer.web.messages import AttemptView, LogLine, RunDetail, TaskView


def logs(invocation: Invocation) -> int:
    with program_of(invocation) as program:
        detail = program.run(find_run(program, invocation.text("run")))
        number = invocation.number("attempt", 0)
        for index, task in enumerate(_wanted(program, detail, invocation.values.get("task"))):
            if index:
                invocation.console.line()
            _print_task(program, detail, task, number, invocation.console)
        if "task" not in invocation.values:
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
    members: list[TaskView] = []
    after: int | None = -1
    while after is not None:
        page = program.members(detail.run.id, named.task, after=after, limit=500)
        members += page.members
        after = page.next
    return members


def _tell_left_out(detail: RunDetail, console: Console) -> None:
    for task in detail.tasks:
        if task.family is not None and task.family.members > task.family.shown:
            left = task.family.members - task.family.shown
            console.line()
            console.line(f"… and {left} more members of {task.name}: name it, or one of them", Style.DIM)


def _print_task(program: Program, detail: RunDetail, task: TaskView, number: int, console: Console) -> None:
    tried = [each for each in task.attempts if number in (0, each.number)]
    if number and not tried:
        made = len(task.attempts)
        raise CommandError(f"{task.name} has no attempt {number}: it made {made or 'none'}", 2)
    attempt = tried[-1] if tried else None
    _print_header(task, attempt, console)
    if attempt is None:
        _print_error(task.error, console)
        return
    after, told = 0, False
    while True:
        page = program.logs(
            detail.run.id, task.id, position=task.position, attempt=attempt.number, epoch=attempt.epoch, after=after
        )
        for entry in page.entries:
            told = told or entry.message == attempt.error
            _print_entry(entry, console)
        if page.complete or not page.entries:
            break
        after = page.last
    if not told:
        _print_error(attempt.error, console)


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
