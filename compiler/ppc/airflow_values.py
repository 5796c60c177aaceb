"""What can be known of a Python file of Airflow without running it: constants, and templates of Jinja in texts."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from ppacer.core.instants import UnknownZoneError, zone
from ppacer.core.notation import string_text, value_text
from ppacer.records import dataclass
from ppc.translation import format_literal

Constant: TypeAlias = "str | int | float | bool | timedelta | Moment | list[Constant] | dict[str, Constant] | None"
_OF_UTC: Final = frozenset({"timezone", "datetime.timezone", "dt.timezone", "pendulum", "datetime", "pytz"})
_OF_TEXTS: Final = frozenset({"lower", "upper", "strip", "title", "replace", "join", "format"})
_OF_DICTS: Final = frozenset({"items", "keys", "values"})
_TIMEDELTA: Final = frozenset({"days", "seconds", "microseconds", "milliseconds", "minutes", "hours", "weeks"})
MOST_ROUNDS: Final = 1_000
"""A loop over more is not written out."""

UNKNOWN: Final = object()
"""What only running the file would tell."""

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
    """The value of an expression; `names` are the constants of the file so far. Raises `UnknownError`, also for what
    Python itself could not work out."""
    try:
        return _value(node, names)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise UnknownError(node, f"{short(node)}: {error}") from error


def _value(node: ast.expr, names: Mapping[str, object]) -> Constant:
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in names and is_constant(names[name]):
            return names[name]  # type: ignore[return-value]
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return [constant(each, names) for each in elements]
        case ast.Dict(keys=keys, values=values):
            return dict(_pairs(keys, values, names))
        case ast.JoinedStr(values=parts):
            return "".join(_formatted(part, names) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not constant(operand, names)
        case ast.BoolOp(op=operator, values=values):
            found: Constant = None
            for each in values:
                found = constant(each, names)
                if bool(found) is isinstance(operator, ast.Or):
                    break
            return found
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            return _compared(node, constant(left, names), operator, constant(right, names))
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return constant(body if constant(test, names) else otherwise, names)
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
        case ast.Attribute(value=of, attr="utc" | "UTC") if ast.unparse(of) in _OF_UTC:
            return "UTC"
        case ast.Subscript(value=of, slice=key):
            found, at = constant(of, names), constant(key, names)
            if isinstance(found, dict) and isinstance(at, str) and at in found:
                return found[at]
            if isinstance(found, list) and isinstance(at, int) and -len(found) <= at < len(found):
                return found[at]
    raise UnknownError(node, f"what {short(node)} is")


def is_constant(value: object) -> bool:
    """Whether it is a value of the file itself, not a task or what only running the file would tell."""
    if isinstance(value, list | dict):
        return all(is_constant(each) for each in (value.values() if isinstance(value, dict) else value))
    return value is None or isinstance(value, str | int | float | timedelta | Moment)


def _pairs(
    keys: list[ast.expr | None], values: list[ast.expr], names: Mapping[str, object]
) -> Iterator[tuple[str, Constant]]:
    for key, value in zip(keys, values, strict=True):
        if key is None:
            inner = constant(value, names)
            if not isinstance(inner, dict):
                raise UnknownError(value, f"what {short(value)} is")
            yield from inner.items()
        else:
            yield str(constant(key, names)), constant(value, names)


def _formatted(part: ast.expr, names: Mapping[str, object]) -> str:
    if isinstance(part, ast.FormattedValue):
        value = constant(part.value, names)
        if part.format_spec is not None or part.conversion != -1 or not isinstance(value, str | int):
            raise UnknownError(part, f"what {short(part.value)} is as a text")
        return str(value)
    return str(constant(part, names))


def _joined(node: ast.expr, left: Constant, operator: ast.operator, right: Constant) -> Constant:
    match left, operator, right:
        case (str(), ast.Add(), str()):
            return left + right
        case (str(), ast.Mod(), str() | int()) if re.fullmatch(r"[^%]*%[sd][^%]*", left):
            return left % right
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
    raise UnknownError(node, f"what {short(node)} is")


def _compared(node: ast.expr, left: Constant, operator: ast.cmpop, right: Constant) -> bool:
    match operator:
        case ast.Eq() | ast.Is():
            return left == right
        case ast.NotEq() | ast.IsNot():
            return left != right
        case ast.In() | ast.NotIn() if isinstance(right, list):
            return (left in right) is isinstance(operator, ast.In)
        case ast.In() | ast.NotIn() if isinstance(left, str) and isinstance(right, str | dict):
            return (str(left) in right) is isinstance(operator, ast.In)
        case ast.Lt() | ast.LtE() | ast.Gt() | ast.GtE() if isinstance(left, int) and isinstance(right, int):
            less, more = left < right, left > right
            return {ast.Lt: less, ast.LtE: not more, ast.Gt: more, ast.GtE: not less}[type(operator)]
    raise UnknownError(node, f"what {short(node)} is")


def _made(node: ast.Call, names: Mapping[str, object]) -> Constant:
    called = ast.unparse(node.func)
    if isinstance(node.func, ast.Attribute) and node.func.attr in _OF_TEXTS | _OF_DICTS and not node.keywords:
        return _method(node, node.func, names)
    if called == "len" and len(node.args) == 1 and isinstance(node.args[0], ast.Name):
        found = names.get(node.args[0].id)  # what it has in it need not be constant
        if isinstance(found, list | dict):
            return len(found)
    given = [constant(each, names) for each in node.args]
    named = {each.arg: constant(each.value, names) for each in node.keywords if each.arg is not None}
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
        case "range" if not named and len(numbers := range(*given)) <= MOST_ROUNDS:  # type: ignore[arg-type]
            return list(numbers)
        case "enumerate" if len(given) == 1 and isinstance(given[0], list) and not named:
            return [[number, each] for number, each in enumerate(given[0])]
        case "zip" if not named and all(isinstance(each, list) for each in given):
            return [list(each) for each in zip(*given, strict=False)]
        case "str" if len(given) == 1 and isinstance(given[0], str | int):
            return str(given[0])
        case "list" | "tuple" if len(given) == 1 and isinstance(given[0], list):
            return given[0]
        case "dedent" if len(given) == 1 and isinstance(given[0], str):
            return textwrap.dedent(given[0])
    raise UnknownError(node, f"what {short(node)} is")


def _method(node: ast.Call, method: ast.Attribute, names: Mapping[str, object]) -> Constant:
    """What a method of a text or a dict gives, of those that are safe to call."""
    of, given = constant(method.value, names), [constant(each, names) for each in node.args]
    if isinstance(of, dict) and not given:
        match method.attr:
            case "items":
                return [[key, value] for key, value in of.items()]
            case "keys":
                return list(of)
            case "values":
                return list(of.values())
    texts = [each for each in given if isinstance(each, str)]
    if isinstance(of, str) and len(texts) == len(given):
        match method.attr, texts:
            case "lower" | "upper" | "strip" | "title", []:
                return str(getattr(of, method.attr)())
            case "replace", [old, new]:
                return of.replace(old, new)
    if isinstance(of, str) and method.attr == "join" and len(given) == 1 and isinstance(given[0], list):
        return of.join(map(str, given[0]))
    if isinstance(of, str) and method.attr == "format" and not re.search(r"\{[^}]+\}", of):
        return of.format(*given)
    raise UnknownError(node, f"what {short(node)} is")


def _zone(node: ast.expr, name: str | None) -> str | None:
    if name is not None:
        try:
            zone(name)
        except UnknownZoneError as error:
            raise UnknownError(node, str(error)) from error
    return name


def short(node: ast.AST) -> str:
    """An expression as somebody would quote it."""
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
