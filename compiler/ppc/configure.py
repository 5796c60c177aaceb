"""Settings given to every dag and task: built-in, then the file's `defaults`, then the dag's, then the task's own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from ppacer import spec
from ppc import ast
from ppc.bodies import BodyScope, ResolvedTask
from ppc.callables import FoundCallable
from ppc.checks import daylight, pace, time
from ppc.diagnostics import Label
from ppc.expressions import Expressions
from ppc.resolved import ResolvedDag, ResolvedFile, ResolvedProgram
from ppc.scopes import ResolvedPool
from ppc.settings import POOL_SETTINGS, REPEATED_SETTING, Owner, Settings, read_settings

NO_SLOTS = "E312"

CODES = {NO_SLOTS: "a pool without `slots`"}


def configure(program: ResolvedProgram) -> None:
    """Reads all settings into the dags, tasks and pools, as fields of the spec's classes of these names."""
    for file in program.files:
        outside = BodyScope(file.scope)
        for pool in file.pools:
            _configure_pool(outside, pool)
        file_defaults = _defaults(outside, file.scope.module.items)
        for dag in (*file.dags, *file.sketches):
            _configure_dag(file, dag, file_defaults)


def _configure_pool(scope: BodyScope, pool: ResolvedPool) -> None:
    found = read_settings(scope, {}, pool.decl.settings, Owner.POOL)
    slots = found.values.get("slots")
    if isinstance(slots, int):
        pool.slots = slots
    elif "slots" not in found.written and found.written.keys() <= POOL_SETTINGS.keys() and not scope.file.broken:
        name = pool.decl.name
        message = f"the pool `{name.name}` does not say how many tasks may run at once"
        scope.file.report(NO_SLOTS, message, name.span, help=f"as in `pool {name.name} {{ slots = 4 }}`")


def _configure_dag(file: ResolvedFile, dag: ResolvedDag, file_defaults: Settings) -> None:
    scheduled = _read_dag(file, dag)
    inherited = _defaults(dag.body, dag.decl.body).over(file_defaults)
    plain = _without_async(inherited)
    places = {id(each): tuple(each.at.items()) for each in (inherited, plain)}
    timeouts: list[tuple[ResolvedTask, ast.Setting]] = []
    for task in (*dag.tasks.values(), *dag.sketches):
        awaits = not isinstance(task.callee, FoundCallable) or task.callee.awaits is not False
        settings = inherited if awaits else plain
        if task.decl.settings:
            own = read_settings(task.scope, task.variables, task.decl.settings, Owner.TASK)
            dag.use(task, own.uses)
            settings = own.over(settings)
            task.settings, task.settings_at = settings.values, tuple(settings.at.items())
        else:
            task.settings, task.settings_at = settings.values, places[id(settings)]
        if "timeout" in settings.written:
            timeouts.append((task, settings.written["timeout"]))
    if timeouts and scheduled is not None:
        limit = dag.settings.get("run_timeout")
        pace.check(scheduled, timeouts, limit if isinstance(limit, timedelta) else None)


def _without_async(inherited: Settings) -> Settings:
    """What a callable inherits that is no `async def`: one cannot run it as if it were."""
    if inherited.values.get("isolation") is not spec.Isolation.ASYNC:
        return inherited
    rest = Settings(dict(inherited.values), dict(inherited.at), dict(inherited.written))
    del rest.values["isolation"], rest.at["isolation"], rest.written["isolation"]
    return rest


def _defaults(scope: BodyScope, items: Iterable[ast.TopItem] | Iterable[ast.BodyItem]) -> Settings:
    first: ast.DefaultsDecl | None = None
    found = Settings()
    for item in items:
        if not isinstance(item, ast.DefaultsDecl):
            continue
        if first is None:
            first = item
            found = read_settings(scope, {}, item.settings, Owner.TASK, defaults=True)
        else:
            labels = (Label(first.span, "the first `defaults`"),)
            message = "there are two `defaults` blocks here"
            scope.file.report(REPEATED_SETTING, message, item.span, labels=labels, help="make one of the two")
            Expressions(scope, {}).mark_used(item)
    return found


def _read_dag(file: ResolvedFile, dag: ResolvedDag) -> spec.Dag | None:
    """The dag's settings; what they say of its due times if it has a sound schedule."""
    settings = read_settings(dag.body, {}, [i for i in dag.decl.body if isinstance(i, ast.Setting)], Owner.DAG)
    values = dict(settings.values)
    zone = values.get("timezone")
    if isinstance(zone, str) and not time.check_zone(file.scope, settings.written["timezone"], zone):
        del values["timezone"]
    if "schedule" in settings.written:
        values["schedules"] = time.read_schedules(file.scope, file.callees, settings.written["schedule"])
    if "deadline" in values and "alert_on" not in settings.written:
        # Who gives one wants to know.
        values["alert_on"] = (spec.AlertEvent.FAILURE, spec.AlertEvent.LATE)
    dag.settings, dag.settings_at = values, tuple(settings.at.items())
    asked = {name: values[name] for name in ("schedules", "timezone", "start", "end") if name in values}
    # The values fit the fields: `read_settings` has tested them.
    lowered = spec.Dag(dag.decl.name.name, file.scope.at(dag.decl.name.span), (), **asked)  # type: ignore[arg-type]
    if not time.check_span(dag, lowered):
        return None
    if "dst" not in settings.written:
        daylight.check(dag, settings.written["schedule"], lowered)
    return lowered
