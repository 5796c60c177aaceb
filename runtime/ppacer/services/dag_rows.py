"""The dags' own rows while a scheduler runs: which are paused, whose alerts are silenced."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ppacer.core.model import DagRow, UpdateDag
from ppacer.records import replace
from ppacer.services.commits import Commits


class DagRows:
    """`watermark` gives up to when a dag's due times have been decided, which its watcher knows best."""

    def __init__(self, commits: Commits, watermark: Callable[[str], int | None]) -> None:
        self._commits = commits
        self._watermark = watermark
        self._rows: dict[str, DagRow] = {}

    def load(self, rows: Iterable[DagRow]) -> None:
        self._rows = {row.dag: row for row in rows}

    def get(self, dag_id: str) -> DagRow | None:
        return self._rows.get(dag_id)

    def paused(self, dag_id: str) -> bool:
        row = self._rows.get(dag_id)
        return row is not None and row.paused

    def silenced(self, dag_id: str, now: int) -> bool:
        row = self._rows.get(dag_id)
        return row is not None and row.silenced_until is not None and now < row.silenced_until

    def pause(self, dag_id: str, *, paused: bool) -> DagRow:
        """Within a turn; the dag must be known."""
        return self._write(replace(self._rows[dag_id], paused=paused))

    def silence(self, dag_id: str, until: int | None) -> DagRow:
        """Within a turn; the dag must be known."""
        return self._write(replace(self._rows[dag_id], silenced_until=until))

    def _write(self, row: DagRow) -> DagRow:
        watched = self._watermark(row.dag)
        if watched is not None:
            row = replace(row, watched_until=watched)
        self._rows[row.dag] = row
        self._commits.write([UpdateDag(row)])
        return row
