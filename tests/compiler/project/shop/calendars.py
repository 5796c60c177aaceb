"""Schedules written in Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from elsewhere import Unseen, make_one

raise RuntimeError("the compiler has executed user code")


class Fridays:
    def __init__(self, zone: str) -> None:
        self.zone = zone

    def start(self) -> datetime: ...

    def next(self, now: datetime, previous: datetime | None) -> datetime:
        return now + timedelta(days=7)

    def __str__(self) -> str:
        return "Fridays"


fridays = Fridays("UTC")
again = fridays
made_elsewhere = make_one()


class Mondays(Fridays):
    def __init__(self) -> None:
        super().__init__("UTC")

    @staticmethod
    def next(now: datetime, previous: datetime | None = None, *rest: object) -> datetime:
        return now + timedelta(days=7)


@dataclass
class Sundays(Mondays):
    hour: int = 3


class Patient(Fridays):
    async def next(self, now: datetime, previous: datetime | None) -> datetime: ...


class Endless(Fridays):
    def start(self) -> Iterator[datetime]:
        yield from ()


class Forgetful(Fridays):
    def next(self, now: datetime) -> datetime: ...


class Startless:
    def next(self, now: datetime, previous: datetime | None) -> datetime | None: ...


class Dynamic:
    def __getattr__(self, name: str) -> object: ...


class Outside(Unseen):
    pass


def daily() -> Fridays:
    return fridays


patient = Patient("UTC")
forgetful = Forgetful("UTC")
days = ["MON", "FRI"]
