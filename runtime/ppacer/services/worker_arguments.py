"""Arguments as the task's signature wants them: values of the protocol's JSON rebuilt to the annotations.

JSON knows no enums, dataclasses, tuples or sets; where a parameter is annotated with one, the value is rebuilt to it.
An annotation that says something else, or cannot be read, leaves the value as it came.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath

from ppacer.context import TaskContext
from ppacer.core import codec


class ArgumentError(Exception):
    """Arguments that the callable cannot be called with; the message names the parameter."""


def rebuild_arguments(
    target: Callable[..., object],
    args: str,
    kwargs: str,
    context: TaskContext,
    evaluated: Callable[[object], object] = lambda value: value,
) -> tuple[list[object], dict[str, object]]:
    """The arguments to call `target` with, the context among them if a parameter asks for it.

    `evaluated` gives the value of what was left to the worker: expressions over its surroundings.
    """
    positional = [evaluated(value) for value in _decode(args, list)]
    named = {name: evaluated(value) for name, value in _decode(kwargs, dict).items()}
    taken = _taken(target)
    if taken is None:
        return positional, named
    if taken.context is not None:
        named[taken.context] = context
    try:
        bound = taken.signature.bind(*positional, **named)
    except TypeError as fault:
        raise ArgumentError(f"the arguments do not fit {_name(target)}{taken.signature}: {fault}") from None
    for name, value in bound.arguments.items():
        bound.arguments[name] = _rebuild_parameter(taken.signature.parameters[name], value, taken.annotations[name])
    return list(bound.args), bound.kwargs


def context_parameter(target: Callable[..., object]) -> str | None:
    """The parameter annotated with `TaskContext`: with that class, or with its name where it cannot be resolved."""
    taken = _taken(target)
    return None if taken is None else taken.context


@dataclasses.dataclass(frozen=True, slots=True)
class _Taken:
    """What a callable takes: its parameters, what their annotations mean, and which of them is for the context."""

    signature: inspect.Signature
    annotations: Mapping[str, object]
    context: str | None


def _taken(target: Callable[..., object]) -> _Taken | None:
    """None for a callable in C that tells nothing of itself. Of functions and classes, which come again and again,
    what was found is kept; other objects may be made anew for each attempt."""
    kept = _KEPT.get(id(target))
    if kept is not None and kept[0] is target:
        return kept[1]
    found = _look_at(target)
    if inspect.isfunction(target) or inspect.isclass(target):
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        _KEPT[id(target)] = (target, found)
    return found


_MOST_KEPT = 256
_KEPT: dict[int, tuple[object, _Taken | None]] = {}


def _look_at(target: Callable[..., object]) -> _Taken | None:
    try:
        signature = inspect.signature(target)
    except (TypeError, ValueError):
        return None
    scope = _scope(target)
    annotations = {name: _annotation(each.annotation, scope) for name, each in signature.parameters.items()}
    return _Taken(signature, annotations, next(filter(lambda name: _is_context(annotations[name]), annotations), None))


def _is_context(annotation: object) -> bool:
    forms = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    return TaskContext in forms or (isinstance(annotation, str) and "TaskContext" in _words(annotation))


def _decode(text: str, kind: type) -> typing.Any:
    value = codec.decode(text)
    if not isinstance(value, kind):
        raise ArgumentError(f"arguments that are no {kind.__name__}")
    return value


def _name(target: Callable[..., object]) -> str:
    return getattr(target, "__qualname__", type(target).__qualname__)


# --- annotations -----------------------------------------------------------------------------------------------------


def _scope(target: Callable[..., object]) -> Mapping[str, object]:
    """The names that the callable's annotations were written among."""
    function = inspect.unwrap(target)
    if inspect.isclass(function) or not hasattr(function, "__globals__"):
        owner = function if inspect.isclass(function) else type(function)
        return vars(sys.modules[owner.__module__]) if owner.__module__ in sys.modules else {}
    names: Mapping[str, object] = function.__globals__
    return names


def _annotation(annotation: object, scope: Mapping[str, object]) -> object:
    """The annotation itself; its text where it names what exists for type checkers only."""
    if not isinstance(annotation, str):
        return annotation
    try:
        found: object = eval(annotation, dict(scope))  # noqa: S307 (the task's own source, in the task's own process)
    except Exception:
        return annotation
    return found


def _words(annotation: str) -> set[str]:
    return {word.strip(" '\"").rpartition(".")[2] for word in annotation.split("|")}


def _is_union(annotation: object) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


# --- values ----------------------------------------------------------------------------------------------------------


def _rebuild_parameter(parameter: inspect.Parameter, value: object, annotation: object) -> object:
    if parameter.kind is parameter.VAR_POSITIONAL and isinstance(value, tuple):
        return tuple(_rebuild(item, annotation, f"{parameter.name}[{n}]") for n, item in enumerate(value))
    if parameter.kind is parameter.VAR_KEYWORD and isinstance(value, dict):
        return {name: _rebuild(item, annotation, name) for name, item in value.items()}
    return _rebuild(value, annotation, parameter.name)


def _rebuild(value: object, annotation: object, place: str) -> object:
    """The value as the annotation wants it. Raises `ArgumentError` where it wants one of a few and this is none."""
    if value is None or isinstance(annotation, str):
        return value
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _rebuild(value, inner[0], place)
    if _is_union(annotation):
        return _rebuild_union(value, inner, place)
    if origin is not None:
        return _rebuild_generic(value, origin, inner, place)
    if not isinstance(annotation, type):
        return value
    if typing.is_typeddict(annotation) and isinstance(value, dict):
        return _rebuild_typed_dict(value, annotation, place)
    if _is_instance(value, annotation):
        return value
    if issubclass(annotation, Enum):
        return _rebuild_enum(value, annotation, place)
    if dataclasses.is_dataclass(annotation) and isinstance(value, dict):
        return _rebuild_dataclass(value, annotation, place)
    if issubclass(annotation, tuple) and hasattr(annotation, "_fields") and isinstance(value, list):
        return _rebuild_named_tuple(value, annotation, place)
    if annotation in (tuple, set, frozenset) and isinstance(value, list):
        return annotation(value)
    return _rebuild_plain(value, annotation, place)


def _rebuild_union(value: object, forms: Sequence[object], place: str) -> object:
    """The value itself if one of the forms has it already, else the first form that it can be rebuilt to."""
    if any(isinstance(form, type) and _is_instance(value, form) for form in forms):
        return value
    fault: ArgumentError | None = None
    for form in forms:
        try:
            rebuilt = _rebuild(value, form, place)
        except ArgumentError as one:
            fault = fault or one
            continue
        if rebuilt is not value:
            return rebuilt
    if fault is not None and all(form is type(None) or _is_strict(form) for form in forms):
        raise fault
    return value


def _is_strict(form: object) -> bool:
    return isinstance(form, type) and (issubclass(form, Enum) or dataclasses.is_dataclass(form))


def _rebuild_generic(value: object, origin: object, inner: tuple[object, ...], place: str) -> object:
    if not isinstance(origin, type) or not inner:
        return value
    if isinstance(value, list) and issubclass(origin, tuple):
        forms = inner
        if len(inner) == 2 and inner[1] is Ellipsis:
            forms = (inner[0],) * len(value)
        if len(forms) != len(value):
            raise ArgumentError(f"argument {place}: {len(value)} elements where {len(forms)} are wanted")
        return tuple(_elements(value, forms, place))
    if isinstance(value, list) and issubclass(origin, Iterable) and not issubclass(origin, Mapping):
        items = _elements(value, (inner[0],) * len(value), place)
        if not issubclass(origin, Set):
            return list(items)
        try:
            return frozenset(items) if issubclass(origin, frozenset) else set(items)
        except TypeError as fault:
            raise ArgumentError(f"argument {place}: no set can be made of this: {fault}") from None
    if isinstance(value, dict) and issubclass(origin, Mapping) and len(inner) == 2:
        return {
            _rebuild(key, inner[0], f"{place}, a key"): _rebuild(item, inner[1], f"{place}[{key!r}]")
            for key, item in value.items()
        }
    return value


def _elements(items: list[object], forms: Sequence[object], place: str) -> list[object]:
    return [_rebuild(item, form, f"{place}[{n}]") for n, (item, form) in enumerate(zip(items, forms, strict=True))]


def _rebuild_enum(value: object, wanted: type[Enum], place: str) -> object:
    try:
        return wanted(value)
    except ValueError:
        pass
    if isinstance(value, str) and value in wanted.__members__:
        return wanted[value]
    known = ", ".join(repr(member.value) for member in wanted)
    raise ArgumentError(f"argument {place}: {value!r} is no {wanted.__name__} (one of {known})")


def _rebuild_dataclass(value: dict[str, object], wanted: type, place: str) -> object:
    scope = vars(sys.modules[wanted.__module__]) if wanted.__module__ in sys.modules else {}
    forms = {field.name: _annotation(field.type, scope) for field in dataclasses.fields(wanted) if field.init}
    unknown = [name for name in value if name not in forms]
    if unknown:
        raise ArgumentError(f"argument {place}: {wanted.__name__} has no field {unknown[0]}")
    fields = {name: _rebuild(item, forms[name], f"{place}.{name}") for name, item in value.items()}
    try:
        made: object = wanted(**fields)
    except (TypeError, ValueError) as fault:
        raise ArgumentError(f"argument {place}: {fault}") from None
    return made


def _rebuild_typed_dict(value: dict[str, object], wanted: type, place: str) -> dict[str, object]:
    """Fields that the type does not know, and all of them where its annotations cannot be read, stay as they are."""
    forms = _hints(wanted)
    return {
        name: _rebuild(item, forms[name], f"{place}[{name!r}]") if name in forms else item
        for name, item in value.items()
    }


def _rebuild_named_tuple(value: list[object], wanted: type, place: str) -> object:
    forms = _hints(wanted)
    names: tuple[str, ...] = getattr(wanted, "_fields", ())
    fields = [
        _rebuild(item, forms.get(name, object), f"{place}.{name}") for name, item in zip(names, value, strict=False)
    ]
    try:
        made: object = wanted(*fields, *value[len(names) :])
    except TypeError as fault:
        raise ArgumentError(f"argument {place}: {fault}") from None
    return made


def _hints(wanted: type) -> dict[str, object]:
    try:
        return dict(typing.get_type_hints(wanted))
    except Exception:  # an annotation that exists for type checkers only
        return {}


def _is_instance(value: object, annotation: type) -> bool:
    """False for what cannot be asked: `Any`, a protocol."""
    try:
        return isinstance(value, annotation)
    except TypeError:
        return False


def _rebuild_plain(value: object, wanted: type, place: str) -> object:
    try:
        match value:
            case str() if wanted in (date, datetime, time):
                return wanted.fromisoformat(value)
            case str() if issubclass(wanted, PurePath):
                return wanted(value)
            case PurePath() if wanted is str:
                return str(value)
            case int() | str() if wanted is Decimal and not isinstance(value, bool):
                return Decimal(value)
            case float() if wanted is Decimal:
                return Decimal(repr(value))
            case int() if wanted is float:
                return float(value)
            case str() if wanted is int:
                return value
            case int() | float() if wanted is timedelta and not isinstance(value, bool):
                return timedelta(seconds=value)
    except (ValueError, ArithmeticError) as fault:
        raise ArgumentError(f"argument {place}: {value!r} is no {wanted.__name__}: {fault}") from None
    return value
