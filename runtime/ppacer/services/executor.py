"""The executor: asks the scheduler for attempts, has workers run them, reports what became of them.

Three loops share what is held under a lease. `_claim` keeps one long-poll open while slots are free. `_deliver` sends
logs and reports, one exchange at a time, so that a log is complete before its report is; with a report it asks for as
many attempts as that frees. The third is `leases`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ppacer import spec
from ppacer.core.model import ErrorKind
from ppacer.protocol import (
    LONG_POLL_SECONDS,
    PROTOCOL_VERSION,
    AttemptLog,
    Claim,
    Exchange,
    ExchangeAnswer,
    Outcome,
    Renewal,
    Report,
)
from ppacer.services.leases import Held, Leases, lease_clock
from ppacer.services.transport import ANSWER_SECONDS, Fault, Link, Transport, TransportError
from ppacer.services.worker_attempt import GRACE_SECONDS, RunningAttempt
from ppacer.services.worker_judge import StopReason
from ppacer.services.worker_pool import WorkerError, WorkerPool, worker_command

FLUSH_SECONDS = 0.2
FLUSH_BYTES = 64 * 1024
"""Logs are sent when they have waited so long or have grown so large, and with a report at once."""

BATCH_BYTES = 512 * 1024
"""About how much of logs, and of reports, one exchange carries."""

_LAST_POLL_SECONDS = 1.0
"""How long an executor that is being drained asks what its last poll was granted."""

_LAST_REPORTS_SECONDS = 2.0
"""How long an executor that is ending tries to tell what became of its attempts."""

_OK = 200
_log = logging.getLogger("ppacer")


def default_capacity() -> int:
    """How many attempts an executor runs at once if nobody says: they mostly wait, so more than there are cores."""
    return max(8, 4 * (os.cpu_count() or 1))


@dataclass(slots=True)
class _Batch:
    logs: list[AttemptLog] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)


class Executor:
    """Runs the tasks of `program`, whose generated file is `file`, for the scheduler behind `transport`.

    `name` is for people (default: host and process id), `capacity` how many attempts it runs at once, `labels` which
    tasks with `runs_on` it takes. `clock` is what leases are watched by.
    """

    def __init__(
        self,
        program: spec.Program,
        transport: Transport,
        *,
        file: Path | str,
        name: str | None = None,
        capacity: int | None = None,
        labels: Sequence[str] = (),
        clock: Callable[[], float] = lease_clock,
    ) -> None:
        if capacity is not None and capacity < 1:
            raise ValueError(f"an executor with a capacity of {capacity} would do nothing")
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.instance = str(uuid.uuid4())
        self.capacity = default_capacity() if capacity is None else capacity
        self._program = program
        self._codes = {one.id: one.hash for one in program.callables}
        self._labels = tuple(labels)
        self._clock = clock
        self._link = Link(transport)
        self._pool = WorkerPool(worker_command(sys.executable, Path(file).resolve()))
        self._leases = Leases(
            self._renew, clock, on_confirmed=self._start, on_stale=self._stale, on_answer=self._accept
        )
        self._held = self._leases.held
        self._asked = 0
        self._slots_changed = asyncio.Event()
        self._delivery_wanted = asyncio.Event()
        self._flush_timer: asyncio.TimerHandle | None = None
        self._draining = asyncio.Event()
        self._abandoned = asyncio.Event()
        self._ended = asyncio.Event()
        self._started = False

    @property
    def running(self) -> int:
        """How many attempts it holds now."""
        return len(self._held)

    async def run(self) -> None:
        """Works until it has been drained. Cancelled, it kills what runs and leaves; no process is left either way.

        Raises `TransportError` when the scheduler refuses this executor for good (token, version).
        """
        self._started = True
        tasks: set[asyncio.Task[object]] = {
            asyncio.create_task(self._start_pool()),
            asyncio.create_task(self._claim()),
            asyncio.create_task(self._leases.keep()),
        }
        delivery: asyncio.Task[object] = asyncio.create_task(self._deliver())
        abandoned: asyncio.Task[object] = asyncio.create_task(self._abandoned.wait())
        tasks |= {delivery, abandoned}
        try:
            waiting = tasks
            while not delivery.done() and not abandoned.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            await self._leave(tasks)

    async def drain(self, seconds: float | None = None) -> None:
        """Claims no more, lets what runs come to its end, reports it, and has `run` return; returns when it has.

        After `seconds` what still runs is stopped and handed back to the scheduler as lost, if that answers.
        """
        self._draining.set()
        self._delivery_wanted.set()
        self._slots_changed.set()
        if not self._started:
            return
        if await self._has_ended(seconds):
            return
        for held in self._held.values():
            held.attempt.stop(StopReason.ENDING)
        running = [held.task for held in self._held.values() if held.task is not None]
        if running:
            await asyncio.wait(running, timeout=GRACE_SECONDS + 1)
        if not await self._has_ended(_LAST_REPORTS_SECONDS):
            self._abandoned.set()
            await self._ended.wait()

    async def _has_ended(self, seconds: float | None) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def _start_pool(self) -> None:
        try:
            await self._pool.start()
        except WorkerError as fault:
            _log.error("%s", fault)

    async def _leave(self, tasks: set[asyncio.Task[object]]) -> None:
        """Ends everything, whatever state it is in."""
        attempts = {held.task for held in self._held.values() if held.task is not None}
        everything: set[asyncio.Task[object]] = {*tasks, *attempts}
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        for task in everything:
            task.cancel()
        try:
            await asyncio.gather(*everything, return_exceptions=True)
            await self._pool.close()
        finally:
            self._link.close()
            self._ended.set()

    # --- claims ------------------------------------------------------------------------------------------------------

    async def _claim(self) -> None:
        while not self._draining.is_set():
            slots = self.capacity - len(self._held) - self._asked
            if slots <= 0:
                self._slots_changed.clear()
                await self._slots_changed.wait()
                continue
            self._asked += slots
            try:
                await self._poll(slots)
            finally:
                self._asked -= slots
                self._delivery_wanted.set()

    async def _poll(self, slots: int) -> None:
        """One long-poll, given up when the executor is drained."""
        exchange = self._exchange(claim=Claim(slots, min(LONG_POLL_SECONDS, self._leases.term / 3)), codes=self._codes)
        sent_at = self._clock()
        asking = asyncio.create_task(self._link.ask(exchange, self._leases.patience))
        draining = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({asking, draining}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                self._accept(asking.result(), sent_at)
            else:
                asking.cancel()
                await self._close_poll(exchange, sent_at)
        finally:
            asking.cancel()
            draining.cancel()

    async def _close_poll(self, exchange: Exchange, sent_at: float) -> None:
        """Asks once more, for nothing new, whether the poll that was given up had been granted anything."""
        try:
            answer = await self._link.try_once(replace(exchange, claim=Claim(0, 0.0)), _LAST_POLL_SECONDS)
        except TransportError:
            return
        self._accept(answer, sent_at)

    def _accept(self, answer: ExchangeAnswer, sent_at: float) -> None:
        """Starts what an answer assigns and stops what it cancels. `sent_at` is when it was first asked for."""
        for assignment in answer.assignments:
            if assignment.attempt not in self._held:
                self._leases.hold(RunningAttempt(assignment, self._pool, self._entries_added), sent_at)
        for attempt in answer.cancel:
            if attempt in self._held:
                self._held[attempt].attempt.stop(StopReason.CANCELLED)

    def _start(self, held: Held) -> None:
        if self._draining.is_set():
            held.attempt.stop(StopReason.ENDING, now=True)
        held.task = asyncio.create_task(self._run(held))

    async def _run(self, held: Held) -> None:
        try:
            report = await held.attempt.run()
        except Exception:
            _log.exception("running %s failed", held.assignment.where)
            now = time.time_ns() // 1000
            text = f"the executor failed to run the task, see its log\n{held.assignment.where}"
            report = Report(
                held.assignment.attempt,
                held.assignment.token,
                Outcome.LOST,
                now,
                now,
                error_kind=ErrorKind.LOST.value,
                error=text,
            )
        if report is None:
            self._drop(held)
        else:
            held.report = report
            self._delivery_wanted.set()

    def _drop(self, held: Held) -> None:
        """Nobody wants to hear of the attempt any more."""
        if self._held.get(held.assignment.attempt) is held:
            del self._held[held.assignment.attempt]
        self._slots_changed.set()
        self._delivery_wanted.set()

    def _stale(self, attempt: str) -> None:
        """The scheduler says that the attempt is not this executor's, or no more."""
        held = self._held.get(attempt)
        if held is None:
            return
        if held.task is None or held.report is not None:
            self._drop(held)
        elif held.attempt.reason is not StopReason.STALE:
            _log.warning("the scheduler no longer counts %s as ours: it is stopped", held.assignment.where)
            held.attempt.stop(StopReason.STALE, now=True)

    # --- logs and reports --------------------------------------------------------------------------------------------

    def _entries_added(self) -> None:
        if sum(held.attempt.output.pending_bytes for held in self._held.values()) >= FLUSH_BYTES:
            self._delivery_wanted.set()
        elif self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flush_timer = None
        self._delivery_wanted.set()

    async def _deliver(self) -> None:
        while not (self._draining.is_set() and not self._held and self._asked == 0):
            await self._delivery_wanted.wait()
            self._delivery_wanted.clear()
            while (batch := self._next_batch()).logs or batch.reports:
                await self._send(batch)

    def _next_batch(self) -> _Batch:
        """The oldest logs and the reports whose logs are complete with them."""
        batch = _Batch()
        room = report_room = BATCH_BYTES
        for held in self._held.values():
            output = held.attempt.output
            if room > 0 and (entries := output.take(room)):
                room -= sum(len(entry.message) + len(entry.attributes) for entry in entries)
                batch.logs.append(AttemptLog(held.assignment.attempt, held.assignment.token, entries))
            if held.report is not None and output.pending_bytes == 0 and report_room > 0:
                report_room -= len(held.report.output or "") + len(held.report.error or "")
                batch.reports.append(held.report)
        return batch

    async def _send(self, batch: _Batch) -> None:
        slots = 0 if self._draining.is_set() else len(batch.reports)
        exchange = self._exchange(
            claim=Claim(slots, 0.0) if slots else None, logs=tuple(batch.logs), reports=tuple(batch.reports)
        )
        sent_at = self._clock()
        try:
            answer = await self._link.ask(exchange, min(ANSWER_SECONDS, 3 * self._leases.patience))
        except TransportError as fault:
            if fault.fault is not Fault.REJECTED:
                raise
            self._rejected(batch, fault)
            return
        for report in batch.reports:
            self._held.pop(report.attempt, None)
        self._accept(answer, sent_at)
        for ack in answer.reports:
            if ack.status != _OK:
                _log.warning("the scheduler no longer wanted the report on attempt %s", ack.attempt)
        for ack in answer.logs:
            if ack.status != _OK:
                self._stale(ack.attempt)
        for log in batch.logs:
            if log.attempt in self._held:
                self._held[log.attempt].attempt.room()
        if batch.reports:
            self._slots_changed.set()
            self._delivery_wanted.set()

    def _rejected(self, batch: _Batch, fault: TransportError) -> None:
        """The scheduler will never take this batch: its logs are given up, its reports said in the shortest way."""
        _log.error("%s; the logs of %d attempts are lost", fault, len(batch.logs))
        for report in batch.reports:
            held = self._held.get(report.attempt)
            if held is None:
                continue
            if held.shortened:
                self._drop(held)
                continue
            held.shortened = True
            text = f"the scheduler did not take the report on this attempt: {fault}\n{held.assignment.where}"
            held.report = replace(
                report, outcome=Outcome.FAILED, output=None, error_kind=ErrorKind.OUTPUT.value, error=text[:4096]
            )
        for log in batch.logs:
            if log.attempt in self._held:
                self._held[log.attempt].attempt.room()

    async def _renew(self, renewals: tuple[Renewal, ...], seconds: float) -> ExchangeAnswer:
        return await self._link.try_once(self._exchange(renewals=renewals), seconds)

    def _exchange(
        self,
        *,
        claim: Claim | None = None,
        codes: dict[str, str] | None = None,
        reports: tuple[Report, ...] = (),
        renewals: tuple[Renewal, ...] = (),
        logs: tuple[AttemptLog, ...] = (),
    ) -> Exchange:
        return Exchange(
            protocol=PROTOCOL_VERSION,
            executor=self.name,
            instance=self.instance,
            request=str(uuid.uuid4()),
            build=self._program.build,
            codes=codes or {},
            labels=self._labels,
            capacity=self.capacity,
            reports=reports,
            renewals=renewals,
            logs=logs,
            claim=claim,
        )
