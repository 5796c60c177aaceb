"""What a text of the command line means for a parameter, by its type."""

from __future__ import annotations

import pytest

from ppacer import spec as s
from ppacer.cli.command import CommandError
from ppacer.cli.params import run_params

AT = s.At(1, 1)
KIND = s.ParamKind


def given(text: str, type_: s.ParamType) -> object:
    dag = s.Dag("d", AT, (), params=(s.Param("p", type_, AT),))
    return run_params(dag, [f"p={text}"])["p"]


def listed(kind: s.ParamKind) -> s.ParamType:
    return s.ParamType(KIND.LIST, of=s.ParamType(kind))


CHOICE = s.ParamType(KIND.CHOICE, optional=True, choices=("a", "1"))


@pytest.mark.parametrize(
    ("text", "type_", "meant"),
    [
        ("x", s.ParamType(KIND.STR), "x"),
        ("7", s.ParamType(KIND.STR), "7"),
        ("", s.ParamType(KIND.STR), ""),
        ("none", s.ParamType(KIND.STR, optional=True), "none"),
        ("a=b", s.ParamType(KIND.STR), "a=b"),
        ("7", s.ParamType(KIND.INT), 7),
        ("7.5", s.ParamType(KIND.FLOAT), 7.5),
        ("NaN", s.ParamType(KIND.FLOAT), "NaN"),
        ("true", s.ParamType(KIND.BOOL), True),
        ("True", s.ParamType(KIND.BOOL), "True"),
        ("none", s.ParamType(KIND.INT, optional=True), None),
        ("null", s.ParamType(KIND.INT, optional=True), None),
        ("none", s.ParamType(KIND.INT), "none"),
        ("2026-01-31", s.ParamType(KIND.DATE), "2026-01-31"),
        ("2026-01-31T02:15", s.ParamType(KIND.DATETIME), "2026-01-31T02:15"),
        ("1h30m", s.ParamType(KIND.DURATION), "1h30m"),
        ("90", s.ParamType(KIND.DURATION), 90),
        ("1", CHOICE, "1"),
        ("none", CHOICE, None),
        ('{"a": [1]}', s.ParamType(KIND.JSON), {"a": [1]}),
        ("eu", s.ParamType(KIND.JSON), "eu"),
        ("a,b", listed(KIND.STR), ["a", "b"]),
        ("7", listed(KIND.STR), ["7"]),
        ("1, 2", listed(KIND.INT), [1, 2]),
        ("", listed(KIND.INT), []),
        ('["a,b"]', listed(KIND.STR), ["a,b"]),
        ("[1", listed(KIND.INT), "[1"),
        ("2026-01-30,2026-01-31", listed(KIND.DATE), ["2026-01-30", "2026-01-31"]),
    ],
)
def test_meaning(text: str, type_: s.ParamType, meant: object) -> None:
    found = given(text, type_)
    assert found == meant
    assert type(found) is type(meant)


@pytest.mark.parametrize("text", ['{"a": 1', "[1", '"eu', "{'a': 1}", ' {"a" 1}'])
def test_what_begins_as_json_is_taken_for_no_text(text: str) -> None:
    with pytest.raises(CommandError, match=r"^-p p: this is no JSON: .* at character \d+$") as caught:
        given(text, s.ParamType(KIND.JSON))
    assert caught.value.code == 2
