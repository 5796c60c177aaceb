"""What may be passed as what: tables of types that fit and of those that do not, with the words for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppc.typing_fits import AS_ARGUMENT, AS_IT_IS, Fits
from ppc.typing_model import (
    ANY,
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    FLOAT,
    INT,
    NONE,
    STR,
    DictType,
    EnumType,
    Field,
    Kind,
    ListType,
    LiteralType,
    PlainType,
    RecordType,
    TupleType,
    Type,
    literal,
    optional,
    record,
    union,
)

PATH, BYTES = PlainType(Kind.PATH), PlainType(Kind.BYTES)
COLOUR = EnumType("Colour", (("RED", LiteralType("red", Kind.STR)), ("BLUE", LiteralType("blue", Kind.STR))))
LEVEL = EnumType("Level", (("LOW", LiteralType(1, Kind.INT)), ("ODD", None)))
LINE = union((literal("line"), literal("json")))
ORDER_FIELDS = {
    "id": Field(INT),
    "note": Field(optional(STR), required=False),
    "total": Field(DECIMAL, False, given=False),
}
ORDER = RecordType("Order", lambda: ORDER_FIELDS, strict=True)
ROW = record("Row", {"id": Field(INT), "note": Field(optional(STR), required=False)})


def written(**fields: Type) -> RecordType:
    return record("dict", {name: Field(each) for name, each in fields.items()}, written=True)


def tree() -> RecordType:
    node: list[RecordType] = []
    node.append(RecordType("Node", lambda: {"of": Field(ListType(node[0])), "name": Field(STR)}))
    return node[0]


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (ANY, INT),
        (INT, ANY),
        (NONE, optional(STR)),
        (STR, optional(STR)),
        (BOOL, INT),
        (INT, FLOAT),
        (INT, DECIMAL),
        (literal(2), DURATION),
        (STR, DATE),
        (literal("2026-01-01"), DATE),
        (literal("9.99"), DECIMAL),
        (PATH, STR),
        (STR, PATH),
        (DATETIME, DATE),
        (literal("json"), LINE),
        (STR, LINE),
        (literal("red"), COLOUR),
        (literal("RED"), COLOUR),
        (STR, COLOUR),
        (COLOUR, STR),
        (literal(7), LEVEL),
        (ListType(INT), ListType(FLOAT, "tuple")),
        (ListType(INT), ListType(INT, "set")),
        (TupleType((literal(1), literal(2))), ListType(INT)),
        (TupleType((literal(1), literal("a"))), TupleType((INT, STR), "tuple")),
        (ListType(INT), TupleType((INT, INT), "tuple")),
        (TupleType(()), ListType(INT)),
        (STR, ListType(STR, "Sequence")),
        (DictType(STR, INT), ListType(STR, "Iterable")),
        (DictType(STR, INT), DictType(STR, FLOAT)),
        (written(a=literal(1)), DictType(STR, INT)),
        (written(id=literal(1)), ORDER),
        (written(id=literal(1)), ROW),
        (ROW, ORDER),
        (DictType(STR, INT), ORDER),
        (union((INT, STR)), INT),
        (tree(), tree()),
    ],
)
def test_fits(found: Type, wanted: Type) -> None:
    assert Fits(AS_ARGUMENT).misfit(found, wanted) is None


@pytest.mark.parametrize(
    ("found", "wanted", "path", "what"),
    [
        (INT, STR, (), "is int"),
        (literal("3"), INT, (), "is str"),
        (literal(1.5), INT, (), "is float"),
        (DATE, DATETIME, (), "is date"),
        (DATE, STR, (), "is date"),
        (DURATION, FLOAT, (), "is duration"),
        (DECIMAL, FLOAT, (), "is decimal"),
        (literal(timedelta(1)), DATE, (), "is duration"),
        (STR, BYTES, (), "is str"),
        (INT, BOOL, (), "is int"),
        (literal("2026-13-01"), DATE, (), "is no date"),
        (literal("a lot"), DECIMAL, (), "is no decimal"),
        (NONE, STR, (), "is none"),
        (optional(STR), STR, (), "may be none"),
        (optional(INT), STR, (), "is int"),
        (literal("jsn"), LINE, (), 'is "jsn"'),
        (literal("green"), COLOUR, (), "is no member of Colour"),
        (literal(1), COLOUR, (), "is no member of Colour"),
        (union((INT, FLOAT)), STR, (), "is int or float"),
        (INT, union((STR, DATE)), (), "is int"),
        (ListType(STR), ListType(INT), (0,), "is str"),
        (TupleType((literal(1), literal("a"))), ListType(INT), (1,), "is str"),
        (TupleType((INT,)), TupleType((INT, STR), "tuple"), (), "has 1 element, 2 are wanted"),
        (STR, ListType(STR), (), "is str"),
        (ListType(INT), DictType(STR, INT), (), "is list[int]"),
        (DictType(STR, INT), ListType(STR), (), "is dict[str, int]"),
        (written(a=literal("x")), DictType(STR, INT), ("a",), "is str"),
        (written(note=STR), ORDER, (), "lacks the field `id` of Order"),
        (written(id=INT, nte=STR), ORDER, ("nte",), "is no field of Order"),
        (written(id=INT, total=INT), ORDER, ("total",), "is no field of Order"),
        (written(id=INT, nte=STR), ROW, ("nte",), "is no field of Row"),
        (written(id=literal("x")), optional(ORDER), ("id",), "is str"),
        (ListType(ROW), ListType(INT), (0,), "is Row"),
    ],
)
def test_misfits(found: Type, wanted: Type, path: tuple[int | str, ...], what: str) -> None:
    misfit = Fits(AS_ARGUMENT).misfit(found, wanted)
    assert misfit is not None
    assert (misfit.path, misfit.what) == (path, what)


@pytest.mark.parametrize(
    ("found", "wanted", "way_out"),
    [
        (literal("jsn"), LINE, 'did you mean `"json"`?'),
        (literal("blu"), COLOUR, 'did you mean `"blue"`?'),
        (written(id=INT, nte=STR), ORDER, "a field with a similar name exists: `note`"),
        (literal("1.1.2026"), DATE, "write it like `2026-01-01`"),
        (INT, STR, 'an f-string makes a text of it: `f"{…}"`'),
    ],
)
def test_the_way_out(found: Type, wanted: Type, way_out: str) -> None:
    misfit = Fits(AS_ARGUMENT).misfit(found, wanted)
    assert misfit is not None
    assert misfit.help == way_out


def test_what_is_not_rebuilt_must_be_of_the_type_itself() -> None:
    fits = Fits(AS_IT_IS)
    assert fits.misfit(literal(1), FLOAT) is None
    assert fits.misfit(literal("2026-01-01"), DATE) is not None
    assert fits.misfit(literal(True), INT) is not None


def test_an_answer_is_the_same_when_asked_again() -> None:
    fits, found, wanted = Fits(AS_ARGUMENT), ListType(STR), ListType(INT)
    assert fits.misfit(found, wanted) == fits.misfit(found, wanted) is not None
