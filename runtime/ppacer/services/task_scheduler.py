"""Carries the active runs on: every happening goes through here to its run's machine, every command comes back."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from ppacer.core import happenings as h
from ppacer.core.ids import IdSource
from ppacer.core.instants import SECOND
from ppacer.core.machine import RunMachine
from ppacer.core.model import Attempt, AttemptStatus, ErrorKind, Run, TaskRow, Write
from ppacer.core.plan import DagPlan
from ppacer.core.runs import abandon
from ppacer.protocol import Assignment, Progress, Report
from ppacer.records import replace
from ppacer.services.alarms import Alarms
from ppacer.services.alerting import Alerting
from ppacer.services.assignments import NoArguments, assignment, given
from ppacer.services.changes import log_topic, run_topic
from ppacer.services.commits import Commits
from ppacer.services.executors import Executor, Executors
from ppacer.services.gates import Gates
from ppacer.services.measures import Measures
from ppacer.services.ready_queue import Profile, ReadyQueue
from ppacer.services.registry import Registry
from ppacer.services.rescuer import CodeWatch, Leases
from ppacer.services.timers import Clock, Timers
from ppacer.services.traces import Traces


@dataclass(frozen=True, slots=True)
class Settings:
    """`lease` and `code_grace` in seconds; `schedules` says whether scheduled runs are made, `begins` whether new runs
    begin and people are told what has happened."""

    lease: float
    code_grace: float
    schedules: bool
    begins: bool


class Sources:
    """Where ids and fencing tokens come from; `leader` is the scheduler's leader epoch.

    Tokens grow over the whole life of the database: a later leader's are above those of all earlier ones.
    """

    def __init__(self, leader: int) -> None:
        self.leader = leader
        self.new_id = IdSource(os.urandom).next
        self._token = leader << 32

    def new_token(self) -> int:
        self._token += 1
        return self._token


def environment(name: str) -> str:
    """A variable of the scheduler's environment, for expressions; its own settings are nobody's business."""
    if name.startswith("PPACER_"):
        raise KeyError(name)
    return os.environ[name]


class TaskScheduler:
    """The machines of the runs that have not ended and what hangs on them: leases, the ready queue, alarms.

    All of its methods belong into a turn. `run_ended` and `reopened` are called, within the turn, with each run to
    which that happens; `ask` and `given_up` with what attempts want of runs of other dags.
    """

    def __init__(
        self,
        registry: Registry,
        commits: Commits,
        ready: ReadyQueue,
        executors: Executors,
        *,
        timers: Timers,
        alarms: Alarms,
        clock: Clock,
        alerting: Alerting,
        sources: Sources,
        settings: Settings,
        turn: Callable[[], AbstractContextManager[None]],
        run_ended: Callable[[Run], None],
        reopened: Callable[[RunMachine], None],
        ask: Callable[[h.Await], None],
        given_up: Callable[[str], None],
        measures: Measures,
        traces: Traces | None,
    ) -> None:
        self._traces = traces
        self._measures = measures
        self._commits = commits
        self._ready = ready
        self._executors = executors
        self._alarms = alarms
        self._clock = clock
        self._alerting = alerting
        self._sources = sources
        self._settings = settings
        self._turn = turn
        self._run_ended = run_ended
        self._reopened = reopened
        self._ask = ask
        self._given_up = given_up
        self._machines: dict[str, RunMachine] = {}
        self._by_attempt: dict[str, RunMachine] = {}
        self._granted: dict[str, dict[str, None]] = {}
        self._progress: dict[str, Progress] = {}
        self._gates = Gates(ready, registry)
        self._leases = Leases(timers, turn=turn, lease=settings.lease, expired=self._lease_expired)
        self._code_watch = CodeWatch(
            registry, executors, timers, turn=turn, grace=settings.code_grace, gone=self._code_gone
        )

    @property
    def running(self) -> int:
        """The number of attempts under a lease."""
        return len(self._leases)

    def machine(self, run_id: str) -> RunMachine | None:
        """The machine of a run that has not ended, queued ones included."""
        return self._machines.get(run_id)

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt, if it is on offer or under a lease."""
        machine = self._by_attempt.get(attempt_id)
        return None if machine is None else machine.attempt(attempt_id)

    # --- runs --------------------------------------------------------------------------------------------------------

    def new_machine(self, plan: DagPlan, run: Run, seq: int) -> RunMachine:
        """A machine for a run that waits for its turn, whose last event is `seq`."""
        machine = RunMachine(plan, run, new_id=self._sources.new_id, seq=seq, env=environment)
        self._machines[run.id] = machine
        return machine

    def restored_machine(
        self, plan: DagPlan, run: Run, rows: Iterable[TaskRow], live: Iterable[Attempt], seq: int
    ) -> RunMachine:
        """A machine for a run with the rows that it has; nothing happens yet. Raises `RestoreError`."""
        return RunMachine.restore(plan, run, rows, live, new_id=self._sources.new_id, seq=seq, env=environment)

    def adopt(self, machine: RunMachine) -> None:
        """Takes in the machine of a run that waits for its turn."""
        self._machines[machine.run.id] = machine

    def start(self, run_id: str) -> None:
        """Starts a queued run."""
        machine = self._machines[run_id]
        self._handle(machine, h.Start(self._clock.now()))
        self._measures.run_started(machine.run)

    def restore(self, machine: RunMachine, died: Callable[[Attempt], bool]) -> None:
        """Takes a run over from the database. Leases get a full term, unless `died` knows better.

        What it waits for of other runs is not asked for again: see `awaiting`.
        """
        self._machines[machine.run.id] = machine
        running = [attempt for attempt in machine.attempts() if attempt.status is AttemptStatus.RUNNING]
        for attempt in running:
            self._ready.occupy(attempt.id, self._gates.of(machine.plan, machine.plan.tasks[attempt.task]))
        self._carry_out(machine, [command for command in machine.resume() if not isinstance(command, h.Await)])
        now = self._clock.now()
        for attempt in running:
            if died(attempt):
                reason = f"executor {attempt.executor} ended with the program"
                self._handle(machine, h.LeaseExpired(now, attempt.id, attempt.token, reason))
            else:
                self._handle(machine, h.LeaseRestored(now, attempt.id, now + self._term()))

    def abandon(self, run: Run, tasks: Iterable[TaskRow], live: Iterable[Attempt], *, seq: int, reason: str) -> None:
        """Ends a run of the database that nothing can go on with."""
        failed, writes = abandon(run, tasks, live, seq=seq, at=self._clock.now(), reason=reason)
        self._commits.write(writes)
        self._trace(failed, writes)
        self._commits.announce(run_topic(run.id))
        self._end(failed)

    def happened(self, machine: RunMachine, happening: h.Happening) -> bool:
        """Takes what somebody asks of a run; false if that changes nothing. Raises `NotPossible`."""
        self._machines.setdefault(machine.run.id, machine)
        try:
            return self._handle(machine, happening)
        finally:
            if machine.run.status.terminal:
                self._machines.pop(machine.run.id, None)

    def progress(self, run_id: str) -> dict[str, Progress]:
        """How far the run's attempts say that they have come, by their ids."""
        machine = self._machines.get(run_id)
        if machine is None:
            return {}
        return {each.id: self._progress[each.id] for each in machine.attempts() if each.id in self._progress}

    # --- attempts ----------------------------------------------------------------------------------------------------

    def claim(self, profile: Profile, executor: Executor, request: str) -> Assignment | None:
        """Hands the best attempt on offer over, if there is one for this profile; those without arguments fail."""
        while (ready := self._ready.best(profile)) is not None:
            attempt, machine = ready.attempt, self._by_attempt[ready.attempt.id]
            now = self._clock.now()
            try:
                what = given(machine, attempt)
            except NoArguments as error:
                self._handle(machine, h.CannotStart(now, attempt.id, ErrorKind.ARGUMENTS, str(error)))
                continue
            self._code_watch.taken(ready)
            self._ready.claim(attempt.id)
            until = now + self._term()
            claimed = h.Claimed(
                now, attempt.id, self._sources.new_token(), executor.name, executor.instance, request, until
            )
            self._measures.attempt_claimed(attempt, now)
            self._handle(machine, claimed)
            running = machine.attempt(attempt.id)
            if running is None:
                raise RuntimeError(f"attempt {attempt.id} was on offer but could not be claimed")
            return assignment(machine, running, what, lease=self._settings.lease, now=now)
        return None

    def granted(self, request: str, instance: str) -> list[Assignment]:
        """What a request was given before and still runs, told once more."""
        again: list[Assignment] = []
        now = self._clock.now()
        for attempt_id in self._granted.get(request, ()):
            machine = self._by_attempt[attempt_id]
            attempt = machine.attempt(attempt_id)
            if attempt is not None and attempt.instance == instance:
                try:
                    what = given(machine, attempt)
                except NoArguments:  # they had a value once: what a parent that has ended since left behind is in them
                    continue
                again.append(assignment(machine, attempt, what, lease=self._settings.lease, now=now))
        return again

    def report(self, report: Report) -> bool:
        """Takes the end of an attempt, or that it waits; false, and nothing has changed, if that does not run under
        this token."""
        machine = self._by_attempt.get(report.attempt)
        if machine is None:
            return False
        reported = h.Reported(
            at=self._clock.now(),
            attempt=report.attempt,
            token=report.token,
            outcome=report.outcome,
            started_at=report.started_at,
            finished_at=report.finished_at,
            output=report.output,
            error_kind=None if report.error_kind is None else _error_kind(report.error_kind),
            error=report.error,
            deferral=report.deferral,
            random=random.random(),  # noqa: S311 - spreads retries, keeps no secret
        )
        return self._handle(machine, reported)

    def take_progress(self, progress: Progress) -> None:
        """Remembers how far an attempt has come, if it runs under this token."""
        if self.runs(progress.attempt, progress.token):
            self._progress[progress.attempt] = progress
            self._commits.announce(run_topic(self._by_attempt[progress.attempt].run.id))

    def machine_of(self, attempt_id: str) -> RunMachine | None:
        """The machine of an attempt that is on offer or under a lease."""
        return self._by_attempt.get(attempt_id)

    def awaited(self, run_id: str, attempt_id: str, output: str | None, error: str | None) -> None:
        """What a deferred attempt waited for has come."""
        machine = self._machines.get(run_id)
        if machine is not None:
            self._handle(machine, h.Awaited(self._clock.now(), attempt_id, output, error))

    def awaiting(self) -> list[h.Await]:
        """What the attempts of restored runs wait for."""
        commands = (command for machine in self._machines.values() for command in machine.resume())
        return [command for command in commands if isinstance(command, h.Await)]

    def waits(self, attempt: Attempt) -> bool:
        """Whether the deferred attempt of a restored run still waits."""
        machine = self._machines.get(attempt.run_id)
        now = None if machine is None else machine.attempt(attempt.id)
        return now is not None and now.status is AttemptStatus.DEFERRED and now.parts == attempt.parts

    def begin_leases(self) -> None:
        """Executors are answered from now on: every attempt that runs has a full term."""
        self._leases.begin()

    def renew(self, attempt_id: str, token: int) -> bool:
        """Grants another term in memory; false if the attempt does not run under this token."""
        if not self.runs(attempt_id, token):
            return False
        self._leases.watch(attempt_id)
        return True

    def runs(self, attempt_id: str, token: int) -> bool:
        attempt = self.attempt(attempt_id)
        return attempt is not None and attempt.status is AttemptStatus.RUNNING and attempt.token == token

    def lease_until(self) -> int:
        """Until when a lease granted now is good, on the wall clock."""
        return self._clock.now() + self._term()

    def leased_until(self, instance: str) -> int | None:
        """Until when what an executor runs is leased to it, on the wall clock: the first of its leases that ends unless
        it is renewed. None where it runs nothing."""
        left = self._leases.left(self._executors.running(instance))
        return None if left is None else self._clock.now() + round(left * SECOND)

    # --- from happenings to commands ---------------------------------------------------------------------------------

    def _handle(self, machine: RunMachine, happening: h.Happening) -> bool:
        step = machine.handle(happening)
        if step is None:
            return False
        self._commits.write(step.writes)
        self._measures.written(machine.run.dag, step.rows)
        self._trace(machine.run, step.rows)
        self._commits.announce(run_topic(machine.run.id))
        self._carry_out(machine, step.commands)
        return True

    def _trace(self, run: Run, writes: list[Write]) -> None:
        if self._traces is not None:
            self._commits.then(partial(self._traces.ended, run, writes))

    def _carry_out(self, machine: RunMachine, commands: Iterable[h.Command]) -> None:
        for command in commands:
            match command:
                case h.Offer():
                    self._by_attempt[command.attempt.id] = machine
                    gates = self._gates.of(machine.plan, command.task)
                    self._code_watch.offered(self._ready.add(command.attempt, command.task, gates))
                case h.Withdraw():
                    ready = self._ready.remove(command.attempt)
                    if ready is not None:
                        self._code_watch.taken(ready)
                    del self._by_attempt[command.attempt]
                case h.Watch():
                    self._watch(machine, command.attempt)
                case h.Ended():
                    self._forget(command.attempt)
                case h.Stop():
                    self._executors.stop(command.attempt)
                case h.WakeAt():
                    self._alarms.set(command.run_id, command.at, command.within, partial(self._wake, machine, command))
                case h.Await():
                    self._ask(command)
                case h.Unawait():
                    self._given_up(command.attempt)
                case h.Notice():
                    self._alerting.tell(command, machine.plan)
                case h.RunStarted():
                    self._alerting.started(command.run)
                case h.RunReopened():
                    self._reopened(machine)
                case h.RunEnded():
                    del self._machines[command.run.id]
                    self._end(command.run, machine.plan)

    def _end(self, run: Run, plan: DagPlan | None = None) -> None:
        self._alarms.drop(run.id)
        self._measures.run_ended(run)
        self._alerting.ended(run, plan)
        self._run_ended(run)

    def _watch(self, machine: RunMachine, attempt: Attempt) -> None:
        self._by_attempt[attempt.id] = machine
        self._granted.setdefault(attempt.request or "", {})[attempt.id] = None
        self._executors.started(attempt)
        self._leases.watch(attempt.id)

    def _forget(self, attempt: Attempt) -> None:
        """The attempt no longer runs: it has ended, or it waits."""
        del self._by_attempt[attempt.id]
        request = attempt.request or ""
        self._granted[request].pop(attempt.id)
        if not self._granted[request]:
            del self._granted[request]
        self._progress.pop(attempt.id, None)
        self._ready.release(attempt.id)
        self._executors.ended(attempt)
        self._leases.forget(attempt.id)
        self._commits.announce(log_topic(attempt.id))

    def _wake(self, machine: RunMachine, wake: h.WakeAt, at: int) -> None:
        with self._turn():
            self._handle(machine, replace(wake.then, at=at))

    def _lease_expired(self, attempt_id: str) -> None:
        machine = self._by_attempt[attempt_id]
        attempt = machine.attempt(attempt_id)
        if attempt is not None:
            reason = f"nothing was heard of executor {attempt.executor} for {self._settings.lease:g} s"
            self._handle(machine, h.LeaseExpired(self._clock.now(), attempt_id, attempt.token, reason))

    def _code_gone(self, attempt_id: str) -> None:
        machine = self._by_attempt[attempt_id]
        attempt = machine.attempt(attempt_id)
        if attempt is not None:
            task, row = machine.plan.tasks[attempt.task], machine.task(attempt.task, attempt.position)
            where, build = machine.plan.where(task, row), machine.run.build[:12]
            error = (
                f"{where}: no executor has had the code of {task.callable} of build {build} for "
                f"{self._settings.code_grace:g} s; start the program of that build as `executor`, then restart the run"
            )
            self._handle(machine, h.CannotStart(self._clock.now(), attempt_id, ErrorKind.CODE_GONE, error))

    def _term(self) -> int:
        return round(self._settings.lease * SECOND)


def _error_kind(word: str) -> ErrorKind:
    """A later version's executor may know kinds that this one does not: to it they are failures like any other."""
    try:
        return ErrorKind(word)
    except ValueError:
        return ErrorKind.EXCEPTION
