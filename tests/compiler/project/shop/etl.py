"""Functions of every kind that a task may or may not call."""

import functools
from collections.abc import AsyncIterator, Iterator
from datetime import date
from typing import TYPE_CHECKING

from shop.decorators import strange

if TYPE_CHECKING:
    from ppacer import TaskContext

raise RuntimeError("the compiler has executed user code")

REGIONS = ["eu", "us"]


def extract(region: str, day: date | None = None, full: bool = False) -> list[dict[str, str]]:
    """Reads one region's rows."""
    return [{"region": region}]


async def fetch(url: str, *, attempts: int = 3) -> str:
    return url * attempts


def load(rows: list[dict[str, str]], /, table: str, *, chunk: int = 100, **options: object) -> int:
    return len(rows)


def keep(rows: list[dict[str, str]], /, table: str) -> int:
    return len(rows)


def clean(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return rows


def clean_up() -> None:
    pass


def forget(path: str):
    print(path)


def report(title: str, context: "TaskContext") -> str:
    return title


def lines(path: str) -> Iterator[str]:
    yield path


async def stream(path: str) -> AsyncIterator[str]:
    yield path


@strange
def decorated(a: int) -> int:
    return a


@functools.cache
def cached(a: int) -> int:
    return a


def outer() -> None:
    def inner() -> None: ...

    inner()


extract_again = extract
double = lambda x: x * 2  # noqa: E731
partial = functools.partial(extract, "eu")
