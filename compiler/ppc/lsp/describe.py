"""What settings, callables and names are, in words: for hovers, completions and hints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ppacer import spec
from ppacer.core.instants import UnknownZoneError, to_datetime, zone
from ppacer.core.schedule import ScheduleError, next_times
from ppacer.records import MISSING, fields
from ppc import ast
from ppc.annotations import Annotations
from ppc.bodies import ResolvedTask
from ppc.callables import CallableFinder, FoundCallable
from ppc.lsp.names import RULES
from ppc.lsp.workspace import Checked
from ppc.notation import schedule_text, value_text
from ppc.resolved import ResolvedDag
from ppc.settings import Owner, Rule
from ppc.source import Source
from ppc.types import AtRunTime, Misfit, Named, Special, Word, Words
from ppc.typing_model import words
from ppc.typing_outputs import Outputs

FIELDS: Final = {
    "run.id": "the id of the run",
    "run.dag": "the name of the dag",
    "run.date": "the date of the planned time, in the dag's time zone",
    "run.scheduled_at": "the planned time of the run; of one started by hand its trigger time",
    "run.previous": "the planned time of the run before, or `none`",
    "run.build": "the hash of the program that the run began with",
    "run.status": "how the run ended; in handlers only",
    "run.failed": "the tasks that failed, each with `id`, `error` and `attempt`; in handlers only",
    "task.id": "the full id of the task",
    "task.attempt": "the number of the attempt, from 1",
    "task.event": "what happened; in `alert` only",
    "task.error": "the error of the attempt, or `none`; in `alert` only",
}
_TIMES: Final = 5
_DEFAULTS: Final = {
    Owner.TASK: {each.name: each.default for each in fields(spec.Task) if each.default is not MISSING},
    Owner.DAG: {each.name: each.default for each in fields(spec.Dag) if each.default is not MISSING},
    Owner.POOL: dict[str, object](),
}


def setting(owner: Owner, name: str) -> str:
    """The type of a setting, its one line, its words and its default, as Markdown."""
    rule = RULES[owner][name]
    lines = [f"**{name}**, a setting of {owner.value}: {rule.doc}", f"Takes {wanted(rule)}."]
    default = default_of(owner, name)
    if default:
        lines.append(f"Without it: `{default}`.")
    return "\n\n".join(lines)


def wanted(rule: Rule) -> str:
    """What a setting takes."""
    match rule.type:
        case Word(known):
            return "one of " + ", ".join(f"`{each.value}`" for each in known)
        case Words(known):
            return "a list of " + ", ".join(f"`{each.value}`" for each in known)
        case Named(what, several):
            return f"the name of a {what}" + (", or a list of such names" if several else ", or `none`")
        case AtRunTime(text) | Special(text):
            return text
    misfit = rule.type.take(object())
    return misfit.wanted if isinstance(misfit, Misfit) else "any value"


def default_of(owner: Owner, name: str) -> str:
    """The built-in default as it would be written; empty where there is none."""
    value = _DEFAULTS[owner].get(name)
    return "" if value in (None, (), "") else value_text(value)


def callable_text(found: FoundCallable, name: str, finder: CallableFinder) -> str:
    """`def name(parameters) -> output`, the docstring, and where it stands, as Markdown."""
    signature = "(…)" if found.signature is None else found.signature.text
    kind = {spec.CallableKind.CLASS: "class", spec.CallableKind.COROUTINE: "async def"}.get(found.spec.kind, "def")
    returned = output_of(found, finder)
    head = f"{kind} {name}{signature}" + (f" -> {returned}" if returned else "")
    parts = [f"```python\n{head}\n```"]
    if found.doc:
        parts.append(found.doc)
    if found.place:
        parts.append(f"*{found.place}*")
    return "\n\n".join(parts)


def output_of(found: FoundCallable, finder: CallableFinder) -> str:
    """The type of what other tasks get of a callable; empty where it is not told."""
    if found.returns_nothing:
        return "none"
    if found.returns is None:
        return ""
    text = words(Outputs(Annotations(finder)).type_of(found))
    return "" if text == "any" else text


def next_runs(dag: ResolvedDag, now: int) -> list[str]:
    """The next times of a dag's schedule after `now`, in its own zone; why there are none, where that is so."""
    asked = {name: dag.settings[name] for name in _CLOCK if name in dag.settings}
    # The values fit the fields: they were tested when they were read.
    lowered = spec.Dag(dag.decl.name.name, dag.scope.file.at(dag.decl.name.span), (), **asked)  # type: ignore[arg-type]
    if any(isinstance(each, spec.CustomSchedule) for each in lowered.schedules):
        return ["worked out by Python when the program runs"]
    try:
        tz = zone(lowered.timezone)
        due = next_times(lowered, now, _TIMES)
    except (UnknownZoneError, ScheduleError) as error:
        return [str(error)]
    return [to_datetime(moment, tz).strftime("%a %Y-%m-%d %H:%M:%S %Z") for moment in due] or ["never again"]


def schedules(dag: ResolvedDag) -> str:
    found = dag.settings.get("schedules")
    return ", ".join(schedule_text(each) for each in found) if isinstance(found, tuple) else ""


def statement(source: Source, decl: object) -> str:
    """The first line of a declaration."""
    span = getattr(decl, "span", None)
    if span is None:
        return ""
    text = source.text[span.start : span.end].split("\n", 1)[0].rstrip()
    return text.removesuffix("{").rstrip() if not isinstance(decl, ast.LetDecl) else text


def dag_of(checked: Checked, decl: object) -> ResolvedDag | None:
    return next((dag for dag in _dags(checked) if dag.decl is decl), None)


def callee_of(checked: Checked, decl: object) -> FoundCallable | None:
    """What a task calls."""
    for dag in _dags(checked):
        for task in (*dag.tasks.values(), *dag.sketches):
            if task.decl is decl and isinstance(task.callee, FoundCallable):
                return task.callee
    return None


def tasks_by_declaration(checked: Checked) -> dict[int, list[ResolvedTask]]:
    """What is made of each declaration of a task, by the declaration's identity."""
    found: dict[int, list[ResolvedTask]] = {}
    for dag in _dags(checked):
        for task in (*dag.tasks.values(), *dag.sketches):
            found.setdefault(id(task.decl), []).append(task)
    return found


def inherited(decl: ast.TaskDecl, made: Sequence[ResolvedTask]) -> str:
    """The retries and the time-out that a task has from the `defaults` of its dag or file; empty where it has its own,
    or where the uses of its template differ."""
    written = {setting.name.name for setting in decl.settings}
    parts: list[str] = []
    for name in ("retries", "timeout"):
        values = {value_text(task.settings[name]) for task in made if name in task.settings}
        if name not in written and len(values) == 1 and all(name in task.settings for task in made):
            parts.append(f"{name} {values.pop()}")
    return ", ".join(parts)


def _dags(checked: Checked) -> Iterator[ResolvedDag]:
    if checked.examined is not None:
        yield from checked.examined.program.all_dags


_CLOCK: Final = ("schedules", "timezone", "start", "end", "dst")
