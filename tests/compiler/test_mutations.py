"""Sound programs, broken by program in every way that the compiler must find: each must be told once, where it is."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import pytest

from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic
from ppc.parse import parse
from ppc.source import Source
from tests.compiler.mutators import MUTATORS_OF_FORM, Mutation, Mutator, Program
from tests.compiler.mutators_of_meaning import MUTATORS_OF_MEANING
from tests.compiler.mutators_of_operations import MUTATORS_OF_OPERATIONS

ROOT = Path(__file__).parents[2]
OWN = sorted((Path(__file__).parent / "mutations").glob("*.ppd"))
EXAMPLES = [ROOT / "examples" / name for name in ("hello.ppd", "testing/invoices.ppd", "weather/weather.ppd")]
"""Those that the mutators know to break in one place only."""
MOST_OF_A_KIND = 6
MUTATORS = (*MUTATORS_OF_FORM, *MUTATORS_OF_MEANING, *MUTATORS_OF_OPERATIONS)
T = TypeVar("T")


@pytest.fixture(scope="module", params=[*OWN, *EXAMPLES], ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def compiled(path: Path, finder: CallableFinder) -> CallableFinder:
    return finder if path in OWN else CallableFinder([path.parent], sys.path)


def faults_of(text: str, finder: CallableFinder) -> Sequence[Diagnostic]:
    source = Source("mutant.ppd", text)
    module, faults = parse(source)
    _, found = compile_program("mutant", [(source, module)], callables=finder, faults=faults)
    return found


def spread(items: Sequence[T], most: int) -> list[T]:
    """At most so many of the items, from all over them."""
    step = max(len(items) / most, 1)
    return [items[int(i * step)] for i in range(min(len(items), most))]


def touches(fault: Diagnostic, mutation: Mutation) -> bool:
    """Whether a fault points at the planted place, with its own span or, of several steps, with one of its labels."""
    spans = [fault.span, *(label.span for label in fault.labels)] if fault.code == "E401" else [fault.span]
    return any(span.start <= mutation.end and mutation.start <= span.end for span in spans)


def test_the_programs_are_sound(path: Path, compiled: CallableFinder) -> None:
    assert faults_of(path.read_text(encoding="utf-8"), compiled) == ()


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda mutator: mutator.__name__)
def test_a_planted_fault_is_told_once_where_it_is(path: Path, compiled: CallableFinder, mutator: Mutator) -> None:
    text = path.read_text(encoding="utf-8")
    module, _ = parse(Source("mutant.ppd", text))
    mutations = list(islice(mutator(Program(text, module)), 200))
    for mutation in spread(mutations, MOST_OF_A_KIND):
        found = faults_of(mutation.text, compiled)
        told = "\n".join(f"{fault.code} at {fault.span.start}-{fault.span.end}: {fault.message}" for fault in found)
        line = mutation.text[: mutation.start].count("\n")
        assert len(found) == 1, f"{mutation.text.splitlines()[line]}\n{told}"
        assert found[0].code.startswith(mutation.codes), told
        assert touches(found[0], mutation), f"{mutation.start}-{mutation.end}: {told}"


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda mutator: mutator.__name__)
def test_every_fault_can_be_planted_somewhere(mutator: Mutator) -> None:
    programs = (path.read_text(encoding="utf-8") for path in (*OWN, *EXAMPLES))
    assert any(next(mutator(Program(text, parse(Source("x", text))[0])), None) for text in programs)
