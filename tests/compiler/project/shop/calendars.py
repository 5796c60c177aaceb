"""Schedules written in Python."""

from datetime import datetime, timedelta

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
