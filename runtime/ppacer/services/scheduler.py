"""The scheduler: the one writer of a program's database, and everything that others may ask of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import ParamSpec, TypeVar

from ppacer import spec
from ppacer.config import FOR_EVER, Retention
from ppacer.core.model import DagRow, Run
from ppacer.core.plan import DagPlan
from ppacer.localtime import local_time
from ppacer.protocol import (
    LEASE_SECONDS,
    Ack,
    Exchange,
    ExchangeAnswer,
    Progress,
    refusal,
    renews_only,
)
from ppacer.records import replace
from ppacer.services.caller import Caller, CallError
from ppacer.services.changes import EVERYTHING, ChangedRuns, Changes, changed_within, log_topic, run_topic
from ppacer.services.custom_schedules import CustomSchedules
from ppacer.services.dag_run_watcher import MISFIRE_GRACE
from ppacer.services.engine import Engine
from ppacer.services.errors import SchedulerUnavailable, UnknownRun, UnsupportedProtocol
from ppacer.services.journal import Journal
from ppacer.services.measures import Measures
from ppacer.services.operations import Operations
from ppacer.services.ready_queue import GateKind
from ppacer.services.registry import Registry, SyncedDags
from ppacer.services.snapshots import Condition, DagState, ExecutorState, Health, PoolState
from ppacer.services.stalls import Stalls
from ppacer.services.task_scheduler import Settings, Sources
from ppacer.services.timers import Clock, SystemClock
from ppacer.services.traces import Traces
from ppacer.services.worker_pool import WorkerPool
from ppacer.store.errors import LeaderLost, StoreError
from ppacer.store.leader import Leader
from ppacer.store.logs import LogStore
from ppacer.store.store import Store

__all__ = ["Condition", "DagState", "ExecutorState", "Health", "Scheduler"]

CODE_GRACE_SECONDS = 60.0
"""How long an attempt of another build waits for an executor that has its code."""

_TOLD_DAGS = 12
"""How many names of dags one line of the log holds at most."""

_IN_DOUBT = "this scheduler is not sure at the moment that it still leads the database"

_log = logging.getLogger("ppacer")
P = ParamSpec("P")
T = TypeVar("T")


class Scheduler(Operations):
    """One program's scheduler. All methods belong to the event loop that called `start`.

    `lease` is the term of a lease and `code_grace` how long an attempt of another build waits for an executor that has
    its code, both in seconds. With `schedules` false no scheduled runs are made and none are passed over: for a command
    that needs a scheduler only for a run of its own; with `begins` false new runs stay queued and nobody is told
    anything: for a command with which nothing runs. `pool` makes the workers in which schedules and notifiers of the
    users' own are called, `page` is the address under which people reach the program's page, `retention` says what is
    kept and for how long, `leader` is who this scheduler is, if others may know. `leads` tells whether it is still sure
    to have the lead: nobody is answered while it is not. `traces` is told of what has ended. Whatever a method
    returns is durable.
    """

    def __init__(
        self,
        program: spec.Program,
        store: Store,
        logs: LogStore,
        *,
        clock: Clock | None = None,
        lease: float = LEASE_SECONDS,
        code_grace: float = CODE_GRACE_SECONDS,
        schedules: bool = True,
        begins: bool = True,
        pool: Callable[[], WorkerPool] | None = None,
        page: str | None = None,
        retention: Retention = FOR_EVER,
        leader: Leader | None = None,
        leads: Callable[[], bool] = lambda: True,
        traces: Traces | None = None,
    ) -> None:
        journal = Journal(store, logs)
        super().__init__(Registry(program, store, journal), store, journal, clock or SystemClock())
        self.program = program
        self.logs = logs
        self._settings = Settings(lease, code_grace, schedules, begins)
        self._sources = Sources(0)
        self.measures = Measures()
        self._changes = Changes()
        self._caller = Caller(pool or _no_workers)
        self._custom = CustomSchedules(self._caller)
        self._page = page
        self._retention = retention
        self._leader = leader
        self._leads = leads
        self._traces = traces
        self._condition = Condition.STARTING
        self._message = "the scheduler is starting"
        self._engine: Engine | None = None
        self._stalls = Stalls()
        self._recovery: asyncio.Task[None] | None = None
        self._lost_lead: asyncio.Event = asyncio.Event()
        self._leader_lost: LeaderLost | None = None

    async def start(self) -> None:
        """Becomes the database's leader, syncs builds and dags with it, restores what was in flight, watches schedules.

        Raises `StoreError` if the database does not take part.
        """
        self._sources = Sources(await asyncio.to_thread(self.store.advance_leader, self._leader))
        begun = self.clock.now()
        synced = await self._registry.sync(begun, self._sources.new_id)
        self._tell_dags(synced)
        try:
            await self._load(synced.rows.values(), begun)
        except SchedulerUnavailable as error:
            if isinstance(error.__cause__, StoreError):
                raise error.__cause__ from None
            raise
        self._tell_start()

    async def stop(self) -> None:
        """Answers open long-polls, commits what is under way, and leaves. The database stays open: the caller's own."""
        self._condition, self._message = Condition.STOPPED, "the scheduler has been stopped"
        self._stalls.close()
        if self._recovery is not None:
            self._recovery.cancel()
        if self._engine is not None:
            self._engine.close()
            await self._engine.exchanges.finished()
            try:
                await self._engine.commits.settled()
            except SchedulerUnavailable as error:
                _log.error("stopped while %s", error)
        await self._caller.close()
        await self.journal.close()

    async def wait_failed(self) -> None:
        """Returns never while all is well; raises `LeaderLost` when another scheduler has taken the database over."""
        await self._lost_lead.wait()
        if self._leader_lost is not None:
            raise self._leader_lost

    # --- executors ---------------------------------------------------------------------------------------------------

    async def told(self) -> tuple[str, ...]:
        """Waits until all that is to be told has been tried once; what could not be told then, and why."""
        return () if self._engine is None else await self._engine.told()

    async def exchange(self, exchange: Exchange) -> ExchangeAnswer:
        """Answers one exchange of a remote executor, after the commit of all that the answer tells.

        Raises `UnsupportedProtocol` and `SchedulerUnavailable`. May be cancelled at any time (a closed connection).
        """
        return await self._exchange(exchange, in_program=False)

    async def exchange_in_program(self, exchange: Exchange) -> ExchangeAnswer:
        """The same for an executor within this very process, whose attempts are known to have died with it."""
        return await self._exchange(exchange, in_program=True)

    # --- news --------------------------------------------------------------------------------------------------------

    async def changed(self, since: int, *, wait: float) -> int:
        """The number of the newest committed change of anything, once it is above `since` or `wait` seconds passed.

        Numbers count from 0 at the scheduler's start: a `since` from before a restart is answered at once.
        """
        with self._changes.follow(EVERYTHING) as follower:
            if self._changes.count == since:
                await changed_within(follower, wait)
            return self._changes.count

    def collect_changes(self) -> ChangedRuns:
        """What remembers which runs have changed from now on; for as long as the scheduler lives."""
        return self._changes.collect()

    async def run_changed(self, run_id: str, since: int, *, wait: float) -> int:
        """The `seq` of the run's newest committed event, once it is above `since` or `wait` seconds passed.

        Raises `UnknownRun`, `SchedulerUnavailable`.
        """
        with self._changes.follow(run_topic(run_id)) as follower:
            seq = await self._last_event(run_id)
            if seq == 0:
                raise UnknownRun(f"there is no run {run_id}")
            if seq > since or not await changed_within(follower, wait):
                return seq
        return await self._last_event(run_id)

    async def log_changed(self, attempt_id: str, since: int, *, wait: float) -> int:
        """The `seq` of the attempt's newest log entry, likewise; also returns when the attempt has ended.

        Raises `SchedulerUnavailable`.
        """
        with self._changes.follow(log_topic(attempt_id)) as follower:
            seq = await self._last_entry(attempt_id)
            attempt = await self._read(self.store.attempt, attempt_id)
            over = attempt is None or attempt.status.terminal
            if seq > since or over or not await changed_within(follower, wait):
                return seq
        return await self._last_entry(attempt_id)

    # --- what there is -----------------------------------------------------------------------------------------------

    async def dag_of(self, run: Run) -> spec.Dag | None:
        """The dag as the run's own build has it; none when that build cannot be read by this version."""
        plan = await self.plan_of(run)
        return None if plan is None else plan.dag

    async def plan_of(self, run: Run) -> DagPlan | None:
        """Likewise, laid out for running."""
        try:
            return await self._registry.plan(run.build, run.dag)
        except StoreError as error:
            raise SchedulerUnavailable(str(error)) from error

    def dags(self) -> tuple[DagState, ...]:
        """All dags of the program, in its order."""
        return tuple(self._dag_state(dag) for dag in self.program.dags)

    def dag(self, dag_id: str) -> DagState | None:
        plan = self._registry.current.get(dag_id)
        return None if plan is None else self._dag_state(plan.dag)

    def pools(self) -> tuple[PoolState, ...]:
        """The pools of the program, and those of earlier builds that are still in use."""
        engine = self._engine
        gates = [] if engine is None else engine.ready.gates()
        used = {gate.name: gate for gate in gates if gate.kind is GateKind.POOL}
        slots = {name: gate.limit for name, gate in used.items() if gate.used or gate.waiting}
        slots.update(self._registry.pools)
        states: list[PoolState] = []
        for name, limit in sorted(slots.items()):
            gate = used.get(name)
            states.append(PoolState(name, limit, gate.used if gate else 0, gate.waiting if gate else 0))
        return tuple(states)

    def progress(self, run_id: str) -> Mapping[str, Progress]:
        """How far the run's attempts say that they have come, by their ids."""
        return {} if self._engine is None else self._engine.tasks.progress(run_id)

    def executors(self) -> tuple[ExecutorState, ...]:
        """The executors that were heard of lately, longest known first."""
        engine = self._engine
        if engine is None:
            return ()
        return tuple(
            ExecutorState(
                name=executor.name,
                instance=executor.instance,
                build=executor.build,
                capacity=executor.capacity,
                labels=executor.labels,
                running=len(engine.executors.running(executor.instance)),
                leased_until=engine.tasks.leased_until(executor.instance),
                first_seen_at=executor.first_seen_at,
                last_seen_at=executor.last_seen_at,
                in_program=executor.in_program,
            )
            for executor in engine.executors.present()
        )

    def health(self) -> Health:
        engine = self._engine
        in_doubt = self._condition is Condition.READY and not self._leads()
        return Health(
            condition=Condition.STALLED if in_doubt else self._condition,
            message=_IN_DOUBT if in_doubt else self._message,
            epoch=self._sources.leader,
            leader=self._leader and replace(self._leader, epoch=self._sources.leader),
            active_runs=0 if engine is None else engine.queue.active,
            queued_runs=0 if engine is None else engine.queue.queued,
            ready_attempts=0 if engine is None else len(engine.ready),
            running_attempts=0 if engine is None else engine.tasks.running,
            executors=0 if engine is None else len(engine.executors),
        )

    # --- the engine --------------------------------------------------------------------------------------------------

    async def _load(self, dags: Iterable[DagRow], since: int) -> None:
        engine = Engine(
            self._registry,
            self.store,
            self.logs,
            self.journal,
            self._changes,
            clock=self.clock,
            sources=self._sources,
            settings=self._settings,
            caller=self._caller,
            custom=self._custom,
            page=self._page,
            retention=self._retention,
            failed=self._stall,
            measures=self.measures,
            traces=self._traces,
        )
        try:
            known = await self.journal.read(self.store.accounts.known)
            await engine.load(dags, since)
        except BaseException:
            engine.close()
            raise
        # Nothing may be waited for from here on: a fault of the engine that is told before it counts would be missed.
        self._engine = engine
        self.accounts.load(known)
        engine.tasks.begin_leases()  # not before: what was renewed from memory while it was loaded must last
        self._condition, self._message = Condition.READY, ""

    def _stall(self, error: BaseException) -> None:
        """What the engine holds is ahead of the database: nothing goes on before it has been read again."""
        if self._engine is not None:
            self._engine.close()
        if self._condition is Condition.READY:
            self._condition, self._message = Condition.STALLED, str(error)
            self._stalls.begin(error)
            self._recovery = asyncio.create_task(self._recover(error))

    async def _recover(self, error: BaseException) -> None:
        while not isinstance(error, LeaderLost):
            await asyncio.sleep(self._stalls.pause())
            if self._engine is not None:
                await self._engine.commits.ended()
            self.journal.reset()
            try:
                rows = await self.journal.read(self.store.dags)
                await self._load(rows, self.clock.now() - MISFIRE_GRACE)
            except SchedulerUnavailable as unavailable:
                error = unavailable.__cause__ or unavailable
            except Exception as fault:  # whatever it is, trying again is all that can be done about it
                error = fault
            else:
                self._stalls.end()
                return
            self._message = str(error)
        _log.error("%s", error)
        self._condition, self._message = Condition.STOPPED, str(error)
        self._leader_lost = error
        self._lost_lead.set()

    def _ready(self) -> Engine:
        if self._engine is None or self._condition is not Condition.READY:
            raise SchedulerUnavailable(self._message)
        self._refuse_in_doubt()
        return self._engine

    async def _exchange(self, exchange: Exchange, *, in_program: bool) -> ExchangeAnswer:
        refused = refusal(exchange.protocol)
        if refused is not None:
            raise UnsupportedProtocol(refused)
        if self._condition is Condition.STALLED and self.store.exclusive and renews_only(exchange):
            return self._renewed(exchange)
        answer = await self._ready().exchanges.answer(exchange, in_program=in_program)
        self._refuse_in_doubt()  # it may have stood still meanwhile
        return answer

    def _refuse_in_doubt(self) -> None:
        """What a deposed leader knows of leases is no longer true, though it cannot do any harm to the database."""
        if not self._leads():
            raise SchedulerUnavailable(_IN_DOUBT)

    def _renewed(self, exchange: Exchange) -> ExchangeAnswer:
        """While nothing can be recorded, tasks that run go on: nobody else can be given them, and once the state
        has been loaded all of them are granted a term. Nothing is said of attempts that may have ended meanwhile.
        """
        tasks = self._engine.tasks if self._engine is not None else None
        known = [one for one in exchange.renewals if tasks is not None and tasks.runs(one.attempt, one.token)]
        return ExchangeAnswer(
            renewals=tuple(Ack(one.attempt, HTTPStatus.OK) for one in known), leader=self._sources.leader
        )

    # --- details -----------------------------------------------------------------------------------------------------

    async def _last_event(self, run_id: str) -> int:
        return (await self._read(self.store.last_event_seq, [run_id]))[run_id]

    async def _last_entry(self, attempt_id: str) -> int:
        return (await self._read(self.logs.last_seq, [attempt_id])).get(attempt_id, 0)

    def _dag_state(self, dag: spec.Dag) -> DagState:
        engine = self._engine
        if engine is None:
            return DagState(dag, None, 0, 0)
        row = engine.dags.get(dag.id)
        silenced = engine.dags.silenced(dag.id, self.clock.now())
        return DagState(
            dag=dag,
            next_due=engine.watcher.next_due(dag.id),
            active_runs=engine.queue.active_of(dag.id),
            queued_runs=engine.queue.queued_of(dag.id),
            paused=engine.dags.paused(dag.id),
            silenced_until=row.silenced_until if row is not None and silenced else None,
            problem=engine.watcher.problem(dag.id),
            called=self._custom.texts(dag),
        )

    def _tell_dags(self, synced: SyncedDags) -> None:
        for word, names in (("new", synced.new), ("changed", synced.changed), ("removed", synced.removed)):
            if names:
                more = f" and {len(names) - _TOLD_DAGS} more" if len(names) > _TOLD_DAGS else ""
                _log.info("%s: %s%s", word, ", ".join(names[:_TOLD_DAGS]), more)

    def _tell_start(self) -> None:
        health = self.health()
        if health.active_runs or health.queued_runs:
            _log.info("going on with %d active and %d queued runs", health.active_runs, health.queued_runs)
        dues = [(state.next_due, state.dag) for state in self.dags() if state.next_due is not None]
        if dues:
            due, dag = min(dues, key=lambda pair: pair[0])
            _log.info("next due: %s at %s", dag.id, local_time(due, seconds=True))


def _no_workers() -> WorkerPool:
    raise CallError("this scheduler was started without workers of its own")
