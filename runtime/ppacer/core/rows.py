"""Which of a run's task rows count."""

from __future__ import annotations

from collections.abc import Iterable

from ppacer.core.model import FAMILY, TaskRow


def current_rows(rows: Iterable[TaskRow]) -> list[TaskRow]:
    """The rows that count among those of all epochs of a run, in any order; by task and position.

    That is the row of the highest epoch of each task. Members of a family count only in the epoch of the row that
    counts for the family: once it has been expanded anew, those of before count no more, be they more or fewer.
    """
    newest: dict[tuple[str, int], TaskRow] = {}
    for row in rows:
        key = (row.task, row.position)
        known = newest.get(key)
        if known is None or known.epoch < row.epoch:
            newest[key] = row
    families = {task: row.epoch for (task, position), row in newest.items() if position == FAMILY}
    return [
        row
        for key, row in sorted(newest.items())
        if row.position == FAMILY or families.get(row.task, row.epoch) == row.epoch
    ]
