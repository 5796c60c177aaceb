"""Sleeps that the task's own time-out ends."""

from __future__ import annotations

from datetime import timedelta

from ppacer import spec
from ppacer.core.operators import text
from ppc.bodies import ResolvedTask
from ppc.callables import BUILT_IN_TASKS, FoundCallable
from ppc.diagnostics import Label

TOO_LONG = "E411"

CODES = {TOO_LONG: "a sleep that the task's time-out ends"}

SLEEP = BUILT_IN_TASKS["sleep"]


def check(task: ResolvedTask) -> None:
    if not isinstance(task.callee, FoundCallable) or task.callee.spec.id != SLEEP or len(task.arguments) != 1:
        return
    argument = task.arguments[0]
    timeout = task.settings.get("timeout", spec.DEFAULT_TIMEOUT)
    if not isinstance(argument.value, spec.Literal) or not isinstance(timeout, timedelta):
        return
    duration = _duration(argument.value.value)
    if duration is None or duration <= timeout:
        return
    written = next((setting for setting in task.decl.settings if setting.name.name == "timeout"), None)
    task.scope.file.report(
        TOO_LONG,
        f"task `{task.id}` can never succeed: after {text(timeout)} its time-out ends it",
        argument.syntax.value.span,
        label=f"it sleeps {text(duration)}",
        labels=(*([] if written is None else [Label(written.span, "the time-out")]), *task.labels()),
        notes=() if "timeout" in task.settings else (f"a task without a `timeout` has one of {text(timeout)}",),
        help="give the task a longer `timeout`, or `timeout = none`",
    )


def _duration(value: spec.Constant) -> timedelta | None:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return timedelta(seconds=value)
        except OverflowError:
            return timedelta.max
    return None
