"""`python -m benchmarks [NAME…] [--write]`: what built programs cost, beside their marks and a baseline.

Names are those of groups (all, if none is given); `--write` puts the table into `docs/benchmarks.md`.
"""

from __future__ import annotations

import argparse
import os
import platform
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import footprint, reference, speed
from benchmarks.command import command
from benchmarks.editor import editor
from benchmarks.forms import forms
from benchmarks.page import page
from benchmarks.table import Row, markdown, show

GROUPS = {
    "fan-out": speed.fan_out,
    "chain": speed.chain,
    "lateness": speed.lateness,
    "idle": footprint.idle,
    "start": footprint.start,
    "finished": speed.finished,
    "executors": speed.executors,
    "memory": footprint.memory,
    "command": command,
    "page": page,
    "editor": editor,
    "forms": forms,
}
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured -->\n", "<!-- end -->\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(GROUPS)}; none for all")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}, too")
    given = parser.parse_args()
    names = given.names or list(GROUPS)
    if unknown := [name for name in names if name not in GROUPS]:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(GROUPS)}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as made:
        folder = Path(made)
        found = reference.measure(folder / "baseline")
        heading = _heading(found)
        print(heading)
        for name in names:
            for row in GROUPS[name](folder, found):
                show(row)
                rows.append(row)
    if given.write:
        text = PAGE.read_text(encoding="utf-8")
        before, after = text.partition(BEGIN)[0], text.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{heading}\n\n{markdown(rows)}\n{END}{after}", encoding="utf-8")
    return int(any(row.reached is False for row in rows))


def _heading(found: reference.Reference) -> str:
    return (
        f"{time.strftime('%d %B %Y')}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"fdatasync {found.sync_ms:.2f} ms; baseline: {found.rate:,.0f} tasks/s, {found.hop_ms:.2f} ms per claim and "
        f"finish."
    )


if __name__ == "__main__":
    sys.exit(main())
