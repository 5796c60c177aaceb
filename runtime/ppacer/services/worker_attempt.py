"""One attempt, from its assignment to its report: a worker runs it, this watches the clock and the worker."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import Callable

from ppacer.protocol import Assignment, Progress, Report, TaskNotice
from ppacer.services.worker_frames import Message
from ppacer.services.worker_judge import Judge, StopReason, cause
from ppacer.services.worker_log import ERROR, AttemptOutput, clean
from ppacer.services.worker_memory import POLL_SECONDS, takes_more
from ppacer.services.worker_outlet import MAX_NOTICES
from ppacer.services.worker_pool import WorkerError, WorkerPool
from ppacer.services.worker_process import End, Gone, Session, WorkerProcess

START_SECONDS = 60.0
"""How long a worker may take to take an attempt over. Only from then on does the attempt's own time-out run."""

GRACE_SECONDS = 5.0
"""How long an attempt that has been told to stop may take before it is killed."""

NEIGHBOUR_SECONDS = 10.0
"""How long the attempts that share a worker with one that does not stop may take to end before they are lost."""

_SOON_SECONDS = 1.0
"""How long an attempt in a shared worker has to stop where there is no time for more."""

_KILL_SECONDS = 10.0
_TRIES = 3
"""Workers that may be found dead before the attempt is given up as lost."""


class RunningAttempt:
    """An attempt under way.

    `output` is its log, `notices` what it wants people to be told, oldest first, `progress` what it has said of that
    last if nobody has taken it; `token` and the rest are in its `assignment`. `on_entries` is called when there is more
    of any of these.
    """

    def __init__(self, assignment: Assignment, pool: WorkerPool, on_entries: Callable[[], object]) -> None:
        self.assignment = assignment
        self.output = AttemptOutput(on_entries, part=assignment.part)
        self.notices: deque[TaskNotice] = deque()
        self.progress: Progress | None = None
        self.reason: StopReason | None = None
        self._on_entries = on_entries
        self._pool = pool
        self._worker: WorkerProcess | None = None
        self._judge = Judge(assignment)
        self._told_notices = assignment.part * MAX_NOTICES
        self._now = False
        self._changed = asyncio.Event()
        self._watched: Session | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rung = False

    def stop(self, reason: StopReason, *, now: bool = False) -> None:
        """Ends the attempt: it is told to stop, has a time of grace, is killed; `now` leaves out the grace. May be said
        again."""
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
        try:
            report = await self._run()
        except WorkerError as fault:
            report = self._judge.lost(str(fault))
        if self.reason is StopReason.STALE:
            return None
        if report.error is not None:
            self.output.system(ERROR, report.error)
        else:
            self.output.flush()
        return report

    async def _run(self) -> Report:
        why = ""
        for _ in range(_TRIES):
            if self.reason is not None:
                return self._judge.report(Gone(None), self.reason)
            worker = await self._pool.acquire(self.assignment)
            session = worker.begin(self.assignment, self.output, self._on_change, self._said)
            self._worker = worker
            try:
                await self._watch(worker, session)
                await (self._clear_shared if worker.shared else self._clear)(worker, session)
            except BaseException:
                worker.kill(worker, signal.SIGKILL)
                raise
            self._worker = None
            ended: End = Gone(None, "it does not end although it was killed")
            if session.end.done():
                ended = session.end.result()
            if isinstance(ended, Gone) and session.begun is None and not ended.lost and self.reason is None:
                why = cause(ended)
                continue  # it died before it had the attempt
            if isinstance(ended, Gone) and ended.neighbours and not ended.lost:
                self._pool.suspect(self.assignment)
            return self._judge.report(ended, self.reason)
        raise WorkerError(f"worker processes die before they begin: {why}")

    async def _watch(self, worker: WorkerProcess, session: Session) -> None:
        """Returns when the attempt has ended, or has to."""
        end = session.end
        self._watched = session
        try:
            await self._wait(lambda: end.done() or self.reason is not None, START_SECONDS)
        finally:
            self._watched = None
            if self._measuring is not None:
                self._measuring.cancel()
        if end.done() or self.reason is not None:
            return
        if session.begun is not None:
            self.stop(StopReason.TIMED_OUT)
        else:
            self._now = True
            worker.end_for(f"no worker process was ready within {START_SECONDS:g} seconds", lost=True)

    def _on_change(self) -> None:
        """Something has happened in the worker. From when it has the attempt, that has its own time and limits: nobody
        is woken for this."""
        session = self._watched
        if session is None or session.begun is None or self._judge.begun:
            self._changed.set()
            return
        self._judge.begin(session.begun)
        self._ring_in(self._time_left())
        if self._worker is not None:
            self._measuring = self._watch_memory(self._worker)

    def _time_left(self) -> float | None:
        left = self.assignment.time_left
        return self.assignment.timeout if left is None else max(0.0, left)

    def _watch_memory(self, worker: WorkerProcess) -> asyncio.Task[None] | None:
        limit, pid = self.assignment.memory, worker.pid
        if limit is None or pid is None:
            return None
        return asyncio.create_task(self._stop_beyond(limit, pid))

    async def _stop_beyond(self, limit: int, pid: int) -> None:
        while not takes_more(pid, limit):  # noqa: ASYNC110 (the kernel tells nobody)
            await asyncio.sleep(POLL_SECONDS)
        self.stop(StopReason.MEMORY, now=True)

    async def _clear(self, worker: WorkerProcess, session: Session) -> None:
        """Has the attempt end, and its worker with it if that cannot have another one."""
        if not session.end.done():
            worker.kill(worker, signal.SIGTERM)
            await self._wait(lambda: session.end.done() or self._now, GRACE_SECONDS)
        elif self.reason is None and self._pool.is_fit(worker, session.end.result()):
            self._pool.release(worker, session)
            return
        worker.kill(worker, signal.SIGKILL)
        await asyncio.wait({worker.gone}, timeout=_KILL_SECONDS)
        worker.leave(session)

    async def _clear_shared(self, worker: WorkerProcess, session: Session) -> None:
        """Has the attempt end: by itself or, after a time for its neighbours to end, together with its worker."""
        loop = asyncio.get_running_loop()
        if not session.end.done():
            worker.cancel(session)
            soon = loop.time() + _SOON_SECONDS
            await self._wait(lambda: session.end.done() or self._now, GRACE_SECONDS)
            if self._now:
                await self._wait(session.end.done, max(0.0, soon - loop.time()))
        if not session.end.done():
            self._pool.retire(worker)
            worker.give_up(session)
            await self._wait(lambda: session.end.done() or self._now or not worker.has_hopeful(), NEIGHBOUR_SECONDS)
        if not session.end.done():
            worker.end_for(f"{self.assignment.where}, which ran in it as well, did not stop", lost=True)
            await asyncio.wait({worker.gone}, timeout=_KILL_SECONDS)
        self._pool.release(worker, session)
        if worker.retired and not worker.sessions:
            await asyncio.wait({worker.gone}, timeout=_KILL_SECONDS)

    async def _wait(self, over: Callable[[], bool], seconds: float | None) -> None:
        """Returns when it is over, or the time is."""
        self._ring_in(seconds)
        try:
            while not over() and not self._rung:
                self._changed.clear()
                await self._changed.wait()
        finally:
            self._ring_in(None)

    def _ring_in(self, seconds: float | None) -> None:
        """Ends a wait in so many seconds, or never, and not when it was to end before."""
        if self._timer is not None:
            self._timer.cancel()
        self._rung = False
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._rung = True
        self._changed.set()

    def _said(self, message: Message) -> None:
        """Takes what the task says of itself."""
        attempt, token = self.assignment.attempt, self.assignment.token
        match message:
            case {"progress": float() | int() | None as fraction, "message": str(text), "at": int(at)}:
                self.progress = Progress(attempt, token, at, fraction, clean(text))
            case {"notice": str(text), "subject": str(subject), "to": str() | None as notifier}:
                self._told_notices += 1
                name = None if notifier is None else clean(notifier)
                self.notices.append(TaskNotice(attempt, token, self._told_notices, clean(text), clean(subject), name))
        self._on_entries()
