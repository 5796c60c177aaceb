"""The tables. Rows are those of `ppacer.core.model`; all times are microseconds since 1970-01-01T00:00Z.

Rules that hold for every database: keys and short words have bounded lengths (a primary key must fit into an index
everywhere), nothing relies on RETURNING, on upsert or on a sequence, and uniqueness among some rows only is a unique
constraint over a column that is null for the others (nulls are distinct in all of them).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA_VERSION = 4
"""Version of the tables below, written into the database that they are made in."""

META = "ppacer_meta"
"""The table by which a database is known as ours; its columns `part`, `schema_version` and `step` never change."""
RUNS = "runs"
LOGS = "logs"
"""The parts that a database may hold."""


def _string(length: int) -> String:
    """Sorted by its characters' numbers everywhere (SQLite does so by itself, MySQL by the collation of the table)."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


ID = _string(36)
NAME = _string(200)
TASK = _string(500)
"""A task's full id: dotted parts of groups and the index of a family's member."""
WORD = _string(30)
HASH = _string(64)
ADDRESS = String(300)
HASHED = String(300)
"""A password's hash, with what it was made by."""
LONG = Text().with_variant(Text(2**32 - 1), "mysql", "mariadb")
"""Text of any length: where a plain one is short, asking for so much makes a long one."""

schema = MetaData()
log_schema = MetaData()


def _meta(metadata: MetaData) -> Table:
    """One row per part that lives in the database: `part` is `RUNS` or `LOGS`.

    `step` is above 0 while the migration to this version is half done. `leader_…` say who took the lead last, and when.
    """
    return Table(
        META,
        metadata,
        Column("part", WORD, primary_key=True),
        Column("schema_version", Integer, nullable=False),
        Column("leader_epoch", BigInteger, nullable=False),
        Column("step", Integer, nullable=False, server_default=text("0")),
        Column("leader_host", ADDRESS),
        Column("leader_pid", Integer),
        Column("leader_since", BigInteger),
        Column("leader_url", ADDRESS),
    )


meta = _meta(schema)
log_meta = _meta(log_schema)

builds = Table(
    "builds",
    schema,
    Column("build", HASH, primary_key=True),
    Column("program", NAME, nullable=False),
    Column("compiler", NAME, nullable=False),
    Column("spec_version", Integer, nullable=False),
    Column("spec", LONG, nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("project", NAME, nullable=False),
)

dags = Table(
    "dags",
    schema,
    Column("project", NAME, primary_key=True),
    Column("dag", NAME, primary_key=True),
    Column("build", HASH, ForeignKey(builds.c.build), nullable=False),
    Column("first_seen_at", BigInteger, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("watched_until", BigInteger),
    Column("paused", Boolean, nullable=False),
    Column("removed_at", BigInteger),
    Column("silenced_until", BigInteger),
    Column("renamed_to", NAME),
)

dag_versions = Table(
    "dag_versions",
    schema,
    Column("project", NAME, primary_key=True),
    Column("dag", NAME, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("build", HASH, ForeignKey(builds.c.build), nullable=False),
    Column("digest", HASH, nullable=False),
    ForeignKeyConstraint(["project", "dag"], [dags.c.project, dags.c.dag]),
)

dag_events = Table(
    "dag_events",
    schema,
    Column("id", ID, primary_key=True),
    Column("project", NAME, nullable=False),
    Column("dag", NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("payload", LONG, nullable=False),
    ForeignKeyConstraint(["project", "dag"], [dags.c.project, dags.c.dag]),
    Index("dag_events_by_dag", "project", "dag", "id"),
)

backfills = Table(
    "backfills",
    schema,
    Column("id", ID, primary_key=True),
    Column("project", NAME, nullable=False),
    Column("dag", NAME, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("from_at", BigInteger, nullable=False),
    Column("until_at", BigInteger, nullable=False),
    Column("parallel", Integer, nullable=False),
    Column("status", WORD, nullable=False),
    Column("next_after", BigInteger, nullable=False),
    Column("total", Integer, nullable=False),
    Column("made", Integer, nullable=False),
    Column("passed_over", Integer, nullable=False),
    Column("params", LONG, nullable=False),
    Column("finished_at", BigInteger),
    ForeignKeyConstraint(["project", "dag"], [dags.c.project, dags.c.dag]),
    Index("backfills_by_dag", "project", "dag", "id"),
    Index("backfills_by_status", "status", "id"),
)

runs = Table(
    "runs",
    schema,
    Column("id", ID, primary_key=True),
    Column("project", NAME, nullable=False),
    Column("dag", NAME, nullable=False),
    Column("build", HASH, ForeignKey(builds.c.build), nullable=False),
    Column("kind", WORD, nullable=False),
    Column("scheduled_at", BigInteger, nullable=False),
    Column("due_at", BigInteger),  # scheduled_at of a scheduled or backfilled run; null for a manual one
    Column("status", WORD, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("previous_at", BigInteger),
    Column("epoch", Integer, nullable=False),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("params", LONG, nullable=False),
    Column("idempotency_key", NAME),
    Column("reason", LONG),
    Column("outcome", WORD),
    Column("late_at", BigInteger),
    Column("backfill", ID, ForeignKey(backfills.c.id)),
    Column("ended_at", BigInteger),  # finished_at of an ended run; null for others
    Column("outputs_since", BigInteger),  # the same as long as its outputs are there
    ForeignKeyConstraint(["project", "dag"], [dags.c.project, dags.c.dag]),
    UniqueConstraint("project", "dag", "due_at", name="one_run_per_due_time"),
    UniqueConstraint("project", "dag", "idempotency_key", name="one_run_per_idempotency_key"),
    Index("runs_by_dag", "project", "dag", "id"),
    Index("runs_by_status", "status", "id"),
    Index("runs_by_kind", "kind", "id"),
    Index("runs_by_end", "ended_at", "id"),
    Index("runs_by_end_of_dag", "project", "dag", "ended_at", "id"),
    Index("runs_by_outputs", "outputs_since"),
)

Index(
    "runs_by_backfill",
    *(runs.c.backfill, runs.c.id, runs.c.status),
    sqlite_where=runs.c.backfill.is_not(None),
)

tasks = Table(
    "tasks",
    schema,
    Column("run_id", ID, ForeignKey(runs.c.id), primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("task", TASK, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("status", WORD, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lost", Integer, nullable=False),
    Column("due_at", BigInteger),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("output", LONG),
    Column("error", LONG),
    Column("label", LONG),
    Column("reason", LONG),
    Column("generation", Integer, nullable=False),
)

attempts = Table(
    "attempts",
    schema,
    Column("id", ID, primary_key=True),
    Column("run_id", ID, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("task", TASK, nullable=False),
    Column("position", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("status", WORD, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("executor", NAME),
    Column("instance", ID),
    Column("request", ID),
    Column("code", HASH, nullable=False),
    Column("lease_until", BigInteger),
    Column("started_at", BigInteger),
    Column("finished_at", BigInteger),
    Column("error_kind", WORD),
    Column("error", LONG),
    Column("due_at", BigInteger),
    Column("state", LONG),
    Column("parts", Integer, nullable=False),
    ForeignKeyConstraint(
        ["run_id", "epoch", "task", "position"],
        [tasks.c.run_id, tasks.c.epoch, tasks.c.task, tasks.c.position],
    ),
    UniqueConstraint("run_id", "epoch", "task", "position", "number", name="one_attempt_per_number"),
)

LIVE = text("status IN ('queued', 'running', 'deferred')")
"""The condition of the index that finds attempts under way: the same text must stand in the query that uses it."""


def _partial(*_: object, dialect: Dialect, **__: object) -> bool:
    """Whether the database has indexes of some rows only."""
    return dialect.name in ("sqlite", "postgresql")


def _whole(*_: object, dialect: Dialect, **__: object) -> bool:
    """Whether an index of all rows has to serve."""
    return dialect.name in ("mysql", "mariadb")


# `sqlite_where` is what `ppacer.store.postgresql` goes by, too. To name it here would load that dialect for everybody.

Index("live_attempts", attempts.c.id, sqlite_where=LIVE).ddl_if(callable_=_partial)
Index("attempts_by_status", attempts.c.status, attempts.c.id).ddl_if(callable_=_whole)

events = Table(
    "events",
    schema,
    Column("run_id", ID, ForeignKey(runs.c.id), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("kind", WORD, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("payload", LONG, nullable=False),
    sqlite_with_rowid=False,
)

notifications = Table(
    "notifications",
    schema,
    Column("id", ID, primary_key=True),
    Column("project", NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("dag", NAME, nullable=False),
    Column("build", HASH, ForeignKey(builds.c.build), nullable=False),
    Column("event", WORD, nullable=False),
    Column("notifier", NAME, nullable=False),
    Column("subject", LONG, nullable=False),
    Column("message", LONG, nullable=False),
    Column("status", WORD, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("run_id", ID, ForeignKey(runs.c.id)),
    Column("task", TASK),
    Column("position", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("sent_at", BigInteger),
    Column("error", LONG),
    ForeignKeyConstraint(["project", "dag"], [dags.c.project, dags.c.dag]),
    Index("notifications_by_run", "run_id", "status"),
    Index("notifications_by_status", "status", "id"),
)

accounts = Table(
    "accounts",
    schema,
    Column("project", NAME, primary_key=True),
    Column("name", NAME, primary_key=True),
    Column("role", WORD, nullable=False),
    Column("password", HASHED, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
)

access_tokens = Table(
    "access_tokens",
    schema,
    Column("id", ID, primary_key=True),
    Column("project", NAME, nullable=False),
    Column("name", NAME, nullable=False),
    Column("scope", WORD, nullable=False),
    Column("digest", HASH, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", NAME, nullable=False),
    Column("expires_at", BigInteger),
    UniqueConstraint("project", "name", name="one_token_per_name"),
    UniqueConstraint("digest", name="one_token_per_digest"),
)

login_sessions = Table(
    "login_sessions",
    schema,
    Column("digest", HASH, primary_key=True),
    Column("how", WORD, nullable=False),
    Column("holder", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

audit_log = Table(
    "audit_log",
    schema,
    Column("id", ID, primary_key=True),
    Column("project", NAME, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", NAME, nullable=False),
    Column("how", WORD, nullable=False),
    Column("address", ADDRESS, nullable=False),
    Column("action", WORD, nullable=False),
    Column("subject", LONG, nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("detail", LONG, nullable=False),
    Index("audit_log_by_actor", "actor", "id"),
    Index("audit_log_by_action", "action", "id"),
)

log_entries = Table(
    "log_entries",
    log_schema,
    Column("attempt", ID, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("stream", WORD, nullable=False),
    Column("level", Integer, nullable=False),
    Column("message", LONG, nullable=False),
    Column("logger", LONG, nullable=False),
    Column("attributes", LONG, nullable=False),
    sqlite_with_rowid=False,
)
