"""The statements of an Airflow file, followed as Python would follow them so far as its constants carry."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from typing import Final

from ppacer.records import dataclass, field
from ppc.airflow_calls import Calls, LeftError
from ppc.airflow_flows import Flows
from ppc.airflow_functions import Function
from ppc.airflow_operators import kind_of
from ppc.airflow_tasks import Dag, Group, Member, TaskFunction, TaskMaker
from ppc.airflow_values import MOST_ROUNDS, UNKNOWN, UnknownError, constant

_WORDS: Final = {"If": "if", "While": "while", "Try": "try", "Match": "match", "For": "loop"}


@dataclass(slots=True)
class Statements:
    """What follows the file. What it cannot follow it tells where that has to do with tasks; names that get a value
    there are unknown from then on."""

    flows: Flows
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        self.calls = Calls(self.flows, self.body)

    def follow(self) -> None:
        self.body(self.flows.tree.body)
        self.flows.finish()

    def body(self, body: Sequence[ast.stmt]) -> None:
        """Follows statements. Raises `LeftError` at a `return`, `break` or `continue`."""
        for statement in body:
            try:
                self._statement(statement)
            except UnknownError as error:
                self.flows.lose(error.line, str(error))
                self._forget(statement)

    def _statement(self, statement: ast.stmt) -> None:
        names, value = self.flows.names, self.calls.value
        match statement:
            case ast.Import(names=imported):
                for each in imported:
                    names[each.asname or each.name.partition(".")[0]] = UNKNOWN
            case ast.ImportFrom(module=str(place), names=imported, level=0):
                for each in imported:
                    names[each.asname or each.name] = (place, each.name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                names[statement.name] = self._function(statement)
            case ast.ClassDef(name=name, bases=bases):
                of_tasks = any(ast.unparse(base).endswith(("Operator", "Sensor")) for base in bases)
                names[name] = ("", name) if of_tasks else UNKNOWN
            case ast.Assign(targets=targets, value=given):
                made = value(given)
                for target in targets:
                    self._bind(target, made, given)
            case ast.AnnAssign(target=target, value=ast.expr() as given):
                self._bind(target, value(given), given)
            case ast.AugAssign(target=ast.Name(id=name), op=ast.Add(), value=given):
                there, more = names.get(name), value(given)
                if isinstance(there, list) and isinstance(more, list):
                    names[name] = [*there, *more]
                else:
                    self._bind(statement.target, value(ast.BinOp(statement.target, ast.Add(), given)), given)
            case ast.Expr(value=given):
                value(given)
            case ast.With(items=items, body=body):
                self._with(items, body)
            case ast.For(target=target, iter=over, body=body):
                self._loop(statement, target, over, body)
            case ast.If(test=test, body=body, orelse=otherwise):
                self._if(statement, test, body, otherwise)
            case ast.Try(body=body, handlers=handlers, orelse=otherwise, finalbody=last):
                # Mostly they surround imports: what is done is what is done where nothing is wrong.
                if any(self.calls.concerns(each) for each in handlers):
                    raise UnknownError(statement, self._only_running(statement))
                for handler in handlers:
                    self._forget(handler)
                self.body([*body, *otherwise, *last])
            case ast.Return(value=given):
                raise LeftError(statement, None if given is None else value(given))
            case ast.Break() | ast.Continue():
                raise LeftError(statement)
            case _ if self.calls.concerns(statement):
                raise UnknownError(statement, self._only_running(statement))
            case _:
                self._forget(statement)

    def _only_running(self, statement: ast.stmt) -> str:
        kind = _WORDS.get(type(statement).__name__, "statement")
        return f"the tasks of {'an' if kind == 'if' else 'a'} `{kind}`, which only running the file would tell"

    def _forget(self, statement: ast.AST) -> None:
        """What it gives a value is unknown from now on."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.flows.names[node.id] = UNKNOWN
                self.flows.mappings.pop(node.id, None)

    def _bind(self, target: ast.expr, made: object, given: ast.expr | None = None) -> None:
        """Gives a target its value, which is written as `given`."""
        match target:
            case ast.Name(id=name):
                self.flows.names[name] = made
                if given is None:
                    self.flows.mappings.pop(name, None)
                else:
                    self.flows.remember(name, given)
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                known = made if isinstance(made, list) and len(made) == len(elements) else [UNKNOWN] * len(elements)
                for each, value in zip(elements, known, strict=True):
                    self._bind(each, value)
            case ast.Subscript(value=ast.Name(id=name), slice=key):
                self._item(name, key, made, given)
            case ast.Attribute(value=of, attr=attribute) if given is not None:
                found = self.calls.value(of)
                if isinstance(found, Member):
                    self._maker(found).afterwards(found, attribute, given)
                elif isinstance(found, TaskMaker):
                    told = f"`{attribute}` of the dag, which is set afterwards"
                    self.flows.lose(given.lineno, told, found.tasks.flow)

    def _item(self, name: str, key: ast.expr, made: object, given: ast.expr | None) -> None:
        container, written = self.flows.names.get(name), self.flows.mappings.get(name)
        if isinstance(written, ast.Dict) and given is not None:
            changed = ast.Dict([*written.keys, key], [*written.values, given])
            self.flows.mappings[name] = ast.copy_location(changed, written)
        if isinstance(container, dict):
            container[str(constant(key, self.flows.names))] = made

    def _maker(self, member: Member) -> TaskMaker:
        return TaskMaker(member.tasks, self.flows.pool)

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _if(self, statement: ast.If, test: ast.expr, body: list[ast.stmt], otherwise: list[ast.stmt]) -> None:
        try:
            holds = self.calls.holds(test)
        except UnknownError:
            leaves = any(isinstance(node, ast.Return | ast.Break | ast.Continue) for node in ast.walk(statement))
            if leaves or self.calls.concerns(statement):
                raise UnknownError(statement, self._only_running(statement)) from None
            self._forget(statement)
            return
        self.body(body if holds else otherwise)

    def _with(self, items: list[ast.withitem], body: list[ast.stmt]) -> None:
        before = len(self.flows.open)
        groups: list[TaskMaker] = []
        try:
            for item in items:
                made = self._entered(item.context_expr, groups)
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, made)
            self.body(body)
        finally:
            for group in groups:
                group.leave()
            del self.flows.open[before:]

    def _entered(self, context: ast.expr, groups: list[TaskMaker]) -> object:
        """Enters what a `with` names: a dag, or a group of the one that is open."""
        kind = kind_of(context, self.flows.names) if isinstance(context, ast.Call) else ""
        if isinstance(context, ast.Call) and kind == "DAG":
            return self.flows.begin(context, None)
        if isinstance(context, ast.Call) and kind == "TaskGroup" and self.flows.open:
            entered = self.calls.enter(self.flows.spread(context))
            groups.append(self.flows.open[-1])
            return entered
        made = self.flows.names.get(context.id) if isinstance(context, ast.Name) else None
        if isinstance(made, TaskMaker):
            self.flows.open.append(made)
            return made
        raise UnknownError(context, f"what `with {ast.unparse(context)[:60]}` does")

    def _loop(self, statement: ast.For, target: ast.expr, over: ast.expr, body: list[ast.stmt]) -> None:
        values: object
        try:
            values = self.calls.value(over)
        except UnknownError:
            values = UNKNOWN
        known = isinstance(values, list | dict) and len(values) <= MOST_ROUNDS
        if not isinstance(values, Iterable) or not known or UNKNOWN in values:
            if self.calls.concerns(statement):
                raise UnknownError(over, "what a loop goes over")
            self._forget(statement)
            return
        for value in list(values):
            self._bind(target, value)
            try:
                self.body(body)
            except LeftError as left:
                if isinstance(left.statement, ast.Return):
                    raise
                if isinstance(left.statement, ast.Break):
                    break

    # --- functions ----------------------------------------------------------------------------------------------------

    def _function(self, function: Function) -> object:
        for decorator in function.decorator_list:
            call = self.flows.spread(decorator) if isinstance(decorator, ast.Call) else None
            path = self._path(call.func if call is not None else decorator)
            place, _, kind = path.rpartition(":")
            settings = {each.arg: each.value for each in call.keywords if each.arg} if call is not None else {}
            if kind == "dag":
                return Dag(function, call)
            if kind == "task_group":
                return Group(function, settings)
            if kind.partition(".")[0] in ("task", "setup", "teardown"):
                return TaskFunction(function, kind, settings)
            if place:
                raise UnknownError(function, f"`{function.name}`, by its decorator `@{kind}`")
        return function

    def _path(self, decorator: ast.expr) -> str:
        """What a decorator of Airflow is called there, behind a `:`; anything else as it is written."""
        path = ast.unparse(decorator)
        root, _, rest = path.partition(".")
        found = self.flows.names.get(root)
        if isinstance(found, tuple) and str(found[0]).partition(".")[0] == "airflow":
            whole = f"{found[1]}.{rest}" if rest else str(found[1])
        elif root == "airflow":
            whole = rest
        else:
            return path
        return f"airflow:{whole.removeprefix('sdk.').removeprefix('decorators.')}"
