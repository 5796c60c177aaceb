"""What the language has and the runtime of this version cannot carry out yet: refused at its place, never ignored.

One table for all of it: when the runtime learns something, its line goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ppacer import spec
from ppacer.records import dataclass, fields, is_record
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.constants import is_constant
from ppc.diagnostics import Span
from ppc.resolved import ResolvedDag, ResolvedFile, ResolvedProgram

NOT_SUPPORTED = "E901"
SETTING_NOT_SUPPORTED = "E902"
EXPRESSION_NOT_SUPPORTED = "E903"
SCHEDULE_NOT_SUPPORTED = "E905"

CODES = {
    NOT_SUPPORTED: "a statement that this version does not support",
    SETTING_NOT_SUPPORTED: "a setting that this version does not support",
    EXPRESSION_NOT_SUPPORTED: "an expression that this version does not support",
    SCHEDULE_NOT_SUPPORTED: "a schedule that this version does not support",
}


@dataclass(frozen=True, slots=True)
class Lacking:
    """One thing that the runtime lacks: what to call it, and where a program has it."""

    code: str
    what: str
    of_task: Callable[[ResolvedTask], Iterator[Span]] | None = None
    of_dag: Callable[[ResolvedDag], Iterator[Span]] | None = None
    of_file: Callable[[ResolvedFile], Iterator[Span]] | None = None


def check(program: ResolvedProgram) -> None:
    for file in program.files:
        for lacking in LACKING:
            if lacking.of_file is not None:
                _report(file, lacking, lacking.of_file(file))
        for dag in (*file.dags, *file.sketches):
            for lacking in LACKING:
                if lacking.of_dag is not None:
                    _report(file, lacking, lacking.of_dag(dag))
                if lacking.of_task is not None:
                    for task in dag.tasks.values():
                        _report(file, lacking, lacking.of_task(task))


def _report(file: ResolvedFile, lacking: Lacking, spans: Iterator[Span]) -> None:
    for span in spans:
        file.scope.report(lacking.code, f"{lacking.what} not supported by this version of ppc yet", span)


# --- what there is to find -------------------------------------------------------------------------------------------


def _conditions(task: ResolvedTask) -> Iterator[Span]:
    if task.decl.when is not None:
        yield task.decl.when.span


def _run_time_families(task: ResolvedTask) -> Iterator[Span]:
    if task.fan_out is not None:
        yield task.decl.loops[-1].span


def _handlers(dag: ResolvedDag) -> Iterator[Span]:
    for item in dag.decl.body:
        if isinstance(item, ast.HandlerDecl):
            head = len("finally") if item.event is ast.HandlerEvent.FINALLY else len(f"on {item.event}")
            yield Span(item.span.file, item.span.start, item.span.start + head)


def _typed_params(dag: ResolvedDag) -> Iterator[Span]:
    for param in dag.params.values():
        of = param.type
        while of is not None and of.kind is spec.ParamKind.LIST:
            of = of.of
        if of is not None and of.kind in _BUILT_PARAMS:
            yield param.decl.type.span


def _run_time_defaults(dag: ResolvedDag) -> Iterator[Span]:
    for param in dag.params.values():
        if param.default is not None and param.decl.default is not None and not is_constant(param.default):
            yield param.decl.default.span


def _schedules(dag: ResolvedDag) -> Iterator[Span]:
    for item in dag.decl.body:
        if isinstance(item, ast.Setting) and item.name.name == "schedule":
            found = dag.settings.get("schedules", ())
            if isinstance(found, tuple) and any(isinstance(each, spec.CustomSchedule) for each in found):
                yield item.value.span


def _calls(name: str) -> Callable[[ResolvedFile], Iterator[Span]]:
    def find(file: ResolvedFile) -> Iterator[Span]:
        scope = file.scope
        if f"{name}(" not in scope.source.text:
            return
        waiting: list[object] = [scope.module.items]
        while waiting:
            node = waiting.pop()
            if isinstance(node, ast.Call) and node.callee.text == name:
                yield node.span
            if isinstance(node, tuple):
                waiting.extend(node)
            elif is_record(node):
                waiting.extend(getattr(node, field.name) for field in fields(node))

    return find


def _settings(name: str, *words: str) -> Callable[[ResolvedFile], Iterator[Span]]:
    """The places where a setting is given; with `words` only where it says one of these."""

    def find(file: ResolvedFile) -> Iterator[Span]:
        scope = file.scope
        if name in scope.source.text:
            waiting: list[object] = [scope.module.items]
            while waiting:
                node = waiting.pop()
                match node:
                    case tuple():
                        waiting.extend(node)
                    case ast.PoolDecl():
                        pass
                    case ast.Setting(ast.Identifier(own), value):
                        if own == name:
                            yield from (each.span for each in _said(value, words)) if words else (node.name.span,)
                    case _ if is_record(node):
                        waiting.extend(getattr(node, each) for each in _HOLDING if hasattr(node, each))

    return find


def _said(value: ast.Expr, words: tuple[str, ...]) -> Iterator[ast.Expr]:
    for each in value.items if isinstance(value, ast.ListLiteral) else (value,):
        if isinstance(each, ast.Name) and each.name in words:
            yield each


_HOLDING = ("settings", "body")
_BUILT_PARAMS = frozenset({spec.ParamKind.DATE, spec.ParamKind.DATETIME, spec.ParamKind.DURATION})


def _lacking_words(name: str, *words: str) -> Lacking:
    return Lacking(SETTING_NOT_SUPPORTED, f"this value of `{name}` is", of_file=_settings(name, *words))


LATER_SETTINGS = frozenset(
    {"pool", "env", "cwd", "memory", "notify", "alert", "max_active_tasks", "run_timeout", "deadline"}
)
"""Settings that the runtime of this version does nothing with."""


LACKING = (
    Lacking(NOT_SUPPORTED, "`when` is", of_task=_conditions),
    Lacking(NOT_SUPPORTED, "families over the output of a task are", of_task=_run_time_families),
    Lacking(NOT_SUPPORTED, "handlers are", of_dag=_handlers),
    Lacking(NOT_SUPPORTED, "params of this type are", of_dag=_typed_params),
    Lacking(NOT_SUPPORTED, "defaults that are worked out at run time are", of_dag=_run_time_defaults),
    Lacking(SCHEDULE_NOT_SUPPORTED, "schedules written in Python are", of_dag=_schedules),
    Lacking(EXPRESSION_NOT_SUPPORTED, "`env(…)` is", of_file=_calls("env")),
    Lacking(EXPRESSION_NOT_SUPPORTED, "`secret(…)` is", of_file=_calls("secret")),
    _lacking_words("isolation", "thread", "async"),
    _lacking_words("alert_on", "late"),
    _lacking_words("overlap", "skip", "cancel_running"),
    *(
        Lacking(SETTING_NOT_SUPPORTED, f"the setting `{name}` is", of_file=_settings(name))
        for name in sorted(LATER_SETTINGS)
    ),
)
"""What the runtime of this version lacks."""
