"""A typed client of a running program's JSON API, for scripts and for the program's own commands.

    with Client("http://127.0.0.1:9321") as client:
        run = client.trigger("hello", params={"name": "World"})
        print(client.wait_for_run(run.id).run.status)

It keeps one connection and belongs to one thread. What it answers are the messages of `ppacer.web.messages` and its
neighbours, what it raises stands in `ppacer.client_errors`; docs/api.md shows both at work.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from types import TracebackType
from typing import BinaryIO, Self, TypeVar

from ppacer.account_calls import AccountCalls
from ppacer.addresses import API, address, dag_address, run_address
from ppacer.client_connection import Connection
from ppacer.client_errors import (
    AwayError,
    ClientError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
)
from ppacer.follow_calls import FollowCalls
from ppacer.operation_calls import OperationCalls
from ppacer.walk_calls import WalkCalls, walk
from ppacer.web.dag_messages import (
    BackfillList,
    BackfillView,
    DagDetail,
    DagEventList,
    DagList,
    DagView,
    ExecutorList,
    PoolList,
    VersionDetail,
    VersionList,
)
from ppacer.web.messages import (
    Changes,
    DatabaseView,
    EventList,
    Health,
    Json,
    LogPage,
    Me,
    MemberList,
    NotificationList,
    NotificationView,
    Pulse,
    RunDetail,
    RunList,
    RunView,
    TaskView,
)
from ppacer.web.overview_messages import DayList, Grid

__all__ = [
    "AwayError",
    "Client",
    "ClientError",
    "ConflictError",
    "ForbiddenError",
    "InvalidError",
    "NotFoundError",
    "RefusedError",
    "UnauthorizedError",
    "UnavailableError",
]

_COPYING = 3600.0
"""How long the program may take to count its rows or to copy its database, in seconds."""

_PIECE = 256 * 1024

_Message = TypeVar("_Message")


class Client(FollowCalls, AccountCalls, OperationCalls, WalkCalls):
    """`url` is the program's address, `token` the secret of a token where it wants one; an answer may take `timeout`
    seconds more than it was asked to wait. Raises `ValueError` for what is no address.

    `actor` is who the history of runs and dags names for what is done, where the token does not say: 1 to 100 printable
    characters of ASCII. `tls` is what certificates are judged by, the system's authorities by default.

    Where a connection is lost, a request is made once more; a change has a key of its own, so that it is made once.

    Every call raises `AwayError`, or `RefusedError` as the class of its reason: `NotFoundError` for what there is none
    of, `InvalidError` for a value that cannot be, `ForbiddenError` for what the token has no right to; which others it
    may be, its method says. Times are ISO 8601; without an offset they are in the dag's zone. What lists a page has a
    `next`, and beside it what walks all pages: `each_run` for `runs`.

    A client is closed by `close`, or by the end of its `with` block.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = 10.0,
        actor: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connection = Connection(url, token, timeout=timeout, actor=actor, tls=tls)

    @property
    def url(self) -> str:
        """The program's address, without a slash at its end."""
        return self._connection.url

    def again(self) -> Client:
        """Another client of the same program as the same user: for a thread of its own."""
        made = self._connection
        return Client(made.url, made.token, timeout=made.timeout, actor=made.actor, tls=made.tls)

    # --- what there is -----------------------------------------------------------------------------------------------

    def health(self) -> Health:
        """What the program says of itself, whatever that is."""
        return self._get(Health, "/health")

    def ready(self) -> Health:
        """Likewise where it leads and can work. Raises `UnavailableError` where it cannot, with what is wrong."""
        return self._get(Health, "/ready")

    def me(self) -> Me:
        """Who this client is to the program, and as what it may do things."""
        return self._get(Me, f"{API}/me")

    def dags(
        self, *, removed: bool = False, since: str | None = None, after: str | None = None, limit: int | None = None
    ) -> DagList:
        """The program's dags, at most `limit` of them behind the dag `after`; with `removed` also those that it no
        longer has, with `since` (the `mark` of an earlier answer) only those of which something else is to be told."""
        asked = {"removed": "true" if removed else None, "since": since, "after": after}
        return self._get(DagList, "/api/v1/dags", {**asked, "limit": None if limit is None else str(limit)})

    def each_dag(self, *, limit: int | None = None) -> Iterator[DagView]:
        """The program's dags in its order."""

        def page(after: str | None, most: int) -> tuple[Sequence[DagView], str | None]:
            found = self.dags(after=after, limit=most)
            return found.dags, found.next

        return walk(page, limit)

    def dag(self, dag: str) -> DagDetail:
        """The dag with its tasks, its parameters and when it is due next. Raises `NotFoundError`, which says of a dag
        that was removed what became of it."""
        return self._get(DagDetail, dag_address(dag))

    def dag_events(self, dag: str, *, before: str | None = None, limit: int = 50) -> DagEventList:
        """Who did what to the dag, and what became of its due times; newest first."""
        return self._get(DagEventList, dag_address(dag, "events"), {"before": before, "limit": str(limit)})

    def grid(self, dag: str, *, before: str | None = None, limit: int = 30) -> Grid:
        """The dag's runs, newest first, by its tasks."""
        return self._get(Grid, dag_address(dag, "grid"), {"before": before, "limit": str(limit)})

    def days(self, dag: str, *, first: date | None = None, last: date | None = None) -> DayList:
        """How many runs of each status each day has, the last one included; the year that ends today by default."""
        asked = {"from": None if first is None else first.isoformat(), "to": None if last is None else last.isoformat()}
        return self._get(DayList, dag_address(dag, "days"), asked)

    def versions(self, dag: str, *, before: str | None = None, limit: int = 10) -> VersionList:
        """The shapes that the dag has had, newest first."""
        return self._get(VersionList, dag_address(dag, "versions"), {"before": before, "limit": str(limit)})

    def version(self, dag: str, build: str) -> VersionDetail:
        """One of them, with the Python of its tasks; `build` may be cut to its first characters."""
        return self._get(VersionDetail, dag_address(dag, "versions", build))

    def backfills(self, *, dag: str | None = None, before: str | None = None, limit: int = 20) -> BackfillList:
        """Backfills, newest first."""
        return self._get(BackfillList, f"{API}/backfills", {"dag": dag, "before": before, "limit": str(limit)})

    def backfill(self, backfill_id: str) -> BackfillView:
        """One backfill, and how far it has come."""
        return self._get(BackfillView, address("backfills", backfill_id))

    def pools(self) -> PoolList:
        """The program's pools, and those of earlier builds that are still in use."""
        return self._get(PoolList, f"{API}/pools")

    def executors(self) -> ExecutorList:
        """The executors that were heard of lately, longest known first."""
        return self._get(ExecutorList, f"{API}/executors")

    def database(self) -> DatabaseView:
        """What there is to know of the database; its rows are counted for that, which may take minutes."""
        return self._get(DatabaseView, f"{API}/database", wait=_COPYING)

    def copy_database(self, part: str, file: BinaryIO) -> None:
        """Writes a copy of the part `runs` or `logs` to the file, while the program goes on. Raises `OSError` of it."""
        with self._connection.answer("GET", address("database", part, "copy"), wait=_COPYING) as response:
            while piece := self._connection.reading(response, _PIECE):
                file.write(piece)

    def failed_notifications(self, *, before: str | None = None, limit: int = 50) -> NotificationList:
        """What nobody could be told, newest first."""
        return self._get(NotificationList, f"{API}/notifications", {"before": before, "limit": str(limit)})

    def each_failed_notification(self, *, limit: int | None = None) -> Iterator[NotificationView]:
        """What nobody could be told, newest first."""

        def page(before: str | None, most: int) -> tuple[Sequence[NotificationView], str | None]:
            found = self.failed_notifications(before=before, limit=most)
            return found.notifications, found.next

        return walk(page, limit)

    # --- runs --------------------------------------------------------------------------------------------------------

    def runs(
        self,
        *,
        dag: str | None = None,
        id_part: str | None = None,
        statuses: Sequence[str] = (),
        kinds: Sequence[str] = (),
        backfill: str | None = None,
        made_from: str | None = None,
        made_until: str | None = None,
        planned_from: str | None = None,
        planned_until: str | None = None,
        before: str | None = None,
        limit: int = 20,
    ) -> RunList:
        """Runs, newest first; `id_part` finds those whose id holds it, whatever else is asked for.

        `made_from` and `made_until` are times, in UTC unless they have an offset: the second is no longer meant.
        `planned_from` and `planned_until` are the same of logical times, in the zone of `dag` if it is given.
        """
        query = {"dag": dag, "id": id_part, "backfill": backfill, "from": made_from, "to": made_until}
        query |= {"planned_from": planned_from, "planned_to": planned_until, "before": before, "limit": str(limit)}
        return self._get(RunList, f"{API}/runs", query, words={"status": statuses, "kind": kinds})

    def run(self, run_id: str, *, members: int | None = None, logs: bool = True) -> RunDetail:
        """The run with its tasks, of each run-time family at most `members`: those first that need a look. Without
        `logs` it is not told how far the log of each attempt has come, which for many is much of the work."""
        asked = {"members": _number(members), "logs": None if logs else "false"}
        return self._get(RunDetail, run_address(run_id), asked)

    def task(self, run_id: str, task: str, position: int | None = None) -> TaskView:
        """One task with all of its output; of a run-time family the whole unless a position is given."""
        return self._get(TaskView, run_address(run_id, "tasks", task), {"position": _number(position)})

    def members(
        self, run_id: str, task: str, *, statuses: Sequence[str] = (), after: int = -1, limit: int = 100
    ) -> MemberList:
        """The members of a run-time family after the position `after`."""
        query = {"after": str(after), "limit": str(limit)}
        return self._get(MemberList, run_address(run_id, "tasks", task, "members"), query, words={"status": statuses})

    def run_events(self, run_id: str, *, after: int = 0, limit: int = 500) -> EventList:
        """The run's history after the event numbered `after`, in order."""
        return self._get(EventList, run_address(run_id, "events"), {"after": str(after), "limit": str(limit)})

    def run_notifications(self, run_id: str, *, after: str | None = None, limit: int = 50) -> NotificationList:
        """What was to be told of the run, in the order in which it came up."""
        query = {"after": after, "limit": str(limit)}
        return self._get(NotificationList, run_address(run_id, "notifications"), query)

    def each_run_notification(self, run_id: str, *, limit: int | None = None) -> Iterator[NotificationView]:
        """What was to be told of the run, in the order in which it came up."""

        def page(after: str | None, most: int) -> tuple[Sequence[NotificationView], str | None]:
            found = self.run_notifications(run_id, after=after, limit=most)
            return found.notifications, found.next

        return walk(page, limit)

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        epoch: int | None = None,
        after: int = 0,
        wait: float = 0.0,
    ) -> LogPage:
        """Log entries of an attempt (the last one by default) after the entry numbered `after`: as soon as there are
        some, or `wait` seconds have passed."""
        query = {
            "position": str(position),
            "attempt": _number(attempt),
            "epoch": _number(epoch),
            "after": str(after),
            "wait": str(wait),
        }
        return self._get(LogPage, run_address(run_id, "tasks", task, "logs"), query, wait=wait)

    # --- news --------------------------------------------------------------------------------------------------------

    def changes(self, run_id: str, *, since: int, wait: float) -> Changes:
        """Events of the run after `since`, as soon as there are some or `wait` seconds have passed."""
        return self._get(Changes, run_address(run_id, "changes"), {"since": str(since), "wait": str(wait)}, wait=wait)

    def pulse(self, *, since: int = -1, wait: float = 0.0) -> Pulse:
        """The number of changes of anything so far, as soon as it is another than `since`."""
        return self._get(Pulse, f"{API}/changes", {"since": str(since), "wait": str(wait)}, wait=wait)

    # --- operations --------------------------------------------------------------------------------------------------

    def trigger(
        self,
        dag: str,
        *,
        params: Mapping[str, Json] | None = None,
        scheduled_at: str | None = None,
        idempotency_key: str | None = None,
    ) -> RunView:
        """Asks for a run; it is durable when this returns. `scheduled_at` is its logical time, now by default.

        The same `idempotency_key` again (1 to 200 characters) gives the run that it made then. Raises `InvalidError`
        where that was asked for with other parameters or another time.
        """
        body = {"params": dict(params or {}), "scheduled_at": scheduled_at}
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._connection.send(RunView, "POST", dag_address(dag, "runs"), body=body, headers=headers)

    # --- how they are asked ------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ends the connection; it is made anew if something else is asked."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _get(
        self,
        kind: type[_Message],
        path: str,
        query: Mapping[str, str | None] | None = None,
        *,
        words: Mapping[str, Sequence[str]] | None = None,
        wait: float = 0.0,
    ) -> _Message:
        return self._connection.get(kind, path, query, words=words, wait=wait)

    def _post(self, kind: type[_Message], path: str, body: Mapping[str, Json] | None = None) -> _Message:
        return self._connection.send(kind, "POST", path, body=dict(body or {}))


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)
