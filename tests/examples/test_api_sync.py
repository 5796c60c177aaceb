"""A CRM is asked by two at a time at most, and only for what has changed."""

from __future__ import annotations

import importlib
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import Example

pytestmark = pytest.mark.slow


def test_customers_are_copied(example: Callable[[str], Example], monkeypatch: pytest.MonkeyPatch) -> None:
    here = example("api_sync")
    crm = importlib.import_module("crm")
    busy = watched(crm, monkeypatch)
    with crm.Crm(0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            monkeypatch.setenv("CRM_URL", f"http://127.0.0.1:{server.server_address[1]}")
            monkeypatch.setenv("CRM_TOKEN", crm.TOKEN)
            said = here.command(here.build(), "run", "api_sync")
            assert "87 customers have changed" in said
            assert crm.TOKEN not in said
            assert 1 <= max(busy) <= 2
            assert len(busy) == 10
            assert stored(here.folder) == {each["id"]: each["city"] for each in crm.CUSTOMERS}

            moved = crm.CUSTOMERS[4] | {"city": "Vigo", "changed": (crm.FIRST_CHANGE + timedelta(days=1)).isoformat()}
            crm.CUSTOMERS[4] = moved
            later = here.load().run("api_sync", secrets={"CRM_TOKEN": crm.TOKEN})
            assert (later.status, later["stored"].output) == ("success", 1)
            assert stored(here.folder)[5] == "Vigo"
        finally:
            server.shutdown()
            thread.join(60)


def watched(crm: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests were under way when each of them came: from then until its answer begins. Each takes a while,
    so that those that are made together meet.
    """
    busy: list[int] = []
    lock = threading.Lock()
    under_way = 0
    take, answer = crm.Handler.do_GET, crm.Handler.answer

    def taken(handler: Any) -> None:
        nonlocal under_way
        with lock:
            under_way += 1
            busy.append(under_way)
        time.sleep(0.2)
        take(handler)

    def answered(handler: Any, status: int, body: object) -> None:
        nonlocal under_way
        with lock:
            under_way -= 1
        answer(handler, status, body)

    monkeypatch.setattr(crm.Handler, "do_GET", taken)
    monkeypatch.setattr(crm.Handler, "answer", answered)
    monkeypatch.setattr(crm.Handler, "log_message", lambda *_: None)
    return busy


def stored(folder: Path) -> dict[int, str]:
    with closing(sqlite3.connect(folder / "out/customers.sqlite")) as connection:
        return dict(connection.execute("SELECT id, city FROM customers").fetchall())
