"""What a Python callable takes, read off its definition."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from enum import StrEnum

from ppacer.records import dataclass


class ParameterKind(StrEnum):
    """As Python has them: `def f(positional_only, /, either, *rest, named_only, **others)`."""

    POSITIONAL_ONLY = "positional only"
    EITHER = "positional or named"
    REST = "*"
    NAMED_ONLY = "named only"
    OTHERS = "**"


@dataclass(frozen=True, slots=True)
class Parameter:
    """`line` is where it stands in its module; `default` what is written there, if anything.

    `module` names the module that it stands in, where that is not the callable's: a field of a base class.
    """

    name: str
    kind: ParameterKind
    required: bool
    annotation: ast.expr | None = None
    default: ast.expr | None = None
    line: int = 0
    module: str = ""

    @property
    def text(self) -> str:
        """As it would be shown in a signature."""
        star = self.kind.value if self.kind in {ParameterKind.REST, ParameterKind.OTHERS} else ""
        type_text = "" if self.annotation is None else f": {ast.unparse(self.annotation)}"
        return f"{star}{self.name}{type_text}{'' if self.required or star else ' = …'}"


@dataclass(frozen=True, slots=True)
class Signature:
    parameters: tuple[Parameter, ...]

    @property
    def text(self) -> str:
        """`(table: str, /, *, day = …)`."""
        parts: list[str] = []
        previous: ParameterKind | None = None
        for parameter in self.parameters:
            if previous is ParameterKind.POSITIONAL_ONLY and parameter.kind is not previous:
                parts.append("/")
            if parameter.kind is ParameterKind.NAMED_ONLY and previous not in {
                ParameterKind.REST,
                ParameterKind.NAMED_ONLY,
            }:
                parts.append("*")
            parts.append(parameter.text)
            previous = parameter.kind
        if previous is ParameterKind.POSITIONAL_ONLY:
            parts.append("/")
        return f"({', '.join(parts)})"

    def without(self, *names: str | None) -> Signature:
        return Signature(tuple(p for p in self.parameters if p.name not in names))

    def without_first(self) -> Signature:
        """As seen through an instance or class: its first positional parameter is already given."""
        first = self.parameters[0] if self.parameters else None
        if first is None or first.kind not in {ParameterKind.POSITIONAL_ONLY, ParameterKind.EITHER}:
            return self
        return Signature(self.parameters[1:])


def signature_of(arguments: ast.arguments) -> Signature:
    """The signature of a `def` or `lambda`."""
    found: list[Parameter] = []
    positional = [
        *((argument, ParameterKind.POSITIONAL_ONLY) for argument in arguments.posonlyargs),
        *((argument, ParameterKind.EITHER) for argument in arguments.args),
    ]
    first_default = len(positional) - len(arguments.defaults)
    for i, (argument, kind) in enumerate(positional):
        default = None if i < first_default else arguments.defaults[i - first_default]
        found.append(_parameter(argument, kind, default))
    if arguments.vararg is not None:
        found.append(_parameter(arguments.vararg, ParameterKind.REST))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        found.append(_parameter(argument, ParameterKind.NAMED_ONLY, default))
    if arguments.kwarg is not None:
        found.append(_parameter(arguments.kwarg, ParameterKind.OTHERS))
    return Signature(tuple(found))


def _parameter(argument: ast.arg, kind: ParameterKind, default: ast.expr | None = None) -> Parameter:
    star = kind in {ParameterKind.REST, ParameterKind.OTHERS}
    return Parameter(argument.arg, kind, default is None and not star, argument.annotation, default, argument.lineno)


def dataclass_fields(node: ast.ClassDef) -> tuple[Parameter, ...]:
    """The constructor's parameters that the body of a dataclass adds, in order."""
    named_only = _dataclass_option(node, "kw_only")
    found: list[Parameter] = []
    for statement in node.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = statement.annotation
        if _last_name(annotation) == "KW_ONLY":
            named_only = True
            continue
        if _last_name(annotation.value if isinstance(annotation, ast.Subscript) else annotation) == "ClassVar":
            continue
        required, given, named = statement.value is None, True, named_only
        if isinstance(statement.value, ast.Call) and _last_name(statement.value.func) == "field":
            options = {keyword.arg: keyword.value for keyword in statement.value.keywords}
            required = not options.keys() & {"default", "default_factory"}
            given = not _is_constant(options.get("init"), value=False)
            named = named_only or _is_constant(options.get("kw_only"), value=True)
        if given:
            kind = ParameterKind.NAMED_ONLY if named else ParameterKind.EITHER
            found.append(
                Parameter(statement.target.id, kind, required, annotation, statement.value, statement.target.lineno)
            )
    return tuple(found)


def is_dataclass(node: ast.ClassDef) -> bool:
    return any(
        _last_name(decorator.func if isinstance(decorator, ast.Call) else decorator) == "dataclass"
        for decorator in node.decorator_list
    )


def is_generator(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(isinstance(inner, ast.Yield | ast.YieldFrom) for inner in _own_nodes(node))


def returns_nothing(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether its value is always none: annotated so, or without annotation and without a `return value`."""
    if node.returns is not None:
        match node.returns:
            case ast.Constant(value=None | "None") | ast.Name(id="NoReturn" | "Never") | ast.Attribute(attr="NoReturn"):
                return True
        return False
    return not any(isinstance(inner, ast.Return) and inner.value is not None for inner in _own_nodes(node))


def decorator_names(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """The last part of each decorator's name; empty for one that is no name or call of a name."""
    return tuple(
        _last_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        for decorator in node.decorator_list
    )


def _own_nodes(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """All nodes of a function's body, those of functions and classes inside it left out."""
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        inner = waiting.pop()
        yield inner
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(inner))


def _last_name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_constant(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _dataclass_option(node: ast.ClassDef, option: str) -> bool:
    return any(
        keyword.arg == option and _is_constant(keyword.value, value=True)
        for decorator in node.decorator_list
        if isinstance(decorator, ast.Call)
        for keyword in decorator.keywords
    )
