"""Values of all the types that JSON lacks, made by one task and taken by another, which says what it got."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import NamedTuple, TypedDict


class Color(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True)
class Money:
    amount: Decimal
    currency: str = "EUR"


@dataclass
class Order:
    """`money` is nested, `notes` optional, `tags` has a default."""

    day: date
    at: datetime
    took: timedelta
    money: Money
    color: Color
    file: Path
    notes: str | None = None
    tags: list[str] = field(default_factory=list)


class Totals(TypedDict):
    orders: int
    sum: Decimal
    by_color: dict[str, Money]


class Point(NamedTuple):
    x: int
    y: int


def order(amount: str = "12.30") -> Order:
    return Order(
        date(2026, 2, 28),
        datetime.fromisoformat("2026-02-28T23:59:59.000001+01:00"),
        timedelta(hours=1, microseconds=1),
        Money(Decimal(amount)),
        Color.BLUE,
        Path("in/żółw.csv"),
        tags=["a", "b"],
    )


def orders() -> list[Order]:
    return [order(), order("0.10")]


def describe(order: Order) -> str:
    return repr(order)


def describe_parts(day: date, at: datetime, took: timedelta, amount: Decimal, color: Color, file: Path) -> list[str]:
    return [repr(day), repr(at), repr(took), repr(amount), repr(color), repr(file)]


def totals(orders: list[Order]) -> Totals:
    amounts = [each.money.amount for each in orders]
    return {"orders": len(orders), "sum": sum(amounts, Decimal(0)), "by_color": {"blue": orders[0].money}}


def describe_totals(totals: Totals) -> str:
    return f"{totals['orders']} {totals['sum']!r} {totals['by_color']!r}"


def containers() -> tuple[Point, list[int], dict[date, Level], Level]:
    return Point(1, 2), [3], {date(2026, 1, 1): Level.HIGH}, Level.LOW


def describe_containers(containers: tuple[Point, list[int], dict[date, Level], Level]) -> str:
    return repr(containers)


def describe_param(value) -> str:
    return f"{type(value).__name__} {value!r}"


def of_size(characters: int) -> str:
    return "x" * characters


def without_json(what: str) -> object:
    return {
        "an object": {"rows": [1, object()]},
        "not a number": {"rate": float("nan")},
        "bytes": b"abc",
        "a cycle": _cycle(),
    }[what]


def _cycle() -> list[object]:
    found: list[object] = []
    found.append(found)
    return found
