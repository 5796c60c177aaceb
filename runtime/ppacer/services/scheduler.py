"""The scheduler: the one writer of a program's database, and everything that others may ask of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import ParamSpec, TypeVar

from ppacer import spec
from ppacer.core.model import DagRow, Run, RunKind
from ppacer.localtime import local_time
from ppacer.protocol import LEASE_SECONDS, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION, Exchange, ExchangeAnswer
from ppacer.services.changes import EVERYTHING, Changes, changed_within, log_topic, run_topic
from ppacer.services.dag_run_watcher import MISFIRE_GRACE
from ppacer.services.engine import Engine
from ppacer.services.errors import (
    InvalidTrigger,
    RunFinished,
    SchedulerUnavailable,
    UnknownDag,
    UnknownRun,
    UnsupportedProtocol,
)
from ppacer.services.journal import Journal
from ppacer.services.params import params_json
from ppacer.services.registry import Registry, SyncedDags
from ppacer.services.snapshots import Condition, DagState, ExecutorState, Health
from ppacer.services.task_scheduler import Settings, Sources
from ppacer.services.timers import Clock, SystemClock
from ppacer.store.errors import LeaderLost, StoreError
from ppacer.store.logs import LogStore
from ppacer.store.store import Store

__all__ = ["Condition", "DagState", "ExecutorState", "Health", "Scheduler"]

CODE_GRACE_SECONDS = 60.0
"""How long an attempt of another build waits for an executor that has its code."""

_LONGEST_NAME = 200
_FIRST_RETRY, _LAST_RETRY = 0.2, 5.0
_TOLD_DAGS = 12
"""How many names of dags one line of the log holds at most."""

_log = logging.getLogger("ppacer")
P = ParamSpec("P")
T = TypeVar("T")


class Scheduler:
    """One program's scheduler. All methods belong to the event loop that called `start`.

    `lease` is the term of a lease and `code_grace` how long an attempt of another build waits for an executor that has
    its code, both in seconds. With `schedules` false no scheduled runs are made and none are passed over: for a command
    that needs a scheduler only for a run of its own. Whatever a method returns is durable.
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
    ) -> None:
        self.program = program
        self.store = store
        self.logs = logs
        self.journal = Journal(store, logs)
        self.clock = clock or SystemClock()
        self._registry = Registry(program, store, self.journal)
        self._settings = Settings(lease, code_grace, schedules)
        self._sources = Sources(0)
        self._changes = Changes()
        self._condition = Condition.STARTING
        self._message = "the scheduler is starting"
        self._engine: Engine | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._keyed: dict[tuple[str, str], asyncio.Task[Run]] = {}
        self._lost_lead: asyncio.Event = asyncio.Event()
        self._leader_lost: LeaderLost | None = None

    async def start(self) -> None:
        """Becomes the database's leader, syncs builds and dags with it, restores what was in flight, watches schedules.

        Raises `StoreError` if the database does not take part.
        """
        self._sources = Sources(await asyncio.to_thread(self.store.advance_leader))
        begun = self.clock.now()
        synced = await self._registry.sync(begun)
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
        if self._recovery is not None:
            self._recovery.cancel()
        if self._engine is not None:
            self._engine.close()
            await self._engine.exchanges.finished()
            try:
                await self._engine.commits.settled()
            except SchedulerUnavailable as error:
                _log.error("stopped while %s", error)
        await self.journal.close()

    async def wait_failed(self) -> None:
        """Returns never while all is well; raises `LeaderLost` when another scheduler has taken the database over."""
        await self._lost_lead.wait()
        if self._leader_lost is not None:
            raise self._leader_lost

    # --- executors ---------------------------------------------------------------------------------------------------

    async def exchange(self, exchange: Exchange) -> ExchangeAnswer:
        """Answers one exchange of a remote executor, after the commit of all that the answer tells.

        Raises `UnsupportedProtocol` and `SchedulerUnavailable`. May be cancelled at any time (a closed connection).
        """
        return await self._exchange(exchange, in_program=False)

    async def exchange_in_program(self, exchange: Exchange) -> ExchangeAnswer:
        """The same for an executor within this very process, whose attempts are known to have died with it."""
        return await self._exchange(exchange, in_program=True)

    # --- commands ----------------------------------------------------------------------------------------------------

    async def trigger(
        self,
        dag_id: str,
        *,
        params: Mapping[str, object] | None = None,
        scheduled_at: int | None = None,
        idempotency_key: str | None = None,
        actor: str = "local",
    ) -> Run:
        """Makes a manual run; `scheduled_at` is its logical time (now by default).

        A key that the dag has seen before is answered with the run it made then. Raises `UnknownDag`,
        `InvalidTrigger`, `SchedulerUnavailable`.
        """
        plan = self._registry.current.get(dag_id)
        if plan is None:
            raise UnknownDag(f"there is no dag {dag_id} in {self.program.name}")
        if not 0 < len(actor) <= _LONGEST_NAME:
            raise InvalidTrigger(f"the name of who triggers must have 1 to {_LONGEST_NAME} characters")
        given = params_json(plan.dag, params or {})
        key = idempotency_key
        if key is None:
            return await self._trigger(dag_id, given, scheduled_at, None, actor)
        if not 0 < len(key) <= _LONGEST_NAME:
            raise InvalidTrigger(f"an idempotency key must have 1 to {_LONGEST_NAME} characters")
        making = self._keyed.get((dag_id, key))
        if making is None:
            making = asyncio.create_task(self._trigger_once(dag_id, given, scheduled_at, key, actor))
            self._keyed[dag_id, key] = making
            making.add_done_callback(lambda done: self._made(dag_id, key, done))
        return await asyncio.shield(making)

    async def cancel_run(self, run_id: str, *, actor: str = "local") -> Run:
        """Asks for the end of a run: at once for what does not run yet, as soon as the executors have stopped the rest.

        Repeating it is harmless. Raises `UnknownRun`, `RunFinished`, `SchedulerUnavailable`.
        """
        engine = self._ready()
        with engine.turn():
            found = engine.cancel(run_id, actor)
        await engine.commits.settled()
        run = await self._read(self.store.run, run_id)
        if run is None:
            raise UnknownRun(f"there is no run {run_id}")
        if not found:
            raise RunFinished(f"run {run_id} has ended already: {run.status}")
        return run

    # --- news --------------------------------------------------------------------------------------------------------

    async def changed(self, since: int, *, wait: float) -> int:
        """The number of the newest committed change of anything, once it is above `since` or `wait` seconds passed.

        Numbers count from 0 at the scheduler's start: a `since` from before a restart is answered at once.
        """
        with self._changes.follow(EVERYTHING) as follower:
            if self._changes.count == since:
                await changed_within(follower, wait)
            return self._changes.count

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
            live = self._engine is not None and self._engine.tasks.attempt(attempt_id) is not None
            if seq > since or not live or not await changed_within(follower, wait):
                return seq
        return await self._last_entry(attempt_id)

    # --- what there is -----------------------------------------------------------------------------------------------

    async def dag_of(self, run: Run) -> spec.Dag | None:
        """The dag as the run's own build has it; none when that build cannot be read by this version."""
        try:
            plan = await self._registry.plan(run.build, run.dag)
        except StoreError as error:
            raise SchedulerUnavailable(str(error)) from error
        return None if plan is None else plan.dag

    def dags(self) -> tuple[DagState, ...]:
        """All dags of the program, in its order."""
        return tuple(self._dag_state(dag) for dag in self.program.dags)

    def dag(self, dag_id: str) -> DagState | None:
        plan = self._registry.current.get(dag_id)
        return None if plan is None else self._dag_state(plan.dag)

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
                running=engine.executors.running(executor.instance),
                first_seen_at=executor.first_seen_at,
                last_seen_at=executor.last_seen_at,
                in_program=executor.in_program,
            )
            for executor in engine.executors.present()
        )

    def health(self) -> Health:
        engine = self._engine
        return Health(
            condition=self._condition,
            message=self._message,
            leader=self._sources.leader,
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
            self.journal,
            self._changes,
            self.clock,
            sources=self._sources,
            settings=self._settings,
            failed=self._stall,
        )
        try:
            await engine.load({row.dag: row.watched_until for row in dags if row.watched_until is not None}, since)
        except BaseException:
            engine.close()
            raise
        self._engine = engine
        self._condition, self._message = Condition.READY, ""

    def _stall(self, error: BaseException) -> None:
        """What the engine holds is ahead of the database: nothing goes on before it has been read again."""
        if self._engine is not None:
            self._engine.close()
        if self._condition is Condition.READY:
            self._condition, self._message = Condition.STALLED, str(error)
            _log.error("nothing can be recorded, so nothing goes on for now: %s", error)
            self._recovery = asyncio.create_task(self._recover(error))

    async def _recover(self, error: BaseException) -> None:
        delay = _FIRST_RETRY
        while not isinstance(error, LeaderLost):
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LAST_RETRY)
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
                _log.warning("the database takes writes again: its state was loaded, everything goes on")
                return
            self._message = str(error)
        _log.error("%s", error)
        self._condition, self._message = Condition.STOPPED, str(error)
        self._leader_lost = error
        self._lost_lead.set()

    def _ready(self) -> Engine:
        if self._engine is None or self._condition is not Condition.READY:
            raise SchedulerUnavailable(self._message)
        return self._engine

    async def _exchange(self, exchange: Exchange, *, in_program: bool) -> ExchangeAnswer:
        if not OLDEST_PROTOCOL_VERSION <= exchange.protocol <= PROTOCOL_VERSION:
            raise UnsupportedProtocol(
                f"executor {exchange.executor} speaks version {exchange.protocol} of the protocol, "
                f"this scheduler version {PROTOCOL_VERSION}: build both programs with the same compiler"
            )
        return await self._ready().exchanges.answer(exchange, in_program=in_program)

    # --- triggers ----------------------------------------------------------------------------------------------------

    async def _trigger(self, dag_id: str, params: str, scheduled_at: int | None, key: str | None, actor: str) -> Run:
        engine = self._ready()
        at = self.clock.now() if scheduled_at is None else scheduled_at
        with engine.turn():
            run = engine.create(
                self._registry.current[dag_id],
                RunKind.MANUAL,
                at,
                actor=actor,
                params=params,
                idempotency_key=key,
            )
        await engine.commits.settled()
        return run

    async def _trigger_once(self, dag_id: str, params: str, scheduled_at: int | None, key: str, actor: str) -> Run:
        """Only one of these is under way for a key, so nothing comes between the look and the deed."""
        made = await self._read(self.store.run_by_idempotency_key, dag_id, key)
        return made or await self._trigger(dag_id, params, scheduled_at, key, actor)

    def _made(self, dag_id: str, key: str, making: asyncio.Task[Run]) -> None:
        del self._keyed[dag_id, key]
        if not making.cancelled():
            making.exception()  # told to whoever waits; nobody may

    # --- details -----------------------------------------------------------------------------------------------------

    async def _read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self.journal.read(function, *args, **kwargs)
        except StoreError as error:
            raise SchedulerUnavailable(f"nothing can be looked up at the moment: {error}") from error

    async def _last_event(self, run_id: str) -> int:
        return (await self._read(self.store.last_event_seq, [run_id]))[run_id]

    async def _last_entry(self, attempt_id: str) -> int:
        return (await self._read(self.logs.last_seq, [attempt_id])).get(attempt_id, 0)

    def _dag_state(self, dag: spec.Dag) -> DagState:
        engine = self._engine
        return DagState(
            dag=dag,
            next_due=None if engine is None else engine.watcher.next_due(dag.id),
            active_runs=0 if engine is None else engine.queue.active_of(dag.id),
            queued_runs=0 if engine is None else engine.queue.queued_of(dag.id),
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
