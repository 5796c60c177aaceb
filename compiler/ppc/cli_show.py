"""`ppc show`: the dags as they are compiled, with every name, setting and default worked out."""

from __future__ import annotations

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from typing import Final

from ppacer import spec
from ppacer.core.instants import UnknownZoneError, to_datetime, zone
from ppacer.core.schedule import next_times
from ppacer.records import fields
from ppc.cli_compile import chosen_dags, compile_one
from ppc.cli_error import CommandError
from ppc.cli_options import add_dag, add_search
from ppc.cli_report import tell_text
from ppc.notation import (
    call_text,
    expression_text,
    handler_text,
    schedule_text,
    shown_text,
    size_text,
    type_text,
    value_text,
)

_NEXT: Final = 3
"""How many of a dag's next times are shown."""
_ALWAYS: Final = ("retries", "timeout")
"""Settings of a task that are shown even as they are built in."""
_NAMES: Final = ("pool", "runs_on", "notify")
"""Settings whose value is a name, or several."""
_TASK_SETTINGS: Final = (
    "retries", "retry_delay", "backoff", "timeout", "on_lost", "trigger", "pool", "priority", "isolation", "runs_on",
    "env", "cwd", "memory", "notify", "alert_on", "alert",
)  # fmt: skip
_DAG_SETTINGS: Final = (
    "timezone", "start", "end", "dst", "catchup", "overlap", "max_active_runs", "max_active_tasks", "run_timeout",
    "deadline", "tags", "owner", "notify", "alert_on", "ping",
)  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    add_dag(parser)
    add_search(parser)


def run(arguments: Namespace) -> int:
    program, compilation = compile_one(arguments)
    if program is None:
        tell_text(compilation)
        return CommandError.code
    now = time.time_ns() // 1000
    folder = os.path.dirname(arguments.file)  # noqa: PTH120 - it stays as it was given
    paths = [os.path.normpath(os.path.join(folder, source.path)) for source in program.sources]  # noqa: PTH118
    dags = chosen_dags(program, arguments)
    sys.stdout.write("\n\n".join("\n".join(dag_lines(dag, paths, now)) for dag in dags) + "\n")
    return 0


def dag_lines(dag: spec.Dag, paths: Sequence[str], now: int) -> Iterator[str]:
    """The dag for people. `paths` are those of the sources; `now`, from which its next times are counted, is in
    microseconds since 1970 in UTC."""
    yield f"dag {dag.id}   {_place(dag.at, paths)}"
    yield from (f"  {line}".rstrip() for line in dag.doc.splitlines())
    yield ""
    yield _row("schedule", ", ".join(schedule_text(each) for each in dag.schedules) or "none: by trigger only")
    if dag.schedules:
        yield _row("next", _next_times(dag, now))
    yield from (_row(name, text) for name, text in _settings(dag, _DAG_SETTINGS, ()))
    for param in dag.params:
        default = "" if param.default is None else f" = {expression_text(param.default)}"
        yield _row("param", f"{param.name}: {type_text(param.type)}{default}")
    for task in dag.tasks:
        yield ""
        yield from _task_lines(task, paths)


def _task_lines(task: spec.Task, paths: Sequence[str]) -> Iterator[str]:
    kind = "task" if task.handler is spec.HandlerKind.NONE else handler_text(task.handler)
    each = f" for each {task.fan_out.variable} in {expression_text(task.fan_out.over)}" if task.fan_out else ""
    when = "" if task.when is None else f" when {expression_text(task.when)}"
    call = call_text(task.callable, task.args, task.kwargs)
    yield f"  {kind} {shown_text(task.id)} = {call}{when}{each}   {_place(task.at, paths)}"
    if task.parents:
        yield _row("after", ", ".join(shown_text(parent) for parent in task.parents), 4)
    yield from (_row(name, text, 4) for name, text in _settings(task, _TASK_SETTINGS, _ALWAYS))


def _settings(of: spec.Dag | spec.Task, names: tuple[str, ...], always: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The settings that count: those that somebody wrote, and what is shown in any case."""
    built_in = {field.name: field.default for field in fields(of)}
    for name in names:
        value = getattr(of, name)
        if value != built_in[name] or name in always or any(written == name for written, _ in of.settings_at):
            yield name, _names_text(value) if name in _NAMES else _setting_text(name, value)


def _names_text(value: str | tuple[str, ...] | None) -> str:
    names = (value,) if isinstance(value, str) else value
    return ", ".join(names or ("none",))


def _setting_text(name: str, value: object) -> str:
    match value:
        case int() if name == "memory":
            return size_text(value)
        case spec.Backoff(initial, factor, longest, jitter):
            limit = "" if longest is None else f", max = {value_text(longest)}"
            return f"exponential(initial = {value_text(initial)}{limit}, factor = {factor:g}, jitter = {jitter:g})"
        case tuple() if value and isinstance(value[0], tuple):
            return ", ".join(f"{name} = {expression_text(expr)}" for name, expr in value)
        case _ if isinstance(value, spec.Expr):
            return expression_text(value)
        case _:
            return value_text(value)


def _next_times(dag: spec.Dag, now: int) -> str:
    if any(isinstance(schedule, spec.CustomSchedule) for schedule in dag.schedules):
        return "worked out by Python when the program runs"
    try:
        tz = zone(dag.timezone)
    except UnknownZoneError as error:
        return str(error)
    due = next_times(dag, now, _NEXT)
    return ", ".join(to_datetime(moment, tz).strftime("%Y-%m-%d %H:%M:%S %Z") for moment in due) or "never again"


def _row(name: str, text: str, indent: int = 2) -> str:
    return f"{' ' * indent}{name:<16}{text}"


def _place(at: spec.At, paths: Sequence[str]) -> str:
    return f"{paths[at.file]}:{at.line}"
