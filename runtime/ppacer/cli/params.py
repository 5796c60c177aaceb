"""`-p name=value` and `--at`: a run's parameters and logical time, as the command line gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ppacer import spec
from ppacer.cli.command import CommandError, Invocation, similar
from ppacer.cli.times import given_time
from ppacer.web.messages import Json

_BEGINNINGS = ("{", "[", '"')
"""Of JSON that nobody means as a text."""


def run_params(dag: spec.Dag, given: Sequence[str]) -> dict[str, Json]:
    """The parameters as JSON: texts as they are, lists as JSON or with commas, all else as JSON where it is some.

    Raises `CommandError`.
    """
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
        try:
            found[name] = _value(value, declared[name].type)
        except json.JSONDecodeError as error:
            fault = f"{error.msg[:1].lower()}{error.msg[1:]}, at character {error.pos + 1}"
            raise CommandError(f"-p {name}: this is no JSON: {fault}", 2) from error
    return found


def logical_time(invocation: Invocation, dag: spec.Dag) -> int | None:
    """`--at` in microseconds UTC: in the dag's zone where it has no offset."""
    text = invocation.optional("at")
    return None if text is None else given_time("--at", text, dag)


def _value(text: str, type_: spec.ParamType) -> Json:
    """What a text of the command line means for a parameter of that type; whether it fits, the scheduler says.

    Raises `JSONDecodeError` for what begins as JSON and is none, where any JSON would fit and so a text, too.
    """
    if type_.kind is spec.ParamKind.STR or text in type_.choices:
        return text
    if type_.optional and text in ("none", "null"):
        return None
    if type_.kind is spec.ParamKind.LIST and not text.lstrip().startswith("["):
        of = type_.of or spec.ParamType(spec.ParamKind.JSON)
        return [_value(part.strip(), of) for part in text.split(",")] if text else []
    try:
        return json.loads(text, parse_constant=lambda _: text)
    except json.JSONDecodeError:
        if type_.kind is spec.ParamKind.JSON and text.lstrip().startswith(_BEGINNINGS):
            raise
        return text
    except ValueError:
        return text
