"""What the till took in on a day."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path


@dataclass(frozen=True)
class Takings:
    receipts: int
    amount: Decimal


def count(journal: Path, day: date) -> Takings:
    with journal.open(encoding="utf-8", newline="") as stream:
        amounts = [Decimal(row["amount"]) for row in csv.DictReader(stream) if row["day"] == day.isoformat()]
    return Takings(len(amounts), sum(amounts, Decimal(0)))
