"""The built-in task `sql`: one statement for any database that SQLAlchemy knows."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import time
from pathlib import PurePath
from typing import Literal, overload
from urllib.parse import quote, quote_plus
from uuid import UUID

from sqlalchemy import BindParameter, CursorResult, TextClause, bindparam, create_engine, make_url, text
from sqlalchemy.engine import URL, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from ppacer.context import TaskContext

MAX_ROWS = 10_000
"""More rows than this are no output."""

_QUERY = re.compile(r"\s*select\b(?!.*\binto\b)", re.IGNORECASE | re.DOTALL)
"""What is sure to be a query. Of its rows only so many are fetched as are wanted, not all that the database has."""


class SqlError(Exception):
    """A statement that could not be carried out, or whose result is no output. The message shows no password."""


@overload
def sql(
    url: str,
    statement: str,
    *,
    params: Mapping[str, object] | None = None,
    output: Literal["rows"] = "rows",
    context: TaskContext,
) -> list[dict[str, object]]: ...


@overload
def sql(
    url: str,
    statement: str,
    *,
    params: Mapping[str, object] | None = None,
    output: Literal["value"],
    context: TaskContext,
) -> object: ...


@overload
def sql(
    url: str,
    statement: str,
    *,
    params: Mapping[str, object] | None = None,
    output: Literal["none"],
    context: TaskContext,
) -> None: ...


def sql(
    url: str,
    statement: str,
    *,
    params: Mapping[str, object] | None = None,
    output: Literal["rows", "value", "none"] = "rows",
    context: TaskContext,
) -> object:
    """Carries out one SQL statement in a transaction of its own, through SQLAlchemy.

    `url` is the database's address as SQLAlchemy writes it: `postgresql://user@host/name`, `sqlite:///file.db`; the
    driver must be installed. `:name` in the statement stands for the value of that name in `params`, which is passed
    beside the statement and never becomes part of it: a list as a list in brackets, which `in :names` wants, a dict as
    JSON. A colon before a word that is meant as such is written `\\:`. The task's output is the list of rows, each a
    dict by the names of the columns (`rows`; at most 10,000), the one value of a result of one row and column (`value`;
    none if there is no row), or none.
    """
    if output not in ("rows", "value", "none"):
        raise ValueError(f'output is one of "rows", "value" and "none", not {output!r}')
    clause = _bound(statement, params or {})
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            streamed = output != "none" and _QUERY.match(statement) is not None
            result = connection.execution_options(stream_results=streamed).execute(clause)
            value = _value(result, output)
            changed = "" if result.returns_rows or result.rowcount < 0 else f", {_rows(result.rowcount)}"
    except SqlError:
        raise
    except Exception as fault:  # drivers raise what they please, with what they know in it
        raise SqlError(_masked(_reason(fault), engine.url)) from None
    finally:
        engine.dispose()
    context.logger.info("%s: done%s", engine.url.set(query={}).render_as_string(hide_password=True), changed)
    return value


# --- the database ----------------------------------------------------------------------------------------------------


def _engine(url: str) -> Engine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SqlError("the address is none of a database: dialect://user:password@host/name is wanted") from None
    try:
        return create_engine(parsed, poolclass=NullPool, hide_parameters=True)
    except NoSuchModuleError:
        raise SqlError(f"SQLAlchemy knows no databases of the kind {parsed.drivername}") from None
    except ImportError as fault:
        driver = f" {fault.name}" if fault.name else ""
        raise SqlError(f"the driver{driver} for {parsed.drivername} is not installed where the task runs") from None
    except Exception as fault:
        raise SqlError(_masked(_reason(fault), parsed)) from None


def _reason(fault: Exception) -> str:
    """The database's own words, without the statement and its parameters."""
    cause = (fault.orig or fault) if isinstance(fault, DBAPIError) else fault
    return f"{type(cause).__name__}: {str(cause).strip()}"


def _masked(message: str, url: URL) -> str:
    password = str(url.password or "")
    for form in sorted({password, quote(password), quote_plus(password)}, key=len, reverse=True):
        if form:
            message = message.replace(form, "***")
    return re.sub(r"(?i)\b(password|passwd|pwd)=[^\s;&]+", r"\1=***", message)


def _rows(count: int) -> str:
    return f"{count} row{'' if count == 1 else 's'}"


# --- the statement ---------------------------------------------------------------------------------------------------


def _bound(statement: str, params: Mapping[str, object]) -> TextClause:
    clause = text(statement)
    names = set(clause.compile().params)
    unknown, missing = sorted(params.keys() - names), sorted(names - params.keys())
    if missing:
        raise SqlError(f"the statement has :{missing[0]}, for which `params` has no value")
    if unknown:
        raise SqlError(f"`params` has a value for {unknown[0]}, but the statement has no :{unknown[0]}")
    return clause.bindparams(*(_parameter(name, value) for name, value in params.items()))


def _parameter(name: str, value: object) -> BindParameter[object]:
    match value:
        case PurePath():
            value = str(value)
        case dict():
            value = json.dumps(value, ensure_ascii=False, default=str)
    return bindparam(name, value, expanding=isinstance(value, list))


# --- the result ------------------------------------------------------------------------------------------------------


def _value(result: CursorResult[tuple[object, ...]], output: Literal["rows", "value", "none"]) -> object:
    if output == "none":
        return None
    if not result.returns_rows:
        return [] if output == "rows" else None
    columns = list(result.keys())
    if output == "value":
        return _one_value(result, columns)
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise SqlError(f"two columns of the result are called {twice}: give one another name, `… as …`")
    found = result.fetchmany(MAX_ROWS + 1)
    if len(found) > MAX_ROWS:
        raise SqlError(
            f"the result has more than {MAX_ROWS} rows: too many for an output; "
            "let the statement select fewer, or write them to a table or a file"
        )
    return [dict(zip(columns, map(_plain, row), strict=True)) for row in found]


def _one_value(result: CursorResult[tuple[object, ...]], columns: list[str]) -> object:
    if len(columns) != 1:
        raise SqlError(f"the result has {len(columns)} columns where one value is wanted")
    found = result.fetchmany(2)
    if len(found) > 1:
        raise SqlError("the result has several rows where one value is wanted")
    return _plain(found[0][0]) if found else None


def _plain(value: object) -> object:
    """What outputs have no form for, as a text, where its text says it all."""
    return str(value) if isinstance(value, UUID | time) else value
