"""`cancel`, `restart`, `rerun`, `mark`: what may be done to a run and its tasks. Each says what it has touched."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from ppacer.cli.access import Program, program_of
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Style
from ppacer.cli.find import Named, find_run, find_task
from ppacer.client import Client
from ppacer.core.model import RunStatus, TaskStatus
from ppacer.spec import HandlerKind
from ppacer.web.messages import Json, RunDetail, TaskView

_TOLD_TASKS = 12


def cancel(invocation: Invocation) -> int:
    with program_of(invocation) as program:
        before = _run(program, invocation)
        text = invocation.optional("task")
        named = None if text is None else find_task(before, text)
        if named is None:
            program.cancel(before.run.id)
        else:
            program.cancel_task(before.run.id, named.task, named.position)
        after = program.run(before.run.id, members=0)
    what = _title(after) if named is None else f"{_title(after)}: {named.name}"
    busy = [task for task in after.tasks if _runs(task) and (named is None or task.id == named.task)]
    if named is None and RunStatus(after.run.status).terminal:
        invocation.console.line(f"{what} is {after.run.status}")
    elif busy:
        invocation.console.line(f"{what} is being cancelled; told to stop: {_names(busy)}")
    elif named is None:
        left = [task for task in after.tasks if not TaskStatus(task.status).terminal]
        invocation.console.line(f"{what} is being cancelled; still to come: {_names(left)}")
    else:
        invocation.console.line(f"{what} is cancelled")
    return 0


def restart(invocation: Invocation) -> int:
    with program_of(invocation) as program:
        before = _run(program, invocation)
        program.restart(before.run.id)
        _tell(invocation, program, before, None)
    return 0


def rerun(invocation: Invocation) -> int:
    follow = not invocation.flag("only")

    def run_anew(program: Program, run_id: str, named: Named) -> None:
        program.rerun(run_id, named.task, named.position, follow=follow)

    return _with_task(invocation, run_anew)


def mark(invocation: Invocation) -> int:
    status, reason = invocation.text("status"), invocation.text("reason")
    output = _output(invocation.optional("output"))
    if not reason.strip():
        raise CommandError("--reason: say why, for whoever reads it later", 2)
    if status == TaskStatus.FAILED and output is not None:
        raise CommandError("--output: what failed has no output", 2)

    def mark_it(program: Program, run_id: str, named: Named) -> None:
        program.mark(run_id, named.task, named.position, status=status, reason=reason, output=output)
        invocation.console.line(f"{named.name} is marked as {status}: {reason}")

    return _with_task(invocation, mark_it)


def _with_task(invocation: Invocation, work: Callable[[Program, str, Named], None]) -> int:
    with program_of(invocation) as program:
        before = _run(program, invocation)
        named = find_task(before, invocation.text("task"))
        work(program, before.run.id, named)
        _tell(invocation, program, before, named)
    return 0


def _run(program: Program, invocation: Invocation) -> RunDetail:
    return program.run(find_run(program, invocation.text("run")), members=0)


def _tell(invocation: Invocation, program: Program, before: RunDetail, named: Named | None) -> None:
    """What a new epoch has begun with, and where to follow it."""
    after = program.run(before.run.id, members=0)
    marked = named if "status" in invocation.values else None
    anew = [
        task
        for task in after.tasks
        if task.epoch > before.run.epoch
        and task.handler == HandlerKind.NONE
        and not (marked is not None and task.id == marked.task)
    ]
    console = invocation.console
    console.line(f"{_title(after)} is {after.run.status}, epoch {after.run.epoch}")
    if anew:
        console.line(f"anew: {_names(anew)}")
    if isinstance(program, Client):
        console.line(f"follow it at {program.url}/runs/{after.run.id}", Style.DIM)
    elif not RunStatus(after.run.status).terminal:
        console.line("nothing serves this program now: it goes on at its next start", Style.DIM)


def _title(detail: RunDetail) -> str:
    return f"{detail.run.dag}: run {detail.run.id}"


def _names(tasks: Sequence[TaskView]) -> str:
    shown = [_name(task) for task in tasks[:_TOLD_TASKS]]
    return ", ".join(shown) + (f" and {len(tasks) - _TOLD_TASKS} more" if len(tasks) > _TOLD_TASKS else "")


def _name(task: TaskView) -> str:
    """Its name; a family's with how many of its members have not ended."""
    if task.family is None or not task.family.members:
        return task.name
    left = sum(count for status, count in task.family.counts.items() if not TaskStatus(status).terminal)
    return f"{task.name} ({left} of {task.family.members} members)" if left else task.name


def _runs(task: TaskView) -> bool:
    if task.family is not None and task.family.members:
        return task.family.counts.get(TaskStatus.RUNNING, 0) > 0
    return task.family is None and task.status == TaskStatus.RUNNING


def _output(text: str | None) -> Json:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise CommandError(f"--output {text}: expected JSON: {error}", 2) from error
