"""The tasks of an Airflow dag: operators, and calls of functions with `@task`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ppacer.records import dataclass, field
from ppc import airflow_operators as operators
from ppc.airflow_functions import Function, Functions, UsesAirflowError
from ppc.airflow_operators import ARGUMENTS, NoEqualError
from ppc.airflow_settings import Settled, of_task
from ppc.airflow_values import UNKNOWN, Constant, Templates, UnknownError, constant, is_constant, literal
from ppc.translation import Flow, Part, Remark, Step, dict_text, free_name, lost, rejected

_GIVEN: Final = {
    "ds": 'f"{run.date}"',
    "ds_nodash": 'f"{run.date:%Y%m%d}"',
    "ts": 'f"{run.scheduled_at}"',
    "run_id": "run.id",
}
_OF_CONTEXT: Final = frozenset(
    {"asset_state_store", "conf", "conn", "context", "dag"}
    | {"dag_run", "data_interval_end", "data_interval_start", "exception", "execution_date"}
    | {"expanded_ti_count", "inlet_events", "inlets", "logical_date", "macros"}
    | {"map_index_template", "next_ds", "next_execution_date", "outlet_events", "outlets"}
    | {"params", "prev_ds", "prev_execution_date", "prev_data_interval_end_success", "prev_data_interval_start_success"}
    | {"prev_end_date_success", "prev_start_date_success", "reason", "task", "task_instance"}
    | {"task_instance_key_str", "task_reschedule_count", "task_state_store", "templates_dict", "test_mode"}
    | {"ti", "tomorrow_ds", "triggering_asset_events", "triggering_dataset_events", "try_number"}
    | {"ts_nodash", "ts_nodash_with_tz", "var", "yesterday_ds"}
)
"""What Airflow gives a function by the names of its parameters, also where these have a default; of some there is an
equal."""


@dataclass(frozen=True, slots=True)
class TaskFunction:
    """A function with `@task`, or `@` what `kind` says; `settings` are what the decorator and `override` are given,
    `fixed` what `partial` is, and `kwargs_mapped` says that `expand_kwargs` is called."""

    function: Function
    kind: str
    settings: Mapping[str, ast.expr]
    fixed: Mapping[str, ast.expr] = field(default_factory=dict)
    kwargs_mapped: bool = False


@dataclass(frozen=True, slots=True)
class Dag:
    """A function with `@dag`."""

    function: Function
    call: ast.Call | None


@dataclass(frozen=True, slots=True)
class Group:
    """A function with `@task_group`."""

    function: Function
    settings: Mapping[str, ast.expr]


@dataclass(frozen=True, slots=True)
class Member:
    """A task or a group of a dag, by its whole name; `family` if it is made over a list."""

    tasks: Tasks
    name: str
    family: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """What a task gives, or a part of it; or a param, which is of none."""

    of: Member | None
    text: str


def members(value: object) -> list[Member]:
    """The tasks and groups in a value."""
    match value:
        case Output():
            return members(value.of)
        case list() | dict():
            return [found for each in (value.values() if isinstance(value, dict) else value) for found in members(each)]
    return [value] if isinstance(value, Member) else []


@dataclass(slots=True)
class Tasks:
    """The tasks of one dag, which begins at this line of its file. `steps` are they by their whole names, `ids` the
    names of Airflow and what they are here; `outputs` the same of what has an output, `params` of params."""

    flow: Flow
    functions: Functions
    module: str
    imports: set[tuple[str, str]]
    taken: set[str]
    dags: dict[str, str]
    remarks: list[Remark]
    names: Mapping[str, object]
    line: int
    steps: dict[str, Step] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    param_names: set[str] = field(default_factory=set)
    templates: Templates = field(init=False)

    def __post_init__(self) -> None:
        self.templates = Templates(self.params, self.outputs)

    def edge(self, before: Sequence[Member], after: Member) -> None:
        names = list(dict.fromkeys(each.name for each in before))
        if names:
            some = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
            line = f"{some} -> {after.name}"
            if line not in self.flow.edges:
                self.flow.edges.append(line)


@dataclass(slots=True)
class TaskMaker:
    """Adds tasks to a dag, and to the groups of it that are open."""

    tasks: Tasks
    pool: Callable[[str, int], str]
    groups: list[Part] = field(default_factory=list)
    _in_groups: dict[str, set[str]] = field(default_factory=dict)

    def enter(self, name: str) -> Part:
        part = Part(self._free(name, "group"))
        self._items().append(part)
        self.groups.append(part)
        return part

    def leave(self) -> None:
        self.groups.pop()

    def here(self) -> Member:
        return Member(self.tasks, self._path())

    def pools(self, settled: Settled, line: int) -> dict[str, str]:
        """The setting of the pool that was named, which is declared."""
        return {"pool": self.pool(settled.pool, line)} if settled.pool else {}

    def operator(self, node: ast.Call, kind: str, *, mapped: bool = False) -> Member:
        """The task of an operator; `mapped` where `expand` makes many of it."""
        given = {each.arg: each.value for each in node.keywords if each.arg}
        named = constant(given["task_id"], self.tasks.names) if "task_id" in given else kind
        step = Step(self._name(str(named)), "")
        try:
            if mapped:
                raise NoEqualError(f"`expand` of a {kind}")
            if kind not in ARGUMENTS:
                raise NoEqualError(f"what a {kind} does is to be a Python function, or a command")
            call, settings = self._operator_call(kind, given)
            self._settle(step, given, ARGUMENTS[kind], settings)
            step.call = call
        except (NoEqualError, UsesAirflowError, UnknownError) as error:
            step = self._rejected(step, node, str(error))
        return self._add(step)

    def called(
        self,
        node: ast.Call,
        of: TaskFunction,
        positional: Sequence[object],
        named: Mapping[str, object],
        *,
        mapped: set[str],
    ) -> Member:
        """A call of a function with `@task`; `mapped` names the arguments over which a family is made."""
        function, settings = of.function, of.settings
        wanted = constant(settings["task_id"], self.tasks.names) if "task_id" in settings else function.name
        step = Step(self._name(str(wanted)), "")
        try:
            if of.kind != "task":
                raise NoEqualError(f"`@{of.kind}`")
            if of.kwargs_mapped:
                raise NoEqualError("`expand_kwargs`")
            if len(mapped) > 1:
                raise NoEqualError("`expand` over several lists")
            texts = [self._argument(each) for each in positional]
            variable = free_name("item", {*self.tasks.ids.values(), *self.tasks.taken}, "item")
            for name, value in named.items():
                if name in mapped:
                    step.loop = f"{variable} in {self._argument(value)}"
                    texts.append(f"{name} = {variable}")
                else:
                    texts.append(f"{name} = {self._argument(value)}")
            self._context(function, texts, set(named), len(positional))
            step.call = f"{self._import(function)}({', '.join(texts)})"
            self._settle(step, settings, frozenset(), {})
        except (NoEqualError, UsesAirflowError, UnknownError) as error:
            step = self._rejected(step, node, str(error))
            member = self._add(step)
            self.tasks.edge(members([*positional, *named.values()]), member)
            return member
        return self._add(step)

    def afterwards(self, member: Member, attribute: str, value: ast.expr) -> None:
        """Sets what the file sets of a task once it is made."""
        step = self.tasks.steps.get(member.name)
        settled = Settled()
        try:
            settled = of_task({attribute: value}, self.tasks.names, frozenset())
        except UnknownError as error:
            settled.lost.append((error.line, str(error)))
        if step is None or settled.pool:
            settled.lost.append((value.lineno, f"`{attribute}`, which is set afterwards"))
        else:
            step.settings.update(settled.settings)
        for line, message in settled.lost:
            self.lose(member, line, message)

    def lose(self, member: Member, line: int, message: str) -> None:
        """Tells what is lost of a task or group."""
        self.tasks.remarks.append(Remark(line, f"{member.name}: {message}", lost=True))
        step = self.tasks.steps.get(member.name)
        (self.tasks.flow.comments if step is None else step.comments).append(lost(message))

    # --- parts of it --------------------------------------------------------------------------------------------------

    def _operator_call(self, kind: str, given: Mapping[str, ast.expr]) -> tuple[str, dict[str, str]]:
        names, templates = self.tasks.names, self.tasks.templates
        match kind:
            case "BashOperator":
                return operators.bash(given, names, templates)
            case "PythonOperator":
                return self._python(given), {}
            case "TriggerDagRunOperator":
                return operators.trigger(given, names, self.tasks.dags), {}
            case "FileSensor":
                return operators.wait_for_file(given, names, templates)
        return "empty()", {}

    def _python(self, given: Mapping[str, ast.expr]) -> str:
        target = given.get("python_callable")
        found = self.tasks.names.get(target.id) if isinstance(target, ast.Name) else None
        texts = []
        arguments = constant(given["op_args"], self.tasks.names) if "op_args" in given else []
        texts += [self._constant(each) for each in arguments] if isinstance(arguments, list) else []
        keywords = constant(given["op_kwargs"], self.tasks.names) if "op_kwargs" in given else {}
        if not isinstance(keywords, dict):
            raise NoEqualError("its `op_kwargs`")
        positional = len(texts)
        texts += [f"{name} = {self._constant(value)}" for name, value in keywords.items()]
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
            self._context(found, texts, set(keywords), positional)
            return f"{self._import(found)}({', '.join(texts)})"
        if isinstance(found, tuple) and str(found[0]).partition(".")[0] != "airflow":
            return f"{self._imported(str(found[0]), str(found[1]))}({', '.join(texts)})"
        raise NoEqualError(f"its function, `{ast.unparse(target) if target is not None else ''}`")

    def _constant(self, value: Constant) -> str:
        try:
            return self.tasks.templates.text(value) if isinstance(value, str) else literal(value)
        except ValueError as error:
            raise NoEqualError(f"the template {error}") from error

    def _argument(self, value: object) -> str:
        match value:
            case Member():
                return self._relative(value.name) + ("[*]" if value.family else "")
            case Output(of=None):
                return value.text
            case Output(of=Member() as of):
                return self._relative(of.name) + value.text
            case list() if not is_constant(value):
                return f"[{', '.join(self._argument(each) for each in value)}]"
            case dict() if not is_constant(value):
                return dict_text({str(name): self._argument(each) for name, each in value.items()})
            case None:
                return "none"
        if value is UNKNOWN:
            raise NoEqualError("an argument of it is what only running the file would tell")
        return self._constant(value)  # type: ignore[arg-type]

    def _context(self, function: Function, texts: list[str], given: set[str], positional: int) -> None:
        """Adds what Airflow would give by the names of parameters. Raises `NoEqualError` where that has no equal."""
        arguments = function.args
        for argument in [*[*arguments.posonlyargs, *arguments.args][positional:], *arguments.kwonlyargs]:
            if argument.arg in given:
                continue
            if argument.arg in _GIVEN:
                self.tasks.templates.dated = self.tasks.templates.dated or argument.arg != "run_id"
                texts.append(f"{argument.arg} = {_GIVEN[argument.arg]}")
            elif argument.arg in _OF_CONTEXT:
                raise NoEqualError(f"`{function.name}` takes `{argument.arg}` of Airflow")
        if arguments.kwarg is not None:
            reads = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
            if arguments.kwarg.arg in reads:
                raise NoEqualError(f"`{function.name}` reads `{arguments.kwarg.arg}`, which Airflow fills")

    def _import(self, function: Function) -> str:
        self.tasks.functions.want(function)
        return self._imported(self.tasks.module, function.name)

    def _imported(self, module: str, name: str) -> str:
        for place, text in self.tasks.imports:
            if place == module and text.partition(" as ")[0] == name:
                return text.rpartition(" as ")[2]
        own = free_name(name, self.tasks.taken, "task")
        self.tasks.imports.add((module, name if own == name else f"{name} as {own}"))
        return own

    def _settle(self, step: Step, given: Mapping[str, ast.expr], own: frozenset[str], settings: dict[str, str]) -> None:
        settled = of_task(given, self.tasks.names, own)
        settled.settings.update(self.pools(settled, min((each.lineno for each in given.values()), default=1)))
        inherited = self.tasks.flow.defaults
        if inherited.get("retries") and "retries" not in settled.settings and "backoff" in inherited:
            settled.settings.pop("retry_delay", None)
        step.settings = {**settings, **settled.settings}
        for line, message in settled.lost:
            self.tasks.remarks.append(Remark(line, f"{step.name}: {message}", lost=True))
            step.comments.append(lost(message))

    def _rejected(self, step: Step, node: ast.Call, reason: str) -> Step:
        self.tasks.remarks.append(Remark(node.lineno, f"{step.name}: {reason}", lost=True))
        return rejected(step.name, reason, node.lineno)

    def _add(self, step: Step) -> Member:
        self._items().append(step)
        whole = f"{self._path()}.{step.name}" if self.groups else step.name
        self.tasks.steps[whole] = step
        if step.call != "empty()":
            self.tasks.outputs.update({there: here for there, here in self.tasks.ids.items() if here == whole})
        return Member(self.tasks, whole, family=bool(step.loop))

    def _name(self, wanted: str) -> str:
        own = self._free(wanted, "task")
        whole = f"{self._path()}.{own}" if self.groups else own
        there = ".".join([*(group.name for group in self.groups), wanted])
        self.tasks.ids.setdefault(there, whole)
        return own

    def _free(self, wanted: str, otherwise: str) -> str:
        """A name that hides none of the groups around, and that none inside hides."""
        here = self._path()
        related = [
            names
            for path, names in self._in_groups.items()
            if not path or not here or f"{path}.".startswith(f"{here}.") or f"{here}.".startswith(f"{path}.")
        ]
        own = free_name(wanted, set().union(*related), otherwise)
        self._in_groups.setdefault(here, set()).add(own)
        return own

    def _path(self) -> str:
        return ".".join(group.name for group in self.groups)

    def _items(self) -> list[Step | Part]:
        return self.groups[-1].items if self.groups else self.tasks.flow.items

    def _relative(self, name: str) -> str:
        """A name as it is read here: inside its own group without the group's."""
        path = self._path()
        return name.removeprefix(f"{path}.") if path else name
