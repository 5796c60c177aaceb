"""From the files of the regions to rows of the warehouse. Each step leaves a file, so that it can be redone alone."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from pathlib import Path

from sqlalchemy import create_engine, text

COLUMNS = ("order", "day", "customer", "amount", "currency")


@dataclass(frozen=True)
class Extract:
    region: str
    path: Path
    rows: int


@dataclass(frozen=True)
class Clean:
    region: str
    path: Path
    rows: int
    rejected: list[str]
    """Why rows were set aside, one line each."""


@dataclass(frozen=True)
class Stored:
    rows: int
    rejected: int


class QualityError(Exception):
    """What a region has sent is not fit for the warehouse."""


def extract(source: Path, region: str, day: date, staging: Path) -> Extract:
    """The rows of one day, as the region has them."""
    rows = [row for row in read(source / f"{region}.csv") if row["day"] == day.isoformat()]
    path = write(staging / f"{day}-{region}-raw.csv", COLUMNS, rows)
    print(f"{region}: {len(rows)} rows")
    return Extract(region, path, len(rows))


def tidy(raw: Extract, rates: Path) -> Clean:
    """Amounts in euro cents, each order once; what cannot be read is set aside with the reason."""
    euros = {row["currency"]: Decimal(row["euros"]) for row in read(rates)}
    good: dict[str, dict[str, str]] = {}
    rejected = []
    for row in read(raw.path):
        try:
            amount = Decimal(row["amount"])
        except InvalidOperation:
            rejected.append(f"order {row['order']}: {row['amount']!r} is no amount")
            continue
        if row["order"] in good:
            rejected.append(f"order {row['order']} came twice")
        elif row["currency"] not in euros:
            rejected.append(f"order {row['order']}: there is no rate for {row['currency']}")
        else:
            cents = (amount * euros[row["currency"]] * 100).to_integral_value(ROUND_HALF_EVEN)
            good[row["order"]] = {"order": row["order"], "customer": row["customer"], "cents": str(cents)}
    path = write(
        raw.path.with_name(raw.path.name.replace("-raw", "-clean")), ("order", "customer", "cents"), good.values()
    )
    for line in rejected:
        print(line)
    return Clean(raw.region, path, len(good), rejected)


def check_quality(clean: Clean, most_rejected: float, fewest: int) -> None:
    """Raises `QualityError` for a file that was cut off, and for one with too many bad rows."""
    total = clean.rows + len(clean.rejected)
    if total < fewest:
        raise QualityError(f"{clean.region} has sent {total} rows, and {fewest} are the least that is believed")
    if len(clean.rejected) > most_rejected * total:
        some = "; ".join(clean.rejected[:5])
        raise QualityError(f"{clean.region}: {len(clean.rejected)} of {total} rows are bad, such as {some}")


def load(url: str, parts: list[Clean], day: date) -> Stored:
    """Puts the day into the warehouse in one transaction; what was there of it goes, so that it may be done again."""
    rows = [
        {
            "number": int(row["order"]),
            "day": day.isoformat(),
            "region": part.region,
            "customer": row["customer"],
            "cents": int(row["cents"]),
        }
        for part in parts
        for row in read(part.path)
    ]
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "create table if not exists orders (number integer primary key, day text not null,"
                " region text not null, customer text not null, cents bigint not null)"
            )
        )
        connection.execute(text("delete from orders where day = :day"), {"day": day.isoformat()})
        if rows:
            connection.execute(text("insert into orders values (:number, :day, :region, :customer, :cents)"), rows)
    engine.dispose()
    return Stored(len(rows), sum(len(part.rejected) for part in parts))


def name_faults(failed: list[dict[str, object]], *parts: Clean | None) -> list[str]:
    """For whoever is called in the morning: what failed, and the bad rows of each region."""
    said = [f"{task['id']}: {task['error']}" for task in failed]
    said += [f"{part.region}: {line}" for part in parts if part is not None for line in part.rejected]
    print(*said, sep="\n")
    return said


def read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def write(path: Path, columns: Iterable[str], rows: Iterable[dict[str, str]]) -> Path:
    """Writes beside, then renames: nobody reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    with beside.open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(columns), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    beside.replace(path)
    return path
