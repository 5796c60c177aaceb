"""`show DAG`: one dag as it was compiled, its settings, params and tasks; or what changed in it from build to build."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ppacer import spec
from ppacer.cli.command import Invocation
from ppacer.cli.console import SECOND, Cell, Style, now_us
from ppacer.cli.listing import dag_state, next_due, schedules_cell
from ppacer.cli.times import instant_of, local
from ppacer.core.durations import duration_text
from ppacer.core.operators import text
from ppacer.localtime import local_time
from ppacer.services.worker_memory import size_text
from ppacer.web.describe import ahead_text, callable_text, place_text, type_text

if TYPE_CHECKING:
    from ppacer.web.dag_messages import DagView

_HANDLERS = {
    spec.HandlerKind.SUCCESS: "on success",
    spec.HandlerKind.FAILURE: "on failure",
    spec.HandlerKind.FINALLY: "finally",
}


def show(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    if invocation.flag("versions"):
        from ppacer.cli.history import versions  # noqa: PLC0415 - what the rest can be told without

        return versions(invocation)
    console = invocation.console
    console.line(dag.id, Style.BOLD)
    for line in dag.doc.strip().splitlines():
        console.line(f"  {line.strip()}")
    console.line()
    facts = [
        *_times(dag, dag_state(invocation, dag)),
        *_limits(dag),
        *_people(dag),
        ("source", place_text(invocation.program, dag.at)),
    ]
    facts += [("params" if index == 0 else "", _param(param)) for index, param in enumerate(dag.params)]
    console.table([[Cell(name, Style.DIM), value] for name, value in facts], indent="  ")
    console.line()
    rows: list[list[str | Cell]] = [
        [
            Cell(task.id, Style.BOLD),
            ", ".join(task.parents) or "–",
            callable_text(task.callable),
            Cell(", ".join(_settings(task)), Style.DIM),
        ]
        for task in dag.tasks
    ]
    console.table(rows, ("task", "after", "runs", "settings"), indent="  ")
    return 0


def _times(dag: spec.Dag, state: DagView | None) -> list[tuple[str, str]]:
    now = now_us()
    due = next_due(dag, now)
    if state is not None and state.next_run_at is not None:
        due = instant_of(state.next_run_at)
    facts = [("schedule", schedules_cell(dag).text)]
    if dag.schedules:
        facts.append(("time zone", dag.timezone))
    if state is not None and state.paused:
        facts.append(("next run", "none before `resume`: the dag is paused"))
    elif due is not None:
        facts.append(("next run", f"{local_time(due)} ({ahead_text((due - now) / SECOND)})"))
    if dag.start is not None:
        facts.append(("start", str(dag.start)))
    if dag.end is not None:
        facts.append(("end", str(dag.end)))
    if dag.dst is not None:
        facts.append(("clock changes", dag.dst.value))
    if dag.catchup is not spec.Catchup.NONE:
        facts.append(("catchup", dag.catchup.value))
    if state is not None and state.silenced_until is not None:
        facts.append(("silenced", f"nobody is alerted before {local(state.silenced_until)}"))
    return facts


def _limits(dag: spec.Dag) -> list[tuple[str, str]]:
    facts = []
    if dag.max_active_runs != 1:
        facts.append(("active runs", f"at most {dag.max_active_runs}"))
    if dag.overlap is not spec.Overlap.QUEUE:
        facts.append(("overlap", dag.overlap.value))
    if dag.max_active_tasks is not None:
        facts.append(("active tasks", f"at most {dag.max_active_tasks}"))
    if dag.run_timeout is not None:
        facts.append(("time-out", f"{duration_text(dag.run_timeout)} for a run"))
    if dag.deadline is not None:
        facts.append(("deadline", f"late after {duration_text(dag.deadline)}"))
    return facts


def _people(dag: spec.Dag) -> list[tuple[str, str]]:
    facts = []
    if dag.notify:
        facts.append(("alerts", f"{', '.join(dag.alert_on) or 'none'} to {', '.join(dag.notify)}"))
    if dag.tags:
        facts.append(("tags", ", ".join(dag.tags)))
    if dag.owner:
        facts.append(("owner", dag.owner))
    return facts


def _param(param: spec.Param) -> str:
    """`n: int`; with a default `n: int = 3`, or `day: date = …` where that is an expression."""
    shown = f"{param.name}: {type_text(param.type)}"
    if isinstance(param.default, spec.Literal):
        value = param.default.value
        shown += f" = {json.dumps(value, ensure_ascii=False) if isinstance(value, str) else text(value)}"
    elif param.default is not None:
        shown += " = …"
    return f"{shown}  {param.doc.strip().partition(chr(10))[0]}".rstrip()


def _settings(task: spec.Task) -> list[str]:
    """What a task has other than by default."""
    parts = []
    if task.handler is not spec.HandlerKind.NONE:
        parts.append(_HANDLERS[task.handler])
    if task.fan_out is not None:
        parts.append(f"for each {task.fan_out.variable}")
    if task.when is not None:
        parts.append("on a condition")
    if task.trigger is not spec.Trigger.ALL_SUCCESS:
        parts.append(f"trigger {task.trigger}")
    if task.retries:
        parts.append(_retries(task))
    if task.timeout != spec.DEFAULT_TIMEOUT:
        parts.append("no time-out" if task.timeout is None else f"time-out {duration_text(task.timeout)}")
    if task.on_lost is not spec.OnLost.RETRY:
        parts.append("fails when lost")
    if task.pool is not None:
        parts.append(f"pool {task.pool}")
    if task.priority:
        parts.append(f"priority {task.priority}")
    if task.runs_on:
        parts.append(f"on {', '.join(task.runs_on)}")
    if task.isolation is not None:
        parts.append(f"isolation {task.isolation}")
    if task.memory is not None:
        parts.append(f"memory {size_text(task.memory)}")
    if task.notify:
        parts.append(f"alerts {', '.join(task.notify)}")
    return parts


def _retries(task: spec.Task) -> str:
    shown = f"{task.retries} {'retry' if task.retries == 1 else 'retries'}"
    if task.backoff is not None:
        return f"{shown} after {duration_text(task.backoff.initial)} and more"
    return f"{shown} after {duration_text(task.retry_delay)}" if task.retry_delay else shown
