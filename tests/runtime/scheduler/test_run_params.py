"""What a trigger may give for a parameter of each type."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from ppacer import spec
from ppacer.services.errors import InvalidTrigger
from ppacer.services.params import params_json

AT = spec.At(1, 1)
KIND = spec.ParamKind
MODE = spec.ParamType(KIND.CHOICE, choices=("full", "quick"))
NUMBERS = spec.ParamType(KIND.LIST, of=spec.ParamType(KIND.INT))


def given(type_: spec.ParamType, value: object) -> str:
    dag = spec.Dag("d", AT, (), params=(spec.Param("p", type_, AT),))
    return params_json(dag, {"p": value})


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (spec.ParamType(KIND.STR), "x"),
        (spec.ParamType(KIND.INT), 1),
        (spec.ParamType(KIND.FLOAT), 1),
        (spec.ParamType(KIND.FLOAT), 1.5),
        (spec.ParamType(KIND.BOOL), True),
        (spec.ParamType(KIND.DATE), date(2026, 1, 1)),
        (spec.ParamType(KIND.DATETIME), datetime(2026, 1, 1)),  # noqa: DTZ001 - on the dag's wall clock
        (spec.ParamType(KIND.DURATION), timedelta(hours=1)),
        (spec.ParamType(KIND.JSON), {"a": [1, None]}),
        (spec.ParamType(KIND.INT, optional=True), None),
        (MODE, "full"),
        (NUMBERS, [1, 2]),
        (NUMBERS, []),
    ],
    ids=repr,
)
def test_fits(type_: spec.ParamType, value: object) -> None:
    assert given(type_, value).startswith('{"p":')


@pytest.mark.parametrize(
    ("type_", "value", "wanted"),
    [
        (spec.ParamType(KIND.STR), 1, "a text, not 1"),
        (spec.ParamType(KIND.INT), "7", "a whole number, not '7'"),
        (spec.ParamType(KIND.INT), True, "a whole number, not True"),
        (spec.ParamType(KIND.FLOAT), "1", "a number, not '1'"),
        (spec.ParamType(KIND.BOOL), 1, "true or false, not 1"),
        (spec.ParamType(KIND.DATE), datetime(2026, 1, 1), "a date, not"),  # noqa: DTZ001 - on the dag's wall clock
        (spec.ParamType(KIND.DATETIME), date(2026, 1, 1), "a date with a time, not"),
        (spec.ParamType(KIND.DURATION), 5, "a duration, not 5"),
        (spec.ParamType(KIND.INT), None, "a whole number, not None"),
        (spec.ParamType(KIND.INT, optional=True), "x", "a whole number or none, not 'x'"),
        (MODE, "fast", "one of full, quick, not 'fast'"),
        (NUMBERS, 1, "a list, not 1"),
        (NUMBERS, [1, "x"], "a list each of whose elements is a whole number, not [1, 'x']"),
    ],
    ids=repr,
)
def test_does_not_fit(type_: spec.ParamType, value: object, wanted: str) -> None:
    with pytest.raises(InvalidTrigger) as raised:
        given(type_, value)
    assert f"parameter p of dag d takes {wanted}" in str(raised.value)
