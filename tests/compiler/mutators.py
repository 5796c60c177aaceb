"""Ways to break the form of a sound program, one for each kind of fault: its syntax, settings, names and graph.

Each mutator looks for the places where its fault can be planted and gives the text with one fault in it, the code that
it must be told by, and the place that the diagnostic must point at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from ppacer.records import fields, is_record
from ppc import ast
from ppc.diagnostics import Span
from ppc.settings import DAG_SETTINGS, TASK_SETTINGS
from ppc.types import Duration, Moment, Size, Text, Texts, WholeNumber, Word, Words

T = TypeVar("T")


@dataclass(frozen=True)
class Mutation:
    """`text` has one fault, of one of `codes` (a code, or how it begins), at `start` to `end`."""

    text: str
    codes: tuple[str, ...]
    start: int
    end: int


@dataclass
class Program:
    """A sound program to be broken. `parents` gives the node around each one, by identity."""

    text: str
    module: ast.Module
    nodes: list[object] = field(default_factory=list)
    parents: dict[int, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        waiting: list[object] = [self.module]
        while waiting:
            node = waiting.pop(0)
            self.nodes.append(node)
            for each in fields(node):
                value = getattr(node, each.name)
                for part in _parts(value):
                    self.parents[id(part)] = node
                    waiting.append(part)

    def all(self, kind: type[T]) -> Iterator[T]:
        return (node for node in self.nodes if isinstance(node, kind))

    def inside(self, node: object, kind: type) -> bool:
        """Whether one of a kind is around the node."""
        while id(node) in self.parents:
            node = self.parents[id(node)]
            if isinstance(node, kind):
                return True
        return False

    def change(self, span: Span, new: str, code: str, *codes: str) -> Mutation:
        """The text at `span` replaced; the new text is at fault."""
        text = self.text[: span.start] + new + self.text[span.end :]
        return Mutation(text, (code, *codes), span.start, span.start + max(len(new), 1))

    def plant(self, offset: int, statement: str, fault: str, code: str, *codes: str) -> Mutation:
        """Statements put in on lines of their own; `fault` is the part that is at fault."""
        offset = self.text.rfind("\n", 0, offset) + 1
        text = f"{self.text[:offset]}{statement}\n{self.text[offset:]}"
        start = offset + statement.rindex(fault)
        return Mutation(text, (code, *codes), start, start + len(fault))

    # --- what there is to break --------------------------------------------------------------------------------------

    def dags(self) -> Iterator[ast.DagDecl]:
        return self.all(ast.DagDecl)

    def end_of(self, dag: ast.DagDecl) -> int:
        """Where a statement can be put at the end of a dag."""
        return dag.span.end - 1

    def plain_tasks(self, dag: ast.DagDecl) -> list[ast.TaskDecl]:
        """The tasks of the dag itself that are no families."""
        return [item for item in dag.body if isinstance(item, ast.TaskDecl) and not item.loops]

    def tasks(self) -> Iterator[ast.TaskDecl]:
        return self.all(ast.TaskDecl)

    def constants(self, kind: type) -> Iterator[ast.Constant]:
        return (each for each in self.all(ast.Constant) if type(each.value) is kind)


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for each in value:
            yield from _parts(each)
    elif is_record(value) and not isinstance(value, Span):
        yield value


def misspelt(name: str) -> str:
    """The name with two of its letters swapped or, if that changes nothing, one more."""
    for i in range(len(name) // 2, 0, -1):
        swapped = name[: i - 1] + name[i] + name[i - 1] + name[i + 1 :]
        if swapped != name and name[i].isalnum() and name[i - 1].isalpha():
            return swapped
    return name + name[-1]


Mutator = Callable[[Program], Iterator[Mutation]]

# --- syntax ----------------------------------------------------------------------------------------------------------


def unclosed_string(program: Program) -> Iterator[Mutation]:
    for constant in program.constants(str):
        written = program.text[constant.span.start : constant.span.end]
        end = program.text.find("\n", constant.span.end)
        # Where another string follows on the line, it is its quote that closes this one.
        if written.startswith('"') and '"' not in written[1:-1] + program.text[constant.span.end : end]:
            cut = program.text[: constant.span.end - 1] + program.text[constant.span.end :]
            yield Mutation(cut, ("E1",), constant.span.start, end)


def unclosed_bracket(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        span = task.call.span
        end = program.text.find("\n", span.end)
        yield Mutation(program.text[: span.end - 1] + program.text[span.end :], ("E1",), span.start, end)


def unclosed_brace(program: Program) -> Iterator[Mutation]:
    for block in (*program.all(ast.TemplateDecl), *program.dags()):
        span = block.span
        yield Mutation(program.text[: span.end - 1] + program.text[span.end :], ("E1",), span.start, len(program.text))


def bad_date(program: Program) -> Iterator[Mutation]:
    for constant in program.all(ast.Constant):
        written = program.text[constant.span.start : constant.span.end]
        if re.fullmatch(r"\d{4}-\d\d-\d\d", written):
            yield program.change(constant.span, written[:5] + "02-30", "E107")


def bad_number(program: Program) -> Iterator[Mutation]:
    for constant in program.constants(int):
        yield program.change(constant.span, f"{constant.value}let", "E106")


def reserved_name(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        if len(re.findall(rf"\b{task.name.name}\b", program.text)) == 1:
            yield program.change(task.name.span, "dag", "E109")


# --- settings --------------------------------------------------------------------------------------------------------


def _settings(program: Program) -> Iterator[tuple[ast.Setting, object]]:
    """Settings of tasks, `defaults` and dags, with their types."""
    for setting in program.all(ast.Setting):
        owner = program.parents[id(setting)]
        rules = DAG_SETTINGS if isinstance(owner, ast.DagDecl) else TASK_SETTINGS
        if isinstance(owner, ast.DagDecl | ast.TaskDecl | ast.DefaultsDecl):
            yield setting, rules[setting.name.name].type


def unknown_setting(program: Program) -> Iterator[Mutation]:
    for setting, _ in _settings(program):
        if setting.name.name not in {"end", "after", "notify", "pool", "runs_on"}:
            yield program.change(setting.name.span, misspelt(setting.name.name), "E301")


def repeated_setting(program: Program) -> Iterator[Mutation]:
    for setting, _ in _settings(program):
        written = program.text[setting.span.start : setting.span.end]
        start = setting.span.end + 2
        text = f"{program.text[: setting.span.end]}, {written}{program.text[setting.span.end :]}"
        if isinstance(program.parents[id(setting)], ast.DagDecl):
            text = f"{program.text[: setting.span.end]}\n {written}{program.text[setting.span.end :]}"
        yield Mutation(text, ("E302",), start, start + len(setting.name.name))


def wrong_type(program: Program) -> Iterator[Mutation]:
    for setting, kind in _settings(program):
        if isinstance(kind, WholeNumber | Duration | Moment | Size):
            yield program.change(setting.value.span, '"nonsense"', "E303")
        elif isinstance(kind, Text | Texts):
            yield program.change(setting.value.span, "3.5", "E303")


def wrong_word(program: Program) -> Iterator[Mutation]:
    for setting, kind in _settings(program):
        if isinstance(kind, Word):
            yield program.change(setting.value.span, "nonsense", "E304")
        elif isinstance(kind, Words):
            yield Mutation(
                program.change(setting.value.span, "[nonsense]", "").text,
                ("E304",),
                setting.value.span.start + 1,
                setting.value.span.start + 9,
            )


def out_of_range(program: Program) -> Iterator[Mutation]:
    for setting, kind in _settings(program):
        if isinstance(kind, WholeNumber):
            yield program.change(setting.value.span, "99000000", "E305")
        elif isinstance(kind, Duration):
            yield program.change(setting.value.span, "99999d", "E305")


def misplaced_setting(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        if task.settings:
            yield _with_setting(program, task, "owner = 3", "owner", "E307")


def conflicting_settings(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        given = {setting.name.name for setting in task.settings}
        if task.settings and not given & {"retries", "retry_delay", "backoff"}:
            yield _with_setting(program, task, "retries = 0, retry_delay = 1s", "retry_delay", "E308")


def undeclared_name(program: Program) -> Iterator[Mutation]:
    for setting, _ in _settings(program):
        if setting.name.name in {"pool", "runs_on", "notify"} and isinstance(setting.value, ast.Name):
            yield program.change(setting.value.span, setting.value.name + "_", "E309")


def _with_setting(program: Program, task: ast.TaskDecl, settings: str, fault: str, code: str) -> Mutation:
    at = task.settings[0].span.start
    text = f"{program.text[:at]}{settings}, {program.text[at:]}"
    start = at + settings.index(fault)
    return Mutation(text, (code,), start, start + len(fault))


# --- names -----------------------------------------------------------------------------------------------------------


def unknown_value(program: Program) -> Iterator[Mutation]:
    for name in program.all(ast.Name):
        parent = program.parents[id(name)]
        value = isinstance(parent, ast.Argument | ast.ListLiteral | ast.FormatField | ast.BinaryExpr)
        if value and not program.inside(name, ast.Setting):
            yield program.change(name.span, name.name + "_x", "E201")


def unknown_run_field(program: Program) -> Iterator[Mutation]:
    for attribute in program.all(ast.AttributeExpr):
        if isinstance(attribute.of, ast.Name) and attribute.of.name in {"run", "params"}:
            yield program.change(attribute.name.span, misspelt(attribute.name.name), "E207")


def unknown_node(program: Program) -> Iterator[Mutation]:
    for ref in program.all(ast.TaskRef):
        name = ref.name.parts[-1]
        yield program.change(name.span, misspelt(name.name), "E2")


def unknown_callee(program: Program) -> Iterator[Mutation]:
    for task in program.tasks():
        callee = task.call.callee
        yield program.change(callee.parts[0].span, misspelt(callee.parts[0].name), "E203")


def declared_twice(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        for task in program.plain_tasks(dag)[:1]:
            yield program.plant(program.end_of(dag), f"  task {task.name.name} = empty()", task.name.name, "E204")
        yield program.plant(len(program.text), f"dag {dag.name.name} {{ task a = empty() }}", dag.name.name, "E204")
    for let in program.all(ast.LetDecl):
        yield program.plant(len(program.text), f"let {let.name.name} = 1", let.name.name, "E204")


def shadowing(program: Program) -> Iterator[Mutation]:
    for let in program.all(ast.LetDecl):
        for dag in program.dags():
            yield program.plant(program.end_of(dag), f"  task {let.name.name} = empty()", let.name.name, "E205")


def unused(program: Program) -> Iterator[Mutation]:
    first = next(program.dags())
    for statement, name, code in (
        ("import json", "json", "W201"),
        ("let planted = 3", "planted", "W202"),
        ("notifier planted = log()", "planted", "W204"),
        ("pool planted { slots = 1 }", "planted", "W205"),
        ("label planted", "planted", "W206"),
        ("template planted() { task a = empty() }", "planted", "W207"),
    ):
        yield program.plant(first.span.start, statement, name, code)
    for dag in program.dags():
        yield program.plant(program.end_of(dag), "  param planted: int = 3", "planted", "W203")


# --- graph -----------------------------------------------------------------------------------------------------------


def _plain_edges(program: Program) -> Iterator[tuple[ast.DagDecl, str, str]]:
    """Edges between two tasks of a dag that are no families, written so."""
    for dag in program.dags():
        names = {task.name.name for task in program.plain_tasks(dag)}
        for item in dag.body:
            if isinstance(item, ast.EdgeStatement):
                for left, right in pairwise(item.sides):
                    for one in left.refs:
                        for other in right.refs:
                            if {one.name.text, other.name.text} <= names:
                                yield dag, one.name.text, other.name.text


def _data_edges(program: Program) -> Iterator[tuple[ast.DagDecl, str, str]]:
    """The same for tasks that take the output of another one."""
    for dag in program.dags():
        tasks = program.plain_tasks(dag)
        names = {task.name.name for task in tasks}
        for task in tasks:
            for argument in task.call.arguments:
                if isinstance(argument.value, ast.Name) and argument.value.name in names:
                    yield dag, argument.value.name, task.name.name


def cycle(program: Program) -> Iterator[Mutation]:
    for dag, one, other in (*_plain_edges(program), *_data_edges(program)):
        edge = f"{other} -> {one}"
        yield program.plant(program.end_of(dag), f"  {edge}", edge, "E401")


def self_edge(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        for task in program.plain_tasks(dag):
            edge = f"{task.name.name} -> {task.name.name}"
            yield program.plant(program.end_of(dag), f"  {edge}", edge, "E402")


def duplicate_edge(program: Program) -> Iterator[Mutation]:
    for dag, one, other in _plain_edges(program):
        yield program.plant(program.end_of(dag), f"  {one} -> {other}", f"{one} -> {other}", "W401")


def never_runs(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        for task in program.plain_tasks(dag):
            name = task.name.name
            planted = (
                f"  task planted = empty()\n  task planted_tell = empty() {{ trigger = one_failed }}\n"
                f"  {name} -> planted_tell\n  [{name}, planted_tell] -> planted"
            )
            mutation = program.plant(program.end_of(dag), planted, "planted", "E410")
            start = mutation.text.index("task planted =") + len("task ")
            yield Mutation(mutation.text, ("E410",), start, start + len("planted"))


def idle_trigger(program: Program) -> Iterator[Mutation]:
    for dag in program.dags():
        statement = "  task planted = empty() { trigger = all_done }"
        yield program.plant(program.end_of(dag), statement, "trigger = all_done", "W410")


MUTATORS_OF_FORM: tuple[Mutator, ...] = (
    unclosed_string,
    unclosed_bracket,
    unclosed_brace,
    bad_date,
    bad_number,
    reserved_name,
    unknown_setting,
    repeated_setting,
    wrong_type,
    wrong_word,
    out_of_range,
    misplaced_setting,
    conflicting_settings,
    undeclared_name,
    unknown_value,
    unknown_run_field,
    unknown_node,
    unknown_callee,
    declared_twice,
    shadowing,
    unused,
    cycle,
    self_edge,
    duplicate_edge,
    never_runs,
    idle_trigger,
)
