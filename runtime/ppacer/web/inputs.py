"""What a task is given, as far as that can be told: its arguments as compiled, and their values as things stand.

Evaluated arguments are not stored. They are worked out here as for an attempt, from the run's rows: parameters, the
outputs of other tasks, the element of a family's list. What only an executor knows, secrets above all, is not told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate, parts, takes_surroundings
from ppacer.core.machine import RunMachine
from ppacer.core.model import FAMILY, Run
from ppacer.core.notation import expression_text
from ppacer.core.plan import DagPlan
from ppacer.core.restore import RestoreError
from ppacer.store.store import Store
from ppacer.web.messages import InputView

BIG_INPUT = 16 * 1024
"""Bytes of JSON above which a value is left out."""

LONG_EXPRESSION = 4_000
"""Characters of an expression that are told: a literal may be of any length."""


def task_inputs(
    store: Store, plan: DagPlan, run: Run, task_id: str, *, position: int, number: int
) -> tuple[InputView, ...] | None:
    """The arguments of the task of the plan (of a run-time family's member at that position) in its attempt `number`;
    none where the run's rows do not fit its dag."""
    task = plan.tasks[task_id]
    arguments = [*((None, expr) for expr in task.args), *task.kwargs]
    if not arguments:
        return ()
    try:
        rows = store.current_tasks(run.id)
        machine = RunMachine.restore(plan, run, rows, (), new_id=lambda _: "", seq=0)
        scope = machine.scope_of(task_id, None if position == FAMILY else position, max(1, number))
    except (RestoreError, KeyError):
        return None
    whole = position == FAMILY
    return tuple(_input(name, expr, machine, scope, whole=whole) for name, expr in arguments)


def _input(name: str | None, expr: spec.Expr, machine: RunMachine, scope: Scope, *, whole: bool) -> InputView:
    text = expression_text(expr)
    shown = text if len(text) <= LONG_EXPRESSION else f"{text[:LONG_EXPRESSION]}…"
    unknown = _unknown(expr, machine, whole=whole)
    if unknown is not None:
        return InputView(name, shown, unknown=unknown)
    try:
        value = codec.encode(evaluate(expr, scope))
    except EvaluationError as error:
        return InputView(name, shown, unknown=error.message)
    except codec.CodecError as error:
        return InputView(name, shown, unknown=f"it has no JSON form: {error}")
    size = len(value.encode())
    return InputView(name, shown, json.loads(value) if size <= BIG_INPUT else None, size)


def _unknown(expr: spec.Expr, machine: RunMachine, *, whole: bool) -> str | None:
    """Why nothing can be told of the expression's value."""
    inner = list(_all_parts(expr))
    if any(isinstance(part, spec.Secret) for part in inner):
        return "it is made of a secret, which only the worker looks up"
    if takes_surroundings(expr):
        return "it is made of the environment of the executor"
    if whole and any(isinstance(part, spec.LoopVariable | spec.OutputAt) for part in inner):
        return "each member of the family has its own"
    for part in inner:
        if isinstance(part, spec.Output | spec.Outputs | spec.OutputAt):
            row = machine.task(part.task)
            if row is None or not row.status.terminal:
                return f"{part.task} has not ended yet"
    return None


def _all_parts(expr: spec.Expr) -> Iterator[spec.Expr]:
    yield expr
    for part in parts(expr):
        yield from _all_parts(part)
