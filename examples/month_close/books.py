"""The books of a small shop: read, checked, accrued and closed. Amounts are decimals, as euros are."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Line:
    """One side of an entry: what a debit adds to an account, a credit takes from it."""

    entry: int
    account: str
    amount: Decimal


@dataclass(frozen=True)
class Month:
    """`name` is such as 2026-02."""

    name: str
    lines: list[Line]


class BooksError(Exception):
    """The books are not as they should be, and somebody has to look at them."""


def read_month(ledger: Path, in_month: date) -> Month:
    name = f"{in_month:%Y-%m}"
    lines = [
        Line(int(row["entry"]), row["account"], Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0))
        for row in _rows(ledger)
        if row["day"].startswith(name)
    ]
    if not lines:
        raise BooksError(f"the ledger has no entries in {name}")
    return Month(name, lines)


def check_balance(month: Month) -> None:
    """Raises `BooksError` for entries whose sides do not come to the same."""
    sums: defaultdict[int, Decimal] = defaultdict(Decimal)
    for line in month.lines:
        sums[line.entry] += line.amount
    wrong = [f"entry {entry} is off by {left}" for entry, left in sums.items() if left]
    if wrong:
        raise BooksError("; ".join(wrong))


def compare_with_bank(month: Month, statement: Path) -> None:
    """Raises `BooksError` where the books and the bank know of different payments."""
    booked = Counter(line.amount for line in month.lines if line.account == "bank")
    paid = Counter(Decimal(row["amount"]) for row in _rows(statement) if row["day"].startswith(month.name))
    wrong = [f"{amount} is booked but not paid" for amount in (booked - paid).elements()]
    wrong += [f"{amount} is paid but not booked" for amount in (paid - booked).elements()]
    if wrong:
        raise BooksError("; ".join(wrong))


def accrue(month: Month, contracts: Path) -> list[Line]:
    """The month's part of what is paid by the year."""
    first = f"{month.name}-01"
    entry = max(line.entry for line in month.lines)
    lines = []
    for row in _rows(contracts):
        if row["from"] <= first <= row["until"]:
            entry += 1
            amount = (Decimal(row["yearly"]) / 12).quantize(Decimal("0.01"))
            lines += [Line(entry, row["account"], amount), Line(entry, "prepaid", -amount)]
    return lines


def close(month: Month, accruals: list[Line], folder: Path) -> Path:
    """Writes the trial balance of the month. One that is there stays as it is: it is an error if it would change."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in [*month.lines, *accruals]:
        sums[line.account] += line.amount
    text = json.dumps({account: str(sums[account]) for account in sorted(sums)}, indent=2) + "\n"
    path = folder / f"trial-balance-{month.name}.json"
    if path.exists():
        if path.read_text(encoding="utf-8") != text:
            raise BooksError(f"{month.name} is closed already, and its books have changed since: see {path}")
        print(f"{month.name} was closed before, and nothing has changed")
        return path
    folder.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)
    print(f"{month.name} is closed")
    return path


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)
