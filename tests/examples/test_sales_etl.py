"""The warehouse holds what the regions have sent, once, and nothing of a day that one of them got wrong."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from tests.examples.conftest import Example

EUROS = {"EUR": Decimal(1), "USD": Decimal("0.92"), "JPY": Decimal("0.0062")}


def test_a_day_in_the_warehouse(example: Callable[[str], Example]) -> None:
    here = example("sales_etl")
    etl = here.load()
    first = etl.run("sales_etl", at="2026-03-03T02:15")
    assert first.status == "success", first
    assert first["store"].output == {"rows": 27, "rejected": 2}
    assert first['clean["eu"]'].log_text == "order 7021 came twice"
    assert first['clean["us"]'].log_text == "order 8014: '' is no amount"
    expected = sent(here.folder / "data", "2026-03-02")
    assert stored(here.folder) == expected
    assert first["totals"].output == [
        {"region": region, "orders": 9, "cents": sum(cents for where, cents in expected.values() if where == region)}
        for region in ("apac", "eu", "us")
    ]
    again = etl.run("sales_etl", at="2026-03-03T02:15")
    assert again.status == "success", again
    assert stored(here.folder) == expected

    held = etl.run("sales_etl", at="2026-03-04T02:15")
    assert held.status == "failed"
    assert held.statuses("gate") == {'gate["eu"]': "success", 'gate["us"]': "success", 'gate["apac"]': "failed"}
    assert held['gate["apac"]'].attempts == 1
    assert "rows are bad" in (held['gate["apac"]'].error or "")
    assert held.statuses("store") == {"store": "upstream_failed"}
    assert stored(here.folder) == expected
    assert isinstance(held["faults"].output, list)
    assert len(held["faults"].output) == 5
    (alert,) = held.alerts
    assert (alert.event, alert.task, alert.notifiers) == ("failure", 'gate["apac"]', ("data_team",))
    assert "2026-03-03 stays out of the warehouse" in alert.message
    assert "4 of 11 rows are bad, such as order 9022: 'n/a' is no amount; order 9024:" in alert.message

    missing = etl.run("sales_etl", at="2026-02-01T02:15")
    assert "has sent 0 rows" in (missing['gate["eu"]'].error or "")


def sent(folder: Path, day: str) -> dict[int, tuple[str, int]]:
    """The region and cents of each sound order, by another way than the example's."""
    found = {}
    for region in ("eu", "us", "apac"):
        with (folder / f"{region}.csv").open(encoding="utf-8") as stream:
            for number, when, _, amount, currency in list(csv.reader(stream))[1:]:
                if when == day and amount not in ("", "n/a"):
                    found[int(number)] = (region, round(Decimal(amount) * EUROS[currency] * 100))
    return found


def stored(folder: Path) -> dict[int, tuple[str, int]]:
    with closing(sqlite3.connect(folder / "out/warehouse.sqlite")) as connection:
        rows = connection.execute("SELECT number, region, cents FROM orders").fetchall()
    return {number: (region, cents) for number, region, cents in rows}
