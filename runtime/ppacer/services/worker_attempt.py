"""One attempt, from its assignment to its report: a worker runs it, this watches the clock and the worker."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from enum import IntEnum

from ppacer.core.model import ErrorKind
from ppacer.protocol import Assignment, Outcome, Report
from ppacer.services.worker_frames import Message
from ppacer.services.worker_log import ERROR, AttemptOutput
from ppacer.services.worker_pool import WorkerError, WorkerPool
from ppacer.services.worker_process import End, Finished, Gone, WorkerProcess

START_SECONDS = 60.0
"""How long a worker may take to take an attempt over. Only from then on does the attempt's own time-out run."""

GRACE_SECONDS = 5.0
"""How long an attempt that has been told to stop may take before it is killed."""

_KILL_SECONDS = 10.0
_TRIES = 3
"""Workers that may be found dead before the attempt is given up as lost."""


class StopReason(IntEnum):
    """Why an attempt is stopped; a higher one replaces a lower one."""

    TIMED_OUT = 1
    CANCELLED = 2
    ENDING = 3
    """The executor is ending: another one shall have the attempt."""

    FENCED = 4
    """The lease may have run out unrenewed: somebody else may have the attempt already."""

    STALE = 5
    """The scheduler has said that somebody else has it, or nobody: there is nothing to report."""


class RunningAttempt:
    """An attempt under way. `output` is its log, `token` and the rest are in its `assignment`."""

    def __init__(self, assignment: Assignment, pool: WorkerPool, on_entries: Callable[[], object]) -> None:
        self.assignment = assignment
        self.output = AttemptOutput(on_entries)
        self.reason: StopReason | None = None
        self._pool = pool
        self._worker: WorkerProcess | None = None
        self._begun = False
        self._started_at = 0
        self._now = False
        self._changed = asyncio.Event()

    def stop(self, reason: StopReason, *, now: bool = False) -> None:
        """Ends the attempt: SIGTERM, a time of grace, SIGKILL; `now` leaves out the grace. May be said again."""
        self.reason = reason if self.reason is None else max(reason, self.reason)
        self._now = self._now or now
        self._changed.set()

    def room(self) -> None:
        """Some of the log has been delivered."""
        if self._worker is not None:
            self._worker.room()

    async def run(self) -> Report | None:
        """Runs it to its end; none where there is nobody to report to.

        Its log is complete then, and no process of it is left.
        """
        self._started_at = _now()
        try:
            report = await self._run()
        except WorkerError as fault:
            report = self._failure(Outcome.LOST, ErrorKind.LOST, str(fault))
        if self.reason is StopReason.STALE:
            return None
        if report.error is not None:
            self.output.system(ERROR, report.error)
        else:
            self.output.flush()
        return report

    async def _run(self) -> Report:
        cause = ""
        for _ in range(_TRIES):
            if self.reason is not None:
                return self._judge(Gone(None))
            worker = await self._pool.acquire()
            self._worker = worker
            end = worker.begin(self.assignment, self.output, self._changed.set)
            try:
                ended, fit = await self._watch(worker, end)
            except BaseException:
                worker.kill(worker, signal.SIGKILL)
                raise
            if isinstance(ended, Gone) and not worker.begun and self.reason is None:
                cause = _cause(ended)
                continue  # it died before it had the attempt
            if fit:
                self._pool.release(worker)
            self._worker = None
            return self._judge(ended)
        raise WorkerError(f"worker processes die before they begin: {cause}")

    async def _watch(self, worker: WorkerProcess, end: asyncio.Future[End]) -> tuple[End, bool]:
        """Waits for the end, bringing it about when it is time. True: the worker may have another attempt."""
        end.add_done_callback(lambda _: self._changed.set())
        await self._wait(lambda: worker.begun or end.done() or self.reason is not None, START_SECONDS)
        if worker.begun:
            self._begun = True
            self._started_at = _now()
            await self._wait(lambda: end.done() or self.reason is not None, self.assignment.timeout)
        elif not end.done() and self.reason is None:
            end.set_result(Gone(None, f"no worker process was ready within {START_SECONDS:g} seconds"))
        if not end.done():
            self.stop(self.reason or StopReason.TIMED_OUT)
            worker.kill(worker, signal.SIGTERM)
            await self._wait(lambda: end.done() or self._now, GRACE_SECONDS)
        elif self.reason is None:
            ended = end.result()
            if isinstance(ended, Finished) and ended.message.get("fit") is True:
                return ended, True
        worker.kill(worker, signal.SIGKILL)
        await asyncio.wait({worker.gone}, timeout=_KILL_SECONDS)
        worker.drain()
        return (end.result() if end.done() else Gone(None, "it does not end although it was killed")), False

    async def _wait(self, over: Callable[[], bool], seconds: float | None) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not over():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _judge(self, ended: End) -> Report:
        match self.reason:
            case StopReason.TIMED_OUT:
                text = f"the task ran longer than its time-out of {self.assignment.timeout:g} s"
                return self._failure(Outcome.TIMED_OUT, ErrorKind.TIMEOUT, text)
            case StopReason.CANCELLED:
                return self._failure(Outcome.CANCELLED, ErrorKind.CANCELLED, "the task was cancelled")
            case StopReason.ENDING:
                text = "ended before the task did" if self._begun else "was ending and did not start the task"
                return self._failure(Outcome.LOST, ErrorKind.LOST, f"the executor {text}")
            case StopReason.FENCED | StopReason.STALE:
                text = "the executor could not renew its lease and stopped the task"
                return self._failure(Outcome.LOST, ErrorKind.LOST, text)
        if isinstance(ended, Finished):
            return self._judge_finished(ended.message)
        if ended.status is None:
            return self._failure(Outcome.LOST, ErrorKind.LOST, _cause(ended))
        return self._failure(Outcome.FAILED, ErrorKind.KILLED if ended.status < 0 else ErrorKind.EXITED, _cause(ended))

    def _judge_finished(self, message: Message) -> Report:
        outcome = Outcome(str(message["outcome"]))
        output, kind, error = message.get("output"), message.get("error_kind"), message.get("error")
        if outcome is Outcome.CANCELLED:
            text = "the worker process was sent SIGTERM, and not by the executor"
            return self._failure(Outcome.FAILED, ErrorKind.KILLED, text)
        if outcome is Outcome.SUCCESS:
            return self._report(outcome, output=str(output))
        return self._report(outcome, ErrorKind(str(kind)), str(error))

    def _failure(self, outcome: Outcome, kind: ErrorKind, text: str) -> Report:
        return self._report(outcome, kind, f"{text}\n{self.assignment.where}")

    def _report(
        self, outcome: Outcome, kind: ErrorKind | None = None, error: str | None = None, *, output: str | None = None
    ) -> Report:
        return Report(
            attempt=self.assignment.attempt,
            token=self.assignment.token,
            outcome=outcome,
            started_at=self._started_at,
            finished_at=max(self._started_at, _now()),
            output=output,
            error_kind=None if kind is None else kind.value,
            error=error,
        )


def _cause(gone: Gone) -> str:
    if gone.status is None:
        return gone.reason
    if gone.reason:
        return f"the worker process did not end by itself: {gone.reason}"
    if gone.status >= 0:
        return f"the worker process ended with exit code {gone.status} before the task returned"
    try:
        number = signal.Signals(-gone.status)
        name = f"{number.name} ({signal.strsignal(number) or 'no description'})"
    except ValueError:
        name = f"signal {-gone.status}"
    hint = "; the kernel does so when memory runs out" if gone.status == -signal.SIGKILL else ""
    return f"the worker process was killed by {name}{hint}"


def _now() -> int:
    return time.time_ns() // 1000
