"""Functions whose annotations say much: the types that the cases pass between tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, NewType, NotRequired, Required, TypedDict

if TYPE_CHECKING:
    from ppacer import TaskContext

raise RuntimeError("the compiler has executed user code")

Region = NewType("Region", str)
Rows = list[dict[str, int]]


class Mode(Enum):
    FULL = "full"
    DELTA = "delta"


class Line(TypedDict):
    sku: str
    count: int


@dataclass
class Order:
    id: int
    customer: str
    placed: date
    total: Decimal = Decimal(0)
    note: str | None = None
    lines: list[Line] = field(default_factory=list)
    follow_up: Order | None = None


class Summary(TypedDict, total=False):
    rows: Required[int]
    path: Required[str]
    day: NotRequired[date]


class Place(NamedTuple):
    name: str
    zone: str


class Ledger:
    def __init__(self, path: Path, *, chunk: int = 100) -> None:
        self.path = path
        self.chunk = chunk

    def __call__(self, context: TaskContext) -> Summary: ...


def fetch_orders(region: Region, day: date, *, mode: Mode = Mode.FULL, limit: int | None = None) -> list[Order]: ...


def find_order(id: int) -> Order | None: ...


def newest() -> Order: ...


def summarise(orders: Sequence[Order], rate: float = 1.0) -> Summary: ...


def total(orders: list[Order], currency: Literal["EUR", "USD"] = "EUR") -> Decimal: ...


def send(summary: Summary, to: list[str], *, subject: str = "") -> None: ...


def regions() -> list[Region]: ...


def by_region() -> dict[str, list[int]]: ...


def rows(day: date) -> Rows: ...


def locate(order: Order) -> Place: ...


def archive(path: Path, keep: timedelta = timedelta(days=7)) -> str: ...


def pick(order: Order, *fields: str, **extra: int) -> str: ...


def count(order: Order | None = None, note: str = None) -> int: ...  # noqa: RUF013 (as many write it)


def is_late(order: Order) -> bool: ...


def photo(order: Order) -> bytes: ...


def tags(order: Order) -> set[str]: ...


def anything(value: Any) -> Any: ...


async def publish(text: str, retries: int = 3) -> None: ...
