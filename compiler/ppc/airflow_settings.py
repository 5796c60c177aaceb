"""Settings of Airflow's dags and tasks as those of the language."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from ppacer.core.cron import CronFault, parse_cron
from ppacer.core.notation import duration_text, string_text, value_text
from ppacer.records import dataclass, field
from ppc.airflow_values import Constant, Moment, UnknownError, constant, moment_text
from ppd.words import SETTING_WORDS

_PRESETS: Final = frozenset({"@hourly", "@daily", "@weekly", "@monthly", "@yearly", "@annually", "@midnight"})
_NO_MATTER: Final = frozenset(
    {"task_id", "dag", "owner", "start_date", "end_date", "do_xcom_push", "multiple_outputs", "params"}
    | {"task_display_name", "default_args", "provide_context", "append_env", "show_return_value_in_logs"}
)
_CALLBACKS: Final = frozenset(
    {"on_failure_callback", "on_success_callback", "on_retry_callback", "on_execute_callback", "sla_miss_callback"}
    | {"email", "email_on_failure", "email_on_retry", "on_skipped_callback", "sla", "deadline"}
)
_DELAY: Final = timedelta(minutes=5)
"""Airflow's own between attempts."""

_RULES: Final = SETTING_WORDS["trigger"]


@dataclass(slots=True)
class Settled:
    """Settings here, and what is lost of those there, with its line. `pool` names one that is to be declared."""

    settings: dict[str, str] = field(default_factory=dict)
    lost: list[tuple[int, str]] = field(default_factory=list)
    pool: str = ""


def of_task(given: Mapping[str, ast.expr], names: Mapping[str, object], taken: frozenset[str]) -> Settled:
    """The settings of a task, or of all tasks of a dag; `taken` are the arguments that the operator itself takes.
    Raises `UnknownError` for a trigger rule that there is not."""
    made = Settled()
    known = _known(made, given, names, _NO_MATTER | taken)
    for key, value in known.items():
        _set(made, key, value, given[key])
    _retries(made, known)
    return made


def _known(
    made: Settled, given: Mapping[str, ast.expr], names: Mapping[str, object], passed_over: frozenset[str]
) -> dict[str, Constant]:
    """Those of the arguments that are constants; what is lost of the others is noted. A callback of `None` is none."""
    known: dict[str, Constant] = {}
    for key, node in given.items():
        if key in passed_over:
            continue
        if key not in _CALLBACKS:
            try:
                known[key] = constant(node, names)
            except UnknownError as error:
                made.lost.append((error.line, f"`{key}`: {error}"))
        elif not (isinstance(node, ast.Constant) and node.value in (False, None)):
            made.lost.append((node.lineno, f"`{key}`; declare a `notifier`, and name it in `notify`"))
    return known


def _set(made: Settled, key: str, value: Constant, node: ast.expr) -> None:
    match key, value:
        case ("retries", int()):
            made.settings["retries"] = str(int(value))
        case ("execution_timeout", timedelta()):
            made.settings["timeout"] = duration_text(value)
        case ("trigger_rule", str()) if value in _RULES:
            made.settings["trigger"] = value
        case ("trigger_rule", _):
            raise UnknownError(node, f"the trigger rule {value!r}")
        case ("priority_weight", int()):
            made.settings["priority"] = str(value)
        case ("pool", str()):
            made.pool = value
        case ("doc" | "doc_md", str()):
            made.settings["doc"] = string_text(" ".join(value.split()))
        case ("retry_delay" | "max_retry_delay" | "retry_exponential_backoff", _) | (_, None):
            pass
        case ("depends_on_past" | "wait_for_downstream", False):
            pass
        case ("pool_slots", 1):
            pass
        case _:
            made.lost.append((node.lineno, f"`{key}`"))


def _retries(made: Settled, known: Mapping[str, Constant]) -> None:
    delay = _duration(known.get("retry_delay"))
    if known.get("retry_exponential_backoff"):
        most = _duration(known.get("max_retry_delay"))
        limit = f", max = {duration_text(most)}" if most else ""
        made.settings["backoff"] = f"exponential(initial = {duration_text(delay or _DELAY)}{limit}, factor = 2)"
    elif delay is not None:
        made.settings["retry_delay"] = duration_text(delay)
    elif known.get("retries"):
        made.settings["retry_delay"] = duration_text(_DELAY)


def _duration(value: Constant) -> timedelta | None:
    if isinstance(value, timedelta):
        return value
    return timedelta(seconds=value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def of_dag(
    given: Mapping[str, ast.expr], defaults: Mapping[str, ast.expr], names: Mapping[str, object], zone: str
) -> Settled:
    """The settings of a dag; `defaults` are those of its tasks, some of which are the dag's."""
    made = Settled()
    both = {**{key: defaults[key] for key in _OF_DEFAULTS if key in defaults}, **given}
    known = _known(made, both, names, _DAG_NO_MATTER)
    for key, value in known.items():
        _set_dag(made, key, value, both[key])
    start, end = known.get("start_date"), known.get("end_date")
    places = [moment.zone for moment in (start, end) if isinstance(moment, Moment) and moment.zone is not None]
    timetable = _schedule(made, known, given)
    if isinstance(start, Moment):
        made.settings["start"] = moment_text(start)
    if isinstance(end, Moment):
        # Airflow's end is a time at which a run may still be due.
        made.settings["end"] = moment_text(Moment(end.at + timedelta(seconds=1), end.zone))
    if timetable:
        made.settings["timezone"] = string_text(places[0] if places else zone)
        made.settings["catchup"] = "all" if known.get("catchup") is True else "latest"
    if "max_active_runs" not in made.settings:
        made.settings["max_active_runs"] = "16"
    return made


_OF_DEFAULTS: Final = ("start_date", "end_date", "owner")
_DAG_NO_MATTER: Final = frozenset(
    {
        "dag_id",
        "default_args",
        "params",
        "description",
        "doc_md",
        "render_template_as_native_obj",
        "is_paused_upon_creation",
    }
    | {
        "default_view",
        "orientation",
        "template_searchpath",
        "dag_display_name",
        "fail_stop",
        "fail_fast",
        "access_control",
    }
)


def _set_dag(made: Settled, key: str, value: Constant, node: ast.expr) -> None:
    match key, value:
        case ("max_active_runs", int()) if value > 0:
            made.settings["max_active_runs"] = str(value)
        case ("max_active_tasks" | "concurrency", int()) if value > 0:
            made.settings["max_active_tasks"] = str(value)
        case ("dagrun_timeout", timedelta()):
            made.settings["run_timeout"] = duration_text(value)
        case ("tags", list()):
            made.settings["tags"] = f"[{', '.join(string_text(str(tag)) for tag in dict.fromkeys(map(str, value)))}]"
        case ("owner", str()):
            if value != "airflow":
                made.settings["owner"] = string_text(value)
        case ("schedule" | "schedule_interval" | "catchup", _) | (_, None):
            pass
        case ("start_date" | "end_date", Moment()):
            pass
        case _:
            made.lost.append((node.lineno, f"`{key}`"))


def _schedule(made: Settled, known: Mapping[str, Constant], given: Mapping[str, ast.expr]) -> bool:
    key = next((key for key in ("schedule", "schedule_interval") if key in known), None)
    if key is None or known[key] is None:
        return False
    value = known[key]
    if isinstance(value, timedelta) and value > timedelta():
        start = known.get("start_date")
        anchor = f", anchor = {moment_text(start)}" if isinstance(start, Moment) else ""
        made.settings["schedule"] = f"every({duration_text(value)}{anchor})"
        return True
    if isinstance(value, str) and (value in _PRESETS or not value.startswith("@")):
        fault = parse_cron(value)
        if not isinstance(fault, CronFault):
            made.settings["schedule"] = f"cron({string_text(value)})"
            return True
        made.lost.append((given[key].lineno, f"the schedule {value!r}: {fault.message}"))
        return False
    made.lost.append((given[key].lineno, f"the schedule {ast.unparse(given[key])}, which is no time"))
    return False


def param_type(value: Constant, choices: Constant) -> str:
    """The type of a param and its default; `choices` are the values that it may have, none for any."""
    if isinstance(value, str) and isinstance(choices, list) and value in choices:
        words = ", ".join(string_text(each) for each in choices if isinstance(each, str))
        return f"choice({words}) = {string_text(value)}"
    match value:
        case bool() | int() | float() | str():
            return f"{type(value).__name__} = {value_text(value)}"
        case None:
            return "str? = none"
    return f"json = {_json(value)}"


def _json(value: Constant) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_json, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{string_text(key)}: {_json(each)}" for key, each in value.items()) + "}"
    if value is None or isinstance(value, str | int | float | bool):
        return value_text(value)
    return string_text(str(value))
