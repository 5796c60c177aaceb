"""The executor: asks the scheduler for attempts, has workers run them, reports what became of them.

Four loops share what is held under a lease. `_claim` keeps one long-poll open while slots are free, `_listen` one while
none are, `executor_delivery` sends what attempts have to tell, `leases` renews and fences.
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
from functools import partial
from pathlib import Path

from ppacer import spec
from ppacer.capacity import default_capacity
from ppacer.core.model import ErrorKind
from ppacer.protocol import (
    LONG_POLL_SECONDS,
    PROTOCOL_VERSION,
    Assignment,
    Claim,
    Exchange,
    ExchangeAnswer,
    Outcome,
    Renewal,
    Report,
)
from ppacer.records import replace
from ppacer.services.executor_delivery import Batch, Delivery
from ppacer.services.leases import Held, Leases, lease_clock
from ppacer.services.transport import ANSWER_SECONDS, Link, Transport, TransportError
from ppacer.services.worker_attempt import GRACE_SECONDS, RunningAttempt
from ppacer.services.worker_judge import StopReason
from ppacer.services.worker_pool import WorkerError, WorkerPool
from ppacer.services.zygote_process import ZygoteProcess, worker_command

WARM_SECONDS = 2.0
"""How long before something becomes due a worker is started for it."""

_LAST_POLL_SECONDS = 1.0
"""How long an executor that is being drained asks what its last poll was granted."""

_LAST_REPORTS_SECONDS = 2.0
"""How long an executor that is ending tries to tell what became of its attempts."""

_log = logging.getLogger("ppacer")


class Executor:
    """Runs the tasks of `program`, whose generated file is `file`, for the scheduler behind `transport`.

    `name` is for people (default: host and process id), `capacity` how many attempts it runs at once (by default as
    `ppacer.capacity` has it), `labels` which tasks with `runs_on` it takes. `secrets` says where `secret("…")` is
    looked up: in a folder with a file for each, by a callable (`module:name`) or, by default, in the environment.
    `clock` is what leases are watched by, `zygote` the process that its workers come from, if that runs already.
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
        secrets: str | None = None,
        clock: Callable[[], float] = lease_clock,
        zygote: ZygoteProcess | None = None,
    ) -> None:
        if capacity is not None and capacity < 1:
            raise ValueError(f"an executor with a capacity of {capacity} would do nothing")
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self.instance = str(uuid.uuid4())
        self.capacity = default_capacity(program) if capacity is None else capacity
        self._program = program
        self._codes = {one.id: one.hash for one in program.callables}
        self._labels = tuple(labels)
        self._clock = clock
        self._link = Link(transport, clock=clock, term=lambda: self._leases.term)
        file = Path(file).resolve()
        self._pool = WorkerPool(
            worker_command(sys.executable, file),
            zygote=zygote,
            home=file.parent,
            secrets=secrets,
            preload=_modules(program),
        )
        self._leases = Leases(
            self._renew, clock, on_confirmed=self._start, on_stale=self._stale, on_answer=self._accept
        )
        self._held = self._leases.held
        self._asked = 0
        self._helpers: set[asyncio.Task[None]] = set()
        self._slots_changed = asyncio.Event()
        self._no_poll = asyncio.Event()
        self._delivery = Delivery(
            self._held,
            self._link,
            clock,
            exchange=self._report,
            patience=lambda: min(ANSWER_SECONDS, 2 * self._leases.patience),  # it may carry a claim
            on_answer=self._accept,
            on_reported=self._reported,
            on_stale=self._stale,
        )
        self._warming: asyncio.TimerHandle | None = None
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
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._leases.keep()),
        }
        delivery: asyncio.Task[object] = asyncio.create_task(self._delivery.run(self._has_drained))
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
        self._delivery.wake()
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
        everything: set[asyncio.Task[object]] = {*tasks, *attempts, *self._helpers}
        self._delivery.close()
        if self._warming is not None:
            self._warming.cancel()
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
                self._no_poll.set()
                await self._slots_changed.wait()
                self._no_poll.clear()
                continue
            self._asked += slots
            try:
                await self._poll(slots)
            finally:
                self._asked -= slots
                self._delivery.wake()
        if self._held:
            self._no_poll.set()

    async def _listen(self) -> None:
        """While nothing is claimed, keeps a long-poll for nothing open, so that what is to be stopped is heard of."""
        while True:
            await self._no_poll.wait()
            exchange = self._exchange(Claim(0, self._longest_poll))
            sent_at = self._clock()
            self._accept(await self._link.ask(exchange, self._leases.patience), sent_at)

    @property
    def _longest_poll(self) -> float:
        return min(LONG_POLL_SECONDS, self._leases.term / 3)

    async def _poll(self, slots: int) -> None:
        """One long-poll, given up when the executor is drained."""
        exchange = self._exchange(claim=Claim(slots, self._longest_poll), codes=self._codes)
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
            answer = await self._link.try_once(replace(exchange, capacity=0, claim=Claim(0, 0.0)), _LAST_POLL_SECONDS)
        except TransportError:
            return
        self._accept(answer, sent_at)

    def _accept(self, answer: ExchangeAnswer, sent_at: float) -> None:
        """Starts what an answer assigns and stops what it cancels. `sent_at` is when it was first asked for."""
        for assignment in answer.assignments:
            held = self._held.get(assignment.attempt)
            if held is None or _is_over(held, assignment):
                tell = partial(self._delivery.added, assignment.attempt)
                self._leases.hold(RunningAttempt(assignment, self._pool, tell), sent_at)
        for attempt in answer.cancel:
            if attempt in self._held:
                self._held[attempt].attempt.stop(StopReason.CANCELLED)

        if answer.next_due_in is not None:
            self._warm_in(answer.next_due_in - WARM_SECONDS)

    def _warm_in(self, seconds: float) -> None:
        if self._warming is not None:
            self._warming.cancel()
        self._warming = asyncio.get_running_loop().call_later(max(0.0, seconds), self._warm)

    def _warm(self) -> None:
        self._warming = None
        if not self._draining.is_set() and len(self._held) < self.capacity:
            self._helpers.add(task := asyncio.create_task(self._warm_pool()))
            task.add_done_callback(self._helpers.discard)

    async def _warm_pool(self) -> None:
        try:
            await self._pool.warm()
        except WorkerError as fault:
            _log.error("%s", fault)

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
            self._delivery.ended(report.attempt)

    def _drop(self, held: Held) -> None:
        """Nobody wants to hear of the attempt any more."""
        if self._held.get(held.assignment.attempt) is held:
            del self._held[held.assignment.attempt]
            self._delivery.forget(held.assignment.attempt)
        self._slots_changed.set()
        self._delivery.wake()

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

    def _reported(self, attempt: str) -> None:
        """The scheduler has the attempt's report."""
        self._held.pop(attempt, None)
        self._delivery.forget(attempt)
        self._slots_changed.set()

    def _has_drained(self) -> bool:
        return self._draining.is_set() and not self._held and self._asked == 0

    async def _renew(self, renewals: tuple[Renewal, ...], seconds: float) -> ExchangeAnswer:
        return await self._link.try_once(self._exchange(renewals=renewals), seconds)

    def _report(self, batch: Batch) -> Exchange:
        """The exchange that tells what is in a batch, and asks for as many attempts as have come to their ends.

        Not for lost ones: the scheduler that could not be heard may not be heard yet.
        """
        ended = sum(report.outcome is not Outcome.LOST for report in batch.reports)
        slots = 0 if self._draining.is_set() else ended
        return self._exchange(Claim(slots, 0.0) if slots else None, batch=batch)

    def _exchange(
        self,
        claim: Claim | None = None,
        *,
        codes: dict[str, str] | None = None,
        renewals: tuple[Renewal, ...] = (),
        batch: Batch | None = None,
    ) -> Exchange:
        batch = batch or Batch()
        return Exchange(
            protocol=PROTOCOL_VERSION,
            executor=self.name,
            instance=self.instance,
            request=str(uuid.uuid4()),
            build=self._program.build,
            codes=codes or {},
            labels=self._labels,
            capacity=0 if self._draining.is_set() else self.capacity,
            reports=tuple(batch.reports),
            renewals=renewals,
            logs=tuple(batch.logs),
            progress=tuple(batch.progress),
            notices=tuple(batch.notices),
            claim=claim,
        )


_OWN_MODULES = ("ppacer.core.evaluate", "ppacer.services.worker_shared")
"""What workers import when they need it, so that the zygote starts sooner."""


def _is_over(held: Held, assignment: Assignment) -> bool:
    """Whether what is held is only an earlier part of the attempt that is assigned, which waited in between: the
    scheduler knows of its end, whether it has been able to say so or not."""
    return held.report is not None and held.assignment.token < assignment.token


def _modules(program: spec.Program) -> list[str]:
    """The modules that the program's tasks are found in, in order, those left out that are to see a task's variables
    when they are imported."""
    tasks = [task for dag in program.dags for task in dag.tasks]
    private = {_module(task.callable) for task in tasks if task.env}
    modules = dict.fromkeys([*_OWN_MODULES, *(_module(task.callable) for task in tasks)])
    return [name for name in modules if name not in private]


def _module(callable_id: str) -> str:
    return callable_id.partition(":")[0]
