"""What people may ask of a scheduler: runs, their ends, parts of them done again, dags paused and silenced, backfills.

Whatever a method returns is durable. Each takes the name of who asks, which is recorded with what they asked for.
"""

from __future__ import annotations

import asyncio
import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar
from weakref import WeakValueDictionary

from ppacer.core import happenings as h
from ppacer.core.accounts import AccountWrite
from ppacer.core.foresight import Touched, Wish, foresee
from ppacer.core.ids import IdSource
from ppacer.core.machine import NotPossible as MachineRefuses
from ppacer.core.machine import RunMachine
from ppacer.core.model import Backfill, DagEventKind, DagRow, Run, RunKind, TaskStatus
from ppacer.core.plan import DagPlan
from ppacer.core.restore import RestoreError
from ppacer.core.runs import REQUEST
from ppacer.services import wishes
from ppacer.services.accounts import Accounts
from ppacer.services.awaited_runs import KEYS
from ppacer.services.engine import Engine
from ppacer.services.errors import (
    InvalidTrigger,
    NotPossible,
    RunFinished,
    SchedulerUnavailable,
    UnknownDag,
    UnknownRun,
    UnknownTask,
)
from ppacer.services.fingerprint import fingerprint
from ppacer.services.journal import Journal
from ppacer.services.registry import Registry
from ppacer.services.timers import Clock
from ppacer.store.errors import StoreError
from ppacer.store.store import Store

_LONGEST_NAME = 200
_KEY = "idempotency_key"
P = ParamSpec("P")
T = TypeVar("T")


class Operations(ABC):
    """The half of a `Scheduler` that changes things for people. All of it may raise `SchedulerUnavailable`."""

    def __init__(self, registry: Registry, store: Store, journal: Journal, clock: Clock) -> None:
        self.store = store
        self.journal = journal
        self.clock = clock
        self.accounts = Accounts(clock, IdSource(os.urandom).next, self._keep)
        self._registry = registry
        self._keyed: dict[tuple[str, str], tuple[str, asyncio.Task[Run]]] = {}
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @abstractmethod
    def _ready(self) -> Engine:
        """The engine. Raises `SchedulerUnavailable` where that cannot be asked now."""

    # --- runs --------------------------------------------------------------------------------------------------------

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

        A key that the dag has seen before is answered with the run it made then, if that was asked for likewise; those
        that begin with `run_dag:` are the scheduler's own. Raises `UnknownDag`, `InvalidTrigger`.
        """
        plan = self._plan(dag_id)
        _check_actor(actor)
        key = idempotency_key
        if key is None:
            return await self._trigger(plan, params or {}, scheduled_at, actor)
        if not 0 < len(key) <= _LONGEST_NAME:
            raise InvalidTrigger(f"an idempotency key must have 1 to {_LONGEST_NAME} characters", _KEY)
        if key.startswith(KEYS):
            raise InvalidTrigger(f"no idempotency key but of runs that tasks ask for begins with {KEYS}", _KEY)
        request = fingerprint(params or {}, scheduled_at)
        known, making = self._keyed.get((dag_id, key), (request, None))
        if known != request:
            raise _other_request()
        if making is None:
            making = asyncio.create_task(
                self._trigger_once(plan, params or {}, scheduled_at, actor, key=key, request=request)
            )
            self._keyed[dag_id, key] = request, making
            making.add_done_callback(lambda done: self._made(dag_id, key, done))
        return await asyncio.shield(making)

    async def cancel_run(self, run_id: str, *, actor: str = "local") -> Run:
        """Asks for the end of a run: at once for what does not run yet, as soon as the executors have stopped the rest.

        Repeating it is harmless; while handlers run it ends those. Raises `UnknownRun`, `RunFinished`.
        """
        _check_actor(actor)
        engine = self._ready()
        with engine.turn():
            found = engine.cancel(run_id, actor)
        await engine.commits.settled()
        run = await self._run(run_id)
        if not found:
            raise _ended(run)
        return run

    async def cancel_task(self, run_id: str, task: str, position: int | None = None, *, actor: str = "local") -> Run:
        """Asks for the end of one task, of a family of all members unless `position` names one.

        Raises `UnknownRun`, `UnknownTask`, `NotPossible`.
        """
        return await self._change_run(run_id, wishes.cancel_task(self.clock.now(), actor, task, position))

    async def restart_run(self, run_id: str, *, actor: str = "local") -> Run:
        """Does again what failed, was cancelled or never ran for it, and all that follows. Raises `UnknownRun`,
        `NotPossible`."""
        return await self._change_run(run_id, wishes.restart(self.clock.now(), actor))

    async def rerun_task(
        self, run_id: str, task: str, position: int | None = None, *, follow: bool = True, actor: str = "local"
    ) -> Run:
        """Does one task again, with `follow` also all that follows it. Raises `UnknownRun`, `UnknownTask`,
        `NotPossible`."""
        return await self._change_run(run_id, wishes.rerun(self.clock.now(), actor, task, position, follow=follow))

    async def mark_task(
        self,
        run_id: str,
        task: str,
        position: int | None = None,
        *,
        status: TaskStatus,
        output: str | None = None,
        reason: str,
        actor: str = "local",
    ) -> Run:
        """Counts a task as succeeded (with `output`, JSON) or failed; what never ran for it has its turn.

        Raises `UnknownRun`, `UnknownTask`, `NotPossible`, `InvalidTrigger` for another status.
        """
        mark = wishes.mark(self.clock.now(), actor, task, position, status=status, output=output, reason=reason)
        return await self._change_run(run_id, mark)

    async def foresee(self, run_id: str, wish: Wish) -> tuple[Touched, ...]:
        """What the wish (see `wishes`) would touch; nothing is changed. Raises what carrying it out would raise."""
        _check_actor(wish.actor)
        engine = self._ready()
        if isinstance(wish, h.CancelAsked):
            machine = engine.tasks.machine(run_id)
            if machine is None:
                raise _ended(await self._run(run_id))
            return foresee(machine, wish)
        machine = await self._machine(engine, run_id, wish)
        try:
            return foresee(machine, wish)
        except MachineRefuses as error:
            raise NotPossible(str(error)) from error

    # --- dags --------------------------------------------------------------------------------------------------------

    async def pause_dag(self, dag_id: str, *, actor: str = "local", reason: str = "") -> DagRow:
        """No scheduled runs are made from now on; what runs goes on. Raises `UnknownDag`."""
        return await self._pause(dag_id, actor, reason, paused=True)

    async def resume_dag(self, dag_id: str, *, actor: str = "local") -> DagRow:
        """Scheduled runs are made again; `catchup` decides on those that were due meanwhile. Raises `UnknownDag`."""
        return await self._pause(dag_id, actor, "", paused=False)

    async def silence_dag(self, dag_id: str, until: int | None, *, actor: str = "local", reason: str = "") -> DagRow:
        """Nobody is alerted because of this dag before `until`; none ends that at once. Raises `UnknownDag`."""
        engine, row = self._dag_row(dag_id, actor)
        if row.silenced_until == until:
            return row
        with engine.turn():
            row = engine.dags.silence(dag_id, until)
            engine.tell_dag(dag_id, DagEventKind.SILENCED, actor, until=until, reason=reason)
        await engine.commits.settled()
        return row

    async def start_backfill(
        self,
        dag_id: str,
        from_at: int,
        until_at: int,
        *,
        parallel: int = 1,
        params: Mapping[str, object] | None = None,
        actor: str = "local",
    ) -> Backfill:
        """Makes runs for the due times from `from_at` to before `until_at` that have none, at most `parallel` of them
        active at once. Raises `UnknownDag`, `InvalidTrigger`."""
        plan = self._plan(dag_id)
        _check_actor(actor)
        return await self._ready().backfills.start(
            plan, from_at, until_at, parallel=parallel, params=params or {}, actor=actor
        )

    async def cancel_backfill(self, backfill_id: str, *, actor: str = "local") -> Backfill:
        """Makes no more runs and cancels those under way. Raises `UnknownBackfill`, `NotPossible`."""
        _check_actor(actor)
        return await self._ready().backfills.cancel(backfill_id, actor=actor)

    # --- details -----------------------------------------------------------------------------------------------------

    async def _keep(self, writes: Sequence[AccountWrite]) -> None:
        """Makes durable what the engine itself does not go by."""
        engine = self._ready()
        with engine.turn():
            engine.commits.write(writes)
        await engine.commits.settled()

    async def _read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await self.journal.read(function, *args, **kwargs)
        except StoreError as error:
            raise SchedulerUnavailable(f"nothing can be looked up at the moment: {error}") from error

    async def _run(self, run_id: str) -> Run:
        run = await self._read(self.store.run, run_id)
        if run is None:
            raise UnknownRun(f"there is no run {run_id}")
        return run

    def _plan(self, dag_id: str) -> DagPlan:
        plan = self._registry.current.get(dag_id)
        if plan is None:
            raise UnknownDag(f"there is no dag {dag_id} in this program")
        return plan

    def _dag_row(self, dag_id: str, actor: str) -> tuple[Engine, DagRow]:
        self._plan(dag_id)
        _check_actor(actor)
        engine = self._ready()
        row = engine.dags.get(dag_id)
        if row is None:
            raise UnknownDag(f"there is no dag {dag_id} in this program")
        return engine, row

    async def _pause(self, dag_id: str, actor: str, reason: str, *, paused: bool) -> DagRow:
        engine, row = self._dag_row(dag_id, actor)
        if row.paused is paused:
            return row
        with engine.turn():
            if paused:
                engine.tell_dag(dag_id, DagEventKind.PAUSED, actor, reason=reason)
                engine.watcher.pause(dag_id)
                row = engine.dags.pause(dag_id, paused=True)
            else:
                engine.tell_dag(dag_id, DagEventKind.RESUMED, actor)
                row = engine.dags.pause(dag_id, paused=False)
                engine.watcher.resume(dag_id)
        await engine.commits.settled()
        return row

    async def _change_run(self, run_id: str, happening: h.TaskCancelAsked | h.Reopen) -> Run:
        """Tells a run's machine, which is made from its rows where the run has ended."""
        _check_actor(happening.actor)
        lock = self._changing.setdefault(run_id, asyncio.Lock())  # two who reopen a run do so one after the other
        async with lock:
            engine = self._ready()
            with engine.pruner.spared(run_id):
                return await self._tell_machine(engine, run_id, happening)

    async def _tell_machine(self, engine: Engine, run_id: str, happening: h.TaskCancelAsked | h.Reopen) -> Run:
        machine = await self._machine(engine, run_id, happening)
        refused: MachineRefuses | None = None
        with engine.turn():
            try:
                engine.tasks.happened(machine, happening)
            except MachineRefuses as error:  # nothing has changed, so the turn is as good as any
                refused = error
        if refused is not None:
            raise NotPossible(str(refused))
        await engine.commits.settled()
        return machine.run

    async def _machine(self, engine: Engine, run_id: str, wish: h.TaskCancelAsked | h.Reopen) -> RunMachine:
        machine = engine.tasks.machine(run_id) or await self._ended_machine(engine, run_id)
        row = None if wish.task is None else machine.task(wish.task, wish.position)
        if wish.task is not None and (row is None or wish.position not in (None, row.position)):
            member = "" if wish.position is None else f"[{wish.position}]"
            raise UnknownTask(f"run {run_id} has no task {wish.task}{member}")
        return machine

    async def _ended_machine(self, engine: Engine, run_id: str) -> RunMachine:
        """The machine of a run that has ended; its end may not be durable yet."""
        await engine.commits.settled()
        run = await self._run(run_id)
        try:
            plan = await self._registry.plan(run.build, run.dag)
        except StoreError as error:
            raise SchedulerUnavailable(str(error)) from error
        if plan is None:
            raise NotPossible(f"run {run_id} is of build {run.build[:12]}, which this program cannot read")
        rows = await self._read(self.store.current_tasks, run_id)
        seq = (await self._read(self.store.last_event_seq, [run_id]))[run_id]
        try:
            return engine.tasks.restored_machine(plan, run, rows, (), seq)
        except RestoreError as error:
            raise NotPossible(str(error)) from error

    async def _trigger(
        self,
        plan: DagPlan,
        given: Mapping[str, object],
        scheduled_at: int | None,
        actor: str,
        *,
        key: str | None = None,
        request: str | None = None,
    ) -> Run:
        engine = self._ready()
        at = self.clock.now() if scheduled_at is None else scheduled_at
        prepared = engine.prepare(
            plan, RunKind.MANUAL, at, actor=actor, given=given, idempotency_key=key, request=request
        )
        with engine.turn():
            run = engine.create(prepared)
        await engine.commits.settled()
        return run

    async def _trigger_once(
        self,
        plan: DagPlan,
        given: Mapping[str, object],
        scheduled_at: int | None,
        actor: str,
        *,
        key: str,
        request: str,
    ) -> Run:
        """Only one of these is under way for a key, so nothing comes between the look and the deed."""
        made = await self._read(self.store.run_by_idempotency_key, plan.dag.id, key)
        if made is None:
            return await self._trigger(plan, given, scheduled_at, actor, key=key, request=request)
        for event in await self._read(self.store.events, made.id, 0, 1):
            if json.loads(event.payload).get(REQUEST, request) != request:
                raise _other_request()
        return made

    def _made(self, dag_id: str, key: str, making: asyncio.Task[Run]) -> None:
        del self._keyed[dag_id, key]
        if not making.cancelled():
            making.exception()  # told to whoever waits; nobody may


def _other_request() -> InvalidTrigger:
    return InvalidTrigger("this key came with another request before: take a new one for each", _KEY)


def _ended(run: Run) -> RunFinished:
    return RunFinished(f"run {run.id} has ended already: {run.status}")


def _check_actor(actor: str) -> None:
    if not 0 < len(actor) <= _LONGEST_NAME:
        raise InvalidTrigger(f"the name of who asks must have 1 to {_LONGEST_NAME} characters", "actor")
