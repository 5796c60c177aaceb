"""What a task runs in: whether its callable can, and whether it has a process for what is said of its process."""

from __future__ import annotations

from ppacer.spec import Isolation
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.callables import FoundCallable
from ppc.checks.callables import defined_at
from ppc.diagnostics import Label
from ppc.resolved import ResolvedDag
from ppc.settings import CONFLICT, OF_A_PROCESS

WRONG_ISOLATION = "E507"

CODES = {WRONG_ISOLATION: "an isolation, or something of a process, that the callable cannot have"}

_UNDONE = {"env": "env = {}", "cwd": "cwd = none", "memory": "memory = none"}


def check(dag: ResolvedDag, task: ResolvedTask) -> None:
    isolation = task.settings.get("isolation")
    own = {setting.name.name: setting for setting in reversed(task.decl.settings)}
    if isolation is Isolation.ASYNC and "isolation" in own:
        _check_async(task, own["isolation"])
    awaits = isinstance(task.callee, FoundCallable) and task.callee.awaits is True
    if isolation is Isolation.PROCESS or (isolation is None and not awaits):
        return
    held = [name for name in OF_A_PROCESS if task.settings.get(name) not in ((), None)]
    if held and isolation is None:
        _refuse_for_callable(dag, task, held, own)
    elif held:
        _refuse_for_isolation(dag, task, held, own)


def _check_async(task: ResolvedTask, setting: ast.Setting) -> None:
    callee = task.callee
    if isinstance(callee, FoundCallable) and callee.awaits is False:
        name = task.decl.call.callee.text
        task.scope.file.report(
            WRONG_ISOLATION,
            f"`{name}` is no `async def`: it would hold up all that shares the event loop with it",
            setting.value.span,
            notes=defined_at(name, callee),
            help="take `isolation = thread`, or `process`, which is built in",
        )


def _refuse_for_callable(dag: ResolvedDag, task: ResolvedTask, held: list[str], own: dict[str, ast.Setting]) -> None:
    """The task says nothing of its isolation, and its callable is an `async def`."""
    assert isinstance(task.callee, FoundCallable)
    callee = task.decl.call.callee
    why = f"`{callee.text}` is an `async def`, which shares its process with others"
    first = next((own[name] for name in held if name in own), None)
    if first is None:
        message = f"{why}: it cannot have the {_listed(held)} of `defaults`"
        inherited = (dag.inherited(name) for name in held)
        labels = tuple(Label(setting.span, "inherited from here") for setting in inherited if setting is not None)
        way_out = f"give the task `isolation = process`, or undo it for the task: {_undone(held)}"
    else:
        message, labels = f"{why}: it has no `{first.name.name}` of its own", ()
        way_out = "give the task `isolation = process`"
    task.scope.file.report(
        WRONG_ISOLATION,
        message,
        callee.span if first is None else first.name.span,
        labels=(*labels, *task.labels()),
        notes=defined_at(callee.text, task.callee),
        help=way_out,
    )


def _refuse_for_isolation(dag: ResolvedDag, task: ResolvedTask, held: list[str], own: dict[str, ast.Setting]) -> None:
    """Of two in one block this has been told already: here one is inherited, or both are."""
    isolation = own.get("isolation") or dag.inherited("isolation")
    assert isolation is not None
    first = next((own[name] for name in held if name in own), None)
    if first is not None and "isolation" not in own:
        message = f"only a task in a process of its own has {OF_A_PROCESS[first.name.name]}"
        labels = (Label(isolation.span, "`isolation` is inherited from here"), *task.labels())
        way_out = "give the task `isolation = process` too"
        task.scope.file.report(CONFLICT, message, first.name.span, labels=labels, help=way_out)
        return
    held = [name for name in held if name not in own]
    if not held:
        return
    others = [setting for name in held if (setting := dag.inherited(name)) is not None]
    found = [Label(setting.span, f"`{setting.name.name}` is inherited from here") for setting in others]
    own_block = "isolation" in own
    way_out = f"take `isolation = process`, or undo what is inherited: {_undone(held)}"
    (task.scope.file if own_block else dag.scope.file).report(
        CONFLICT,
        f"only a task in a process of its own has {' and '.join(OF_A_PROCESS[name] for name in held)}",
        isolation.name.span,
        labels=(*found, *task.labels()),
        help=way_out if own_block else f"give `isolation = process` to the tasks that need {_listed(held)}",
    )


def _listed(names: list[str]) -> str:
    return " and ".join(f"`{name}`" for name in names)


def _undone(names: list[str]) -> str:
    return f"`{', '.join(_UNDONE[name] for name in names)}`"
