"""Customers, from the API of the CRM to SQLite."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

LEAST_SECONDS = 0.5
"""How long each request holds its slot of the pool at least."""


class Customer(TypedDict):
    id: int
    name: str
    city: str
    changed: str


class Page(TypedDict):
    customers: list[Customer]
    pages: int


class CrmError(Exception):
    """The CRM did not answer as it should; the task is tried again."""


@dataclass(frozen=True)
class First:
    """What is asked for, and which pages there are of it."""

    url: str
    since: str | None
    pages: list[int]


def list_pages(url: str, database: Path, *, full: bool, token: str) -> First:
    """Asks for what has changed since the newest change that is in the database. The time of the last run would not do:
    had that one failed, what it should have brought would never come.
    """
    since = None if full else _newest_change(database)
    count = _ask(url, {"page": "1", **({} if since is None else {"since": since})}, token)["pages"]
    print(f"{count} pages of what has changed since {since or 'ever'}")
    return First(url, since, list(range(1, count + 1)))


def fetch_page(first: First, number: int, token: str) -> list[Customer]:
    query = {"page": str(number), **({} if first.since is None else {"since": first.since})}
    return _ask(first.url, query, token)["customers"]


def store(pages: list[list[Customer]], database: Path) -> int:
    """Puts all of them into the database in one transaction, and returns how many there are."""
    customers = [customer for page in pages for customer in page]
    database.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, name, city, changed)")
        connection.executemany("INSERT OR REPLACE INTO customers VALUES (:id, :name, :city, :changed)", customers)
    return len(customers)


def _newest_change(database: Path) -> str | None:
    if not database.exists():
        return None
    with closing(sqlite3.connect(database)) as connection:
        newest: str | None
        (newest,) = connection.execute("SELECT max(changed) FROM customers").fetchone()
    return newest


def _ask(url: str, query: Mapping[str, str], token: str) -> Page:
    begun = time.monotonic()
    request = Request(f"{url}/customers?{urlencode(query)}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urlopen(request, timeout=30) as answer:
            page: Page = json.load(answer)
    except HTTPError as error:
        if error.code == 429:
            raise CrmError(f"the CRM wants fewer requests: {error.headers.get('Retry-After', '?')} s of rest") from None
        raise CrmError(f"the CRM answered {error.code} {error.reason}") from None
    finally:
        time.sleep(max(0.0, begun + LEAST_SECONDS - time.monotonic()))
    return page
