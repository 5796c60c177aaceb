"""Faults planted into the shipped code, to see that the simulator finds them: each a patch that `planted` applies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from ppacer.core import consequences, families, happenings, machine, run_state
from ppacer.core.model import EventKind
from ppacer.core.state import Verdict
from ppacer.protocol import ExchangeAnswer
from ppacer.records import replace
from ppacer.services import (
    awaited_runs,
    commits,
    dag_run_watcher,
    exchanges,
    executors,
    leases,
    notification_sender,
    operations,
    ready_queue,
    registry,
    rescuer,
    task_scheduler,
    worker_attempt,
    worker_mask,
)
from ppacer.services.gates import Gates

_Patch = tuple[Any, str, Any]


def _drop_the_fence() -> _Patch:
    """A report counts under whatever token it comes."""
    real = task_scheduler.TaskScheduler.report

    def report(self: Any, told: Any) -> bool:
        attempt = self.attempt(told.attempt)
        return real(self, told if attempt is None else replace(told, token=attempt.token))

    return task_scheduler.TaskScheduler, "report", report


def _acknowledge_before_commit() -> _Patch:
    """What a turn has changed is said to be durable at once."""

    async def settled(self: Any) -> None:
        self.flush()

    return commits.Commits, "settled", settled


def _forget_a_slot() -> _Patch:
    """The slot of a pool does not come back."""
    return ready_queue.ReadyQueue, "release", lambda self, attempt_id: None


def _one_slot_too_many() -> _Patch:
    real = Gates.of

    def of(self: Any, plan: Any, task: Any) -> Any:
        gates = real(self, plan, task)
        for gate in gates:
            gate.limit = 1_000
        return gates

    return Gates, "of", of


def _executor_without_a_fence() -> _Patch:
    """An executor lets attempts run on whose lease it could not renew."""
    return leases.Leases, "_fence", lambda self, held, now: None


def _leases_for_ever() -> _Patch:
    """What an executor that has died held is never rescued."""
    return rescuer.Leases, "_ring", lambda self: None


def _renewals_that_do_nothing() -> _Patch:
    """Renewals are acknowledged, and the lease runs out all the same."""
    return task_scheduler.TaskScheduler, "renew", lambda self, attempt, token: self.runs(attempt, token)


def _crashes_do_not_count() -> _Patch:
    """Attempts that are lost are tried again without end."""
    real = consequences.Consequences.lost_once

    def lost_once(self: Any, node: Any, at: int, error: str) -> None:
        node.row = replace(node.row, lost=-1)
        real(self, node, at, error)

    return consequences.Consequences, "lost_once", lost_once


def _claims_are_not_remembered() -> _Patch:
    """A repeated claim is a new one."""
    return executors.Executors, "new_claim", lambda self, executor, request: True


def _grants_are_not_repeated() -> _Patch:
    """A claim whose answer was lost is not told again what it was given."""
    return task_scheduler.TaskScheduler, "granted", lambda self, request, instance: []


def _missed_and_not_told() -> _Patch:
    """Due times that were missed are passed over silently."""
    return dag_run_watcher.DagRunWatcher, "_record_missed", lambda self, watched, first, last: None


def _event_left_out() -> _Patch:
    """The end of a task is not told in its run's history."""
    real = run_state.RunState.task_event

    def task_event(self: Any, kind: EventKind, node: Any, at: int, *actor: str, **payload: Any) -> None:
        if kind is not EventKind.TASK_FINISHED:
            real(self, kind, node, at, *actor, **payload)

    return run_state.RunState, "task_event", task_event


def _retries_without_an_alarm() -> _Patch:
    """Nobody is woken for what is to be tried again later."""
    real = task_scheduler.TaskScheduler._carry_out

    def carry_out(self: Any, of: Any, commands: Any) -> None:
        wakes = (happenings.WakeAt,)
        kept = [one for one in commands if not (isinstance(one, wakes) and isinstance(one.then, happenings.RetryDue))]
        real(self, of, kept)

    return task_scheduler.TaskScheduler, "_carry_out", carry_out


def _too_early_a_start() -> _Patch:
    """A task starts before what it waits for has ended."""
    real = families.verdict_on

    def verdict_on(state: Any, node: Any) -> Verdict:
        found = real(state, node)
        return Verdict.RUN if found is Verdict.WAIT and node.parents.succeeded else found

    return families, "verdict_on", verdict_on


def _todays_build_for_old_runs() -> _Patch:
    """A run of an earlier build goes on with the plan of the present one."""

    async def plan(self: Any, build: str, dag_id: str) -> Any:
        return self._current.get(dag_id)

    return registry.Registry, "plan", plan


def _awaited_and_not_told() -> _Patch:
    """Who waits for the run of another dag is not told of its end."""
    return awaited_runs.AwaitedRuns, "ended", lambda self, run: None


def _keys_are_not_looked_up() -> _Patch:
    """A key that the dag has seen makes another run."""

    async def trigger_once(self: Any, plan: Any, given: Any, at: Any, actor: str, **_: str) -> Any:
        return await self._trigger(plan, given, at, actor)

    return operations.Operations, "_trigger_once", trigger_once


def _stops_are_not_told() -> _Patch:
    """Executors are not told what to stop, and the cancelled run ends at once."""
    real = machine.RunMachine._cancel

    def cancel(self: Any, happening: Any) -> bool:
        for attempt_id in list(self._state.live):
            found = self._state.running(attempt_id)
            if found is not None:
                node, _ = found
                node.attempt = None
                del self._state.live[attempt_id]
        return real(self, happening)

    return machine.RunMachine, "_cancel", cancel


def _masks_that_hide_nothing() -> _Patch:
    return worker_mask.Mask, "cut", lambda self, data, hidden, end: (bytes(data[:end]), 0)


def _no_answers_for_the_past() -> _Patch:
    """A report that is repeated after it was taken is refused."""

    async def past(self: Any, attempt_id: str, token: int) -> None:
        return None

    return exchanges.Exchanges, "_past", past


def _workers_are_left_alone() -> _Patch:
    """An attempt that has to end is given up, and its worker runs on."""

    async def clear(self: Any, worker: Any, session: Any) -> None:
        if session.end.done() and self.reason is None:
            self._pool.release(worker, session)
        else:
            worker.leave(session)

    return worker_attempt.RunningAttempt, "_clear", clear


def _restored_without_leases() -> _Patch:
    """A scheduler that starts does not watch the leases of what runs already."""
    real = machine.RunMachine.resume

    def resume(self: Any) -> Iterator[Any]:
        return (one for one in real(self) if not isinstance(one, happenings.Watch))

    return machine.RunMachine, "resume", resume


def _sent_and_not_marked() -> _Patch:
    """What was told stays to be told."""
    return notification_sender.NotificationSender, "_mark", lambda self, row: None


def _polls_that_forget_the_line() -> _Patch:
    """A long-poll whose time is over stays on the line, and is handed attempts that nobody hears of."""

    async def wait(self: Any, waiter: Any, seconds: float) -> Any:
        try:
            async with asyncio.timeout(min(seconds, exchanges.LONGEST_WAIT)):
                await waiter.woken.wait()
        except TimeoutError:
            return []
        return waiter.assignments

    return exchanges.Exchanges, "_wait", wait


def _a_second_answer() -> _Patch:
    """An answer to a report says that it was refused, although it was taken."""
    real = exchanges.Exchanges._answer

    async def answer(self: Any, exchange: Any, instance: str, *, in_program: bool) -> ExchangeAnswer:
        found = await real(self, exchange, instance, in_program=in_program)
        return replace(found, reports=tuple(replace(ack, status=409) for ack in found.reports))

    return exchanges.Exchanges, "_answer", answer


PLANTED: dict[str, Callable[[], _Patch]] = {
    plant.__name__.strip("_"): plant
    for plant in (
        _drop_the_fence,
        _acknowledge_before_commit,
        _forget_a_slot,
        _one_slot_too_many,
        _executor_without_a_fence,
        _leases_for_ever,
        _renewals_that_do_nothing,
        _crashes_do_not_count,
        _claims_are_not_remembered,
        _grants_are_not_repeated,
        _missed_and_not_told,
        _event_left_out,
        _retries_without_an_alarm,
        _too_early_a_start,
        _todays_build_for_old_runs,
        _awaited_and_not_told,
        _keys_are_not_looked_up,
        _stops_are_not_told,
        _masks_that_hide_nothing,
        _no_answers_for_the_past,
        _workers_are_left_alone,
        _restored_without_leases,
        _sent_and_not_marked,
        _polls_that_forget_the_line,
        _a_second_answer,
    )
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Within, the shipped code has that fault."""
    target, attribute, stand_in = PLANTED[name]()
    with patch.object(target, attribute, stand_in):
        yield
