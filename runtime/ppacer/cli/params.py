"""`-p name=value` and `--at`: a run's parameters and logical time, as the command line gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from ppacer import spec
from ppacer.cli.command import CommandError, Invocation, similar
from ppacer.core.instants import from_datetime, from_local, zone
from ppacer.web.messages import Json

_TEXTS = (spec.ParamKind.STR, spec.ParamKind.CHOICE)


def run_params(dag: spec.Dag, given: object) -> dict[str, Json]:
    """The parameters as JSON: texts as they are, anything else read as JSON where it is some."""
    declared = {param.name: param for param in dag.params}
    found: dict[str, Json] = {}
    for text in given if isinstance(given, Sequence) else ():
        name, equals, value = str(text).partition("=")
        if not equals:
            raise CommandError(f"-p {text}: expected NAME=VALUE", 2)
        if name not in declared:
            problem = f"has no parameter `{name}`{similar(name, list(declared))}" if declared else "takes no parameters"
            raise CommandError(f"{dag.id} {problem}", 2)
        if name in found:
            raise CommandError(f"-p {name} is given twice", 2)
        found[name] = value if declared[name].type.kind in _TEXTS else _json_or_text(value)
    return found


def logical_time(invocation: Invocation, dag: spec.Dag) -> int | None:
    """`--at` in microseconds UTC: in the dag's zone where it has no offset."""
    text = invocation.values.get("at")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise CommandError(f"--at {text}: expected a time such as 2026-01-31T02:15", 2) from error
    return from_local(moment, zone(dag.timezone)) if moment.tzinfo is None else from_datetime(moment)


def _json_or_text(value: str) -> Json:
    try:
        return json.loads(value)
    except ValueError:
        return value
