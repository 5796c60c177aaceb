"""Packs hold what there is, are read back, and grow old as the example says."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

from tests.examples.conftest import Example


def test_a_night_after_another(example: Callable[[str], Example]) -> None:
    here = example("backups")
    backups = here.load()
    with closing(sqlite3.connect(here.folder / "shop/orders/stock.sqlite")) as shop:
        shop.execute("PRAGMA journal_mode = wal")
        shop.execute("CREATE TABLE stock (article, pieces)")
        shop.execute("INSERT INTO stock VALUES (1001, 240)")
        shop.commit()  # what is only in the write-ahead log still, as the shop goes on
        shop.execute("INSERT INTO stock VALUES (1002, 12)")
        for night in ("2026-03-01", "2026-03-02"):
            result = backups.run("backups", at=f"{night}T01:30")
            assert result.status == "success", result
    packs = here.folder / "out/backups"
    assert sorted(path.name for path in packs.iterdir()) == [
        f"{folder}-2026-03-0{day}.tar.gz" for folder in ("documents", "orders") for day in (1, 2)
    ]
    restored = here.folder / "restored"
    for pack in packs.glob("*-2026-03-02.tar.gz"):
        with tarfile.open(pack) as archive:
            archive.extractall(restored, filter="data")
    for original in (here.folder / "shop").rglob("*.*"):
        if "sqlite" not in original.name:
            assert (restored / original.relative_to(here.folder / "shop")).read_bytes() == original.read_bytes()
    with closing(sqlite3.connect(restored / "orders/stock.sqlite")) as copy:
        assert copy.execute("SELECT * FROM stock").fetchall() == [(1001, 240)]


def test_a_pack_that_cannot_be_read_back_lets_no_old_one_go(example: Callable[[str], Example]) -> None:
    here = example("backups")
    backups = here.load()
    packs = here.folder / "out/backups"
    packs.mkdir(parents=True)
    old = packs / "orders-2020-01-01.tar.gz"
    old.touch()
    broken = packs / "orders-2026-03-01.tar.gz"
    broken.write_bytes(b"no archive")
    pack = {"path": broken, "files": {}}
    result = backups.run("backups", at="2026-03-01T01:30", tasks={'packed["orders"]': pack}, params={"days": 1})
    assert result.status == "failed"
    assert result['same["orders"]'].attempts == 3
    assert result.statuses("kept") == {'kept["documents"]': "success", 'kept["orders"]': "upstream_failed"}
    assert old.exists()
    assert [(alert.task, alert.notifiers) for alert in result.alerts] == [('same["orders"]', ("ops",))]


def test_old_packs_are_thinned_out(example: Callable[[str], Example]) -> None:
    here = example("backups")
    backups = here.load()
    packs = here.folder / "out/backups"
    packs.mkdir(parents=True)
    today = date(2026, 3, 1)
    for age in range(1, 800):
        (packs / f"orders-{today - timedelta(days=age)}.tar.gz").touch()
    result = backups.run("backups", at="2026-03-01T01:30")
    assert result.status == "success", result
    days = [today - timedelta(days=age) for age in range(7)]
    weeks = [date(2026, 2, day) for day in (22, 15, 8)]  # Sundays, before that of today
    months = [_last_day(year, month) for year, month in [(2026, 2), (2026, 1), *((2025, n) for n in range(4, 13))]]
    assert _days(packs, "orders") == sorted({*days, *weeks, *months})
    assert _days(packs, "documents") == [today]


def _days(packs: Path, folder: str) -> list[date]:
    return sorted(date.fromisoformat(path.name[-17:-7]) for path in packs.glob(f"{folder}-*"))


def _last_day(year: int, month: int) -> date:
    return (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
