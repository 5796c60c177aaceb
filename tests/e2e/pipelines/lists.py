"""Lists for families, and what is done with their elements."""

from datetime import date

from ppacer import TaskContext


def rows_of(region: str) -> list[str]:
    return {"eu": ["one", "two"], "us": ["three"]}[region]


def check(file: str, broken: str) -> str:
    if file == broken:
        raise ValueError(f"{file} is broken")
    return file.upper()


def numbers(count: int) -> list[int]:
    return list(range(count))


async def quick(n: int) -> int:
    return n


def total(numbers: list[int]) -> int:
    return sum(numbers)


def my_name(day: date, context: TaskContext) -> str:
    return context.task
