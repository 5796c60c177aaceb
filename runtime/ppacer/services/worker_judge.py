"""What an executor reports of an attempt, by how it ended and why it was stopped."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from enum import IntEnum

from ppacer.core import operators
from ppacer.core.model import ErrorKind
from ppacer.protocol import Assignment, Deferral, Outcome, Report, RunRequest
from ppacer.services.worker_frames import Message
from ppacer.services.worker_memory import size_text
from ppacer.services.worker_process import End, Finished, Gone


class StopReason(IntEnum):
    """Why an attempt is stopped; a higher one replaces a lower one."""

    TIMED_OUT = 1
    MEMORY = 2
    """It takes more memory than it may."""

    CANCELLED = 3
    ENDING = 4
    """The executor is ending: another one shall have the attempt."""

    FENCED = 5
    """The lease may have run out unrenewed: somebody else may have the attempt already."""

    STALE = 6
    """The scheduler has said that somebody else has it, or nobody: there is nothing to report."""


class Judge:
    """Makes the reports of one attempt. `started_at` is in microseconds since the epoch."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self.begun = False
        self.started_at = now()

    def begin(self, at: int) -> None:
        """A worker has the attempt, and had it then; it may be heard of late."""
        self.begun = True
        self.started_at = at

    def report(self, ended: End, reason: StopReason | None) -> Report:
        match reason:
            case None:
                return self._finished(ended.message) if isinstance(ended, Finished) else self._gone(ended)
            case StopReason.TIMED_OUT:
                assert self._assignment.timeout is not None
                limit = operators.text(timedelta(seconds=self._assignment.timeout))
                text = f"the task ran longer than its time-out of {limit}"
                return self._failure(Outcome.TIMED_OUT, ErrorKind.TIMEOUT, text)
            case StopReason.MEMORY:
                return self._failure(Outcome.FAILED, ErrorKind.MEMORY, self._too_much_memory())
            case StopReason.CANCELLED:
                return self._failure(Outcome.CANCELLED, ErrorKind.CANCELLED, "the task was cancelled")
            case StopReason.ENDING:
                text = "ended before the task did" if self.begun else "was ending and did not start the task"
                return self.lost(f"the executor {text}")
            case StopReason.FENCED | StopReason.STALE:
                return self.lost("the executor could not renew its lease and stopped the task")

    def lost(self, text: str) -> Report:
        return self._failure(Outcome.LOST, ErrorKind.LOST, text)

    def _gone(self, ended: Gone) -> Report:
        text = cause(ended)
        if ended.status is None or ended.lost:
            return self.lost(text)
        if ended.neighbours:
            others = "another attempt" if ended.neighbours == 1 else f"{ended.neighbours} other attempts"
            return self.lost(f"{text}; it ran {others} as well, and which of them did that is not known")
        if ended.out_of_memory and self._assignment.memory is not None:
            return self._failure(Outcome.FAILED, ErrorKind.MEMORY, f"{self._too_much_memory()}: {text}")
        if ended.out_of_memory:
            return self._failure(Outcome.FAILED, ErrorKind.MEMORY, text)
        return self._failure(Outcome.FAILED, ErrorKind.KILLED if ended.status < 0 else ErrorKind.EXITED, text)

    def _finished(self, message: Message) -> Report:
        outcome = Outcome(str(message["outcome"]))
        match outcome:
            case Outcome.CANCELLED:
                text = "the worker process was sent SIGTERM, and not by the executor"
                return self._failure(Outcome.FAILED, ErrorKind.KILLED, text)
            case Outcome.SUCCESS:
                return self._report(outcome, output=str(message["output"]))
            case Outcome.DEFERRED:
                return self._report(outcome, deferral=_deferral(message["deferral"]))
            case _:
                return self._report(outcome, ErrorKind(str(message["error_kind"])), str(message["error"]))

    def _too_much_memory(self) -> str:
        assert self._assignment.memory is not None
        return f"the task took more than its memory of {size_text(self._assignment.memory)}"

    def _failure(self, outcome: Outcome, kind: ErrorKind, text: str) -> Report:
        return self._report(outcome, kind, f"{text}\n{self._assignment.where}")

    def _report(
        self,
        outcome: Outcome,
        kind: ErrorKind | None = None,
        error: str | None = None,
        *,
        output: str | None = None,
        deferral: Deferral | None = None,
    ) -> Report:
        return Report(
            attempt=self._assignment.attempt,
            token=self._assignment.token,
            outcome=outcome,
            started_at=self.started_at,
            finished_at=max(self.started_at, now()),
            output=output,
            error_kind=None if kind is None else kind.value,
            error=error,
            deferral=deferral,
        )


def cause(gone: Gone) -> str:
    """Why a worker process has ended, for people."""
    if gone.status is None:
        return gone.reason
    if gone.reason:
        return f"the worker process did not end by itself: {gone.reason}"
    if gone.status >= 0:
        return f"the worker process ended with exit code {gone.status} before the task returned"
    if gone.out_of_memory:
        return "the worker process was killed by the kernel because memory ran out"
    try:
        number = signal.Signals(-gone.status)
        name = f"{number.name} ({signal.strsignal(number) or 'no description'})"
    except ValueError:
        name = f"signal {-gone.status}"
    hint = "; the kernel does so when memory runs out" if gone.status == -signal.SIGKILL else ""
    return f"the worker process was killed by {name}{hint}"


def now() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


def _deferral(fields: object) -> Deferral:
    assert isinstance(fields, dict)
    run = fields["run"]
    return Deferral(**{**fields, "run": None if run is None else RunRequest(**run)})
