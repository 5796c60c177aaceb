"""Answers executors: takes their reports, renewals and logs, hands attempts out, holds long-polls until there are some.

A request is answered once, however often it comes: while it is under way a repetition waits for the same answer, and
afterwards it is told what it was given and still runs. A connection that closes takes its long-poll off the line; what
had been handed to it by then is either asked for again (the same request) or rescued when its lease is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from ppacer.core.machine import ended_as
from ppacer.core.model import Attempt, AttemptStatus, RenewLeases
from ppacer.protocol import Ack, Assignment, AttemptLog, Claim, Exchange, ExchangeAnswer, Outcome, Report
from ppacer.services.commits import Commits
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.executors import Executor, Executors
from ppacer.services.journal import Journal
from ppacer.services.ready_queue import Profile, ReadyQueue
from ppacer.services.task_notices import TaskNotices
from ppacer.services.task_scheduler import TaskScheduler
from ppacer.store.errors import StoreError
from ppacer.store.store import Store

LONGEST_WAIT = 30.0
"""A long-poll is never held longer than this, in seconds."""

_TAKEN, _STALE = 200, 409


@dataclass(slots=True, eq=False)
class _Waiter:
    """A claim on the line, oldest first served."""

    executor: Executor
    profile: Profile
    request: str
    slots: int
    assignments: list[Assignment]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class _UnderWay:
    """A request that is being answered, and to how many connections."""

    task: asyncio.Task[ExchangeAnswer]
    listeners: int = 0


class Exchanges:
    """`in_program` is the name under which attempts of the executor in this very process are recorded, `leader` the
    leader epoch; `next_due_in` tells in how many seconds the next run is due, if one is."""

    def __init__(
        self,
        tasks: TaskScheduler,
        notices: TaskNotices,
        executors: Executors,
        ready: ReadyQueue,
        *,
        commits: Commits,
        journal: Journal,
        store: Store,
        turn: Callable[[], AbstractContextManager[None]],
        in_program: str,
        leader: int,
        next_due_in: Callable[[], float | None],
    ) -> None:
        self._tasks = tasks
        self._notices = notices
        self._executors = executors
        self._ready = ready
        self._commits = commits
        self._journal = journal
        self._store = store
        self._turn = turn
        self._in_program = in_program
        self._leader = leader
        self._next_due_in = next_due_in
        self._under_way: dict[tuple[str, str], _UnderWay] = {}
        self._waiters: dict[tuple[str, str], _Waiter] = {}
        self._lines: dict[Profile, dict[_Waiter, None]] = {}
        self._closed = False

    async def answer(self, exchange: Exchange, *, in_program: bool) -> ExchangeAnswer:
        """See `ppacer.protocol`; an exchange that brings anything to take note of is answered without waiting."""
        instance = self._in_program if in_program else exchange.instance
        key = (instance, exchange.request)
        under_way = self._under_way.get(key)
        if under_way is None:
            task = asyncio.create_task(self._answer(exchange, instance, in_program=in_program))
            under_way = self._under_way[key] = _UnderWay(task)
            task.add_done_callback(lambda done: self._answered(key, done))
        elif exchange.claim is None or exchange.claim.wait <= 0:
            self._give_up(key)
        under_way.listeners += 1
        try:
            return await asyncio.shield(under_way.task)
        finally:
            under_way.listeners -= 1
            if under_way.listeners == 0 and not under_way.task.done():
                self._give_up(key)

    def dispatch(self) -> None:
        """Hands what is on offer to those who wait for it: in turn, so that executors share what comes at once."""
        for instance in list(self._executors.untold):
            self._let_go(instance)
        seen = -1
        while seen != self._ready.arrived:  # handing out may end runs, and so start others
            seen = self._ready.arrived
            for profile in list(self._lines):
                self._serve(profile)

    def close(self) -> None:
        """Answers all long-polls now, and no exchange from here on."""
        self._closed = True
        for waiter in list(self._waiters.values()):
            self._leave_line(waiter)

    async def finished(self) -> None:
        """Returns when no exchange is under way any more; call it after `close`."""
        if self._under_way:
            await asyncio.wait([one.task for one in self._under_way.values()])

    # --- one exchange ------------------------------------------------------------------------------------------------

    async def _answer(self, exchange: Exchange, instance: str, *, in_program: bool) -> ExchangeAnswer:
        await self._notices.look(exchange.notices)
        if self._closed:
            raise SchedulerUnavailable("the scheduler is not ready at the moment")
        with self._turn():
            before = self._executors.profile(instance)
            executor = self._executors.heard(exchange, instance, in_program=in_program)
            if (before is not None and executor.profile is not before) or exchange.capacity == 0:
                self._let_go(instance)  # what they wait for is no longer what it can take: they ask again, if at all
            logs = [self._take_log(log) for log in exchange.logs]
            notices = [self._notices.take(notice) for notice in exchange.notices]
            for progress in exchange.progress:
                self._tasks.take_progress(progress)
            reports = [self._tasks.report(report) for report in exchange.reports]
            renewals = [self._tasks.renew(renewal.attempt, renewal.token) for renewal in exchange.renewals]
            leases = [r for r, good in zip(exchange.renewals, renewals, strict=True) if good]
            if leases:
                pairs = tuple((renewal.attempt, renewal.token) for renewal in leases)
                self._commits.write([RenewLeases(pairs, self._tasks.lease_until())])
            news = bool(logs or reports or renewals or notices or exchange.progress)
            assignments, waiter = self._claim(exchange.claim, executor, exchange.request, may_wait=not news)
        if waiter is not None and exchange.claim is not None:
            assignments = await self._wait(waiter, exchange.claim.wait)
        await self._commits.settled()
        log_acks = [await self._log_ack(log, taken=good) for log, good in zip(exchange.logs, logs, strict=True)]
        report_acks = [await self._report_ack(r, taken=good) for r, good in zip(exchange.reports, reports, strict=True)]
        if not all(logs):
            await self._commits.settled()
        return ExchangeAnswer(
            reports=tuple(report_acks),
            renewals=tuple(
                Ack(renewal.attempt, _TAKEN if good else _STALE)
                for renewal, good in zip(exchange.renewals, renewals, strict=True)
            ),
            logs=tuple(log_acks),
            notices=tuple(
                Ack(notice.attempt, _TAKEN if good else _STALE)
                for notice, good in zip(exchange.notices, notices, strict=True)
            ),
            assignments=tuple(assignments),
            cancel=self._executors.stops(instance),
            next_due_in=self._next_due_in(),
            leader=self._leader,
        )

    def _answered(self, key: tuple[str, str], task: asyncio.Task[ExchangeAnswer]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # told to whoever listens; nobody may

    def _take_log(self, log: AttemptLog) -> bool:
        if not self._tasks.runs(log.attempt, log.token):
            return False
        if log.entries:
            self._commits.log(log.attempt, log.entries)
        return True

    async def _log_ack(self, log: AttemptLog, *, taken: bool) -> Ack:
        """A log that comes once more, or after its report, is taken too."""
        if not taken:
            past = await self._past(log.attempt, log.token)
            taken = past is not None and past.status is not AttemptStatus.LOST
            if taken and log.entries:
                self._commits.log(log.attempt, log.entries)
        return Ack(log.attempt, _TAKEN if taken else _STALE)

    async def _report_ack(self, report: Report, *, taken: bool) -> Ack:
        """A report that was accepted before is accepted again."""
        if not taken:
            past = await self._past(report.attempt, report.token)
            if report.outcome is Outcome.DEFERRED:
                taken = past is not None and past.parts > 0
            else:
                taken = past is not None and past.status is ended_as(report.outcome)
        return Ack(report.attempt, _TAKEN if taken else _STALE)

    async def _past(self, attempt_id: str, token: int) -> Attempt | None:
        """The attempt as recorded, if it was held under this token last and no longer runs."""
        try:
            row = await self._journal.read(self._store.attempt, attempt_id)
        except StoreError as error:
            raise SchedulerUnavailable(f"nothing can be looked up at the moment: {error}") from error
        over = row is not None and row.token == token and row.status is not AttemptStatus.RUNNING
        return row if over else None

    # --- claims and the line -----------------------------------------------------------------------------------------

    def _claim(
        self, claim: Claim | None, executor: Executor, request: str, *, may_wait: bool
    ) -> tuple[list[Assignment], _Waiter | None]:
        """What can be handed out at once, or a place on the line."""
        if claim is None:
            return [], None
        again = self._tasks.granted(request, executor.instance)
        if not self._executors.new_claim(executor, request) or again:  # a scheduler just started remembers by the rows
            return again, None
        waiter = _Waiter(executor, executor.profile, request, claim.slots, [])
        while len(waiter.assignments) < claim.slots and self._hand_one(waiter):
            pass
        at_once = not may_wait or claim.wait <= 0 or executor.instance in self._executors.untold
        if waiter.assignments or at_once:
            return waiter.assignments, None
        self._waiters[executor.instance, request] = waiter
        if claim.slots > 0:
            self._lines.setdefault(waiter.profile, {})[waiter] = None
        return [], waiter

    async def _wait(self, waiter: _Waiter, seconds: float) -> list[Assignment]:
        try:
            async with asyncio.timeout(min(seconds, LONGEST_WAIT)):
                await waiter.woken.wait()
        except TimeoutError:
            self._leave_line(waiter)
        return waiter.assignments

    def _serve(self, profile: Profile) -> None:
        line = self._lines[profile]
        served: dict[_Waiter, None] = {}
        while line:
            waiter = next(iter(line))
            if not self._hand_one(waiter):
                break
            served[waiter] = None
            del line[waiter]
            if len(waiter.assignments) < waiter.slots:
                line[waiter] = None
        for waiter in served:
            self._leave_line(waiter)
        if not line:
            self._lines.pop(profile, None)

    def _hand_one(self, waiter: _Waiter) -> bool:
        assignment = self._tasks.claim(waiter.profile, waiter.executor, waiter.request)
        if assignment is None:
            return False
        waiter.assignments.append(assignment)
        return True

    def _leave_line(self, waiter: _Waiter) -> None:
        self._waiters.pop((waiter.executor.instance, waiter.request), None)
        line = self._lines.get(waiter.profile)
        if line is not None:
            line.pop(waiter, None)
            if not line:
                del self._lines[waiter.profile]
        waiter.woken.set()

    def _let_go(self, instance: str) -> None:
        """Answers all long-polls of an executor."""
        for waiter in [waiter for (of, _), waiter in self._waiters.items() if of == instance]:
            self._leave_line(waiter)

    def _give_up(self, key: tuple[str, str]) -> None:
        """Nobody waits for the answer any more, or not for long: it says what there is."""
        waiter = self._waiters.get(key)
        if waiter is not None:
            self._leave_line(waiter)
