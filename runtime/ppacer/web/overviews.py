"""Many runs of a dag at a glance, as messages: its grid and its calendar. Functions may be called from any thread."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, timedelta

from ppacer import spec
from ppacer.core.instants import SECOND, from_local, zone
from ppacer.core.model import FAMILY, Run
from ppacer.store.overviews import Cell, MemberCount
from ppacer.store.store import Store
from ppacer.web.overview_messages import DayList, DayView, Grid, GridCell, GridRun, GridTask
from ppacer.web.views import run_view

MOST_CELLS = 20_000
"""How many cells one answer has at most, unless a single run has more tasks."""

MOST_DAYS = 400
"""How many days one answer may be about."""


def grid(store: Store, dag_id: str, dag: spec.Dag | None, *, before: str | None, limit: int, now: int) -> Grid:
    """The dag's runs by its tasks; `dag` is as the program has it, none where it no longer does.

    Three statements, or two where there is no run-time family.
    """
    specs = dag.tasks if dag is not None else ()
    shown = max(1, min(limit, MOST_CELLS // max(1, len(specs))))
    found = store.runs(dag_id, before=before, limit=shown + 1)
    runs, more = found[:shown], len(found) > shown
    cells = store.overviews.cells([run.id for run in runs]) if runs else []
    families = [cell for cell in cells if cell.position == FAMILY]
    counts: dict[tuple[str, str], list[MemberCount]] = {}
    for count in store.overviews.member_counts(families) if families else ():
        counts.setdefault((count.run_id, count.task), []).append(count)
    by_place = {(cell.run_id, cell.task): cell for cell in cells}
    tasks = _tasks(specs, cells)
    return Grid(
        tasks,
        tuple(GridRun(run_view(run), _column(run, tasks, by_place, counts, now)) for run in runs),
        runs[-1].id if more else None,
    )


def days(store: Store, dag: str, timezone: str, first: date, last: date) -> DayList:
    """The runs of the days from `first` to `last`, both included, in that zone. One statement."""
    tz = zone(timezone)
    dates = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begins = [from_local(day, tz) for day in dates]
    end = from_local(last + timedelta(days=1), tz)
    counts: dict[date, dict[str, int]] = {}
    for quarter in store.overviews.quarters(dag, begins[0], end):
        of_day = counts.setdefault(dates[bisect_right(begins, quarter.begin) - 1], {})
        of_day[quarter.status.value] = of_day.get(quarter.status.value, 0) + quarter.runs
    views = tuple(DayView(day.isoformat(), dict(sorted(counts[day].items()))) for day in sorted(counts))
    return DayList(timezone, first.isoformat(), last.isoformat(), views)


def _tasks(specs: Sequence[spec.Task], cells: Sequence[Cell]) -> tuple[GridTask, ...]:
    """The dag's own tasks, then those that only its earlier builds had, by name."""
    known = {task.id for task in specs}
    gone = {cell.task: cell.position == FAMILY for cell in cells if cell.task not in known}
    return (
        *(GridTask(task.id, task.handler, task.fan_out is not None) for task in specs),
        *(GridTask(task, spec.HandlerKind.NONE, family) for task, family in sorted(gone.items())),
    )


def _column(
    run: Run,
    tasks: Sequence[GridTask],
    cells: dict[tuple[str, str], Cell],
    counts: dict[tuple[str, str], list[MemberCount]],
    now: int,
) -> tuple[GridCell | None, ...]:
    column: list[GridCell | None] = []
    for task in tasks:
        cell = cells.get((run.id, task.id))
        column.append(None if cell is None else _cell(cell, counts.get((run.id, task.id)), now))
    return tuple(column)


def _cell(cell: Cell, members: Sequence[MemberCount] | None, now: int) -> GridCell:
    seconds = None
    if cell.started_at is not None:
        end = cell.finished_at if cell.status.terminal and cell.finished_at is not None else now
        seconds = round(max(0, end - cell.started_at) / SECOND, 3)
    if members is None:
        return GridCell(cell.status, seconds, cell.attempts)
    return GridCell(
        cell.status,
        seconds,
        sum(count.attempts for count in members),
        {count.status.value: count.members for count in members},
    )
