"""Runs as they look from outside: one in a test, and one of the program itself as its databases tell it."""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ppacer.core import codec
from ppacer.core.model import FAMILY
from ppacer.testing import RunResult, TaskResult

Row: TypeAlias = tuple[Any, ...]

_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")


@dataclass
class Seen:
    """A run without its ids and times, tasks by the ids that people are shown; logs in no order, since what comes
    through several pipes has none."""

    status: str
    tasks: dict[str, Row] = field(default_factory=dict)
    """Status, number of attempts, output, error, reason, label."""
    tries: dict[str, list[Row]] = field(default_factory=dict)
    """Number, status, kind of error, error."""
    logs: dict[str, list[Row]] = field(default_factory=dict)
    """Number of the attempt, stream, level, message, logger."""
    events: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str | None, str, str]] = field(default_factory=Counter)
    """Event, task, notifier, subject."""


def in_test(result: RunResult) -> Seen:
    seen = Seen(result.status.value)
    for task in result.tasks.values():
        seen.tasks[task.id] = (task.status, task.attempts, _output(task), plain(task.error), task.reason, task.label)
        for one in task.tries:
            seen.tries.setdefault(task.id, []).append((one.number, one.status, one.error_kind, plain(one.error)))
        for line in task.log:
            logged = (line.attempt, line.stream, line.level, plain(line.message), line.logger)
            seen.logs.setdefault(task.id, []).append(logged)
    seen.events.update((event.kind.value, event.task) for event in result.events)
    for alert in result.alerts:
        seen.alerts.update((alert.event.value, alert.task, name, alert.subject) for name in alert.notifiers)
    return _sorted(seen)


def in_database(program: Path, run_id: str) -> Seen:
    with closing(sqlite3.connect(program.with_suffix(".db"))) as rows:

        def select(columns: str, table: str) -> list[Row]:
            return rows.execute(f"SELECT {columns} FROM {table} WHERE run_id = ?", (run_id,)).fetchall()

        ((status,),) = rows.execute("SELECT status FROM runs WHERE id = ?", (run_id,)).fetchall()
        tasks = select("task, position, status, attempts, output, error, reason, label", "tasks")
        attempts = select("task, position, number, status, error_kind, error, id", "attempts")
        events = select("kind, payload", "events")
        notifications = select("event, task, position, notifier, subject", "notifications")
    families = {task for task, position, *_ in tasks if position == FAMILY}

    def shown(task: str, position: int) -> str:
        return f"{task}[{position}]" if task in families and position != FAMILY else task

    seen = Seen(status)
    for task, position, state, tries, output, error, reason, label in tasks:
        known = None if position == FAMILY else plain(output)
        seen.tasks[shown(task, position)] = (state, tries, known, plain(error), reason, label)
    with closing(sqlite3.connect(program.with_suffix(".logs.db"))) as logs:
        for task, position, number, state, kind, error, attempt in attempts:
            seen.tries.setdefault(shown(task, position), []).append((number, state, kind, plain(error)))
            for stream, level, message, logger in logs.execute(
                "SELECT stream, level, message, logger FROM log_entries WHERE attempt = ?", (attempt,)
            ):
                logged = (number, stream, level, plain(message), logger)
                seen.logs.setdefault(shown(task, position), []).append(logged)
    for kind, text in events:
        payload = json.loads(text)
        seen.events[kind, shown(payload["task"], payload.get("position", 0)) if "task" in payload else None] += 1
    for event, task, position, notifier, subject in notifications:
        seen.alerts[event, None if task is None else shown(task, position), notifier, subject] += 1
    return _sorted(seen)


def plain(text: str | None) -> str | None:
    """The text without ids, and without the keys that are made of them."""
    return None if text is None else _IDS.sub("<id>", text)


def _output(task: TaskResult) -> str | None:
    if task.members is not None or task.status != "success":
        return None
    return plain(codec.encode(task.output))


def _sorted(seen: Seen) -> Seen:
    for rows in (*seen.tries.values(), *seen.logs.values()):
        rows.sort()
    return seen
