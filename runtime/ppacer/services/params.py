"""The parameters of a run, from what a trigger gives: each of its declared type.

Whoever triggers gives JSON (the API), texts (the command line) or values (a task that asks for a run). What JSON lacks
may be given as text: a date as `"2026-01-31"`, a date with a time as `"2026-01-31T02:15"` (in the dag's zone unless it
has an offset), a duration as `"1h30m"` or as a number of seconds; or in the tagged form in which the API shows it. In a
run a date with a time is always aware, in the dag's zone, as `run.scheduled_at` is.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from ppacer import spec
from ppacer.core import codec
from ppacer.core.durations import duration_of
from ppacer.core.evaluate import EvaluationError, Scope, evaluate
from ppacer.core.instants import from_local, to_datetime, zone
from ppacer.core.operators import text as words
from ppacer.services.errors import InvalidTrigger

_MOST_SHOWN: Final = 60
_NOTHING: Final = Scope()
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def params_json(dag: spec.Dag, given: Mapping[str, object], scope: Scope = _NOTHING) -> str:
    """The JSON of a run's parameters: those given, else the defaults, which are worked out in `scope`.

    Raises `InvalidTrigger`, whose field is the parameter at fault: `params.day`, `params.days[2]`.
    """
    declared = {param.name: param for param in dag.params}
    for name in given:
        if name not in declared:
            has = f"it has {', '.join(declared)}" if declared else "it has none"
            raise InvalidTrigger(f"dag {dag.id} has no parameter {name}; {has}", f"params.{name}")
    tz = zone(dag.timezone)
    values = {name: _value(dag, param, given, scope, tz) for name, param in declared.items()}
    return codec.encode(values)


def _value(dag: spec.Dag, param: spec.Param, given: Mapping[str, object], scope: Scope, tz: tzinfo) -> object:
    field = f"params.{param.name}"
    what = f"parameter {param.name} of dag {dag.id}"
    if param.name in given:
        value = given[param.name]
    elif param.default is None:
        raise InvalidTrigger(f"dag {dag.id} needs a value for its parameter {param.name}", field)
    else:
        what = f"the default of {what}"
        try:
            value = evaluate(param.default, scope)
        except EvaluationError as error:
            raise InvalidTrigger(f"{what}: {error.message}", field) from error
    try:
        found = _fitted(value, param.type, tz)
        codec.encode({param.name: found})
    except _Misfit as misfit:
        part = f"element {misfit.part} of " if misfit.part else ""
        raise InvalidTrigger(f"{part}{what} takes {misfit.wanted}, not {misfit.shown}", field + misfit.part) from None
    except codec.CodecError as error:
        raise InvalidTrigger(f"{what} has no JSON: {error}", field) from error
    return found


class _Misfit(Exception):
    """A value of another type than was declared; `part` is the place in a list, such as `[2]`."""

    def __init__(self, wanted: str, value: object, part: str = "") -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.value = value
        self.part = part

    @property
    def shown(self) -> str:
        """The value as JSON, cut where it is long."""
        if self.value is None:
            return "none"
        text = words(self.value) if isinstance(self.value, dict | list | tuple) else json.dumps(self.value, default=str)
        return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _fitted(value: object, wanted: spec.ParamType, tz: tzinfo) -> object:
    """The value as one of the type. Raises `_Misfit`."""
    if value is None and wanted.optional:
        return None
    if wanted.kind is spec.ParamKind.JSON:
        return value
    if wanted.kind is spec.ParamKind.LIST:
        return _list(value, wanted, tz)
    found = _one(_untagged(value), wanted, tz)
    if found is None:
        raise _Misfit(_words(wanted), value)
    return found


def _list(value: object, wanted: spec.ParamType, tz: tzinfo) -> list[object]:
    if not isinstance(value, list | tuple):
        raise _Misfit(_words(wanted), value)
    of = wanted.of or spec.ParamType(spec.ParamKind.JSON)
    made: list[object] = []
    for index, item in enumerate(value):
        try:
            made.append(_fitted(item, of, tz))
        except _Misfit as misfit:
            raise _Misfit(misfit.wanted, misfit.value, f"[{index}]{misfit.part}") from None
    return made


def _one(value: object, wanted: spec.ParamType, tz: tzinfo) -> object:
    """The value as one of a type that is no list, or none where it is not."""
    match wanted.kind, value:
        case spec.ParamKind.STR, str():
            return value
        case spec.ParamKind.CHOICE, str() if value in wanted.choices:
            return value
        case (spec.ParamKind.BOOL, bool()) | (spec.ParamKind.DURATION, timedelta()):
            return value
        case (_, bool()):
            return None
        case spec.ParamKind.INT, int():
            return value
        case spec.ParamKind.FLOAT, int() | float():
            return _finite(value)
        case spec.ParamKind.DURATION, int() | float() | str():
            return _duration(value)
        case spec.ParamKind.DATE, date() | str():
            return _date(value)
        case spec.ParamKind.DATETIME, datetime() | str():
            return _datetime(value, tz)
        case _:
            return None


def _finite(value: float) -> float | None:
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _duration(value: float | str) -> timedelta | None:
    try:
        return duration_of(value) if isinstance(value, str) else timedelta(seconds=value)
    except (ValueError, OverflowError):
        return None


def _date(value: date | str) -> date | None:
    if isinstance(value, date):
        return None if isinstance(value, datetime) else value
    try:
        return date.fromisoformat(value) if _DATE.fullmatch(value) else None
    except ValueError:
        return None


def _datetime(value: datetime | str, tz: tzinfo) -> datetime | None:
    """In the dag's zone, by the rules of `from_local` where a time has no offset and the clocks change."""
    try:
        if isinstance(value, datetime):
            moment = value
        elif _DATETIME.fullmatch(value):
            moment = datetime.fromisoformat(value)
        else:
            return None
        return moment.astimezone(tz) if moment.tzinfo is not None else to_datetime(from_local(moment, tz), tz)
    except (ValueError, OverflowError):
        return None


def _untagged(value: object) -> object:
    """What a value in the codec's tagged form stands for; anything else as it is."""
    if isinstance(value, dict) and value.keys() == {codec.TAG, "v"}:
        try:
            return codec.decode(json.dumps(value))
        except (codec.CodecError, TypeError):
            return value
    return value


def _words(wanted: spec.ParamType) -> str:
    choice = wanted.kind is spec.ParamKind.CHOICE
    words = f"one of {', '.join(wanted.choices)}" if choice else _WORDS[wanted.kind]
    return f"{words} or none" if wanted.optional else words


_WORDS: Final[Mapping[spec.ParamKind, str]] = {
    spec.ParamKind.STR: "a text",
    spec.ParamKind.INT: "a whole number",
    spec.ParamKind.FLOAT: "a number",
    spec.ParamKind.BOOL: "true or false",
    spec.ParamKind.DATE: "a date such as 2026-01-31",
    spec.ParamKind.DATETIME: "a date with a time such as 2026-01-31T02:15",
    spec.ParamKind.DURATION: "a duration such as 1h30m or a number of seconds",
    spec.ParamKind.LIST: "a list",
}
