"""Settings that never have an effect: alerts that nobody gets, what is said of a schedule that there is not, time-outs
that the run's own comes before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from ppacer.core.operators import text
from ppacer.spec import AlertEvent, HandlerKind
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.diagnostics import Label
from ppc.resolved import ResolvedDag, ResolvedFile
from ppc.scopes import FileScope
from ppc.settings import DAG_SETTINGS

NEVER_TOLD = "W310"
NO_SCHEDULE = "W311"
RUN_ENDS_FIRST = "W312"

CODES = {
    NEVER_TOLD: "an alert that never comes",
    NO_SCHEDULE: "a setting of the schedule in a dag without one",
    RUN_ENDS_FIRST: "a time-out that the end of the run comes before",
}

_OF_SCHEDULE = ("start", "end", "dst", "catchup", "overlap")


def check(file: ResolvedFile) -> None:
    if file.dags and all(_lacks(file, _own(dag), "deadline") for dag in file.dags):
        _never_late(file.scope, _defaults(file.scope.module.items), "no dag of the file has a `deadline`")
    for dag in file.dags:
        own = _own(dag)
        if _lacks(file, own, "schedule"):
            _unscheduled(file.scope, own)
        if AlertEvent.RETRY in _told(own.get("alert_on")):
            _never_retried(file.scope, own["alert_on"])
        # The tasks of a template may belong to other dags too, for which it is otherwise.
        tasks = [task for task in dag.tasks.values() if task.decl.settings and task.scope.template is None]
        if _lacks(file, own, "deadline"):
            settings = [
                *own.values(),
                *_defaults(dag.decl.body),
                *(each for task in tasks for each in task.decl.settings),
            ]
            _never_late(file.scope, settings, "the dag has no `deadline`")
        for task in tasks:
            _never_told(task)
            if task.handler is not HandlerKind.NONE:
                _never_late(file.scope, task.decl.settings, "handlers run when all else is over", "leave `late` out")
        limit = dag.settings.get("run_timeout")
        if isinstance(limit, timedelta) and "run_timeout" in own:
            _too_late(dag, limit, own["run_timeout"])


def _own(dag: ResolvedDag) -> dict[str, ast.Setting]:
    return {item.name.name: item for item in reversed(dag.decl.body) if isinstance(item, ast.Setting)}


def _lacks(file: ResolvedFile, own: dict[str, ast.Setting], name: str) -> bool:
    """Whether a dag surely has no such setting: what is misspelt or broken may be it."""
    return name not in own and own.keys() <= DAG_SETTINGS.keys() and not file.scope.broken


def _defaults(items: Iterable[ast.TopItem] | Iterable[ast.BodyItem]) -> Iterator[ast.Setting]:
    return (setting for item in items if isinstance(item, ast.DefaultsDecl) for setting in item.settings)


def _unscheduled(file: FileScope, own: dict[str, ast.Setting]) -> None:
    for name in _OF_SCHEDULE:
        if name in own:
            message = f"`{name}` has no effect: the dag has no schedule"
            file.report(NO_SCHEDULE, message, own[name].name.span, help="leave it out, or give the dag a `schedule`")


# --- alerts ----------------------------------------------------------------------------------------------------------


def _told(setting: ast.Setting | None) -> dict[str, ast.Name]:
    """The words of an `alert_on`."""
    if setting is None or not isinstance(setting.value, ast.ListLiteral):
        return {}
    return {item.name: item for item in setting.value.items if isinstance(item, ast.Name)}


def _never_late(
    file: FileScope,
    settings: Iterable[ast.Setting],
    why: str,
    way_out: str = "give the dag a `deadline`, or leave `late` out",
) -> None:
    for setting in settings:
        late = _told(setting).get(AlertEvent.LATE) if setting.name.name == "alert_on" else None
        if late is not None:
            file.report(NEVER_TOLD, f"this is never late: {why}", late.span, help=way_out)


def _never_retried(file: FileScope, setting: ast.Setting) -> None:
    message, way_out = (
        "a run is never retried, only its tasks are",
        "give `alert_on` to the tasks, or to all in `defaults`",
    )
    file.report(NEVER_TOLD, message, _told(setting)[AlertEvent.RETRY].span, help=way_out)


def _never_told(task: ResolvedTask) -> None:
    """A message, or somebody to tell, for a task of which nothing is told."""
    if task.settings.get("alert_on") != ():
        return
    own = {setting.name.name: setting for setting in reversed(task.decl.settings)}
    for name in ("notify", "alert"):
        if name in own and task.settings.get(name) not in ((), None):
            labels = (Label(own["alert_on"].span, "nothing is told"),) if "alert_on" in own else ()
            message = f"`{name}` has no effect: the `alert_on` of the task is empty"
            way_out = "leave it out, or say of what to tell: `alert_on = [failure]`"
            task.scope.file.report(NEVER_TOLD, message, own[name].name.span, labels=labels, help=way_out)


# --- time-outs -------------------------------------------------------------------------------------------------------


def _too_late(dag: ResolvedDag, limit: timedelta, end: ast.Setting) -> None:
    """Of the time-outs that somebody wrote into this dag. (Handlers run on when the time of their run is up.)"""
    inherited = next((each for each in _defaults(dag.decl.body) if each.name.name == "timeout"), None)
    for task in dag.tasks.values():
        timeout = task.settings.get("timeout")
        if not isinstance(timeout, timedelta) or timeout <= limit or task.handler is not HandlerKind.NONE:
            continue
        written = next((each for each in task.decl.settings if each.name.name == "timeout"), None)
        if written is not None and task.scope.template is not None:
            continue
        at = written or inherited
        if at is not None:
            dag.scope.file.report(
                RUN_ENDS_FIRST,
                f"no attempt can take {text(timeout)}: the run ends after {text(limit)}",
                at.value.span,
                labels=(Label(end.span, "the end of the run"),),
                help="give the task a shorter time-out, or the run a longer one",
            )
