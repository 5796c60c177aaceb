"""What flows between tasks: outputs that are used must be there, and be of a type that those who take them can read."""

from __future__ import annotations

import ast as python
from weakref import ref

from ppacer import spec
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.callables import FoundCallable
from ppc.checks import conditions, params
from ppc.checks.arguments import Arguments
from ppc.checks.callables import defined_at
from ppc.diagnostics import Diagnostic, Label
from ppc.infer import Inference
from ppc.infer_parts import element_type
from ppc.resolved import Edge, ResolvedDag
from ppc.scopes import FileScope
from ppc.settings_values import WRONG_TYPE
from ppc.typing_model import (
    ANY,
    NONE,
    AnyType,
    Kind,
    LiteralType,
    PlainType,
    Type,
    may_be_none,
    members,
    optional,
    words,
)
from ppc.typing_outputs import INSTEAD, Outputs

NO_OUTPUT = "E601"
NO_LIST = "E626"
NO_JSON = "E627"

CODES = {
    NO_OUTPUT: "the output of a task that has none",
    NO_LIST: "a family over what is not a list",
    NO_JSON: "an output that cannot be stored",
}

_RUN_TIME_SETTINGS = ("env", "cwd", "alert")


class DagTypes:
    """The types of one dag's values, as the task at hand sees them: `at` says which that is."""

    def __init__(self, dag: ResolvedDag, outputs: Outputs) -> None:
        self._dag = dag
        self._outputs_of = outputs
        self._outputs: dict[str, Type] = {}
        self._optional: dict[str, Type] = {}
        self._params = {name: params.param_type(param.type) for name, param in dag.params.items()}
        self._task: ResolvedTask | None = None
        self._element: Type = ANY
        self._inference: ref[Inference] | None = None  # it knows this: only a collector would free such a pair

    def at(self, task: ResolvedTask | None) -> Inference:
        """Infers what `task` sees; none for what belongs to no task."""
        self._task = task
        self._element = ANY
        inference = Inference(self, self._dag.scope.file.add)
        self._inference = ref(inference)
        if task is not None and task.fan_out is not None:
            self._element = element_type(inference.type_of(task.fan_out.over, task.decl.loops[-1].over)) or ANY
        return inference

    def output(self, task: str, /) -> Type:
        if self._task is not None and task == self._task.id:
            return ANY  # it waits for itself, which is told as what it is
        found = self._outputs.get(task)
        if found is None:
            found = self._outputs[task] = self._output(task)
        if isinstance(found, AnyType) or not self._may_lack(task):
            return found
        if task not in self._optional:
            self._optional[task] = optional(found)
        return self._optional[task]

    def param(self, name: str, /) -> Type:
        return self._params.get(name, ANY)

    def variable(self, name: str, /) -> Type:
        task = self._task
        own = task is not None and task.fan_out is not None and task.fan_out.variable == name
        return self._element if own else ANY

    def why_none(self, expr: spec.Expr, /) -> str:
        match expr:
            case spec.Output(task) | spec.OutputAt(task) | spec.Outputs(task):
                parent = self._dag.tasks.get(task)
                if self._may_lack(task):
                    return f"{self._when_lacking()} the output of `{task}` is none where that did not succeed"
                if parent is not None and isinstance(parent.callee, FoundCallable) and parent.callee.spec.code:
                    code = parent.callee.spec.code
                    return f"`{parent.decl.call.callee.text}`, defined at {code.path}:{code.line}, may return none"
            case spec.Attribute(of) | spec.Item(of):
                asking = None if self._inference is None else self._inference()
                return self.why_none(of) if asking is not None and may_be_none(asking.quietly(of)) else ""
        return ""

    def _output(self, task: str) -> Type:
        producer = self._dag.tasks.get(task)
        if producer is None or not isinstance(producer.callee, FoundCallable) or producer.callee.returns_nothing:
            return ANY
        return self._outputs_of.type_of(producer.callee)

    def _may_lack(self, task: str) -> bool:
        """Whether the task at hand may run without the other having succeeded."""
        at = self._task
        if at is None:
            return False
        producer = self._dag.tasks.get(task)
        if producer is not None and producer.handler is not at.handler:
            return True
        return at.settings.get("trigger", spec.Trigger.ALL_SUCCESS) is not spec.Trigger.ALL_SUCCESS

    def _when_lacking(self) -> str:
        at = self._task
        trigger = None if at is None else at.settings.get("trigger")
        if isinstance(trigger, spec.Trigger) and trigger is not spec.Trigger.ALL_SUCCESS:
            return f"under `trigger = {trigger}`"
        return "in a handler"


def check(dag: ResolvedDag, outputs: Outputs, arguments: Arguments) -> None:
    """All types of a dag: arguments, conditions, families, settings worked out at run time, params."""
    _check_edges(dag, dag.edges)
    _check_edges(dag, dag.reads)
    types = DagTypes(dag, outputs)
    params.check_params(dag, types.at(None))
    _check_ping(dag, types.at(None))
    for group in dag.groups:
        if group.call is not None:
            params.check_template_call(group.call, types.at(None))
    inherited: set[int] = set()
    for task in dag.tasks.values():
        inference = types.at(task)
        _check_task(dag, task, inference, arguments, inherited)
    for task in dag.sketches:
        arguments.check(
            task.scope.file,
            task.decl.call,
            task.callee,
            task.arguments,
            inference=types.at(task),
            labels=task.labels(),
        )
    _check_returns(dag, outputs)


def _check_task(
    dag: ResolvedDag, task: ResolvedTask, inference: Inference, arguments: Arguments, inherited: set[int]
) -> None:
    file = task.scope.file
    if task.fan_out is not None:
        over = inference.quietly(task.fan_out.over)
        if element_type(over) is None or may_be_none(over):
            syntax = task.decl.loops[-1].over
            why = inference.why_none(task.fan_out.over) if may_be_none(over) else ""
            file.report(
                NO_LIST,
                "a family is made from the elements of a list",
                syntax.span,
                label=f"this is {words(over)}",
                labels=task.labels(),
                notes=(why,) if why else (),
                help=_way_to_a_list(task) if may_be_none(over) and element_type(over) is not None else "",
            )
    if task.when is not None and task.decl.when is not None:
        conditions.check_when(task, inference)
        inference.assume(task.when)
    arguments.check(file, task.decl.call, task.callee, task.arguments, inference=inference, labels=task.labels())
    for name in _RUN_TIME_SETTINGS:
        if task.settings.get(name) is not None:
            _check_setting(dag, task, name, inference, inherited)


def _way_to_a_list(task: ResolvedTask) -> str:
    """For a list that may be none instead."""
    if task.settings.get("trigger", spec.Trigger.ALL_SUCCESS) is spec.Trigger.ALL_SUCCESS:
        return "let it be a list in any case, an empty one where there is nothing"
    return "leave out the trigger: under `all_success` the list is there"


# --- outputs ---------------------------------------------------------------------------------------------------------


def _check_edges(dag: ResolvedDag, edges: list[Edge]) -> None:
    for edge in edges:
        parent = dag.tasks.get(edge.parent)
        if not edge.data or parent is None:
            continue
        if isinstance(parent.callee, FoundCallable) and parent.callee.returns_nothing:
            callee = parent.decl.call.callee
            dag.tasks[edge.child].scope.file.report(
                NO_OUTPUT,
                f"task `{edge.parent}` has no output: `{callee.text}` returns nothing",
                edge.span,
                labels=(Label(callee.span, "returns nothing"),),
                notes=defined_at(callee.text, parent.callee),
                help=f"for the order alone write an edge: `{edge.parent} -> {edge.child}`",
            )


def _check_returns(dag: ResolvedDag, outputs: Outputs) -> None:
    """What a task returns is stored, whether anybody uses it or not."""
    checked: set[int] = set()
    for task in dag.tasks.values():
        callee = task.callee
        if not isinstance(callee, FoundCallable) or callee.returns is None or id(callee.returns) in checked:
            continue
        checked.add(id(callee.returns))
        fault = outputs.unstorable(callee)
        if fault is not None:
            line = callee.returns.lineno
            named = task.decl.call.callee
            task.scope.file.report(
                NO_JSON,
                f"`{named.text}` returns {words(outputs.returned(callee))}, which no output can hold",
                named.span,
                notes=(f"`{callee.returns_module}`, line {line}: `-> {python.unparse(callee.returns)}`",),
                help=INSTEAD[fault],
            )


# --- settings worked out at run time ---------------------------------------------------------------------------------


def _check_setting(dag: ResolvedDag, task: ResolvedTask, name: str, inference: Inference, inherited: set[int]) -> None:
    """`env`, `cwd` and `alert` take texts. What `defaults` say is looked at once for all tasks."""
    value = task.settings[name]
    written = next((setting for setting in task.decl.settings if setting.name.name == name), None)
    if written is None:
        if id(value) in inherited:
            return
        inherited.add(id(value))
        written = dag.inherited(name)
    if written is None:
        return
    paths = name == "cwd"
    if name != "env":
        expr: spec.Expr = value  # type: ignore[assignment]
        _check_text(task.scope.file, expr, written.value, f"`{name}`", inference, labels=task.labels(), paths=paths)
    else:
        # The settings are of the types of their fields: `settings` has read them.
        variables: tuple[tuple[str, spec.Expr], ...] = value  # type: ignore[assignment]
        of = dict(_texts(written.value))
        for variable, expr in variables:
            what, at = f"the variable `{variable}`", of.get(variable, written.value)
            _check_text(task.scope.file, expr, at, what, inference, labels=task.labels())


def _check_ping(dag: ResolvedDag, inference: Inference) -> None:
    # The setting is of its field's type: `settings` has read it.
    expr: spec.Expr | None = dag.settings.get("ping")  # type: ignore[assignment]
    written = next((i for i in dag.decl.body if isinstance(i, ast.Setting) and i.name.name == "ping"), None)
    if expr is not None and written is not None:
        _check_text(dag.scope.file, expr, written.value, "`ping`", inference)


def _texts(syntax: ast.Expr) -> list[tuple[str, ast.Expr]]:
    if not isinstance(syntax, ast.DictLiteral):
        return []
    return [
        (key.value, value)
        for key, value in syntax.items
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]


def _check_text(
    file: FileScope,
    expr: spec.Expr,
    syntax: ast.Expr,
    what: str,
    inference: Inference,
    *,
    labels: tuple[Label, ...] = (),
    paths: bool = False,
) -> None:
    if isinstance(expr, spec.Literal):
        return
    found = inference.type_of(expr, syntax)
    kinds = {Kind.STR, Kind.PATH} if paths else {Kind.STR}
    fits = [
        isinstance(each, AnyType) or (isinstance(each, PlainType | LiteralType) and each.kind in kinds)
        for each in members(found)
        if each != NONE
    ]
    if any(fits) and not may_be_none(found):
        return
    message = f"{what} takes {'a path' if paths else 'a text'}"
    way_out = 'an f-string makes a text of it: `f"{…}"`'
    why = inference.why_none(expr) if may_be_none(found) else ""
    file.add(
        Diagnostic(WRONG_TYPE, message, syntax.span, f"this is {words(found)}", labels, (why,) if why else (), way_out)
    )
