"""What a reader of the tutorial and of the how-tos does, word for word, in an empty folder."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ppacer.core.instants import from_datetime
from ppacer.core.schedule import DagClock
from ppacer.spec import At, Cron, Dag
from tests.docs.walk import walking

DOCS = Path(__file__).parents[2] / "docs"

WARSAW = ZoneInfo("Europe/Warsaw")

pytestmark = pytest.mark.slow


def away_from(now: datetime) -> dict[str, str]:
    """What to type in the place of the tutorial's hour. By `latest` it means the run that was just asked for, and one
    that the schedule made meanwhile would be later. So around its time another one is taken, hours away."""
    return {"15 6 * * *": "15 18 * * *", " 06:15:00 ": " 18:15:00 "} if now.hour < 12 else {}


def test_the_tutorial_can_be_walked(tmp_path: Path) -> None:
    with walking(tmp_path, away_from(datetime.now(WARSAW))) as walk:
        walk.through(DOCS / "tutorial.md")
    assert len(walk.typed) >= 15
    assert (walk.folder / "server" / "sales.db").is_file()


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 10, 24), date(2026, 12, 31), date(2028, 2, 28)])
def test_no_run_is_due_while_the_tutorial_is_walked_at_any_time(day: date) -> None:
    start = datetime.combine(day, time(), UTC)
    for now in (start + timedelta(minutes=5 * step) for step in range(3 * 24 * 12)):
        cron = away_from(now.astimezone(WARSAW)).get("15 6 * * *", "15 6 * * *")
        clock = DagClock(Dag("sales", At(1, 1), (), schedules=(Cron(cron, At(1, 1)),), timezone="Europe/Warsaw"))
        due = clock.next(from_datetime(now))
        assert due is not None
        assert due - from_datetime(now) > 4 * 60 * 60 * 1_000_000, (now, cron)


@pytest.mark.parametrize("name", ["retries", "secrets", "backfill", "upgrade", "cron", "go-ppacer"])
def test_a_how_to_can_be_followed(name: str, tmp_path: Path) -> None:
    with walking(tmp_path) as walk:
        walk.through(DOCS / "howto" / f"{name}.md")
    assert walk.typed


def test_several_machines_can_be_used_as_is_told(tmp_path: Path) -> None:
    """All are this one, and the scheduler answers there alone."""
    with walking(tmp_path, {" --host 0.0.0.0": ""}) as walk:
        walk.through(DOCS / "howto" / "machines.md")
        assert len(walk.serving) == 2


def test_postgresql_can_be_used_as_is_told(tmp_path: Path, empty_database: Callable[[str], str]) -> None:
    document = DOCS / "howto" / "postgresql.md"
    (shown,) = set(re.findall(r"postgresql://\S+", document.read_text(encoding="utf-8")))
    with walking(tmp_path, {shown: f"'{empty_database('postgresql')}'"}) as walk:
        walk.through(document)
    assert len(walk.typed) == 3
