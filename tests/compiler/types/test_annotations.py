"""Annotations as types, read from the source alone: a table of spellings, then classes and names from elsewhere."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from ppc.annotations import Annotations
from ppc.callables import CallableFinder, FoundCallable
from ppc.typing_model import EnumType, RecordType, TupleType, Type, words

HEAD = """
from __future__ import annotations
import collections.abc, datetime, datetime as dt, enum, os, typing, typing as t
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum, auto
from pathlib import Path
from typing import (Annotated, Any, ClassVar, Final, Literal, NamedTuple, NewType, NotRequired, Optional, Required,
                    TypeAlias, TypedDict, TypeVar, Union)
if typing.TYPE_CHECKING:
    from models.orders import Order as Ordered
from models import Order, orders
from models.stars import *
import models.orders
import numpy as np
raise RuntimeError("the compiler has executed user code")
Rows = list[dict[str, int]]
Ids: TypeAlias = "list[int]"
Region = NewType("Region", str)
T = TypeVar("T")
Loop = list["Loop"]
class Code(str): ...
class Plain: ...
"""
ORDERS = """
from dataclasses import dataclass
@dataclass
class Order:
    number: int
    note: str | None = None
"""
STARS = """
from models.orders import Order as Starred
"""


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models/__init__.py").write_text("from models.orders import Order\nraise RuntimeError\n")
    (tmp_path / "models/orders.py").write_text(ORDERS)
    (tmp_path / "models/stars.py").write_text(STARS)
    return tmp_path


def read(folder: Path, annotation: str, body: str = "", default: str = "") -> Type:
    text = f"{HEAD}\n{textwrap.dedent(body)}\ndef f(x: {annotation}{default}) -> {annotation}: ...\n"
    (folder / "tasks.py").write_text(text)
    finder = CallableFinder([folder], [])
    found = finder.find("tasks", ("f",))
    assert isinstance(found, FoundCallable)
    assert found.signature is not None
    annotations = Annotations(finder)
    assert default or words(annotations.returned(found)) == words(
        annotations.parameter(found, found.signature.parameters[0])
    )
    return annotations.parameter(found, found.signature.parameters[0])


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("str", "str"),
        ("None", "none"),
        ("Any", "any value"),
        ("object", "any value"),
        ("Unheard", "any value"),
        ("Plain", "any value"),
        ("np.ndarray", "any value"),
        ("T", "any value"),
        ("bytes", "bytes"),
        ("'str'", "str"),
        ("'list[\"int\"]'", "list[int]"),
        ("'not( an annotation'", "any value"),
        ("int | str", "int or str"),
        ("int | str | None", "int, str or none"),
        ("str | None", "str?"),
        ("Optional[date]", "date?"),
        ("t.Optional[dt.datetime]", "datetime?"),
        ("Union[int, Optional[str]]", "int, str or none"),
        ("int | Any", "any value"),
        ("Literal['a', 'b']", '"a" or "b"'),
        ("Literal['a', None, 3, -1, True]", '"a", 3, -1, true or none'),
        ("list", "list"),
        ("t.List[int]", "list[int]"),
        ("Sequence[str]", "Sequence[str]"),
        ("collections.abc.Iterable[float]", "Iterable[float]"),
        ("tuple[int, ...]", "tuple[int]"),
        ("tuple[int, str]", "tuple[int, str]"),
        ("tuple[()]", "tuple[]"),
        ("frozenset[str]", "frozenset[str]"),
        ("dict", "dict"),
        ("dict[str, list[int]]", "dict[str, list[int]]"),
        ("Mapping[str, Decimal]", "dict[str, decimal]"),
        ("OrderedDict[str, Any]", "dict[str, any value]"),
        ("Annotated[int, 'rows']", "int"),
        ("Final[timedelta]", "duration"),
        ("datetime.datetime", "datetime"),
        ("dt.time", "time"),
        ("Path", "path"),
        ("os.PathLike[str]", "any value"),
        ("Rows", "list[dict[str, int]]"),
        ("Ids", "list[int]"),
        ("Region", "str"),
        ("Code", "str"),
        ("Loop", "list"),
        ("Order", "Order"),
        ("orders.Order", "Order"),
        ("models.orders.Order", "Order"),
        ("Ordered", "Order"),
        ("Starred", "Order"),
        ("list[Order | None]", "list[Order?]"),
        ("typing.Callable[[int], str]", "any value"),
    ],
)
def test_annotations(modules: Path, annotation: str, expected: str) -> None:
    assert words(read(modules, annotation)) == expected


def test_a_default_of_none_lets_none_in(modules: Path) -> None:
    assert words(read(modules, "str", default=" = None")) == "str?"


def fields(found: Type) -> dict[str, str]:
    """Each field with its type, `=` for one that need not be given, `-` for one that must not be."""
    assert isinstance(found, RecordType)
    return {
        name: ("" if field.required else "=" if field.given else "-") + words(field.type)
        for name, field in found.fields.items()
    }


def test_dataclasses(modules: Path) -> None:
    found = read(
        modules,
        "Line",
        """
        class Mixin: ...
        @dataclass(frozen=True)
        class Line(Order, Mixin):
            price: Decimal = Decimal(0)
            tags: list[str] = field(default_factory=list)
            total: Decimal = field(init=False)
            parent: "Line | None" = None
            _: KW_ONLY
            count: int = field(kw_only=True)
            Known: ClassVar[int] = 3
        """,
    )
    assert fields(found) == {
        "number": "int",
        "note": "=str?",
        "price": "=decimal",
        "tags": "=list[str]",
        "total": "-decimal",
        "parent": "=Line?",
        "count": "int",
    }


def test_a_class_of_unknown_descent_may_have_any_field(modules: Path) -> None:
    found = read(modules, "Line", "from elsewhere import Base\n@dataclass\nclass Line(Base):\n    price: int")
    assert isinstance(found, RecordType)
    assert found.open


def test_other_classes_decorated_as_dataclass_are_not_judged(modules: Path) -> None:
    found = read(modules, "Line", "from pydantic.dataclasses import dataclass\n@dataclass\nclass Line:\n    price: int")
    assert words(found) == "any value"


@pytest.mark.parametrize(
    "body",
    [
        "class Row(TypedDict):\n    id: Required[int]\n    note: NotRequired[str]",
        "class Base(TypedDict):\n    id: int\nclass Row(Base, total=False):\n    note: str",
        'Row = TypedDict("Row", {"id": int, "note": NotRequired[str]})',
    ],
)
def test_typed_dicts(modules: Path, body: str) -> None:
    assert fields(read(modules, "Row", body)) == {"id": "int", "note": "=str"}


@pytest.mark.parametrize(
    "body",
    [
        "class Point(NamedTuple):\n    x: int\n    y: float = 0",
        'Point = NamedTuple("Point", [("x", int), ("y", float)])',
    ],
)
def test_named_tuples(modules: Path, body: str) -> None:
    found = read(modules, "Point", body)
    assert isinstance(found, TupleType)
    assert (found.names, [words(item) for item in found.items]) == (("x", "y"), ["int", "float"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            'class E(Enum):\n    RED = "red"\n    BLUE = "blue"\n    def show(self): ...',
            {"RED": '"red"', "BLUE": '"blue"'},
        ),
        ("class E(StrEnum):\n    RED = auto()\n    BLUE = auto()", {"RED": '"red"', "BLUE": '"blue"'}),
        ("class E(IntEnum):\n    ONE = auto()\n    FIVE = 5\n    SIX = auto()", {"ONE": "1", "FIVE": "5", "SIX": "6"}),
        ("class E(str, enum.Enum):\n    A = 'a'\n    B = object()", {"A": '"a"', "B": None}),
    ],
)
def test_enumerations(modules: Path, body: str, expected: dict[str, str | None]) -> None:
    found = read(modules, "E", body)
    assert isinstance(found, EnumType)
    assert {name: None if value is None else words(value) for name, value in found.members} == expected


@pytest.mark.parametrize(
    "body",
    [
        "class E(enum.Flag):\n    A = 1\n    B = 2",
        "class E(Enum):\n    A = 1\n    def __init__(self, value): ...",
    ],
)
def test_enumerations_of_unknown_values_are_not_judged(modules: Path, body: str) -> None:
    assert words(read(modules, "E", body)) == "any value"


def test_a_member_of_an_enumeration_as_a_literal(modules: Path) -> None:
    assert words(read(modules, "Literal[E.A]", 'class E(Enum):\n    A = "a"')) == '"a"'
