"""`history DAG` and `history RUN`: who did what, when; `show DAG --versions`: what changed from build to build."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ppacer.cli.access import program_of
from ppacer.cli.command import Invocation
from ppacer.cli.console import Cell, Style, printable
from ppacer.cli.find import find_run
from ppacer.cli.times import instant_of
from ppacer.core.model import DagEventKind, EventKind
from ppacer.localtime import local_time
from ppacer.web.dag_messages import DagEventView, VersionView
from ppacer.web.messages import EventView, Json
from ppacer.web.views import shown_name

_DEFAULT = 30
_YEAR_2000 = 946_684_800_000_000
_BUILD = re.compile(r"[0-9a-f]{64}")
_SHORT = 12
"""How much of a build is shown."""
_OF_ATTEMPTS = frozenset(
    {
        EventKind.TASK_QUEUED,
        EventKind.TASK_FINISHED,
        EventKind.TASK_RETRYING,
        EventKind.ATTEMPT_STARTED,
        EventKind.ATTEMPT_DEFERRED,
        EventKind.ATTEMPT_FINISHED,
        EventKind.LEASE_RESTORED,
    }
)
"""What happens in the course of things: told with `--all`."""


def history(invocation: Invocation) -> int:
    what = invocation.text("what")
    known = {dag.id for dag in invocation.program.dags}
    events: Sequence[DagEventView | EventView]
    families: frozenset[str] = frozenset()
    with program_of(invocation) as program:
        if what in known or what in {dag.id for dag in program.dags(removed=True).removed}:
            events = list(program.each_dag_event(what, limit=invocation.number("count", _DEFAULT)))[::-1]
        else:
            detail = program.run(find_run(program, what), members=0)
            families = frozenset(task.id for task in detail.tasks if task.family is not None)
            with_all = invocation.flag("all")
            found = program.each_run_event(detail.run.id)
            events = [event for event in found if with_all or event.kind not in _OF_ATTEMPTS]
    rows: list[list[str | Cell]] = [
        [
            Cell(local_time(instant_of(event.at), seconds=True), Style.DIM),
            Cell(_what(event), Style.BOLD),
            f"by {printable(event.actor)}",
            Cell(_payload(event.payload, families), Style.DIM),
        ]
        for event in events
    ]
    invocation.console.table(rows)
    return 0


def versions(invocation: Invocation) -> int:
    """`show DAG --versions`."""
    dag = invocation.dag(invocation.text("dag"))
    with program_of(invocation) as program:
        found = program.versions(dag.id, limit=invocation.number("count", 10))
    rows: list[list[str | Cell]] = [
        [
            Cell(local_time(instant_of(version.at)), Style.DIM),
            Cell(version.build[:_SHORT], Style.BOLD),
            _changes(version),
        ]
        for version in found.versions
    ]
    invocation.console.table(rows, ("since", "build", "changes"))
    if found.total > len(rows):
        invocation.console.line(f"… and {found.total - len(rows)} before", Style.DIM)
    return 0


def _what(event: DagEventView | EventView) -> str:
    if event.kind == DagEventKind.SILENCED and (event.payload or {}).get("until") is None:
        return "not silenced any more"
    return event.kind.replace("_", " ")


def _payload(payload: Json, families: frozenset[str]) -> str:
    """What an event tells, as `name value`; a member of a run-time family under its own name."""
    if not isinstance(payload, dict):
        return ""
    told = {name: value for name, value in payload.items() if value is not None and value != ""}
    position = told.pop("position", 0)
    if told.get("task") in families:
        told["task"] = shown_name(told["task"], position, family=True)
    return printable(", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in told.items()))


def _value(value: Json) -> str:
    if isinstance(value, int) and value > _YEAR_2000:
        return local_time(value)
    if isinstance(value, str):
        return value[:_SHORT] if _BUILD.fullmatch(value) else value
    return json.dumps(value, ensure_ascii=False)


def _changes(version: VersionView) -> str:
    if version.first:
        return "the first that is known"
    parts = [f"new: {', '.join(version.added)}"] if version.added else []
    if version.removed:
        parts.append(f"gone: {', '.join(version.removed)}")
    if version.changed:
        tasks = ", ".join(f"{change.task} ({', '.join(change.what)})" for change in version.changed)
        parts.append(f"changed: {tasks}")
    if version.settings:
        parts.append(f"settings: {', '.join(version.settings)}")
    return "; ".join(parts) or "nothing that counts"
