"""Triggers: tasks that can never run, because what their rule asks of one task rules out what it asks of another.

A task runs only if its parents ended as its trigger wants them to; that they could, asks something of their own parents
in turn. Followed upwards, these demands either agree or contradict each other: a task that waits for the success of `a`
and of `tell`, which itself runs only where `a` has failed, never runs. Rules that leave a choice (`one_success` of
several parents) demand nothing, so that no task is refused wrongly.
"""

from __future__ import annotations

from enum import Flag, auto

from ppacer.records import dataclass
from ppacer.spec import HandlerKind, Trigger
from ppc import ast
from ppc.bodies import ResolvedTask
from ppc.diagnostics import Diagnostic, Label
from ppc.graph import Graph
from ppc.resolved import ResolvedDag

NEVER_RUNS = "E410"
NO_PARENTS = "W410"

CODES = {
    NEVER_RUNS: "a task that can never run",
    NO_PARENTS: "a trigger of a task without parents",
}

_MOST_VISITS = 200_000
"""Of all tasks of a dag together: what goes beyond is not looked for."""


class Ends(Flag):
    """How a task may end, as far as triggers tell endings apart."""

    SUCCESS = auto()
    FAILED = auto()
    SKIPPED = auto()


_ALL = Ends.SUCCESS | Ends.FAILED | Ends.SKIPPED
_OF_EACH: dict[Trigger, Ends] = {
    Trigger.ALL_SUCCESS: Ends.SUCCESS,
    Trigger.ALL_FAILED: Ends.FAILED,
    Trigger.NONE_FAILED: Ends.SUCCESS | Ends.SKIPPED,
}
"""What a rule wants of every parent."""

_OF_ONE: dict[Trigger, Ends] = {Trigger.ONE_SUCCESS: Ends.SUCCESS, Trigger.ONE_FAILED: Ends.FAILED}
"""What it wants of one of them: a demand only where there is but one."""

_ONLY_AFTER_RUNNING = frozenset({Trigger.ALL_FAILED, Trigger.ONE_FAILED, Trigger.ALL_DONE, Trigger.ALWAYS})
"""Rules under which a task that fails has run: others may fail with a parent."""


@dataclass(frozen=True, slots=True)
class _Contradiction:
    """`child` and `other` want of `parent` what cannot both be."""

    parent: int
    child: int
    other: int


def check(dag: ResolvedDag, graph: Graph) -> None:
    tasks = [dag.tasks[each] for each in graph.ids]
    triggers = [_trigger(task) for task in tasks]
    for node, trigger in enumerate(triggers):
        if trigger is not Trigger.ALL_SUCCESS and not graph.parents[node]:
            _without_parents(tasks[node])
    if any(trigger in (Trigger.ALL_FAILED, Trigger.ONE_FAILED) for trigger in triggers):
        _check_demands(graph, tasks, triggers)


def _trigger(task: ResolvedTask) -> Trigger:
    found = task.settings.get("trigger")
    return found if isinstance(found, Trigger) else Trigger.ALL_SUCCESS


def _written(task: ResolvedTask) -> ast.Setting | None:
    return next((setting for setting in task.decl.settings if setting.name.name == "trigger"), None)


def _without_parents(task: ResolvedTask) -> None:
    setting = _written(task)
    if setting is None or task.fan_out is not None or task.handler is not HandlerKind.NONE:
        return
    message = f"task `{task.id}` waits for no other, so its trigger has no effect"
    task.scope.file.report(NO_PARENTS, message, setting.span, help="leave it out, or draw an edge to the task")


def _check_demands(graph: Graph, tasks: list[ResolvedTask], triggers: list[Trigger]) -> None:
    """In topological order, so that of tasks that follow each other only the first is reported."""
    never: set[int] = set()
    behind = _behind_a_choice(graph, triggers)
    visits = _MOST_VISITS
    for node in graph.layout.order:
        if node not in behind:
            continue
        found, visited, blocked = _contradiction(node, graph, triggers, never, visits)
        visits -= visited
        if visits <= 0:
            return
        if found is not None or blocked:
            never.add(node)
        if found is not None and not blocked:
            _report(tasks, node, found, triggers)


def _behind_a_choice(graph: Graph, triggers: list[Trigger]) -> set[int]:
    """The tasks that run after one that runs on failure: only they can be asked for too much."""
    found = {node for node, trigger in enumerate(triggers) if trigger in (Trigger.ALL_FAILED, Trigger.ONE_FAILED)}
    waiting = list(found)
    while waiting:
        for child in graph.children[waiting.pop()]:
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _contradiction(
    node: int, graph: Graph, triggers: list[Trigger], never: set[int], most: int
) -> tuple[_Contradiction | None, int, bool]:
    """What makes a task impossible, how many tasks were asked, and whether one that never runs has to run for it."""
    allowed: dict[int, Ends] = {}
    asked_by: dict[int, int] = {}
    waiting = [node]
    running = {node}
    visited = 0
    while waiting and visited < most:
        child = waiting.pop()
        visited += 1
        if child in never:
            return None, visited, True
        parents = graph.parents[child]
        wanted = _OF_EACH.get(triggers[child])
        if wanted is None and len(parents) == 1:
            wanted = _OF_ONE.get(triggers[child])
        if wanted is None:
            continue
        for parent in parents:
            visited += 1
            before = allowed.get(parent, _ALL)
            left = before & wanted
            if not left:
                return _Contradiction(parent, child, asked_by[parent]), visited, False
            if left is not before:
                allowed[parent] = left
                asked_by.setdefault(parent, child)
            must_run = left is Ends.SUCCESS or (left is Ends.FAILED and triggers[parent] in _ONLY_AFTER_RUNNING)
            if must_run and parent not in running:
                running.add(parent)
                waiting.append(parent)
    return None, visited, False


_WANTS = {
    Trigger.ALL_SUCCESS: "has succeeded",
    Trigger.ONE_SUCCESS: "has succeeded",
    Trigger.NONE_FAILED: "has not failed",
    Trigger.ALL_FAILED: "has failed",
    Trigger.ONE_FAILED: "has failed",
}


def _report(tasks: list[ResolvedTask], node: int, found: _Contradiction, triggers: list[Trigger]) -> None:
    task, parent = tasks[node], tasks[found.parent].id
    labels: list[Label] = []
    for child in dict.fromkeys((found.child, found.other)):
        setting = _written(tasks[child])
        span = tasks[child].decl.name.span if setting is None else setting.span
        if span != task.decl.name.span:
            labels.append(Label(span, f"`{tasks[child].id}` runs where `{parent}` {_WANTS[triggers[child]]}"))
    named = ((child, "this task" if child == node else f"`{tasks[child].id}`") for child in (found.other, found.child))
    demands = [f"{name} runs only where `{parent}` {_WANTS[triggers[child]]}" for child, name in named]
    task.scope.file.add(
        Diagnostic(
            NEVER_RUNS,
            f"task `{task.id}` can never run",
            task.decl.name.span,
            "; ".join(demands),
            (*labels, *task.labels()),
            help="take one of the edges out, or give the task `trigger = all_done` or `none_failed`",
        )
    )
