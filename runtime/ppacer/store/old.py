"""What has become old: finds what may be removed, at a cost of what it finds, and not of what there is.

Only two questions cost more: `OldRows.beyond`, and which runs have asked for one that goes on, for which the runs under
way are looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import ColumnElement, FromClause, Table, and_, exists, func, literal, or_, select

from ppacer.core.model import AttemptStatus, BackfillStatus, NotificationStatus, RunKind
from ppacer.core.project import PROJECT
from ppacer.store import rows, schema
from ppacer.store.database import Database
from ppacer.store.reads import ACTIVE

AWAITED_KEY = "run_dag:"
"""What the idempotency key of a run begins with that a task asked for; the id of the task's attempt follows, and more
where that has asked before."""

_ID_LENGTH = 36

Mark: TypeAlias = tuple[int, str]
"""A place among the ended runs, oldest first: when a run ended, and its id."""

BEGINNING: Mark = (-1, "")


@dataclass(frozen=True, slots=True)
class OldRun:
    """An ended run that may be removed; `rows` is how many tasks and events it has."""

    id: str
    ended_at: int
    rows: int

    @property
    def mark(self) -> Mark:
        return (self.ended_at, self.id)


class OldRows:
    """Each method is one statement on a connection that cannot write; lists are oldest first.

    A run may be removed if it has ended and nothing needs it any more. Needed are the newest run and the last scheduled
    run of each dag, runs of a backfill that goes on, a run with a notification that is still to be sent, a run that a
    task waits for, and a run whose task asked for one that has not ended.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def runs(self, until: Mark, after: Mark, limit: int, *, dag: str | None = None) -> list[OldRun]:
        """The first `limit` runs (of one dag) beyond `after`, up to and including `until`, that may be removed."""
        query = select(*_RUN).where(*_beyond(after), *_up_to(until))
        if dag is not None:
            query = query.where(_runs.c.project == PROJECT, _runs.c.dag == dag)
        query = query.where(_NOT_NEEDED).order_by(_runs.c.ended_at, _runs.c.id).limit(limit)
        return [OldRun(row.id, row.ended_at, row.size) for row in self._all(query)]

    def beyond(self, dag: str, keep: int) -> Mark | None:
        """The place of the newest ended run of a dag after the `keep` newest ones; none if it has no more than those.

        Walks as many entries of an index as are kept.
        """
        query = (
            select(*_RUN[:2])
            .where(_runs.c.project == PROJECT, _runs.c.dag == dag, _runs.c.ended_at.is_not(None))
            .order_by(_runs.c.ended_at.desc(), _runs.c.id.desc())
            .offset(keep)
            .limit(1)
        )
        found = self._all(query)
        return (found[0].ended_at, found[0].id) if found else None

    def dags_of_runs_since(self, finished_at: int) -> list[str]:
        """The dags of which a run ended at this time or later."""
        query = select(_runs.c.dag).where(_runs.c.ended_at >= finished_at).distinct()
        return [row.dag for row in self._all(query)]

    def runs_with_outputs(self, finished_before: int, limit: int) -> list[OldRun]:
        """The first `limit` runs that ended before this time and whose outputs have not been taken away."""
        query = (
            select(*_RUN).where(_runs.c.outputs_since < finished_before).order_by(_runs.c.outputs_since).limit(limit)
        )
        return [OldRun(row.id, row.ended_at, row.size) for row in self._all(query)]

    def attempts(self, run_ids: Sequence[str]) -> list[str]:
        """The ids of all attempts of those of these runs that have ended, in no order."""
        ended = select(_runs.c.id).where(_runs.c.id.in_(run_ids), _runs.c.ended_at.is_not(None))
        return self._ids(select(schema.attempts.c.id).where(schema.attempts.c.run_id.in_(ended)))

    def recent_attempts(self, attempt_ids: Sequence[str], finished_at: int) -> set[str]:
        """Those of the attempts that have not ended, or ended at this time or later."""
        table = schema.attempts
        recent = or_(table.c.finished_at.is_(None), table.c.finished_at >= finished_at)
        query = select(table.c.id).where(table.c.id.in_(attempt_ids), recent)
        return {row.id for row in self._all(query)}

    def dag_events(self, before: str, limit: int) -> list[str]:
        """The ids of the first `limit` events of dags whose id is less than `before`."""
        table = schema.dag_events
        return self._ids(select(table.c.id).where(table.c.id < before).order_by(table.c.id).limit(limit))

    def notifications(self, before: str, at_before: int, limit: int) -> list[str]:
        """The ids of the first `limit` notifications whose id is less than `before`, that came up before this time and
        that are not to be sent any more."""
        table = schema.notifications
        over = and_(table.c.at < at_before, table.c.status != NotificationStatus.PENDING.value)
        return self._ids(select(table.c.id).where(table.c.id < before, over).order_by(table.c.id).limit(limit))

    def _ids(self, query: rows.Query) -> list[str]:
        return [row.id for row in self._all(query)]

    def _all(self, query: rows.Query) -> Sequence[rows.AnyRow]:
        with self._database.reading() as connection:
            return connection.execute(query).all()


_runs, _other = schema.runs, schema.runs.alias("other")


# Pairs compared as such would be shorter; but MySQL walks the whole index then.
def _beyond(mark: Mark) -> tuple[ColumnElement[bool], ...]:
    ended_at, id_ = mark
    return _runs.c.ended_at >= ended_at, or_(_runs.c.ended_at > ended_at, _runs.c.id > id_)


def _up_to(mark: Mark) -> tuple[ColumnElement[bool], ...]:
    ended_at, id_ = mark
    return _runs.c.ended_at <= ended_at, or_(_runs.c.ended_at < ended_at, _runs.c.id <= id_)


def _count(table: Table, number: ColumnElement[int]) -> ColumnElement[int]:
    return func.coalesce(select(number).where(table.c.run_id == _runs.c.id).scalar_subquery(), 0)


_size = _count(schema.tasks, func.count()) + _count(schema.events, func.max(schema.events.c.seq))
_RUN: list[rows.AnyColumn] = [_runs.c.id, _runs.c.ended_at, _size.label("size")]

_of_same_dag = and_(_other.c.project == _runs.c.project, _other.c.dag == _runs.c.dag)

# By what the last one is, and not by whether there is a later one: PostgreSQL would join a dag's runs with each other.
_newest = select(_other.c.id).where(_of_same_dag).order_by(_other.c.id.desc()).limit(1).scalar_subquery()
_last_scheduled = (
    select(_other.c.due_at)
    .where(_of_same_dag, _other.c.due_at.is_not(None), _other.c.kind == RunKind.SCHEDULED.value)
    .order_by(_other.c.due_at.desc())
    .limit(1)
    .scalar_subquery()
)
_backfills, _notifications, _attempts = schema.backfills.c, schema.notifications.c, schema.attempts.c
_backfill_goes_on = exists().where(_backfills.id == _runs.c.backfill, _backfills.status == BackfillStatus.RUNNING.value)
_to_be_told = exists().where(
    _notifications.run_id == _runs.c.id, _notifications.status == NotificationStatus.PENDING.value
)
# As part of the text: by that PostgreSQL knows that its index of the live attempts will do.
_LIVE = [literal(status.value, literal_execute=True) for status in AttemptStatus if not status.terminal]


def _asking_attempt(run: FromClause) -> ColumnElement[str]:
    # As part of the text: PostgreSQL knows `substr` for small numbers only, which parameters are not.
    first, length = (literal(number, literal_execute=True) for number in (len(AWAITED_KEY) + 1, _ID_LENGTH))
    return func.substr(run.c.idempotency_key, first, length)


_waited_for = exists().where(_attempts.id == _asking_attempt(_runs), _attempts.status.in_(_LIVE))
_asked_for_one_that_goes_on = select(_attempts.run_id).where(
    _attempts.id == _asking_attempt(_other), _other.c.status.in_(ACTIVE)
)
_NOT_NEEDED = and_(
    _runs.c.id < _newest,
    or_(_runs.c.kind != RunKind.SCHEDULED.value, _runs.c.due_at < _last_scheduled),
    ~_backfill_goes_on,
    ~_to_be_told,
    ~_waited_for,
    _runs.c.id.not_in(_asked_for_one_that_goes_on),
)
