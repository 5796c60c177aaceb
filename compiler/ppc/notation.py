"""Spec values in the language's own notation, as somebody would write them in a `.ppd` file."""

from __future__ import annotations

from ppacer import spec
from ppacer.core.notation import duration_text, escaped, expression_text, string_text, value_text
from ppc.callables import BUILT_IN_TASKS
from ppc.types import SIZES

__all__ = [
    "call_text",
    "callable_text",
    "duration_text",
    "expression_text",
    "handler_text",
    "schedule_text",
    "shown_text",
    "size_text",
    "string_text",
    "type_text",
    "value_text",
]


def shown_text(text: str) -> str:
    """The text with what a terminal or a picture would not show, or would take for more, escaped."""
    return text if text.isprintable() else "".join(c if c.isprintable() else escaped(c) for c in text)


def size_text(size: int) -> str:
    """A number of bytes in the unit that makes it shortest: `"512MB"`, `"1536MiB"`."""
    unit = min((unit for unit in SIZES if size % SIZES[unit] == 0), key=lambda unit: size // SIZES[unit])
    return f'"{size // SIZES[unit]}{unit}"'


def schedule_text(schedule: spec.Schedule) -> str:
    match schedule:
        case spec.Cron(expression):
            return f"cron({string_text(expression)})"
        case spec.Every(interval, _, anchor):
            return f"every({duration_text(interval)}{'' if anchor is None else f', anchor = {value_text(anchor)}'})"
        case spec.CustomSchedule(callable_id):
            return callable_text(callable_id)


def callable_text(callable_id: str) -> str:
    """`shop.etl.extract`; a built-in task by its own name."""
    return _BUILT_IN.get(callable_id) or callable_id.replace(":", ".")


_BUILT_IN = {callable_id: name for name, callable_id in BUILT_IN_TASKS.items()}


def call_text(callable_id: str, args: tuple[spec.Expr, ...], kwargs: tuple[tuple[str, spec.Expr], ...]) -> str:
    """`shop.etl.extract("eu", full = params.full)`."""
    arguments = [expression_text(value) for value in args]
    arguments += [f"{name} = {expression_text(value)}" for name, value in kwargs]
    return f"{callable_text(callable_id)}({', '.join(arguments)})"


def handler_text(kind: spec.HandlerKind) -> str:
    """`on success`, `on failure`, `finally`."""
    return "finally" if kind is spec.HandlerKind.FINALLY else f"on {kind}"


def type_text(type_: spec.ParamType) -> str:
    """`str`, `list[int]`, `choice("a", "b")?`."""
    text = str(type_.kind)
    if type_.of is not None:
        text += f"[{type_text(type_.of)}]"
    if type_.choices:
        text += f"({', '.join(string_text(choice) for choice in type_.choices)})"
    return f"{text}?" if type_.optional else text
