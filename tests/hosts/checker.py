"""Decides from the database and the side-effect file alone whether what must hold did hold."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import NullPool, RowMapping, create_engine, text

from tests.hosts.notes import Execution, executions, notes

Rows: TypeAlias = Sequence[RowMapping]

MOST_ATTEMPTS = 4
"""The tasks have no retries: a first attempt and three that make up for lost ones."""


@dataclass
class Verdict:
    """`faults` says in words what does not hold. `lost` counts attempts that ended as lost, `gap` is the shortest time
    in seconds between the last sign of life of an execution and the beginning of the next one of the same task."""

    faults: list[str] = field(default_factory=list)
    runs: int = 0
    tasks: int = 0
    attempts: int = 0
    lost: int = 0
    gap: float | None = None

    def expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)


def check(database: str, notes_file: Path, *, overlap: float = 0.0) -> Verdict:
    """`database` is an URL as SQLAlchemy takes it; executions of one task may overlap for `overlap` seconds."""
    engine = create_engine(database, poolclass=NullPool)
    with engine.connect() as connection:
        runs, tasks, attempts, events = (
            connection.execute(text(f"SELECT * FROM {table}")).mappings().all()
            for table in ("runs", "tasks", "attempts", "events")
        )
    ran = executions(notes(notes_file))
    verdict = Verdict(runs=len(runs), tasks=len(tasks), attempts=len(attempts))
    verdict.lost = sum(row["status"] == "lost" for row in attempts)
    for run in runs:
        verdict.expect(run["status"] == "success", f"run {run['id']} of {run['dag']} ended as {run['status']}")
    _check_tasks(verdict, tasks, attempts, ran)
    _check_tokens(verdict, attempts)
    _check_events(verdict, runs, attempts, events)
    _check_overlaps(verdict, ran, overlap)
    return verdict


def _check_tasks(verdict: Verdict, tasks: Rows, attempts: Rows, ran: list[Execution]) -> None:
    """Each task succeeded in its last attempt and in no other, and came to its end in that one."""
    of: dict[tuple[Any, ...], list[RowMapping]] = defaultdict(list)
    for row in sorted(attempts, key=lambda row: row["number"]):
        of[row["run_id"], row["epoch"], row["task"], row["position"]].append(row)
    ended = {(each.run, each.task, each.number) for each in ran if each.ended_at is not None}
    for row in tasks:
        if row["position"] < 0:  # a family as a whole
            continue
        where = f"{row['task']}[{row['position']}] of run {row['run_id']}"
        made = of[row["run_id"], row["epoch"], row["task"], row["position"]]
        statuses = [attempt["status"] for attempt in made]
        verdict.expect(row["status"] == "success", f"{where} is {row['status']}")
        verdict.expect(statuses == ["lost"] * (len(made) - 1) + ["success"], f"{where} has attempts {statuses}")
        verdict.expect(len(made) <= MOST_ATTEMPTS, f"{where} had {len(made)} attempts")
        name = (row["run_id"], row["task"], len(made))
        verdict.expect(name in ended, f"{where} succeeded, but the attempt did not come to its end")


def _check_tokens(verdict: Verdict, attempts: Rows) -> None:
    tokens = [row["token"] for row in attempts]
    verdict.expect(len(set(tokens)) == len(tokens), "two attempts have one fencing token")


def _check_events(verdict: Verdict, runs: Rows, attempts: Rows, events: Rows) -> None:
    """Each run's history has no gaps, and tells of every end of an attempt once."""
    told: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        rows = sorted((row for row in events if row["run_id"] == run["id"]), key=lambda row: row["seq"])
        verdict.expect([row["seq"] for row in rows] == list(range(1, len(rows) + 1)), f"run {run['id']} misses events")
        for row in rows:
            if row["kind"] == "attempt_finished":
                payload = json.loads(row["payload"])
                told[payload["id"]].append(payload["status"])
    for row in attempts:
        verdict.expect(told[row["id"]] == [row["status"]], f"attempt {row['id']} ended as {told[row['id']]}")


def _check_overlaps(verdict: Verdict, ran: list[Execution], overlap: float) -> None:
    """No task runs twice at a time: the one before gave its last sign of life before the next one began."""
    by_key: dict[str, list[Execution]] = defaultdict(list)
    for execution in ran:
        by_key[execution.key].append(execution)
    for each in by_key.values():
        numbers = [execution.number for execution in sorted(each, key=lambda execution: execution.begun_at)]
        verdict.expect(numbers == sorted(set(numbers)), f"{each[0].task} was run as attempts {numbers}")
        for before, after in pairwise(sorted(each, key=lambda execution: execution.number)):
            gap = after.begun_at - before.last_at
            verdict.gap = gap if verdict.gap is None else min(gap, verdict.gap)
            verdict.expect(
                gap > -overlap, f"{before.task}: attempt {before.number} ran {-gap:.3f} s into attempt {after.number}"
            )
