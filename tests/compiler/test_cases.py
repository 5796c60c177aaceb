"""The compiler's faults as data: a `.ppd` file with the text of its faults beside it, in a folder for their code.

`cases/E401/cycle.ppd` must be refused with the text of `cycle.txt`, to the letter; `ok_….ppd`, a near-miss, must pass
without a word. `together/` holds files with several faults. To write the texts anew after a change of words, run with
PPC_WRITE_CASES=1, and read the difference. What a case includes stands in a folder `parts/` beside it.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

import pytest

import ppc
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic, Span
from ppc.includes import Unit
from ppc.parse import parse
from ppc.render import render_text
from ppc.source import Source

CASES = Path(__file__).parent / "cases"
FILES = sorted(file for file in CASES.glob("*/*.ppd") if file.parent.name != "syntax")
BAD = [file for file in FILES if not file.name.startswith("ok_")]
GOOD = [file for file in FILES if file.name.startswith("ok_")]


def codes() -> dict[str, str]:
    """The codes of every stage after the parser, which has cases of its own."""
    found: dict[str, str] = {}
    for module in pkgutil.walk_packages(ppc.__path__, "ppc."):
        path = Path(ppc.__path__[0], *module.name.split(".")[1:]).with_suffix(".py")
        if path.is_file() and "\nCODES" in path.read_text(encoding="utf-8"):
            table: Mapping[str, str] = import_module(module.name).CODES
            assert not found.keys() & table.keys()
            found.update(table)
    return {code: what for code, what in found.items() if not code.startswith(("E00", "E1", "W0"))}


def name_of(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


def compile_case(file: Path, finder: CallableFinder) -> tuple[bool, list[str], str]:
    """Whether there is a program, the codes of the faults and their text.

    What a case includes stands beside it.
    """
    sources: dict[str, Source] = {}

    def read(name: str, by: Source | None) -> Unit | Diagnostic:
        name = os.path.normpath(name)
        if not (file.parent / name).exists():
            return Diagnostic("E001", f"there is no file `{name}`", Span(name, 0, 0))
        sources.setdefault(name, Source(name, (file.parent / name).read_text(encoding="utf-8")))
        return Unit(sources[name], *parse(sources[name]))

    first = read(file.name, None)
    assert isinstance(first, Unit)
    program, found = compile_program(
        file.stem,
        [(first.source, first.module)],
        callables=finder,
        faults=first.faults,
        read=read,
    )
    return program is not None, [fault.code for fault in found], render_text(found, sources, False)


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
