"""From an attempt on offer to what an executor needs to carry it out: its arguments worked out, its limits told."""

from __future__ import annotations

from dataclasses import dataclass

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate_here
from ppacer.core.machine import RunMachine, time_left
from ppacer.core.model import Attempt, TaskRow
from ppacer.protocol import Assignment, Deferral, RunInfo
from ppacer.wire import decode


class NoArguments(Exception):
    """The arguments of a task have no value; the text says why, and where in the source."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a task is given, as JSON: where a value depends on the executor's surroundings, an expression of these."""

    args: str
    kwargs: str
    env: str
    cwd: str | None


def given(machine: RunMachine, attempt: Attempt) -> Given:
    """Works out the task's arguments, environment and folder. Raises `NoArguments`."""
    task, plan = machine.plan.tasks[attempt.task], machine.plan
    scope, where = machine.scope(attempt), plan.where(task, _row(machine, attempt))
    try:
        return Given(
            args=codec.encode([evaluate_here(expr, scope) for expr in task.args]),
            kwargs=_pairs(task.kwargs, scope),
            env=_pairs(task.env, scope) if task.env else "{}",
            cwd=None if task.cwd is None else codec.encode(evaluate_here(task.cwd, scope)),
        )
    except EvaluationError as error:
        raise NoArguments(f"{where}: {error.message} ({plan.place(error.at)}:{error.at.column})") from error
    except codec.CodecError as error:
        raise NoArguments(f"{where}: an argument cannot be passed on: {error}") from error


def assignment(machine: RunMachine, attempt: Attempt, what: Given, *, lease: float, now: int) -> Assignment:
    """What to tell the executor that holds the (running) attempt. `now` is on the wall clock."""
    run, plan, task = machine.run, machine.plan, machine.plan.tasks[attempt.task]
    row = _row(machine, attempt)
    return Assignment(
        attempt=attempt.id,
        token=attempt.token,
        lease_seconds=lease,
        run=RunInfo(
            id=run.id,
            dag=run.dag,
            build=run.build,
            scheduled_at=run.scheduled_at,
            timezone=plan.dag.timezone,
            previous_at=run.previous_at,
            params=run.params,
        ),
        task=task.id,
        number=attempt.number,
        callable=task.callable,
        args=what.args,
        kwargs=what.kwargs,
        where=plan.where(task, row),
        timeout=None if task.timeout is None else task.timeout.total_seconds(),
        time_left=time_left(task, attempt, now),
        isolation=plan.isolation(task).value,
        position=attempt.position,
        label=row.label,
        state=_state(attempt),
        part=attempt.parts,
        env=what.env,
        cwd=what.cwd,
        memory=task.memory,
        generation=row.generation,
    )


def _pairs(pairs: tuple[tuple[str, spec.Expr], ...], scope: Scope) -> str:
    return codec.encode({name: evaluate_here(expr, scope) for name, expr in pairs})


def _row(machine: RunMachine, attempt: Attempt) -> TaskRow:
    row = machine.task(attempt.task, attempt.position)
    assert row is not None, "a live attempt has a task"
    return row


def _state(attempt: Attempt) -> str | None:
    return None if attempt.state is None else decode(Deferral, attempt.state.encode()).state
