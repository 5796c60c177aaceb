"""What a person waits for at the page, in a browser: the list of 1,000 dags with a long past, and a big graph."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import browser, graph, programs
from benchmarks.reference import Reference
from benchmarks.table import Row

DAGS = 1_000
RUNS = 100_000
ROW = "tbody tr"
SECONDS = 5.0
TRIGGERS_PER_SECOND = 25


def page(folder: Path, reference: Reference) -> Iterator[Row]:
    yield from _dags(folder)
    yield from graph.graph(folder, reference)


def _dags(folder: Path) -> Iterator[Row]:
    file = programs.build(folder / "dags", programs.yearly(DAGS))
    fill(file, RUNS, DAGS)
    with programs.running(file) as program, browser.browser() as opened:
        what = f"the list of {DAGS:,} dags, {RUNS:,} runs"
        yield Row(f"{what}: painted after", browser.painted(opened, program.url, ROW), "s", 0.5, None)
        shown = browser.open_page(opened, program.url, ROW)
        shown.locator(ROW).nth(DAGS - 1).wait_for(state="attached")
        shown.evaluate("window.down = () => scrollBy(0, 60)")
        found = browser.frames(shown, SECONDS, "down")
        yield Row(f"{what}, scrolling: a frame, p50", found.half, "ms", 20, None)
        yield Row(f"{what}, scrolling: a frame, p95", found.most, "ms", 50, None)
        shown.evaluate("scrollTo(0, 0)")
        with Triggers(program) as triggers:
            found = browser.frames(shown, SECONDS)
        yield Row(f"{what}, live: events", triggers.events() / SECONDS, "/s", 100, None, more_is_better=True)
        yield Row(f"{what}, live: a frame, p50", found.half, "ms", 20, None)
        yield Row(f"{what}, live: a frame, p95", found.most, "ms", 50, None)
        shown.close()


def fill(file: Path, runs: int, dags: int) -> None:
    """Has the program's database hold so many runs that have ended: a real one, many times over, dag by dag."""
    with programs.running(file) as program:
        program.trigger("d0")
        program.wait("d0")
    connection = sqlite3.connect(file.with_suffix(".db"), isolation_level=None)
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("BEGIN IMMEDIATE")
        [(first,)] = connection.execute("SELECT id FROM runs").fetchall()
        for table in ("runs", "tasks", "attempts", "events"):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            other = f"substr({{}}, 1, 19) || '8000-' || printf('%012x', n * 100 + {table}.rowid % 100)"
            run = "substr(:first, 1, 19) || '8000-' || printf('%012x', n)"
            changed = {"run_id": run, "id": run if table == "runs" else other.format("id")}
            changed["dag"] = f"'d' || (n % {dags})"
            values = ", ".join(changed.get(column, column) for column in columns)
            connection.execute(
                f"WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :runs) "
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table}, counted "
                f"WHERE {'id' if table == 'runs' else 'run_id'} = :first",
                {"first": first, "runs": runs - 1},
            )
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


class Triggers:
    """Asks for runs all the while; `events` tells how many events they have made."""

    def __init__(self, program: programs.Program) -> None:
        self._program = program
        self._over = threading.Event()
        self._runs: list[str] = []
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Triggers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def events(self) -> int:
        self._program.wait(f"d{len(self._runs) - 1}")
        events = self._program.get(f"/api/v1/runs/{self._runs[-1]}/events")["events"]
        assert isinstance(events, list)
        return len(events) * len(self._runs)

    def _ask(self) -> None:
        began = time.monotonic()
        while not self._over.is_set():
            self._runs.append(self._program.trigger(f"d{len(self._runs)}"))
            self._over.wait(max(0.0, began + len(self._runs) / TRIGGERS_PER_SECOND - time.monotonic()))
