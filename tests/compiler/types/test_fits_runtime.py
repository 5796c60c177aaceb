"""What the compiler says of a value and an annotation, held against what the worker makes of them.

What is said to fit must arrive as the annotation says, or at least as the value that was given; what is refused must
not arrive so.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple, NotRequired, SupportsInt, TypedDict

import pytest

from ppacer.core import codec
from ppacer.services.worker_arguments import ArgumentError, rebuild_arguments
from ppc.annotations import Annotations
from ppc.callables import CallableFinder, FoundCallable
from ppc.typing_fits import AS_ARGUMENT, Fits
from ppc.typing_model import Field, TupleType, Type, literal, record

PATH = Path(__file__)


class Mode(Enum):
    FULL = "full"
    DELTA = "delta"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Colour(StrEnum):
    RED = "red"


@dataclasses.dataclass
class Order:
    id: int
    note: str | None = None
    placed: date = date(2026, 1, 1)


class Row(TypedDict):
    id: int
    note: NotRequired[str]
    placed: NotRequired[date]


class Place(NamedTuple):
    x: int
    name: str


def takes(
    text: str,
    number: int,
    real: float,
    sure: bool,
    day: date,
    moment: datetime,
    wait: timedelta,
    price: Decimal,
    path: Path,
    maybe: str | None,
    several: int | str,
    either: date | int,
    word: Literal["line", "json"],
    mode: Mode,
    level: Level,
    colour: Colour | None,
    texts: list[str],
    pair: tuple[int, str],
    numbers: tuple[int, ...],
    some: set[int],
    sequence: Sequence[str],
    iterable: Iterable[int],
    counts: dict[str, int],
    mapping: Mapping[str, Any],
    nested: list[dict[str, list[date]]],
    order: Order,
    orders: list[Order],
    row: Row,
    place: Place,
    protocol: SupportsInt,
    anything: Any,
) -> None: ...


VALUES: tuple[object, ...] = (
    None,
    True,
    0,
    1,
    7,
    1.5,
    "",
    "line",
    "full",
    "FULL",
    "red",
    "3",
    "2026-01-31",
    "2026-01-31T02:30",
    "2026-02-31",
    "9.99",
    "a/b.csv",
    date(2026, 1, 31),
    datetime(2026, 1, 31, 2, 30),  # noqa: DTZ001 (as the language has them)
    timedelta(minutes=5),
    [],
    [1, 2],
    [1, "a"],
    [1, "a", 2],
    ["a", "b"],
    [[1]],
    [{"id": 1}],
    [{"id": 1}, {"id": "x"}],
    [{"a": ["2026-01-31"]}],
    {},
    {"a": 1},
    {"a": "b"},
    {"id": 1},
    {"id": 1, "note": "x"},
    {"id": 1, "note": None},
    {"id": 1, "placed": "2026-01-31"},
    {"id": "x"},
    {"id": 1, "nte": "x"},
    {"note": "x"},
)


def type_of(value: object) -> Type:
    """What the compiler takes a constant for."""
    if isinstance(value, list):
        return TupleType(tuple(type_of(item) for item in value))
    if isinstance(value, dict):
        return record("dict", {name: Field(type_of(item)) for name, item in value.items()}, written=True)
    return literal(value)


def arrives(annotation: object, value: object) -> object:
    """What a parameter of that annotation gets in the worker."""

    def target(x: Any) -> None: ...

    target.__annotations__ = {"x": annotation}
    args, kwargs = rebuild_arguments(target, codec.encode([value]), "{}", typing.cast("Any", None))
    return (*args, *kwargs.values())[0]


def conforms(value: object, annotation: Any) -> bool:
    """Whether a value is what an annotation says, as a type checker would see it."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any:
        return True
    if annotation is None or annotation is type(None):
        return value is None
    if origin in (typing.Union, types.UnionType):
        return any(conforms(value, each) for each in inner)
    if origin is Literal:
        return value in inner
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        forms = (inner[0],) * len(value) if inner[1:] == (...,) else inner
        return len(forms) == len(value) and all(map(conforms, value, forms))
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, origin) and all(conforms(each, inner[1]) for each in value.values())
    if origin is not None:
        # A text is a sequence of texts, a dict an iterable of its keys.
        return isinstance(value, origin) and all(conforms(each, inner[0]) for each in value)
    if typing.is_typeddict(annotation):
        hints = typing.get_type_hints(annotation)
        return (
            isinstance(value, dict)
            and {"id"} <= value.keys() <= hints.keys()
            and all(conforms(each, hints[name]) for name, each in value.items())
        )
    if annotation is SupportsInt:
        return True  # what cannot be asked is not judged
    if annotation is Place:
        return isinstance(value, Place) and all(map(conforms, value, (int, str)))
    if dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation)
        return isinstance(value, typing.cast("type", annotation)) and all(
            conforms(getattr(value, name), hint) for name, hint in hints.items()
        )
    if annotation is float:
        return isinstance(value, int | float)
    return isinstance(value, annotation)


HINTS = {name: hint for name, hint in typing.get_type_hints(takes).items() if name != "return"}


@pytest.fixture(scope="module")
def wanted() -> dict[str, Type]:
    finder = CallableFinder([PATH.parent], [])
    found = finder.find(PATH.stem, ("takes",))
    assert isinstance(found, FoundCallable)
    assert found.signature is not None
    annotations = Annotations(finder)
    return {each.name: annotations.parameter(found, each) for each in found.signature.parameters}


def _comparable(name: str, value: object) -> bool:
    """Python takes true for 1, and nothing for nothing of any type."""
    return not (name == "level" and isinstance(value, bool)) and not (name == "iterable" and value in ("", {}))


PAIRS = [
    pytest.param(name, value, id=f"{name}-{value!r}") for name in HINTS for value in VALUES if _comparable(name, value)
]


@pytest.mark.parametrize(("name", "value"), PAIRS)
def test_compiler_and_worker_agree(name: str, value: object, wanted: dict[str, Type]) -> None:
    misfit = Fits(AS_ARGUMENT).misfit(type_of(value), wanted[name])
    try:
        sound = conforms(arrives(HINTS[name], value), HINTS[name])
    except ArgumentError:
        sound = False
    assert (misfit is None) is sound, misfit
