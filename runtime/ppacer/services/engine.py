"""All that the scheduler holds in memory, made from the database and thrown away as a whole.

The loop's code runs in *turns*: whatever one turn changes goes into one transaction, and nothing of it is told to
anybody before that is durable. When a transaction fails, or a turn does, the memory is no longer what the database
says: the engine is closed and another one is loaded.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from ppacer.core.machine import RunMachine
from ppacer.core.model import Attempt, Run, RunKind, RunStatus, TaskRow
from ppacer.core.plan import DagPlan
from ppacer.core.restore import RestoreError
from ppacer.core.runs import new_run
from ppacer.services.changes import Changes, run_topic
from ppacer.services.commits import Commits
from ppacer.services.dag_run_watcher import DagRunWatcher
from ppacer.services.exchanges import LONGEST_WAIT, Exchanges
from ppacer.services.executors import Executors
from ppacer.services.journal import Journal
from ppacer.services.notifier import Notifier
from ppacer.services.ready_queue import ReadyQueue
from ppacer.services.registry import Registry
from ppacer.services.run_queue import QueuedRun, RunQueue
from ppacer.services.task_scheduler import Settings, Sources, TaskScheduler
from ppacer.services.timers import Clock, Timers
from ppacer.store.store import Store

SCHEDULE = "schedule"
"""The actor of scheduled runs."""

_IN_PROGRAM = "in-program-"
_log = logging.getLogger("ppacer")


class Engine:
    """`failed` is called once if the engine can no longer be trusted; it must be closed then."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        journal: Journal,
        changes: Changes,
        clock: Clock,
        *,
        sources: Sources,
        settings: Settings,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._registry = registry
        self._store = store
        self._journal = journal
        self._clock = clock
        self._sources = sources
        self._settings = settings
        self._in_program = f"{_IN_PROGRAM}{sources.leader}"
        self._timers = Timers()
        self._notifier = Notifier()
        self._last_scheduled: dict[str, int] = {}
        self._ended: deque[Run] = deque()
        self._advancing: dict[str, None] = {}
        self.commits = Commits(journal, changes, failed)
        self.ready = ReadyQueue()
        self.executors = Executors(self.ready, self._timers, clock, presence=max(2 * settings.lease, 2 * LONGEST_WAIT))
        self.tasks = TaskScheduler(
            registry,
            self.commits,
            self.ready,
            self.executors,
            timers=self._timers,
            clock=clock,
            notifier=self._notifier,
            sources=sources,
            settings=settings,
            turn=self.turn,
            run_ended=self._ended.append,
        )
        self.queue = RunQueue(self._start, self._limit)
        self.exchanges = Exchanges(
            self.tasks,
            self.executors,
            self.ready,
            commits=self.commits,
            journal=journal,
            store=store,
            turn=self.turn,
            in_program=self._in_program,
        )
        self.watcher = DagRunWatcher(
            self.commits,
            self._timers,
            clock,
            turn=self.turn,
            make_run=self._make_scheduled,
            has_room=self._has_room,
        )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Everything inside, and all that follows from it, is one transaction. A turn never waits."""
        try:
            yield
            self._follow_up()
        except Exception as error:
            _log.exception("the scheduler's state is in doubt and is read from the database again")
            self.commits.fail(error)
            raise
        self.commits.flush()

    async def load(self, watermarks: Mapping[str, int], since: int) -> None:
        """Takes over what the database says is under way, and watches the schedules: nobody did so up to `since`."""
        read, store = self._journal.read, self._store
        runs = await read(store.active_runs)
        seqs = await read(store.last_event_seq, [run.id for run in runs])
        live: dict[str, list[Attempt]] = {}
        for attempt in await read(store.live_attempts):
            live.setdefault(attempt.run_id, []).append(attempt)
        for dag_id, current in self._registry.current.items():
            if current.dag.schedules and (last := await read(store.last_scheduled, dag_id)) is not None:
                self._last_scheduled[dag_id] = last.scheduled_at
        found: list[_Found] = []
        for run in runs:
            plan = await self._registry.plan(run.build, run.dag)
            rows = await read(store.tasks, run.id, run.epoch) if run.status is RunStatus.RUNNING else []
            found.append(_Found(run, plan, rows, live.get(run.id, []), seqs[run.id]))
        with self.turn():  # all in one: no run starts before every active one is counted
            for one in found:
                self._restore(one)
            if self._settings.schedules:
                self.watcher.watch(self._registry.current, watermarks, since)
        await self.commits.settled()

    def close(self) -> None:
        """Ends all timers and long-polls. What has been handed to the journal is still written."""
        self._timers.close()
        self.exchanges.close()

    def create(
        self,
        plan: DagPlan,
        kind: RunKind,
        scheduled_at: int,
        *,
        actor: str,
        params: str = "{}",
        idempotency_key: str | None = None,
    ) -> Run:
        """Makes a run and queues it; belongs into a turn, at whose end it starts if there is room."""
        now = self._clock.now()
        run, writes = new_run(
            id=self._sources.new_id(now),
            dag=plan.dag.id,
            build=plan.build,
            kind=kind,
            scheduled_at=scheduled_at,
            at=now,
            actor=actor,
            previous_at=self._last_scheduled.get(plan.dag.id),
            params=params,
            idempotency_key=idempotency_key,
        )
        self.commits.write(writes)
        self.commits.announce(run_topic(run.id))
        self.queue.add(QueuedRun(plan, run, seq=1))
        self._advancing[run.dag] = None
        return run

    def cancel(self, run_id: str, actor: str) -> bool:
        """Asks a queued or active run to end; false if there is none of that id. Belongs into a turn."""
        machine = self.tasks.machine(run_id)
        if machine is not None:
            self.tasks.cancel(machine, actor)
            return True
        queued = self.queue.waiting(run_id)
        if queued is None:
            return False
        self.queue.withdraw(run_id)
        alone = RunMachine(queued.plan, queued.run, new_id=self._sources.new_id, seq=queued.seq)
        self.tasks.cancel(alone, actor)
        return True

    # --- what follows within a turn ----------------------------------------------------------------------------------

    def _follow_up(self) -> None:
        """Ended runs make room, room starts runs, started runs offer attempts, handing those out may end runs."""
        while True:
            while self._ended:
                run = self._ended.popleft()
                self.queue.ended(run)
                self._advancing[run.dag] = None
                self.watcher.room(run.dag)
            if self._advancing:
                dag_id = next(iter(self._advancing))
                del self._advancing[dag_id]
                self.queue.advance(dag_id)
                continue
            self.exchanges.dispatch()
            if not self._ended and not self._advancing:
                return

    def _start(self, queued: QueuedRun) -> None:
        self.tasks.start(queued.plan, queued.run, queued.seq)

    def _limit(self, plan: DagPlan) -> int:
        """As many runs as the program now says, not as the build of an old run said."""
        current = self._registry.current.get(plan.dag.id, plan)
        return current.dag.max_active_runs

    def _has_room(self, plan: DagPlan) -> bool:
        dag_id = plan.dag.id
        return self.queue.active_of(dag_id) + self.queue.queued_of(dag_id) < self._limit(plan)

    def _make_scheduled(self, plan: DagPlan, due: int) -> None:
        self.create(plan, RunKind.SCHEDULED, due, actor=SCHEDULE)
        self._last_scheduled[plan.dag.id] = due

    # --- restoring ---------------------------------------------------------------------------------------------------

    def _restore(self, found: _Found) -> None:
        run, plan = found.run, found.plan
        self._advancing[run.dag] = None
        try:
            if plan is None:
                raise RestoreError(f"build {run.build[:12]}, on which the run began, cannot be read")
            if run.status is RunStatus.QUEUED:
                self.queue.add(QueuedRun(plan, run, found.seq))
                return
            machine = RunMachine.restore(plan, run, found.tasks, found.live, new_id=self._sources.new_id, seq=found.seq)
        except RestoreError as error:
            self.tasks.abandon(run, found.tasks, found.live, seq=found.seq, reason=str(error))
            return
        self.queue.restore(run)
        self.tasks.restore(machine, self._died)

    def _died(self, attempt: Attempt) -> bool:
        """Whether the attempt's executor lived in the process of an earlier scheduler, which is known to be gone."""
        instance = attempt.instance or ""
        return instance.startswith(_IN_PROGRAM) and instance != self._in_program


@dataclass(frozen=True, slots=True)
class _Found:
    """A run that the database says is under way."""

    run: Run
    plan: DagPlan | None
    tasks: list[TaskRow]
    live: list[Attempt]
    seq: int
