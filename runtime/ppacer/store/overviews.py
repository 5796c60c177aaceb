"""Many runs at a glance: what their tasks are in, and how many there were on each day.

Each method is one statement, whatever the number of runs, on a connection that cannot write.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, func, select, union_all

from ppacer.core.instants import MINUTE
from ppacer.core.model import FAMILY, RunKind, RunStatus, TaskStatus
from ppacer.core.project import PROJECT
from ppacer.store import rows, schema
from ppacer.store.database import Database

QUARTER = 15 * MINUTE
"""Microseconds of a quarter of an hour: days of every zone begin at a whole one (since 1972, when Liberia gave in)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one task of one run is in, without what it wrote: columns as in `TaskRow`."""

    run_id: str
    epoch: int
    task: str
    position: int
    status: TaskStatus
    attempts: int
    started_at: int | None
    finished_at: int | None


@dataclass(frozen=True, slots=True)
class MemberCount:
    """How many members of a run-time family are in one status, and how many attempts these have had."""

    run_id: str
    epoch: int
    task: str
    status: TaskStatus
    members: int
    attempts: int


@dataclass(frozen=True, slots=True)
class LatestRun:
    """One of the newest runs of a dag: columns as in `Run`."""

    id: str
    dag: str
    status: RunStatus
    kind: RunKind
    scheduled_at: int
    created_at: int
    started_at: int | None
    finished_at: int | None


@dataclass(frozen=True, slots=True)
class QuarterCount:
    """How many runs whose logical time lies in the quarter of an hour from `begin` on are in one status."""

    begin: int
    status: RunStatus
    runs: int


class Overviews:
    def __init__(self, database: Database) -> None:
        self._database = database

    def latest_runs(self, count: int, dags: Collection[str] | None = None) -> dict[str, list[LatestRun]]:
        """The `count` newest runs of each of those dags (of every dag) that has any, newest first."""
        dag, table, other = schema.dags.c, schema.runs.c, schema.runs.alias("other").c
        # The oldest id that counts, per dag. With the order by the columns of `dags`, databases walk the dags and find
        # their runs through the index: the cost is that of the answer, not of all runs.
        oldest = (
            select(other.id)
            .where(other.project == dag.project, other.dag == dag.dag)
            .order_by(other.id.desc())
            .offset(count - 1)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(
                *(table.id, table.dag, table.status, table.kind),
                *(table.scheduled_at, table.created_at, table.started_at, table.finished_at),
            )
            .join(schema.dags, and_(table.project == dag.project, table.dag == dag.dag))
            .where(table.id >= func.coalesce(oldest, ""))
            .order_by(dag.project, dag.dag, table.id.desc())
        )
        if dags is not None:
            query = query.where(dag.project == PROJECT, dag.dag.in_(dags))
        found: dict[str, list[LatestRun]] = {}
        for row in self._all(query):
            run = LatestRun(
                id=row.id,
                dag=row.dag,
                status=RunStatus(row.status),
                kind=RunKind(row.kind),
                scheduled_at=row.scheduled_at,
                created_at=row.created_at,
                started_at=row.started_at,
                finished_at=row.finished_at,
            )
            found.setdefault(run.dag, []).append(run)
        return found

    def dags_of(self, run_ids: Collection[str]) -> set[str]:
        """The dags of those runs that there are."""
        table = schema.runs.c
        return {row.dag for row in self._all(select(table.dag).where(table.id.in_(run_ids)))}

    def cells(self, run_ids: Collection[str]) -> list[Cell]:
        """The rows of ordinary tasks and of run-time families as a whole that count, without those of members."""
        table = schema.tasks.c
        query = select(
            *(table.run_id, table.epoch, table.task, table.position),
            *(table.status, table.attempts, table.started_at, table.finished_at),
        ).where(table.run_id.in_(run_ids), table.position <= 0)
        newest: dict[tuple[str, str, int], rows.AnyRow] = {}
        for row in self._all(query):
            key = (row.run_id, row.task, row.position)
            known = newest.get(key)
            if known is None or known.epoch < row.epoch:
                newest[key] = row
        return [
            Cell(
                run_id=run,
                epoch=row.epoch,
                task=task,
                position=position,
                status=TaskStatus(row.status),
                attempts=row.attempts,
                started_at=row.started_at,
                finished_at=row.finished_at,
            )
            for (run, task, position), row in newest.items()
            if position == FAMILY or (run, task, FAMILY) not in newest
        ]

    def member_counts(self, families: Collection[Cell]) -> list[MemberCount]:
        """The members of those families that count, by their status."""
        table = schema.tasks.c
        query = (
            select(
                *(table.run_id, table.epoch, table.task, table.status),
                func.count().label("members"),
                func.sum(table.attempts).label("attempts"),
            )
            .where(
                table.run_id.in_({family.run_id for family in families}),
                table.task.in_({family.task for family in families}),
                table.position > FAMILY,
            )
            .group_by(table.run_id, table.epoch, table.task, table.status)
        )
        counted = {(family.run_id, family.epoch, family.task) for family in families}
        return [
            MemberCount(row.run_id, row.epoch, row.task, TaskStatus(row.status), row.members, int(row.attempts))
            for row in self._all(query)
            if (row.run_id, row.epoch, row.task) in counted
        ]

    def quarters(self, dag: str, from_at: int, until_at: int) -> list[QuarterCount]:
        """The runs of a dag whose logical times lie from `from_at` to before `until_at`, by the quarter of an hour.

        Scheduled and backfilled runs are found by their due times, others, which have none, among those of the dag.
        """
        table = schema.runs.c
        ours = (table.project == PROJECT, table.dag == dag)
        due = select(_quarter(table.due_at), table.status).where(
            *ours, table.due_at >= from_at, table.due_at < until_at
        )
        asked = select(_quarter(table.scheduled_at), table.status).where(
            *ours, table.due_at.is_(None), table.scheduled_at >= from_at, table.scheduled_at < until_at
        )
        found = union_all(due, asked).subquery("found").c
        query = select(found.begin, found.status, func.count().label("runs")).group_by(found.begin, found.status)
        return [QuarterCount(int(row.begin), RunStatus(row.status), row.runs) for row in self._all(query)]

    def _all(self, query: rows.Query) -> Sequence[rows.AnyRow]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


def _quarter(at: rows.AnyColumn) -> rows.AnyColumn:
    return (at - at % QUARTER).label("begin")
