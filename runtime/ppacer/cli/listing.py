"""`list`, `next`, `config`: what the program itself tells; `list` also asks the database, if there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from ppacer import spec
from ppacer.capacity import default_capacity
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import SECOND, Cell, Style, clip, now_us
from ppacer.cli.due_times import DueTimes, due_times
from ppacer.cli.times import instant_of
from ppacer.core.instants import UnknownZoneError, to_datetime, zone
from ppacer.core.schedule import DagClock, ScheduleError
from ppacer.database_url import is_server, shown
from ppacer.localtime import local_datetime, local_time
from ppacer.web.describe import ahead_text, schedule_text

if TYPE_CHECKING:
    from ppacer.web.dag_messages import DagList, DagView, RemovedDag


def list_dags(invocation: Invocation) -> int:
    console = invocation.console
    now = now_us()
    known, problem, serves = _known(invocation)
    states = {dag.id: dag for dag in known.dags} if known is not None else {}
    # A program that serves asks schedules written in Python itself: nobody has to do so twice, or to wait for it.
    unknown = [
        dag for dag in invocation.program.dags if not (_told(states.get(dag.id)) or (serves and dag.id in states))
    ]
    dues = due_times(invocation, unknown, now, 1)
    rows = [_row(dag, states.get(dag.id), dues.get(dag.id, DueTimes()), now) for dag in invocation.program.dags]
    rows += [_removed_row(gone) for gone in known.removed] if known is not None else []
    console.table(rows, ("dag", "tasks", "schedule", "next run", "", ""))
    if problem:
        console.line(f"what the database knows of them cannot be told: {problem}", Style.YELLOW)
    return 0


def dag_state(invocation: Invocation, dag: spec.Dag) -> DagView | None:
    """What is known of the dag apart from the program, if there is something and it can be told."""
    known, _, _ = _known(invocation)
    return next((state for state in known.dags if state.id == dag.id), None) if known is not None else None


def _known(invocation: Invocation) -> tuple[DagList | None, str, bool]:
    """What is known of the dags, or why that cannot be told; and whether a program that serves knows it."""
    config = invocation.config
    if not config.scheduler and not is_server(config.database) and not Path(config.database).exists():
        return None, "", False
    from ppacer.cli.access import NothingYetError, program_of  # noqa: PLC0415 - what a list without a database need not load
    from ppacer.client import Client  # noqa: PLC0415 - likewise

    try:
        with program_of(invocation) as program:
            return program.dags(removed=True), "", isinstance(program, Client)
    except NothingYetError:
        return None, "", False
    except CommandError as error:
        return None, str(error), False


def _told(state: DagView | None) -> bool:
    """Whether it is known already when the dag is due, or why it is not."""
    return state is not None and (state.paused or state.next_run_at is not None or state.problem is not None)


def _row(dag: spec.Dag, state: DagView | None, found: DueTimes, now: int) -> list[str | Cell]:
    due = found.times[0] if found.times else None
    if state is not None and state.next_run_at is not None:
        due = instant_of(state.next_run_at)
    when = Cell(local_time(due)) if due is not None else Cell("–", Style.DIM)
    problem = found.problem or (state.problem if state is not None else None)
    if problem is not None:
        when = Cell("unknown", Style.YELLOW)
    notes = [clip(problem, 120)] if problem is not None else []
    if state is not None and state.paused:
        when, due = Cell("paused", Style.YELLOW), None
    if state is not None and state.silenced_until is not None:
        notes.append("silenced")
    notes.append(clip(_first_line(dag.doc), 60))
    return [
        Cell(dag.id, Style.BOLD),
        Cell(str(len(dag.tasks)), right=True),
        _schedules(dag, state, found, due),
        when,
        Cell(ahead_text((due - now) / SECOND) if due is not None else "", Style.DIM),
        Cell("; ".join(filter(None, notes)), Style.DIM),
    ]


def _schedules(dag: spec.Dag, state: DagView | None, found: DueTimes, due: int | None) -> Cell:
    """With what those written in Python call themselves, as far as somebody has asked them."""
    if state is None or found.called or len(state.schedules) != len(dag.schedules):
        return schedules_cell(dag, found.called, due=due)
    return _schedules_cell(dag, state.schedules, due)


def _removed_row(gone: RemovedDag) -> list[str | Cell]:
    day = local_time(instant_of(gone.removed_at))
    renamed = f", is {gone.renamed_to} now" if gone.renamed_to is not None else ""
    note = Cell(f"removed {day}{renamed}", Style.DIM)
    return [Cell(gone.id, Style.DIM), Cell("", right=True), "", Cell("–", Style.DIM), "", note]


def next_runs(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    if not dag.schedules:
        raise CommandError(f"{dag.id} has no schedule: it runs when it is triggered")
    now = now_us()
    found = due_times(invocation, [dag], now, invocation.number("count", 5), _last_due(invocation, dag))[dag.id]
    if found.problem is not None:
        raise CommandError(found.problem)
    if not found.times:
        why = "its `end` has passed" if dag.end is not None else "no time follows"
        raise CommandError(f"{dag.id} is never due again: {why}")
    tz = zone(dag.timezone)
    rows: list[list[str | Cell]] = [
        [
            to_datetime(due, tz).strftime("%a %Y-%m-%d %H:%M:%S %Z"),
            local_time(due, seconds=True),
            Cell(ahead_text((due - now) / SECOND), Style.DIM),
        ]
        for due in found.times
    ]
    invocation.console.table(rows, (f"in {dag.timezone}", "local time", ""))
    return 0


def _last_due(invocation: Invocation, dag: spec.Dag) -> int | None:
    """The dag's last due time, if the database knows it: only a schedule written in Python may depend on it."""
    if not any(isinstance(schedule, spec.CustomSchedule) for schedule in dag.schedules):
        return None
    from ppacer.core.model import RunKind  # noqa: PLC0415 - of no use to most programs

    known, _, _ = _known(invocation)
    runs = [run for state in (known.dags if known is not None else ()) if state.id == dag.id for run in state.last_runs]
    dues = [run.scheduled_at for run in runs if run.kind == RunKind.SCHEDULED]
    return max(map(instant_of, dues), default=None)


def config(invocation: Invocation) -> int:
    loaded = invocation.loaded
    rows: list[list[str | Cell]] = []
    for name, origin in loaded.origins.items():
        value = getattr(loaded.config, name)
        if name == "capacity" and value is None:
            value = default_capacity(invocation.program)
        if name == "token" and value is not None:
            text = "set"
        elif name in ("database", "logs"):
            text = shown(str(value))
        elif isinstance(value, tuple):
            text = ", ".join(value) or "–"
        else:
            text = "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        rows.append([Cell(name, Style.BOLD), text, Cell(origin, Style.DIM)])
    invocation.console.table(rows, ("setting", "value", "from"))
    for name in loaded.unknown:
        invocation.console.line(f"{name} is set, but there is no such setting", Style.YELLOW)
    return 0


def next_due(dag: spec.Dag, now: int) -> int | None:
    """When the dag is due next, or none: without a schedule, after its end, or where only a worker can tell."""
    try:
        return DagClock(dag).next(now)
    except (ScheduleError, UnknownZoneError):
        return None


def schedules_cell(dag: spec.Dag, called: Mapping[str, str] = MappingProxyType({}), *, due: int | None = None) -> Cell:
    """`called` is what schedules written in Python call themselves, by their callables. Where the time `due`, which is
    told in this machine's zone, reads otherwise in the dag's, that is named too."""
    return _schedules_cell(dag, [schedule_text(schedule, called) for schedule in dag.schedules], due)


def _schedules_cell(dag: spec.Dag, texts: Sequence[str], due: int | None) -> Cell:
    if not texts:
        return Cell("on trigger only", Style.DIM)
    text = clip(" + ".join(texts), 60)
    return Cell(text if due is None or _reads_alike(due, dag.timezone) else f"{text} {dag.timezone}")


def _reads_alike(instant: int, timezone: str) -> bool:
    """Whether clocks in the zone show what those of this machine do. A zone that this machine lacks is another one."""
    try:
        return to_datetime(instant, zone(timezone)).utcoffset() == local_datetime(instant).utcoffset()
    except UnknownZoneError:
        return False


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
