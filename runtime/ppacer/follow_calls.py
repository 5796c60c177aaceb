"""What a client may follow, or wait for: a part of `ppacer.client.Client`."""

from __future__ import annotations

from ppacer.addresses import run_address
from ppacer.client_connection import Connection
from ppacer.following import (
    PATIENCE,
    FollowedBackfill,
    FollowedChanges,
    FollowedDag,
    FollowedLog,
    FollowedRun,
)
from ppacer.web.messages import RunDetail


class FollowCalls:
    """Each opens a connection of its own once somebody asks for the first thing, and iterates over things as they come:
    to their end, to a `stop`, or for `seconds`. Lost connections are made anew, for up to `patience` seconds."""

    _connection: Connection

    def follow(self, *, since: int = -1, seconds: float | None = None, patience: float = PATIENCE) -> FollowedChanges:
        """A pulse whenever anything has changed, whatever it is, behind the pulse `since`; the first one comes at
        once. It has no end."""
        return FollowedChanges(self._connection.again(), since, seconds=seconds, patience=patience)

    def follow_dag(self, dag: str, *, seconds: float | None = None, patience: float = PATIENCE) -> FollowedDag:
        """The dag as the list of dags has it, with its latest runs: as it is, and whenever that is another. It has no
        end."""
        return FollowedDag(self._connection.again(), dag, seconds=seconds, patience=patience)

    def follow_run(
        self, run_id: str, *, since: int = 0, seconds: float | None = None, patience: float = PATIENCE
    ) -> FollowedRun:
        """The run's events behind the one numbered `since`, to the run's end."""
        return FollowedRun(self._connection.again(), run_id, since, seconds=seconds, patience=patience)

    def follow_log(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        epoch: int | None = None,
        after: int = 0,
        seconds: float | None = None,
        patience: float = PATIENCE,
    ) -> FollowedLog:
        """The entries of an attempt's log (of the last one by default) behind the one numbered `after`, to its end."""
        return FollowedLog(
            self._connection.again(),
            run_address(run_id, "tasks", task, "logs", "stream"),
            {"position": position, "attempt": attempt or 0, "epoch": epoch or 0},
            after,
            seconds=seconds,
            patience=patience,
        )

    def follow_backfill(
        self, backfill_id: str, *, seconds: float | None = None, patience: float = PATIENCE
    ) -> FollowedBackfill:
        """The backfill as it is, and whenever that is another, to the end of its last run."""
        return FollowedBackfill(self._connection.again(), backfill_id, seconds=seconds, patience=patience)

    def wait_for_run(self, run_id: str, *, seconds: float | None = None, patience: float = PATIENCE) -> RunDetail:
        """The run as it is when it has ended. Raises `TimeoutError` where it has not in so many seconds."""
        with self.follow_run(run_id, seconds=seconds, patience=patience) as events:
            for _ in events:
                pass
        if not events.ended:
            raise TimeoutError(f"run {run_id} has not ended in {seconds:g} s")
        return self._connection.get(RunDetail, run_address(run_id))
