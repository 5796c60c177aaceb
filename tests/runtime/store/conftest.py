"""The databases that the stores' conformance tests run on, and a maker of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ppacer.core.model import (
    Attempt,
    AttemptStatus,
    Backfill,
    BackfillStatus,
    BuildRow,
    DagEvent,
    DagEventKind,
    DagRow,
    DagVersion,
    Event,
    EventKind,
    InsertBackfill,
    InsertBuild,
    InsertDag,
    NoticeEvent,
    Notification,
    NotificationStatus,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    TaskStatus,
)
from ppacer.store import Store, open_store
from ppacer.store.logs import LogStore, open_logs

Opener = Callable[[], Store]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    """What is under the stores; a module of tests for one of them overrides it."""
    return str(request.param)


@pytest.fixture
def database(kind: str, tmp_path: Path, empty_database: Callable[[str], str]) -> str:
    """The path or URL of a database without rows."""
    return str(tmp_path / "pipeline.db") if kind == "sqlite" else empty_database(kind)


@pytest.fixture
def open_database(database: str) -> Iterator[Opener]:
    """Opens one and the same database as often as it is called."""
    stores: list[Store] = []

    def open_it() -> Store:
        stores.append(open_store(database))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(open_database: Opener, rows: Rows) -> Store:
    """A store that has the lead and knows one build, the dags `daily` and `hourly`, and a backfill of the first."""
    store = open_database()
    store.advance_leader()
    store.write([InsertBuild(rows.build()), InsertDag(rows.dag("daily")), InsertDag(rows.dag("hourly"))])
    store.write([InsertBackfill(rows.backfill())])
    return store


@pytest.fixture
def logs(kind: str, database: str, tmp_path: Path) -> Iterator[LogStore]:
    logs = open_logs(tmp_path / "pipeline.logs.db" if kind == "sqlite" else database)
    yield logs
    logs.close()


@pytest.fixture
def rows() -> Rows:
    return Rows()


class Rows:
    """Makes rows whose columns all differ from their defaults, so that one that is forgotten shows."""

    @staticmethod
    def id(number: int) -> str:
        """Ids that sort as their numbers do."""
        return f"0199{number:08x}-7000-8000-000000000000"

    def build(self, build: str = "b" * 64) -> BuildRow:
        return BuildRow(
            build=build,
            program="pipeline",
            compiler="0.1.0",
            spec_version=1,
            spec='{"name":"zażółć"}',
            first_seen_at=11,
        )

    def dag(self, dag: str) -> DagRow:
        return DagRow(
            dag=dag,
            build="b" * 64,
            first_seen_at=12,
            last_seen_at=13,
            watched_until=14,
            paused=True,
            removed_at=15,
            silenced_until=16,
            renamed_to="weekly",
        )

    def dag_version(self, at: int = 17, dag: str = "daily") -> DagVersion:
        return DagVersion(dag=dag, build="b" * 64, at=at, digest="d" * 64)

    def dag_event(self, number: int = 1, dag: str = "daily") -> DagEvent:
        return DagEvent(
            id=self.id(200 + number),
            dag=dag,
            at=70 + number,
            kind=DagEventKind.DUE_MISSED,
            actor="schedule",
            payload='{"count":3}',
        )

    def backfill(
        self, number: int = 0, dag: str = "daily", status: BackfillStatus = BackfillStatus.RUNNING
    ) -> Backfill:
        return Backfill(
            id=self.id(300 + number),
            dag=dag,
            actor="anna",
            created_at=81,
            from_at=82,
            until_at=90,
            parallel=4,
            status=status,
            next_after=83,
            total=7,
            made=2,
            passed_over=1,
            params='{"full":true}',
            finished_at=84,
        )

    def notification(
        self, number: int = 1, run: int | None = 1, status: NotificationStatus = NotificationStatus.PENDING
    ) -> Notification:
        return Notification(
            id=self.id(400 + number),
            at=91,
            dag="daily",
            build="b" * 64,
            event=NoticeEvent.FAILURE,
            notifier="ops",
            subject="daily failed",
            message="load: zażółć",
            status=status,
            due_at=92,
            run_id=None if run is None else self.id(run),
            task="load",
            position=3,
            number=2,
            tries=5,
            sent_at=93,
            error="no route",
        )

    def run(self, number: int = 1, dag: str = "daily", status: RunStatus = RunStatus.QUEUED) -> Run:
        return Run(
            id=self.id(number),
            dag=dag,
            build="b" * 64,
            kind=RunKind.SCHEDULED,
            scheduled_at=1000 + number,
            status=status,
            created_at=21,
            actor="schedule",
            previous_at=22,
            epoch=1,
            started_at=23,
            finished_at=24,
            params='{"currency":"€"}',
            idempotency_key=f"key-{number}",
            reason="because",
            outcome=RunStatus.FAILED,
            late_at=25,
            backfill=self.id(300),
        )

    def manual(self, number: int, dag: str = "daily", key: str | None = None) -> Run:
        return replace(self.run(number, dag), kind=RunKind.MANUAL, idempotency_key=key)

    def task(self, task: str = "load", position: int = 0, status: TaskStatus = TaskStatus.WAITING) -> TaskRow:
        return TaskRow(
            run_id=self.id(1),
            epoch=1,
            task=task,
            position=position,
            status=status,
            attempts=2,
            lost=1,
            due_at=31,
            started_at=32,
            finished_at=33,
            output='{"rows":3}',
            error="Traceback: …",
            label='"eu"',
            reason="marked",
            generation=4,
        )

    def attempt(
        self, number: int = 1, task: str = "load", status: AttemptStatus = AttemptStatus.QUEUED, token: int = 0
    ) -> Attempt:
        return Attempt(
            id=self.id(100 + number),
            run_id=self.id(1),
            epoch=1,
            task=task,
            position=0,
            number=number,
            status=status,
            created_at=41,
            token=token,
            executor="host-7",
            instance=self.id(7),
            request=self.id(8),
            code="c" * 64,
            lease_until=42,
            started_at=43,
            finished_at=44,
            error="went wrong",
            due_at=45,
            state='{"seen":[1]}',
            parts=6,
        )

    def event(self, seq: int, run: int = 1) -> Event:
        return Event(
            run_id=self.id(run),
            seq=seq,
            at=50 + seq,
            kind=EventKind.TASK_QUEUED,
            actor="schedule",
            payload='{"task":"load"}',
        )
