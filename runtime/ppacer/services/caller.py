"""Calls of what the program's author wrote, on the scheduler's own behalf: in a worker, under a time limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from ppacer.core import codec
from ppacer.core.model import ErrorKind
from ppacer.protocol import Assignment, LogEntry, Outcome, RunInfo
from ppacer.services.worker_attempt import RunningAttempt
from ppacer.services.worker_pool import WorkerPool

AT_ONCE = 8
"""How many calls are under way at once; others wait for their turn."""

_MOST_LINES = 100
"""How many lines of what one call writes are told in the scheduler's log."""

_TAKE_BYTES = 1 << 20
_log = logging.getLogger("ppacer")


class CallError(Exception):
    """A call that came to nothing. The text says why, for people; where the callee raised, it is the traceback."""


class Caller:
    """Calls functions in workers of its own, which `pool` makes when the first one is needed.

    What a callee writes goes into the scheduler's log. One caller outlives all that the scheduler loads anew.
    """

    def __init__(self, pool: Callable[[], WorkerPool]) -> None:
        self._make_pool = pool
        self._pool: WorkerPool | None = None
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._numbers = count(1)
        self._closed = False

    async def call(
        self,
        function: str,
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
        *,
        seconds: float,
        where: str,
    ) -> object:
        """What a function of `ppacer.services.worker_requests`, or a callable of the program, returns.

        Among the arguments may be expressions of the spec that take only `env(…)` and `secret(…)`: the worker evaluates
        them. The callee has `seconds` from when a worker has taken it over; then it is killed. `where` says what is
        called, and its place: `notifier ops (pipeline.ppd:12)`. Raises `CallError`. Cancelled, it kills the callee.
        """
        async with self._slots:
            if self._closed:
                raise CallError("the scheduler is ending")
            if self._pool is None:
                self._pool = self._make_pool()
            number = next(self._numbers)
            assignment = Assignment(
                attempt=f"call-{number}",
                token=0,
                lease_seconds=0.0,
                run=_NO_RUN,
                task=where,
                number=1,
                callable=function,
                args=codec.encode(list(args)),
                kwargs=codec.encode(dict(kwargs or {})),
                where=where,
                timeout=seconds,
            )
            told = _Told(where)
            attempt = RunningAttempt(assignment, self._pool, lambda: told.take(attempt.output.take(_TAKE_BYTES)))
            report = await attempt.run()
        if report is None or report.outcome is not Outcome.SUCCESS or report.output is None:
            kind, error = (None, None) if report is None else (report.error_kind, report.error)
            if kind == ErrorKind.TIMEOUT:
                raise CallError(f"it took longer than {seconds:g} s")
            raise CallError((error or "it ended without an answer").removesuffix(f"\n{where}"))
        return codec.decode(report.output)

    async def close(self) -> None:
        """Ends all calls and their workers; no process is left."""
        self._closed = True
        if self._pool is not None:
            await self._pool.close()


_NO_RUN = RunInfo(id="", dag="", build="", scheduled_at=0, timezone="UTC")


class _Told:
    """Passes what a callee writes on into the scheduler's log, up to a bound."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._lines = 0

    def take(self, entries: Sequence[LogEntry]) -> None:
        for entry in entries:
            if entry.stream == "system":
                continue  # what the call is told anyway
            self._lines += 1
            if self._lines <= _MOST_LINES:
                level = min(entry.level, logging.INFO) if entry.stream == "logging" else logging.INFO
                _log.log(level, "%s: %s", self._where, entry.message)
            elif self._lines == _MOST_LINES + 1:
                _log.info("%s: … and more, which is left out here", self._where)
