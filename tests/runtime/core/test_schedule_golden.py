"""Due times through the clock changes of real zones, from the table in due_times.txt."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest

from ppacer import spec
from ppacer.core.instants import from_datetime, iso, zone
from ppacer.core.schedule import next_times

AT = spec.At(1, 1)

TABLE = Path(__file__).with_name("due_times.txt")


def _rows() -> list[tuple[str, str, str, list[str]]]:
    rows = []
    for line in TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            name, schedule, asked, expected = (cell.strip() for cell in line.split("|"))
            rows.append((name, schedule, asked, expected.split()))
    return rows


@pytest.mark.parametrize(("name", "schedule", "asked", "expected"), _rows(), ids=lambda cell: str(cell)[:40])
def test_due_times(name: str, schedule: str, asked: str, expected: list[str]) -> None:
    tz = zone(name)
    dag = _dag(name, schedule)
    after = from_datetime(datetime.fromisoformat(asked))
    made = [iso(due, tz) for due in next_times(dag, after, len(expected))]
    assert [_short(text) for text in made] == expected
    assert made == sorted(made, key=datetime.fromisoformat)


def _short(text: str) -> str:
    moment = datetime.fromisoformat(text)
    clock = moment.strftime("%dT%H:%M:%S" if moment.second else "%dT%H:%M")
    return clock + text[-6:]


def _dag(name: str, schedule: str) -> spec.Dag:
    dst = None
    if schedule.startswith("dst="):
        policy, schedule = schedule.removeprefix("dst=").split(maxsplit=1)
        dst = spec.DaylightSaving(policy)
    made: spec.Schedule = spec.Cron(schedule, AT)
    if schedule.startswith("every "):
        hours, _, anchor = schedule.removeprefix("every ").partition("@")
        start = datetime.combine(date(2020, 1, 1), time.fromisoformat(anchor)) if anchor else None
        made = spec.Every(timedelta(hours=int(hours)), AT, anchor=start)
    return spec.Dag("d", AT, (), schedules=(made,), timezone=name, dst=dst)
