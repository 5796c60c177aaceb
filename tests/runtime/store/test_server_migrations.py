"""Upgrades on real servers: on PostgreSQL a migration is one transaction, on MariaDB each step commits at once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import make_url

from ppacer.core.model import InsertBuild
from ppacer.store import OtherVersion, Store, open_store
from ppacer.store.logs import open_logs
from ppacer.store.migrations.every import MIGRATIONS
from ppacer.store.schema import RUNS, SCHEMA_VERSION
from tests.conftest import ServerOf
from tests.runtime.store.releases import tables_of
from tests.runtime.store.test_migrations import KILLED

pytestmark = pytest.mark.slow

ADDED_TABLES = ("accounts", "access_tokens", "login_sessions", "audit_log")
ADDED = ("step", "leader_host", "leader_pid", "leader_since", "leader_url")
FIRST = len(MIGRATIONS[0].steps[RUNS])
STEPS = sum(len(migration.steps[RUNS]) for migration in MIGRATIONS)


@pytest.fixture(params=["postgresql", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def database(server_of: ServerOf, kind: str) -> Iterator[str]:
    """One of the test's own: its tables are changed."""
    with server_of(kind).database() as url:
        yield url


@pytest.fixture
def made(database: str, rows: Any) -> dict[str, dict[str, Any]]:
    """A database as schema 2 had it, with both parts and a row; what its tables are in the present schema."""
    store, logs = open_store(database), open_logs(database)
    store.advance_leader()
    store.write([InsertBuild(rows.build())])
    tables = tables_of(plain(database))
    with store._database.transaction() as connection:
        for column in ADDED:
            connection.exec_driver_sql(f"ALTER TABLE ppacer_meta DROP COLUMN {column}")
        for table in ADDED_TABLES:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("UPDATE ppacer_meta SET schema_version = 2")
    store.close()
    logs.close()
    return tables


def plain(database: str) -> str:
    """For an engine that knows nothing of ours: what our connections are told does not suit reflection."""
    url = make_url(database)
    driver = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}[url.get_backend_name()]
    return url.set(drivername=f"{url.get_backend_name()}+{driver}").render_as_string(hide_password=False)


def check(database: str, made: dict[str, dict[str, Any]], rows: Any) -> None:
    """Opens it as a start does: it is as new, and what it held is there."""
    told: list[str] = []
    store, logs = open_store(database, upgrading=told.append), open_logs(database, upgrading=told.append)
    assert tables_of(plain(database)) == made
    assert store.build("b" * 64) == rows.build()
    assert all(f"to {SCHEMA_VERSION}" in text for text in told)
    assert len(told) == 2
    assert meta(store) == [("logs", SCHEMA_VERSION, 0), ("runs", SCHEMA_VERSION, 0)]
    store.advance_leader()
    store.close()
    logs.close()


def meta(store: Store) -> list[tuple[object, ...]]:
    with store._database.reading() as connection:
        query = "SELECT part, schema_version, step FROM ppacer_meta ORDER BY part"
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_both_parts_of_a_server_are_upgraded_in_the_one_table_that_they_share(
    database: str, made: dict[str, dict[str, Any]], rows: Any
) -> None:
    with pytest.raises(OtherVersion, match="made by an older ppacer") as caught:
        open_store(database)
    assert caught.value.upgradable
    check(database, made, rows)


@pytest.mark.parametrize(
    ("number", "when"), [(1, "after"), (2, "after"), (FIRST + 1, "before"), (FIRST + 2, "after"), (STEPS, "after")]
)
def test_an_upgrade_that_was_killed_is_completed_by_the_next_start(
    database: str, kind: str, made: dict[str, dict[str, Any]], rows: Any, number: int, when: str
) -> None:
    code = [sys.executable, "-c", KILLED, str(number), when, RUNS, database]
    killed = subprocess.run(code, capture_output=True, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    half = kind == "mariadb" and number > 1 and number != FIRST + 1
    done = 2 if number <= FIRST else 3
    with pytest.raises(OtherVersion, match="half upgraded" if half else f"schema version {done}, made by") as caught:
        open_store(database)
    assert caught.value.upgradable
    check(database, made, rows)
