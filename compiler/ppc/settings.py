"""The settings of tasks and dags: what there is, what each takes, and the reading of settings blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ppacer import spec
from ppacer.core.operators import kind
from ppacer.records import dataclass, field
from ppc import ast
from ppc.bodies import BodyScope, Bound, Use
from ppc.diagnostics import Diagnostic, Edit, Label
from ppc.expressions import Expressions
from ppc.scopes import similar_help, slip_edit
from ppc.settings_values import OUT_OF_RANGE, WRONG_TYPE, Absent, ValueReader
from ppc.similar import Similar
from ppc.types import (
    AtRunTime,
    Duration,
    Misfit,
    Moment,
    Named,
    SettingType,
    Size,
    Special,
    Text,
    Texts,
    WholeNumber,
    Word,
    Words,
)

UNKNOWN_SETTING = "E301"
REPEATED_SETTING = "E302"
MISPLACED_SETTING = "E307"
CONFLICT = "E308"

CODES = {
    UNKNOWN_SETTING: "an unknown setting",
    REPEATED_SETTING: "a setting given twice in one block",
    MISPLACED_SETTING: "a setting where it has no meaning",
    CONFLICT: "settings that contradict each other",
}


class Owner(StrEnum):
    """What a setting belongs to; the value is what people call it."""

    TASK = "a task"
    DAG = "a dag"
    POOL = "a pool"


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting: its type, one line for people, whether `defaults` may have it."""

    type: SettingType
    doc: str
    in_defaults: bool = True


TASK_SETTINGS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "retries": Rule(WholeNumber(), "how often a failed attempt is made again"),
        "retry_delay": Rule(Duration(zero=True), "the time between a failed attempt and the next"),
        "backoff": Rule(Special("`exponential(initial = 10s)`"), "a retry delay that grows from attempt to attempt"),
        "on_lost": Rule(Word(spec.OnLost), "what follows when an attempt vanishes with its executor"),
        "timeout": Rule(Duration(none=True), "the time after which an attempt is ended; `none` for never"),
        "trigger": Rule(Word(spec.Trigger), "which outcomes of its parents let a task run"),
        "after": Rule(Special("a task"), "a task that has to end first", in_defaults=False),
        "pool": Rule(Named("pool"), "the pool that a running task takes a slot of"),
        "priority": Rule(WholeNumber(-1_000_000, 1_000_000), "tasks with a higher priority start first"),
        "isolation": Rule(Word(spec.Isolation), "what an attempt runs in"),
        "runs_on": Rule(Named("label", several=True), "the labels that an executor must have"),
        "env": Rule(Special("a dict of texts"), "environment variables of the task"),
        "cwd": Rule(AtRunTime("a path", paths=True), "the folder that the task runs in"),
        "memory": Rule(Size(), "the most memory that an attempt may take"),
        "notify": Rule(Named("notifier", several=True), "who is told"),
        "alert_on": Rule(Words(spec.AlertEvent), "what they are told of"),
        "alert": Rule(AtRunTime("a text"), "what they are told"),
        "doc": Rule(Text(), "what the task is for", in_defaults=False),
    }
)
"""Settings of a task, by name; each is the field of `spec.Task` of the same name."""

DAG_SETTINGS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "schedule": Rule(Special("schedules"), "when the dag runs: `cron`, `every` or a list of these"),
        "start": Rule(Moment(), "no run is due before this time"),
        "end": Rule(Moment(), "no run is due at this time or later"),
        "timezone": Rule(Text(), "the time zone of the schedule, such as `Europe/Warsaw`"),
        "dst": Rule(Word(spec.DaylightSaving), "what a time in the hour that is left out or repeated means"),
        "catchup": Rule(Word(spec.Catchup), "which runs are made up for that were due while no scheduler ran"),
        "overlap": Rule(Word(spec.Overlap), "what a run does that is due while another is active"),
        "max_active_runs": Rule(WholeNumber(1), "how many runs of the dag are active at once"),
        "max_active_tasks": Rule(WholeNumber(1, 1_000_000), "how many tasks of the dag run at once"),
        "run_timeout": Rule(Duration(), "the time after which a run is ended"),
        "deadline": Rule(Duration(), "how late a run may be before somebody is told"),
        "tags": Rule(Texts(), "words to find the dag by"),
        "owner": Rule(Text(), "who is responsible"),
        "notify": Rule(Named("notifier", several=True), "who is told"),
        "alert_on": Rule(Words(spec.AlertEvent), "what they are told of"),
        "ping": Rule(AtRunTime("an address"), "the address that is asked for after each run that succeeded"),
    }
)
"""Settings of a dag, by name; each is the field of `spec.Dag` of the same name, `schedule` is `schedules`."""

POOL_SETTINGS: Final[Mapping[str, Rule]] = MappingProxyType(
    {"slots": Rule(WholeNumber(1, 1_000_000), "how many tasks of the pool run at once")}
)

_RULES = {Owner.TASK: TASK_SETTINGS, Owner.DAG: DAG_SETTINGS, Owner.POOL: POOL_SETTINGS}
_SIMILAR = {owner: Similar(rules) for owner, rules in _RULES.items()}
_OTHER = {Owner.TASK: Owner.DAG, Owner.DAG: Owner.TASK}
_DELAYS = ("backoff", "retry_delay")

OF_A_PROCESS: Final[Mapping[str, str]] = MappingProxyType(
    {"env": "an environment", "cwd": "a folder", "memory": "a limit of memory"}
)
"""Settings that need a process that the task has for itself, and what they give it."""


@dataclass(slots=True, eq=False)
class Settings:
    """What one or more blocks say: sound values by name, their places, and the settings as written.

    `uses` are the outputs that they take. `over` lays a block over another: what it does not say is what the other
    says, except that it names one kind of delay between attempts, or none at all with `retries = 0`.
    """

    values: dict[str, object] = field(default_factory=dict)
    at: dict[str, spec.At] = field(default_factory=dict)
    written: dict[str, ast.Setting] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)

    def over(self, inherited: Settings) -> Settings:
        dropped = _DELAYS if self.values.get("retries") == 0 or self.written.keys() & set(_DELAYS) else ()
        laid = Settings(inherited.values | self.values, inherited.at | self.at, inherited.written | self.written)
        for name in dropped:
            if name not in self.written:
                for kept in (laid.values, laid.at, laid.written):
                    kept.pop(name, None)
        laid.uses = self.uses
        return laid


def read_settings(
    scope: BodyScope,
    variables: Mapping[str, Bound],
    settings: Iterable[ast.Setting],
    owner: Owner,
    *,
    defaults: bool = False,
) -> Settings:
    """Reads the settings of one block of an owner, or of the `defaults` for tasks.

    What has a reader elsewhere (`schedule`, `after`) is only noted as written.
    """
    found = Settings()
    expressions = Expressions(scope, variables)
    values = ValueReader(scope, expressions, found.uses)
    for setting in settings:
        name = setting.name.name
        rule = _RULES[owner].get(name)
        if name in found.written:
            _repeated(scope, found.written[name], setting)
            expressions.mark_used(setting.value)
            continue
        found.written[name] = setting
        if rule is None or (defaults and not rule.in_defaults):
            _refuse(scope, setting, owner, known=rule is not None)
            expressions.mark_used(setting.value)
            continue
        value = _read(scope, expressions, values, setting, rule.type)
        if not isinstance(value, Absent):
            found.values[name] = value
        if value is not Absent.AT_FAULT:
            found.at[name] = scope.file.at(setting.name.span)
    if defaults:
        _take_no_outputs(scope, found)
    if len(found.written) > 1:
        _refuse_conflicts(scope, found)
    return found


def _read(
    scope: BodyScope, expressions: Expressions, values: ValueReader, setting: ast.Setting, type: SettingType
) -> object:
    name, value = setting.name.name, setting.value
    match type:
        case Special():
            match name:
                case "backoff":
                    return values.backoff(value)
                case "env":
                    return values.env(value)
            return Absent.ELSEWHERE
        case Word(words):
            return values.word(value, words, name)
        case Words(words):
            return values.words(value, words, name)
        case Named(what, several):
            return values.several(value, what, name) if several else values.one_or_none(value, what, name)
        case AtRunTime():
            return values.at_run_time(value, name)
    known = expressions.constant(value, f"the setting `{name}`")
    if known is None:
        return Absent.AT_FAULT
    taken = type.take(known.value)
    if isinstance(taken, Misfit):
        _misfit(scope, setting, known.value, taken)
        return Absent.AT_FAULT
    return taken


def _misfit(scope: BodyScope, setting: ast.Setting, value: object, misfit: Misfit) -> None:
    message, span = f"`{setting.name.name}` takes {misfit.wanted}", setting.value.span
    if misfit.out_of_range:
        scope.file.report(OUT_OF_RANGE, message, span)
        return
    edit = Edit(span, misfit.instead) if misfit.instead and isinstance(setting.value, ast.Constant) else None
    way_out = f"did you mean `{misfit.instead}`?" if misfit.instead else ""
    scope.file.add(Diagnostic(WRONG_TYPE, message, span, label=f"this is {kind(value)}", help=way_out, edit=edit))


def _repeated(scope: BodyScope, first: ast.Setting, setting: ast.Setting) -> None:
    scope.file.report(
        REPEATED_SETTING,
        f"the setting `{setting.name.name}` is given twice",
        setting.name.span,
        labels=(Label(first.name.span, "given first here"),),
        help="leave one of them out",
    )


def _refuse(scope: BodyScope, setting: ast.Setting, owner: Owner, *, known: bool) -> None:
    file, name, span = scope.file, setting.name.name, setting.name.span
    other = _OTHER.get(owner)
    if known:
        message = f"the setting `{name}` has no meaning in `defaults`"
        file.report(MISPLACED_SETTING, message, span, help="give it to each task that it is meant for")
    elif other is not None and name in _RULES[other]:
        message = f"`{name}` is a setting of {other}, not of {owner}"
        in_task = "give it in the block of a task, or in `defaults`"
        file.report(
            MISPLACED_SETTING, message, span, help=in_task if owner is Owner.DAG else "give it in the dag itself"
        )
    else:
        similar = _SIMILAR[owner].to(name)
        way_out = similar_help(similar, f"setting of {owner}")
        if similar is None and other is not None:
            way_out = similar_help(_SIMILAR[other].to(name), f"setting of {other}")
        edit = slip_edit(span, name, similar)
        file.add(Diagnostic(UNKNOWN_SETTING, f"unknown setting `{name}`", span, help=way_out, edit=edit))


def _take_no_outputs(scope: BodyScope, found: Settings) -> None:
    for use in found.uses:
        message = "the output of a task has no meaning in `defaults`: every task would wait for it"
        scope.file.report(MISPLACED_SETTING, message, use.span, help="give it to each task that it is meant for")
    found.uses.clear()


def _refuse_conflicts(scope: BodyScope, found: Settings) -> None:
    written = found.written
    for one, other, holds, message, way_out in _CONFLICTS:
        nothing = one in found.values and found.values[one] in ((), None)
        if one in written and other in written and holds(found.values.get(other)) and not nothing:
            labels = (Label(written[other].span, f"`{other}` is given here"),)
            scope.file.report(CONFLICT, message, written[one].name.span, labels=labels, help=way_out)
            found.values.pop(one, None)


def _always(_value: object) -> bool:
    return True


def _is_zero(value: object) -> bool:
    return value == 0


def _is_no_process(value: object) -> bool:
    return value in (spec.Isolation.THREAD, spec.Isolation.ASYNC)


_CONFLICTS: Sequence[tuple[str, str, Callable[[object], bool], str, str]] = (
    (
        "retry_delay",
        "backoff",
        _always,
        "`retry_delay` and `backoff` both say how long to wait between attempts",
        "leave one of them out",
    ),
    (
        "retry_delay",
        "retries",
        _is_zero,
        "there is no delay between attempts where there are no retries",
        "leave `retry_delay` out, or give `retries` a number above 0",
    ),
    (
        "backoff",
        "retries",
        _is_zero,
        "there is no delay between attempts where there are no retries",
        "leave `backoff` out, or give `retries` a number above 0",
    ),
    *(
        (
            name,
            "isolation",
            _is_no_process,
            f"only a task in a process of its own has {what}",
            f"leave `{name}` out, or take `isolation = process`",
        )
        for name, what in OF_A_PROCESS.items()
    ),
)
"""Setting, the one that it contradicts, for which values of that, what to say and the way out."""
