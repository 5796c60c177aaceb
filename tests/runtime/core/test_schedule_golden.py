"""Due times through the clock changes of real zones, from the table in due_times.txt.

Each row is worked out twice: by the code under test, and by a walk through the minutes or seconds of the zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from ppacer import spec
from ppacer.core.instants import from_datetime, iso, zone
from ppacer.core.schedule import DagClock
from tests.runtime.core.naive_time import every_days, every_elapsed, instant_of, read_cron, walked

AT = spec.At(1, 1)
TABLE = Path(__file__).with_name("due_times.txt")
NO_MORE = "-"
HOUR = 3_600_000_000


@dataclass(frozen=True)
class Row:
    zone: str
    what: str
    asked: str
    expected: tuple[str, ...]

    @property
    def settings(self) -> dict[str, str]:
        """`dst`, `start` and `end`, as far as they are given."""
        return dict(word.split("=") for word in self.what.split() if "=" in word)

    @property
    def schedules(self) -> list[str]:
        plain = " ".join(word for word in self.what.split() if "=" not in word)
        return [part.strip() for part in plain.split(" + ")]

    @property
    def after(self) -> int:
        return from_datetime(datetime.fromisoformat(self.asked))

    @property
    def anchor(self) -> datetime:
        """Where an interval without an anchor of its own counts from."""
        return datetime.fromisoformat(self.settings.get("start", "1970-01-01"))


def _rows() -> list[Row]:
    rows = []
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, what, asked, expected = (cell.strip() for cell in line.split("|"))
            rows.append(Row(name, what, asked, tuple(expected.split())))
    return rows


@pytest.mark.parametrize("row", _rows(), ids=lambda row: f"{row.zone} {row.what} {row.asked}"[:60])
def test_due_times(row: Row) -> None:
    clock = DagClock(_dag(row))
    number = len(row.expected)
    made = list(islice(clock.between(row.after, from_datetime(datetime.fromisoformat("9000-01-01T00:00Z"))), number))
    assert [_short(iso(due, zone(row.zone))) for due in made] == [time for time in row.expected if time != NO_MORE]
    until = made[-1] if len(made) == number else max([row.after, *made]) + 4 * 24 * HOUR
    assert _walk(row, until) == made


def test_the_table_has_every_word_of_dst_in_every_kind_of_zone() -> None:
    for name in ("Europe/Warsaw", "America/New_York", "Australia/Lord_Howe"):
        words = {row.settings.get("dst") for row in _rows() if row.zone == name}
        assert words == {None, *spec.DaylightSaving}


def _short(text: str) -> str:
    moment = datetime.fromisoformat(text)
    clock = moment.strftime("%dT%H:%M:%S" if moment.second else "%dT%H:%M")
    return clock + text[-6:]


def _dag(row: Row) -> spec.Dag:
    settings = row.settings
    return spec.Dag(
        "d",
        AT,
        (),
        schedules=tuple(_schedule(text) for text in row.schedules),
        timezone=row.zone,
        dst=spec.DaylightSaving(settings["dst"]) if "dst" in settings else None,
        start=datetime.fromisoformat(settings["start"]) if "start" in settings else None,
        end=datetime.fromisoformat(settings["end"]) if "end" in settings else None,
    )


def _schedule(text: str) -> spec.Schedule:
    if not text.startswith("every "):
        return spec.Cron(text, AT)
    interval, anchor = _interval(text)
    return spec.Every(interval, AT, anchor=anchor)


def _interval(text: str) -> tuple[timedelta, datetime | None]:
    hours, _, anchor = text.removeprefix("every ").partition("@")
    return timedelta(hours=float(hours)), datetime.fromisoformat(f"2020-01-01T{anchor}") if anchor else None


def _walk(row: Row, until: int) -> list[int]:
    settings = row.settings
    dst = spec.DaylightSaving(settings["dst"]) if "dst" in settings else None
    after = row.after
    if "start" in settings:
        after = max(after, instant_of(row.zone, datetime.fromisoformat(settings["start"])) - 1)
    found: set[int] = set()
    for text in row.schedules:
        if not text.startswith("every "):
            found.update(walked(row.zone, read_cron(text), dst, after, until))
            continue
        interval, anchor = _interval(text)
        anchor = anchor or row.anchor
        if interval % timedelta(days=1):
            begin = instant_of(row.zone, anchor)
            found.update(every_elapsed(begin, round(interval.total_seconds() * 1_000_000), after, until))
        else:
            found.update(walked(row.zone, every_days(anchor, interval.days), dst, after, until))
    if "end" in settings:
        found = {due for due in found if due < instant_of(row.zone, datetime.fromisoformat(settings["end"]))}
    return sorted(found)
