"""The tagged JSON: what each value looks like, what is refused, and the round-trip law."""

# ruff: noqa: DTZ001 (naive times are values too)
from __future__ import annotations

import json
from collections import Counter, OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core.codec import MAX_DEPTH, CodecError, decode, decode_as, encode

AT = spec.At(1, 2)
ONE_HOUR_EAST = timezone(timedelta(hours=1))

FORMS = [
    (None, "null"),
    (True, "true"),
    (7, "7"),
    (1.0, "1.0"),
    (10**30, "1" + "0" * 30),
    ("zażółć", '"za\\u017c\\u00f3\\u0142\\u0107"'),
    ("\ud800", '"\\ud800"'),
    ("\x00", '"\\u0000"'),
    ([1, [2]], "[1,[2]]"),
    ({"b": 1, "a": 2}, '{"b":1,"a":2}'),
    (date(2026, 1, 1), '{"$":"date","v":"2026-01-01"}'),
    (datetime(2026, 1, 1, 2, 30), '{"$":"datetime","v":"2026-01-01T02:30:00"}'),
    (datetime(2026, 1, 1, tzinfo=UTC), '{"$":"datetime","v":"2026-01-01T00:00:00+00:00"}'),
    (datetime(2026, 1, 1, 0, 0, 0, 5, ONE_HOUR_EAST), '{"$":"datetime","v":"2026-01-01T00:00:00.000005+01:00"}'),
    (timedelta(hours=1, microseconds=1), '{"$":"duration","v":3600000001}'),
    (Decimal("1.10"), '{"$":"decimal","v":"1.10"}'),
    (Path("a/b"), '{"$":"path","v":"a/b"}'),
    ({"$": "date", "v": 1}, '{"$":"dict","v":[["$","date"],["v",1]]}'),
    ({2012: 366, "x": None}, '{"$":"dict","v":[[2012,366],["x",null]]}'),
    ({date(2026, 1, 1): {"$": 1}}, '{"$":"dict","v":[[{"$":"date","v":"2026-01-01"},{"$":"dict","v":[["$",1]]}]]}'),
    (spec.Trigger.ALL_DONE, '{"$":"Trigger","v":"all_done"}'),
    (
        spec.Literal(Decimal(1), AT),
        '{"$":"Literal","at":{"$":"At","column":2,"line":1},"value":{"$":"decimal","v":"1"}}',
    ),
    (spec.At(1, 2, 3), '{"$":"At","column":2,"file":3,"line":1}'),
]


@pytest.mark.parametrize(("value", "text"), FORMS, ids=lambda side: repr(side)[:40])
def test_each_value_has_one_form_and_comes_back(value: object, text: str) -> None:
    assert encode(value) == text
    assert decode(text) == value
    assert type(decode(text)) is type(value)


class Colour(Enum):
    RED = "red"


class Word(StrEnum):
    YES = "yes"


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Row:
    day: date
    points: tuple[Point, ...]


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "back"),
    [
        ((1, (2,)), [1, [2]]),
        (Colour.RED, "red"),
        (Word.YES, "yes"),
        ({Word.YES: Word.YES}, {"yes": "yes"}),
        (Point(1, 2), [1, 2]),
        (Row(date(2026, 1, 1), (Point(1, 2),)), {"day": date(2026, 1, 1), "points": [[1, 2]]}),
        (Text("a"), "a"),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (PurePosixPath("a"), Path("a")),
    ],
)
def test_richer_values_are_flattened(value: object, back: object) -> None:
    assert decode(encode(value)) == back


def test_numbers_of_other_libraries_become_plain() -> None:
    assert encode([numpy.int64(5), numpy.float64(0.5), numpy.float32(0.5)]) == "[5,0.5,0.5]"
    with pytest.raises(CodecError, match=r"nan is no JSON number"):
        encode(numpy.float32("nan"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"rows": [1, {2}]}, "at ['rows'][1]: a value of type set has no JSON form"),
        (b"x", "a value of type bytes has no JSON form"),
        (time(1, 2), "a value of type time has no JSON form"),
        (Row, "a value of type type has no JSON form"),
        (object(), "a value of type object has no JSON form"),
        ([float("nan")], "at [0]: nan is no JSON number"),
        (float("-inf"), "-inf is no JSON number"),
        (Decimal("NaN"), "NaN is no number"),
        ({"a": {(1, 2): 3}}, "at ['a']: a key of a dict is of type tuple"),
        (spec.Literal({1}, AT), "at .value: a value of type set has no JSON form"),  # type: ignore[arg-type]
        (Row(date(2026, 1, 1), ({1},)), "at ['points'][0]: a value of type set has no JSON form"),  # type: ignore[arg-type]
    ],
    ids=lambda side: side if isinstance(side, str) else "",
)
def test_a_refusal_names_the_place_and_the_type(value: object, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        encode(value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("NaN", "NaN is no JSON number"),
        ('{"$":"what","v":1}', 'unknown tag "what"'),
        ('{"$":1}', "an object's tag is of type int"),
        ('{"$":null}', "an object's tag is of type NoneType"),
        ('{"$":"date"}', 'must have the keys "$" and "v"'),
        ('{"$":"date","v":1}', "not a date: int"),
        ('{"$":"date","v":"2026-02-30"}', "not a date: day is out of range"),
        ('{"$":"decimal","v":"x"}', "not a decimal"),
        ('{"$":"duration","v":' + "9" * 40 + "}", "not a duration"),
        ('{"$":"dict","v":[1]}', "not a dict: its members must be pairs"),
        ('{"$":"dict","v":[[[],1]]}', "not a dict: unhashable"),
        ('{"$":"Trigger","v":"some"}', "not a Trigger"),
        ('{"$":"At","line":1}', "not a At"),
        ('{"$":"At","line":1,"column":2,"depth":3}', 'At has no field "depth"; the text may come from a newer version'),
        ("9" * 5000, "4300 digits"),
    ],
    ids=lambda side: side[:40],
)
def test_a_text_that_is_no_value_is_refused(text: str, message: str) -> None:
    with pytest.raises(CodecError) as caught:
        decode(text)
    assert message in str(caught.value)


def test_nesting_is_bounded_and_never_overflows() -> None:
    deep: object = 0
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert decode(encode(deep)) == deep
    with pytest.raises(CodecError, match="nested deeper than"):
        encode([deep])
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(CodecError, match="nested deeper than"):
        encode(endless)
    for opening in ("[", '{"a":'):
        with pytest.raises(CodecError, match="nested too deeply"):
            decode(opening * 1_000_000)


def test_an_integer_too_long_to_print_is_refused() -> None:
    with pytest.raises(CodecError, match="4300 digits"):
        encode(10**5000)


def test_decode_as_checks_the_type() -> None:
    assert decode_as(spec.At, encode(AT)) == AT
    with pytest.raises(CodecError, match="expected At, found list"):
        decode_as(spec.At, "[]")


# --- laws ------------------------------------------------------------------------------------------------------------

offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
keys = st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.just("$")
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.dates()
    | st.datetimes(timezones=st.none() | offsets).map(lambda moment: moment.replace(fold=0))
    | st.timedeltas()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from(list(spec.BinaryOperator))
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=20,
)


@given(values)
def test_what_is_encoded_comes_back(value: object) -> None:
    text = encode(value)
    back = decode(text)
    assert back == value
    assert repr(back) == repr(value)
    assert encode(back) == text
    assert text.isascii()
    json.loads(text)


places = st.builds(spec.At, st.integers(1, 999), st.integers(1, 99), st.integers(0, 3))
expressions = st.recursive(
    st.builds(spec.Literal, st.none() | st.integers() | st.text() | st.dates() | st.timedeltas(), places)
    | st.builds(spec.RunValue, st.sampled_from(spec.RunField), places)
    | st.builds(spec.Output, st.text(), places),
    lambda inner: (
        st.builds(spec.ListOf, st.lists(inner, max_size=3).map(tuple), places)
        | st.builds(spec.DictOf, st.lists(st.tuples(inner, inner), max_size=3).map(tuple), places)
        | st.builds(spec.Binary, st.sampled_from(spec.BinaryOperator), inner, inner, places)
        | st.builds(
            spec.FormatString, st.lists(st.text() | st.builds(spec.FormatField, inner, places)).map(tuple), places
        )
    ),
    max_leaves=12,
)
tasks = st.builds(
    spec.Task,
    id=st.text(),
    callable=st.text(),
    at=places,
    args=st.lists(expressions, max_size=2).map(tuple),
    kwargs=st.lists(st.tuples(st.text(), expressions), max_size=2).map(tuple),
    when=st.none() | expressions,
    retries=st.integers(0, 3),
    timeout=st.none() | st.timedeltas(),
    trigger=st.sampled_from(spec.Trigger),
    alert_on=st.lists(st.sampled_from(spec.AlertEvent)).map(tuple),
    settings_at=st.lists(st.tuples(st.text(), places), max_size=2).map(tuple),
)


@given(tasks)
def test_a_task_of_the_spec_comes_back(task: spec.Task) -> None:
    text = encode(task)
    assert decode(text) == task
    assert encode(decode(text)) == text
