"""Writes spec values as Python source: the text a person would type, laid out as `ruff format` would leave it.

What fits on a line stays on it, anything else stands one item a line with a trailing comma; fields that have their
default are left out; a long text becomes one string a line. Nothing here recurses over a value, and what is nested too
deep for Python's own parser is taken out into a constant of its own, so that neither depth nor size of a program is
limited. The work is linear in the size of the value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from math import isfinite
from typing import NamedTuple, TypeAlias

from ppacer import spec
from ppacer.records import MISSING, fields

LINE_LENGTH = 120
SPEC_ALIAS = "s"
"""The name under which the text expects the module `ppacer.spec`."""


class Literals:
    """Turns values into assignments, one text of lines each.

    `imports` collects what the texts need beside the spec: module → names. `reuse` gives a value written before a name,
    by which later texts refer to it.
    """

    def __init__(self) -> None:
        self.imports: dict[str, set[str]] = {}
        self._named: dict[int, str] = {}
        self._kept: list[object] = []
        self._constants = 0

    def reuse(self, value: object, name: str) -> None:
        self._named[id(value)] = name
        self._kept.append(value)  # an id is only unique while its object lives

    def assignment(self, name: str, value: object) -> str:
        """`name = <value>`, preceded by the constants that it needs. Ends with a newline.

        Raises `TypeError` for a value that is neither a spec value nor one of the constants a spec may hold, and
        `ValueError` for a float that Python has no literal for.
        """
        constants: list[tuple[str, _Node]] = []
        root = self._tree(value, constants)
        lines: list[str] = []
        for constant, node in [*constants, (name, root)]:
            _lay_out(node, 0, f"{constant} = ", "", lines)
        lines.append("")
        return "\n".join(lines)

    def _tree(self, value: object, constants: list[tuple[str, _Node]]) -> _Node:
        """Children before parents, on an explicit stack: a visited entry carries the shape that its children fill."""
        work: list[tuple[object, _Shape | None]] = [(value, None)]
        done: list[_Node] = []
        while work:
            current, shape = work.pop()
            if shape is not None:
                first = len(done) - len(shape.children)
                children = [self._within_depth(node, constants) for node in done[first:]]
                del done[first:]
                done.append(_call(shape, children))
            elif (name := self._named.get(id(current))) is not None:
                done.append(name)
            elif (leaf := _leaf(current)) is not None:
                done.append(leaf)
            else:
                shape = self._shape(current)
                work.append((current, shape))
                work.extend((child, None) for child in reversed(shape.children))
        return done[0]

    def _within_depth(self, node: _Node, constants: list[tuple[str, _Node]]) -> _Node:
        if not isinstance(node, _Call) or node.height < _MAX_HEIGHT:
            return node
        self._constants += 1
        name = f"constant_{self._constants}"
        constants.append((name, node))
        return name

    def _shape(self, value: object) -> _Shape:
        if isinstance(value, tuple):
            return _Shape("(", ("",) * len(value), value)
        if type(value).__module__ == spec.__name__:
            return _spec_shape(value)
        if isinstance(value, timedelta):
            self._import("datetime", "timedelta")
            return _duration_shape(value)
        if isinstance(value, datetime) and value.tzinfo is None:
            self._import("datetime", "datetime")
            return _positional_shape("datetime(", _datetime_fields(value))
        if isinstance(value, date) and not isinstance(value, datetime):
            self._import("datetime", "date")
            return _positional_shape("date(", (value.year, value.month, value.day))
        if isinstance(value, Decimal):
            self._import("decimal", "Decimal")
            return _positional_shape("Decimal(", (str(value),))
        raise TypeError(f"a {type(value).__name__} cannot be written into a program")

    def _import(self, module: str, name: str) -> None:
        self.imports.setdefault(module, set()).add(name)


def quote(text: str) -> str:
    """`text` as one string literal: double quotes unless single ones need fewer escapes, odd characters escaped."""
    # With a double quote in it `repr` takes single quotes as its own, and escapes each one inside.
    body = repr(text + '"')[1:-2]
    if text.count('"') > text.count("'"):
        return f"'{body}'"
    body = _ESCAPE.sub(lambda match: "'" if match[1] == "'" else match[0], body)
    return '"' + body.replace('"', '\\"') + '"'


_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MAX_HEIGHT = 12
"""Brackets in brackets before a constant is made. Python's parser gives up at 200; a reader does sooner."""
_UNBROKEN = 44
"""Columns that are left at the deepest indent that this height allows, after the longest name of a field."""
_MIN_CHUNK = 24

# --- trees of text ---------------------------------------------------------------------------------------------------


class _Text(NamedTuple):
    """A string: broken into one literal a line where it does not fit. `flat` is none where it never fits."""

    value: str
    flat: str | None


class _Call(NamedTuple):
    """`opener`, labelled items, closing bracket: a call or a tuple."""

    opener: str
    labels: Sequence[str]
    children: Sequence[_Node]
    flat: str | None
    height: int


_Node: TypeAlias = str | _Text | _Call
"""A string is text that is never broken: it has no parts, or fits on a line wherever it stands."""


class _Shape(NamedTuple):
    """What a value's call will look like before its children are known."""

    opener: str
    labels: Sequence[str]
    children: Sequence[object]


def _leaf(value: object) -> str | _Text | None:
    if isinstance(value, spec.At):
        file = f", {value.file}" if value.file else ""
        return f"{SPEC_ALIAS}.At({value.line}, {value.column}{file})"
    if isinstance(value, Enum):
        return f"{SPEC_ALIAS}.{type(value).__name__}.{value.name}"
    if isinstance(value, str):
        flat = quote(value) if len(value) < LINE_LENGTH else None
        width = LINE_LENGTH + 1 if flat is None else _width(flat)
        return flat if flat is not None and width <= _UNBROKEN else _Text(value, flat if width <= LINE_LENGTH else None)
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} cannot be written into a program")
    if value is None or isinstance(value, bool | int | float):
        return repr(value)
    if value == ():
        return "()"
    return None


def _call(shape: _Shape, children: Sequence[_Node]) -> _Node:
    flat = _flat(shape, children)
    if flat is not None and _width(flat) <= _UNBROKEN:
        return flat
    height = 1 + max((child.height for child in children if isinstance(child, _Call)), default=0)
    return _Call(shape.opener, shape.labels, children, flat, height)


def _flat(shape: _Shape, children: Sequence[_Node]) -> str | None:
    """The call on one line, or none where that is too wide for any line."""
    width = len(shape.opener)
    items: list[str] = []
    for label, child in zip(shape.labels, children, strict=True):
        text = child if isinstance(child, str) else child.flat
        if text is None:
            return None
        width += len(label) + _width(text) + 2
        if width > LINE_LENGTH + 2:
            return None
        items.append(label + text)
    closer = ",)" if shape.opener == "(" and len(items) == 1 else ")"
    return f"{shape.opener}{', '.join(items)}{closer}"


def _lay_out(node: _Node, indent: int, lead: str, tail: str, lines: list[str]) -> None:
    """Appends the lines of `lead` + node + `tail`. Recursion ends with the height of a constant."""
    margin = " " * indent
    flat = node if isinstance(node, str) else node.flat
    room = LINE_LENGTH - indent - len(lead) - len(tail)
    if isinstance(node, str) or (flat is not None and _width(flat) <= room):
        lines.append(f"{margin}{lead}{flat}{tail}")
    elif isinstance(node, _Call):
        lines.append(f"{margin}{lead}{node.opener}")
        for label, child in zip(node.labels, node.children, strict=True):
            _lay_out(child, indent + 4, label, ",", lines)
        lines.append(f"{margin}){tail}")
    else:
        room = LINE_LENGTH - indent - 4
        literals = [flat] if flat is not None and _width(flat) <= room else _chunks(node.value, room)
        lines.append(f"{margin}{lead}(")
        lines.extend(f"{margin}    {literal}" for literal in literals)
        lines.append(f"{margin}){tail}")


def _chunks(text: str, room: int) -> Iterator[str]:
    """The string literals whose concatenation is `text`: one a line of the text, long lines in several."""
    for line in text.splitlines(keepends=True):
        literal = quote(line)
        if _width(literal) <= room:
            yield literal
            continue
        size = max(room // 10, _MIN_CHUNK)  # no character takes more than ten columns: "\U0001f600"
        part = ""
        for start in range(0, len(line), size):
            piece = line[start : start + size]
            if part and _width(quote(part + piece)) > room:
                yield quote(part)
                part = ""
            part += piece
        yield quote(part)


def _width(text: str) -> int:
    """Columns on a terminal: what formatters count."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


# --- shapes ----------------------------------------------------------------------------------------------------------

_NAMED = frozenset(
    {
        spec.Backoff,
        spec.Callable,
        spec.Code,
        spec.Dag,
        spec.FanOut,
        spec.Notifier,
        spec.Param,
        spec.Pool,
        spec.Program,
        spec.Source,
        spec.Task,
    }
)
"""Classes whose fields are all written by name; of the others only those that have a default."""


def _spec_shape(value: object) -> _Shape:
    cls: type = type(value)
    labels: list[str] = []
    children: list[object] = []
    for name, label, default in _fields(cls):
        child = getattr(value, name)
        if type(child) is not type(default) or child != default:
            labels.append(label)
            children.append(child)
    return _Shape(f"{SPEC_ALIAS}.{cls.__name__}(", labels, children)


@cache
def _fields(cls: type) -> tuple[tuple[str, str, object], ...]:
    """Name, label in a call and default (a value of no other type where there is none) of each field."""
    return tuple(
        (field.name, "" if field.default is MISSING and cls not in _NAMED else f"{field.name}=", field.default)
        for field in fields(cls)
    )


def _positional_shape(opener: str, arguments: Sequence[int | str]) -> _Shape:
    return _Shape(opener, ("",) * len(arguments), arguments)


def _datetime_fields(value: datetime) -> tuple[int, ...]:
    parts = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    return parts if value.microsecond else parts[:6] if value.second else parts[:5]


def _duration_shape(value: timedelta) -> _Shape:
    opener = "-timedelta(" if value < timedelta(0) else "timedelta("
    rest = abs(value)
    labels: list[str] = []
    amounts: list[int] = []
    for unit in ("days", "hours", "minutes", "seconds", "milliseconds", "microseconds"):
        amount, rest = divmod(rest, timedelta(**{unit: 1}))
        if amount:
            labels.append(f"{unit}=")
            amounts.append(amount)
    return _Shape(opener, labels, amounts) if labels else _Shape(opener, ("",), (0,))
