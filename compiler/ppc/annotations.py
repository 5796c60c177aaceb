"""Python's annotations as types, read from the source alone: aliases, imports and quoted ones included.

What cannot be told without running code is `ANY`, which fits everything.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ppc.annotations_classes import Reading, class_type, enum_member
from ppc.annotations_names import Defined, Known, Meaning, dotted, meaning
from ppc.callables import CallableFinder, FoundCallable
from ppc.modules import Assigned, Module
from ppc.signatures import Parameter
from ppc.typing_model import (
    ANY,
    NONE,
    DictType,
    EnumType,
    Field,
    Kind,
    ListType,
    PlainType,
    TupleType,
    Type,
    literal,
    optional,
    record,
    union,
)

_PLAIN = {
    ("builtins", "str"): Kind.STR,
    ("builtins", "int"): Kind.INT,
    ("builtins", "float"): Kind.FLOAT,
    ("builtins", "bool"): Kind.BOOL,
    ("builtins", "bytes"): Kind.BYTES,
    ("builtins", "bytearray"): Kind.BYTES,
    ("typing", "Text"): Kind.STR,
    ("typing", "LiteralString"): Kind.STR,
    ("datetime", "date"): Kind.DATE,
    ("datetime", "datetime"): Kind.DATETIME,
    ("datetime", "time"): Kind.TIME,
    ("datetime", "timedelta"): Kind.DURATION,
    ("decimal", "Decimal"): Kind.DECIMAL,
    ("pathlib", "Path"): Kind.PATH,
    ("pathlib", "PurePath"): Kind.PATH,
    ("pathlib", "PosixPath"): Kind.PATH,
    ("pathlib", "PurePosixPath"): Kind.PATH,
}
_LISTS = {
    "list": "list",
    "List": "list",
    "tuple": "tuple",
    "Tuple": "tuple",
    "set": "set",
    "Set": "set",
    "AbstractSet": "set",
    "MutableSet": "set",
    "frozenset": "frozenset",
    "FrozenSet": "frozenset",
    "deque": "deque",
    "Deque": "deque",
    "Sequence": "Sequence",
    "MutableSequence": "MutableSequence",
    "Iterable": "Iterable",
    "Collection": "Collection",
    "Iterator": "Iterator",
    "Generator": "Generator",
    "AsyncIterator": "Iterator",
    "AsyncGenerator": "Generator",
}
_DICTS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "DefaultDict", "OrderedDict"})
_WRAPPERS = frozenset({"Annotated", "Final", "Required", "NotRequired", "ReadOnly"})
_STANDARD = frozenset({"builtins", "typing", "typing_extensions", "collections", "collections.abc"})
_MOST_NESTED = 40


class Annotations:
    """Reads the annotations of the callables that a finder finds. Answers are kept: one type is one value."""

    def __init__(self, finder: CallableFinder) -> None:
        self._finder = finder
        self._read: dict[int, tuple[ast.expr, Type]] = {}
        self._named: dict[tuple[str, str], Type] = {}
        self._returns: dict[tuple[str, int], Type] = {}
        self._reading = Reading(self._meaning, self._type)
        self._depth = 0

    def parameter(self, callee: FoundCallable, parameter: Parameter) -> Type:
        """What a parameter takes. `x: str = None` takes none as well."""
        if parameter.annotation is None:
            return ANY
        key = id(parameter.annotation)
        known = self._read.get(key)
        if known is None:
            found = self._in(parameter.module or callee.module, parameter.annotation)
            if isinstance(parameter.default, ast.Constant) and parameter.default.value is None:
                found = optional(found)
            known = self._read[key] = (parameter.annotation, found)
        return known[1]

    def returned(self, callee: FoundCallable) -> Type:
        """What a callable returns, as annotated; `ANY` where it is not."""
        key = (callee.spec.id, id(callee.returns))
        known = self._returns.get(key)
        if known is None:
            known = NONE if callee.returns_nothing else ANY
            if callee.returns is not None:
                known = self._in(callee.returns_module, callee.returns)
            self._returns[key] = known
        return known

    def _in(self, module_name: str, annotation: ast.expr) -> Type:
        module = self._finder.module(module_name)
        return ANY if module is None else self._type(module, annotation)

    def _meaning(self, module: Module, path: tuple[str, ...]) -> Meaning:
        return meaning(self._finder.module, module, path)

    def _type(self, module: Module, node: ast.expr) -> Type:
        if self._depth > _MOST_NESTED:
            return ANY
        self._depth += 1
        try:
            return self._read_type(module, node)
        finally:
            self._depth -= 1

    def _read_type(self, module: Module, node: ast.expr) -> Type:
        match node:
            case ast.Constant(value=None):
                return NONE
            case ast.Constant(value=str(text)):
                return self._quoted(module, text)
            case ast.BinOp(left, ast.BitOr(), right):
                return union((self._type(module, left), self._type(module, right)))
            case ast.Name() | ast.Attribute():
                return self._name(module, dotted(node))
            case ast.Subscript(value, slice):
                items = slice.elts if isinstance(slice, ast.Tuple) else [slice]
                return self._generic(module, dotted(value), items)
        return ANY

    def _quoted(self, module: Module, text: str) -> Type:
        try:
            return self._type(module, ast.parse(text.strip(), mode="eval").body)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ANY

    def _name(self, module: Module, path: tuple[str, ...]) -> Type:
        match self._meaning(module, path) if path else None:
            case Known(origin, name):
                return _standard(origin, name)
            case Defined(owner, name, binding, ()):
                key = (owner.name, name)
                if key not in self._named:
                    self._named[key] = ANY  # an alias that leads back to itself
                    self._named[key] = self._defined(owner, name, binding)
                return self._named[key]
        return ANY

    def _defined(self, module: Module, name: str, binding: object) -> Type:
        match binding:
            case ast.ClassDef():
                return class_type(self._reading, module, binding)
            case Assigned(ast.Call(func, arguments, keywords)):
                return self._made(module, name, func, arguments, keywords)
            case Assigned(value):
                return self._type(module, value)
        return ANY

    def _made(
        self, module: Module, name: str, func: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]
    ) -> Type:
        """`NewType("Region", str)`, `TypedDict("Row", {…})`, `NamedTuple("Point", […])`, `Enum("Colour", "RED")`."""
        found = self._meaning(module, dotted(func)) if dotted(func) else None
        match found, arguments:
            case Known(name="NewType"), [_, base]:
                return self._type(module, base)
            case Known(name="TypedDict"), [_, ast.Dict(keys, values)]:
                total = not any(k.arg == "total" and _is_false(k.value) for k in keywords)
                fields: dict[str, Field] = {}
                for key, value in zip(keys, values, strict=True):
                    if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
                        return ANY
                    wrapper = dotted(value.value)[-1:] if isinstance(value, ast.Subscript) else ()
                    required = wrapper == ("Required",) or (total and wrapper != ("NotRequired",))
                    fields[key.value] = Field(self._type(module, value), required)
                return record(name, fields)
            case Known(name="NamedTuple"), [_, ast.List(pairs)]:
                named: list[str] = []
                items: list[Type] = []
                for pair in pairs:
                    match pair:
                        case ast.Tuple([ast.Constant(value=str(field)), annotation]):
                            named.append(field)
                            items.append(self._type(module, annotation))
                        case _:
                            return ANY
                return TupleType(tuple(items), name, tuple(named))
        return ANY

    def _generic(self, module: Module, path: tuple[str, ...], items: list[ast.expr]) -> Type:
        match self._meaning(module, path) if path else None:
            case Known("typing" | "typing_extensions", "Literal"):
                return union(self._literals(module, items))
            case Known("typing" | "typing_extensions", "Optional"):
                return optional(self._type(module, items[0]))
            case Known("typing" | "typing_extensions", "Union"):
                return union(self._type(module, item) for item in items)
            case Known("typing" | "typing_extensions", name) if name in _WRAPPERS:
                return self._type(module, items[0])
            case Known(origin, name) if origin in _STANDARD and name in _LISTS:
                return self._list(module, _LISTS[name], items)
            case Known(origin, name) if origin in _STANDARD and name in _DICTS and len(items) == 2:
                return DictType(self._type(module, items[0]), self._type(module, items[1]))
            case Known(origin, "Counter") if origin in _STANDARD:
                return DictType(self._type(module, items[0]), PlainType(Kind.INT))
            case Defined(rest=()):
                return self._name(module, path)
        return ANY

    def _list(self, module: Module, name: str, items: list[ast.expr]) -> Type:
        if name == "tuple":
            match items:
                case [item, ast.Constant(value=value)] if value is ...:
                    return ListType(self._type(module, item), name)
                case [ast.Tuple([])]:
                    return TupleType((), name)
            return TupleType(tuple(self._type(module, item) for item in items), name)
        return ListType(self._type(module, items[0]), name)

    def _literals(self, module: Module, items: Iterable[ast.expr]) -> Iterable[Type]:
        for item in items:
            match item:
                case ast.Constant(value=value):
                    yield literal(value) if not isinstance(value, bytes) else PlainType(Kind.BYTES)
                case ast.UnaryOp(ast.USub(), ast.Constant(value=int(number))):
                    yield literal(-number)
                case ast.Attribute(value, attr):
                    enum = self._name(module, dotted(value))
                    yield enum_member(enum, attr) if isinstance(enum, EnumType) else ANY
                case _:
                    yield self._type(module, item)


def _standard(module: str, name: str) -> Type:
    kind = _PLAIN.get((module.replace("typing_extensions", "typing"), name))
    if kind is not None:
        return PlainType(kind)
    if module in _STANDARD:
        if name in _LISTS:
            return ListType(ANY, _LISTS[name])
        if name in _DICTS:
            return DictType(ANY, ANY)
        if name in {"NoReturn", "Never"}:
            return NONE
    return NONE if (module, name) == ("types", "NoneType") else ANY


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
