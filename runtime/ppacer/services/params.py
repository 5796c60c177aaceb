"""The parameters of a run, from what a trigger gives: each of its declared type."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

from ppacer import spec
from ppacer.core import codec
from ppacer.core.evaluate import EvaluationError, Scope, evaluate
from ppacer.services.errors import InvalidTrigger

_MOST_SHOWN: Final = 60


def params_json(dag: spec.Dag, given: Mapping[str, object]) -> str:
    """The JSON of a run's parameters: those given over the defaults. Raises `InvalidTrigger`."""
    declared = {param.name: param for param in dag.params}
    for name in given:
        if name not in declared:
            has = f"it has {', '.join(declared)}" if declared else "it has none"
            raise InvalidTrigger(f"dag {dag.id} has no parameter {name}; {has}")
    values: dict[str, object] = {}
    for name, param in declared.items():
        if name in given:
            wanted = _misfit(given[name], param.type)
            if wanted is not None:
                raise InvalidTrigger(f"parameter {name} of dag {dag.id} takes {wanted}, not {_shown(given[name])}")
            values[name] = given[name]
        elif param.default is None:
            raise InvalidTrigger(f"dag {dag.id} needs a value for its parameter {name}")
        else:
            try:
                values[name] = evaluate(param.default, Scope())
            except EvaluationError as error:
                raise InvalidTrigger(f"the default of parameter {name} of dag {dag.id}: {error.message}") from error
    try:
        return codec.encode(values)
    except codec.CodecError as error:
        raise InvalidTrigger(f"the parameters of dag {dag.id} have no JSON: {error}") from error


def _misfit(value: object, wanted: spec.ParamType) -> str | None:
    """What the type takes, if that is not this value; none where the value fits. JSON takes whatever can be encoded."""
    if value is None and wanted.optional:
        return None
    match wanted.kind:
        case spec.ParamKind.STR:
            fits, what = isinstance(value, str), "a text"
        case spec.ParamKind.INT:
            fits, what = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        case spec.ParamKind.FLOAT:
            fits, what = isinstance(value, int | float) and not isinstance(value, bool), "a number"
        case spec.ParamKind.BOOL:
            fits, what = isinstance(value, bool), "true or false"
        case spec.ParamKind.DATE:
            fits, what = isinstance(value, date) and not isinstance(value, datetime), "a date"
        case spec.ParamKind.DATETIME:
            fits, what = isinstance(value, datetime), "a date with a time"
        case spec.ParamKind.DURATION:
            fits, what = isinstance(value, timedelta), "a duration"
        case spec.ParamKind.CHOICE:
            fits, what = value in wanted.choices, f"one of {', '.join(wanted.choices)}"
        case spec.ParamKind.JSON:
            fits, what = True, "JSON"
        case spec.ParamKind.LIST:
            if isinstance(value, list | tuple):
                of = wanted.of or spec.ParamType(spec.ParamKind.JSON)
                inner = next((found for item in value if (found := _misfit(item, of)) is not None), None)
                return None if inner is None else f"a list each of whose elements is {inner}"
            fits, what = False, "a list"
    return None if fits else what + (" or none" if wanted.optional else "")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"
