"""Overloads: what a call returns where the literals in it tell, and that nothing is said where they do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Severity
from ppc.parse import parse
from ppc.source import Source

MODULE = """
from typing import Literal, overload
import typing as t

from ppacer import TaskContext

@overload
def load(table: str, *, form: Literal["rows", "all"] = "rows", context: TaskContext) -> list[dict[str, int]]: ...
@overload
def load(table: str, *, form: t.Literal["count"], context: TaskContext) -> int: ...
@overload
def load(table: str, *, form: Literal["none"], context: TaskContext) -> None: ...
def load(table: str, *, form: Literal["rows", "all", "count", "none"] = "rows", context: TaskContext) -> object: ...

@overload
def place(table: str, number: Literal[1]) -> int: ...
@overload
def place(table: str, number: Literal[True]) -> None: ...
def place(table: str, number: int | bool) -> object: ...

@overload
def typed(value: str) -> int: ...
@overload
def typed(value: int) -> None: ...
def typed(value: str | int) -> object: ...

@overload
def longer(a: str) -> int: ...
@overload
def longer(a: str, b: str) -> None: ...
def longer(a: str, b: str = "") -> object: ...

class Asked:
    @overload
    def __call__(self) -> int: ...
    @overload
    def __call__(self, context: TaskContext) -> None: ...
    def __call__(self, context: TaskContext | None = None) -> object: ...
"""

ANY, INT, LIST, NONE = "any value", "int", "a list", "nothing"


def found(call: str, folder: Path) -> str:
    """What the build takes the output of a call for, by what it lets others do with it."""
    (folder / "shop.py").write_text(MODULE)
    told: set[str] = set()
    for use in ("out", "out.field", "out[0]", "out + 1"):
        text = f'import shop\nlet constant = "none"\n\ndag d {{\n  param form: str = "none"\n  task out = {call}\n'
        source = Source("a.ppd", f"{text}  task use = print({use}, constant, params.form)\n}}\n")
        module, faults = parse(source)
        finder = CallableFinder([folder], sys.path)
        _, faults = compile_program("a", [(source, module)], callables=finder, faults=faults)
        told |= {f"{fault.code} {use}" for fault in faults if fault.severity is Severity.ERROR}
    return {
        frozenset(): ANY,
        frozenset({"E621 out.field", "E621 out[0]"}): INT,
        frozenset({"E621 out.field", "E623 out + 1"}): LIST,
        frozenset({"E601 out", "E601 out.field", "E601 out[0]", "E601 out + 1"}): NONE,
    }[frozenset(told)]


@pytest.mark.parametrize(
    ("call", "returns"),
    [
        ('shop.load("a")', LIST),
        ('shop.load(table = "a")', LIST),
        ('shop.load("a", form = "all")', LIST),
        ('shop.load("a", form = "count")', INT),
        ('shop.load("a", form = "none")', NONE),
        ('shop.load(form = "none", table = "a")', NONE),
        ('shop.load("a", form = constant)', NONE),
        ('shop.load("a", form = params.form)', ANY),
        ('shop.place("a", 1)', INT),
        ('shop.place("a", true)', NONE),
        ('shop.place("a", number = 1)', INT),
        # Types do not tell overloads apart: what the definition returns counts.
        ('shop.typed("a")', ANY),
        ("shop.typed(1)", ANY),
        ('shop.longer("a")', INT),
        ('shop.longer("a", "b")', NONE),
        ('shop.longer("a", b = "b")', NONE),
        ("shop.Asked()", ANY),
    ],
)
def test_which_overload_a_call_means(call: str, returns: str, tmp_path: Path) -> None:
    assert found(call, tmp_path) == returns


@pytest.mark.parametrize(
    ("call", "returns"),
    [
        ('shell("x")', ANY),
        ('shell("x", output = "json")', ANY),
        ('shell("x", output = "none")', NONE),
        ('script("x.py", 1, "two")', ANY),
        ('script("x.py", 1, "two", output = "none")', NONE),
        ('http("http://x")', ANY),
        ('http("http://x", output = "status")', INT),
        ('http("http://x", method = "POST", output = "none")', NONE),
        ('sql("sqlite://", "select 1")', LIST),
        ('sql("sqlite://", "select 1", params = {}, output = "rows")', LIST),
        ('sql("sqlite://", "select 1", output = "value")', ANY),
        ('sql("sqlite://", "select 1", output = "none")', NONE),
        ('wait_for_http("http://x")', INT),
        ("sleep(1s)", NONE),
    ],
)
def test_what_built_in_tasks_return(call: str, returns: str, tmp_path: Path) -> None:
    assert found(call, tmp_path) == returns
