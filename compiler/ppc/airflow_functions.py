"""The functions of an Airflow file that its tasks call, as a module of their own: without Airflow, and not run."""

from __future__ import annotations

import ast
import builtins
import textwrap
from collections.abc import Iterator
from copy import copy
from typing import Final, TypeAlias

from ppacer.records import dataclass, field

Function: TypeAlias = "ast.FunctionDef | ast.AsyncFunctionDef"
_AIRFLOW: Final = "airflow"


class UsesAirflowError(Exception):
    """A function that cannot do without what is around it. The message says why."""


@dataclass(slots=True)
class Functions:
    """What the file defines, and which functions of it are wanted."""

    text: str
    tree: ast.Module
    wanted: list[Function] = field(default_factory=list)
    _defined: dict[str, ast.stmt] = field(default_factory=dict)
    _needed: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for statement in self.tree.body:
            for name in _binds(statement):
                self._defined[name] = statement

    def want(self, function: Function) -> None:
        """Takes the function and all that it needs. Raises `UsesAirflowError`."""
        if any(each is function for each in self.wanted):
            return
        if any(each.name == function.name for each in self.wanted):
            raise UsesAirflowError(f"there are several functions `{function.name}`")
        needed: set[int] = set()
        self._follow(function, needed, {function.name})
        self._needed |= needed
        self.wanted.append(function)

    def _follow(self, node: ast.AST, needed: set[int], seen: set[str]) -> None:
        own = _own_names(node)
        for name in sorted(_reads(node) - own - seen):
            seen.add(name)
            statement = self._defined.get(name)
            if statement is None:
                if not hasattr(builtins, name) and name not in ("__name__", "__file__"):
                    raise UsesAirflowError(f"it reads `{name}`, which is not of the file's own level")
                continue
            if isinstance(statement, ast.Import | ast.ImportFrom):
                if any(_of_airflow(each) for each in _modules(statement)):
                    raise UsesAirflowError(f"it uses `{name}` of Airflow")
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.decorator_list:
                raise UsesAirflowError(f"it uses `{name}`, which has a decorator")
            else:
                self._follow(statement, needed, seen)
            needed.add(id(statement))

    def source(self, origin: str) -> str:
        """The module; empty where nothing is wanted."""
        if not self.wanted:
            return ""
        lines = self.text.split("\n")
        wanted = {id(function) for function in self.wanted}
        imports: list[str] = []
        rest: list[str] = []
        for statement in self.tree.body:
            of_future = isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
            if of_future or (id(statement) in self._needed and id(statement) not in wanted):
                into = imports if isinstance(statement, ast.Import | ast.ImportFrom) else rest
                into.append("\n".join(lines[_first(statement) - 1 : statement.end_lineno]))
        rest += [self._function(function, lines) for function in sorted(self.wanted, key=lambda each: each.lineno)]
        head = f'"""The functions of the tasks of {origin}, without Airflow."""'
        return "\n\n\n".join(["\n\n".join([head, "\n".join(imports)] if imports else [head]), *rest]) + "\n"

    def _function(self, function: Function, lines: list[str]) -> str:
        if function.col_offset and any(
            isinstance(node, ast.Constant) and isinstance(node.value, str) and node.end_lineno != node.lineno
            for node in ast.walk(function)
        ):
            # To move such texts to the left would change them.
            plain = copy(function)
            plain.decorator_list = []
            return ast.unparse(plain)
        return textwrap.dedent("\n".join(lines[function.lineno - 1 : function.end_lineno]))


def _first(statement: ast.stmt) -> int:
    """The line at which a statement begins, its decorators included."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return min([statement.lineno, *(each.lineno for each in statement.decorator_list)])
    return statement.lineno


def _binds(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of the file's own level binds."""
    match statement:
        case ast.Import(names=names):
            yield from (each.asname or each.name.partition(".")[0] for each in names)
        case ast.ImportFrom(names=names):
            yield from (each.asname or each.name for each in names)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.With() | ast.For() | ast.If() | ast.Try():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def _modules(statement: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(statement, ast.ImportFrom):
        yield statement.module or ""
    else:
        yield from (each.name for each in statement.names)


def _of_airflow(module: str) -> bool:
    return module.partition(".")[0] == _AIRFLOW


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """A statement without the decorators that are left out."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for part in (node.args, *node.body, *([node.returns] if node.returns is not None else [])):
            yield from ast.walk(part)
    else:
        yield from ast.walk(node)


def _reads(node: ast.AST) -> set[str]:
    return {each.id for each in _parts(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}


def _own_names(node: ast.AST) -> set[str]:
    """What is bound inside a function or class."""
    found: set[str] = set()
    for each in _parts(node):
        match each:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                found.add(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.Import() | ast.ImportFrom():
                if any(_of_airflow(module) for module in _modules(each)):
                    raise UsesAirflowError("it imports Airflow")
                found.update(_binds(each))
    return found
