"""Spec values read as somebody would write them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TypeAlias

import pytest

from ppacer import spec as s
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.notation import callable_text, duration_text, expression_text, schedule_text, size_text, type_text, value_text
from ppc.parse import parse
from ppc.source import Source

At: TypeAlias = s.At
HERE = s.At(1, 1)


@pytest.mark.parametrize(
    "text",
    [
        '"a \\"b\\" \\\\ \\n \\x07 \\u202e ü 🎉"',
        "-1.5",
        "[1, true, none]",
        '{"k": run.date - 1d, "l": [run.id]}',
        "run.date + 1h30m",
        "2026-01-01T02:30",
        "500ms",
        'f"{run.date:%Y} {{x}} \\" {run.id}"',
        'run.id == "a" or not run.id in ["b"] and run.id != "c"',
        "(run.date - 1d) > run.date and not (run.id == run.dag)",
    ],
)
def test_what_was_written_comes_back(text: str, finder: CallableFinder) -> None:
    source = Source("a.ppd", f"dag d {{\n  task a = print({text})\n}}\n")
    module, faults = parse(source)
    program, found = compile_program("a", [(source, module)], callables=finder, faults=faults)
    assert program is not None, found
    ((argument,),) = (task.args for task in program.dags[0].tasks)
    again = Source("a.ppd", f"dag d {{\n  task a = print({expression_text(argument)})\n}}\n")
    module, faults = parse(again)
    second, _ = compile_program("a", [(again, module)], callables=finder, faults=faults)
    assert second is not None
    assert expression_text(second.dags[0].tasks[0].args[0]) == expression_text(argument)
    assert expression_text(argument).replace("(", "").replace(")", "") == text.replace("(", "").replace(")", "")


@pytest.mark.parametrize(
    ("expr", "text"),
    [
        (s.Output('raw["eu"]', HERE), 'raw["eu"]'),
        (s.Outputs("check", HERE), "check[*]"),
        (s.Attribute(s.Output("store", HERE), "rows", HERE), "store.rows"),
        (s.Item(s.ParamValue("p", HERE), s.Literal(0, HERE), HERE), "params.p[0]"),
        (s.Env("HOME", HERE, s.Literal("/", HERE)), 'env("HOME", "/")'),
        (s.Secret("TOKEN", HERE), 'secret("TOKEN")'),
        (s.TaskValue(s.TaskField.ATTEMPT, HERE), "task.attempt"),
        (s.TaskValue(s.TaskField.ERROR, HERE), "task.error"),
        (s.RunValue(s.RunField.FAILED, HERE), "run.failed"),
        (s.OutputAt("check", HERE), "check[…]"),
        (s.Concat((s.Outputs("a", HERE), s.Outputs("b", HERE)), HERE), "a[*] + b[*]"),
        (s.LoopVariable("f", HERE), "f"),
        (s.Unary(s.UnaryOperator.NEGATE, s.ParamValue("n", HERE), HERE), "-params.n"),
    ],
)
def test_expressions(expr: s.Expr, text: str) -> None:
    assert expression_text(expr) == text


def test_other_values() -> None:
    assert duration_text(timedelta(days=2, hours=1, milliseconds=5)) == "2d1h5ms"
    assert duration_text(timedelta()) == "0s"
    assert duration_text(-timedelta(seconds=90)) == "-1m30s"
    assert value_text((s.AlertEvent.FAILURE, s.AlertEvent.LATE)) == "[failure, late]"
    assert [size_text(size) for size in (10**6, 2**30, 3 * 2**29, 1500 * 10**6, 10**6 + 1)] == [
        '"1MB"', '"1GiB"', '"1536MiB"', '"1500MB"', '"1000001B"'
    ]  # fmt: skip
    assert value_text(date(2026, 1, 2)) == "2026-01-02"
    assert value_text(datetime(2026, 1, 2, 3, 4)) == "2026-01-02T03:04"  # noqa: DTZ001
    assert schedule_text(s.Cron("5 2 * * *", HERE)) == 'cron("5 2 * * *")'
    assert schedule_text(s.Every(timedelta(minutes=5), HERE, datetime(2026, 1, 1))) == (  # noqa: DTZ001
        "every(5m, anchor = 2026-01-01T00:00)"
    )
    assert schedule_text(s.CustomSchedule("shop.days:Fridays", HERE)) == "shop.days.Fridays"
    assert callable_text("ppacer.tasks.builtin:print_") == "print"
    assert type_text(s.ParamType(s.ParamKind.LIST, of=s.ParamType(s.ParamKind.INT))) == "list[int]"
    assert type_text(s.ParamType(s.ParamKind.CHOICE, optional=True, choices=("a", "b"))) == 'choice("a", "b")?'
