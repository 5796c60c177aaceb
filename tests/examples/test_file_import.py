"""Files are taken when they have settled, and each goes where its outcome is plain."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from tests.examples.conftest import Example


def test_files_come(example: Callable[[str], Example]) -> None:
    here = example("file_import")
    imports = here.load()
    inbox = here.folder / "inbox"

    result = imports.run("file_import")
    assert result.status == "failed"
    assert result.took >= timedelta(seconds=10), "they had to settle"
    assert result["rows"].output == [3, 2, None]
    assert names(inbox) == []
    assert names(inbox / "done") == ["deliveries-0301.csv", "deliveries-0302.csv"]
    assert names(inbox / "refused") == ["deliveries-0303.csv"]
    (alert,) = result.alerts
    assert "deliveries-0303.csv, line 2: 'a dozen' is no number, in the column pieces" in alert.message
    assert stock(here.folder) == 5

    mended = (inbox / "refused/deliveries-0303.csv").read_text(encoding="utf-8").replace("a dozen", "12")
    (inbox / "deliveries-0303.csv").write_text(mended, encoding="utf-8")
    again = imports.run("file_import")
    assert again.status == "success", again
    assert stock(here.folder) == 7


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def stock(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "out/stock.sqlite")) as connection:
        (count,) = connection.execute("SELECT count(*) FROM deliveries").fetchone()
    assert isinstance(count, int)
    return count
