"""Sends notifications: when they are due, in workers, as often as it takes up to a bound, and beside everything else.

A notification is pending from the commit on that made it, and is sent at least once: what was sent but not marked when
the scheduler ended is sent again by the next one. What is due stands in a line for its notifier, of which few are
called at once: one that hangs holds up nobody else. What one run has to tell reaches a notifier in order, but for what
has to be tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Final

from ppacer import notifiers, spec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate_here
from ppacer.core.gist import gist
from ppacer.core.instants import SECOND, to_datetime, zone
from ppacer.core.model import NoticeEvent, Notification, NotificationStatus, UpdateNotification
from ppacer.core.plan import DagPlan
from ppacer.records import replace
from ppacer.services.alarms import Alarms
from ppacer.services.caller import Caller, CallError
from ppacer.services.changes import run_topic
from ppacer.services.commits import Commits
from ppacer.services.notices import Outgoing, page_of, shown_task
from ppacer.services.ping import PING_SECONDS, PingError, ping
from ppacer.services.timers import Clock, Timers
from ppacer.services.worker_requests import DELIVER, PING
from ppacer.store.errors import StoreError
from ppacer.store.store import Store

SEND_SECONDS: Final = 30.0
"""How long a notifier may take."""

RETRY_SECONDS: Final = (10, 60, 300, 1800)
"""How long after each try that failed there is another one; after the last of these tries none."""

PER_NOTIFIER: Final = 2
AT_ONCE: Final = 4
"""How many notifications are being sent at once, by one notifier and in all."""

LOG: Final = "ppacer.notifiers:log"
"""The one notifier that needs no worker, being the runtime's own and in want of nothing."""

_LOOK_SECONDS: Final = 0.05
_LONGEST_ERROR: Final = 10_000
_log = logging.getLogger("ppacer")


class NotificationSender:
    """`plan` gives a dag as a build has it; `page` is the address under which people reach the program's page."""

    def __init__(
        self,
        commits: Commits,
        timers: Timers,
        clock: Clock,
        caller: Caller,
        *,
        turn: Callable[[], AbstractContextManager[None]],
        plan: Callable[[str, str], Awaitable[DagPlan | None]],
        page: str | None = None,
    ) -> None:
        self._commits = commits
        self._alarms = Alarms(timers, clock)
        self._clock = clock
        self._caller = caller
        self._turn = turn
        self._plan = plan
        self._page = page
        self._pending: dict[str, Outgoing] = {}
        self._lines: dict[str, deque[str]] = {}
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._busy: Counter[str] = Counter()
        self._runs: set[tuple[str, str | None]] = set()
        self._closed = False
        self._began = clock.now()

    @property
    def pending(self) -> int:
        """How many notifications have not been sent yet."""
        return len(self._pending)

    def add(self, outgoing: Outgoing) -> None:
        """Takes a notification that is pending, once the database has it as such."""
        row = outgoing.row
        if row.id in self._pending:
            return
        self._pending[row.id] = outgoing
        self._wait(row)

    async def all_tried(self) -> tuple[str, ...]:
        """Waits until all that is pending has been tried once; what of that which came up here could not be told.

        What an earlier program left is tried again, too, when its time has come, but that program has said so.
        """
        while self._sending or any(not one.row.tries for one in self._pending.values()):  # noqa: ASYNC110 (seldom asked)
            await asyncio.sleep(_LOOK_SECONDS)
        rows = [one.row for one in self._pending.values()]
        return tuple(_problem(row, row.error or "") for row in rows if row.at >= self._began)

    def forget(self, run_ids: Iterable[str]) -> None:
        """Runs are being deleted, and their notifications with them. Belongs into the turn that does so."""
        gone = set(run_ids)
        for id_ in [id_ for id_, one in self._pending.items() if one.row.run_id in gone]:
            del self._pending[id_]
            self._alarms.drop(id_)

    def close(self) -> None:
        """Stops sending. What was under way is tried again by whoever comes next."""
        self._closed = True
        for task in self._sending.values():
            task.cancel()

    # --- when --------------------------------------------------------------------------------------------------------

    def _wait(self, row: Notification) -> None:
        within = max(0, row.due_at - self._clock.now())
        self._alarms.set(row.id, row.due_at, within, lambda _: self._due(row.id))

    def _due(self, id_: str) -> None:
        if id_ in self._pending and not self._closed:
            self._lines.setdefault(self._pending[id_].row.notifier, deque()).append(id_)
            self._send_what_is_due()

    def _send_what_is_due(self) -> None:
        """Starts as many as may be under way; a notifier that had its turn goes to the end of all."""
        for notifier in list(self._lines):
            while notifier in self._lines and self._may_send(notifier):
                line = self._lines.pop(notifier)
                id_ = line.popleft()
                if line:
                    self._lines[notifier] = line
                if id_ in self._pending:
                    self._start(self._pending[id_])

    def _may_send(self, notifier: str) -> bool:
        """Whether what stands first in the notifier's line may be sent now."""
        first = self._pending.get(self._lines[notifier][0])
        its_turn = first is None or (notifier, first.row.run_id) not in self._runs
        return its_turn and self._busy[notifier] < PER_NOTIFIER and len(self._sending) < AT_ONCE

    def _start(self, outgoing: Outgoing) -> None:
        row = outgoing.row
        self._runs.add((row.notifier, row.run_id))
        task = self._sending[row.id] = asyncio.ensure_future(self._deliver(outgoing))
        self._busy[row.notifier] += 1
        task.add_done_callback(partial(self._ended, row))

    # --- what became of it -------------------------------------------------------------------------------------------

    def _ended(self, row: Notification, task: asyncio.Task[None]) -> None:
        del self._sending[row.id]
        self._busy[row.notifier] -= 1
        self._runs.discard((row.notifier, row.run_id))
        error = None if task.cancelled() else task.exception()
        if self._closed or task.cancelled():
            return
        if row.id in self._pending:
            self._mark(self._tried(row, error))
        self._send_what_is_due()

    def _tried(self, row: Notification, error: BaseException | None) -> Notification:
        """The row after one more try."""
        now, tries = self._clock.now(), row.tries + 1
        if error is None:
            return replace(row, status=NotificationStatus.SENT, tries=tries, sent_at=now, error=None)
        text = (str(error) if isinstance(error, _TOLD) else f"{type(error).__name__}: {error}")[:_LONGEST_ERROR]
        what = _problem(row, text)
        if isinstance(error, _Hopeless) or tries > len(RETRY_SECONDS):
            _log.error("%s; given up after %s", what, "one try" if tries == 1 else f"{tries} tries")
            return replace(row, status=NotificationStatus.FAILED, tries=tries, error=text)
        delay = RETRY_SECONDS[tries - 1]
        _log.warning("%s; once more in %d s", what, delay)
        return replace(row, tries=tries, due_at=now + delay * SECOND, error=text)

    def _mark(self, row: Notification) -> None:
        before = self._pending.pop(row.id)
        if row.status is NotificationStatus.PENDING:
            self._pending[row.id] = Outgoing(row, before.scheduled_at, before.cause)
            self._wait(row)
        with self._turn():
            self._commits.write([UpdateNotification(row, NotificationStatus.PENDING)])
            if row.run_id is not None:
                self._commits.announce(run_topic(row.run_id))

    # --- how ---------------------------------------------------------------------------------------------------------

    async def _deliver(self, outgoing: Outgoing) -> None:
        """Sends it once. Raises whatever keeps it from being sent."""
        row = outgoing.row
        plan = await self._plan(row.build, row.dag)
        if plan is None:
            raise _Hopeless(f"build {row.build[:12]}, to which it belongs, cannot be read")
        if row.event is NoticeEvent.PING:
            await self._ping(row, plan)
            return
        notifier = plan.notifiers.get(row.notifier)
        if notifier is None:
            raise _Hopeless(f"build {row.build[:12]} has no notifier {row.notifier}")
        message = self._message(outgoing, plan)
        if notifier.callable == LOG:
            notifiers.log(message)
            return
        await self._caller.call(
            DELIVER,
            (notifier.callable, message, *(_value(arg) for arg in notifier.args)),
            {name: _value(arg) for name, arg in notifier.kwargs},
            seconds=SEND_SECONDS,
            where=f"notifier {notifier.name} ({plan.place(notifier.at)})",
        )

    async def _ping(self, row: Notification, plan: DagPlan) -> None:
        if row.message:
            await ping(row.message)
        elif plan.dag.ping is not None:
            where = f"the ping of dag {row.dag} ({plan.place(plan.dag.ping.at)})"
            await self._caller.call(PING, (_value(plan.dag.ping),), seconds=PING_SECONDS, where=where)

    def _message(self, outgoing: Outgoing, plan: DagPlan) -> notifiers.Message:
        row = outgoing.row
        return notifiers.Message(
            subject=row.subject,
            text=row.message,
            event=row.event.value,
            dag=row.dag,
            run=row.run_id or "",
            scheduled_at=to_datetime(outgoing.scheduled_at, zone(plan.dag.timezone)),
            task=None if row.task is None else shown_task(plan, row.task, row.position),
            attempt=row.number,
            error=outgoing.cause,
            page=page_of(self._page, row.run_id),
        )


def pending_outgoing(store: Store) -> list[Outgoing]:
    """What has still to be sent, read from the database before there is anything new. Blocks; raises `StoreError`."""
    rows = store.pending_notifications()
    runs = {run_id: store.run(run_id) for run_id in {row.run_id for row in rows} if run_id is not None}
    errors = {
        (run_id, task, attempt.position, attempt.number): attempt.error
        for run_id, task in {(row.run_id, row.task) for row in rows if row.event in _WITH_CAUSE}
        if run_id is not None and task is not None
        for attempt in store.attempts(run_id, task)
    }
    found = []
    for row in rows:
        run, error = runs.get(row.run_id or ""), None
        if run is not None and row.event in _WITH_CAUSE:
            error = run.reason if row.task is None else errors.get((run.id, row.task, row.position, row.number))
        found.append(Outgoing(row, row.at if run is None else run.scheduled_at, gist(error) if error else None))
    return found


_WITH_CAUSE = frozenset({NoticeEvent.FAILURE, NoticeEvent.RETRY})


class _Hopeless(Exception):
    """What no other try can mend."""


_TOLD = (_Hopeless, CallError, PingError, EvaluationError, StoreError)
"""Faults whose text is written for people."""


def _value(expr: spec.Expr) -> object:
    """The value, or what is left to the worker: names of its environment, secrets."""
    return evaluate_here(expr, Scope())


def _problem(row: Notification, error: str) -> str:
    return f"{_teller(row)} could not tell “{row.subject}”: {gist(error)}"


def _teller(row: Notification) -> str:
    return f"the ping of dag {row.dag}" if row.event is NoticeEvent.PING else f"notifier {row.notifier}"
