"""What a trigger may give for a parameter of each type, what a run then has, and what is refused."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core import codec
from ppacer.core.durations import duration_text
from ppacer.core.evaluate import Scope
from ppacer.services.errors import InvalidTrigger
from ppacer.services.params import params_json

AT = spec.At(1, 1)
KIND = spec.ParamKind
WARSAW = ZoneInfo("Europe/Warsaw")
STR, INT, FLOAT, BOOL, DATE, DATETIME, DURATION, JSON = (
    spec.ParamType(kind)
    for kind in (KIND.STR, KIND.INT, KIND.FLOAT, KIND.BOOL, KIND.DATE, KIND.DATETIME, KIND.DURATION, KIND.JSON)
)
MODE = spec.ParamType(KIND.CHOICE, choices=("full", "quick"))


def listed(of: spec.ParamType) -> spec.ParamType:
    return spec.ParamType(KIND.LIST, of=of)


def optional(of: spec.ParamType) -> spec.ParamType:
    return spec.ParamType(of.kind, optional=True, of=of.of, choices=of.choices)


def dag(type_: spec.ParamType, default: spec.Expr | None = None) -> spec.Dag:
    return spec.Dag("d", AT, (), timezone="Europe/Warsaw", params=(spec.Param("p", type_, AT, default),))


def taken(type_: spec.ParamType, value: object) -> object:
    """What the run has for the value that was given."""
    found = codec.decode(params_json(dag(type_), {"p": value}))
    assert isinstance(found, dict)
    return found["p"]


@pytest.mark.parametrize(
    ("type_", "value", "kept"),
    [
        (STR, "x", "x"),
        (STR, "7", "7"),
        (INT, 1, 1),
        (FLOAT, 1.5, 1.5),
        (BOOL, True, True),
        (DATE, "2026-01-31", date(2026, 1, 31)),
        (DATE, date(2026, 1, 31), date(2026, 1, 31)),
        (DATETIME, "2026-01-31T02:15", datetime(2026, 1, 31, 2, 15, tzinfo=WARSAW)),
        (DATETIME, "2026-01-31 02:15:07.5", datetime(2026, 1, 31, 2, 15, 7, 500_000, tzinfo=WARSAW)),
        (DATETIME, "2026-01-31T02:15:00Z", datetime(2026, 1, 31, 3, 15, tzinfo=WARSAW)),
        (DATETIME, "2026-07-31T02:15+05:45", datetime(2026, 7, 30, 22, 30, tzinfo=WARSAW)),
        (DATETIME, datetime(2026, 1, 31, 2, 15, tzinfo=UTC), datetime(2026, 1, 31, 3, 15, tzinfo=WARSAW)),
        (DURATION, "1h30m", timedelta(minutes=90)),
        (DURATION, "500ms", timedelta(milliseconds=500)),
        (DURATION, "2d", timedelta(days=2)),
        (DURATION, 90, timedelta(seconds=90)),
        (DURATION, 0.5, timedelta(milliseconds=500)),
        (JSON, {"a": [1, None]}, {"a": [1, None]}),
        (JSON, {"$": "date", "v": "2026-01-31"}, {"$": "date", "v": "2026-01-31"}),
        (JSON, None, None),
        (optional(INT), None, None),
        (optional(listed(INT)), None, None),
        (MODE, "full", "full"),
        (listed(INT), [1, 2], [1, 2]),
        (listed(INT), [], []),
        (listed(DATE), ["2026-01-31"], [date(2026, 1, 31)]),
        (listed(optional(DURATION)), ["1m", None, 2], [timedelta(minutes=1), None, timedelta(seconds=2)]),
    ],
    ids=repr,
)
def test_fits(type_: spec.ParamType, value: object, kept: object) -> None:
    found = taken(type_, value)
    assert found == kept
    assert type(found) is type(kept)


def test_a_whole_number_is_a_float_where_one_is_declared() -> None:
    assert params_json(dag(FLOAT), {"p": 1}) == '{"p":1.0}'


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-03-29T02:30", "2026-03-29T03:00:00+02:00"),  # in the gap: the first moment after it
        ("2026-10-25T02:30", "2026-10-25T02:30:00+02:00"),  # in the fold: the first of the two
        ("2026-10-25T02:30+01:00", "2026-10-25T02:30:00+01:00"),
    ],
)
def test_wall_clock_times_when_the_clocks_change(text: str, shown: str) -> None:
    assert json.loads(params_json(dag(DATETIME), {"p": text}))["p"]["v"] == shown


@pytest.mark.parametrize(
    ("type_", "value", "said"),
    [
        (STR, 1, "takes a text, not 1"),
        (INT, "7", 'takes a whole number, not "7"'),
        (INT, 7.0, "takes a whole number, not 7.0"),
        (INT, True, "takes a whole number, not true"),
        (FLOAT, "1", 'takes a number, not "1"'),
        (FLOAT, False, "takes a number, not false"),
        (FLOAT, float("nan"), "takes a number, not NaN"),
        (FLOAT, 10**400, "takes a number, not 1000"),
        (BOOL, 1, "takes true or false, not 1"),
        (BOOL, "true", 'takes true or false, not "true"'),
        (DATE, "2026-02-30", 'takes a date such as 2026-01-31, not "2026-02-30"'),
        (DATE, "20260131", "takes a date such as"),
        (DATE, "2026-01-31T00:00", "takes a date such as"),
        (DATE, datetime(2026, 1, 1, tzinfo=UTC), "takes a date such as"),
        (DATE, 20260131, "takes a date such as"),
        (DATETIME, date(2026, 1, 1), "takes a date with a time such as 2026-01-31T02:15, not"),
        (DATETIME, "2026-01-31", "takes a date with a time such as"),
        (DATETIME, "2026-01-31T25:00", "takes a date with a time such as"),
        (DATETIME, "0001-01-01T00:00+14:00", "takes a date with a time such as"),
        (DATETIME, 5, "takes a date with a time such as"),
        (DURATION, "90", 'takes a duration such as 1h30m or a number of seconds, not "90"'),
        (DURATION, "1.5h", "takes a duration such as"),
        (DURATION, True, "takes a duration such as"),
        (DURATION, 1e300, "takes a duration such as"),
        (INT, None, "takes a whole number, not none"),
        (optional(INT), "x", 'takes a whole number or none, not "x"'),
        (MODE, "fast", 'takes one of full, quick, not "fast"'),
        (MODE, 1, "takes one of full, quick, not 1"),
        (listed(INT), 1, "takes a list, not 1"),
        (listed(INT), "1", "takes a list"),
        (STR, "x" * 200, ""),
        (JSON, float("inf"), "has no JSON"),
        (JSON, object(), "has no JSON"),
    ],
    ids=lambda value: repr(value).partition(" at 0x")[0][:40],
)
def test_does_not_fit(type_: spec.ParamType, value: object, said: str) -> None:
    if not said:
        assert taken(type_, value) == value
        return
    with pytest.raises(InvalidTrigger) as raised:
        taken(type_, value)
    assert f"parameter p of dag d {said}" in str(raised.value)
    assert raised.value.field == "params.p"


def test_what_is_refused_is_shown_in_part() -> None:
    with pytest.raises(InvalidTrigger) as raised:
        taken(INT, "x" * 200)
    assert str(raised.value).endswith(f'not "{"x" * 59}…')


def test_the_element_that_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidTrigger) as raised:
        taken(listed(listed(INT)), [[1], [2, "x"]])
    assert str(raised.value) == 'element [1][1] of parameter p of dag d takes a whole number, not "x"'
    assert raised.value.field == "params.p[1][1]"


def test_a_parameter_that_there_is_not() -> None:
    with pytest.raises(InvalidTrigger, match="dag d has no parameter q; it has p") as raised:
        params_json(dag(INT), {"p": 1, "q": 1})
    assert raised.value.field == "params.q"


def test_a_parameter_that_is_needed() -> None:
    with pytest.raises(InvalidTrigger, match="dag d needs a value for its parameter p") as raised:
        params_json(dag(INT), {})
    assert raised.value.field == "params.p"


def test_defaults_are_worked_out_when_the_run_is_made() -> None:
    scope = Scope(run={spec.RunField.DATE: date(2026, 1, 31)}, env={"REGION": "eu"}.__getitem__)
    assert params_json(dag(DATE, spec.RunValue(spec.RunField.DATE, AT)), {}, scope) == (
        '{"p":{"$":"date","v":"2026-01-31"}}'
    )
    assert params_json(dag(STR, spec.Env("REGION", AT)), {}, scope) == '{"p":"eu"}'
    assert params_json(dag(STR, spec.Env("REGION", AT)), {"p": "us"}, scope) == '{"p":"us"}'
    naive = spec.Literal(datetime(2026, 1, 31, 2, 15), AT)  # noqa: DTZ001 - as the spec has it
    assert params_json(dag(DATETIME, naive), {}, scope) == '{"p":{"$":"datetime","v":"2026-01-31T02:15:00+01:00"}}'


@pytest.mark.parametrize(
    ("type_", "default", "said"),
    [
        (STR, spec.Env("NONE", AT), 'the default of parameter p of dag d: env("NONE") has no value here'),
        (INT, spec.Env("REGION", AT), 'the default of parameter p of dag d takes a whole number, not "eu"'),
    ],
)
def test_a_default_without_a_value(type_: spec.ParamType, default: spec.Expr, said: str) -> None:
    with pytest.raises(InvalidTrigger) as raised:
        params_json(dag(type_, default), {}, Scope(env={"REGION": "eu"}.__getitem__))
    assert str(raised.value) == said
    assert raised.value.field == "params.p"


# --- laws ------------------------------------------------------------------------------------------------------------

PLAIN: list[tuple[spec.ParamType, st.SearchStrategy[object]]] = [
    (STR, st.text()),
    (INT, st.integers(-(2**63), 2**63)),
    (FLOAT, st.floats(allow_nan=False, allow_infinity=False)),
    (BOOL, st.booleans()),
    (DATE, st.dates()),
    (
        DATETIME,
        st.datetimes(
            min_value=datetime(1, 1, 3),  # noqa: DTZ001
            max_value=datetime(9999, 12, 29),  # noqa: DTZ001
            timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
        ),
    ),
    (DURATION, st.timedeltas()),
    (MODE, st.sampled_from(MODE.choices)),
]


@st.composite
def typed_values(draw: st.DrawFn) -> tuple[spec.ParamType, object]:
    """A type and a value of it, optional ones and lists of lists included."""
    type_, values = draw(st.sampled_from(PLAIN))
    for _ in range(draw(st.integers(0, 2))):
        match draw(st.sampled_from(("plain", "optional", "list"))):
            case "optional":
                type_, values = optional(type_), st.none() | values
            case "list":
                type_, values = listed(type_), st.lists(values, max_size=3)
    return type_, draw(values)


def as_text(value: object) -> object:
    """The value as whoever writes JSON by hand gives it."""
    match value:
        case list():
            return [as_text(item) for item in value]
        case date() | datetime():
            return value.isoformat()
        case timedelta():
            return duration_text(value)
        case _:
            return value


@given(typed_values())
@settings(max_examples=300)
def test_a_value_given_as_itself_as_text_and_as_shown_is_the_same(drawn: tuple[spec.ParamType, object]) -> None:
    type_, value = drawn
    kept = params_json(dag(type_), {"p": value})
    assert codec.decode(kept) == {"p": value}
    assert params_json(dag(type_), {"p": as_text(value)}) == kept
    assert params_json(dag(type_), json.loads(kept)) == kept


@given(typed_values(), typed_values())
@settings(max_examples=300)
def test_what_is_taken_is_of_the_type_and_what_is_not_is_named(
    drawn: tuple[spec.ParamType, object], other: tuple[spec.ParamType, object]
) -> None:
    type_, _ = drawn
    _, value = other
    try:
        found = taken(type_, as_text(value))
    except InvalidTrigger as refusal:
        field = refusal.field or ""
    else:
        assert of_type(found, type_)
        return
    assert field.startswith("params.p")


def of_type(value: object, type_: spec.ParamType) -> bool:
    kinds = {
        KIND.STR: str,
        KIND.INT: int,
        KIND.FLOAT: float,
        KIND.BOOL: bool,
        KIND.DATE: date,
        KIND.DATETIME: datetime,
        KIND.DURATION: timedelta,
        KIND.CHOICE: str,
        KIND.LIST: list,
    }
    if value is None:
        return type_.optional
    if type(value) is not kinds[type_.kind]:
        return False
    if isinstance(value, list) and type_.of is not None:
        return all(of_type(item, type_.of) for item in value)
    return type_.kind is not KIND.CHOICE or value in type_.choices
