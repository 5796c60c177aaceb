"""From text to the spec's values: what a program says is what its author wrote, resolved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest

from ppacer import spec
from ppacer.spec import At
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic
from ppc.parse import parse
from ppc.source import Source

Compile = Callable[..., tuple[spec.Program | None, tuple[Diagnostic, ...]]]


@pytest.fixture
def compile_texts(finder: CallableFinder) -> Compile:
    def compile_texts(**files: str) -> tuple[spec.Program | None, tuple[Diagnostic, ...]]:
        sources = [Source(f"{name}.ppd", text) for name, text in files.items()]
        parsed = [(source, *parse(source)) for source in sources]
        faults = [fault for _, _, found in parsed for fault in found]
        modules = [(source, module) for source, module, _ in parsed]
        return compile_program("sales", modules, callables=finder, faults=faults)

    return compile_texts


@pytest.fixture
def dag_of(compile_texts: Compile) -> Callable[[str], spec.Dag]:
    def dag_of(text: str) -> spec.Dag:
        program, faults = compile_texts(sales=text)
        assert not faults
        assert program is not None
        return program.dags[0]

    return dag_of


def arguments(dag: spec.Dag) -> tuple[spec.Expr, ...]:
    return dag.tasks[-1].args


def test_the_hello_example(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of(
        'dag hello {\n  """Greets."""\n  schedule = every(10s)\n  task start  = print("hello")\n'
        '  task foo    = print("foo")\n  task bar    = print("bar")\n  task finish = print("I\'m done!")\n'
        "  start -> [foo, bar]\n  bar -> finish\n}\n"
    )
    assert (dag.id, dag.doc, dag.at) == ("hello", "Greets.", At(1, 5))
    assert dag.schedules == (spec.Every(timedelta(seconds=10), At(3, 14)),)
    assert dag.settings_at == (("schedule", At(3, 3)),)
    start, foo, bar, finish = dag.tasks
    assert start == spec.Task(
        id="start",
        callable="ppacer.tasks.builtin:print_",
        at=At(4, 8),
        args=(spec.Literal("hello", At(4, 23)),),
        children=("foo", "bar"),
    )
    assert (foo.parents, foo.children, foo.x, foo.y) == (("start",), (), 1, 0)
    assert (bar.parents, bar.children, bar.x, bar.y) == (("start",), ("finish",), 1, 1)
    assert (finish.parents, finish.x, finish.y) == (("bar",), 2, 0)


def test_tasks_stand_in_topological_order(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of("dag d { task c = empty()\n task b = empty()\n task a = empty()\n a -> b -> c\n a -> c }")
    assert [task.id for task in dag.tasks] == ["a", "b", "c"]
    assert dag.tasks[0].children == ("b", "c")
    assert dag.tasks[2].parents == ("a", "b")


def test_an_argument_makes_an_edge(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of(
        "from shop.etl import extract, load\ndag d {\n  task store = load(rows, table = rows[0].name)\n"
        '  task rows = extract("eu")\n}'
    )
    rows, store = dag.tasks
    assert rows.children == ("store",)
    assert store.parents == ("rows",)
    assert store.args == (spec.Output("rows", At(3, 21)),)
    item = spec.Item(spec.Output("rows", At(3, 35)), spec.Literal(0, At(3, 40)), At(3, 35))
    assert store.kwargs == (("table", spec.Attribute(item, "name", At(3, 35))),)


def test_settings_lie_over_each_other(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of(
        "defaults { retries = 1, timeout = 1m }\ndag d {\n  defaults { retries = 2, retry_delay = 5s }\n"
        '  task a = empty() { retries = 3, timeout = none, doc = "Nothing." }\n  task b = empty()\n}'
    )
    a, b = dag.tasks
    assert (a.retries, a.timeout, a.retry_delay, a.doc) == (3, None, timedelta(seconds=5), "Nothing.")
    assert (b.retries, b.timeout, b.retry_delay, b.doc) == (2, timedelta(minutes=1), timedelta(seconds=5), "")
    assert dict(b.settings_at) == {"retries": At(3, 14), "timeout": At(1, 25), "retry_delay": At(3, 27)}
    assert dict(a.settings_at)["retries"] == At(4, 22)


def test_settings_of_a_dag(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of(
        'dag d {\n  schedule = [cron("15 4 * * *"), every(1d, anchor = 2026-01-01)]\n  timezone = "Europe/Warsaw"\n'
        '  start = 2026-01-01\n  end = 2027-01-01T02:30\n  catchup = none\n  tags = ["a", "b"]\n  owner = "me"\n'
        "  max_active_runs = 3\n  task a = empty()\n}"
    )
    assert dag.schedules == (
        spec.Cron("15 4 * * *", At(2, 15)),
        spec.Every(timedelta(days=1), At(2, 35), datetime(2026, 1, 1)),  # noqa: DTZ001 (the dag's wall clock)
    )
    assert dag.timezone == "Europe/Warsaw"
    assert dag.start == date(2026, 1, 1)
    assert dag.end == datetime(2027, 1, 1, 2, 30)  # noqa: DTZ001
    assert dag.catchup is spec.Catchup.NONE
    assert (dag.tags, dag.owner, dag.max_active_runs) == (("a", "b"), "me", 3)


def test_who_gives_a_deadline_is_told_when_it_is_missed(dag_of: Callable[[str], spec.Dag]) -> None:
    failure, late = spec.AlertEvent.FAILURE, spec.AlertEvent.LATE
    body = "schedule = every(1h)\n  task a = empty()\n}"
    assert dag_of(f"dag d {{\n  {body}").alert_on == (failure,)
    told = dag_of(f"dag d {{\n  deadline = 1h\n  {body}")
    assert (told.alert_on, [name for name, _ in told.settings_at]) == ((failure, late), ["deadline", "schedule"])
    assert dag_of(f"dag d {{\n  deadline = 1h\n  alert_on = [failure]\n  {body}").alert_on == (failure,)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("none", spec.Literal(None, At(2, 18))),
        ("1h30m", spec.Literal(timedelta(hours=1, minutes=30), At(2, 18))),
        ("2026-01-01 + 2d", spec.Literal(date(2026, 1, 3), At(2, 18))),
        ("1 + 2 * 3", spec.Literal(7, At(2, 18))),
        ('f"{1 + 1} {true}"', spec.Literal("2 true", At(2, 18))),
        ("run.date", spec.RunValue(spec.RunField.DATE, At(2, 18))),
        ("task.attempt", spec.TaskValue(spec.TaskField.ATTEMPT, At(2, 18))),
        (
            "[1, run.id]",
            spec.ListOf((spec.Literal(1, At(2, 19)), spec.RunValue(spec.RunField.ID, At(2, 22))), At(2, 18)),
        ),
        ('{"a": 1}', spec.DictOf(((spec.Literal("a", At(2, 19)), spec.Literal(1, At(2, 24))),), At(2, 18))),
        (
            "run.date - 1d",
            spec.Binary(
                spec.BinaryOperator.SUBTRACT,
                spec.RunValue(spec.RunField.DATE, At(2, 18)),
                spec.Literal(timedelta(days=1), At(2, 29)),
                At(2, 18),
            ),
        ),
        (
            'f"on {run.date:%Y}"',
            spec.FormatString(
                ("on ", spec.FormatField(spec.RunValue(spec.RunField.DATE, At(2, 24)), At(2, 23), "%Y")), At(2, 18)
            ),
        ),
    ],
)
def test_expressions(dag_of: Callable[[str], spec.Dag], text: str, value: spec.Expr) -> None:
    assert arguments(dag_of(f"dag d {{\n  task a = print({text})\n}}")) == (value,)


def test_lets_stand_for_their_values(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of('let n = 1 + 1\nlet xs = ["a", n]\ndag d {\n  task a = print(n, xs, xs[1] * 2)\n}')
    assert arguments(dag) == (
        spec.Literal(2, At(4, 18)),
        spec.ListOf((spec.Literal("a", At(2, 11)), spec.Literal(2, At(2, 16))), At(2, 10)),
        spec.Literal(4, At(4, 25)),
    )


def test_what_goes_into_a_shell_command_is_quoted(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of(
        'let file = "a b"\nlet all = "*.csv"\nlet how = "li"\ndag d {\n  task a = shell("date")\n'
        '  task b = shell(f"cat {file} {all:raw}", output = f"{how}ne")\n  task c = shell(command = f"echo {a}")\n}'
    )
    _, b, c = dag.tasks
    assert [arg.value for arg in b.args if isinstance(arg, spec.Literal)] == ["cat 'a b' *.csv"]
    assert [value.value for _, value in b.kwargs if isinstance(value, spec.Literal)] == ["line"]
    ((name, command),) = c.kwargs
    assert name == "command"
    assert isinstance(command, spec.FormatString)
    field = command.parts[1]
    assert isinstance(field, spec.FormatField)
    assert field.quoted


def test_shell_under_another_name_quotes_too(dag_of: Callable[[str], spec.Dag]) -> None:
    dag = dag_of(
        'from ppacer.tasks.shell import shell as run_it\nlet file = "x y"\n'
        'dag d {\n  task a = run_it(f"echo {file}")\n}'
    )
    assert arguments(dag) == (spec.Literal("echo 'x y'", At(4, 19)),)


def test_the_program_around_the_dags(compile_texts: Compile) -> None:
    program, faults = compile_texts(
        sales='import shop.etl\ndag a { task x = shop.etl.extract("eu")\n task y = empty() }',
        other="dag b { task x = empty() }",
    )
    assert not faults
    assert program is not None
    assert program.name == "sales"
    assert [dag.id for dag in program.dags] == ["a", "b"]
    assert [dag.at.file for dag in program.dags] == [0, 1]
    assert [source.path for source in program.sources] == ["sales.ppd", "other.ppd"]
    assert [callable_.id for callable_ in program.callables] == ["ppacer.tasks.builtin:empty", "shop.etl:extract"]
    assert program.tzdata
    assert len(program.build) == 64


def test_the_build_is_the_same_for_the_same_sources_alone(compile_texts: Compile) -> None:
    text = 'dag a { task x = print("x") }'
    first, again, other = (compile_texts(sales=each)[0] for each in (text, text, text.replace('"x"', '"y"')))
    assert first is not None
    assert other is not None
    assert first == again
    assert first.build != other.build


def test_a_dag_of_one_name_in_two_files_is_told_with_both_places(compile_texts: Compile) -> None:
    program, faults = compile_texts(one="dag a { task x = empty() }", two="\ndag a { task x = empty() }")
    assert program is None
    (fault,) = faults
    assert (fault.code, fault.span.file, fault.labels[0].span.file) == ("E204", "two.ppd", "one.ppd")


def test_imports_and_defaults_do_not_cross_files(compile_texts: Compile) -> None:
    program, faults = compile_texts(
        one='from shop.etl import extract\ndefaults { retries = 5 }\ndag a { task x = extract("eu") }',
        two="dag b { task x = empty()\n task y = clean_up() }",
    )
    assert program is None
    assert [fault.code for fault in faults] == ["E203"]
    program, faults = compile_texts(
        one="defaults { retries = 5 }\ndag a { task x = empty() }", two="dag b { task x = empty() }"
    )
    assert program is not None
    assert [dag.tasks[0].retries for dag in program.dags] == [5, 0]


def test_a_broken_statement_costs_only_itself(compile_texts: Compile) -> None:
    program, faults = compile_texts(
        sales="import shop.etl\nlet x = = 1\ndag a {\n  task rows = shop.etl.extract(]\n"
        "  task b = print(rows, x)\n  task c = emty()\n  rows -> b -> c\n}"
    )
    assert program is None
    assert [fault.code for fault in faults if not fault.code.startswith("E1")] == ["E203"]
    assert len([fault for fault in faults if fault.code.startswith("E1")]) == 2
