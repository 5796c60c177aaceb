"""Laws of whole builds: any sound file makes a program, the same one every time, whose text is what it says."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from ppacer import spec
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.emit import emit
from ppc.format import format_source
from ppc.parse import parse
from ppc.source import Source

FINDER = CallableFinder([], [])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cf")), max_size=8).map(
    lambda text: json.dumps(text, ensure_ascii=False)
)
VALUES = st.one_of(
    TEXTS,
    st.integers(0, 10**6).map(str),
    st.sampled_from(["true", "none", "1.5", "1h30m", "2026-01-31", "run.date - 1d", "run.id", "task.attempt", "size"]),
    st.lists(st.integers(-9, 9).map(str), max_size=3).map(lambda items: f"[{', '.join(items)}]"),
)
SETTINGS = st.sampled_from(
    ["", " { retries = 2 }", " { timeout = none }", " { retries = 1, retry_delay = 5s }", ' { doc = "x" }']
)
SCHEDULES = st.sampled_from(["", '  schedule = cron("15 2 * * *")\n', "  schedule = [every(10m), every(1h)]\n"])


@st.composite
def sources(draw: st.DrawFn) -> str:
    """Files whose names all resolve: tasks over built-ins, outputs of tasks before them, families, edges forwards."""
    lines = ["let size = 3", "let regions = [1, 2]", "dag d {", draw(SCHEDULES).rstrip("\n")]
    count = draw(st.integers(1, 6))
    with_output: list[str] = []
    for n in range(count):
        arguments = draw(st.lists(VALUES, max_size=2))
        if with_output and draw(st.booleans()):
            arguments.append(draw(st.sampled_from(with_output)))
        kind = draw(st.sampled_from(["print", "empty", "shell", "family"]))
        call = {
            "print": f"task t{n} = print({', '.join(arguments)})",
            "empty": f"task t{n} = empty()",
            "shell": f'task t{n} = shell("true", output = "line")',
            "family": f"task t{n}[r in regions] = print(r, {', '.join(['size', *arguments])})",
        }[kind]
        lines.append(f"  {call}{draw(SETTINGS)}")
        if kind == "shell":
            with_output.append(f"t{n}")
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    for a, b in draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []:
        lines.append(f"  t{a} -> t{b}")
    return "\n".join(line for line in lines if line) + "\n}\n"


def built(text: str) -> spec.Program:
    source = Source("p.ppd", text)
    module, faults = parse(source)
    program, found = compile_program("p", [(source, module)], callables=FINDER, faults=faults)
    assert program is not None, found
    return program


@settings(max_examples=60, deadline=None)
@given(sources())
def test_a_build_is_the_same_every_time_and_its_text_says_what_it_is(text: str) -> None:
    program = built(text)
    emitted = emit(program)
    assert emit(built(text)) == emitted
    namespace: dict[str, object] = {"__name__": "p"}
    exec(compile(emitted, "p.py", "exec"), namespace)
    assert namespace["PROGRAM"] == program


@settings(max_examples=60, deadline=None)
@given(sources())
def test_the_form_of_a_file_changes_places_and_nothing_else(text: str) -> None:
    formatted = format_source(Source("p.ppd", text)).text
    tasks = [(task.id, task.parents, task.children, task.retries) for task in built(text).dags[0].tasks]
    again = [(task.id, task.parents, task.children, task.retries) for task in built(formatted).dags[0].tasks]
    assert again == tasks
