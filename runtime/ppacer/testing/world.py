"""Runs on a fake clock: the machines of the runs, what is on offer, what waits for a time, and nothing else.

The clock stands still while there is anything to do and then jumps to the next time that something waits for: a retry,
a deferral, the end of an attempt that takes time, a time-out, a deadline. Attempts are made one after the other, by
priority and then by age, within the limits of pools and dags.
"""

from __future__ import annotations

import dataclasses
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from itertools import count
from random import Random
from typing import Final

from ppacer import spec
from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.ids import IdSource
from ppacer.core.instants import microseconds
from ppacer.core.machine import RunMachine
from ppacer.core.model import (
    Attempt,
    ErrorKind,
    InsertAttempt,
    InsertEvent,
    NoticeEvent,
    Run,
    RunKind,
    RunStatus,
    UpdateAttempt,
    Write,
)
from ppacer.core.plan import DagPlan
from ppacer.core.runs import new_run
from ppacer.core.scopes import run_scope
from ppacer.protocol import Assignment, RunRequest, TaskNotice
from ppacer.records import replace
from ppacer.services.assignments import NoArguments, assignment, given
from ppacer.services.awaited_runs import ACTOR as RUN_DAG
from ppacer.services.awaited_runs import AwaitedRuns
from ppacer.services.errors import InvalidTrigger, UnknownDag
from ppacer.services.notices import alerts, messages, shown_task
from ppacer.services.params import params_json
from ppacer.services.ready_queue import Gate, GateKind, ReadyQueue
from ppacer.services.run_queue import QueuedRun, RunQueue
from ppacer.services.worker_error import describe
from ppacer.testing.calls import Done, Place, arguments, perform
from ppacer.testing.errors import PipelineError
from ppacer.testing.names import Shown
from ppacer.testing.played import Made, Played, Told
from ppacer.testing.stubs import Cancelled, Fails, Stubs, attempt_of

_SEED: Final = 20260101
_LEASE: Final = 30.0
MOST_PARTS: Final = 10_000
"""How often a task may defer: what waits longer waits for ever."""


class World:
    """`stubs` gives those of a dag, or how its runs end without being run. `actor` is who cancels what is cancelled."""

    def __init__(
        self,
        program: spec.Program,
        plans: Mapping[str, DagPlan],
        place: Place,
        stubs: Callable[[str], Stubs | Fails | None],
        *,
        now: int,
        actor: str,
    ) -> None:
        self.played: dict[str, Played] = {}
        self._plans = plans
        self._place = place
        self._stubs = stubs
        self._now = now
        self._actor = actor
        self._new_id = IdSource(Random(_SEED).randbytes).next  # noqa: S311 (the same ids each time)
        self._tokens = count(1)
        self._by_attempt: dict[str, Played] = {}
        self._running: dict[str, Assignment] = {}
        self._times: list[tuple[int, int, Callable[[], object]]] = []
        self._numbers = count()
        self._ended: deque[Run] = deque()
        self._advancing: dict[str, None] = {}
        self._ready = ReadyQueue()
        codes = {each.id: each.hash for each in program.callables}
        self._profile = self._ready.join(codes, frozenset(program.labels))
        self._queue = RunQueue(lambda queued: self._start(queued.run.id), lambda plan: plan.dag.max_active_runs)
        self._awaited = AwaitedRuns(make=self._make_asked, tell=self._tell_awaiting, cancel=self._cancel)

    def play(
        self,
        plan: DagPlan,
        *,
        scheduled_at: int,
        previous_at: int | None,
        given: Mapping[str, object],
        cancel_after: timedelta | None,
    ) -> Played:
        """Makes a run and goes on until nothing is left to do, in it and in those that it asked for.

        Raises `InvalidTrigger` before anything has happened, and `PipelineError`.
        """
        run = self._make(plan, scheduled_at, given, actor=self._actor, previous_at=previous_at)
        if cancel_after is not None:
            self._at(self._now + microseconds(cancel_after), partial(self._cancel, run.id, self._actor))
        while True:
            self._settle()
            if not self._times:
                return self.played[run.id]
            at, _, act = heapq.heappop(self._times)
            self._now = max(self._now, at)
            act()

    # --- runs --------------------------------------------------------------------------------------------------------

    def _make(
        self,
        plan: DagPlan,
        scheduled_at: int,
        given: Mapping[str, object],
        *,
        actor: str,
        previous_at: int | None = None,
        key: str | None = None,
    ) -> Run:
        now = self._now
        fields = partial(
            new_run,
            id=self._new_id(now),
            dag=plan.dag.id,
            build=plan.build,
            kind=RunKind.MANUAL,
            scheduled_at=scheduled_at,
            at=now,
            actor=actor,
            previous_at=previous_at,
            idempotency_key=key,
        )
        bare, _ = fields()
        env = self._place.environment.__getitem__
        run, writes = fields(params=params_json(plan.dag, given, run_scope(bare, plan.dag.timezone, env)))
        stubs = self._stubs(plan.dag.id)
        if not isinstance(stubs, Stubs):
            return self._end_at_once(plan, run, stubs)
        played = self.played[run.id] = Played(plan, stubs)
        played.machine = RunMachine(plan, run, new_id=self._new_id, seq=1, env=env)
        self._take_down(played, writes)
        if plan.dag.deadline is not None:
            late = now + microseconds(plan.dag.deadline)
            self._at(late, lambda: self._handle(played, h.DeadlinePassed(self._now)))
        self._queue.add(QueuedRun(plan, run, seq=1))
        self._advancing[run.dag] = None
        return run

    def _end_at_once(self, plan: DagPlan, run: Run, stub: Fails | None) -> Run:
        """A run of a dag that has a stub for the whole of it."""
        error = None if stub is None else stub.error
        ended = replace(
            run,
            status=RunStatus.SUCCESS if error is None else RunStatus.FAILED,
            started_at=self._now,
            finished_at=self._now,
            reason=describe(error) if isinstance(error, BaseException) else error,
        )
        self.played[run.id] = Played(plan, Stubs(plan.dag, {}, None), ended=ended)
        return ended

    def _make_asked(self, request: RunRequest, key: str) -> Run:
        plan = self._plans.get(request.dag)
        if plan is None:
            raise UnknownDag(f"there is no dag {request.dag} in this program")
        given = codec.decode(request.params)
        if not isinstance(given, dict):
            raise InvalidTrigger("the parameters of a run are a dict")
        at = self._now if request.scheduled_at is None else request.scheduled_at
        return self._make(plan, at, given, actor=RUN_DAG, key=key)

    def _tell_awaiting(self, run_id: str, attempt_id: str, output: str | None, error: str | None) -> None:
        self._handle(self.played[run_id], h.Awaited(self._now, attempt_id, output, error))

    def _start(self, run_id: str) -> None:
        self._handle(self.played[run_id], h.Start(self._now))

    def _cancel(self, run_id: str, actor: str) -> None:
        if self._queue.waiting(run_id) is not None:
            self._queue.withdraw(run_id)
        self._handle(self.played[run_id], h.CancelAsked(self._now, actor))

    # --- what there is to do -----------------------------------------------------------------------------------------

    def _at(self, at: int, act: Callable[[], object]) -> None:
        heapq.heappush(self._times, (at, next(self._numbers), act))

    def _settle(self) -> None:
        """Does all that can be done while the clock stands still."""
        while True:
            if self._ended:
                run = self._ended.popleft()
                self._queue.ended(run)
                self._advancing[run.dag] = None
                self._awaited.ended(run)
            elif self._advancing:
                dag_id = next(iter(self._advancing))
                del self._advancing[dag_id]
                self._queue.advance(dag_id)
            elif (ready := self._ready.best(self._profile)) is not None:
                self._perform(ready.attempt)
            else:
                return

    def _perform(self, attempt: Attempt) -> None:
        """Makes an attempt that is on offer."""
        played = self._by_attempt[attempt.id]
        machine, task = played.machine, played.plan.tasks[attempt.task]
        assert machine is not None
        if attempt.parts > MOST_PARTS:
            raise PipelineError(
                f"{played.plan.where(task)} has waited {MOST_PARTS} times and waits still: "
                f"give it a stub, or a time-out, or have what it waits for come"
            )
        try:
            what = given(machine, attempt)
        except NoArguments as fault:
            self._handle(played, h.CannotStart(self._now, attempt.id, ErrorKind.ARGUMENTS, str(fault)))
            return
        self._ready.claim(attempt.id)
        token, until = next(self._tokens), self._now + round(_LEASE * 1_000_000)
        self._handle(played, h.Claimed(self._now, attempt.id, token, _EXECUTOR, _EXECUTOR, attempt.id, until))
        running = machine.attempt(attempt.id)
        assert running is not None, "what is on offer can be claimed"
        told = assignment(machine, running, what, lease=_LEASE, now=self._now)
        self._running[attempt.id] = told
        name = shown_task(played.plan, attempt.task, attempt.position)
        played.order[name] = None
        played.calls.setdefault(name, []).append(Made(told, *arguments(told, self._place)))
        position = None if task.fan_out is None else attempt.position
        stub, takes = attempt_of(played.stubs.find(Shown(task.id, position, told.label)), attempt.number)
        if isinstance(stub, Cancelled):
            self._at(self._now + microseconds(takes), partial(self._cancel_task, played, running))
            return
        done = perform(told, stub, self._place, self._now, takes)
        for notice in done.notices:
            self._tell_message(played, running, notice)
        if done.report.finished_at <= self._now:
            self._report(played, name, done)
        else:
            self._at(done.report.finished_at, partial(self._report, played, name, done))

    def _report(self, played: Played, name: str, done: Done) -> None:
        """The attempt has ended, unless somebody has ended it before."""
        report = done.report
        reported = h.Reported(
            at=self._now,
            attempt=report.attempt,
            token=report.token,
            outcome=report.outcome,
            started_at=report.started_at,
            finished_at=report.finished_at,
            output=report.output,
            error_kind=None if report.error_kind is None else ErrorKind(report.error_kind),
            error=report.error,
            deferral=report.deferral,
            random=0.5,  # delays are what they say, without jitter
        )
        number = self._running[report.attempt].number
        if self._handle(played, reported):
            played.logs.setdefault(name, []).extend((number, entry) for entry in done.log)

    def _stop(self, played: Played, attempt: Attempt) -> None:
        """The attempt is told to stop, and does."""
        done = perform(self._running[attempt.id], Cancelled(), self._place, self._now, timedelta(0))
        report = dataclasses.replace(done.report, started_at=attempt.started_at or self._now)
        name = shown_task(played.plan, attempt.task, attempt.position)
        self._at(self._now, partial(self._report, played, name, dataclasses.replace(done, report=report)))

    def _cancel_task(self, played: Played, attempt: Attempt) -> None:
        """Somebody cancels the task of a running attempt, if it runs still."""
        assert played.machine is not None
        if played.machine.attempt(attempt.id) is not None:
            self._handle(played, h.TaskCancelAsked(self._now, self._actor, attempt.task, attempt.position))

    # --- from happenings to commands ---------------------------------------------------------------------------------

    def _handle(self, played: Played, happening: h.Happening) -> bool:
        assert played.machine is not None
        step = played.machine.handle(happening)
        if step is None:
            return False
        self._take_down(played, step.writes)
        for command in step.commands:
            self._carry_out(played, command)
        return True

    def _take_down(self, played: Played, writes: Iterable[Write]) -> None:
        for write in writes:
            match write:
                case InsertAttempt(row) | UpdateAttempt(row):
                    played.attempts[row.id] = row
                case InsertEvent(row):
                    played.events.append(row)

    def _carry_out(self, played: Played, command: h.Command) -> None:
        match command:
            case h.Offer():
                self._by_attempt[command.attempt.id] = played
                self._ready.add(command.attempt, command.task, self._gates(played.plan, command.task))
            case h.Withdraw():
                self._ready.remove(command.attempt)
            case h.Ended():
                self._ready.release(command.attempt.id)
            case h.Stop():
                self._stop(played, command.attempt)
            case h.WakeAt():
                self._at(command.at, lambda: self._handle(played, replace(command.then, at=self._now)))
            case h.Await():
                self._awaited.ask(command)
            case h.Unawait():
                self._awaited.given_up(command.attempt)
            case h.Notice():
                self._tell(played, command)
            case h.RunEnded():
                self._ended.append(command.run)
            case h.Watch() | h.RunStarted() | h.RunReopened():
                return

    def _gates(self, plan: DagPlan, task: spec.Task) -> tuple[Gate, ...]:
        found: list[Gate] = []
        if task.pool is not None:
            found.append(self._ready.gate(GateKind.POOL, task.pool, plan.pools[task.pool]))
        if plan.dag.max_active_tasks is not None:
            found.append(self._ready.gate(GateKind.DAG, plan.dag.id, plan.dag.max_active_tasks))
        return tuple(found)

    # --- what people would be told -----------------------------------------------------------------------------------

    def _tell(self, played: Played, notice: h.Notice) -> None:
        if not notice.alert:
            return
        # The words are the same for all notifiers, and there are words even where there is none.
        row = alerts(replace(notice, notifiers=("",)), played.plan, self._now, self._new_id)[0].row
        task = None if notice.task is None else shown_task(played.plan, notice.task, notice.position)
        played.alerts.append(Told(notice.event, task, notice.notifiers, row.subject, row.message, self._now))

    def _tell_message(self, played: Played, attempt: Attempt, said: TaskNotice) -> None:
        rows = [each.row for each in messages(said, attempt, played.run, played.plan, self._now)]
        task = shown_task(played.plan, attempt.task, attempt.position)
        notifiers = tuple(row.notifier for row in rows)
        subject = rows[0].subject if rows else said.subject
        played.alerts.append(Told(NoticeEvent.MESSAGE, task, notifiers, subject, said.message, self._now))


_EXECUTOR: Final = "test"
