"""What Airflow's operators do, as calls of tasks."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping
from typing import Final

from ppacer.core.notation import string_text
from ppc.airflow_values import Constant, Templates, UnknownError, constant, literal
from ppc.translation import dict_text, text_literal

ARGUMENTS: Final[Mapping[str, frozenset[str]]] = {
    "BashOperator": frozenset({"bash_command", "env", "cwd", "append_env", "output_encoding"}),
    "PythonOperator": frozenset({"python_callable", "op_kwargs", "op_args"}),
    "EmptyOperator": frozenset(),
    "DummyOperator": frozenset(),
    "TriggerDagRunOperator": frozenset({"trigger_dag_id", "wait_for_completion", "poke_interval", "reset_dag_run"}),
    "FileSensor": frozenset({"filepath", "poke_interval", "timeout", "mode", "soft_fail"}),
}
"""The operators that have an equal, and the arguments that are theirs."""

LABELS: Final = ("Label", "EdgeModifier")
ORDERS: Final = ("chain", "cross_downstream")

_BASH: Final = re.compile(
    r"\[\[|<\(|<<<|&>|\|&|\bpipefail\b|\bsource\s|\bdeclare\s|\bshopt\s|\bfunction\s|\$'|\w=\(|\$\{\w+[^\w}:+?=-]|\{\d+\.\.\d+\}"
)
"""What `sh` does not know, or means otherwise."""


class NoEqualError(Exception):
    """What an operator does has no equal. The message says why."""


def kind_of(call: ast.Call, names: Mapping[str, object]) -> str:
    """`DAG`, `TaskGroup`, `chain` or an operator's class, where the call is of one; else nothing. A class with the name
    of one of Airflow's, but from elsewhere, has its module before it."""
    if not isinstance(call.func, ast.Name | ast.Attribute):
        return ""
    name, place, imported = ast.unparse(call.func).rpartition(".")[2], "airflow", True
    if isinstance(call.func, ast.Name):
        found = names.get(call.func.id)
        imported = isinstance(found, tuple)
        place, name = (str(found[0]), str(found[1])) if isinstance(found, tuple) else ("", name)
    of_airflow = place.partition(".")[0] == "airflow"
    if name in (*ORDERS, *LABELS):
        return name if of_airflow else ""
    by_name = imported and (name in ("DAG", "TaskGroup") or name.endswith(("Operator", "Sensor")))
    by_task_id = name not in ("override", "partial", "expand") and any(each.arg == "task_id" for each in call.keywords)
    if not by_name and not by_task_id:
        return ""
    return f"{place or 'own'}.{name}" if name in ARGUMENTS and not of_airflow else name


def bash(
    given: Mapping[str, ast.expr], names: Mapping[str, object], templates: Templates
) -> tuple[str, dict[str, str]]:
    """The call of a command and its settings. Raises `NoEqualError`."""
    command = _text(given, "bash_command", names)
    if re.search(r"\.(sh|bash)$", command):
        raise NoEqualError("a `bash_command` that ends in .sh is a file of templates to Airflow")
    settings: dict[str, str] = {}
    if "env" in given:
        pairs = constant(given["env"], names)
        if not isinstance(pairs, dict):
            raise NoEqualError("its `env`")
        settings["env"] = dict_text({key: _expression(str(value), templates) for key, value in pairs.items()})
    if "cwd" in given:
        settings["cwd"] = _expression(_text(given, "cwd", names), templates)
    if not _BASH.search(command):
        return f"shell({_command(command, templates)})", settings
    if "{{" not in command and "{%" not in command:
        return f"shell({text_literal(f'bash -c {shlex.quote(command)}')})", settings
    around = "bash -c \"$(cat <<'END_OF_COMMAND'\n", '\nEND_OF_COMMAND\n)"'
    try:
        # Within the marks nothing is put in by `sh`: bash reads it as it is, and what is put in is quoted for that.
        return f"shell({templates.command(command, *around)})", settings
    except ValueError as error:
        raise NoEqualError(f"the template {error}") from error


def trigger(given: Mapping[str, ast.expr], names: Mapping[str, object], dags: Mapping[str, str]) -> str:
    """The call that runs another dag. Raises `NoEqualError`."""
    dag = _text(given, "trigger_dag_id", names)
    if dag not in dags:
        raise NoEqualError(f"it runs the dag {dag!r}, which is not of this file: see `run_dag`")
    waits = "wait_for_completion" in given and constant(given["wait_for_completion"], names) is True
    return f"run_dag({string_text(dags[dag])}{'' if waits else ', wait = false'})"


def wait_for_file(
    given: Mapping[str, ast.expr], names: Mapping[str, object], templates: Templates
) -> tuple[str, dict[str, str]]:
    """The call that waits for a file, and its settings. Raises `NoEqualError`."""
    path = _text(given, "filepath", names)
    if not path.startswith("/"):
        raise NoEqualError("its path is relative to a connection's")
    if "soft_fail" in given and constant(given["soft_fail"], names) is not False:
        raise NoEqualError("`soft_fail`")
    every = _seconds(given.get("poke_interval"), names, 60)
    timeout = _seconds(given.get("timeout"), names, 7 * 24 * 3600)
    return f"wait_for_file({_expression(path, templates)}, every = {every})", {"timeout": timeout}


def _seconds(node: ast.expr | None, names: Mapping[str, object], otherwise: int) -> str:
    value = otherwise if node is None else constant(node, names)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{int(value * 1000)}ms" if value != int(value) else f"{int(value)}s"
    return literal(value)


def _text(given: Mapping[str, ast.expr], key: str, names: Mapping[str, object]) -> str:
    if key not in given:
        raise NoEqualError(f"it has no `{key}`")
    value: Constant = constant(given[key], names)
    if not isinstance(value, str):
        raise UnknownError(given[key], f"`{key}` is no text")
    return value


def _expression(text: str, templates: Templates) -> str:
    try:
        return templates.text(text)
    except ValueError as error:
        raise NoEqualError(f"the template {error}") from error


def _command(text: str, templates: Templates) -> str:
    try:
        return templates.command(text)
    except ValueError as error:
        raise NoEqualError(f"the template {error}") from error
