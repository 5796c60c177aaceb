"""Spec values in the language's own notation, as somebody would write them in a `.ppd` file: constants and expressions.

The rest of the notation is the compiler's.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum
from typing import Final

from ppacer import spec

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNITS: Final = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
)
_BINDING: Final = {
    spec.BinaryOperator.OR: 1,
    spec.BinaryOperator.AND: 2,
    spec.BinaryOperator.ADD: 5,
    spec.BinaryOperator.SUBTRACT: 5,
    spec.BinaryOperator.MULTIPLY: 6,
    spec.BinaryOperator.DIVIDE: 6,
    spec.BinaryOperator.MODULO: 6,
}
"""How tightly an operator binds; the others are comparisons, which do not chain."""
_NOT, _COMPARISON, _MINUS, _ATOM = 3, 4, 7, 8


def expression_text(expr: spec.Expr) -> str:
    """The expression, with parentheses only where they are needed."""
    return _expression(expr)[0]


def value_text(value: object) -> str:
    """A constant, an enumeration's word, or a tuple of these as a list."""
    match value:
        case Enum():
            return str(value.value)
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case str():
            return string_text(value)
        case datetime():
            return value.isoformat(timespec="seconds" if value.second or value.microsecond else "minutes")
        case date():
            return value.isoformat()
        case timedelta():
            return duration_text(value)
        case tuple():
            return f"[{', '.join(value_text(item) for item in value)}]"
        case _:
            return str(value)


def string_text(text: str) -> str:
    """A string in double quotes; what a terminal would not show is escaped."""
    return f'"{"".join(_character(character) for character in text)}"'


def duration_text(duration: timedelta) -> str:
    """`1h30m`, `2d`, `500ms`; `0s` for none. What is less than a millisecond is left out."""
    text = "-" if duration < timedelta() else ""
    left = abs(duration)
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    return character if character.isprintable() else escaped(character)


def escaped(character: str) -> str:
    """A character as an escape of the language."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _expression(expr: spec.Expr) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match expr:
        case spec.Literal(value):
            negative = isinstance(value, int | float | timedelta) and value_text(value).startswith("-")
            return value_text(value), _MINUS if negative else _ATOM
        case spec.ListOf(items):
            return f"[{', '.join(expression_text(item) for item in items)}]", _ATOM
        case spec.Concat(items):
            return " + ".join(_within(item, _BINDING[spec.BinaryOperator.ADD]) for item in items), 5
        case spec.DictOf(pairs):
            return "{" + ", ".join(f"{expression_text(k)}: {expression_text(v)}" for k, v in pairs) + "}", _ATOM
        case spec.Unary(operator, operand):
            if operator is spec.UnaryOperator.NOT:
                return f"not {_within(operand, _NOT)}", _NOT
            return f"-{_within(operand, _MINUS)}", _MINUS
        case spec.Binary(operator, left, right):
            binding = _BINDING.get(operator, _COMPARISON)
            loose = binding + (binding == _COMPARISON)
            return f"{_within(left, loose)} {operator} {_within(right, binding + 1)}", binding
        case spec.FormatString(parts):
            return f'f"{"".join(_format_part(part) for part in parts)}"', _ATOM
        case _:
            return _name(expr), _ATOM


def _within(expr: spec.Expr, binding: int) -> str:
    """The text, in parentheses if it binds less than `binding`."""
    text, own = _expression(expr)
    return text if own >= binding else f"({text})"


def _name(expr: spec.Expr) -> str:
    match expr:
        case spec.RunValue(field):
            return f"run.{field}"
        case spec.TaskValue(field):
            return f"task.{field}"
        case spec.ParamValue(name):
            return f"params.{name}"
        case spec.LoopVariable(name):
            return name
        case spec.Output(task):
            return task
        case spec.Outputs(task):
            return f"{task}[*]"
        case spec.OutputAt(task):
            return f"{task}[…]"
        case spec.Attribute(of, name):
            return f"{_within(of, _ATOM)}.{name}"
        case spec.Item(of, key):
            return f"{_within(of, _ATOM)}[{expression_text(key)}]"
        case spec.Env(name, _, default):
            return f"env({string_text(name)}{'' if default is None else f', {expression_text(default)}'})"
        case spec.Secret(name):
            return f"secret({string_text(name)})"
        case _:
            raise TypeError(f"no notation for {type(expr).__name__}")


def _format_part(part: str | spec.FormatField) -> str:
    if isinstance(part, str):
        return string_text(part)[1:-1].replace("{", "{{").replace("}", "}}")
    return "{" + expression_text(part.value) + (f":{part.format}" if part.format else "") + "}"
