"""What is particular to databases of servers: connections that are lost, servers that refuse, the lead."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import Any

import pytest
from sqlalchemy import NullPool, create_engine

from ppacer.core.model import InsertBuild, InsertRun
from ppacer.database_url import shown
from ppacer.store import (
    CannotOpen,
    Locked,
    NotADatabase,
    NothingThere,
    OtherVersion,
    Store,
    StoreError,
    Unavailable,
    Unwritable,
    mysql,
    open_store,
    postgresql,
)
from ppacer.store import server as servers_module
from ppacer.store.lead import lead_of
from ppacer.store.logs import open_logs
from tests.servers import IN_URL, PASSWORD, Server

PATIENCE = 90.0


@pytest.fixture(params=["postgresql", "mariadb"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(kind: str, server_of: Callable[[str], Server]) -> Server:
    return server_of(kind)


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    """A database of its own, with nothing in it."""
    with server.database() as url:
        yield url


def name_in(url: str) -> str:
    return url.rpartition("/")[2]


def refused(url: str) -> StoreError:
    """Why the database cannot be opened; without the password in whatever way it is written."""
    with pytest.raises(StoreError) as caught:
        open_store(url).close()
    assert PASSWORD not in str(caught.value)
    assert IN_URL not in str(caught.value)
    assert str(caught.value).startswith(shown(url))
    return caught.value


# --- connections -----------------------------------------------------------------------------------------------------


def test_a_connection_that_was_lost_is_replaced(
    store: Store, server: Server, database: str, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of what was lost with it is kept; readers notice nothing."""
    monkeypatch.setattr(servers_module, "IDLE_SECONDS", 3600.0)
    with suppress(StoreError), store._database.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM backfills")
        assert server.end_sessions(database) >= 1
        connection.exec_driver_sql("DELETE FROM dags")
        pytest.fail("its session has been ended")
    assert len(store.dags()) == 2
    store.write([InsertRun(rows.run())])
    assert store.runs() == [rows.run()]

    server.end_sessions(database)
    with pytest.raises(Unavailable, match=r"lost|ended the session"):
        store.write([InsertRun(rows.run(2))])
    store.write([InsertRun(rows.run(2))])
    assert len(store.runs()) == 2


def test_a_connection_is_tried_after_a_pause(
    store: Store, server: Server, database: str, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers_module, "IDLE_SECONDS", 0.0)
    store.write([InsertRun(rows.run(1))])
    server.end_sessions(database)
    store.write([InsertRun(rows.run(2))])
    assert len(store.runs()) == 2


def test_a_server_that_is_away_is_told_without_the_password(url: str) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # without listening: nobody answers there
        port = taken.getsockname()[1]
        head, _, tail = url.rpartition(":")
        found = refused(f"{head}:{port}/{tail.partition('/')[2]}")
    assert isinstance(found, Unavailable)
    assert "the server cannot be reached: is it running, and is the address right?" in str(found)


def test_a_host_without_address_is_told(kind: str) -> None:
    scheme = "mysql" if kind == "mariadb" else kind
    found = refused(f"{scheme}://me:{IN_URL}@no-such-host.invalid/db")
    assert isinstance(found, Unavailable)


def test_readers_cannot_write(store: Store) -> None:
    with pytest.raises(Unwritable), store._database.reading() as connection:
        connection.exec_driver_sql("DELETE FROM dags")
    assert len(store.dags()) == 2


def test_a_row_that_is_locked_for_long_is_told(
    url: str, server: Server, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for module in (postgresql, mysql):
        monkeypatch.setattr(module, "LOCK_SECONDS", 1)
    with closing(open_store(url)) as store:
        store.advance_leader()
        engine = create_engine(server.admin_url(name_in(url)), poolclass=NullPool)
        with engine.begin() as other:
            other.exec_driver_sql("UPDATE ppacer_meta SET leader_epoch = 7")
            with pytest.raises(Locked, match="another session has kept a row locked"):
                store.advance_leader()
        assert store.advance_leader() == 8


def test_commits_wait_for_the_disk_whatever_is_usual(server: Server, url: str) -> None:
    if server.kind == "postgresql":
        server.execute(f"ALTER DATABASE {name_in(url)} SET synchronous_commit = off")
        with closing(open_store(url)) as store, store._database.transaction() as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
            assert store.doubts == ()
        return
    server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    try:
        with closing(open_store(url)) as store:
            assert "innodb_flush_log_at_trx_commit = 2: it may lose up to a second" in store.doubts[0]
    finally:
        server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    with closing(open_store(url)) as store:
        assert store.doubts == ()


# --- what cannot be opened -------------------------------------------------------------------------------------------


def test_who_is_not_let_in_is_told_so(url: str) -> None:
    found = refused(url.replace(IN_URL, "wrong"))
    assert isinstance(found, CannotOpen)
    assert "the server does not let the user in" in str(found)
    assert "wrong" not in str(found).replace("wrong password", "")


def test_a_database_that_is_not_there_is_told(url: str) -> None:
    found = refused(f"{url}x")
    assert isinstance(found, CannotOpen)
    assert "there is no such database" in str(found) or "or there is none" in str(found)


def test_a_url_that_is_none_is_told(url: str) -> None:
    assert "names no database: add its name" in str(refused(url.rpartition("/")[0]))
    assert "%2F for /" in str(refused(url.replace(IN_URL, PASSWORD)))
    assert "option" in str(refused(f"{url}?colour=red"))


def test_a_user_who_may_make_no_tables_is_told(server: Server, url: str) -> None:
    name = name_in(url)
    if server.kind == "postgresql":
        server.execute(f"ALTER DATABASE {name} OWNER TO postgres")
    else:
        server.execute(f"REVOKE ALL ON {name}.* FROM {server.user}@'127.0.0.1'")
        server.execute(f"GRANT SELECT ON {name}.* TO {server.user}@'127.0.0.1'")
    found = refused(url)
    assert isinstance(found, Unwritable)
    assert "GRANT" in str(found)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)  # the other is read only as a whole, for all tests
def test_a_server_that_cannot_be_written_is_told(server: Server, url: str) -> None:
    server.execute(f"ALTER DATABASE {name_in(url)} SET default_transaction_read_only = on")
    found = refused(url)
    assert isinstance(found, Unwritable)
    assert "it is a standby or read only" in str(found)


def test_tables_of_another_program_are_not_touched(server: Server, url: str) -> None:
    name = name_in(url)
    server.execute("CREATE TABLE events (what VARCHAR(10))", name)
    assert isinstance(refused(url), NotADatabase)
    server.execute("DROP TABLE events", name)
    server.execute("CREATE TABLE customers (name VARCHAR(10))", name)
    open_store(url).close()


def test_nothing_is_made_where_nobody_makes_it(server: Server, url: str) -> None:
    with pytest.raises(NothingThere, match="there is no run yet"):
        open_store(url, makes=False)
    query = (
        f"SELECT count(*) FROM information_schema.tables WHERE table_name = 'runs' AND table_schema = '{name_in(url)}'"
    )
    assert server.execute(query, name_in(url)) == [(0,)]


def test_a_making_that_was_killed_midway_is_made_up_for(server: Server, url: str, rows: Any) -> None:
    open_store(url).close()
    server.execute("DELETE FROM ppacer_meta", name_in(url))
    server.execute("DROP TABLE notifications", name_in(url))
    with closing(open_store(url)) as store:
        store.advance_leader()
        store.write([InsertBuild(rows.build())])
        assert store.pending_notifications() == []


def test_a_newer_schema_is_refused(server: Server, url: str) -> None:
    open_store(url).close()
    server.execute("UPDATE ppacer_meta SET schema_version = 99", name_in(url))
    assert isinstance(refused(url), OtherVersion)


def test_runs_and_logs_live_in_one_database(url: str) -> None:
    with closing(open_store(url)) as store, closing(open_logs(url)) as logs:
        store.advance_leader()
        assert logs.last_seq(["a"]) == {"a": 0}
        assert store.name == logs.name == shown(url)


def test_a_driver_that_is_missing_is_told(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    driver, extra, url = {
        "postgresql": ("psycopg", "postgresql", "postgresql://host/db"),
        "mariadb": ("pymysql", "mysql", "mariadb://host/db"),
    }[kind]
    monkeypatch.setitem(sys.modules, driver, None)
    for opening in (open_store, open_logs, lead_of):
        with pytest.raises(CannotOpen, match=rf"is not installed .*: python -m pip install 'ppacer\[{extra}\]'"):
            opening(url)


@pytest.mark.slow
def test_sqlite_loads_no_driver_and_no_dialect_of_others() -> None:
    code = (
        "import sys, ppacer.store, ppacer.store.logs\n"
        "ppacer.store.open_store('x.db').close()\n"
        "others = ('psycopg', 'pymysql', 'sqlalchemy.dialects.p', 'sqlalchemy.dialects.m', 'ppacer.store.server')\n"
        "print([name for name in sys.modules if name.startswith(others)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout == "[]\n"


# --- the lead --------------------------------------------------------------------------------------------------------


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


@pytest.fixture
def _in_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lead is not lost because the machine stands still for a while."""
    for module in (postgresql, mysql):
        monkeypatch.setattr(module, "TERM_SECONDS", 600.0)


@pytest.mark.usefixtures("_in_its_own_time")
def test_one_has_the_lead_at_a_time(url: str) -> None:
    first, second = lead_of(url), lead_of(url)
    assert not first.held()
    assert first.holder() is None
    assert first.take()
    assert first.take()
    assert first.held()
    assert not second.take()
    assert not second.held()
    assert "ppacer" in (second.holder() or "")
    second.release()
    assert first.held()
    first.release()
    first.release()
    assert not first.held()
    assert second.take()
    second.release()


@pytest.mark.usefixtures("_in_its_own_time")
def test_databases_have_leads_of_their_own(server: Server, url: str) -> None:
    with server.database() as other:
        first, second = lead_of(url), lead_of(other)
        assert first.take()
        assert second.take()
        second.release()
        assert first.held()
        first.release()


@pytest.mark.usefixtures("_in_its_own_time")
def test_a_lead_goes_with_its_session(server: Server, url: str) -> None:
    first, second = lead_of(url), lead_of(url)
    assert first.take()
    server.end_sessions(url)
    until(second.take)
    assert not first.held()
    assert not first.take()
    second.release()
    assert first.take()
    first.release()


def test_a_lead_that_nobody_asks_for_is_given_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (postgresql, mysql):
        monkeypatch.setattr(module, "TERM_SECONDS", 1.0)
    first, second = lead_of(url), lead_of(url)
    assert first.take()
    until(second.take)
    assert not first.held()
    second.release()
