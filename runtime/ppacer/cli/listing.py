"""`list`, `show`, `next`, `config`: what the program itself can tell, without a database."""

from __future__ import annotations

from ppacer import spec
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import SECOND, Cell, Style, clip, now_us
from ppacer.core.durations import duration_text
from ppacer.core.instants import UnknownZoneError, to_datetime, zone
from ppacer.core.schedule import DagClock, ScheduleError
from ppacer.localtime import local_time
from ppacer.web.describe import ahead_text, callable_text, place_text, schedule_text


def list_dags(invocation: Invocation) -> int:
    console = invocation.console
    now = now_us()
    rows: list[list[str | Cell]] = []
    for dag in invocation.program.dags:
        due = next_due(dag, now)
        rows.append(
            [
                Cell(dag.id, Style.BOLD),
                Cell(str(len(dag.tasks)), right=True),
                schedules_cell(dag),
                Cell(local_time(due) if due is not None else "–", Style.PLAIN if due is not None else Style.DIM),
                Cell(ahead_text((due - now) / SECOND) if due is not None else "", Style.DIM),
                Cell(clip(_first_line(dag.doc), 60), Style.DIM),
            ]
        )
    console.table(rows, ("dag", "tasks", "schedule", "next run", "", ""))
    return 0


def show(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    console = invocation.console
    console.line(dag.id, Style.BOLD)
    for line in dag.doc.strip().splitlines():
        console.line(f"  {line.strip()}")
    console.line()
    facts: list[list[str | Cell]] = [[Cell(name, Style.DIM), value] for name, value in _facts(invocation.program, dag)]
    console.table(facts, indent="  ")
    console.line()
    rows: list[list[str | Cell]] = [
        [
            Cell(task.id, Style.BOLD),
            ", ".join(task.parents) or "–",
            callable_text(task.callable),
            Cell(_settings(task), Style.DIM),
        ]
        for task in dag.tasks
    ]
    console.table(rows, ("task", "after", "runs", "settings"), indent="  ")
    return 0


def next_runs(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    if not dag.schedules:
        raise CommandError(f"{dag.id} has no schedule: it runs when it is triggered")
    now = now_us()
    try:
        clock = DagClock(dag)
    except (ScheduleError, UnknownZoneError) as error:
        raise CommandError(str(error)) from error
    tz = zone(dag.timezone)
    due = clock.next(now)
    if due is None:
        raise CommandError(f"{dag.id} is never due again: its `end` has passed")
    rows: list[list[str | Cell]] = []
    for _ in range(invocation.number("count", 5)):
        if due is None:
            break
        rows.append(
            [
                to_datetime(due, tz).strftime("%a %Y-%m-%d %H:%M:%S %Z"),
                local_time(due, seconds=True),
                Cell(ahead_text((due - now) / SECOND), Style.DIM),
            ]
        )
        due = clock.next(due)
    invocation.console.table(rows, (f"in {dag.timezone}", "local time", ""))
    return 0


def config(invocation: Invocation) -> int:
    loaded = invocation.loaded
    rows: list[list[str | Cell]] = []
    for name, origin in loaded.origins.items():
        value = getattr(loaded.config, name)
        if name == "token" and value is not None:
            shown = "set"
        elif isinstance(value, tuple):
            shown = ", ".join(value) or "–"
        else:
            shown = "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        rows.append([Cell(name, Style.BOLD), shown, Cell(origin, Style.DIM)])
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


def schedules_cell(dag: spec.Dag) -> Cell:
    if not dag.schedules:
        return Cell("on trigger only", Style.DIM)
    return Cell(" + ".join(schedule_text(schedule) for schedule in dag.schedules))


def _facts(program: spec.Program, dag: spec.Dag) -> list[tuple[str, str]]:
    now = now_us()
    due = next_due(dag, now)
    facts = [("schedule", schedules_cell(dag).text)]
    if dag.schedules:
        facts.append(("time zone", dag.timezone))
    if due is not None:
        facts.append(("next run", f"{local_time(due)} ({ahead_text((due - now) / SECOND)})"))
    if dag.start is not None:
        facts.append(("start", str(dag.start)))
    if dag.end is not None:
        facts.append(("end", str(dag.end)))
    if dag.catchup is not spec.Catchup.NONE:
        facts.append(("catchup", dag.catchup.value))
    if dag.max_active_runs != 1:
        facts.append(("active runs", f"at most {dag.max_active_runs}"))
    if dag.tags:
        facts.append(("tags", ", ".join(dag.tags)))
    if dag.owner:
        facts.append(("owner", dag.owner))
    facts.append(("source", place_text(program, dag.at)))
    return facts


def _settings(task: spec.Task) -> str:
    """What a task has other than by default."""
    parts = []
    if task.retries:
        delay = f" after {duration_text(task.retry_delay)}" if task.retry_delay else ""
        parts.append(f"{task.retries} {'retry' if task.retries == 1 else 'retries'}{delay}")
    if task.timeout != spec.DEFAULT_TIMEOUT:
        parts.append("no time-out" if task.timeout is None else f"time-out {duration_text(task.timeout)}")
    if task.trigger is not spec.Trigger.ALL_SUCCESS:
        parts.append(f"when {task.trigger.value}")
    if task.runs_on:
        parts.append(f"on {', '.join(task.runs_on)}")
    return ", ".join(parts)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
