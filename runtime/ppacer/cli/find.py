"""RUN and TASK as commands take them: a run by a part of its id or as `latest`, a task by the name that is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ppacer.cli.access import Program
from ppacer.cli.command import CommandError, similar
from ppacer.core.model import RunStatus
from ppacer.web.messages import RunDetail, TaskView

_LATEST = "latest"
_MEMBER = re.compile(r"(.+)\[([0-9]{1,6})\]")


@dataclass(frozen=True, slots=True)
class Named:
    """A task of a run. `position` is none for a task or family as a whole; `name` is what it is called."""

    task: str
    position: int | None
    name: str


def find_run(program: Program, text: str) -> str:
    """The id of the run that is meant. Raises `CommandError`."""
    if text == _LATEST:
        newest = program.runs(limit=1).runs
        if not newest:
            raise CommandError("there is no run yet")
        return newest[0].id
    if not text:
        raise CommandError("expected a run's id, a unique part of it, or `latest`", 2)
    match program.runs(id_part=text, limit=10).runs:
        case (only,):
            return only.id
        case ():
            raise CommandError(f"there is no run whose id holds `{text}`; `runs` shows what there is")
        case several:
            listed = "".join(f"\n  {run.id}  {run.dag}, {run.status}" for run in several)
            raise CommandError(f"`{text}` fits more than one run:{listed}", 2)


def find_task(detail: RunDetail, text: str) -> Named:
    """The task of that name: `load`, `raw["eu"]`, and for a member of a run-time family `check[3]`.

    Raises `CommandError`.
    """
    whole = {task.id: task for task in detail.tasks if task.name == task.id}
    if text in whole:
        return Named(text, None, text)
    member = _MEMBER.fullmatch(text)
    family = whole.get(member[1]) if member is not None else None
    if member is not None and family is not None and family.family is not None:
        position = int(member[2])
        if position < family.family.members:
            return Named(family.id, position, text)
        raise CommandError(f"`{family.id}` has no member {position}: {_count(family)}", 2)
    if not detail.tasks and RunStatus(detail.run.status).terminal:
        raise CommandError(f"run {detail.run.id} ended before it began: restart it as a whole")
    if not detail.tasks:
        raise CommandError(f"run {detail.run.id} has not begun: none of its tasks is known yet")
    plain = re.sub(r"\s", "", text)
    raise CommandError(f"the run has no task `{text}`{similar(plain, [task.name for task in detail.tasks])}", 2)


def _count(family: TaskView) -> str:
    assert family.family is not None
    members = family.family.members
    if members:
        return f"it has {members}, from 0 to {members - 1}"
    return "it has none" if family.finished_at else "its list is not known yet"
