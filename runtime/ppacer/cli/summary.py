"""How a run ended: the table of its tasks, families of many members as one."""

from __future__ import annotations

from ppacer.cli.console import STATUS_STYLES, Cell, Console, Style, clip, status_cell
from ppacer.cli.times import between
from ppacer.core.model import TaskStatus
from ppacer.spec import HandlerKind
from ppacer.web.describe import elapsed_text
from ppacer.web.messages import FamilyView, RunDetail, TaskView

COLLAPSED = 20
"""A family with more members than this is shown as one."""

_MAX_NOTE = 60
_BAD = (TaskStatus.FAILED, TaskStatus.CANCELLED)
_ENDS = (
    (TaskStatus.FAILED, "failed"),
    (TaskStatus.UPSTREAM_FAILED, "upstream failed"),
    (TaskStatus.CANCELLED, "cancelled"),
    (TaskStatus.SKIPPED, "skipped"),
)


def summary(detail: RunDetail, console: Console) -> None:
    """The table of all tasks but handlers that had nothing to do, and how the run ended."""
    collapsed = many(detail)
    rows = [_row(task) for task in detail.tasks if _worth_a_row(task, collapsed)]
    notes = any(isinstance(row[-1], Cell) and row[-1].text for row in rows)
    console.line()
    header = ("task", "outcome", "attempts", "time", "")
    console.table([row if notes else row[:-1] for row in rows], header if notes else header[:-1])
    run = detail.run
    mark, style = STATUS_STYLES.get(run.status, ("·", Style.PLAIN))
    took = f" in {elapsed_text(between(run.started_at, run.finished_at))}" if run.started_at else ""
    console.line()
    told = console.style(f"{mark} {run.dag} {run.status}", style) + took
    if run.reason is not None:
        told += f": {clip(run.reason, 200)}"
    if run.late_at is not None:
        told += console.style("  late", Style.YELLOW)
    console.line(told + console.style(f"  run {run.id}", Style.DIM))


def many(detail: RunDetail) -> set[str]:
    """The families that are shown as one."""
    return {task.id for task in detail.tasks if task.family is not None and task.family.members > COLLAPSED}


def counted(detail: RunDetail) -> tuple[int, int]:
    """How many tasks have ended, and how many there are, members of families among them."""
    done = total = 0
    for task in detail.tasks:
        if task.family is not None and task.family.members:
            total += task.family.members
            done += _ended(task.family)
        elif task.name == task.id:
            total += 1
            done += TaskStatus(task.status).terminal
    return done, total


def family_note(family: FamilyView) -> str:
    """`8123 of 10000 done, 3 failed`; `3 members, 1 skipped` once all have ended."""
    done = _ended(family)
    all_ = "1 member" if family.members == 1 else f"{family.members} members"
    parts = [all_ if done == family.members else f"{done} of {family.members} done"]
    parts += [f"{family.counts[status]} {words}" for status, words in _ENDS if family.counts.get(status)]
    return ", ".join(parts)


def task_time(task: TaskView) -> str:
    """From the start of the first attempt of its epoch to the end of the last, waits between them included."""
    if task.family is not None:
        return elapsed_text(between(task.started_at, task.finished_at)) if task.finished_at is not None else "–"
    times = [attempt for attempt in task.attempts if attempt.started_at is not None]
    times = [attempt for attempt in times if attempt.epoch == times[-1].epoch]
    if not times or times[-1].finished_at is None:
        return "–"
    return elapsed_text(between(times[0].started_at, times[-1].finished_at))


def _ended(family: FamilyView) -> int:
    return sum(count for status, count in family.counts.items() if TaskStatus(status).terminal)


def _worth_a_row(task: TaskView, collapsed: set[str]) -> bool:
    """Not a handler that had nothing to do, nor a member of a big family that went well."""
    if task.handler != HandlerKind.NONE and task.status == TaskStatus.SKIPPED:
        return False
    return task.id not in collapsed or task.family is not None or task.status in _BAD


def _row(task: TaskView) -> list[str | Cell]:
    tries = sum(attempt.epoch == task.attempts[-1].epoch for attempt in task.attempts)
    notes = [family_note(task.family)] if task.family is not None and task.family.members else []
    notes += [text for text in (task.label, task.reason) if text is not None]
    return [
        Cell(task.name, Style.BOLD),
        status_cell(task.status),
        Cell(str(tries) if tries else "–", right=True),
        Cell(task_time(task), right=True),
        Cell(clip(", ".join(notes), _MAX_NOTE), Style.DIM),
    ]
