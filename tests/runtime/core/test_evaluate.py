"""Expressions: what each gives, what is refused, and where."""

# ruff: noqa: DTZ001 (naive times are values too)
from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core import codec
from ppacer.core.codec import MAX_DEPTH
from ppacer.core.evaluate import (
    EvaluationError,
    NoValue,
    Scope,
    evaluate,
    evaluate_here,
    parts,
    run_values,
    takes_surroundings,
    text,
)
from ppacer.core.instants import from_datetime, zone
from ppacer.core.model import Run, RunKind, RunStatus
from ppacer.records import fields
from ppacer.spec import BinaryOperator as Op

AT = spec.At(1, 1)
PLACE = spec.At(38, 7)
WARSAW = zone("Europe/Warsaw")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
RUN = Run(
    id="018f",
    dag="sales",
    build="b1",
    kind=RunKind.SCHEDULED,
    scheduled_at=from_datetime(datetime(2026, 3, 29, 22, 15, tzinfo=UTC)),
    status=RunStatus.RUNNING,
    created_at=0,
    actor="schedule",
)
OUTPUTS: dict[str, object] = {
    'raw["eu"]': {"rows": 3, "path": Path("a b.csv"), "days": [date(2026, 1, 1), date(2026, 1, 2)]},
    "empty": None,
}
SCOPE = Scope(
    run=run_values(RUN, "Europe/Warsaw"),
    task={spec.TaskField.ID: "load", spec.TaskField.ATTEMPT: 2},
    params={"full": True, "limit": None},
    variables={"f": "x.csv"},
    output=OUTPUTS.__getitem__,
    outputs={"check": [1, None]}.__getitem__,
    output_at={"check": 1}.__getitem__,
    env={"HOME": "/root"}.__getitem__,
    secret={"TOKEN": "t"}.__getitem__,
)


def lit(value: spec.Constant) -> spec.Literal:
    return spec.Literal(value, AT)


def binary(left: object, operator: str, right: object) -> spec.Binary:
    return spec.Binary(Op(operator), _expr(left), _expr(right), PLACE)


def _expr(value: object) -> spec.Expr:
    """Lists and dicts of constants as the compiler writes them; expressions as they are."""
    if isinstance(value, list):
        return spec.ListOf(tuple(_expr(item) for item in value), AT)
    if isinstance(value, dict):
        return spec.DictOf(tuple((_expr(key), _expr(item)) for key, item in value.items()), AT)
    if value is None or isinstance(value, (bool, int, float, str, Decimal, date, timedelta, Path)):
        return lit(value)  # type: ignore[arg-type]  # a path is a value, though no constant
    return value  # type: ignore[return-value]  # an expression already


def fstring(*parts: object, format: str = "", quoted: bool = False) -> spec.FormatString:
    made = (p if isinstance(p, str) else spec.FormatField(_expr(p), PLACE, format, quoted) for p in parts)
    return spec.FormatString(tuple(made), AT)


raw = spec.Output('raw["eu"]', AT)
rows = spec.Attribute(raw, "rows", PLACE)
days = spec.Attribute(raw, "days", AT)


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (lit(Decimal("1.10")), Decimal("1.10")),
        (_expr([1, ["a"], {"k": None}]), [1, ["a"], {"k": None}]),
        (spec.RunValue(spec.RunField.ID, AT), "018f"),
        (spec.RunValue(spec.RunField.DAG, AT), "sales"),
        (spec.RunValue(spec.RunField.BUILD, AT), "b1"),
        (spec.RunValue(spec.RunField.DATE, AT), date(2026, 3, 30)),
        (spec.RunValue(spec.RunField.SCHEDULED_AT, AT), datetime(2026, 3, 30, 0, 15, tzinfo=WARSAW)),
        (spec.RunValue(spec.RunField.PREVIOUS, AT), None),
        (spec.TaskValue(spec.TaskField.ID, AT), "load"),
        (spec.TaskValue(spec.TaskField.ATTEMPT, AT), 2),
        (spec.ParamValue("full", AT), True),
        (spec.ParamValue("limit", AT), None),
        (spec.LoopVariable("f", AT), "x.csv"),
        (rows, 3),
        (spec.Item(raw, lit("rows"), AT), 3),
        (spec.Item(days, lit(1), AT), date(2026, 1, 2)),
        (spec.Item(days, lit(-1), AT), date(2026, 1, 2)),
        (spec.Output("empty", AT), None),
        (spec.Outputs("check", AT), [1, None]),
        (spec.OutputAt("check", AT), 1),
        (spec.Concat((spec.Outputs("check", AT), _expr(["a"]), _expr([])), AT), [1, None, "a"]),
        (spec.Env("HOME", AT), "/root"),
        (spec.Env("HOME", AT, lit("x")), "/root"),
        (spec.Env("NONE", AT, binary(1, "+", 1)), 2),
        (spec.Secret("TOKEN", AT), "t"),
        (spec.Unary(spec.UnaryOperator.NEGATE, lit(5), AT), -5),
        (spec.Unary(spec.UnaryOperator.NEGATE, lit(HOUR), AT), -HOUR),
        (spec.Unary(spec.UnaryOperator.NOT, lit(False), AT), True),
        (binary(rows, ">", 0), True),
        (binary(spec.RunValue(spec.RunField.DATE, AT), "-", DAY), date(2026, 3, 29)),
    ],
    ids=lambda side: str(side)[:50],
)
def test_values(expr: spec.Expr, value: object) -> None:
    made = evaluate(expr, SCOPE)
    assert made == value
    assert type(made) is type(value)


NOON = datetime(2026, 3, 28, 12, tzinfo=WARSAW)
"""The day before Warsaw's clocks go forward."""


@pytest.mark.parametrize(
    ("left", "operator", "right", "value"),
    [
        (1, "+", 2, 3),
        (1, "-", 2.5, -1.5),
        (6, "*", 7, 42),
        (1, "/", 4, 0.25),
        (-7, "%", 3, 2),
        (Decimal("0.1"), "+", Decimal("0.2"), Decimal("0.3")),
        (Decimal("0.1"), "*", 3, Decimal("0.3")),
        (2, "/", Decimal(4), Decimal("0.5")),
        (HOUR, "+", HOUR, 2 * HOUR),
        (HOUR, "-", DAY, HOUR - DAY),
        (HOUR, "*", 3, 3 * HOUR),
        (0.5, "*", HOUR, HOUR / 2),
        (DAY, "/", 2, 12 * HOUR),
        (DAY, "/", HOUR, 24.0),
        (DAY, "%", 5 * HOUR, 4 * HOUR),
        (date(2026, 1, 1), "-", DAY, date(2025, 12, 31)),
        (DAY, "+", date(2026, 1, 31), date(2026, 2, 1)),
        (date(2026, 3, 1), "-", date(2026, 2, 1), 28 * DAY),
        (datetime(2026, 1, 1), "+", HOUR, datetime(2026, 1, 1, 1)),
        (datetime(2026, 1, 2), "-", datetime(2026, 1, 1, 12), 12 * HOUR),
        # a day keeps the wall clock's time, hours elapse, and distances are those of instants
        (NOON, "+", DAY, datetime(2026, 3, 29, 12, tzinfo=WARSAW)),
        (NOON, "+", 23 * HOUR, datetime(2026, 3, 29, 12, tzinfo=WARSAW)),
        (datetime(2026, 3, 28, 2, 30, tzinfo=WARSAW), "+", DAY, datetime(2026, 3, 29, 3, tzinfo=WARSAW)),
        (datetime(2026, 3, 29, 12, tzinfo=WARSAW), "-", NOON, 23 * HOUR),
        (datetime(2026, 3, 29, 12, tzinfo=WARSAW), "-", 23 * HOUR, NOON),
        (datetime(2026, 10, 25, 2, 30, tzinfo=WARSAW), "+", HOUR, datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=WARSAW)),
        (datetime(2026, 10, 25, 2, 30, tzinfo=WARSAW), "<", datetime(2026, 10, 25, 2, 10, fold=1, tzinfo=WARSAW), True),
        (
            datetime(2026, 10, 25, 2, 30, tzinfo=WARSAW),
            "==",
            datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=WARSAW),
            False,
        ),
        (NOON, "==", datetime(2026, 3, 28, 11, tzinfo=UTC), True),
        (1, "==", 1.0, True),
        (1, "==", True, False),
        (0, "!=", False, True),
        ("a", "==", 1, False),
        (None, "==", None, True),
        (date(2026, 1, 1), "==", datetime(2026, 1, 1), False),
        ([1, 2], "==", [1, 2], True),
        ("a", "<", "b", True),
        (2, "<=", 2.0, True),
        (Decimal(3), ">", 2, True),
        (HOUR, ">=", DAY, False),
        (date(2026, 1, 1), "<", date(2026, 1, 2), True),
        (2, "in", [1, 2], True),
        (True, "in", [1], False),
        ("k", "in", {"k": 1}, True),
        ("b", "not in", "abc", False),
        (3, "not in", [], True),
        (True, "and", False, False),
        (False, "or", True, True),
    ],
    ids=str,
)
def test_operators(left: object, operator: str, right: object, value: object) -> None:
    scope = Scope(variables={"l": left, "r": right})
    operands = spec.LoopVariable("l", AT), spec.LoopVariable("r", AT)
    made = evaluate(spec.Binary(Op(operator), *operands, PLACE), scope)
    assert made == value
    assert type(made) is type(value)
    if isinstance(made, datetime) and isinstance(value, datetime) and made.tzinfo is not None:
        assert from_datetime(made) == from_datetime(value)


def test_and_and_or_stop_early() -> None:
    missing = spec.ParamValue("nothing", AT)
    assert evaluate(binary(False, "and", missing), SCOPE) is False
    assert evaluate(binary(True, "or", missing), SCOPE) is True


@pytest.mark.parametrize(
    ("expr", "message", "at"),
    [
        (spec.ParamValue("x", PLACE), "params.x has no value here", PLACE),
        (spec.RunValue(spec.RunField.STATUS, PLACE), "run.status has no value here", PLACE),
        (spec.LoopVariable("g", PLACE), "g has no value here", PLACE),
        (spec.Output("load", PLACE), "the output of load has no value here", PLACE),
        (spec.Outputs("load", PLACE), "the output of load[*] has no value here", PLACE),
        (spec.OutputAt("load", PLACE), "the output of the member of load at this position has no value here", PLACE),
        (spec.Concat((_expr([]), spec.Literal("a", PLACE)), AT), "expected a list, found str", PLACE),
        (spec.Env("X", PLACE), 'env("X") has no value here', PLACE),
        (spec.Secret("X", PLACE), 'secret("X") has no value here', PLACE),
        (spec.Attribute(raw, "path_", PLACE), 'the object has no "path_"; it has "rows", "path", "days"', PLACE),
        (spec.Attribute(lit(None), "x", PLACE), "none has no fields, so no `.x`", PLACE),
        (spec.Attribute(days, "x", PLACE), "list has no fields, so no `.x`", PLACE),
        (spec.Item(days, lit(2), PLACE), "the list has 2 elements, so no [2]", PLACE),
        (spec.Item(days, lit("0"), PLACE), "a list is indexed by int, found str", PLACE),
        (spec.Item(days, lit(True), PLACE), "a list is indexed by int, found bool", PLACE),
        (spec.Item(raw, lit(0), PLACE), 'the object has no 0; it has "rows", "path", "days"', PLACE),
        (spec.Item(raw, _expr([]), PLACE), "the object has no []; it has", PLACE),
        (spec.Item(_expr({}), lit("a"), PLACE), 'the object has no "a"; it is empty', PLACE),
        (spec.Item(lit("text"), lit(0), PLACE), "str cannot be indexed", PLACE),
        (spec.DictOf(((spec.Literal(1, PLACE), lit(1)),), AT), "a key of a dict must be str, found int", PLACE),
        (
            spec.Unary(spec.UnaryOperator.NEGATE, lit(True), PLACE),
            "`-` takes a number or a duration, found bool",
            PLACE,
        ),
        (
            spec.Unary(spec.UnaryOperator.NOT, spec.Literal(1, PLACE), AT),
            "`not` takes true or false, found int",
            PLACE,
        ),
        (binary(spec.Literal(1, spec.At(9, 9)), "and", True), "`and` takes true or false, found int", spec.At(9, 9)),
        (
            binary(False, "or", spec.Literal("x", spec.At(9, 9))),
            "`or` takes true or false, found str",
            spec.At(9, 9),
        ),
        (binary(1, "/", 0), "division by zero", PLACE),
        (binary(DAY, "%", timedelta(0)), "division by zero", PLACE),
        (binary("a", "+", 1), '`+` does not take str and int; texts are joined in an f-string: f"{a}{b}"', PLACE),
        (binary(True, "+", 1), "`+` does not take bool and int", PLACE),
        (binary(None, "<", 1), "`<` does not take none and int", PLACE),
        (binary("a", "<", 1), "`<` does not take str and int", PLACE),
        (binary("a", "*", 3), "`*` does not take str and int", PLACE),
        (binary(1.5, "+", Decimal(1)), "`+` does not take float and decimal", PLACE),
        (binary(date(2026, 1, 1), "+", HOUR), "date + duration: a date takes whole days only", PLACE),
        (binary(date(2026, 1, 1), "+", date(2026, 1, 1)), "`+` does not take date and date", PLACE),
        (binary(date(9999, 12, 31), "+", DAY), "date + duration: date value out of range", PLACE),
        (binary(date(2026, 1, 1), "<", datetime(2026, 1, 1)), "`<` does not take date and datetime", PLACE),
        (binary(date(2026, 1, 1), "-", datetime(2026, 1, 1)), "`-` does not take date and datetime", PLACE),
        (
            binary(spec.RunValue(spec.RunField.SCHEDULED_AT, AT), "<", datetime(2026, 1, 1)),
            "`<` does not take datetime and datetime",
            PLACE,
        ),
        (binary(DAY, "-", date(2026, 1, 1)), "`-` does not take duration and date", PLACE),
        (binary(1e308, "*", 10), "the result of `*` is too large", PLACE),
        (binary(1, "in", 5), "`in` does not take int and int", PLACE),
        (binary(1, "not in", "1"), "`not in` does not take int and str", PLACE),
        (fstring({"a": 1}, format="d"), 'dict cannot be shown as "d"', PLACE),
        (fstring("a", 1.5, format="%Y"), 'float cannot be shown as "%Y"', PLACE),
    ],
    ids=lambda side: str(side)[:60],
)
def test_refusals_say_why_and_where(expr: spec.Expr, message: str, at: spec.At) -> None:
    with pytest.raises(EvaluationError) as caught:
        evaluate(expr, SCOPE)
    assert message in caught.value.message
    assert str(caught.value) == caught.value.message
    assert caught.value.at == at


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a b", "a b"),
        (None, "none"),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (Decimal("1.10"), "1.10"),
        (date(2026, 1, 1), "2026-01-01"),
        (datetime(2026, 1, 1, 2, 30), "2026-01-01T02:30:00"),
        (datetime(2026, 1, 1, 2, 30, tzinfo=WARSAW), "2026-01-01T02:30:00+01:00"),
        (timedelta(0), "0s"),
        (timedelta(days=2), "2d"),
        (timedelta(hours=1, minutes=30), "1h30m"),
        (timedelta(days=1, seconds=90), "1d1m30s"),
        (timedelta(milliseconds=1500), "1.5s"),
        (timedelta(microseconds=1), "0.000001s"),
        (timedelta(minutes=-10), "-10m"),
        (Path("a/b"), "a/b"),
        ([1, "ł", None, date(2026, 1, 1)], '[1, "ł", null, "2026-01-01"]'),
        ({"a": True}, '{"a": true}'),
    ],
    ids=str,
)
def test_texts(value: object, shown: str) -> None:
    assert text(value) == shown


@pytest.mark.parametrize(
    ("expr", "value"),
    [
        (fstring(), ""),
        (fstring("dumps/", lit(5), ".sql"), "dumps/5.sql"),
        (fstring(date(2026, 1, 2), format="%Y%m%d"), "20260102"),
        (fstring(lit(7), format="03d"), "007"),
        (fstring("cat ", spec.Attribute(raw, "path", AT), quoted=True), "cat 'a b.csv'"),
        (fstring("echo ", lit(-1), " ", lit(True), quoted=True), "echo -1 true"),
    ],
    ids=lambda side: str(side)[:40],
)
def test_f_strings(expr: spec.Expr, value: str) -> None:
    assert evaluate(expr, SCOPE) == value


@pytest.mark.parametrize(
    ("literal", "operator", "value"),
    [
        (datetime(2026, 3, 30, 0, 15), "==", True),
        (datetime(2026, 3, 30, 0, 14), "<", False),
        (datetime(2026, 3, 29, 23, 15), "-", HOUR),
    ],
)
def test_a_date_time_without_a_zone_beside_one_with_a_zone_means_the_dags(
    literal: datetime, operator: str, value: object
) -> None:
    planned = spec.RunValue(spec.RunField.SCHEDULED_AT, AT)
    expr = spec.Binary(Op(operator), planned, spec.Literal(literal, AT), AT)
    assert evaluate(expr, replace(SCOPE, zone=WARSAW)) == value


def test_what_is_quoted_is_one_word_to_a_shell() -> None:
    evil = "x'; rm -rf / #\n$(id)`id`"
    made = evaluate(spec.FormatString((spec.FormatField(lit(evil), AT, quoted=True),), AT), Scope())
    assert made == "'x'\"'\"'; rm -rf / #\n$(id)`id`'"


def test_a_scope_gives_only_what_it_was_given() -> None:
    for expr in (spec.TaskValue(spec.TaskField.ID, PLACE), raw, spec.Secret("TOKEN", PLACE), spec.Env("HOME", PLACE)):
        with pytest.raises(EvaluationError, match="has no value here"):
            evaluate(expr, Scope())


def test_a_scope_may_say_why_it_has_no_value() -> None:
    def gone(name: str) -> object:
        raise NoValue(f"{name} was deleted")

    for expr, shown in (
        (raw, 'the output of raw["eu"]'),
        (spec.Outputs("check", PLACE), "the output of check[*]"),
        (spec.OutputAt("check", PLACE), "the output of the member of check at this position"),
    ):
        with pytest.raises(EvaluationError) as fault:
            evaluate(expr, Scope(output=gone, outputs=gone, output_at=gone))
        assert fault.value.message == f"{shown} has no value: {expr.task} was deleted"


def test_previous_is_in_the_zone_of_the_dag() -> None:
    run = replace(RUN, previous_at=from_datetime(datetime(2026, 3, 28, 23, 30, tzinfo=UTC)))
    previous = run_values(run, "Europe/Warsaw")[spec.RunField.PREVIOUS]
    assert isinstance(previous, datetime)
    assert previous.isoformat() == "2026-03-29T00:30:00+01:00"


NESTINGS: list[Callable[[spec.Expr], spec.Expr]] = [
    lambda inner: spec.ListOf((inner,), AT),
    lambda inner: spec.DictOf(((lit("k"), inner),), AT),
    lambda inner: spec.Unary(spec.UnaryOperator.NOT, inner, AT),
    lambda inner: spec.Binary(Op.AND, inner, lit(True), AT),
    lambda inner: spec.Binary(Op.OR, lit(False), inner, AT),
    lambda inner: spec.FormatString((spec.FormatField(inner, AT),), AT),
    lambda inner: spec.Env("NONE", AT, inner),
    lambda inner: spec.Item(spec.ListOf((inner,), AT), lit(0), AT),
]


@pytest.mark.parametrize("nest", NESTINGS)
def test_nesting_is_bounded(nest: Callable[[spec.Expr], spec.Expr]) -> None:
    expr: spec.Expr = lit(True)
    for _ in range(MAX_DEPTH // 2):
        expr = nest(expr)
    evaluate(expr, SCOPE)
    for _ in range(MAX_DEPTH):
        expr = nest(expr)
    with pytest.raises(EvaluationError, match="nested deeper than"):
        evaluate(expr, SCOPE)


constants = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.timedeltas()
)
anything = st.recursive(
    st.builds(spec.Literal, constants, st.just(AT))
    | st.builds(spec.RunValue, st.sampled_from(spec.RunField), st.just(AT))
    | st.builds(spec.Output, st.sampled_from(list(OUTPUTS)), st.just(AT)),
    lambda inner: (
        st.builds(spec.Binary, st.sampled_from(Op), inner, inner, st.just(AT))
        | st.builds(spec.Unary, st.sampled_from(spec.UnaryOperator), inner, st.just(AT))
        | st.builds(spec.Item, inner, inner, st.just(AT))
        | st.builds(spec.Attribute, inner, st.sampled_from(["rows", "x"]), st.just(AT))
        | st.builds(spec.ListOf, st.lists(inner, max_size=3).map(tuple), st.just(AT))
    ),
    max_leaves=8,
)


# --- what is evaluated in two places ----------------------------------------------------------------------------------

HOME, TOKEN = spec.Env("HOME", AT), spec.Secret("TOKEN", AT)
THERE = Scope(env=SCOPE.env, secret=SCOPE.secret)
"""What an executor knows."""

HERE = replace(SCOPE, env=Scope().env, secret=Scope().secret)
"""What the scheduler knows."""


@pytest.mark.parametrize(
    ("expr", "closed"),
    [
        (rows, 3),
        (_expr([rows, "a"]), [3, "a"]),
        (HOME, HOME),
        (_expr([rows, HOME]), _expr([3, HOME])),
        (_expr({"n": rows, "t": TOKEN}), _expr({"n": 3, "t": TOKEN})),
        (binary(HOME, "==", spec.LoopVariable("f", AT)), binary(HOME, "==", "x.csv")),
        (spec.Item(raw, HOME, AT), spec.Item(_expr({**OUTPUTS['raw["eu"]']}), HOME, AT)),  # type: ignore[dict-item]
        (fstring("a", rows, HOME, quoted=True), fstring("a", 3, HOME, quoted=True)),
        (spec.Env("NONE", AT, rows), spec.Env("NONE", AT, lit(3))),
        (spec.Unary(spec.UnaryOperator.NOT, HOME, AT), spec.Unary(spec.UnaryOperator.NOT, HOME, AT)),
        (spec.Attribute(HOME, "x", AT), spec.Attribute(HOME, "x", AT)),
        (spec.Concat((days, _expr([HOME])), AT), spec.Concat((_expr(OUTPUTS['raw["eu"]']["days"]), _expr([HOME])), AT)),  # type: ignore[index]
    ],
    ids=lambda side: str(side)[:50],
)
def test_what_is_known_here_is_worked_out_here(expr: spec.Expr, closed: object) -> None:
    assert _without_places(evaluate_here(expr, HERE)) == _without_places(closed)


def _without_places(value: object) -> str:
    return re.sub(r"At\(.*?\)", "", repr(value))


@pytest.mark.parametrize(("operator", "left"), [("and", False), ("or", True)])
def test_what_need_not_be_asked_there_is_not_asked_here(operator: str, left: bool) -> None:
    """The right side would have no value."""
    fault = spec.Attribute(spec.Output("empty", AT), "x", AT)
    expr = binary(left, operator, binary(fault, "==", HOME))
    assert evaluate_here(expr, HERE) == lit(left)
    with pytest.raises(EvaluationError, match="none has no fields"):
        evaluate_here(binary(not left, operator, binary(fault, "==", HOME)), HERE)


def test_what_has_no_value_here_is_an_error_here() -> None:
    with pytest.raises(EvaluationError, match="none has no fields"):
        evaluate_here(_expr([HOME, spec.Attribute(spec.Output("empty", AT), "x", AT)]), HERE)


closing = st.recursive(
    anything
    | st.sampled_from([HOME, TOKEN, spec.Env("NONE", AT)])
    | st.builds(spec.Env, st.just("NONE"), st.just(AT), anything),
    lambda inner: (
        st.builds(spec.Binary, st.sampled_from(Op), inner, inner, st.just(AT))
        | st.builds(spec.Item, inner, inner, st.just(AT))
        | st.builds(spec.ListOf, st.lists(inner, max_size=3).map(tuple), st.just(AT))
        | st.builds(spec.Concat, st.lists(inner, max_size=3).map(tuple), st.just(AT))
        | st.builds(lambda item: fstring("a", item), inner)
    ),
    max_leaves=6,
)


@given(closing)
def test_in_two_places_it_is_what_it_is_in_one(expr: spec.Expr) -> None:
    """Sent as JSON from the scheduler to the executor."""
    try:
        sent = codec.decode(codec.encode(evaluate_here(expr, HERE)))
    except (EvaluationError, codec.CodecError):
        return
    assert takes_surroundings(expr) == isinstance(sent, spec.Expr.__args__)  # type: ignore[attr-defined]
    try:
        there = evaluate(sent, THERE) if takes_surroundings(expr) else sent
    except EvaluationError:
        with pytest.raises(EvaluationError):
            evaluate(expr, SCOPE)
    else:
        assert codec.encode(there) == codec.encode(evaluate(expr, SCOPE))


@pytest.mark.parametrize("kind", spec.Expr.__args__)  # type: ignore[attr-defined]
def test_no_part_of_an_expression_is_overlooked(kind: type) -> None:
    """A part that `parts` does not tell would be taken for known here."""
    made = next((each for each in PARTED if type(each) is kind), None)
    has_parts = any("Expr" in str(field.type) or "FormatField" in str(field.type) for field in fields(kind))
    assert has_parts == (made is not None)
    if made is not None:
        assert takes_surroundings(made)
        assert list(parts(made))


PARTED = [
    _expr([HOME]),
    _expr({"k": HOME}),
    spec.Concat((HOME,), AT),
    spec.Attribute(HOME, "x", AT),
    spec.Item(raw, HOME, AT),
    spec.Unary(spec.UnaryOperator.NOT, HOME, AT),
    binary(1, "+", HOME),
    fstring("a", HOME),
    spec.Env("NONE", AT, HOME),
]


@given(anything)
def test_an_expression_has_a_value_or_an_evaluation_error(expr: spec.Expr) -> None:
    with suppress(EvaluationError):
        text(evaluate(expr, SCOPE))
