"""All that the scheduler holds in memory, made from the database and thrown away as a whole.

The loop's code runs in *turns*: whatever one turn changes goes into one transaction, and nothing of it is told to
anybody before that is durable. When a transaction fails, or a turn does, the memory is no longer what the database
says: the engine is closed and another one is loaded.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ppacer.config import Retention
from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.instants import microseconds
from ppacer.core.machine import RunMachine
from ppacer.core.model import (
    Attempt,
    Backfill,
    DagEvent,
    DagEventKind,
    DagRow,
    InsertDagEvent,
    Run,
    RunKind,
    RunStatus,
    TaskRow,
    Write,
)
from ppacer.core.plan import DagPlan
from ppacer.core.restore import RestoreError
from ppacer.core.runs import new_run
from ppacer.core.scopes import run_scope
from ppacer.protocol import RunRequest
from ppacer.services.alarms import Alarms
from ppacer.services.alerting import Alerting
from ppacer.services.awaited_runs import ACTOR as RUN_DAG
from ppacer.services.awaited_runs import AwaitedRuns, key_of
from ppacer.services.backfills import Backfills
from ppacer.services.caller import Caller
from ppacer.services.changes import Changes, dag_topic, run_topic
from ppacer.services.commits import Commits
from ppacer.services.custom_schedules import CustomSchedules
from ppacer.services.dag_rows import DagRows
from ppacer.services.dag_run_watcher import SCHEDULE, DagRunWatcher
from ppacer.services.errors import InvalidTrigger, UnknownDag
from ppacer.services.exchanges import LONGEST_WAIT, Exchanges
from ppacer.services.executors import Executors
from ppacer.services.journal import Journal
from ppacer.services.measures import Measures
from ppacer.services.notices import Outgoing
from ppacer.services.notification_sender import NotificationSender, pending_outgoing
from ppacer.services.notifier import Notifier
from ppacer.services.params import params_json
from ppacer.services.pruner import Pruner
from ppacer.services.ready_queue import ReadyQueue
from ppacer.services.registry import Registry
from ppacer.services.run_queue import QueuedRun, RunQueue
from ppacer.services.task_notices import TaskNotices
from ppacer.services.task_scheduler import Settings, Sources, TaskScheduler, environment
from ppacer.services.timers import Clock, Timers
from ppacer.services.traces import Traces
from ppacer.store.logs import LogStore
from ppacer.store.store import Store

_IN_PROGRAM = "in-program-"
_log = logging.getLogger("ppacer")


class Engine:
    """`failed` is called once if the engine can no longer be trusted; it must be closed then. `caller` runs what people
    wrote, `custom` asks their schedules; `page` is the address under which people reach the page, if they can."""

    def __init__(
        self,
        registry: Registry,
        store: Store,
        logs: LogStore,
        journal: Journal,
        changes: Changes,
        *,
        clock: Clock,
        sources: Sources,
        settings: Settings,
        caller: Caller,
        custom: CustomSchedules,
        page: str | None,
        retention: Retention,
        failed: Callable[[BaseException], None],
        measures: Measures,
        traces: Traces | None,
    ) -> None:
        self._registry = registry
        self._store = store
        self._journal = journal
        self._clock = clock
        self._sources = sources
        self._settings = settings
        self._in_program = f"{_IN_PROGRAM}{sources.leader}"
        self._timers = Timers()
        self._alarms = Alarms(self._timers, clock)
        self._last_scheduled: dict[str, int] = {}
        self._ended: deque[Run] = deque()
        self._given_up: deque[str] = deque()
        self._advancing: dict[str, None] = {}
        self.commits = Commits(journal, changes, failed)
        self.ready = ReadyQueue()
        self.executors = Executors(self.ready, self._timers, clock, presence=max(2 * settings.lease, 2 * LONGEST_WAIT))
        self.dags = DagRows(self.commits, self._watermark)
        self._awaited = AwaitedRuns(make=self._make_asked, tell=self._tell_awaiting, cancel=self.cancel)
        self._sender = NotificationSender(
            self.commits, self._timers, clock, caller, turn=self.turn, plan=registry.plan, page=page
        )
        self.alerting = Alerting(
            self.commits,
            Notifier(),
            clock,
            send=self._send,
            new_id=sources.new_id,
            silenced=lambda dag_id: self.dags.silenced(dag_id, clock.now()),
            env=environment,
            page=page,
        )
        self.pruner = Pruner(
            store,
            logs,
            journal,
            self.commits,
            timers=self._timers,
            clock=clock,
            retention=retention,
            turn=self.turn,
            forget=self._sender.forget,
        )
        self.tasks = TaskScheduler(
            registry,
            self.commits,
            self.ready,
            self.executors,
            timers=self._timers,
            alarms=self._alarms,
            clock=clock,
            alerting=self.alerting,
            sources=sources,
            settings=settings,
            turn=self.turn,
            run_ended=self._ended.append,
            reopened=self._reopened,
            ask=self._awaited.ask,
            given_up=self._given_up.append,
            measures=measures,
            traces=traces,
        )
        self.queue = RunQueue(self._start, self._limit)
        self.exchanges = Exchanges(
            self.tasks,
            TaskNotices(self.tasks, self.alerting, journal, store),
            self.executors,
            self.ready,
            commits=self.commits,
            journal=journal,
            store=store,
            turn=self.turn,
            in_program=self._in_program,
            leader=sources.leader,
            next_due_in=self._next_due_in,
        )
        self.watcher = DagRunWatcher(
            self.commits,
            self._timers,
            clock,
            self.queue,
            turn=self.turn,
            make_run=self._make_scheduled,
            make_way=self._make_way,
            tell=self.tell_dag,
            ask=custom.ask,
        )
        self.backfills = Backfills(
            self.commits,
            journal,
            store,
            timers=self._timers,
            clock=clock,
            queue=self.queue,
            watcher=self.watcher,
            custom=custom,
            turn=self.turn,
            prepare=self._prepare_backfilled,
            cancel_run=self.cancel,
            tell=self.tell_dag,
            new_id=sources.new_id,
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

    async def load(self, dags: Iterable[DagRow], since: int) -> None:
        """Takes over what the database says is under way, and watches the schedules: nobody did so up to `since`."""
        read, store = self._journal.read, self._store
        self.dags.load(dags)
        runs = await read(store.active_runs)
        seqs = await read(store.last_event_seq, [run.id for run in runs])
        live: dict[str, list[Attempt]] = {}
        for attempt in await read(store.live_attempts):
            live.setdefault(attempt.run_id, []).append(attempt)
        for dag_id, due in (await read(store.last_due_times)).items():
            current = self._registry.current.get(dag_id)
            if current is not None and current.dag.schedules:
                self._last_scheduled[dag_id] = due
        found: list[_Found] = []
        for run in runs:
            plan = await self._registry.plan(run.build, run.dag)
            begun = run.status is RunStatus.RUNNING or run.epoch > 1
            rows = await read(store.current_tasks, run.id) if begun else []
            found.append(_Found(run, plan, rows, live.get(run.id, []), seqs[run.id]))
        backfills = await read(store.active_backfills)
        unsent = await read(pending_outgoing, store)
        made = await read(store.due_times_ahead)  # by backfills
        with self.turn():  # all in one: no run starts before every active one is counted
            for one in found:
                self._restore(one)
            if self._settings.schedules:
                self.watcher.watch(self._registry.current, self.dags, self._last_scheduled, since, made)
            self.backfills.restore(backfills, self._registry.current, runs, go_on=self._settings.schedules)
        await self._await_again()
        await self.commits.settled()
        for outgoing in unsent:
            self._send(outgoing)
        self.pruner.start()

    async def told(self) -> tuple[str, ...]:
        """Waits until all that is to be told has been tried once; what could not be told then, and why."""
        await self.commits.settled()
        return await self._sender.all_tried()

    def close(self) -> None:
        """Ends all timers and long-polls. What has been handed to the journal is still written."""
        self.watcher.close()
        self.backfills.close()
        self.pruner.close()
        self._timers.close()
        self._sender.close()
        self.exchanges.close()

    def prepare(
        self,
        plan: DagPlan,
        kind: RunKind,
        scheduled_at: int,
        *,
        actor: str,
        given: Mapping[str, object],
        idempotency_key: str | None = None,
        backfill: str | None = None,
        previous_at: int | None = None,
        request: str | None = None,
    ) -> Prepared:
        """A run that could be made, its parameters worked out from those given and the defaults; nothing has changed.

        Raises `InvalidTrigger`.
        """
        now = self._clock.now()
        last = self._last_scheduled.get(plan.dag.id)
        before = last if previous_at is None and last is not None and last < scheduled_at else previous_at
        fields = partial(
            new_run,
            id=self._sources.new_id(now),
            dag=plan.dag.id,
            build=plan.build,
            kind=kind,
            scheduled_at=scheduled_at,
            at=now,
            actor=actor,
            previous_at=before,
            idempotency_key=idempotency_key,
            backfill=backfill,
            request=request,
        )
        bare, _ = fields()
        try:
            scope = run_scope(bare, plan.dag.timezone, environment)
        except OverflowError:
            zone = plan.dag.timezone
            raise InvalidTrigger(f"scheduled_at is beyond the years 1 to 9999 in {zone}", "scheduled_at") from None
        params = params_json(plan.dag, given, scope)
        run, writes = fields(params=params)
        return Prepared(plan, run, writes)

    def create(self, prepared: Prepared) -> Run:
        """Makes a run and queues it; belongs into a turn, at whose end it starts if there is room."""
        run = prepared.run
        self.commits.write(prepared.writes)
        self.commits.announce(run_topic(run.id))
        self._enqueue(self.tasks.new_machine(prepared.plan, run, seq=1))
        self._watch_deadline(run, prepared.plan)
        return run

    def cancel(self, run_id: str, actor: str) -> bool:
        """Asks a queued or active run to end; false if there is none of that id. Belongs into a turn."""
        machine = self.tasks.machine(run_id)
        if machine is None:
            return False
        if self.queue.waiting(run_id) is not None:
            self.queue.withdraw(run_id)
        self.tasks.happened(machine, h.CancelAsked(self._clock.now(), actor))
        return True

    def tell_dag(self, dag_id: str, kind: DagEventKind, actor: str, **payload: object) -> None:
        """Adds to a dag's history; belongs into a turn."""
        now = self._clock.now()
        text = json.dumps(payload, separators=(",", ":"))
        self.commits.write([InsertDagEvent(DagEvent(self._sources.new_id(now), dag_id, now, kind, actor, text))])
        self.commits.announce(dag_topic(dag_id))

    # --- what follows within a turn ----------------------------------------------------------------------------------

    def _follow_up(self) -> None:
        """Runs that nobody waits for any more are cancelled, ended runs make room, room starts runs, started runs offer
        attempts, handing those out may end runs."""
        while True:
            while self._given_up:  # one after the other: runs may wait for runs that wait for runs
                self._awaited.given_up(self._given_up.popleft())
            while self._ended:
                run = self._ended.popleft()
                self.queue.ended(run)
                self._advancing[run.dag] = None
                self._awaited.ended(run)
                self.watcher.room(run.dag)
                self.backfills.ended(run)
            if self._advancing:
                dag_id = next(iter(self._advancing))
                del self._advancing[dag_id]
                self.queue.advance(dag_id)
                continue
            if self._given_up:
                continue
            self.exchanges.dispatch()
            if not (self._given_up or self._ended or self._advancing):
                return

    def _enqueue(self, machine: RunMachine) -> None:
        if machine.run.epoch == 1 and not self._settings.begins:
            return
        self.queue.add(QueuedRun(machine.plan, machine.run, seq=machine.seq))
        self._advancing[machine.run.dag] = None

    def _reopened(self, machine: RunMachine) -> None:
        """Part of a run is to be done again: one that had ended waits for its turn once more."""
        if machine.run.status is RunStatus.QUEUED:
            self._enqueue(machine)
            self._watch_deadline(machine.run, machine.plan)
            self.backfills.reopened(machine.run)

    def _start(self, queued: QueuedRun) -> None:
        self.tasks.start(queued.run.id)

    def _send(self, outgoing: Outgoing) -> None:
        if self._settings.begins:  # else there is nobody who could: whoever comes next does
            self._sender.add(outgoing)

    def _watermark(self, dag_id: str) -> int | None:
        return self.watcher.watermark(dag_id)

    def _limit(self, plan: DagPlan) -> int:
        """As many runs as the program now says, not as the build of an old run said."""
        current = self._registry.current.get(plan.dag.id, plan)
        return current.dag.max_active_runs

    def _next_due_in(self) -> float | None:
        """Seconds until the next run is due, as far as that is known."""
        due = self.watcher.next_due_overall()
        return None if due is None else max(0.0, (due - self._clock.now()) / 1_000_000)

    def _make_way(self, plan: DagPlan) -> None:
        """Cancels the oldest runs of the dag, as many as keep one more from starting."""
        for run_id in self.queue.in_the_way(plan, self._is_ending):
            self.cancel(run_id, SCHEDULE)

    def _is_ending(self, run_id: str) -> bool:
        machine = self.tasks.machine(run_id)
        return machine is not None and machine.ending

    def _make_scheduled(self, plan: DagPlan, due: int) -> None:
        try:
            prepared = self.prepare(plan, RunKind.SCHEDULED, due, actor=SCHEDULE, given={})
        except InvalidTrigger as error:
            _log.error("no run is made for the due time of dag %s: %s", plan.dag.id, error)
            self.tell_dag(plan.dag.id, DagEventKind.DUE_SKIPPED, SCHEDULE, due=due, reason=str(error))
            return
        self.create(prepared)
        self._last_scheduled[plan.dag.id] = due

    def _prepare_backfilled(
        self, plan: DagPlan, row: Backfill, due: int, previous_at: int | None, given: Mapping[str, object]
    ) -> Callable[[], Run]:
        prepared = self.prepare(
            plan, RunKind.BACKFILL, due, actor=row.actor, given=given, backfill=row.id, previous_at=previous_at
        )
        return partial(self.create, prepared)

    # --- lateness ----------------------------------------------------------------------------------------------------

    def _watch_deadline(self, run: Run, plan: DagPlan) -> None:
        """Has it noticed when a run has not ended in time: scheduled ones are due when planned, others when made.

        One that is done again after its deadline is nothing that anybody waits for.
        """
        deadline = plan.dag.deadline
        if deadline is None or run.late_at is not None:
            return
        span = microseconds(deadline)
        due = (run.scheduled_at if run.kind is RunKind.SCHEDULED else run.created_at) + span
        if run.epoch > 1 and due <= self._clock.now():
            return
        self._alarms.set(run.id, due, max(0, due - self._clock.now()), lambda at: self._deadline_passed(run.id, at))

    def _deadline_passed(self, run_id: str, at: int) -> None:
        machine = self.tasks.machine(run_id)
        if machine is not None:
            with self.turn():
                self.tasks.happened(machine, h.DeadlinePassed(at))

    # --- runs that tasks ask for -------------------------------------------------------------------------------------

    def _make_asked(self, request: RunRequest, key: str) -> Run:
        plan = self._registry.current.get(request.dag)
        if plan is None:
            raise UnknownDag(f"there is no dag {request.dag} in this program")
        at = self._clock.now() if request.scheduled_at is None else request.scheduled_at
        try:
            given = codec.decode(request.params)
        except codec.CodecError as error:
            raise InvalidTrigger(f"the parameters of a run cannot be read: {error}") from error
        if not isinstance(given, dict):
            raise InvalidTrigger("the parameters of a run are a dict")
        return self.create(self.prepare(plan, RunKind.MANUAL, at, actor=RUN_DAG, given=given, idempotency_key=key))

    def _tell_awaiting(self, run_id: str, attempt_id: str, output: str | None, error: str | None) -> None:
        self.tasks.awaited(run_id, attempt_id, output, error)

    async def _await_again(self) -> None:
        """Finds the runs that attempts of restored runs wait for: they were made in the transaction of the waiting."""
        for command in self.tasks.awaiting():
            run = await self._asked_for(command)
            with self.turn():
                if self.tasks.waits(command.attempt):
                    if run is None:
                        self._awaited.ask(command)
                    else:
                        self._awaited.found(command, run)
                elif run is not None:  # the wait was over in the meantime
                    self.cancel(run.id, RUN_DAG)

    async def _asked_for(self, command: h.Await) -> Run | None:
        """The run that an attempt asked for, as it is: it may end at any moment, even before its end is durable."""
        while True:
            await self.commits.settled()
            run = await self._journal.read(
                self._store.run_by_idempotency_key, command.request.dag, key_of(command.attempt)
            )
            if run is None or run.status.terminal or self.tasks.machine(run.id) is not None:
                return run

    # --- restoring ---------------------------------------------------------------------------------------------------

    def _restore(self, found: _Found) -> None:
        run, plan = found.run, found.plan
        self._advancing[run.dag] = None
        try:
            if plan is None:
                raise RestoreError(f"build {run.build[:12]}, on which the run began, cannot be read")
            machine = self.tasks.restored_machine(plan, run, found.tasks, found.live, found.seq)
        except RestoreError as error:
            self.tasks.abandon(run, found.tasks, found.live, seq=found.seq, reason=str(error))
            return
        if run.status is RunStatus.QUEUED:
            self.tasks.adopt(machine)
            self._enqueue(machine)
        else:
            self.queue.restore(run)
            self.tasks.restore(machine, self._died)
        self._watch_deadline(run, plan)

    def _died(self, attempt: Attempt) -> bool:
        """Whether the attempt's executor lived in the process of an earlier scheduler, which is known to be gone."""
        instance = attempt.instance or ""
        return instance.startswith(_IN_PROGRAM) and instance != self._in_program


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that could be made, and what makes it durable."""

    plan: DagPlan
    run: Run
    writes: list[Write]


@dataclass(frozen=True, slots=True)
class _Found:
    """A run that the database says is under way."""

    run: Run
    plan: DagPlan | None
    tasks: list[TaskRow]
    live: list[Attempt]
    seq: int
