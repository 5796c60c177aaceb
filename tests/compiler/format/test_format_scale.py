"""Large and deep files are formatted, and no stack overflows."""

from __future__ import annotations

import pytest

from ppc.format import format_source
from ppc.source import Source

TASKS = 10_000

LARGE = {
    "tasks": lambda: "".join(
        f"dag d{d} {{\n"
        + "".join(f'task t{t}=print( "x",n=run.date-1d ){{retries=2}}\n  t{t}->u{t}\n' for t in range(100))
        + "}\n"
        for d in range(TASKS // 100)
    ),
    "one wide edge": lambda: f"dag d {{\n a->[{','.join(f't{t}' for t in range(TASKS))}]->b\n}}\n",
    "one long chain": lambda: f"dag d {{\n {'->'.join(f't{t}' for t in range(TASKS))}\n}}\n",
    "one list": lambda: f"let xs=[{','.join(f'[{t},x+{t}]' for t in range(TASKS))}]\n",
    "comments": lambda: "dag d {\n" + "".join(f"# one\ntask t{t}=f( #two\n x)#three\n" for t in range(TASKS)) + "}\n",
    "faults": lambda: "dag d {\n" + "".join(f"task t{t}=f( x\ntask u{t}=f( )\n" for t in range(TASKS // 4)) + "}\n",
    "directives": lambda: (
        "dag d {\n" + "".join(f"task t{t}=f(x, #  \n y) # ppc: allow W1\n" for t in range(2000)) + "}\n"
    ),
}


@pytest.mark.parametrize("kind", LARGE)
def test_size(kind: str) -> None:
    source = Source("t.ppd", LARGE[kind]())
    assert format_source(source).text != source.text


@pytest.mark.parametrize(
    "text",
    [
        "let x = " + "[" * 95 + "]" * 95,
        "let x = " + "f(" * 48 + "1" + ")" * 48,
        "let x = " + "(" * 90 + "1 + 2" + ")" * 90,
        "let x = " + "not " * 90 + "a",
        "let x = " + " + ".join("a" * 9 for _ in range(90)),
        "let x = " + "".join('f"{' for _ in range(45)) + "a" + '}"' * 45,
        "dag d {\n" + "group g {\n" * 95 + "}\n" * 95 + "}",
        "dag d {" + "{" * 3000,
        "let x = " + "(" * 3000,
        "}" * 3000,
    ],
    ids=["lists", "calls", "brackets", "not", "sum", "f-strings", "groups", "open braces", "open brackets", "closing"],
)
def test_depth(text: str) -> None:
    once = format_source(Source("t.ppd", text)).text
    assert format_source(Source("t.ppd", once)).text == once
