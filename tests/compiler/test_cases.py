"""The compiler's faults as data: a `.ppd` file with the text of its faults beside it, in a folder for their code.

`cases/E401/cycle.ppd` must be refused with the text of `cycle.txt`, to the letter; `ok_….ppd`, a near-miss, must pass
without a word. `together/` holds files with several faults. To write the texts anew after a change of words, run with
PPC_WRITE_CASES=1, and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from ppc import (
    callees,
    checks,
    expand,
    expressions,
    families,
    includes,
    link,
    param_types,
    references,
    settings,
    values,
)
from ppc import names as words
from ppc.callables import CallableFinder
from ppc.checks import arguments, callables, data, graph, names, support, time
from ppc.compile import compile_program
from ppc.parse import parse
from ppc.render import render_text
from ppc.source import Source

CASES = Path(__file__).parent / "cases"
STAGES = (
    callees,
    expand,
    expressions,
    families,
    includes,
    link,
    words,
    param_types,
    references,
    values,
    settings,
    arguments,
    callables,
    data,
    graph,
    names,
    support,
    time,
)
FILES = sorted(file for file in CASES.glob("*/*.ppd") if file.parent.name != "syntax")
BAD = [file for file in FILES if not file.name.startswith("ok_")]
GOOD = [file for file in FILES if file.name.startswith("ok_")]


def codes() -> dict[str, str]:
    found: dict[str, str] = {}
    for stage in STAGES:
        table: Mapping[str, str] = stage.CODES
        assert not found.keys() & table.keys()
        found.update(table)
    return found


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def compile_case(file: Path, finder: CallableFinder) -> tuple[bool, list[str], str]:
    """Whether there is a program, the codes of the faults and their text."""
    source = Source(file.name, file.read_text(encoding="utf-8"))
    module, faults = parse(source)
    program, found = compile_program(file.stem, [(source, module)], callables=finder, faults=faults)
    return program is not None, [fault.code for fault in found], render_text(found, {source.path: source}, False)


@pytest.mark.parametrize("file", BAD, ids=name_of)
def test_bad_case(file: Path, finder: CallableFinder) -> None:
    is_program, found, text = compile_case(file, finder)
    expected = file.with_suffix(".txt")
    if "PPC_WRITE_CASES" in os.environ:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert is_program is not any(code.startswith("E") for code in found)
    if file.parent.name != "together":
        assert set(found) == {file.parent.name}


@pytest.mark.parametrize("file", GOOD, ids=name_of)
def test_near_miss(file: Path, finder: CallableFinder) -> None:
    is_program, found, text = compile_case(file, finder)
    assert (text, found) == ("", [])
    assert is_program


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_a_bad_case_and_a_near_miss(code: str) -> None:
    assert any(file.parent.name == code for file in BAD)
    assert any(file.parent.name == code for file in GOOD)


def test_no_check_is_left_out() -> None:
    folder = Path(checks.__file__).parent
    assert {file.stem for file in folder.glob("*.py")} - {"__init__"} == {
        stage.__name__.rpartition(".")[2] for stage in STAGES if stage.__name__.startswith("ppc.checks.")
    }
