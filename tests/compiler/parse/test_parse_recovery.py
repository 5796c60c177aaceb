"""One broken statement costs one diagnostic and itself; nothing costs more time or stack than its size."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppc import ast
from ppc.parse import parse
from ppc.source import Source

SOUND = Path(__file__).parents[1] / "cases" / "syntax" / "sound"
OVERVIEW = (SOUND / "overview.ppd").read_text()


def names(module: ast.Module) -> set[str]:
    found = set()
    for item in module.items:
        for node in (item, *(item.body if isinstance(item, ast.DagDecl | ast.TemplateDecl) else ())):
            name = getattr(node, "name", None)
            if isinstance(name, ast.Identifier):
                found.add(name.name)
    return found


def code_of(line: str) -> str:
    """The line without its comment."""
    return re.sub(r'("[^"]*")|#.*', lambda match: match[1] or "", line).rstrip()


def breakages() -> Iterator[tuple[str, int, str]]:
    """The overview, broken at one place in every way: what was done, in which line, and the text."""
    offset = 0
    for number, line in enumerate(OVERVIEW.splitlines(keepends=True), 1):
        code = code_of(line)
        if code and '"""' not in code:
            for column, character in enumerate(code):
                at = offset + column
                before, after = OVERVIEW[:at], OVERVIEW[at + 1 :]
                outside = code[:column].count('"') % 2 == 0
                if character in '()[]{}"':
                    yield f"remove {character} at {number}:{column + 1}", number, before + after
                if character in "([{)]}" and outside:
                    yield f"double {character} at {number}:{column + 1}", number, before + character * 2 + after
                if character == "=" and outside:
                    yield f"double = at {number}:{column + 1}", number, before + "= =" + after
                    yield f"remove = at {number}:{column + 1}", number, before + after
                if character == "," and outside:
                    yield f"double , at {number}:{column + 1}", number, before + ",," + after
            keyword = re.match(r"\s*(task|dag|let|template|pool|param|import|notifier|label|include)\b", code)
            if keyword:
                end = offset + keyword.end()
                yield f"misspell {keyword[1]} in {number}", number, OVERVIEW[: end - 1] + OVERVIEW[end:]
        offset += len(line)


def test_one_breakage_anywhere_is_one_fault_in_its_place() -> None:
    sound = names(parse(Source("t.ppd", OVERVIEW))[0])
    wrong = []
    count = 0
    for what, line, text in breakages():
        count += 1
        source = Source("t.ppd", text)
        module, faults = parse(source)
        places = [source.line_column(fault.span.start)[0] for fault in faults]
        # A block's brace may be missed only where something else shows that it is not there.
        brace = re.match(r"(remove|double) [{}]", what) is not None
        near = len(places) == 1 and (abs(places[0] - line) <= 1 or brace)
        renamed = re.match(r"remove [\[(]", what) is not None  # `raw[…` becomes another name
        lost = sound - names(module) - module.broken_words
        if not near or (lost and not renamed):
            wrong.append((what, places, lost))
    assert count > 300
    assert wrong == []


FAULTY_STATEMENTS = [
    "task z{n} = = f()",
    "task z{n} = f(1",
    'task z{n} = print("open)',
    "task z{n} = f([1, 2)",
    "tsk z{n} = f()",
    "z{n} -> -> b",
    "task z{n} = f() {{ retries = = 1 }}",
    "task z{n} = f() {{ timeout = 10min }}",
    "task z{n} = print('single')",
    "task z{n} = f(True)",
    "param z{n} = 1",
    "let z{n} = 1",
    "task z{n}",
    "task z{n} = f(2026-02-30)",
    "task z{n} = f($)",
    'task z{n} = f(f"{{}}")',
    "task z{n} = f(a if b else c)",
    "task z{n} = f(*xs)",
    "on error {{ task z{n} = f() }}",
    "group z{n} {{ task a = f( }}",
    "retries: {n}",
]


@given(st.lists(st.sampled_from(FAULTY_STATEMENTS), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_faults_planted_in_many_places_are_all_told(planted: list[str], order: random.Random) -> None:
    lines = [(f"  task t{n} = f({n}) {{ retries = {n} }}", False) for n in range(10)]
    lines += [("  " + fault.format(n=n), True) for n, fault in enumerate(planted)]
    order.shuffle(lines)
    text = "dag d {\n" + "\n".join(line for line, _ in lines) + "\n  task last = f()\n}\n"
    source = Source("t.ppd", text)
    module, faults = parse(source)
    told = [source.line_column(fault.span.start)[0] for fault in faults]
    assert told == [number for number, (_, faulty) in enumerate(lines, 2) if faulty]
    assert names(module) >= {*(f"t{n}" for n in range(10)), "last"}


def test_an_unclosed_block_ends_where_the_next_declaration_begins() -> None:
    text = "dag a {\n  task t = f() {\n    retries = 1\n  task u = f()\n\ndag b {\n  task v = f()\n}\n"
    module, faults = parse(Source("t.ppd", text))
    assert [fault.code for fault in faults] == ["E103", "E103"]
    assert [(dag.name.name, len(dag.body)) for dag in module.items if isinstance(dag, ast.DagDecl)] == [
        ("a", 2),
        ("b", 1),
    ]


def test_a_broken_header_does_not_cost_the_dag() -> None:
    module, faults = parse(Source("t.ppd", "dag d (x) {\n  task a = f()\n  task b = = f()\n}\n"))
    assert [fault.code for fault in faults] == ["E101", "E101"]
    (dag,) = module.items
    assert isinstance(dag, ast.DagDecl)
    assert len(dag.body) == 1
    assert {"b", "f", "d"} <= module.broken_words


def test_an_unclosed_docstring_costs_only_itself() -> None:
    text = '"""File."""\ndag a {\n  """Open.\n  task t = f()\n}\ndag b {\n  """\n  Sound.\n  """\n  task u = f()\n}\n'
    module, faults = parse(Source("t.ppd", text))
    assert [fault.code for fault in faults] == ["E102"]
    assert names(module) == {"a", "t", "b", "u"}


MANY = 20_000
DEEP = {
    "round": "let x = " + "(" * MANY + "1" + ")" * MANY,
    "never closed": "let x = " + "([" * MANY,
    "mismatched": "let x = " + "(" * MANY + "]" * MANY,
    "lists": "let x = " + "[" * MANY + "]" * MANY,
    "dicts": "let x = " + '{"a":' * MANY + "1" + "}" * MANY,
    "not": "let x = " + "not " * MANY + "a",
    "minus": "let x = " + "-" * MANY + "a",
    "sum": "let x = a" + "+ a" * MANY,
    "attributes": "let x = a" + ".a" * MANY,
    "calls": "let x = " + "f(" * MANY + ")" * MANY,
    "groups": "dag d {\n" + "group g {\n" * MANY + "}\n" * (MANY + 1),
    "f-strings": "let x = " + 'f"{' * MANY + "1" + '}"' * MANY,
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_nesting_is_refused_with_one_fault(name: str) -> None:
    module, faults = parse(Source("t.ppd", DEEP[name]))
    assert [fault.code for fault in faults] == ["E118"]
    assert "100" in faults[0].message
    repr(module)


def test_nesting_up_to_the_limit_is_fine() -> None:
    for text in (
        "let x = " + "(" * 99 + "1" + ")" * 99,
        "let x = " + "[" * 99 + "]" * 99,
        "let x = a" + " + a" * 99,
        "dag d {\n" + "group g {\n" * 98 + "task a = f()\n" + "}\n" * 99,
        'let x = f"' + "{a} " * 500 + '"',
        "let x = [" + "a.b + c(1)," * 500 + "]",
    ):
        module, faults = parse(Source("t.ppd", text))
        assert faults == ()
        repr(module)


def faulty(count: int) -> str:
    return "dag d {\n" + "  task a = f(1, = 2) { retries = 2 }\n  task b = print('x\n" * (count // 2) + "}\n"


def seconds(text: str) -> float:
    source = Source("t.ppd", text)
    best = float("inf")
    for _ in range(3):
        begin = time.process_time()
        parse(source)
        best = min(best, time.process_time() - begin)
    return best


def costs_linear_time(short: str, long: str, times: int) -> bool:
    """Whether a text that is so many times as long as another takes less than twice as many times as long.

    What is linear does so at the first look, or at a later one where other programs were in the way at first. What is
    quadratic never does: it takes `times` times as many.
    """
    return any(seconds(long) < 2 * times * seconds(short) + 0.05 for _ in range(10))


def test_faults_cost_linear_time() -> None:
    assert len(parse(Source("t.ppd", faulty(2000)))[1]) == 2000
    assert costs_linear_time(faulty(400), faulty(2000), 5)


REPEATED = [
    "}\n", "{\n", "dag d {\n", '"\n', '"""\n', "task t = f(\n", 'let x = f"{\n', "let x = 'a\n", "((]}\n", "dag e }\n",
]  # fmt: skip


@pytest.mark.parametrize("line", REPEATED)
def test_the_same_fault_over_and_over_costs_linear_time(line: str) -> None:
    assert costs_linear_time(line * 1000, line * 4000, 4)


PIECES = [
    *"(){}[]\",:;=*-'#\\\n|!?@.<>+/% \t\r\0é", '"""', 'f"', 'r"', "'''", "->", "task ", "dag ", "group ", "on ",
    "when ", "finally", "let ", "import ", "from ", "in ", "not ", "param ", "x", "1", "1h", "2026-01-01", "true",
    "\r\n", "\u202e", "{{", "}}", "{\n", "\n}\n", "{x", "defaults {", "template t(", "failure", "as ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_no_text_makes_the_parser_fail(text: str) -> None:
    module, faults = parse(Source("t.ppd", text))
    assert all(0 <= fault.span.start <= fault.span.end <= len(text) for fault in faults)
    assert isinstance(module, ast.Module)


@given(st.text(max_size=80))
def test_no_odd_text_makes_the_parser_fail(text: str) -> None:
    parse(Source("t.ppd", text))
