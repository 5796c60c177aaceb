"""Many runs at a glance, whatever database is under the store."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ppacer.core.model import FAMILY, InsertDag, InsertRun, InsertTask, RunKind, RunStatus, TaskStatus
from ppacer.store import Store
from ppacer.store.overviews import QUARTER, LatestRun, MemberCount, QuarterCount


def test_cells_are_the_rows_that_count_of_many_runs_without_members(store: Store, rows: Any) -> None:
    load, again = rows.task("load"), replace(rows.task("load"), epoch=3, status=TaskStatus.SUCCESS, attempts=1)
    each = [replace(rows.task("each", position), epoch=2) for position in (FAMILY, 0, 1)]
    other = replace(rows.task("load"), run_id=rows.id(2), status=TaskStatus.FAILED)
    store.write([InsertRun(rows.run(1)), InsertRun(rows.run(2)), InsertRun(rows.run(3))])
    store.write([InsertTask(row) for row in (load, again, *each, other)])
    found = {(cell.run_id, cell.task): cell for cell in store.overviews.cells([rows.id(1), rows.id(2), rows.id(3)])}
    assert found.keys() == {(rows.id(1), "load"), (rows.id(1), "each"), (rows.id(2), "load")}
    cell = found[rows.id(1), "load"]
    assert (cell.epoch, cell.status, cell.attempts, cell.started_at, cell.finished_at) == (3, "success", 1, 32, 33)
    assert found[rows.id(1), "each"].position == FAMILY
    assert found[rows.id(2), "load"].status is TaskStatus.FAILED


def test_members_are_counted_in_the_epoch_of_their_family(store: Store, rows: Any) -> None:
    old = [replace(rows.task("each", position), status=TaskStatus.FAILED) for position in (FAMILY, 0, 1, 2)]
    new = [
        replace(rows.task("each", position), epoch=2, status=status)
        for position, status in ((FAMILY, TaskStatus.RUNNING), (0, TaskStatus.SUCCESS), (1, TaskStatus.SUCCESS))
    ]
    other = [replace(row, run_id=rows.id(2)) for row in old]
    store.write([InsertRun(rows.run(1)), InsertRun(rows.run(2)), *map(InsertTask, [*old, *new, *other])])
    families = store.overviews.cells([rows.id(1), rows.id(2)])
    assert sorted(store.overviews.member_counts(families), key=lambda count: count.run_id) == [
        MemberCount(rows.id(1), 2, "each", TaskStatus.SUCCESS, 2, 4),
        MemberCount(rows.id(2), 1, "each", TaskStatus.FAILED, 3, 6),
    ]


def test_runs_are_counted_by_quarters_of_an_hour_of_their_logical_times(store: Store, rows: Any) -> None:
    def run(number: int, at: int, status: RunStatus, kind: RunKind = RunKind.SCHEDULED) -> Any:
        return replace(rows.run(number, status=status), scheduled_at=at, kind=kind)

    runs = [
        run(1, QUARTER - 1, RunStatus.SUCCESS),
        run(2, QUARTER, RunStatus.SUCCESS),
        run(3, 2 * QUARTER - 1, RunStatus.SUCCESS, RunKind.BACKFILL),
        run(4, QUARTER + 7, RunStatus.FAILED, RunKind.MANUAL),
        run(5, 3 * QUARTER, RunStatus.RUNNING),
        run(6, 4 * QUARTER, RunStatus.SUCCESS),
        run(7, 4 * QUARTER, RunStatus.SUCCESS, RunKind.MANUAL),
        replace(run(8, QUARTER, RunStatus.SUCCESS), dag="hourly"),
    ]
    store.write(list(map(InsertRun, runs)))
    found = store.overviews.quarters("daily", QUARTER, 4 * QUARTER)
    assert sorted(found, key=lambda count: (count.begin, count.status)) == [
        QuarterCount(QUARTER, RunStatus.FAILED, 1),
        QuarterCount(QUARTER, RunStatus.SUCCESS, 2),
        QuarterCount(3 * QUARTER, RunStatus.RUNNING, 1),
    ]


def test_the_latest_runs_of_each_dag(store: Store, rows: Any) -> None:
    def latest(number: int, dag: str = "daily") -> LatestRun:
        run = rows.run(number, dag)
        return LatestRun(
            *(run.id, dag, run.status, run.kind, run.scheduled_at, run.created_at, run.started_at, run.finished_at)
        )

    store.write([InsertDag(rows.dag("weekly"))])
    store.write([InsertRun(rows.run(number, dag="daily")) for number in range(1, 6)])
    store.write([InsertRun(rows.run(6, dag="hourly"))])
    assert store.overviews.latest_runs(2) == {"daily": [latest(5), latest(4)], "hourly": [latest(6, "hourly")]}
    assert store.overviews.latest_runs(9, ["hourly", "weekly"]) == {"hourly": [latest(6, "hourly")]}
    assert store.overviews.dags_of([rows.id(1), rows.id(2), rows.id(9)]) == {"daily"}
    assert store.overviews.dags_of([rows.id(1), rows.id(6)]) == {"daily", "hourly"}
