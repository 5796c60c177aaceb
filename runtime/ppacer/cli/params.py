"""`-p name=value` and `--at`: a run's parameters and logical time, as the command line gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ppacer import spec
from ppacer.cli.command import CommandError, Invocation, similar
from ppacer.cli.times import given_time
from ppacer.web.messages import Json


def run_params(dag: spec.Dag, given: Sequence[str]) -> dict[str, Json]:
    """The parameters as JSON: texts as they are, lists as JSON or with commas, all else as JSON where it is some."""
    declared = {param.name: param for param in dag.params}
    found: dict[str, Json] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise CommandError(f"-p {text}: expected NAME=VALUE", 2)
        if name not in declared:
            problem = f"has no parameter `{name}`{similar(name, list(declared))}" if declared else "takes no parameters"
            raise CommandError(f"{dag.id} {problem}", 2)
        if name in found:
            raise CommandError(f"-p {name} is given twice", 2)
        found[name] = _value(value, declared[name].type)
    return found


def logical_time(invocation: Invocation, dag: spec.Dag) -> int | None:
    """`--at` in microseconds UTC: in the dag's zone where it has no offset."""
    text = invocation.optional("at")
    return None if text is None else given_time("--at", text, dag)


def _value(text: str, type_: spec.ParamType) -> Json:
    """What a text of the command line means for a parameter of that type; whether it fits, the scheduler says."""
    if type_.kind is spec.ParamKind.STR or text in type_.choices:
        return text
    if type_.optional and text in ("none", "null"):
        return None
    if type_.kind is spec.ParamKind.LIST and not text.lstrip().startswith("["):
        of = type_.of or spec.ParamType(spec.ParamKind.JSON)
        return [_value(part.strip(), of) for part in text.split(",")] if text else []
    return _json_or_text(text)


def _json_or_text(text: str) -> Json:
    try:
        return json.loads(text, parse_constant=lambda _: text)
    except ValueError:
        return text
