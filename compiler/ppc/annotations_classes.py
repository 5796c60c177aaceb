"""Classes as types: dataclasses, TypedDicts and named tuples by field, enumerations by member."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import cache

from ppacer.records import dataclass
from ppc.annotations_names import Defined, Known, Meaning, dotted
from ppc.modules import Module
from ppc.signatures import is_dataclass
from ppc.typing_model import ANY, EnumType, Field, Kind, LiteralType, RecordType, TupleType, Type, literal

_ENUMS = frozenset({"Enum", "IntEnum", "StrEnum"})
_FLAGS = frozenset({"Flag", "IntFlag"})
_MAKERS = frozenset({"__new__", "__init__", "_missing_", "_generate_next_value_"})
"""Methods by which an enumeration takes values that are not written in it."""

_MOST_BASES = 50


@dataclass(frozen=True, slots=True)
class Reading:
    """How the parts of a class are read: a name's meaning in a module, and the type of an annotation in it."""

    meaning: Callable[[Module, tuple[str, ...]], Meaning]
    type: Callable[[Module, ast.expr], Type]


@dataclass(frozen=True, slots=True)
class _Lineage:
    """A class and its bases, nearest first; those that are known by name alone; whether that is all there is."""

    classes: tuple[tuple[Module, ast.ClassDef], ...]
    known: tuple[Known, ...]
    whole: bool


def class_type(reading: Reading, module: Module, node: ast.ClassDef) -> Type:
    """What values of a class are; `ANY` for a class whose values have no fixed form."""
    lineage = _lineage(reading, module, node)
    bases = {base.name for base in lineage.known if base.module in _FROM}
    if bases & _FLAGS:
        return ANY
    if bases & _ENUMS:
        if any(isinstance(part, ast.FunctionDef) and part.name in _MAKERS for part in node.body):
            return ANY
        return EnumType(node.name, tuple(_members(lineage, bases)))
    if "TypedDict" in bases:
        fields = cache(lambda: _typed_dict_fields(reading, lineage))
        return RecordType(node.name, fields, open=not lineage.whole)
    if "NamedTuple" in bases:
        own = [(target, annotation) for target, annotation, _ in _annotated(node)]
        items = tuple(reading.type(module, annotation) for _, annotation in own)
        return TupleType(items, node.name, tuple(target for target, _ in own))
    if any(_is_standard_dataclass(reading, at, each) for at, each in lineage.classes):
        fields = cache(lambda: _dataclass_fields(reading, lineage))
        return RecordType(node.name, fields, strict=True, open=not lineage.whole)
    for base in lineage.known:
        if base.name in _PLAIN_BASES:
            return reading.type(module, ast.Name(base.name)) if base.module == "builtins" else ANY
    return ANY


def _is_standard_dataclass(reading: Reading, module: Module, node: ast.ClassDef) -> bool:
    """Others that go by the name take more than their annotations say."""
    decorators = (each.func if isinstance(each, ast.Call) else each for each in node.decorator_list)
    paths = (dotted(each) for each in decorators)
    return any(reading.meaning(module, path) == Known("dataclasses", "dataclass") for path in paths if path)


def enum_member(enum: EnumType, name: str) -> Type:
    """`Literal[Colour.RED]`: the member's value."""
    return next((value for member, value in enum.members if member == name and value is not None), ANY)


_FROM = frozenset({"enum", "typing", "typing_extensions"})
_PLAIN_BASES = frozenset({"str", "int", "float"})


def _lineage(reading: Reading, module: Module, node: ast.ClassDef) -> _Lineage:
    classes: list[tuple[Module, ast.ClassDef]] = []
    known: list[Known] = []
    whole = True
    waiting = [(module, node)]
    while waiting and len(classes) < _MOST_BASES:
        module, node = waiting.pop(0)
        classes.append((module, node))
        for base in node.bases:
            path = dotted(base.value if isinstance(base, ast.Subscript) else base)
            match reading.meaning(module, path) if path else None:
                case Known() as found:
                    known.append(found)
                case Defined(owner, _, ast.ClassDef() as found_class, ()):
                    waiting.append((owner, found_class))
                case _:
                    whole = False
    return _Lineage(tuple(classes), tuple(known), whole)


def _annotated(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr, ast.expr | None]]:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id), annotation=annotation, value=value):
                yield id, annotation, value


def _typed_dict_fields(reading: Reading, lineage: _Lineage) -> Mapping[str, Field]:
    fields: dict[str, Field] = {}
    for module, node in reversed(lineage.classes):
        total = not any(k.arg == "total" and _is(k.value, value=False) for k in node.keywords)
        for name, annotation, _ in _annotated(node):
            wrapper, inner = _wrapped(annotation)
            required = wrapper == "Required" or (total and wrapper != "NotRequired")
            fields[name] = Field(reading.type(module, inner), required)
    return fields


def _wrapped(annotation: ast.expr) -> tuple[str, ast.expr]:
    """`Required[int]` as its word and what it wraps."""
    if isinstance(annotation, ast.Subscript) and (path := dotted(annotation.value)):
        if path[-1] in {"Required", "NotRequired"}:
            return path[-1], annotation.slice
        if path[-1] in {"ReadOnly", "Final"}:
            return _wrapped(annotation.slice)
    return "", annotation


def _dataclass_fields(reading: Reading, lineage: _Lineage) -> Mapping[str, Field]:
    fields: dict[str, Field] = {}
    for module, node in reversed(lineage.classes):
        if not is_dataclass(node):
            continue
        for name, annotation, value in _annotated(node):
            path = dotted(annotation.value if isinstance(annotation, ast.Subscript) else annotation)
            if path and path[-1] == "KW_ONLY":
                continue
            if path and path[-1] == "InitVar":
                wrapped = annotation.slice if isinstance(annotation, ast.Subscript) else annotation
                fields[name] = Field(reading.type(module, wrapped), value is None)
            elif not (path and path[-1] == "ClassVar"):
                options = {k.arg: k.value for k in value.keywords} if isinstance(value, ast.Call) else {}
                options = options if _is_field(value) else {}
                required = value is None or (_is_field(value) and not options.keys() & {"default", "default_factory"})
                given = not _is(options.get("init"), value=False)
                fields[name] = Field(reading.type(module, annotation), required and given, given)
    return fields


def _is_field(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and dotted(value.func)[-1:] == ("field",)


def _members(lineage: _Lineage, bases: set[str]) -> Iterator[tuple[str, LiteralType | None]]:
    """Members and values as `enum` works them out. Only classes without members have subclasses."""
    number = 0
    for _, node in lineage.classes:
        for statement in node.body:
            match statement:
                case ast.Assign([ast.Name(id)], value) if not id.startswith("_"):
                    found = _value(id, value, bases, number)
                    number = found.value if found is not None and isinstance(found.value, int) else number
                    yield id, found


def _value(name: str, value: ast.expr, bases: set[str], last: int) -> LiteralType | None:
    match value:
        case ast.Constant(value=bool() | int() | float() | str() as constant):
            found = literal(constant)
            return found if isinstance(found, LiteralType) else None
        case ast.UnaryOp(ast.USub(), ast.Constant(value=int() as constant)):
            return LiteralType(-constant, Kind.INT)
        case ast.Call(func, []) if dotted(func)[-1:] == ("auto",):
            if "StrEnum" in bases:
                return LiteralType(name.lower(), Kind.STR)
            return LiteralType(last + 1, Kind.INT)
    return None


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value
