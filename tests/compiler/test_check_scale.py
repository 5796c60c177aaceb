"""Large programs: no stack overflows, and time grows with the size of the source, not with its square."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ppacer import spec
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic
from ppc.parse import parse
from ppc.source import Source

TASKS = 10_000


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """A bound far above what linear work takes, and far below what quadratic work would."""
    start = time.process_time()
    yield
    assert time.process_time() - start < seconds


def compile_text(text: str, finder: CallableFinder) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
    source = Source("large.ppd", text)
    module, faults = parse(source)
    with bounded(20):
        return compile_program("large", [(source, module)], callables=finder, faults=faults)


def tasks(body: str) -> str:
    return "dag d {\n" + "".join(f"  task t{i} = empty()\n" for i in range(TASKS)) + body + "\n}\n"


def program(text: str, finder: CallableFinder) -> spec.Program:
    made, faults = compile_text(text, finder)
    assert not faults
    assert made is not None
    return made


def test_many_dags(finder: CallableFinder) -> None:
    dags = []
    for d in range(100):
        lines = [
            f"  task t{t} = shop.etl.clean(t{t - 1}) {{ retries = {t} }}"
            if t % 2
            else f'  task t{t} = shop.etl.extract("eu", day = run.date - {t}d, full = run.previous == none)'
            for t in range(1, 100)
        ]
        dags.append(f'dag d{d} {{\n  task t0 = shop.etl.extract("eu")\n' + "\n".join(lines) + "\n}\n")
    made = program("import shop.etl\ndefaults { retries = 2 }\n" + "".join(dags), finder)
    assert sum(len(dag.tasks) for dag in made.dags) == TASKS


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain(finder: CallableFinder, backwards: bool) -> None:
    edges = [f"  t{i} -> t{i + 1}\n" for i in range(TASKS - 1)]
    made = program(tasks("".join(reversed(edges) if backwards else edges)), finder)
    assert made.dags[0].tasks[-1].x == TASKS - 1


def test_a_fan_out_and_in(finder: CallableFinder) -> None:
    wide = ", ".join(f"t{i}" for i in range(1, TASKS - 1))
    made = program(tasks(f"  t0 -> [{wide}] -> t{TASKS - 1}"), finder)
    assert len(made.dags[0].tasks[0].children) == TASKS - 2


def test_a_cycle_through_everything(finder: CallableFinder) -> None:
    made, faults = compile_text(tasks("  " + " -> ".join(f"t{i}" for i in range(TASKS)) + " -> t0"), finder)
    assert made is None
    assert [fault.code for fault in faults] == ["E401"]


def test_many_cycles(finder: CallableFinder) -> None:
    edges = "".join(f"  t{i} -> t{i + 1} -> t{i}\n" for i in range(0, TASKS, 2))
    after = "".join(f"  t{i} -> t{i + 2}\n" for i in range(0, TASKS - 2, 2))
    _, faults = compile_text(tasks(edges + after), finder)
    assert len(faults) == TASKS // 2


def test_many_faults(finder: CallableFinder) -> None:
    body = "".join(f"  t{i} -> u{i}\n  task x{i} = prnt(name{i}, run.dat)  {{ retrys = 1 }}\n" for i in range(2000))
    _, faults = compile_text(tasks(body), finder)
    assert len(faults) == 2000 * 5
