"""What each piece of the language becomes in the tree, and what is refused with which way out."""

from __future__ import annotations

from dataclasses import is_dataclass
from datetime import date, datetime, timedelta

import pytest

from ppc import ast
from ppc.diagnostics import Diagnostic
from ppc.parse import parse
from ppc.source import Source


def value(text: str) -> ast.Expr:
    module, faults = parse(Source("t.ppd", f"let x = {text}\n"))
    assert not faults
    let = module.items[0]
    assert isinstance(let, ast.LetDecl)
    return let.value


def body(text: str) -> tuple[ast.BodyItem, ...]:
    module, faults = parse(Source("t.ppd", f"dag d {{\n{text}\n}}\n"))
    assert not faults
    dag = module.items[0]
    assert isinstance(dag, ast.DagDecl)
    return dag.body


def only_fault(text: str) -> Diagnostic:
    _, faults = parse(Source("t.ppd", text))
    assert len(faults) == 1, faults
    return faults[0]


def shape(node: object) -> str:
    """An expression as brackets show it."""
    match node:
        case ast.BinaryExpr(operator, left, right):
            return f"({shape(left)} {operator} {shape(right)})"
        case ast.UnaryExpr(operator, operand):
            return f"({operator} {shape(operand)})"
        case ast.Name(name):
            return name
        case ast.Constant(constant):
            return repr(constant)
        case ast.AttributeExpr(of, name):
            return f"{shape(of)}.{name.name}"
        case ast.IndexExpr(of, keys):
            return f"{shape(of)}[{', '.join(shape(key) for key in keys)}]"
        case ast.Star():
            return "*"
        case ast.Call(callee, arguments):
            return f"{callee.text}({', '.join(shape(argument) for argument in arguments)})"
        case ast.Argument(None, argument):
            return shape(argument)
        case ast.Argument(ast.Identifier(name), argument):
            return f"{name}={shape(argument)}"
        case ast.ListLiteral(items):
            return f"[{', '.join(shape(item) for item in items)}]"
        case ast.DictLiteral(items):
            return "{" + ", ".join(f"{shape(key)}: {shape(item)}" for key, item in items) + "}"
        case ast.FormatLiteral(parts):
            return "f" + "|".join(part if isinstance(part, str) else shape(part) for part in parts)
        case ast.FormatField(field, format):
            return f"<{shape(field)}:{format}>" if format else f"<{shape(field)}>"
        case ast.DurationLiteral(days, elapsed):
            return f"{days}d+{elapsed}"
    raise AssertionError(node)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("1 - 2 - 3", "((1 - 2) - 3)"),
        ("(1 - 2) * 3 % x / 2", "((((1 - 2) * 3) % x) / 2)"),
        ("-x.y[0]", "(- x.y[0])"),
        ("-1", "-1"),
        ("- 1", "-1"),
        ("1 - -1.5", "(1 - -1.5)"),
        ("not a == b and c or d", "(((not (a == b)) and c) or d)"),
        ("a in xs and b not in ys", "((a in xs) and (b not in ys))"),
        ("not not a", "(not (not a))"),
        ("a + 1 < b * 2", "((a + 1) < (b * 2))"),
        ('t["eu", *].x', "t['eu', *].x"),
        ("a.b.c(1, x, k = [2], dag = {}).y", "a.b.c(1, x, k=[2], dag={}).y"),
        ('{"k": v, 1: [none, true, false]}', "{'k': v, 1: [None, True, False]}"),
        ("[\n1,\n\n2 # two\n,]", "[1, 2]"),
        ('f"a{x}b{run.date:%Y%m%d}{{}}"', "fa|<x>|b|<run.date:%Y%m%d>|{}"),
        ('f"{m["k"]}"', "f<m['k']>"),
        ('f""', "f"),
        ("run.date - 1d + 1h30m", "((run.date - 1d+0:00:00) + 0d+1:30:00)"),
        ("task.attempt", "task.attempt"),
    ],
)
def test_expressions(text: str, expected: str) -> None:
    assert shape(value(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"a\\n\\t\\"\\\\\\x41\\u2603\\U0001F600"', 'a\n\t"\\A☃😀'),
        ('r"\\d\\n"', "\\d\\n"),
        ('"""two\nlines "quoted" """', 'two\nlines "quoted" '),
        ('"""joined \\\nline"""', "joined line"),
        ('"{plain} # no comment"', "{plain} # no comment"),
        ("9223372036854775807", 2**63 - 1),
        ("0", 0),
        ("1.50", 1.5),
        ("2026-01-31", date(2026, 1, 31)),
        ("2024-02-29", date(2024, 2, 29)),
        ("2026-01-01T02:30", datetime(2026, 1, 1, 2, 30)),  # noqa: DTZ001
        ("2026-01-01T02:30:15.5", datetime(2026, 1, 1, 2, 30, 15, 500_000)),  # noqa: DTZ001
        ("none", None),
    ],
)
def test_constants(text: str, expected: object) -> None:
    node = value(text)
    assert isinstance(node, ast.Constant)
    assert node.value == expected
    assert type(node.value) is type(expected)


@pytest.mark.parametrize(
    ("text", "days", "elapsed"),
    [
        ("30m", 0, timedelta(minutes=30)),
        ("1h30m", 0, timedelta(minutes=90)),
        ("500ms", 0, timedelta(milliseconds=500)),
        ("2d", 2, timedelta(0)),
        ("1d2h3m4s5ms", 1, timedelta(hours=2, minutes=3, seconds=4, milliseconds=5)),
        ("0s", 0, timedelta(0)),
    ],
)
def test_durations(text: str, days: int, elapsed: timedelta) -> None:
    node = value(text)
    assert isinstance(node, ast.DurationLiteral)
    assert (node.days, node.elapsed) == (days, elapsed)


def test_a_task_with_everything() -> None:
    (task,) = body('task t[a in xs, b in ["x"]] = m.f(a, k = b) when a > 1 {\n retries = 1, timeout = 2m\n}')
    assert isinstance(task, ast.TaskDecl)
    assert task.name.name == "t"
    assert [(loop.variable.name, shape(loop.over)) for loop in task.loops] == [("a", "xs"), ("b", "['x']")]
    assert shape(task.call) == "m.f(a, k=b)"
    assert task.when is not None
    assert shape(task.when) == "(a > 1)"
    assert [setting.name.name for setting in task.settings] == ["retries", "timeout"]


@pytest.mark.parametrize(
    "text",
    ['group g = m.t(x = {\n"a": 1,\n})', 'template t(a: json = {\n"a": 1\n}) {}', 'group g = m.t(\n{\n"a": 1,\n})'],
)
def test_a_dict_in_brackets_may_begin_a_line(text: str) -> None:
    _, faults = parse(Source("t.ppd", f"{text}\n" if text.startswith("template") else f"dag d {{\n{text}\n}}\n"))
    assert not faults


@pytest.mark.parametrize(
    "value",
    ['f"{ "a" }"', 'f"{{"', 'f"{x:>3}{{"', 'f"""{m["}"]}{{ "}}" """', 'f"{f"{ "}" }"}{{"', '"{"', "1  # {"],
)
def test_a_brace_behind_a_statement_closes_its_block_whatever_braces_its_strings_hold(value: str) -> None:
    end = "\n" if "#" in value else ""
    _, faults = parse(Source("t.ppd", f"dag d {{\n task t = f() {{\n  env = {value}{end} }}\n}}\n"))
    assert not faults


def test_edges() -> None:
    (edge,) = body('a -> [b.c, raw["eu", *]]\n  -> g["x"].first.last')
    assert isinstance(edge, ast.EdgeStatement)
    assert [
        [(ref.name.text, [shape(key) for key in ref.keys], [part.name for part in ref.inside]) for ref in side.refs]
        for side in edge.sides
    ] == [[("a", [], [])], [("b.c", [], []), ("raw", ["'eu'", "*"], [])], [("g", ["'x'"], ["first", "last"])]]


def test_types() -> None:
    (param,) = body('param p: list[choice("a", -1)?]? = none')
    assert isinstance(param, ast.ParamDecl)
    assert param.type.optional
    (inner,) = param.type.arguments
    assert isinstance(inner, ast.TypeExpr)
    assert (inner.name.name, inner.optional) == ("choice", True)
    assert [argument.value for argument in inner.arguments if isinstance(argument, ast.Constant)] == ["a", -1]


def test_handlers_and_groups() -> None:
    success, failure, last, group = body(
        'on success { task a = f() }\non failure {}\nfinally { a -> b }\ngroup g {\n"""Doc."""\ntask x = f()\n}'
    )
    assert [item.event.value for item in (success, failure, last) if isinstance(item, ast.HandlerDecl)] == [
        "success",
        "failure",
        "finally",
    ]
    assert isinstance(group, ast.GroupDecl)
    assert group.doc is not None
    assert group.doc.text == "Doc."


def test_docstrings_are_cleaned() -> None:
    module, _ = parse(Source("t.ppd", '"""One.\n\n    Two.\n    """\ndag d { """Of the dag.""" }\n'))
    assert module.doc is not None
    assert module.doc.text == "One.\n\nTwo."
    (dag,) = module.items
    assert isinstance(dag, ast.DagDecl)
    assert dag.doc is not None
    assert dag.doc.text == "Of the dag."


def test_imports_and_file_declarations() -> None:
    module, faults = parse(
        Source(
            "t.ppd", 'import a.b as c\nfrom m import (f, g as h,)\ninclude "x.ppd"\nlabel gpu\npool p { slots = 1 }\n'
        )
    )
    assert not faults
    plain, names, include, label, pool = module.items
    assert isinstance(plain, ast.ImportDecl)
    assert plain.alias is not None
    assert (plain.module.text, plain.alias.name) == ("a.b", "c")
    assert isinstance(names, ast.FromImportDecl)
    assert [(n.name.name, n.alias.name if n.alias else None) for n in names.names] == [("f", None), ("g", "h")]
    assert isinstance(include, ast.IncludeDecl)
    assert include.path.value == "x.ppd"
    assert isinstance(label, ast.LabelDecl)
    assert isinstance(pool, ast.PoolDecl)


def test_an_empty_file_is_an_empty_module() -> None:
    for text in ("", "\n\n", "# only a comment", " \t\r\n"):
        module, faults = parse(Source("t.ppd", text))
        assert (module.items, faults) == ((), ())


def test_nodes_are_values() -> None:
    module, _ = parse(Source("t.ppd", "dag d { task t = f() }"))
    assert is_dataclass(module)
    assert module == parse(Source("t.ppd", "dag d { task t = f() }"))[0]
    assert hash(module)


@pytest.mark.parametrize(
    ("text", "code", "way_out"),
    [
        ("let a = True", "E111", "write `true`"),
        ("let a = 'x'", "E112", 'write `"x"`'),
        ("let a = 1 if b else c", "E113", "`when`"),
        ("let a = f(*xs)", "E114", "one argument"),
        ("let a = 1; let b = 2", "E115", "a line of its own"),
        ("let a = 2026-02-30", "E107", "2026-02-28"),
        ("let a = 2026-1-1", "E107", "write `2026-01-01`"),
        ("let a = 1let", "E106", "a name begins with a letter"),
        ("let dag = 1", "E109", "another name"),
        ("let a = task", "E109", "another name"),
        ("let Upper = 1", "E110", "`upper`"),
        ("dag d {\n  task t = f()\n    when x\n}", "E116", "the line above"),
        ("dag d\n{\n}", "E116", "the line above"),
        ("let a = “x”", "E105", "plain double quotes"),
        ("dag d { retries: 2 }", "E101", "write `retries = value`"),
        ("dag d { a >> b }", "E101", "`a -> b`"),
        ("tsk a = f()", "E101", "did you mean `task`?"),
        ("let a = b = c", "E101", "`==`"),
        ("let a = 1 < b < 3", "E101", "a < b and b < c"),
        ("let a = f(k = 1, 2)", "E101", "to the front"),
        ("let a = f(1)(2)", "E101", "import or a module"),
        ('let a = "x" "y"', "E101", "one string"),
        ("group g { task t = f() }", "E117", "into a dag"),
        ("dag d { a = 1 } # \u202e", "E119", "remove it"),
    ],
)
def test_friendly_faults(text: str, code: str, way_out: str) -> None:
    fault = only_fault(text)
    assert fault.code == code
    assert way_out in fault.help


def test_safe_edits_mend_the_source() -> None:
    text = "let a = [True, 'x', 2026-1-1, None]\n"
    _, faults = parse(Source("t.ppd", text))
    for fault in reversed(faults):
        assert fault.edit is not None
        text = text[: fault.edit.span.start] + fault.edit.text + text[fault.edit.span.end :]
    assert text == 'let a = [true, "x", 2026-01-01, none]\n'
    assert parse(Source("t.ppd", text))[1] == ()


@pytest.mark.parametrize("text", ["}dag ", "}task", "dag d { } task"])
def test_a_statement_that_begins_behind_a_brace_and_ends_at_once(text: str) -> None:
    assert parse(Source("t.ppd", text))[1]
