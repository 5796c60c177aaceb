"""What can be asked of a store. Every answer is read afresh; nothing is cached. Safe to call from any thread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import and_, bindparam, case, func, select

from ppacer.config import Durability
from ppacer.core.ids import first_id
from ppacer.core.model import (
    FAMILY,
    Attempt,
    Backfill,
    BackfillStatus,
    BuildRow,
    DagEvent,
    DagRow,
    DagVersion,
    Event,
    Notification,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.core.project import PROJECT
from ppacer.core.rows import current_rows
from ppacer.store import rows, schema
from ppacer.store.database import Database
from ppacer.store.facts import leader_of
from ppacer.store.leader import Leader

ACTIVE = tuple(status.value for status in RunStatus if not status.terminal)

_URGENCY = (
    TaskStatus.FAILED,
    TaskStatus.RETRYING,
    TaskStatus.RUNNING,
    TaskStatus.CANCELLED,
    TaskStatus.UPSTREAM_FAILED,
    TaskStatus.QUEUED,
    TaskStatus.SUCCESS,
    TaskStatus.SKIPPED,
    TaskStatus.WAITING,
)


class Reads:
    """The reading half of `Store`: each method is one statement on a connection that cannot write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def name(self) -> str:
        """How people know the store: the path of its file, or its URL without the password."""
        return self._database.name

    @property
    def doubts(self) -> tuple[str, ...]:
        """What people should know of the database: what of its settings may lose what was acknowledged."""
        return self._database.doubts

    @property
    def exclusive(self) -> bool:
        """Whether nobody else can take the lead while this process lives, whatever becomes of the database."""
        return self._database.exclusive

    @property
    def durability(self) -> Durability:
        """What outlives a power cut of what was written, as far as the program has a say in it."""
        return self._database.durability

    def leader(self) -> Leader | None:
        """Who took the lead last; none where nobody did, or did not say."""
        with self._database.reading() as connection:
            return leader_of(connection, schema.RUNS)

    # --- dags and builds ---

    def dags(self) -> list[DagRow]:
        """All dags ever seen, by name; those gone from the program have `removed_at`."""
        return [rows.to_dag(row) for row in self._all(select(schema.dags).order_by(schema.dags.c.dag))]

    def dag(self, dag: str) -> DagRow | None:
        table = schema.dags
        row = self._one(select(table).where(table.c.project == PROJECT, table.c.dag == dag))
        return None if row is None else rows.to_dag(row)

    def build(self, build: str) -> BuildRow | None:
        row = self._one(select(schema.builds).where(schema.builds.c.build == build))
        return None if row is None else rows.to_build(row)

    def dag_versions(self, dag: str, before: int | None = None, limit: int | None = None) -> list[DagVersion]:
        """The shapes that the dag has had, newest first: at most `limit`, and only those from before an instant."""
        table = schema.dag_versions
        query = select(table).where(table.c.project == PROJECT, table.c.dag == dag).order_by(table.c.at.desc())
        if before is not None:
            query = query.where(table.c.at < before)
        return [rows.to_dag_version(row) for row in self._all(query if limit is None else query.limit(limit))]

    def dag_version_count(self, dag: str) -> int:
        table = schema.dag_versions
        query = select(func.count().label("number")).where(table.c.project == PROJECT, table.c.dag == dag)
        return int(self._all(query)[0].number)

    def dag_events(self, dag: str, before: str | None = None, limit: int = 100) -> list[DagEvent]:
        """The dag's history, newest first: at most `limit` events, only those older than the one with id `before`."""
        table = schema.dag_events
        query = select(table).where(table.c.project == PROJECT, table.c.dag == dag)
        return [rows.to_dag_event(row) for row in self._all(_page(query, table.c.id, before, limit))]

    # --- backfills ---

    def backfill(self, backfill_id: str) -> Backfill | None:
        row = self._one(select(schema.backfills).where(schema.backfills.c.id == backfill_id))
        return None if row is None else rows.to_backfill(row)

    def backfills(self, dag: str | None = None, before: str | None = None, limit: int = 100) -> list[Backfill]:
        """Backfills, newest first: at most `limit`, and only those older than the one with id `before`."""
        table = schema.backfills
        query = select(table)
        if dag is not None:
            query = query.where(table.c.project == PROJECT, table.c.dag == dag)
        return [rows.to_backfill(row) for row in self._all(_page(query, table.c.id, before, limit))]

    def active_backfills(self) -> list[Backfill]:
        """Backfills that still make runs, oldest first."""
        table = schema.backfills
        query = select(table).where(table.c.status == BackfillStatus.RUNNING.value).order_by(table.c.id)
        return [rows.to_backfill(row) for row in self._all(query)]

    def backfill_counts(self, backfill_id: str) -> dict[RunStatus, int]:
        """How many of the runs that the backfill made are in each status; statuses of none are left out."""
        table = schema.runs
        query = select(table.c.status, func.count().label("number")).where(table.c.backfill == backfill_id)
        with self._database.reading() as connection:
            found = connection.execute(query.group_by(table.c.status))
            return {RunStatus(row.status): row.number for row in found}

    # --- runs ---

    def run(self, run_id: str) -> Run | None:
        return self._run(select(schema.runs).where(schema.runs.c.id == run_id))

    def run_at(self, dag: str, scheduled_at: int) -> Run | None:
        """The scheduled or backfilled run of that logical time."""
        return self._run(_runs_of(dag).where(schema.runs.c.due_at == scheduled_at))

    def run_by_idempotency_key(self, dag: str, key: str) -> Run | None:
        return self._run(_runs_of(dag).where(schema.runs.c.idempotency_key == key))

    def due_times(self, dag: str, from_at: int, until_at: int) -> list[int]:
        """The logical times from `from_at` to before `until_at` that have a scheduled or backfilled run, in order."""
        due_at = schema.runs.c.due_at
        query = select(due_at).where(schema.runs.c.project == PROJECT, schema.runs.c.dag == dag)
        return [row.due_at for row in self._all(query.where(due_at >= from_at, due_at < until_at).order_by(due_at))]

    def last_due_times(self) -> dict[str, int]:
        """The logical time of each dag's latest scheduled run, whatever became of it; dags that have none are left
        out."""
        dag, run = schema.dags.c, schema.runs.c
        latest = (
            select(run.due_at)
            .where(run.project == dag.project, run.dag == dag.dag)
            .where(run.due_at.is_not(None), run.kind == RunKind.SCHEDULED.value)
            .order_by(run.due_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        found = self._all(select(dag.dag, latest.label("due_at")).where(dag.project == PROJECT))
        return {row.dag: row.due_at for row in found if row.due_at is not None}

    def due_times_ahead(self) -> dict[str, list[int]]:
        """The logical times beyond each dag's watermark that have a scheduled or backfilled run, in order; dags that
        have none are left out."""
        dag, run = schema.dags.c, schema.runs.c
        query = (
            select(dag.dag, run.due_at)
            .join(schema.runs, and_(run.project == dag.project, run.dag == dag.dag, run.due_at > dag.watched_until))
            .where(dag.project == PROJECT)
            .order_by(dag.project, dag.dag, run.due_at)
        )
        found: dict[str, list[int]] = {}
        for row in self._all(query):
            found.setdefault(row.dag, []).append(row.due_at)
        return found

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
        *,
        kinds: Iterable[RunKind] | None = None,
        backfill: str | None = None,
        made_from: int | None = None,
        made_until: int | None = None,
        planned_from: int | None = None,
        planned_until: int | None = None,
    ) -> list[Run]:
        """Runs, newest first: at most `limit`, and only those older than the run with the id `before`.

        `backfill` leaves only the runs that this backfill made, `made_from` and `made_until` those that were made at
        that instant or later, and before that one: their ids tell. `planned_from` and `planned_until` are the same of
        their logical times, for which all runs that fit otherwise are looked at.
        """
        table = schema.runs
        query = select(table) if dag is None else _runs_of(dag)
        if statuses is not None:
            query = query.where(table.c.status.in_([status.value for status in statuses]))
        if kinds is not None:
            query = query.where(table.c.kind.in_([kind.value for kind in kinds]))
        if made_from is not None:
            query = query.where(table.c.id >= first_id(made_from))
        if made_until is not None:
            query = query.where(table.c.id < first_id(made_until))
        if planned_from is not None:
            query = query.where(table.c.scheduled_at >= planned_from)
        if planned_until is not None:
            query = query.where(table.c.scheduled_at < planned_until)
        if backfill is not None:
            query = query.where(table.c.backfill == backfill)
        return self._runs(_page(query, table.c.id, before, limit))

    def find_runs(self, id_part: str, limit: int = 10, before: str | None = None) -> list[Run]:
        """Runs whose id holds `id_part` anywhere, newest first: only those older than the run with the id `before`."""
        table = schema.runs
        matches = table.c.id.contains(id_part.lower(), autoescape=True)
        return self._runs(_page(select(table).where(matches), table.c.id, before, limit))

    # --- tasks and attempts ---

    def tasks(self, run_id: str, epoch: int | None = None) -> list[TaskRow]:
        """The tasks of a run by epoch, task and position; of all its epochs unless one is given."""
        table = schema.tasks
        query = select(table).where(table.c.run_id == run_id)
        if epoch is not None:
            query = query.where(table.c.epoch == epoch)
        found = self._all(query.order_by(table.c.epoch, table.c.task, table.c.position))
        return [rows.to_task(row) for row in found]

    def current_tasks(self, run_id: str) -> list[TaskRow]:
        """The rows of a run's tasks that count, by task and position: those of the highest epoch of each."""
        return current_rows(self.tasks(run_id))

    def whole_tasks(self, run_id: str) -> list[TaskRow]:
        """Of the rows that count those of ordinary tasks and of run-time families as a whole, without their members."""
        table = schema.tasks
        query = select(table).where(table.c.run_id == run_id, table.c.position <= 0)
        found = current_rows(rows.to_task(row) for row in self._all(query))
        families = {row.task for row in found if row.position == FAMILY}
        return [row for row in found if row.position == FAMILY or row.task not in families]

    def member_counts(self, family: TaskRow) -> dict[TaskStatus, int]:
        """How many members of a run-time family are in each status; statuses of none are left out."""
        table = schema.tasks
        query = select(table.c.status, func.count().label("number")).where(*_members_of(family))
        with self._database.reading() as connection:
            found = connection.execute(query.group_by(table.c.status))
            return {TaskStatus(row.status): row.number for row in found}

    def members(
        self, family: TaskRow, statuses: Iterable[TaskStatus] | None = None, after: int = FAMILY, limit: int = 100
    ) -> list[TaskRow]:
        """At most `limit` members of a run-time family by position, and only those after the position `after`."""
        table = schema.tasks
        query = select(table).where(*_members_of(family), table.c.position > after)
        if statuses is not None:
            query = query.where(table.c.status.in_([status.value for status in statuses]))
        return [rows.to_task(row) for row in self._all(query.order_by(table.c.position).limit(limit))]

    def urgent_members(self, family: TaskRow, limit: int) -> list[TaskRow]:
        """At most `limit` members of a run-time family by position: those that failed, run or were stopped before
        others."""
        table = schema.tasks
        urgency = case({status.value: rank for rank, status in enumerate(_URGENCY)}, value=table.c.status)
        query = select(table).where(*_members_of(family)).order_by(urgency, table.c.position).limit(limit)
        return sorted((rows.to_task(row) for row in self._all(query)), key=lambda row: row.position)

    def attempt(self, attempt_id: str) -> Attempt | None:
        row = self._one(select(schema.attempts).where(schema.attempts.c.id == attempt_id))
        return None if row is None else rows.to_attempt(row)

    def attempts(self, run_id: str, task: str | None = None, positions: Iterable[int] | None = None) -> list[Attempt]:
        """The attempts of a run, or of one task of it, or of some positions only, in the order of their making."""
        table = schema.attempts
        query = select(table).where(table.c.run_id == run_id)
        if task is not None:
            query = query.where(table.c.task == task)
        if positions is not None:
            query = query.where(table.c.position.in_(list(positions)))
        return [rows.to_attempt(row) for row in self._all(query.order_by(table.c.id))]

    def live_attempts(self) -> list[Attempt]:
        """Attempts that have not ended, in the order in which they were made."""
        table = schema.attempts
        return [rows.to_attempt(row) for row in self._all(select(table).where(schema.LIVE).order_by(table.c.id))]

    # --- events ---

    def events(self, run_id: str, after_seq: int = 0, limit: int | None = None) -> list[Event]:
        """The history of a run from the event after `after_seq` on, at most `limit` events of it."""
        table = schema.events
        query = select(table).where(table.c.run_id == run_id, table.c.seq > after_seq).order_by(table.c.seq)
        if limit is not None:
            query = query.limit(limit)
        return [rows.to_event(row) for row in self._all(query)]

    def last_event_seq(self, run_ids: Iterable[str]) -> dict[str, int]:
        """The number of the last event of each run, 0 for a run without any."""
        table = schema.events
        query = select(func.max(table.c.seq)).where(table.c.run_id == bindparam("run"))
        with self._database.reading() as connection:
            return {run: connection.execute(query, {"run": run}).scalar_one() or 0 for run in run_ids}

    # --- notifications ---

    def notification(self, notification_id: str) -> Notification | None:
        row = self._one(select(schema.notifications).where(schema.notifications.c.id == notification_id))
        return None if row is None else rows.to_notification(row)

    def notifications(self, run_id: str, after: str | None = None, limit: int | None = None) -> list[Notification]:
        """What was to be told of a run, in the order in which it came up: at most `limit`, and only what came after
        that with the id `after`."""
        table = schema.notifications
        query = select(table).where(table.c.run_id == run_id).order_by(table.c.id)
        if after is not None:
            query = query.where(table.c.id > after)
        return self._notifications(query if limit is None else query.limit(limit))

    def pending_notifications(self) -> list[Notification]:
        """What has still to be told, by the time when it may be tried."""
        table = schema.notifications
        query = select(table).where(table.c.status == NotificationStatus.PENDING.value)
        return self._notifications(query.order_by(table.c.due_at, table.c.id))

    def failed_notifications(self, before: str | None = None, limit: int = 100) -> list[Notification]:
        """What could not be told, newest first: at most `limit`, and only what is older than that with id `before`."""
        table = schema.notifications
        query = select(table).where(table.c.status == NotificationStatus.FAILED.value)
        return self._notifications(_page(query, table.c.id, before, limit))

    # --- how they are read ---

    def _run(self, query: rows.Query) -> Run | None:
        row = self._one(query)
        return None if row is None else rows.to_run(row)

    def _runs(self, query: rows.Query) -> list[Run]:
        return [rows.to_run(row) for row in self._all(query)]

    def _notifications(self, query: rows.Query) -> list[Notification]:
        return [rows.to_notification(row) for row in self._all(query)]

    def _one(self, query: rows.Query) -> rows.AnyRow | None:
        with self._database.reading() as connection:
            return connection.execute(query).one_or_none()

    def _all(self, query: rows.Query) -> Sequence[rows.AnyRow]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


def _runs_of(dag: str) -> rows.Query:
    return select(schema.runs).where(schema.runs.c.project == PROJECT, schema.runs.c.dag == dag)


def _members_of(family: TaskRow) -> tuple[rows.AnyColumn, ...]:
    """The members that count of a run-time family, given by its row as a whole."""
    table = schema.tasks.c
    return (
        table.run_id == family.run_id,
        table.epoch == family.epoch,
        table.task == family.task,
        table.position > FAMILY,
    )


def _page(query: rows.Query, id_: rows.AnyColumn, before: str | None, limit: int) -> rows.Query:
    """At most `limit` rows, newest first, and only those older than the one with the id `before`."""
    if before is not None:
        query = query.where(id_ < before)
    return query.order_by(id_.desc()).limit(limit)
