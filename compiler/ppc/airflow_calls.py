"""The expressions of an Airflow file: what makes tasks, puts them in order, or gives what does."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from ppacer.core.notation import value_text
from ppacer.records import dataclass, field
from ppc.airflow_flows import Flows
from ppc.airflow_functions import Function
from ppc.airflow_operators import LABELS, ORDERS, kind_of
from ppc.airflow_orders import chain, cross_downstream, order
from ppc.airflow_tasks import Dag, Group, Member, Output, TaskFunction, TaskMaker, members
from ppc.airflow_values import MOST_ROUNDS, UNKNOWN, UnknownError, constant, short

_DEEPEST: Final = 20
"""Calls of functions within each other; more is not followed."""

_LABEL: Final = object()
"""A text on an edge."""

_OF_GROUPS: Final = frozenset({"group_id", "tooltip", "ui_color", "ui_fgcolor", "prefix_group_id", "dag"})
_SETUP: Final = "`as_setup`: it is a task like others"
_TEARDOWN: Final = "`as_teardown`: it runs once the tasks before it have ended, and the run fails with it"

Comprehension: TypeAlias = "ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp"


class LeftError(Exception):
    """A `return` with its value, a `break` or a `continue`."""

    def __init__(self, statement: ast.stmt, value: object = None) -> None:
        super().__init__()
        self.statement = statement
        self.value = value


@dataclass(slots=True)
class Calls:
    """Works out expressions; `body` follows the statements of functions."""

    flows: Flows
    body: Callable[[Sequence[ast.stmt]], None]
    _depth: int = 0
    _looked_at: list[Function] = field(default_factory=list)

    def value(self, node: ast.expr) -> object:
        """What it is: a constant, something of Airflow, or a list or dict of them; `UNKNOWN` where only running the
        file would tell. Raises `UnknownError` if that has to do with tasks."""
        names = self.flows.names
        match node:
            case ast.Call():
                return self._call(self.flows.spread(node))
            case ast.BinOp(left=left, op=ast.RShift() | ast.LShift() as operator, right=right):
                first, second = self.value(left), self.value(right)
                if second is _LABEL:
                    return first
                order(node, *((first, second) if isinstance(operator, ast.RShift) else (second, first)))
                return second
            case ast.Name(id=name) if name in names:
                return names[name]
            case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
                return list(self._elements(elements))
            case ast.Dict(keys=keys) if all(isinstance(key, ast.Constant) for key in keys):
                return {key: self.value(each) for key, each in self.flows.mapping(node).items()}
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp() if len(node.generators) == 1:
                return self._comprehension(node, node.generators[0])
            case ast.Attribute(value=of, attr="output"):
                return self.value(of)
            case ast.Subscript(value=of, slice=slice_):
                found = self._part(of, slice_)
                if found is not None:
                    return found
        return self._constant(node)

    def holds(self, test: ast.expr) -> bool:
        """Whether a condition does. Raises `UnknownError` where only running the file would tell."""
        match test:
            case ast.Compare(left=ast.Name(id="__name__")):
                return False
            case ast.Name(id="TYPE_CHECKING"):
                return False
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self.holds(operand)
            case ast.Compare(
                left=left, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Constant(value=None)]
            ):
                found = self.value(left)
                if found is not UNKNOWN:
                    return (found is None) is isinstance(operator, ast.Is)
            case ast.Name():
                found = self.value(test)
                if found is not UNKNOWN:
                    return bool(found)
        return bool(constant(test, self.flows.names))

    def concerns(self, node: ast.AST) -> bool:
        """Whether it has to do with tasks."""
        return any(self._is_of_tasks(each) for each in ast.walk(node))

    def enter(self, call: ast.Call) -> Member:
        """Enters the group that a call of `TaskGroup` makes."""
        given = {each.arg: each.value for each in call.keywords if each.arg}
        named = call.args[0] if call.args else given.get("group_id")
        if named is None:
            raise UnknownError(call, "what the `group_id` is")
        return self._enter(str(constant(named, self.flows.names)), given)

    # --- values -------------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.expr) -> object:
        try:
            return constant(node, self.flows.names)
        except UnknownError:
            if self.concerns(node):
                raise UnknownError(node, f"what {short(node)} does") from None
            return UNKNOWN

    def _elements(self, elements: Sequence[ast.expr]) -> Iterator[object]:
        for each in elements:
            if isinstance(each, ast.Starred):
                several = self.value(each.value)
                if not isinstance(several, list):
                    raise UnknownError(each, f"what {short(each)} is")
                yield from several
            else:
                yield self.value(each)

    def _comprehension(self, node: Comprehension, over: ast.comprehension) -> object:
        values = self.value(over.iter)
        if not isinstance(values, list | dict) or len(values) > MOST_ROUNDS:
            if self.concerns(node):
                raise UnknownError(over.iter, "what a loop goes over")
            return UNKNOWN
        before = dict(self.flows.names)
        found: list[object] = []
        pairs: dict[str, object] = {}
        for each in list(values):
            self._unpack(over.target, each)
            if not all(self.holds(test) for test in over.ifs):
                continue
            if isinstance(node, ast.DictComp):
                pairs[str(constant(node.key, self.flows.names))] = self.value(node.value)
            else:
                found.append(self.value(node.elt))
        self._restore(before)
        return pairs if isinstance(node, ast.DictComp) else found

    def _unpack(self, target: ast.expr, value: object) -> None:
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        values = value if isinstance(target, ast.Tuple) and isinstance(value, list) else [value]
        for each, part in zip(
            targets, values if len(values) == len(targets) else [UNKNOWN] * len(targets), strict=True
        ):
            if isinstance(each, ast.Name):
                self.flows.names[each.id] = part

    def _part(self, of: ast.expr, slice_: ast.expr) -> object:
        """What is at a place of it; nothing where that is not known."""
        found = self.value(of)
        if isinstance(found, Member) and isinstance(slice_, ast.Constant) and isinstance(slice_.value, str | int):
            return Output(found, f"[{value_text(slice_.value)}]")
        try:
            key = constant(slice_, self.flows.names)
        except UnknownError:
            return None
        if isinstance(found, dict):
            return found.get(str(key))
        if isinstance(found, list) and isinstance(key, int) and -len(found) <= key < len(found):
            return found[key]
        return None

    def _restore(self, before: Mapping[str, object]) -> None:
        self.flows.names.clear()
        self.flows.names.update(before)

    def _is_of_tasks(self, node: ast.AST) -> bool:
        match node:
            case ast.Call():
                called = node.func if isinstance(node.func, ast.Name) else None
                found = self.flows.names.get(called.id) if called is not None else None
                plain = isinstance(found, ast.FunctionDef) and self._makes_tasks(found)
                return plain or bool(kind_of(node, self.flows.names))
            case ast.Name(id=name):
                found = self.flows.names.get(name)
                return isinstance(found, Member | TaskMaker | TaskFunction | Dag | Group) or bool(members(found))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return any("task" in ast.unparse(each) or "dag" in ast.unparse(each) for each in node.decorator_list)
        return False

    def _makes_tasks(self, function: Function) -> bool:
        if any(each is function for each in self._looked_at):
            return False
        self._looked_at.append(function)
        found = any(self.concerns(each) for each in function.body)
        self._looked_at.pop()
        return found

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> object:
        kind = kind_of(node, self.flows.names)
        if kind == "DAG":
            made = self.flows.begin(node, None)
            self.flows.open.pop()
            return made
        if kind in LABELS:
            return _LABEL
        if kind in ORDERS:
            parts = [part for part in self._elements(node.args) if part is not _LABEL]
            (chain if kind == "chain" else cross_downstream)(node, parts)
            return None
        if kind:
            return self._operator(node, kind)
        if isinstance(node.func, ast.Attribute):
            done = self._method(node, node.func)
            if done is not None:
                return done[0]
        called = self._function_of(node.func)
        if isinstance(called, Dag):
            return self._dag(node, called)
        if isinstance(called, TaskFunction):
            return self._task(node, called)
        if isinstance(called, Group) and isinstance(node.func, ast.Name):
            return self._group(node, called)
        given = [*node.args, *(each.value for each in node.keywords)]
        if isinstance(called, ast.FunctionDef) and (self._makes_tasks(called) or any(map(self.concerns, given))):
            return self._inline(node, called)
        return self._constant(node)

    def _operator(self, node: ast.Call, kind: str, *, mapped: ast.Call | None = None) -> Member:
        """A task, after those whose outputs it is given; `mapped` is the `expand` that makes many of it."""
        before: list[object] = []
        for each in [*node.keywords, *(mapped.keywords if mapped is not None else [])]:
            try:
                before.append(UNKNOWN if each.arg in ("dag", "task_group") else self.value(each.value))
            except UnknownError:
                continue  # then the task is told not to be translated, with this argument
        made = self._maker(node).operator(node, kind, mapped=mapped is not None)
        made.tasks.edge(members(before), made)
        return made

    def _method(self, node: ast.Call, method: ast.Attribute) -> tuple[object] | None:
        """What a method of a task, list or dag gives; nothing where it is none that is known."""
        name = method.attr
        inner = method.value
        if name in ("expand", "expand_kwargs") and isinstance(inner, ast.Call):
            partial = inner.func
            if isinstance(partial, ast.Attribute) and partial.attr == "partial":
                whole = self.flows.spread(inner)
                kind = kind_of(ast.Call(partial.value, [], whole.keywords), self.flows.names)
                if kind:
                    return (self._operator(whole, kind, mapped=node),)
        if name in ("set_downstream", "set_upstream") and node.args:
            first, second = self.value(inner), self.value(node.args[0])
            order(node, *((first, second) if name == "set_downstream" else (second, first)))
            return (None,)
        if name in ("as_setup", "as_teardown"):
            return (self._part_of_frame(node, self.value(inner), name),)
        if name in ("append", "extend") and len(node.args) == 1 and isinstance(inner, ast.Name):
            there, more = self.flows.names.get(inner.id), self.value(node.args[0])
            if isinstance(there, list) and (name == "append" or isinstance(more, list)):
                there += [more] if not isinstance(more, list) or name == "append" else more
                return (None,)
        if name in ("test", "cli") and isinstance(inner, ast.Name):
            return (None,) if isinstance(self.flows.names.get(inner.id), TaskMaker) else None
        return None

    def _part_of_frame(self, node: ast.Call, member: object, name: str) -> object:
        if not isinstance(member, Member):
            raise UnknownError(node, f"what {short(node)} does")
        maker = TaskMaker(member.tasks, self.flows.pool)
        if name == "as_teardown":
            setups = [self.value(each.value) for each in node.keywords if each.arg == "setups"]
            member.tasks.edge(members([*setups, *self._elements(node.args)]), member)
            maker.afterwards(member, "trigger_rule", ast.copy_location(ast.Constant("all_done"), node))
        maker.lose(member, node.lineno, _SETUP if name == "as_setup" else _TEARDOWN)
        return member

    def _task(self, node: ast.Call, called: TaskFunction) -> Member:
        mapped = isinstance(node.func, ast.Attribute) and node.func.attr == "expand"
        values = {each.arg: self.value(each.value) for each in node.keywords if each.arg}
        fixed = {name: self.value(each) for name, each in called.fixed.items()}
        positional = list(self._elements(node.args))
        named = {**fixed, **values}
        return self._maker(node).called(node, called, positional, named, mapped=set(values) if mapped else set())

    def _dag(self, node: ast.Call, called: Dag) -> TaskMaker:
        if self._depth >= _DEEPEST:
            raise UnknownError(node, f"what {short(node)} does, which calls itself")
        maker = self.flows.begin(called.call, called.function)
        before = dict(self.flows.names)
        self._depth += 1
        arguments = called.function.args.args
        given = {each.arg: value for each, value in zip(arguments, node.args, strict=False)}
        given.update({each.arg: each.value for each in node.keywords if each.arg})
        self.flows.arguments(maker, called.function, given)
        try:
            self.body(called.function.body)
        except LeftError:
            pass  # a dag gives itself
        finally:
            self._depth -= 1
            self._restore(before)
            self.flows.open.remove(maker)
        return maker

    def _group(self, node: ast.Call, called: Group) -> object:
        if not self.flows.open:
            raise UnknownError(node, f"`{short(node)}` is of no dag")
        maker = self.flows.open[-1]
        named = called.settings.get("group_id", ast.Constant(called.function.name))
        made = self._enter(str(constant(named, self.flows.names)), called.settings)
        try:
            given = self._inline(node, called.function)
        finally:
            maker.leave()
        return made if given is None else given

    def _enter(self, name: str, given: Mapping[str, ast.expr]) -> Member:
        maker = self.flows.open[-1]
        maker.enter(name)
        made = maker.here()
        for key, value in given.items():
            if key not in _OF_GROUPS:
                maker.lose(made, value.lineno, f"`{key}` of the group")
        return made

    def _inline(self, node: ast.Call, function: Function) -> object:
        """Follows a call of a function that makes tasks; answers what it returns."""
        if self._depth >= _DEEPEST:
            raise UnknownError(node, f"what {short(node)} does, which calls itself")
        values, written = self._bound(node, function)
        before, mappings = dict(self.flows.names), dict(self.flows.mappings)
        for name, each in written.items():
            self.flows.remember(name, each)
        self.flows.names.update(values)
        self._depth += 1
        try:
            self.body(function.body)
        except LeftError as left:
            return left.value
        finally:
            self._depth -= 1
            self._restore(before)
            self.flows.mappings.clear()
            self.flows.mappings.update(mappings)
        return None

    def _bound(self, node: ast.Call, function: Function) -> tuple[dict[str, object], dict[str, ast.expr]]:
        """The values of a function's parameters in a call, and how they are written there."""
        arguments = function.args
        positional = [*arguments.posonlyargs, *arguments.args]
        written: dict[str, ast.expr] = {}
        for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
            written[argument.arg] = default
        for argument, default_or_none in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if default_or_none is not None:
                written[argument.arg] = default_or_none
        written.update({argument.arg: value for argument, value in zip(positional, node.args, strict=False)})
        written.update({each.arg: each.value for each in node.keywords if each.arg})
        values: dict[str, object] = {each.arg: UNKNOWN for each in [*positional, *arguments.kwonlyargs]}
        values.update({name: self.value(each) for name, each in written.items()})
        if any(isinstance(each, ast.Starred) for each in node.args) or arguments.vararg or arguments.kwarg:
            raise UnknownError(node, f"what {short(node)} does, by its `*`")
        return values, written

    def _function_of(self, node: ast.expr) -> object:
        """What is called, with what `override` and `partial` add to it."""
        if isinstance(node, ast.Attribute) and node.attr in ("expand", "expand_kwargs"):
            of = self._function_of(node.value)
            if isinstance(of, TaskFunction) and node.attr == "expand_kwargs":
                return TaskFunction(of.function, of.kind, of.settings, of.fixed, kwargs_mapped=True)
            return of
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("override", "partial")
        ):
            of = self._function_of(node.func.value)
            given = {each.arg: each.value for each in self.flows.spread(node).keywords if each.arg}
            if isinstance(of, TaskFunction):
                if node.func.attr == "override":
                    return TaskFunction(of.function, of.kind, {**of.settings, **given}, of.fixed)
                return TaskFunction(of.function, of.kind, of.settings, {**of.fixed, **given})
            if isinstance(of, Group) and node.func.attr == "override":
                return Group(of.function, {**of.settings, **given})
        return self.flows.names.get(node.id) if isinstance(node, ast.Name) else None

    def _maker(self, node: ast.Call) -> TaskMaker:
        """Where a task goes: to the dag that it names, or to the one that is open."""
        for keyword in node.keywords:
            found = self.value(keyword.value) if keyword.arg == "dag" else None
            if isinstance(found, TaskMaker):
                return found
        if not self.flows.open:
            raise UnknownError(node, f"{short(node)} is of no dag")
        return self.flows.open[-1]
