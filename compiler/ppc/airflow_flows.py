"""The dags of an Airflow file: what is known of them and of the file so far, and how one is begun."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Final

from ppacer.records import dataclass, field
from ppc.airflow_functions import Function, Functions
from ppc.airflow_settings import of_dag, of_task, param_type
from ppc.airflow_tasks import Output, TaskMaker, Tasks
from ppc.airflow_values import UNKNOWN, Constant, UnknownError, constant, short
from ppc.translation import Flow, Remark, free_name, lost
from ppd.words import BUILT_INS

_DATES: Final = (
    "`ds` and its kin are the date at which a run is due, in the dag's zone; in Airflow they are in UTC, "
    "and in Airflow 2 those of the interval before"
)


@dataclass(slots=True)
class Flows:
    """What the file says. `names` has what its names are, so far as that is known; `mappings` the dicts among them as
    they are written, for what they hold need not be constant."""

    text: str
    tree: ast.Module
    timezone: str
    module: str
    flows: list[Flow] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    pools: dict[str, str] = field(default_factory=dict)
    imports: set[tuple[str, str]] = field(default_factory=set)
    names: dict[str, object] = field(default_factory=dict)
    mappings: dict[str, ast.expr] = field(default_factory=dict)
    taken: set[str] = field(default_factory=lambda: set(BUILT_INS))
    dags: dict[str, str] = field(default_factory=dict)
    open: list[TaskMaker] = field(default_factory=list)
    functions: Functions = field(init=False)
    _tasks: list[Tasks] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.functions = Functions(self.text, self.tree)
        self.names["__doc__"] = ast.get_docstring(self.tree)

    def finish(self) -> None:
        """Says what there is to say of the whole file, once it has been followed."""
        if any(tasks.templates.dated for tasks in self._tasks):
            self.remarks.append(Remark(1, _DATES))
        for tasks in self._tasks:
            if not tasks.flow.items:
                self.lose(tasks.line, f"the dag {tasks.flow.name}: no task of it was found", tasks.flow)
        if not any(flow.items for flow in self.flows):
            self.remarks.append(Remark(1, "there is no dag in this file, or only running it would tell", lost=True))

    def lose(self, line: int, message: str, flow: Flow | None = None) -> None:
        """Tells what is lost, and lists it at its place: in the dag, or in the one that is open."""
        self.remarks.append(Remark(line, message, lost=True))
        into = flow or (self.open[-1].tasks.flow if self.open else None)
        if into is not None and lost(message) not in into.comments:
            into.comments.append(lost(message))

    def spread(self, call: ast.Call) -> ast.Call:
        """The call with what `**` gives it as arguments of their names. Raises `UnknownError`."""
        if all(each.arg for each in call.keywords):
            return call
        given: dict[str, ast.expr] = {}
        for each in call.keywords:
            given.update({each.arg: each.value} if each.arg else self.mapping(each.value))
        keywords = [ast.keyword(name, value) for name, value in given.items()]
        return ast.copy_location(ast.Call(call.func, call.args, keywords), call)

    def begin(self, call: ast.Call | None, function: Function | None) -> TaskMaker:
        """Begins a dag, and leaves it open: one that a call makes, or the function with `@dag` that has this call."""
        given = {each.arg: each.value for each in self.spread(call).keywords if each.arg} if call is not None else {}
        if call is not None and call.args:
            given.setdefault("dag_id", call.args[0])
        line = call.lineno if call is not None else function.lineno if function is not None else 1
        unknown: list[tuple[int, str]] = []
        named: Constant = function.name if function is not None else "dag"
        try:
            named = constant(given["dag_id"], self.names) if "dag_id" in given else named
        except UnknownError as error:
            unknown.append((error.line, f"`dag_id`: {error}"))
        flow = Flow(free_name(str(named), self.taken, "dag"))
        self.dags[str(named)] = flow.name
        self.flows.append(flow)
        defaults: dict[str, ast.expr] = {}
        try:
            defaults = self.mapping(given["default_args"]) if "default_args" in given else {}
        except UnknownError as error:
            unknown.append((error.line, f"`default_args`: {error}"))
        unknown += [(line, f"{short(each)}, an argument without a name") for each in (call.args[1:] if call else [])]
        settled = of_dag(given, defaults, self.names, self.timezone)
        flow.settings = settled.settings
        flow.doc = self._doc(given, function)
        try:
            shared = of_task(defaults, self.names, frozenset())
        except UnknownError as error:
            unknown.append((error.line, str(error)))
            shared = of_task(defaults, self.names, frozenset({"trigger_rule"}))
        flow.defaults = {"timeout": "none", **shared.settings}
        for at, message in [*unknown, *settled.lost, *shared.lost]:
            self.lose(at, message, flow)
        self._defaults_of_airflow_3(flow, line, given)
        tasks = Tasks(
            flow, self.functions, self.module, self.imports, self.taken, self.dags, self.remarks, self.names, line
        )
        self._tasks.append(tasks)
        maker = TaskMaker(tasks, self.pool)
        flow.defaults.update(maker.pools(shared, line))
        if "params" in given:
            self._params(flow, tasks, given["params"])
        self.open.append(maker)
        return maker

    def _defaults_of_airflow_3(self, flow: Flow, line: int, given: Mapping[str, ast.expr]) -> None:
        """Says where a dag relies on what the versions of Airflow have different."""
        if any(isinstance(each, tuple) and str(each[0]).startswith("airflow.sdk") for each in self.names.values()):
            return
        if "schedule" not in given and "schedule_interval" not in given:
            told = "has no schedule, as none is given; so does Airflow 3, where Airflow 2 ran it daily"
            self.remarks.append(Remark(line, f"the dag {flow.name} {told}"))
        elif "schedule" in flow.settings and "catchup" not in given:
            told = "has `catchup = latest`, as none is given; so does Airflow 3, where Airflow 2 made up for all"
            self.remarks.append(Remark(line, f"the dag {flow.name} {told}"))

    def arguments(self, maker: TaskMaker, function: Function, given: Mapping[str, ast.expr]) -> None:
        """The arguments of a function with `@dag` are params, from now on known by their names; `given` are those of
        its call."""
        flow, tasks = maker.tasks.flow, maker.tasks
        arguments = function.args.args
        padded = [None] * (len(arguments) - len(function.args.defaults)) + list(function.args.defaults)
        both = [
            *zip(arguments, padded, strict=True),
            *zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True),
        ]
        for argument, default in both:
            value = given.get(argument.arg, default)
            if value is None:
                self.lose(function.lineno, f"the param {argument.arg}, which has no default", flow)
                self.names[argument.arg] = UNKNOWN
            else:
                self._param(flow, tasks, argument.arg, value)
                here = tasks.params.get(argument.arg)
                self.names[argument.arg] = Output(None, f"params.{here}") if here is not None else UNKNOWN

    def pool(self, name: str, line: int) -> str:
        if name not in self.pools:
            self.pools[name] = free_name(name, self.taken, "pool")
            told = f"how many slots the pool {name!r} has is not in the file: it is given 1 until you say"
            self.remarks.append(Remark(line, told, lost=True))
        return self.pools[name]

    def remember(self, name: str, node: ast.expr) -> None:
        """Takes what is written as the dict of that name, if it is one."""
        try:
            found = self.mapping(node)
        except UnknownError:
            self.mappings.pop(name, None)
            return
        keys: list[ast.expr | None] = [ast.Constant(key) for key in found]
        self.mappings[name] = ast.copy_location(ast.Dict(keys, [self._settled(each) for each in found.values()]), node)

    def _settled(self, node: ast.expr) -> ast.expr:
        """The same where what it names is not changed by what comes later."""
        try:
            value = constant(node, self.names)
        except UnknownError:
            return node
        if value is None or isinstance(value, str | int | float):
            return ast.copy_location(ast.Constant(value), node)
        return node

    def mapping(self, node: ast.expr) -> dict[str, ast.expr]:
        """The items of a dict that may hold what is no constant. Raises `UnknownError`."""
        match node:
            case ast.Name(id=name) if name in self.mappings:
                return self.mapping(self.mappings[name])
            case ast.Call(func=ast.Name(id="dict"), args=[]):
                return {each.arg: each.value for each in self.spread(node).keywords if each.arg}
            case ast.Dict(keys=keys, values=values):
                found: dict[str, ast.expr] = {}
                for key, value in zip(keys, values, strict=True):
                    found.update(self.mapping(value) if key is None else {str(constant(key, self.names)): value})
                return found
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return {**self.mapping(left), **self.mapping(right)}
            case ast.Constant(value=None):
                return {}
        raise UnknownError(node, f"what {short(node)} is")

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

    def _params(self, flow: Flow, tasks: Tasks, node: ast.expr) -> None:
        try:
            for name, value in self.mapping(node).items():
                self._param(flow, tasks, name, value)
        except UnknownError as error:
            self.lose(error.line, f"`params`: {error}", flow)

    def _param(self, flow: Flow, tasks: Tasks, name: str, node: ast.expr) -> None:
        choices: Constant = None
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Param":
            keywords = {each.arg: each.value for each in node.keywords if each.arg}
            choices = constant(keywords["enum"], self.names) if "enum" in keywords else None
            node = node.args[0] if node.args else keywords.get("default", ast.Constant(None))
        try:
            value = constant(node, self.names)
        except UnknownError as error:
            self.lose(error.line, f"the param {name}: {error}", flow)
            return
        own = free_name(name, tasks.param_names, "param")
        tasks.params[name] = own
        flow.params.append(f"param {own}: {param_type(value, choices)}")
