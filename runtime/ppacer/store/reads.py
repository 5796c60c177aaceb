"""What can be asked of a store. Every answer is read afresh; nothing is cached. Safe to call from any thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import and_, bindparam, func, select

from ppacer.core.model import PROJECT, Attempt, BuildRow, DagRow, Event, Run, RunKind, RunStatus, TaskRow
from ppacer.store import rows, schema
from ppacer.store.database import Database

ACTIVE = tuple(status.value for status in RunStatus if not status.terminal)


class Reads:
    """The reading half of `Store`: each method is one statement on a connection that cannot write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """How people know the store: the path of its file."""
        return self._database.name

    # --- dags and builds ---

    def dags(self) -> list[DagRow]:
        """All dags ever seen, by name; those gone from the program have `removed_at`."""
        return [rows.to_dag(row) for row in self._all(select(schema.dags).order_by(schema.dags.c.dag))]

    def build(self, build: str) -> BuildRow | None:
        row = self._one(select(schema.builds).where(schema.builds.c.build == build))
        return None if row is None else rows.to_build(row)

    # --- runs ---

    def run(self, run_id: str) -> Run | None:
        return self._run(select(schema.runs).where(schema.runs.c.id == run_id))

    def run_at(self, dag: str, scheduled_at: int) -> Run | None:
        """The scheduled or backfilled run of that logical time."""
        return self._run(_runs_of(dag).where(schema.runs.c.due_at == scheduled_at))

    def run_by_idempotency_key(self, dag: str, key: str) -> Run | None:
        return self._run(_runs_of(dag).where(schema.runs.c.idempotency_key == key))

    def last_scheduled(self, dag: str) -> Run | None:
        """The run of kind `scheduled` with the latest logical time, whatever became of it."""
        table = schema.runs
        query = _runs_of(dag).where(table.c.due_at.is_not(None), table.c.kind == RunKind.SCHEDULED.value)
        return self._run(query.order_by(table.c.due_at.desc()).limit(1))

    def active_runs(self) -> list[Run]:
        """Queued and running runs, oldest first."""
        table = schema.runs
        return self._runs(select(table).where(table.c.status.in_(ACTIVE)).order_by(table.c.id))

    def runs(
        self,
        dag: str | None = None,
        statuses: Iterable[RunStatus] | None = None,
        before: str | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Runs, newest first: at most `limit`, and only those older than the run with the id `before`."""
        table = schema.runs
        query = select(table) if dag is None else _runs_of(dag)
        if statuses is not None:
            query = query.where(table.c.status.in_([status.value for status in statuses]))
        if before is not None:
            query = query.where(table.c.id < before)
        return self._runs(query.order_by(table.c.id.desc()).limit(limit))

    def latest_runs_by_dag(self, count: int) -> dict[str, list[Run]]:
        """The `count` newest runs of each dag that has any, newest first."""
        dag, table, other = schema.dags.c, schema.runs, schema.runs.alias("other")
        # The oldest id that counts, per dag. With the order by the columns of `dags`, databases walk the dags and find
        # their runs through the index: the cost is that of the answer, not of all runs.
        oldest = (
            select(other.c.id)
            .where(other.c.project == dag.project, other.c.dag == dag.dag)
            .order_by(other.c.id.desc())
            .offset(count - 1)
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(table)
            .join(schema.dags, and_(table.c.project == dag.project, table.c.dag == dag.dag))
            .where(table.c.id >= func.coalesce(oldest, ""))
            .order_by(dag.project, dag.dag, table.c.id.desc())
        )
        found: dict[str, list[Run]] = {}
        for run in self._runs(query):
            found.setdefault(run.dag, []).append(run)
        return found

    def find_runs(self, id_part: str, limit: int = 10) -> list[Run]:
        """Runs whose id holds `id_part` anywhere, newest first."""
        table = schema.runs
        matches = table.c.id.contains(id_part.lower(), autoescape=True)
        return self._runs(select(table).where(matches).order_by(table.c.id.desc()).limit(limit))

    # --- tasks and attempts ---

    def tasks(self, run_id: str, epoch: int | None = None) -> list[TaskRow]:
        """The tasks of a run by epoch, task and position; of all its epochs unless one is given."""
        table = schema.tasks
        query = select(table).where(table.c.run_id == run_id)
        if epoch is not None:
            query = query.where(table.c.epoch == epoch)
        found = self._all(query.order_by(table.c.epoch, table.c.task, table.c.position))
        return [rows.to_task(row) for row in found]

    def attempt(self, attempt_id: str) -> Attempt | None:
        row = self._one(select(schema.attempts).where(schema.attempts.c.id == attempt_id))
        return None if row is None else rows.to_attempt(row)

    def attempts(self, run_id: str, task: str | None = None) -> list[Attempt]:
        """The attempts of a run (or of one task of it, all positions), in the order in which they were made."""
        table = schema.attempts
        query = select(table).where(table.c.run_id == run_id)
        if task is not None:
            query = query.where(table.c.task == task)
        return [rows.to_attempt(row) for row in self._all(query.order_by(table.c.id))]

    def live_attempts(self) -> list[Attempt]:
        """Attempts that have not ended, in the order in which they were made."""
        table = schema.attempts
        return [rows.to_attempt(row) for row in self._all(select(table).where(schema.LIVE).order_by(table.c.id))]

    # --- events ---

    def events(self, run_id: str, after_seq: int = 0) -> list[Event]:
        """The history of a run from the event after `after_seq` on."""
        table = schema.events
        query = select(table).where(table.c.run_id == run_id, table.c.seq > after_seq).order_by(table.c.seq)
        return [rows.to_event(row) for row in self._all(query)]

    def last_event_seq(self, run_ids: Iterable[str]) -> dict[str, int]:
        """The number of the last event of each run, 0 for a run without any."""
        table = schema.events
        query = select(func.max(table.c.seq)).where(table.c.run_id == bindparam("run"))
        with self._database.reading() as connection:
            return {run: connection.execute(query, {"run": run}).scalar_one() or 0 for run in run_ids}

    # --- how they are read ---

    def _run(self, query: rows.Query) -> Run | None:
        row = self._one(query)
        return None if row is None else rows.to_run(row)

    def _runs(self, query: rows.Query) -> list[Run]:
        return [rows.to_run(row) for row in self._all(query)]

    def _one(self, query: rows.Query) -> rows.AnyRow | None:
        with self._database.reading() as connection:
            return connection.execute(query).one_or_none()

    def _all(self, query: rows.Query) -> Sequence[rows.AnyRow]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


def _runs_of(dag: str) -> rows.Query:
    return select(schema.runs).where(schema.runs.c.project == PROJECT, schema.runs.c.dag == dag)
