"""From an attempt on offer to what an executor needs to carry it out: its arguments worked out, its limits told."""

from __future__ import annotations

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate, run_values
from ppacer.core.machine import RunMachine
from ppacer.core.model import Attempt, TaskStatus
from ppacer.protocol import Assignment, RunInfo


class NoArguments(Exception):
    """The arguments of a task have no value; the text says why, and where in the source."""


def arguments(machine: RunMachine, attempt: Attempt) -> tuple[str, str]:
    """The JSON of the task's positional and named arguments. Raises `NoArguments`."""
    task, plan = machine.plan.tasks[attempt.task], machine.plan
    scope = Scope(
        run=run_values(machine.run, plan.dag.timezone),
        task={spec.TaskField.ID: task.id, spec.TaskField.ATTEMPT: attempt.number},
        params=_params(machine),
        output=lambda task_id: _output(machine, task_id),
    )
    try:
        args = codec.encode([evaluate(expr, scope) for expr in task.args])
        kwargs = codec.encode({name: evaluate(expr, scope) for name, expr in task.kwargs})
    except EvaluationError as error:
        raise NoArguments(f"{plan.where(task)}: {error.message} ({plan.place(error.at)}:{error.at.column})") from error
    except codec.CodecError as error:
        raise NoArguments(f"{plan.where(task)}: an argument cannot be passed on: {error}") from error
    return args, kwargs


def assignment(machine: RunMachine, attempt: Attempt, args: str, kwargs: str, lease: float) -> Assignment:
    """What to tell the executor that holds the (running) attempt."""
    run, plan, task = machine.run, machine.plan, machine.plan.tasks[attempt.task]
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
        args=args,
        kwargs=kwargs,
        where=plan.where(task),
        timeout=None if task.timeout is None else task.timeout.total_seconds(),
        isolation=(task.isolation or spec.Isolation.PROCESS).value,
        position=attempt.position,
    )


def _params(machine: RunMachine) -> dict[str, object]:
    params = codec.decode(machine.run.params)
    if not isinstance(params, dict):
        raise TypeError(f"run {machine.run.id} has params that are no object")
    return params


def _output(machine: RunMachine, task_id: str) -> object:
    """What a task that succeeded returned; none for one that did not."""
    row = machine.task(task_id)
    if row is None:
        raise KeyError(task_id)
    if row.status is not TaskStatus.SUCCESS or row.output is None:
        return None
    return codec.decode(row.output)
