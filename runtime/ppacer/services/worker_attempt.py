"""One attempt, from its assignment to its report: a worker runs it, this watches the clock and the worker."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from enum import IntEnum

from ppacer.core.model import ErrorKind
from ppacer.protocol import Assignment, Outcome, Report
from ppacer.services.worker_log import ERROR, AttemptOutput
from ppacer.services.worker_pool import WorkerError, WorkerPool
from ppacer.services.worker_process import End, Finished, Gone, WorkerProcess

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
        started_at = _now()
        try:
            report = await self._run(started_at)
        except WorkerError as fault:
            report = self._report(started_at, Outcome.LOST, ErrorKind.LOST, self._explain(str(fault)))
        if self.reason is StopReason.STALE:
            return None
        if report.error is not None:
            self.output.system(ERROR, report.error)
        else:
            self.output.flush()
        return report

    async def _run(self, started_at: int) -> Report:
        cause = ""
        for _ in range(_TRIES):
            if self.reason is not None:
                return self._judge(started_at, Gone(None))
            worker = await self._pool.acquire()
            self._worker = worker
            end = worker.begin(self.assignment, self.output)
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
            return self._judge(started_at, ended)
        raise WorkerError(f"worker processes die before they begin: {cause}")

    async def _watch(self, worker: WorkerProcess, end: asyncio.Future[End]) -> tuple[End, bool]:
        """Waits for the end, bringing it about when it is time. True: the worker may have another attempt."""
        end.add_done_callback(lambda _: self._changed.set())
        await self._wait(lambda: end.done() or self.reason is not None, self.assignment.timeout)
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

    def _judge(self, started_at: int, ended: End) -> Report:
        match self.reason:
            case StopReason.TIMED_OUT:
                text = self._explain(f"the task ran longer than its time-out of {self.assignment.timeout:g} seconds")
                return self._report(started_at, Outcome.TIMED_OUT, ErrorKind.TIMEOUT, text)
            case StopReason.CANCELLED:
                text = self._explain("the task was cancelled")
                return self._report(started_at, Outcome.CANCELLED, ErrorKind.CANCELLED, text)
            case StopReason.ENDING:
                text = self._explain("the executor ended before the task did")
                return self._report(started_at, Outcome.LOST, ErrorKind.LOST, text)
            case StopReason.FENCED | StopReason.STALE:
                text = self._explain("the executor could not renew its lease and stopped the task")
                return self._report(started_at, Outcome.LOST, ErrorKind.LOST, text)
        if isinstance(ended, Gone):
            return self._judge_gone(started_at, ended)
        message = ended.message
        if message["outcome"] == Outcome.CANCELLED:
            text = self._explain("the worker process was sent SIGTERM, and not by the executor")
            return self._report(started_at, Outcome.FAILED, ErrorKind.KILLED, text)
        output, kind, error = message.get("output"), message.get("error_kind"), message.get("error")
        return self._report(
            started_at,
            Outcome(str(message["outcome"])),
            None if kind is None else ErrorKind(str(kind)),
            None if error is None else str(error),
            None if output is None else str(output),
        )

    def _judge_gone(self, started_at: int, gone: Gone) -> Report:
        text = self._explain(_cause(gone))
        if gone.status is None:
            return self._report(started_at, Outcome.LOST, ErrorKind.LOST, text)
        kind = ErrorKind.KILLED if gone.status < 0 else ErrorKind.EXITED
        return self._report(started_at, Outcome.FAILED, kind, text)

    def _report(
        self, started_at: int, outcome: Outcome, kind: ErrorKind | None, error: str | None, output: str | None = None
    ) -> Report:
        return Report(
            attempt=self.assignment.attempt,
            token=self.assignment.token,
            outcome=outcome,
            started_at=started_at,
            finished_at=max(started_at, _now()),
            output=output,
            error_kind=None if kind is None else kind.value,
            error=error,
        )

    def _explain(self, text: str) -> str:
        return f"{text}\n{self.assignment.where}"


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
