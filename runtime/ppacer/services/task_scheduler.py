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
from ppacer.core.machine import RunMachine
from ppacer.core.model import Attempt, AttemptStatus, ErrorKind, Run, TaskRow
from ppacer.core.plan import DagPlan
from ppacer.core.runs import abandon
from ppacer.protocol import Assignment, Report
from ppacer.services.assignments import NoArguments, arguments, assignment
from ppacer.services.changes import log_topic, run_topic
from ppacer.services.commits import Commits
from ppacer.services.executors import Executor, Executors
from ppacer.services.notifier import Notifier
from ppacer.services.ready_queue import Profile, ReadyQueue
from ppacer.services.registry import Registry
from ppacer.services.rescuer import CodeWatch, Leases
from ppacer.services.timers import Clock, Timers


@dataclass(frozen=True, slots=True)
class Settings:
    """`lease` and `code_grace` in seconds; `schedules` says whether scheduled runs are made."""

    lease: float
    code_grace: float
    schedules: bool


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


class TaskScheduler:
    """The machines of the active runs and what hangs on them: leases, the ready queue, timers.

    All of its methods belong into a turn. `run_ended` is called, within the turn, with each run that ended.
    """

    def __init__(
        self,
        registry: Registry,
        commits: Commits,
        ready: ReadyQueue,
        executors: Executors,
        *,
        timers: Timers,
        clock: Clock,
        notifier: Notifier,
        sources: Sources,
        settings: Settings,
        turn: Callable[[], AbstractContextManager[None]],
        run_ended: Callable[[Run], None],
    ) -> None:
        self._registry = registry
        self._commits = commits
        self._ready = ready
        self._executors = executors
        self._timers = timers
        self._clock = clock
        self._notifier = notifier
        self._sources = sources
        self._settings = settings
        self._turn = turn
        self._run_ended = run_ended
        self._machines: dict[str, RunMachine] = {}
        self._by_attempt: dict[str, RunMachine] = {}
        self._granted: dict[str, dict[str, None]] = {}
        self._leases = Leases(timers, turn=turn, lease=settings.lease, expired=self._lease_expired)
        self._code_watch = CodeWatch(
            registry, executors, timers, turn=turn, grace=settings.code_grace, gone=self._code_gone
        )

    @property
    def running(self) -> int:
        """The number of attempts under a lease."""
        return len(self._leases)

    def machine(self, run_id: str) -> RunMachine | None:
        return self._machines.get(run_id)

    def attempt(self, attempt_id: str) -> Attempt | None:
        """The attempt, if it has not ended."""
        machine = self._by_attempt.get(attempt_id)
        return None if machine is None else machine.attempt(attempt_id)

    # --- runs --------------------------------------------------------------------------------------------------------

    def start(self, plan: DagPlan, run: Run, seq: int) -> None:
        """Starts a queued run, whose last event is `seq`."""
        machine = self._machines[run.id] = RunMachine(plan, run, new_id=self._sources.new_id, seq=seq)
        self._handle(machine, h.Start(self._clock.now()))

    def restore(self, machine: RunMachine, died: Callable[[Attempt], bool]) -> None:
        """Takes a run over from the database. Leases get a full term, unless `died` knows better."""
        self._machines[machine.run.id] = machine
        running = [attempt for attempt in machine.attempts() if attempt.status is AttemptStatus.RUNNING]
        self._carry_out(machine, machine.resume())
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
        self._commits.announce(run_topic(run.id))
        self._end(failed)

    def cancel(self, machine: RunMachine, actor: str) -> None:
        """Asks a run to end, active or still queued."""
        self._machines[machine.run.id] = machine
        self._handle(machine, h.CancelAsked(self._clock.now(), actor))

    # --- attempts ----------------------------------------------------------------------------------------------------

    def claim(self, profile: Profile, executor: Executor, request: str) -> Assignment | None:
        """Hands the best attempt on offer over, if there is one for this profile; those without arguments fail."""
        while (ready := self._ready.best(profile)) is not None:
            attempt, machine = ready.attempt, self._by_attempt[ready.attempt.id]
            now = self._clock.now()
            try:
                args, kwargs = arguments(machine, attempt)
            except NoArguments as error:
                self._handle(machine, h.CannotStart(now, attempt.id, ErrorKind.ARGUMENTS, str(error)))
                continue
            self._off_offer(attempt.id)
            until = now + self._term()
            claimed = h.Claimed(
                now, attempt.id, self._sources.new_token(), executor.name, executor.instance, request, until
            )
            self._handle(machine, claimed)
            running = machine.attempt(attempt.id)
            if running is None:
                raise RuntimeError(f"attempt {attempt.id} was on offer but could not be claimed")
            return assignment(machine, running, args, kwargs, self._settings.lease)
        return None

    def granted(self, request: str, instance: str) -> list[Assignment]:
        """What a request was given before and still runs, told once more."""
        again: list[Assignment] = []
        for attempt_id in self._granted.get(request, ()):
            machine = self._by_attempt[attempt_id]
            attempt = machine.attempt(attempt_id)
            if attempt is not None and attempt.instance == instance:
                again.append(assignment(machine, attempt, *arguments(machine, attempt), self._settings.lease))
        return again

    def report(self, report: Report) -> bool:
        """Takes the end of an attempt; false, and nothing has changed, if that does not run under this token."""
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
            random=random.random(),  # noqa: S311 - spreads retries, keeps no secret
        )
        return self._handle(machine, reported)

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

    # --- from happenings to commands ---------------------------------------------------------------------------------

    def _handle(self, machine: RunMachine, happening: h.Happening) -> bool:
        step = machine.handle(happening)
        if step is None:
            return False
        self._commits.write(step.writes)
        self._commits.announce(run_topic(machine.run.id))
        self._carry_out(machine, step.commands)
        return True

    def _carry_out(self, machine: RunMachine, commands: list[h.Command]) -> None:
        for command in commands:
            match command:
                case h.Offer():
                    self._by_attempt[command.attempt.id] = machine
                    self._code_watch.offered(self._ready.add(command.attempt, command.task))
                case h.Withdraw():
                    self._off_offer(command.attempt)
                    del self._by_attempt[command.attempt]
                case h.Watch():
                    self._watch(machine, command.attempt)
                case h.Ended():
                    self._forget(command.attempt)
                case h.Stop():
                    self._executors.stop(command.attempt)
                case h.WakeAt():
                    self._wake(machine, command)
                case h.Notice():
                    self._commits.then(partial(self._notifier.notice, command))
                case h.RunStarted():
                    self._commits.then(partial(self._notifier.started, command.run))
                case h.RunEnded():
                    del self._machines[command.run.id]
                    self._end(command.run)

    def _end(self, run: Run) -> None:
        self._commits.then(partial(self._notifier.ended, run))
        self._run_ended(run)

    def _off_offer(self, attempt_id: str) -> None:
        ready = self._ready.remove(attempt_id)
        if ready is not None:
            self._code_watch.taken(ready)

    def _watch(self, machine: RunMachine, attempt: Attempt) -> None:
        self._by_attempt[attempt.id] = machine
        self._granted.setdefault(attempt.request or "", {})[attempt.id] = None
        self._executors.started(attempt)
        self._leases.watch(attempt.id)

    def _forget(self, attempt: Attempt) -> None:
        del self._by_attempt[attempt.id]
        request = attempt.request or ""
        self._granted[request].pop(attempt.id)
        if not self._granted[request]:
            del self._granted[request]
        self._executors.ended(attempt)
        self._leases.forget(attempt.id)
        self._commits.announce(log_topic(attempt.id))

    def _wake(self, machine: RunMachine, wake: h.WakeAt) -> None:
        def due() -> None:
            with self._turn():
                self._handle(machine, h.RetryDue(self._clock.now(), wake.task))

        self._timers.call_in(min(wake.at - self._clock.now(), wake.within) / 1_000_000, due)

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
            task = machine.plan.tasks[attempt.task]
            error = (
                f"{machine.plan.where(task)}: the code of {task.callable} as build {machine.run.build[:12]} has it is "
                f"with no executor since {self._settings.code_grace:g} s; start the program of that build as `executor`"
            )
            self._handle(machine, h.CannotStart(self._clock.now(), attempt_id, ErrorKind.CODE_GONE, error))

    def _term(self) -> int:
        return round(self._settings.lease * 1_000_000)


def _error_kind(word: str) -> ErrorKind:
    """A later version's executor may know kinds that this one does not: to it they are failures like any other."""
    try:
        return ErrorKind(word)
    except ValueError:
        return ErrorKind.EXCEPTION
