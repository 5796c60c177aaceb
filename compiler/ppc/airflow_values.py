"""What can be known of a Python file of Airflow without running it: constants, and templates of Jinja in texts."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from ppacer.core.instants import UnknownZoneError, zone
from ppacer.core.notation import string_text, value_text
from ppacer.records import dataclass
from ppc.translation import format_literal

Constant: TypeAlias = "str | int | float | bool | timedelta | Moment | list[Constant] | dict[str, Constant] | None"
_TIMEDELTA: Final = frozenset({"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"})
_TEMPLATE: Final = re.compile(r"\{\{(.*?)\}\}|\{[%#].*?[%#]\}", re.DOTALL)
_PLAIN: Final = {
    "ds": "run.date",
    "ds_nodash": "run.date:%Y%m%d",
    "ts": "run.scheduled_at",
    "yesterday_ds": "run.date - 1d",
    "tomorrow_ds": "run.date + 1d",
    "run_id": "run.id",
    "dag.dag_id": "run.dag",
    "task.task_id": "task.id",
    "ti.task_id": "task.id",
    "task_instance.task_id": "task.id",
    "ti.try_number": "task.attempt",
    "task_instance.try_number": "task.attempt",
}
_DATED: Final = frozenset({"ds", "ds_nodash", "ts", "yesterday_ds", "tomorrow_ds"})
_PULL: Final = re.compile(
    r"(?:ti|task_instance)\.xcom_pull\(\s*(?:task_ids\s*=\s*)?(?:\[\s*)?(['\"])([\w.-]+)\1(?:\s*\])?"
    r"(?:,\s*key\s*=\s*(['\"])return_value\3)?\s*\)"
)
_PARAM: Final = re.compile(r"params(?:\.(\w+)|\[\s*['\"](\w+)['\"]\s*\])")
_MOVED: Final = re.compile(r"macros\.ds_add\(\s*ds\s*,\s*(-?\d+)\s*\)")
_FORMATTED: Final = re.compile(r"(?:logical_date|execution_date)\.strftime\(\s*(['\"])([^'\"{}]*)\1\s*\)")


class UnknownError(Exception):
    """What only running the file would tell. The message says what it is."""

    def __init__(self, node: ast.AST, message: str) -> None:
        super().__init__(message)
        self.line: int = getattr(node, "lineno", 1)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date and time of the file, with the zone that it names."""

    at: datetime
    zone: str | None


def constant(node: ast.expr, names: Mapping[str, object]) -> Constant:
    """The value of an expression; `names` are the constants of the file so far. Raises `UnknownError`."""
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in names and _is_constant(names[name]):
            return names[name]  # type: ignore[return-value]
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [constant(each, names) for each in elements]
        case ast.Dict(keys=keys, values=values):
            return dict(_pairs(keys, values, names))
        case ast.JoinedStr(values=parts):
            return "".join(_formatted(part, names) for part in parts)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            negated = constant(operand, names)
            if isinstance(negated, int | float | timedelta):
                return -negated
        case ast.BinOp(left=left, op=operator, right=right):
            return _joined(node, constant(left, names), operator, constant(right, names))
        case ast.Call():
            return _made(node, names)
        case ast.Attribute(attr=name) if ast.unparse(node).startswith("TriggerRule."):
            return name.lower()
        case ast.Subscript(value=of, slice=key):
            found, at = constant(of, names), constant(key, names)
            if isinstance(found, dict) and isinstance(at, str) and at in found:
                return found[at]
    raise UnknownError(node, f"what {_short(node)} is")


def _is_constant(value: object) -> bool:
    if isinstance(value, list):
        return all(_is_constant(each) for each in value)
    return value is None or isinstance(value, str | int | float | timedelta | Moment | dict)


def _pairs(
    keys: list[ast.expr | None], values: list[ast.expr], names: Mapping[str, object]
) -> Iterator[tuple[str, Constant]]:
    for key, value in zip(keys, values, strict=True):
        if key is None:
            inner = constant(value, names)
            if not isinstance(inner, dict):
                raise UnknownError(value, f"what {_short(value)} is")
            yield from inner.items()
        else:
            yield str(constant(key, names)), constant(value, names)


def _formatted(part: ast.expr, names: Mapping[str, object]) -> str:
    if isinstance(part, ast.FormattedValue):
        value = constant(part.value, names)
        if part.format_spec is not None or part.conversion != -1 or not isinstance(value, str | int):
            raise UnknownError(part, f"what {_short(part.value)} is as a text")
        return str(value)
    return str(constant(part, names))


def _joined(node: ast.expr, left: Constant, operator: ast.operator, right: Constant) -> Constant:
    match left, operator, right:
        case (str(), ast.Add(), str()):
            return left + right
        case (list(), ast.Add(), list()):
            return [*left, *right]
        case (dict(), ast.BitOr(), dict()):
            return {**left, **right}
        case (int() | float(), ast.Add() | ast.Sub() | ast.Mult(), int() | float()):
            whole: dict[type[ast.operator], Callable[[float, float], float]] = {
                ast.Add: lambda a, b: a + b,
                ast.Sub: lambda a, b: a - b,
                ast.Mult: lambda a, b: a * b,
            }
            return whole[type(operator)](left, right)
    raise UnknownError(node, f"what {_short(node)} is")


def _made(node: ast.Call, names: Mapping[str, object]) -> Constant:
    called = ast.unparse(node.func)
    given = [constant(each, names) for each in node.args]
    named = {each.arg: constant(each.value, names) for each in node.keywords if each.arg is not None}
    try:
        match called.rpartition(".")[2]:
            case "timedelta" | "duration" if set(named) <= _TIMEDELTA:
                return timedelta(*given, **named)  # type: ignore[arg-type]
            case "datetime" | "DateTime" | "date" if all(isinstance(each, int) for each in given) and given:
                place = named.pop("tz", named.pop("tzinfo", None))
                if not named and (place is None or isinstance(place, str)):
                    return Moment(datetime(*given), _zone(node, place))  # type: ignore[arg-type]  # noqa: DTZ001
            case "timezone" | "ZoneInfo" | "Timezone" if len(given) == 1 and isinstance(given[0], str):
                return given[0]
            case "dict" if not given:
                return named
    except (TypeError, ValueError, OverflowError) as error:
        raise UnknownError(node, f"{_short(node)}: {error}") from error
    raise UnknownError(node, f"what {_short(node)} is")


def _zone(node: ast.expr, name: str | None) -> str | None:
    if name is not None:
        try:
            zone(name)
        except UnknownZoneError as error:
            raise UnknownError(node, str(error)) from error
    return name


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def moment_text(moment: Moment) -> str:
    """A date where it is midnight, else a date with the time."""
    at = moment.at.replace(microsecond=0)
    return value_text(date(at.year, at.month, at.day) if at.time() == datetime.min.time() else at)


def literal(value: Constant) -> str:
    """A constant in the language. Raises `ValueError` where there is none for it."""
    match value:
        case None | bool() | int() | float() | str() | timedelta():
            return value_text(value)
        case Moment():
            return moment_text(value)
        case list():
            return f"[{', '.join(map(literal, value))}]"
        case dict():
            return "{" + ", ".join(f"{string_text(key)}: {literal(each)}" for key, each in value.items()) + "}"
    raise ValueError(value)


# --- templates -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Templates:
    """Texts with Jinja's templates as f-strings. `params` and `tasks` are the names that may be read, and what they are
    here; `dated` says that some text read the date of the run."""

    params: Mapping[str, str]
    tasks: Mapping[str, str]
    dated: bool = False

    def text(self, text: str) -> str:
        """The text as an expression. Raises `ValueError` with the template that has no equal."""
        return format_literal(list(self._pieces(text)))

    def command(self, text: str, before: str = "", after: str = "") -> str:
        """The text of a command as an expression, with what stands around it. What is put in is quoted by `shell`;
        between quotes, these end before it and begin anew after it. Raises `ValueError` as above."""
        found: list[str | tuple[str]] = [before] if before else []
        quote = ""
        for piece in self._pieces(text):
            if isinstance(piece, str):
                quote = _quote_after(piece, quote)
                found.append(piece)
            elif quote:
                found += [quote, piece, quote]
            else:
                found.append(piece)
        return format_literal([*found, after] if after else found)

    def _pieces(self, text: str) -> Iterator[str | tuple[str]]:
        end = 0
        for match in _TEMPLATE.finditer(text):
            if text[end : match.start()]:
                yield text[end : match.start()]
            yield (self._expression(match[0], (match[1] or "").strip()),)
            end = match.end()
        if text[end:] or not text:
            yield text[end:]

    def _expression(self, whole: str, inside: str) -> str:
        if inside in _PLAIN:
            self.dated = self.dated or inside in _DATED
            return _PLAIN[inside]
        if (match := _PARAM.fullmatch(inside)) and (match[1] or match[2]) in self.params:
            return f"params.{self.params[match[1] or match[2]]}"
        if (match := _PULL.fullmatch(inside)) and match[2] in self.tasks:
            return self.tasks[match[2]]
        if match := _MOVED.fullmatch(inside):
            self.dated = True
            days = int(match[1])
            return f"run.date {'-' if days < 0 else '+'} {abs(days)}d"
        if match := _FORMATTED.fullmatch(inside):
            self.dated = True
            return f"run.scheduled_at:{match[2]}"
        raise ValueError(whole)


def _quote_after(text: str, quote: str) -> str:
    """The quotes that a shell is within after the text."""
    at = 0
    while at < len(text):
        if text[at] == "\\" and quote != "'":
            at += 1
        elif quote == text[at]:
            quote = ""
        elif not quote and text[at] in "'\"":
            quote = text[at]
        at += 1
    return quote
