"""Removes what is no longer to be kept: runs, logs, outputs, events of dags and notifications; and returns the space.

It looks every ten minutes and works in small steps, each a short transaction among the others, with rests in between
that are longer the longer the steps take: whatever it has to remove, nobody waits for it noticeably. What is old it
finds through indexes, so that looking costs nothing where there is nothing to remove.

A run's logs go before the run does: ended in between, the next pass finds the run again, and with it what was left. A
run of very many rows goes in pieces (`ppacer.store.trim`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final, ParamSpec, TypeVar

from ppacer.config import Retention
from ppacer.core.accounts import DeleteAudit
from ppacer.core.ids import first_id
from ppacer.core.instants import SECOND
from ppacer.core.model import ClearOutputs, DeleteDagEvents, DeleteNotifications, DeleteRuns, Write
from ppacer.services.changes import run_topic
from ppacer.services.commits import Commits
from ppacer.services.errors import SchedulerUnavailable, UnknownRun
from ppacer.services.journal import Journal
from ppacer.services.timers import Clock, Timers
from ppacer.store.errors import StoreError
from ppacer.store.logs import LogStore
from ppacer.store.old import BEGINNING, Mark, OldRun
from ppacer.store.store import Store

FIRST_AFTER: Final = 60.0
EVERY: Final = 600.0
"""Seconds from the start to the first pass, and from the end of each to the next."""

ROWS: Final = 500
ENTRIES: Final = 500
PAGES: Final = 200
"""How many rows, entries of logs (of up to 16 KiB each) and pages of a database file one step deals with at most."""

PER_READ: Final = 100
"""How many runs, or attempts with logs, are looked at together."""

RESTS: Final = 4
LEAST_REST: Final = 0.02
"""After each step it rests so many times as long as the step took, and so many seconds at least."""

DAY: Final = 86_400 * SECOND

OVERLAP: Final = 60 * SECOND
"""How long after the end of a run a look may come that does not see it: the end is known before it is durable."""

_log = logging.getLogger("ppacer")
P = ParamSpec("P")
T = TypeVar("T")


class Pruner:
    """`forget` is told, within the turn that does so, of the runs that are deleted, and their notifications with them.

    Whoever begins something with an ended run does so inside `spared`.
    """

    def __init__(
        self,
        store: Store,
        logs: LogStore,
        journal: Journal,
        commits: Commits,
        *,
        timers: Timers,
        clock: Clock,
        retention: Retention,
        turn: Callable[[], AbstractContextManager[None]],
        forget: Callable[[Sequence[str]], None],
    ) -> None:
        self._store = store
        self._logs = logs
        self._journal = journal
        self._commits = commits
        self._timers = timers
        self._clock = clock
        self._retention = retention
        self._turn = turn
        self._forget = forget
        self._removing: frozenset[str] = frozenset()
        self._spared: list[str] = []
        self._spared_lately: set[str] | None = None  # since the last look of the pass under way
        self._looked_at: int | None = None
        self._removed: Counter[str] = Counter()
        self._pass: asyncio.Task[None] | None = None
        self._closed = False

    def start(self) -> None:
        self._timers.call_in(FIRST_AFTER, self._ring)

    def close(self) -> None:
        """Ends the pass under way; a step that has begun is still carried out."""
        self._closed = True
        if self._pass is not None:
            self._pass.cancel()

    @contextmanager
    def spared(self, run_id: str) -> Iterator[None]:
        """Nothing of the run is removed meanwhile. Raises `UnknownRun` where that is under way at this moment."""
        if run_id in self._removing:
            raise UnknownRun(f"run {run_id} is being removed: it is no longer kept")
        self._spared.append(run_id)
        if self._spared_lately is not None:
            self._spared_lately.add(run_id)
        try:
            yield
        finally:
            self._spared.remove(run_id)

    def _ring(self) -> None:
        self._pass = asyncio.ensure_future(self._prune())

    async def _prune(self) -> None:
        """One pass. What goes wrong ends it, and the next one tries again."""
        try:
            await self._prune_all(self._clock.now())
        except (StoreError, SchedulerUnavailable) as error:
            _log.warning("what is no longer kept could not be removed for now: %s", error)
        except Exception:
            _log.exception("what is no longer kept could not be removed for now")
        self._spared_lately = None
        if self._closed:
            return
        if removed := +self._removed:  # those above 0
            told = ", ".join(f"{what}: {number}" for what, number in removed.items())
            _log.info("removed what is no longer kept (%s)", told)
        self._removed.clear()
        self._timers.call_in(EVERY, self._ring)

    async def _prune_all(self, now: int) -> None:
        keep = self._retention
        if keep.days:
            old = now - keep.days * DAY
            await self._remove_runs((old, ""))
            await self._remove_dag_events(first_id(old))
            await self._remove_audit(first_id(old))
            await self._remove_notifications(first_id(old), old)
        if keep.runs:
            await self._remove_runs_beyond(keep.runs, now)
        if keep.outputs_days:
            await self._clear_outputs(now - keep.outputs_days * DAY)
        if keep.logs_days:
            await self._remove_old_logs(now - keep.logs_days * DAY)
        for give_back in (self._store.give_back, self._logs.give_back):
            while await self._upkeep(give_back, PAGES) == PAGES:
                pass

    # --- runs --------------------------------------------------------------------------------------------------------

    async def _remove_runs(self, until: Mark, dag: str | None = None) -> None:
        after = BEGINNING
        while found := await self._look(self._store.old.runs, until, after, PER_READ, dag=dag):
            with self._removal(found) as runs:
                after = (runs or found)[-1].mark
                if runs:
                    await self._remove(runs)

    async def _remove(self, runs: Sequence[OldRun]) -> None:
        ids = [run.id for run in runs]
        await self._remove_logs(await self._journal.read(self._store.old.attempts, ids))
        for run in runs:
            if run.rows > ROWS:
                await self._repeat(self._store.trim_run, run.id)
        await self._change([DeleteRuns(tuple(ids))], deleted=ids)
        self._removed["runs"] += len(ids)

    async def _remove_runs_beyond(self, keep: int, now: int) -> None:
        """Looks at the dags of which a run has ended since the last look, at all of them if the clock was set back."""
        since, self._looked_at = self._looked_at, None
        if since is None or since > now:
            dags = [row.dag for row in await self._journal.read(self._store.dags)]
        else:
            dags = await self._journal.read(self._store.old.dags_of_runs_since, since - OVERLAP)
        for dag in dags:
            until = await self._journal.read(self._store.old.beyond, dag, keep)
            if until is not None:
                await self._remove_runs(until, dag)
        self._looked_at = now

    async def _clear_outputs(self, ended_before: int) -> None:
        while found := await self._look(self._store.old.runs_with_outputs, ended_before, PER_READ):
            with self._removal(found) as runs:
                if not runs:  # all that is left can wait for the next pass
                    return
                for run in runs:
                    if run.rows > ROWS:
                        await self._repeat(self._store.trim_outputs, run.id)
                await self._change([ClearOutputs(tuple(run.id for run in runs))])
                self._removed["outputs of runs"] += len(runs)

    # --- the rest ----------------------------------------------------------------------------------------------------

    async def _remove_dag_events(self, before: str) -> None:
        while ids := await self._journal.read(self._store.old.dag_events, before, ROWS):
            await self._change([DeleteDagEvents(tuple(ids))])
            self._removed["events of dags"] += len(ids)

    async def _remove_audit(self, before: str) -> None:
        while ids := await self._journal.read(self._store.accounts.old_audit, before, ROWS):
            await self._change([DeleteAudit(tuple(ids))])
            self._removed["entries of the audit log"] += len(ids)

    async def _remove_notifications(self, before: str, at_before: int) -> None:
        while ids := await self._journal.read(self._store.old.notifications, before, at_before, ROWS):
            await self._change([DeleteNotifications(tuple(ids))])
            self._removed["notifications"] += len(ids)

    async def _remove_old_logs(self, ended_before: int) -> None:
        """Logs of attempts that ended before this time, or that are not there any more."""
        after, before = "", first_id(ended_before)
        while ids := await self._journal.read(self._logs.attempts, after, before, PER_READ):
            recent = await self._journal.read(self._store.old.recent_attempts, ids, ended_before)
            await self._remove_logs([id_ for id_ in ids if id_ not in recent])
            after = ids[-1]

    async def _remove_logs(self, attempt_ids: Sequence[str]) -> None:
        for start in range(0, len(attempt_ids), PER_READ):
            spans = await self._journal.read(self._logs.spans, attempt_ids[start : start + PER_READ])
            for parts in _steps(spans.items()):
                await self._upkeep(self._logs.delete, parts)
            self._removed["logs of attempts"] += len(spans)

    # --- how ---------------------------------------------------------------------------------------------------------

    async def _look(self, find: Callable[P, list[OldRun]], *args: P.args, **kwargs: P.kwargs) -> list[OldRun]:
        """What there is to remove; with what somebody has begun since then, that is not so any more."""
        self._spared_lately = set(self._spared)
        return await self._journal.read(find, *args, **kwargs)

    @contextmanager
    def _removal(self, found: Sequence[OldRun]) -> Iterator[Sequence[OldRun]]:
        """Those of the runs, in order, that may be dealt with now, and as many as one transaction takes."""
        runs = _first_of([run for run in found if run.id not in (self._spared_lately or ())])
        self._removing = frozenset(run.id for run in runs)
        try:
            yield runs
        finally:
            self._removing = frozenset()

    async def _change(self, writes: list[Write], *, deleted: Sequence[str] = ()) -> None:
        """One step through a turn; returns when it is durable and the rest is over."""
        begun = self._timers.time()
        with self._turn():
            self._forget(deleted)
            for run_id in deleted:
                self._commits.announce(run_topic(run_id))
            self._commits.write(writes)
        await self._commits.settled()
        await self._rest(begun)

    async def _repeat(self, step: Callable[[str, int], int], run_id: str) -> None:
        while await self._upkeep(step, run_id, ROWS) == ROWS:
            pass

    async def _upkeep(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One step beside the turns, likewise."""
        begun = self._timers.time()
        try:
            result = await self._journal.upkeep(function, *args, **kwargs)
        except Exception as error:  # the journal has failed, and what has been asked of it since
            self._commits.fail(error)
            raise
        await self._rest(begun)
        return result

    async def _rest(self, begun: float) -> None:
        over = asyncio.Event()
        self._timers.call_in(max(LEAST_REST, RESTS * (self._timers.time() - begun)), over.set)
        await over.wait()


def _first_of(runs: Sequence[OldRun]) -> Sequence[OldRun]:
    """So many of the runs as one transaction takes: the first one at least."""
    size = 0
    for number, run in enumerate(runs):
        size += run.rows + 1
        if number and size > ROWS:
            return runs[:number]
    return runs


def _steps(spans: Iterable[tuple[str, tuple[int, int]]]) -> Iterator[list[tuple[str, int]]]:
    """Which entries (up to which `seq` of which attempt) to delete step by step."""
    parts: list[tuple[str, int]] = []
    left = ENTRIES
    for attempt, (first, last) in spans:
        done = first - 1
        while done < last:
            until = min(last, done + left)
            parts.append((attempt, until))
            left -= until - done
            done = until
            if left == 0:
                yield parts
                parts, left = [], ENTRIES
    if parts:
        yield parts
