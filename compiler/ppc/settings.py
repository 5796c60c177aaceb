"""The settings of tasks and dags: what there is, what each takes, and the reading of settings blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from ppacer import spec
from ppacer.core.operators import kind
from ppacer.records import dataclass, field
from ppc import ast
from ppc.diagnostics import Label
from ppc.expressions import Expressions
from ppc.scopes import FileScope, similar_help
from ppc.similar import Similar
from ppc.types import Duration, Misfit, Moment, SettingType, Special, Text, Texts, WholeNumber, Word, Words

UNKNOWN_SETTING = "E301"
REPEATED_SETTING = "E302"
WRONG_TYPE = "E303"
WRONG_WORD = "E304"
OUT_OF_RANGE = "E305"
MISPLACED_SETTING = "E307"
SETTING_NOT_SUPPORTED = "E902"

CODES = {
    UNKNOWN_SETTING: "an unknown setting",
    REPEATED_SETTING: "a setting given twice in one block",
    WRONG_TYPE: "a setting of the wrong type",
    WRONG_WORD: "a word that the setting does not know",
    OUT_OF_RANGE: "a setting out of its range",
    MISPLACED_SETTING: "a setting where it has no meaning",
    SETTING_NOT_SUPPORTED: "a setting that this version does not support",
}


class Owner(StrEnum):
    """What a setting belongs to; the value is what people call it."""

    TASK = "a task"
    DAG = "a dag"


@dataclass(frozen=True, slots=True)
class Rule:
    """One setting: its type, one line for people, whether `defaults` may have it, whether this version supports it."""

    type: SettingType
    doc: str
    in_defaults: bool = True
    supported: bool = True


def _later(type: SettingType, doc: str, *, in_defaults: bool = True) -> Rule:
    return Rule(type, doc, in_defaults, supported=False)


TASK_SETTINGS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "retries": Rule(WholeNumber(), "how often a failed attempt is made again"),
        "retry_delay": Rule(Duration(zero=True), "the time between a failed attempt and the next"),
        "backoff": _later(Special("`exponential(initial = 10s)`"), "a retry delay that grows from attempt to attempt"),
        "on_lost": Rule(Word(spec.OnLost), "what follows when an attempt vanishes with its executor"),
        "timeout": Rule(Duration(none=True), "the time after which an attempt is ended; `none` for never"),
        "trigger": _later(Word(spec.Trigger), "which outcomes of its parents let a task run"),
        "after": Rule(Special("a task"), "tasks that have to end first", in_defaults=False),
        "pool": _later(Special("the name of a pool"), "the pool that a running task takes a slot of"),
        "priority": Rule(WholeNumber(-1_000_000, 1_000_000), "tasks with a higher priority start first"),
        "isolation": _later(Word(spec.Isolation), "what an attempt runs in"),
        "runs_on": _later(Special("the name of a label"), "the label that an executor must have"),
        "env": _later(Special("a dict of texts"), "environment variables of the task"),
        "cwd": _later(Special("a path"), "the folder that the task runs in"),
        "memory": _later(Special("a size"), "the most memory that an attempt may take"),
        "notify": _later(Special("the name of a notifier"), "who is told"),
        "alert_on": _later(Words(spec.AlertEvent), "what they are told of"),
        "alert": _later(Text(), "what they are told"),
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
        "dst": _later(Word(spec.DaylightSaving), "what a time in the hour that is left out or repeated means"),
        "catchup": Rule(Word(spec.Catchup), "which runs are made up for that were due while no scheduler ran"),
        "overlap": _later(Word(spec.Overlap), "what a run does that is due while another is active"),
        "max_active_runs": Rule(WholeNumber(1), "how many runs of the dag are active at once"),
        "max_active_tasks": _later(WholeNumber(1), "how many tasks of the dag run at once"),
        "run_timeout": _later(Duration(), "the time after which a run is ended"),
        "deadline": _later(Duration(), "how late a run may be before somebody is told"),
        "tags": Rule(Texts(), "words to find the dag by"),
        "owner": Rule(Text(), "who is responsible"),
        "notify": _later(Special("the name of a notifier"), "who is told"),
        "alert_on": _later(Words(spec.AlertEvent), "what they are told of"),
    }
)
"""Settings of a dag, by name; each is the field of `spec.Dag` of the same name, `schedule` is `schedules`."""

_RULES = {Owner.TASK: TASK_SETTINGS, Owner.DAG: DAG_SETTINGS}
_SIMILAR = {owner: Similar(rules) for owner, rules in _RULES.items()}
_OTHER = {Owner.TASK: Owner.DAG, Owner.DAG: Owner.TASK}


@dataclass(slots=True, eq=False)
class Settings:
    """What one or more blocks say: sound values by name, their places, and the syntax of those with their own reader.

    `under` lays a block over another: what it does not say is what the other says.
    """

    values: dict[str, object] = field(default_factory=dict)
    at: dict[str, spec.At] = field(default_factory=dict)
    special: dict[str, ast.Setting] = field(default_factory=dict)

    def over(self, inherited: Settings) -> Settings:
        return Settings(inherited.values | self.values, inherited.at | self.at, inherited.special | self.special)


def read_settings(
    file: FileScope, expressions: Expressions, settings: Iterable[ast.Setting], owner: Owner, *, defaults: bool = False
) -> Settings:
    """Reads the settings of one block of an owner, or of the `defaults` for tasks."""
    found = Settings()
    first: dict[str, ast.Identifier] = {}
    for setting in settings:
        name = setting.name.name
        if name in first:
            file.report(
                REPEATED_SETTING,
                f"the setting `{name}` is given twice",
                setting.name.span,
                labels=(Label(first[name].span, "given first here"),),
                help="leave one of them out",
            )
            expressions.mark_used(setting.value)
            continue
        first[name] = setting.name
        rule = _RULES[owner].get(name)
        if rule is None or (defaults and not rule.in_defaults):
            _refuse(file, setting, owner, known=rule is not None)
            expressions.mark_used(setting.value)
        elif not rule.supported:
            message = f"the setting `{name}` is not supported by this version of ppc yet"
            file.report(SETTING_NOT_SUPPORTED, message, setting.name.span)
            expressions.mark_used(setting.value)
        elif isinstance(rule.type, Special):
            found.special[name] = setting
            found.at[name] = file.at(setting.name.span)
        else:
            _read(file, expressions, setting, rule.type, found)
    return found


def _refuse(file: FileScope, setting: ast.Setting, owner: Owner, *, known: bool) -> None:
    name, span = setting.name.name, setting.name.span
    if known:
        message = f"the setting `{name}` has no meaning in `defaults`"
        file.report(MISPLACED_SETTING, message, span, help="give it to each task that it is meant for")
    elif name in _RULES[_OTHER[owner]]:
        message = f"`{name}` is a setting of {_OTHER[owner]}, not of {owner}"
        way_out = (
            "give it in the block of a task, or in `defaults`" if owner is Owner.DAG else "give it in the dag itself"
        )
        file.report(MISPLACED_SETTING, message, span, help=way_out)
    else:
        way_out = similar_help(_SIMILAR[owner].to(name), f"setting of {owner}")
        other = _OTHER[owner]
        way_out = way_out or similar_help(_SIMILAR[other].to(name), f"setting of {other}")
        file.report(UNKNOWN_SETTING, f"unknown setting `{name}`", span, help=way_out)


def _read(file: FileScope, expressions: Expressions, setting: ast.Setting, type: SettingType, found: Settings) -> None:
    name = setting.name.name
    taken: object | Misfit
    match type:
        case Special():
            return
        case Word(words):
            taken = _word(file, setting.value, words, name)
        case Words(words):
            taken = _words(file, setting.value, words, name)
        case _:
            known = expressions.constant(setting.value, f"the setting `{name}`")
            taken = Misfit("") if known is None else type.take(known.value)
            if known is not None and isinstance(taken, Misfit):
                if taken.out_of_range:
                    file.report(OUT_OF_RANGE, f"`{name}` takes {taken.wanted}", setting.value.span)
                else:
                    label = f"this is {kind(known.value)}"
                    file.report(WRONG_TYPE, f"`{name}` takes {taken.wanted}", setting.value.span, label=label)
    if not isinstance(taken, Misfit):
        found.values[name] = taken
        found.at[name] = file.at(setting.name.span)


def _word(file: FileScope, value: ast.Expr, words: type[StrEnum], name: str) -> StrEnum | Misfit:
    known = [each.value for each in words]
    match value:
        case ast.Name(name=word):
            pass
        case ast.Constant(value=None):
            word = "none"
        case ast.Constant(value=str(word)) if word in known:
            message = f"`{name}` takes a word, not a text"
            file.report(WRONG_WORD, message, value.span, help=f"write it without quotes: `{word}`")
            return Misfit(word)
        case _:
            word = ""
    if word in known:
        return words(word)
    similar = Similar(known).to(word) if word else None
    message = f"`{name}` takes one of {', '.join(f'`{each}`' for each in known)}"
    file.report(WRONG_WORD, message, value.span, help="" if similar is None else f"did you mean `{similar}`?")
    return Misfit(message)


def _words(file: FileScope, value: ast.Expr, words: type[StrEnum], name: str) -> tuple[StrEnum, ...] | Misfit:
    if not isinstance(value, ast.ListLiteral):
        message = f"`{name}` takes a list of words: {', '.join(f'`{each}`' for each in words)}"
        file.report(WRONG_TYPE, message, value.span)
        return Misfit(message)
    found = [_word(file, item, words, name) for item in value.items]
    sound = tuple(item for item in found if not isinstance(item, Misfit))
    return sound if len(sound) == len(found) else Misfit(name)
