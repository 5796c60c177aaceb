"""The task `sql`: statements on real SQLite files, and what no message may show."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy
from sqlalchemy.engine import Engine

from ppacer.context import TaskContext
from ppacer.core import codec
from ppacer.tasks import sql as module
from ppacer.tasks.sql import MAX_ROWS, SqlError, sql


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "shop.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(
            "create table orders (id integer primary key, region text, day date, price numeric);"
            "insert into orders values (1, 'eu', '2026-01-01', 9.5), (2, 'us', '2026-01-02', 7), (3, 'eu', null, null);"
        )
    return file


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


def rows(file: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(statement).fetchall()


# --- outputs ---------------------------------------------------------------------------------------------------------


def test_rows_are_dicts_by_the_names_of_the_columns(context: TaskContext, url: str) -> None:
    assert sql(url, "select id, region as where_, price from orders order by id", context=context) == [
        {"id": 1, "where_": "eu", "price": 9.5},
        {"id": 2, "where_": "us", "price": 7},
        {"id": 3, "where_": "eu", "price": None},
    ]


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("select count(*) from orders", 3),
        ("select price from orders where id = 3", None),
        ("select id from orders where id = 77", None),
        ("delete from orders", None),
    ],
)
def test_one_value(context: TaskContext, url: str, statement: str, value: object) -> None:
    assert sql(url, statement, output="value", context=context) == value


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("select id, region from orders", "the result has 2 columns where one value is wanted"),
        ("select id from orders", "the result has several rows where one value is wanted"),
    ],
)
def test_more_than_one_value(context: TaskContext, url: str, statement: str, message: str) -> None:
    with pytest.raises(SqlError, match=f"^{message}$"):
        sql(url, statement, output="value", context=context)


def test_no_output(context: TaskContext, url: str) -> None:
    assert sql(url, "select * from orders", output="none", context=context) is None


def test_a_statement_without_a_result_has_no_rows(context: TaskContext, url: str) -> None:
    assert sql(url, "delete from orders", context=context) == []


def test_two_columns_of_one_name(context: TaskContext, url: str) -> None:
    with pytest.raises(SqlError, match="two columns of the result are called id: give one another name"):
        sql(url, "select a.id, b.id from orders a, orders b", context=context)


NUMBERS = "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) select i from n"


def test_too_many_rows(context: TaskContext, url: str) -> None:
    found = sql(url, NUMBERS.format(MAX_ROWS), context=context)
    assert isinstance(found, list)
    assert len(found) == MAX_ROWS
    with pytest.raises(SqlError, match=f"^the result has more than {MAX_ROWS} rows: too many for an output"):
        sql(url, NUMBERS.format(MAX_ROWS + 1), context=context)


def test_of_too_many_rows_no_more_are_fetched_than_show_it(context: TaskContext, url: str) -> None:
    with pytest.raises(SqlError, match="too many for an output"):
        sql(url, NUMBERS.format(10**15), context=context)


@pytest.mark.parametrize(
    ("statement", "is_query"),
    [
        ("select 1", True),
        ("\n  SELECT * from orders", True),
        ("select * into copy from orders", False),
        ("selected", False),
        ("with gone as (delete from orders returning id) select * from gone", False),
        ("delete from orders returning id", False),
        ("-- select\ndelete from orders", False),
    ],
)
def test_only_a_query_is_read_bit_by_bit(statement: str, is_query: bool) -> None:
    """PostgreSQL has a cursor for that, which takes nothing else."""
    assert (module._QUERY.match(statement) is not None) == is_query


def test_what_databases_return_can_be_stored(context: TaskContext, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite has few types; others come from other databases."""
    values = [date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), Decimal("1.10"), time(2, 30), UUID(int=7)]
    found = [module._plain(value) for value in values]
    assert codec.decode(codec.encode(found)) == [*values[:3], "02:30:00", "00000000-0000-0000-0000-000000000007"]


# --- parameters ------------------------------------------------------------------------------------------------------


def test_values_are_passed_beside_the_statement(context: TaskContext, url: str, file: Path) -> None:
    name = "'); drop table orders; --"
    params = {"id": 9, "name": name, "day": date(2026, 1, 3), "path": Path("a/b")}
    sql(url, "insert into orders values (:id, :name, :day, :path)", params=params, context=context)
    assert rows(file, "select * from orders where id = 9") == [(9, name, "2026-01-03", "a/b")]


def test_a_list_stands_in_brackets(context: TaskContext, url: str) -> None:
    count = "select count(*) from orders where region in :regions and id > :id"
    for regions, expected in ((["eu", "us"], 2), (["us"], 1), ([], 0)):
        found = sql(url, count, params={"regions": regions, "id": 1}, output="value", context=context)
        assert found == expected


def test_a_dict_is_passed_as_json(context: TaskContext, url: str) -> None:
    given = {"day": date(2026, 1, 3), "shop": "żółw", "price": Decimal("9.90")}
    found = sql(url, "select :given", params={"given": given}, output="value", context=context)
    assert found == '{"day": "2026-01-03", "shop": "żółw", "price": "9.90"}'


def test_what_only_looks_like_a_parameter(context: TaskContext, url: str) -> None:
    statement = r"select '12:30' as a, '\:x' as b, '50%' as c, ':' as d"
    assert sql(url, statement, context=context) == [{"a": "12:30", "b": ":x", "c": "50%", "d": ":"}]


def test_params_and_statement_must_agree(context: TaskContext, url: str) -> None:
    with pytest.raises(SqlError, match=r"^the statement has :day, for which `params` has no value$"):
        sql(url, "select :day", context=context)
    with pytest.raises(SqlError, match=r"^`params` has a value for days, but the statement has no :days$"):
        sql(url, "select :day", params={"day": 1, "days": 2}, context=context)


# --- transactions ----------------------------------------------------------------------------------------------------


def test_a_statement_is_committed(context: TaskContext, url: str, file: Path) -> None:
    sql(url, "update orders set price = 1", context=context)
    assert rows(file, "select distinct price from orders") == [(1,)]


def test_a_statement_that_fails_changes_nothing(context: TaskContext, url: str, file: Path) -> None:
    with pytest.raises(SqlError, match=r"^IntegrityError: UNIQUE constraint failed: orders\.id$"):
        sql(url, "insert into orders (id) values (9), (1)", context=context)
    assert rows(file, "select count(*) from orders") == [(3,)]


def test_a_result_that_is_no_output_changes_nothing(context: TaskContext, url: str, file: Path) -> None:
    with pytest.raises(SqlError, match="the result has several rows"):
        sql(url, "delete from orders returning id", output="value", context=context)
    assert rows(file, "select count(*) from orders") == [(3,)]


# --- faults and secrets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("selekt 1", 'OperationalError: near "selekt": syntax error'),
        ("select * from nowhere", "OperationalError: no such table: nowhere"),
        ("select 1; select 2", "You can only execute one statement at a time"),
    ],
)
def test_a_statement_that_the_database_refuses(context: TaskContext, url: str, statement: str, message: str) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        sql(url, statement, context=context)
    assert statement not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "the address is none of a database: dialect://user:password@host/name is wanted"),
        ("", "the address is none of a database"),
        ("http://me:hidden@host/name", "SQLAlchemy knows no databases of the kind http"),
        (
            "oracle+cx_oracle://me:hidden@host/name",
            r"the driver cx_Oracle for oracle\+cx_oracle is not installed where",
        ),
        ("sqlite:////nowhere/shop.db", "OperationalError: unable to open database file"),
        ("postgresql://me:hidden@host:port/name", "the address is none of a database"),
    ],
)
def test_a_database_that_cannot_be_reached(context: TaskContext, url: str, message: str) -> None:
    with pytest.raises(SqlError, match=message) as caught:
        sql(url, "select 1", context=context)
    assert "me:" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.fixture
def loose_tongue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that tells in its errors all that it knows."""

    def create_engine(url: sqlalchemy.URL, **settings: object) -> Engine:
        password = str(url.password)

        def connect() -> object:
            raise sqlite3.OperationalError(f"cannot connect with {password} nor with password={password} to {url}")

        engine = sqlalchemy.create_engine("sqlite://", creator=connect, **settings)  # type: ignore[arg-type]
        engine.url = url
        return engine

    monkeypatch.setattr(module, "create_engine", create_engine)


@pytest.mark.usefixtures("loose_tongue")
@pytest.mark.parametrize("written", ["hidden", "hidden%2Fword", "hidden+word", "hidden%40%3A%20x"])
def test_no_message_shows_a_password(context: TaskContext, caplog: pytest.LogCaptureFixture, written: str) -> None:
    with pytest.raises(SqlError, match="cannot connect with") as caught:
        sql(f"postgresql://me:{written}@host/name?password=hidden2", "select 1", context=context)
    assert "hidden" not in "".join([str(caught.value), *caplog.messages])


def test_the_log_shows_neither_password_nor_values(
    context: TaskContext, caplog: pytest.LogCaptureFixture, url: str, file: Path
) -> None:
    sql(f"{url}?timeout=5", "update orders set region = :name", params={"name": "hidden"}, context=context)
    sql(url, "update orders set region = 'x' where id = 1", context=context)
    sql(url, "select 1", context=context)
    assert caplog.messages == [f"sqlite:///{file}: done, 3 rows", f"sqlite:///{file}: done, 1 row", f"{url}: done"]


def test_words_are_tested(context: TaskContext, url: str) -> None:
    with pytest.raises(ValueError, match='output is one of "rows", "value" and "none", not \'table\''):
        sql(url, "select 1", output="table", context=context)  # type: ignore[arg-type]
