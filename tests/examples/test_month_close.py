"""Months are closed on their second business day, once, and only where the books are in order."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.examples.conftest import Example

DUE = [
    *("2026-01-05", "2026-02-03", "2026-03-03", "2026-04-02", "2026-05-05", "2026-06-02", "2026-07-02", "2026-08-04"),
    *("2026-09-02", "2026-10-02", "2026-11-03", "2026-12-02", "2027-01-05", "2027-02-02", "2027-03-02", "2027-04-02"),
]
"""By the calendar on the wall: 1 January is a holiday, 2 January 2026 a Friday and so the first business day."""


def test_it_is_due_on_second_business_days(example: Callable[[str], Example]) -> None:
    times = example("month_close").load().next_times("month_close", "2026-01-01", len(DUE))
    assert [time.date() for time in times] == [date.fromisoformat(day) for day in DUE]
    assert {f"{time:%H:%M}" for time in times} == {"06:00"}


def test_a_month_is_closed_once(example: Callable[[str], Example]) -> None:
    here = example("month_close")
    close = here.load()
    result = close.run("month_close", at="2026-03-03T06:00")
    assert result.status == "success", result
    assert [(alert.event, alert.notifiers) for alert in result.alerts] == [("success", ("controller",))]
    balance = here.folder / "out/trial-balance-2026-02.json"
    written = balance.read_text(encoding="utf-8")
    assert json.loads(written) == {
        "bank": "3663.75",
        "creditors": "0.00",
        "goods": "930.00",
        "insurance": "120.00",
        "prepaid": "-169.00",
        "rent": "1850.00",
        "sales": "-6443.75",
        "software": "49.00",
    }
    again = close.run("month_close", at="2026-03-03T06:00")
    assert again["closed"].log_text == "2026-02 was closed before, and nothing has changed"
    change(here.folder / "data/ledger.csv", "48.00", "49.00")
    change(here.folder / "data/bank.csv", "48.00", "49.00")
    late = close.run("month_close", params={"in_month": "2026-02-14"})
    assert "2026-02 is closed already" in (late["closed"].error or "")
    assert balance.read_text(encoding="utf-8") == written


@pytest.mark.parametrize(
    ("file", "old", "new", "task", "said"),
    [
        ("ledger.csv", "3,2026-02-10,goods,Field notebooks,930.00,", "", "balance", "entry 3 is off by -930.00"),
        ("bank.csv", "2026-02-20,Paper mill,-930.00\n", "", "bank", "-930.00 is booked but not paid"),
    ],
)
def test_books_that_are_not_in_order_stay_open(
    example: Callable[[str], Example], file: str, old: str, new: str, task: str, said: str
) -> None:
    here = example("month_close")
    change(here.folder / "data" / file, old, new)
    result = here.load().run("month_close", at="2026-03-03T06:00")
    assert result.status == "failed"
    assert said in (result[f"checks.{task}"].error or "")
    assert result.statuses("closed") == {"closed": "upstream_failed"}
    assert not (here.folder / "out").exists()


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
