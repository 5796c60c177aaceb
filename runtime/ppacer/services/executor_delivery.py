"""What attempts have to tell, on its way to the scheduler: logs, progress, notices, and how they ended.

One exchange at a time, so that all of this arrives in order: a log is complete before its report is, and a notice has
been acknowledged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ppacer.core.model import ErrorKind
from ppacer.protocol import AttemptLog, Exchange, ExchangeAnswer, Outcome, Progress, Report, TaskNotice
from ppacer.services.leases import Held
from ppacer.services.transport import Fault, Link, TransportError

FLUSH_SECONDS = 0.2
FLUSH_BYTES = 64 * 1024
"""Logs are sent when they have waited so long or one has grown so large, and with a report at once."""

PROGRESS_SECONDS = 0.5
"""How often the progress of one attempt is passed on, at most."""

BATCH_BYTES = 512 * 1024
"""About how much of logs, and of reports, one exchange carries."""

_MAX_NOTICES = 100
"""How many notices of one attempt one exchange carries."""

_OK = 200
_log = logging.getLogger("ppacer")


@dataclass(slots=True)
class Batch:
    """What one exchange carries, and how much more logs and reports it has room for, in bytes."""

    logs: list[AttemptLog] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    notices: list[TaskNotice] = field(default_factory=list)
    room: int = BATCH_BYTES
    report_room: int = BATCH_BYTES

    def __bool__(self) -> bool:
        return bool(self.logs or self.reports or self.progress or self.notices)


class Delivery:
    """Sends over `link` what there is to tell of the attempts in `held`.

    `exchange` makes an exchange of a batch, `patience` tells for how many seconds to await each answer, `clock` is the
    executor's. `on_answer` gets each answer and when it was asked for, `on_reported` the id of an attempt whose report
    the scheduler has, `on_stale` that of one which it no longer counts as ours.
    """

    def __init__(
        self,
        held: Mapping[str, Held],
        link: Link,
        clock: Callable[[], float],
        *,
        exchange: Callable[[Batch], Exchange],
        patience: Callable[[], float],
        on_answer: Callable[[ExchangeAnswer, float], object],
        on_reported: Callable[[str], object],
        on_stale: Callable[[str], object],
    ) -> None:
        self._held = held
        self._link = link
        self._clock = clock
        self._exchange = exchange
        self._patience = patience
        self._on_answer = on_answer
        self._on_reported = on_reported
        self._on_stale = on_stale
        self._wanted = asyncio.Event()
        self._telling: dict[str, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._progress_at: dict[str, float] = {}

    def wake(self) -> None:
        """There is something that shall not wait."""
        self._wanted.set()

    def added(self, name: str) -> None:
        """The attempt of that id has more to tell."""
        self._telling[name] = None
        held = self._held.get(name)
        if held is not None and held.attempt.output.pending_bytes >= FLUSH_BYTES:
            self.wake()
        else:
            self._wake_in(FLUSH_SECONDS)

    def ended(self, name: str) -> None:
        """The attempt of that id has a report."""
        self._telling[name] = None
        self.wake()

    def forget(self, name: str) -> None:
        """Nobody has anything to tell of the attempt of that id any more."""
        self._telling.pop(name, None)
        self._progress_at.pop(name, None)

    async def run(self, over: Callable[[], bool]) -> None:
        """Delivers until `over` says that there is nothing more to come."""
        while not over():
            await self._wanted.wait()
            self._wanted.clear()
            while batch := self._next_batch():
                await self._send(batch)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wake_in(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self.wake()

    def _next_batch(self) -> Batch:
        """The oldest logs and notices, the newest progress, and the reports of which nothing else is left to send."""
        batch = Batch()
        for name in list(self._telling):
            held = self._held.get(name)
            if held is None or self._add(held, batch):
                del self._telling[name]
        return batch

    def _add(self, held: Held, batch: Batch) -> bool:
        """Puts what the attempt has to tell into the batch, as far as there is room; true if that was all."""
        attempt, output = held.attempt, held.attempt.output
        if batch.room > 0 and (entries := output.take(batch.room)):
            batch.room -= sum(len(entry.message) + len(entry.attributes) for entry in entries)
            batch.logs.append(AttemptLog(held.assignment.attempt, held.assignment.token, entries))
        if batch.room > 0 and attempt.notices:
            notices = list(attempt.notices)[:_MAX_NOTICES]
            batch.room -= sum(len(notice.message) for notice in notices)
            batch.notices += notices
        self._take_progress(held, batch)
        if output.pending_bytes or attempt.notices or attempt.progress is not None:
            return False
        if held.report is not None and batch.report_room > 0:
            batch.report_room -= len(held.report.output or "") + len(held.report.error or "")
            batch.reports.append(held.report)
            return True
        return held.report is None

    def _take_progress(self, held: Held, batch: Batch) -> None:
        progress = held.attempt.progress
        if progress is None:
            return
        now = asyncio.get_running_loop().time()
        due = self._progress_at.get(progress.attempt, float("-inf")) + PROGRESS_SECONDS
        if now < due and held.report is None:
            self._wake_in(due - now)
            return
        self._progress_at[progress.attempt] = now
        held.attempt.progress = None
        batch.progress.append(progress)

    async def _send(self, batch: Batch) -> None:
        exchange = self._exchange(batch)
        sent_at = self._clock()
        try:
            answer = await self._link.ask(exchange, self._patience())
        except TransportError as fault:
            if fault.fault is not Fault.REJECTED:
                raise
            self._rejected(batch, fault)
            return
        for report in batch.reports:
            if self._holds(report):
                self._on_reported(report.attempt)
        self._forget_notices(batch)
        self._on_answer(answer, sent_at)
        for ack in answer.reports:
            if ack.status != _OK:
                _log.warning("the scheduler no longer wanted the report on attempt %s", ack.attempt)
        refused = {ack.attempt for ack in (*answer.logs, *answer.notices) if ack.status != _OK}
        told: list[AttemptLog | TaskNotice] = [*batch.logs, *batch.notices]
        for one in told:
            if one.attempt in refused and self._holds(one):
                self._on_stale(one.attempt)
        self._make_room(batch)
        if batch.reports:
            self.wake()

    def _holds(self, told: Report | AttemptLog | TaskNotice) -> bool:
        """Whether what this tells of is still held, and not another part of the attempt by now: one that was deferred
        may have come back before the answer to its report did."""
        held = self._held.get(told.attempt)
        return held is not None and held.assignment.token == told.token

    def _rejected(self, batch: Batch, fault: TransportError) -> None:
        """The scheduler will never take this batch: what it tells is given up, its reports said in the shortest way."""
        lost = len({log.attempt for log in batch.logs} | {notice.attempt for notice in batch.notices})
        _log.error("%s; logs and notices of %d attempts are lost", fault, lost)
        for report in batch.reports:
            held = self._held.get(report.attempt)
            if held is None or not self._holds(report):
                continue
            if held.shortened:
                self._on_reported(report.attempt)
                continue
            held.shortened = True
            text = f"the scheduler did not take the report on this attempt: {fault}\n{held.assignment.where}"
            held.report = replace(
                report,
                outcome=Outcome.FAILED,
                output=None,
                deferral=None,
                error_kind=ErrorKind.OUTPUT.value,
                error=text[:4096],
            )
            self._telling[report.attempt] = None
        self._forget_notices(batch)
        self._make_room(batch)

    def _forget_notices(self, batch: Batch) -> None:
        """They have been dealt with: the oldest of their attempts, since one exchange at a time is under way."""
        for notice in batch.notices:
            held = self._held.get(notice.attempt)
            if held is not None and held.attempt.notices and held.attempt.notices[0] is notice:
                held.attempt.notices.popleft()

    def _make_room(self, batch: Batch) -> None:
        for log in batch.logs:
            held = self._held.get(log.attempt)
            if held is not None:
                held.attempt.room()
