"""What is left of a chaos test: the database, the logs, and the file in which the tasks noted what they did."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[str, int]
"""A task and its position: `FAMILY` for a run-time family as a whole."""

FAMILY = -1
ENDED = {"success", "failed", "skipped", "upstream_failed", "cancelled"}
BAD = {"failed", "upstream_failed", "cancelled"}


@dataclass(frozen=True)
class Kind:
    """What a task is, as the program says. `pairwise` are the families that its members wait for one by one."""

    id: str
    parents: tuple[str, ...]
    pairwise: tuple[str, ...]
    family: bool
    retries: int
    pool: str | None
    handler: str
    trigger: str
    notes: bool
    """Whether its code notes what it does."""

    @property
    def whole(self) -> Key:
        return self.id, FAMILY if self.family else 0


@dataclass(frozen=True)
class Dag:
    tasks: Mapping[str, Kind]
    most_runs: int

    def ordinary(self) -> list[Kind]:
        return [kind for kind in self.tasks.values() if kind.handler == "none"]


class Records:
    """All rows by what they are about. `tasks` has the current rows of a run, `old_tasks` those of all epochs."""

    def __init__(self, database: Path, logs: Path, steps: Path) -> None:
        with closing(sqlite3.connect(database)) as connection:
            connection.row_factory = sqlite3.Row
            self._read(connection)
        with closing(sqlite3.connect(logs)) as connection:
            connection.row_factory = sqlite3.Row
            self.logs = [dict(row) for row in connection.execute(_LOGS)]
        self.starts: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.ends: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for line in steps.read_text(encoding="utf-8").splitlines():
            noted = json.loads(line)
            kept = {"start": self.starts, "end": self.ends}.get(noted.get("word"))
            if kept is not None:
                kept[noted["run"], noted["task"]].append(noted)

    def _read(self, connection: sqlite3.Connection) -> None:
        ((program,),) = connection.execute("SELECT spec FROM builds")
        spec = json.loads(program)
        self.dags = {dag["id"]: _dag(dag) for dag in spec["dags"]}
        self.slots = {pool["name"]: pool["slots"] for pool in spec.get("pools", ())}
        self.runs: dict[str, Row] = {row["id"]: row for row in connection.execute("SELECT * FROM runs")}
        self.old_tasks: dict[str, dict[Key, list[Row]]] = defaultdict(lambda: defaultdict(list))
        for row in connection.execute("SELECT * FROM tasks ORDER BY epoch"):
            self.old_tasks[row["run_id"]][row["task"], row["position"]].append(row)
        self.tasks = {run: _current(rows) for run, rows in self.old_tasks.items()}
        self.attempts: dict[tuple[str, Key], list[Row]] = defaultdict(list)
        for row in connection.execute("SELECT * FROM attempts ORDER BY epoch, number"):
            self.attempts[row["run_id"], (row["task"], row["position"])].append(row)
        self.events: dict[str, list[Row]] = defaultdict(list)
        for row in connection.execute("SELECT * FROM events ORDER BY run_id, seq"):
            self.events[row["run_id"]].append({**dict(row), "payload": json.loads(row["payload"])})
        self.backfills: list[Row] = connection.execute("SELECT * FROM backfills").fetchall()
        self.watched: dict[str, int | None] = dict(connection.execute("SELECT dag, watched_until FROM dags").fetchall())

    def shown(self, run: Row, key: Key) -> str:
        """A task as its context calls it."""
        task, position = key
        return f"{task}[{position}]" if self.dags[run["dag"]].tasks[task].family else task


def _dag(dag: Mapping[str, Any]) -> Dag:
    return Dag({task["id"]: _kind(task) for task in dag["tasks"]}, dag.get("max_active_runs", 1))


def _kind(task: Mapping[str, Any]) -> Kind:
    fan_out = task.get("fan_out")
    return Kind(
        id=task["id"],
        parents=tuple(task.get("parents", ())),
        pairwise=tuple((fan_out or {}).get("pairwise", ())),
        family=fan_out is not None,
        retries=task.get("retries", 0),
        pool=task.get("pool"),
        handler=task["handler"]["v"] if "handler" in task else "none",
        trigger=task["trigger"]["v"] if "trigger" in task else "all_success",
        notes=not task["callable"].startswith("ppacer."),
    )


def _current(rows: Mapping[Key, list[Row]]) -> dict[Key, Row]:
    """The row of the highest epoch of each task; members count only in the epoch of their family's row."""
    last = {key: epochs[-1] for key, epochs in rows.items()}
    families = {task: row["epoch"] for (task, position), row in last.items() if position == FAMILY}
    return {key: row for key, row in last.items() if row["epoch"] == families.get(key[0], row["epoch"])}


PART = 1 << 20
"""By how much the numbers of a log's entries grow from one part of an attempt to the next."""

_LOGS = f"""
    SELECT attempt, seq / {PART} AS part, count(*) AS count, max(seq) - {PART} * (seq / {PART}) AS last,
        sum(message = 'a line of the deed') AS deeds
    FROM log_entries GROUP BY attempt, part
"""
