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


# --- written out by the compiler -------------------------------------------------------------------------------------

PARTS = 3_000
NUMBERS = f"let numbers = [{', '.join(map(str, range(PARTS)))}]\n"
HUNDRED = f"let numbers = [{', '.join(map(str, range(100)))}]\n"


def lines(template: str, count: int = PARTS) -> str:
    """The template with each number from 0 on in the place of `#`, and the next in that of `+`."""
    return "".join(template.replace("#", str(i)).replace("+", str(i + 1)) + "\n" for i in range(count))


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        pytest.param(
            f'{NUMBERS}dag d {{ task a[n in numbers] = shell(f"{{n}}")\n  task b[n in numbers] = shell(a[n])\n'
            "  task c = print(b[*])\n  a -> e -> b\n  task e = empty() }",
            2 * PARTS + 2,
            id="wide families",
        ),
        pytest.param(
            f'{HUNDRED}dag d {{ task a[n in numbers, m in numbers] = shell(f"{{n}} {{m}}")\n'
            "  task rows[n in numbers] = print(a[n, *])\n  task columns[n in numbers] = print(a[*, n]) }",
            10_200,
            id="a product",
        ),
        pytest.param(
            f'{NUMBERS}template t(n: int) {{ task a = shell(f"{{n}}")\n  task b = print(a) }}\n'
            "dag d { group g[n in numbers] = t(n)\n  task z = empty()\n  g -> z }",
            2 * PARTS + 1,
            id="a wide family of groups",
        ),
        pytest.param(
            "dag d {\n"
            + lines("group g# { task a = empty()\n task b = empty()\n a -> b }")
            + lines("g# -> g+", PARTS - 1)
            + "}",
            2 * PARTS,
            id="a chain of groups",
        ),
        pytest.param(
            'dag d { task s = shell("x", output = "json")\n  task t0[x in s] = shell(x)\n'
            + lines("task t+[x in t#[*]] = shell(x)")
            + "}",
            PARTS + 2,
            id="a chain of run-time families",
        ),
        pytest.param(
            'dag d { task s = shell("x", output = "json")\n  task t0[x in s] = shell(x)\n'
            + lines("task t+[x in s] = shell(t#[x])")
            + "}",
            PARTS + 2,
            id="run-time families in step",
        ),
        pytest.param(
            "let nothing = []\ndag d { task a = empty()\n  task b = empty()\n"
            + lines("task t#[x in nothing] = shell(x)")
            + "a -> t0\n"
            + lines("t# -> t+", PARTS - 1)
            + f"t{PARTS - 1} -> b }}",
            2,
            id="a chain of empty families",
        ),
        pytest.param(
            f'{NUMBERS}dag d {{ task s = shell("x")\n  on failure {{ task a[n in numbers] = shell(f"{{n}} {{s}}")\n'
            "  task b = print(a[*], run.failed) } }",
            PARTS + 2,
            id="a wide handler",
        ),
    ],
)
def test_families_and_groups(finder: CallableFinder, text: str, tasks: int) -> None:
    assert sum(len(dag.tasks) for dag in program(text, finder).dags) == tasks


def test_groups_as_deep_as_names_allow(finder: CallableFinder) -> None:
    depth = 70
    opening = "".join(f"group g{i} {{ " for i in range(depth))
    made, faults = compile_text(f"dag d {{ {opening} task a = empty() {'}' * depth} }}", finder)
    assert made is None
    assert {fault.code for fault in faults} == {"E212"}


def test_templates_as_deep_as_names_allow(finder: CallableFinder) -> None:
    count = 200
    templates = lines("template t#(x: json) { group g = t+(x) }", count)
    text = f"{templates}template t{count}(x: json) {{ task a = print(x) }}\ndag d {{ group g = t0(run.date) }}"
    made, faults = compile_text(text, finder)
    assert made is None
    assert {fault.code for fault in faults if not fault.code.startswith("W")} == {"E212"}


def test_a_fault_in_every_member_is_told_once(finder: CallableFinder) -> None:
    text = (
        f'{NUMBERS}template t(n: int) {{ task a = print(b[n])\n  task b[m in [-1]] = shell(f"{{m}}") }}\n'
        'dag d { task a[n in numbers] = shell(f"{n}", otput = "line")\n'
        '  task b[n in numbers] = print(a[f"{n}"], n + "x")\n'
        "  group g[n in numbers] = t(n) }"
    )
    _, faults = compile_text(text, finder)
    assert [fault.code for fault in faults] == ["E607", "E511", "E607", "E604"]
