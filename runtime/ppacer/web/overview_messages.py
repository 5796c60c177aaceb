"""What the JSON API says of many runs of a dag at a glance, as types: as in `messages`."""

from __future__ import annotations

from dataclasses import dataclass

from ppacer.web.messages import RunView


@dataclass(frozen=True, slots=True)
class GridTask:
    """A row of the grid. `handler` is as in `TaskSpec`; a `family` is a run-time family, whose members are counted."""

    id: str
    handler: str
    family: bool


@dataclass(frozen=True, slots=True)
class GridCell:
    """What a task of a run is in. `seconds` is how long it took, of one under way so far; none before it began.

    `attempts` are those of its epoch. Of a run-time family, once its list is known, `counts` tells how many members
    are in each status, and `attempts` are theirs together.
    """

    status: str
    seconds: float | None
    attempts: int
    counts: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class GridRun:
    """A column of the grid: a run, and a cell for each of the grid's tasks; none for one that the run has not got."""

    run: RunView
    cells: tuple[GridCell | None, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """Runs, newest first, by tasks: those of the dag in its order, then those that only earlier builds of it had.

    There are fewer runs than was asked for where they have very many tasks; `next` is the value of `before` that gives
    the page after this one.
    """

    tasks: tuple[GridTask, ...]
    runs: tuple[GridRun, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class DayView:
    """A day in the dag's zone, `2026-01-31`, and how many runs whose logical time is on it are in each status."""

    day: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class DayList:
    """The days from `first` to `last`, both included, that have runs, in order; `timezone` is the dag's."""

    timezone: str
    first: str
    last: str
    days: tuple[DayView, ...]
