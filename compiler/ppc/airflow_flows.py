"""The dags of an Airflow file, found by following its statements."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from ppacer.core.notation import value_text
from ppacer.records import dataclass, field
from ppc.airflow_functions import Function, Functions
from ppc.airflow_settings import of_dag, of_task, param_type
from ppc.airflow_tasks import Member, Output, TaskFunction, TaskMaker, Tasks
from ppc.airflow_values import Constant, UnknownError, constant
from ppc.translation import Flow, Remark, free_name, lost
from ppd.words import BUILT_INS

_MOST_ROUNDS: Final = 1_000
"""A loop over more is not written out."""

_DATES: Final = (
    "`ds` and its kin are the date at which a run is due, in the dag's zone; in Airflow they are in UTC, "
    "and in Airflow 2 those of the interval before"
)


@dataclass(frozen=True, slots=True)
class _DagFunction:
    function: Function
    call: ast.Call | None


@dataclass(slots=True)
class Flows:
    """What the file says."""

    text: str
    tree: ast.Module
    timezone: str
    module: str
    flows: list[Flow] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    pools: set[str] = field(default_factory=set)
    imports: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, object] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: set(BUILT_INS))
    dags: dict[str, str] = field(default_factory=dict)
    functions: Functions = field(init=False)
    _mappings: dict[str, ast.expr] = field(default_factory=dict)
    _open: list[TaskMaker] = field(default_factory=list)
    _tasks: list[Tasks] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.functions = Functions(self.text, self.tree)

    def follow(self) -> None:
        self._body(self.tree.body)
        if any(tasks.templates.dated for tasks in self._tasks):
            self.remarks.append(Remark(1, _DATES))
        for flow in [flow for flow in self.flows if not flow.items]:
            self.flows.remove(flow)
            self.remarks.append(Remark(1, f"the dag {flow.name}: no task of it was found", lost=True))
        if not self.flows:
            self.remarks.append(Remark(1, "there is no dag in this file, or only running it would tell", lost=True))

    # --- statements ---------------------------------------------------------------------------------------------------

    def _body(self, body: Sequence[ast.stmt]) -> None:
        for statement in body:
            try:
                self._statement(statement)
            except UnknownError as error:
                self._lose(error.line, str(error))

    def _statement(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import(names=names):
                for each in names:
                    self.names[each.asname or each.name.partition(".")[0]] = _MODULE
            case ast.ImportFrom(module=str(place), names=names, level=0):
                for each in names:
                    self.names[each.asname or each.name] = (place, each.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.names[statement.name] = self._function(statement)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._mappings[name] = value
                self.names[name] = self._value(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._mappings[name] = value
                self.names[name] = self._value(value)
            case ast.Expr(value=value):
                self._value(value)
            case ast.With(items=items, body=body):
                self._with(items, body)
            case ast.For(target=target, iter=over, body=body):
                self._loop(target, over, body)
            case ast.If() | ast.While() | ast.Try() if self._makes_tasks(statement):
                kind = type(statement).__name__.lower()
                raise UnknownError(statement, f"the tasks of an `{kind}`, which only running the file would tell")

    def _makes_tasks(self, statement: ast.stmt) -> bool:
        return any(isinstance(node, ast.Call) and self._kind(node.func) for node in ast.walk(statement))

    def _with(self, items: list[ast.withitem], body: list[ast.stmt]) -> None:
        entered = 0
        group: TaskMaker | None = None
        for item in items:
            call = item.context_expr
            kind = self._kind(call.func) if isinstance(call, ast.Call) else ""
            if isinstance(call, ast.Call) and kind == "DAG":
                made: object = self._dag(call, None)
                entered += 1
            elif isinstance(call, ast.Call) and kind == "TaskGroup" and self._open:
                group = self._open[-1]
                group.enter(_text_of(call, "group_id", self.names))
                made = group.here()
            else:
                raise UnknownError(call, f"what `with {ast.unparse(call)[:60]}` does")
            if isinstance(item.optional_vars, ast.Name):
                self.names[item.optional_vars.id] = made
        self._body(body)
        if group is not None:
            group.leave()
        del self._open[len(self._open) - entered :]

    def _loop(self, target: ast.expr, over: ast.expr, body: list[ast.stmt]) -> None:
        values: object = None
        try:
            values = constant(over, self.names)
        except UnknownError:
            values = self._value(over)
            if (not isinstance(values, list) or None in values) and not any(map(self._makes_tasks, body)):
                return
        if not isinstance(values, list | dict) or len(values) > _MOST_ROUNDS:
            raise UnknownError(over, "what a loop goes over")
        for value in values:
            if isinstance(target, ast.Name):
                self.names[target.id] = value
            elif isinstance(target, ast.Tuple) and isinstance(value, list) and len(value) == len(target.elts):
                for name, each in zip(target.elts, value, strict=True):
                    if isinstance(name, ast.Name):
                        self.names[name.id] = each
            else:
                raise UnknownError(target, "what a loop goes over")
            self._body(body)

    def _function(self, function: Function) -> object:
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            path = ast.unparse(call.func if call is not None else decorator)
            kind = path.rpartition("airflow.")[2]
            if kind in ("dag", "sdk.dag", "decorators.dag"):
                return _DagFunction(function, call)
            if kind.partition(".")[0] == "task":
                settings = {each.arg: each.value for each in call.keywords if each.arg} if call is not None else {}
                return TaskFunction(function, kind, settings)
            if kind == "task_group":
                return function
        return function

    # --- values -------------------------------------------------------------------------------------------------------

    def _value(self, node: ast.expr) -> object:
        match node:
            case ast.Call():
                return self._call(node)
            case ast.BinOp(left=left, op=ast.RShift() | ast.LShift() as operator, right=right):
                first, second = self._value(left), self._value(right)
                self._order(*((first, second) if isinstance(operator, ast.RShift) else (second, first)))
                return second
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [self._value(each) for each in elements]
            case ast.Attribute(value=of, attr="output"):
                return self._value(of)
            case ast.Subscript(value=of, slice=ast.Constant(value=str() | int() as key)):
                found = self._value(of)
                if isinstance(found, Member):
                    return Output(found, f"[{value_text(key)}]")
        try:
            return constant(node, self.names)
        except UnknownError:
            return None

    def _call(self, node: ast.Call) -> object:
        kind = self._kind(node.func)
        if kind == "DAG":
            made = self._dag(node, None)
            self._open.pop()
            return made
        if kind == "chain":
            parts = [self._value(each) for each in node.args]
            for first, second in pairwise(parts):
                self._link(node, first, second)
            return None
        if kind == "cross_downstream" and len(node.args) == 2:
            self._order(self._value(node.args[0]), self._value(node.args[1]))
            return None
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("set_downstream", "set_upstream") and node.args:
            first, second = self._value(node.func.value), self._value(node.args[0])
            self._order(*((first, second) if node.func.attr == "set_downstream" else (second, first)))
            return None
        if kind:
            return self._maker(node).operator(node, kind)
        called = self._function_of(node.func)
        if isinstance(called, _DagFunction):
            return self._dag(called.call, called.function)
        if isinstance(called, TaskFunction):
            mapped = isinstance(node.func, ast.Attribute) and node.func.attr in ("expand", "expand_kwargs")
            values = {each.arg: self._value(each.value) for each in node.keywords if each.arg}
            fixed = {name: self._value(each) for name, each in called.fixed.items()}
            positional = [self._value(each) for each in node.args]
            named = {**fixed, **values}
            return self._maker(node).called(node, called, positional, named, mapped=set(values) if mapped else set())
        if isinstance(called, ast.FunctionDef) and called.decorator_list:
            raise UnknownError(node, f"`{called.name}`, by its decorator")
        try:
            return constant(node, self.names)
        except UnknownError:
            return None

    def _function_of(self, node: ast.expr) -> object:
        """What is called, with what `override` and `partial` add to it."""
        if isinstance(node, ast.Attribute) and node.attr in ("expand", "expand_kwargs"):
            return self._function_of(node.value)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("override", "partial")
        ):
            of = self._function_of(node.func.value)
            given = {each.arg: each.value for each in node.keywords if each.arg}
            if isinstance(of, TaskFunction):
                if node.func.attr == "override":
                    return TaskFunction(of.function, of.kind, {**of.settings, **given}, of.fixed)
                return TaskFunction(of.function, of.kind, of.settings, {**of.fixed, **given})
        return self.names.get(node.id) if isinstance(node, ast.Name) else None

    def _kind(self, node: ast.expr) -> str:
        """`DAG`, `TaskGroup`, `chain` or an operator's class, where the name is one of Airflow's; else nothing."""
        name = ast.unparse(node).rpartition(".")[2]
        if isinstance(node, ast.Name):
            found = self.names.get(node.id)
            if not isinstance(found, tuple):
                return ""
            name = str(found[1])
        wanted = name in ("DAG", "TaskGroup", "chain", "cross_downstream") or name.endswith(("Operator", "Sensor"))
        return name if wanted and isinstance(node, ast.Name | ast.Attribute) else ""

    def _order(self, first: object, second: object) -> None:
        """Edges from each of the first to each of the second."""
        before, after = _members(first), _members(second)
        for one in after:
            if before:
                one.tasks.edge([each for each in before if each.tasks is one.tasks], one)

    def _link(self, node: ast.Call, first: object, second: object) -> None:
        """One step of a chain: two lists go pairwise."""
        if isinstance(first, list) and isinstance(second, list):
            if len(first) != len(second):
                raise UnknownError(node, "a chain of lists that are not of one length")
            for one, other in zip(first, second, strict=True):
                self._order(one, other)
        else:
            self._order(first, second)

    def _maker(self, node: ast.Call) -> TaskMaker:
        """Where a task goes: to the dag that it names, else to the one that is open."""
        for keyword in node.keywords:
            found = self._value(keyword.value) if keyword.arg == "dag" else None
            if isinstance(found, TaskMaker):
                return found
        if not self._open:
            raise UnknownError(node, f"`{ast.unparse(node)[:60]}` is of no dag")
        return self._open[-1]

    # --- dags ---------------------------------------------------------------------------------------------------------

    def _dag(self, call: ast.Call | None, function: Function | None) -> TaskMaker:
        given = {each.arg: each.value for each in call.keywords if each.arg} if call is not None else {}
        if call is not None and call.args:
            given.setdefault("dag_id", call.args[0])
        named = constant(given["dag_id"], self.names) if "dag_id" in given else function.name if function else "dag"
        flow = Flow(free_name(str(named), self.taken, "dag"))
        self.dags[str(named)] = flow.name
        self.flows.append(flow)
        defaults = self._mapping(given.get("default_args"))
        settled = of_dag(given, defaults, self.names, self.timezone)
        flow.settings = settled.settings
        flow.doc = self._doc(given, function)
        shared = of_task(defaults, self.names, frozenset())
        flow.defaults = {"timeout": "none", **shared.settings}
        line = call.lineno if call is not None else function.lineno if function is not None else 1
        for at, message in [*settled.lost, *shared.lost]:
            self._lose(at or line, message, flow)
        tasks = Tasks(flow, self.functions, self.module, self.imports, self.taken, self.dags, self.remarks, self.names)
        self._tasks.append(tasks)
        maker = TaskMaker(tasks, self._pool)
        flow.defaults.update(maker.pools(shared, line))
        self._params(flow, tasks, given.get("params"))
        self._open.append(maker)
        if function is not None:
            self._arguments(flow, tasks, function)
            before = dict(self.names)
            self._body(function.body)
            self.names.clear()
            self.names.update(before)
            self._open.pop()
        return maker

    def _pool(self, name: str, line: int) -> str:
        own = free_name(name, set(), "pool")
        if own not in self.pools:
            own = free_name(name, self.taken, "pool")
            self.pools.add(own)
            told = f"how many slots the pool {name!r} has is not in the file: it is given 1 until you say"
            self.remarks.append(Remark(line, told, lost=True))
        return own

    def _mapping(self, node: ast.expr | None) -> dict[str, ast.expr]:
        """The items of a dict that may hold what is no constant."""
        if isinstance(node, ast.Name):
            node = self._mappings.get(node.id)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "dict":
            return {each.arg: each.value for each in node.keywords if each.arg}
        if isinstance(node, ast.Dict):
            return {
                key.value: value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
        return {}

    def _doc(self, given: Mapping[str, ast.expr], function: Function | None) -> str:
        for key in ("description", "doc_md"):
            if key in given:
                try:
                    value = constant(given[key], self.names)
                except UnknownError:
                    continue
                if isinstance(value, str):
                    return value.strip()
        return (ast.get_docstring(function) or "").strip() if function is not None else ""

    def _params(self, flow: Flow, tasks: Tasks, node: ast.expr | None) -> None:
        for name, value in self._mapping(node).items():
            self._param(flow, tasks, name, value)

    def _arguments(self, flow: Flow, tasks: Tasks, function: Function) -> None:
        """The arguments of a function with `@dag` are params."""
        arguments = function.args.args
        padded = [None] * (len(arguments) - len(function.args.defaults)) + list(function.args.defaults)
        for argument, default in zip(arguments, padded, strict=True):
            if default is None:
                self._lose(function.lineno, f"the param {argument.arg}, which has no default", flow)
            else:
                self._param(flow, tasks, argument.arg, default)
                self.names[argument.arg] = Output(None, f"params.{tasks.params[argument.arg]}")

    def _param(self, flow: Flow, tasks: Tasks, name: str, node: ast.expr) -> None:
        choices: Constant = None
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Param":
            keywords = {each.arg: each.value for each in node.keywords if each.arg}
            choices = constant(keywords["enum"], self.names) if "enum" in keywords else None
            node = node.args[0] if node.args else keywords.get("default", ast.Constant(None))
        try:
            value = constant(node, self.names)
        except UnknownError as error:
            self._lose(error.line, f"the param {name}: {error}", flow)
            return
        own = free_name(name, tasks.param_names, "param")
        tasks.params[name] = own
        flow.params.append(f"param {own}: {param_type(value, choices)}")

    def _lose(self, line: int, message: str, flow: Flow | None = None) -> None:
        self.remarks.append(Remark(line, message, lost=True))
        into = flow or (self._open[-1].tasks.flow if self._open else None)
        if into is not None:
            into.comments.append(lost(message))


_MODULE: Final = object()
"""A module that was imported by its own name."""


def _members(value: object) -> list[Member]:
    if isinstance(value, Output):
        value = value.of
    if isinstance(value, list):
        return [member for each in value for member in _members(each)]
    return [value] if isinstance(value, Member) else []


def _text_of(call: ast.Call, key: str, names: Mapping[str, object]) -> str:
    node = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == key), None)
    if node is None:
        raise UnknownError(call, f"what the `{key}` is")
    return str(constant(node, names))
