"""Settings given to every dag and task: built-in, then the file's `defaults`, then the dag's, then the task's own."""

from __future__ import annotations

from collections.abc import Iterable

from ppacer import spec
from ppc import ast
from ppc.bodies import BodyScope
from ppc.checks import time
from ppc.diagnostics import Label
from ppc.expressions import Expressions
from ppc.resolved import ResolvedDag, ResolvedFile
from ppc.scopes import FileScope
from ppc.settings import REPEATED_SETTING, Owner, Settings, read_settings


def configure(file: ResolvedFile) -> None:
    """Reads all settings of a file into its dags and tasks, as fields of `spec.Dag` and `spec.Task`."""
    expressions = Expressions(BodyScope(file.scope))
    file_defaults = _defaults(file.scope, expressions, file.scope.module.items)
    for dag in (*file.dags, *file.sketches):
        # Names of the dag are known to these, so that using one is told as what it is.
        inside = Expressions(dag.body)
        _configure_dag(dag, inside)
        inherited = _defaults(file.scope, inside, dag.decl.body).over(file_defaults)
        places = tuple(inherited.at.items())
        for task in dag.tasks.values():
            if task.decl.settings:
                own = Expressions(task.scope, task.variables)
                settings = read_settings(task.scope.file, own, task.decl.settings, Owner.TASK).over(inherited)
                task.settings, task.settings_at = settings.values, tuple(settings.at.items())
            else:
                task.settings, task.settings_at = inherited.values, places


def _defaults(
    file: FileScope, expressions: Expressions, items: Iterable[ast.TopItem] | Iterable[ast.BodyItem]
) -> Settings:
    first: ast.DefaultsDecl | None = None
    found = Settings()
    for item in items:
        if not isinstance(item, ast.DefaultsDecl):
            continue
        if first is None:
            first = item
            found = read_settings(file, expressions, item.settings, Owner.TASK, defaults=True)
        else:
            labels = (Label(first.span, "the first `defaults`"),)
            message = "there are two `defaults` blocks here"
            file.report(REPEATED_SETTING, message, item.span, labels=labels, help="make one of the two")
            expressions.mark_used(item)
    return found


def _configure_dag(dag: ResolvedDag, expressions: Expressions) -> None:
    file = dag.scope.file
    written = [item for item in dag.decl.body if isinstance(item, ast.Setting)]
    settings = read_settings(file, expressions, written, Owner.DAG)
    values = dict(settings.values)
    zone = values.get("timezone")
    if isinstance(zone, str):
        setting = next(setting for setting in written if setting.name.name == "timezone")
        if not time.check_zone(file, setting, zone):
            del values["timezone"]
    if "schedule" in settings.special:
        values["schedules"] = time.read_schedules(file, expressions, settings.special["schedule"])
    dag.settings, dag.settings_at = values, tuple(settings.at.items())
    asked = {name: values[name] for name in ("schedules", "timezone", "start", "end") if name in values}
    # The values fit the fields: `read_settings` has tested them.
    time.check_span(dag, spec.Dag(dag.decl.name.name, file.at(dag.decl.name.span), (), **asked))  # type: ignore[arg-type]
