"""Whatever the sources, the compiler answers: a program, or faults that lie within them, never an exception."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import has_errors
from ppc.parse import parse
from ppc.source import Source

FILES = sorted((Path(__file__).parent / "cases").glob("[EW]*/*.ppd"))
TEXTS = [text for file in FILES if len(text := file.read_text(encoding="utf-8")) < 3000]
TOKEN = re.compile(r'"[^"\n]*"|\w+|\s+|.')
TOKENS = sorted({token for text in TEXTS for token in TOKEN.findall(text)})


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A case with a few of its tokens left out, changed or doubled."""
    tokens: list[str] = TOKEN.findall(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["drop", "change", "add"])):
            case "drop" if len(tokens) > 1:
                del tokens[place]
            case "change":
                tokens[place] = draw(st.sampled_from(TOKENS))
            case _:
                tokens.insert(place, draw(st.sampled_from(TOKENS)))
    return "".join(tokens)


def assert_sound(program: spec.Program) -> None:
    """What every program must be, whatever it does."""
    for dag in program.dags:
        tasks = {task.id: task for task in dag.tasks}
        place = {task.id: i for i, task in enumerate(dag.tasks)}
        assert len(tasks) == len(dag.tasks)
        for task in dag.tasks:
            assert all(place[parent] < place[task.id] for parent in task.parents)
            assert all(task.id in tasks[parent].children for parent in task.parents)
            assert all(task.id in tasks[child].parents for child in task.children)
            assert task.fan_out is None or set(task.fan_out.pairwise) <= set(task.parents)
            assert {tasks[parent].handler for parent in task.parents} <= {task.handler}


@settings(
    max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=damaged())
def test_answers_whatever_the_source(finder: CallableFinder, text: str) -> None:
    source = Source("damaged.ppd", text)
    module, faults = parse(source)
    program, found = compile_program("damaged", [(source, module)], callables=finder, faults=faults)
    assert (program is None) is has_errors(found)
    if program is not None:
        assert_sound(program)
    for fault in found:
        for span in (fault.span, *(label.span for label in fault.labels)):
            assert 0 <= span.start <= span.end <= len(text)
