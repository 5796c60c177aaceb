"""Dagu's variables: params and environment, and texts that name them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from ppacer.core.notation import string_text
from ppacer.records import dataclass, field
from ppc.dagu_yaml import Node, snake
from ppc.translation import format_literal, free_name

_REFERENCE: Final = re.compile(r"\$(?:\{(?:env\.|params\.)?([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_COMPUTED: Final = re.compile(r"`|\$\(|\$\{[^}]*[^\w}.][^}]*\}|\$\{(?!env\.|params\.)\w+\.|\$\d")
_TYPES: Final = {"integer": "int", "number": "float", "boolean": "bool", "string": "str"}
_EMPTY: Final[Mapping[str, str | int | float | bool]] = {"str": "", "int": 0, "float": 0.0, "bool": False}
_PROVIDED: Final = {"DAG_NAME": "run.dag", "DAG_RUN_ID": "run.id", "DAG_RUN_STEP_NAME": "task.id"}
"""Variables that Dagu sets, and what they are here."""


def fields(mapping: Mapping[str, Node]) -> dict[str, Node]:
    """Dagu takes its keys in camel case and in snake case: here they are in the latter."""
    return {snake(name): node for name, node in mapping.items()}


def pairs(node: Node) -> Iterator[tuple[str, Node]]:
    """What an `env` sets: a mapping, a list of mappings, or of `NAME=value`; of nothing else."""
    if isinstance(node.value, dict):
        yield from node.value.items()
        return
    for each in node.items():
        if isinstance(each.value, dict):
            yield from each.value.items()
        elif each.scalar and "=" in each.text():
            name, _, value = each.text().partition("=")
            yield name.strip(), Node(each.line, value.strip())
        else:
            yield "", each


@dataclass(slots=True)
class Scope:
    """What a step sees: `variables` are names of the environment and expressions of texts, `pieces` the same as
    parts of f-strings. `kept` names the params that the dag has; `positional`: there were some without a name."""

    variables: dict[str, str] = field(default_factory=dict)
    pieces: dict[str, list[str | tuple[str]]] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    positional: bool = False

    def copy(self) -> Scope:
        return Scope(dict(self.variables), dict(self.pieces), self.params, self.kept, self.positional)

    def add(self, node: Node) -> Iterator[tuple[str, int]]:
        """Takes the variables of an `env`; yields what is lost of it, and at which line."""
        for name, value in pairs(node):
            if not re.fullmatch(r"[A-Za-z_]\w*", name) or not value.scalar:
                yield f"the variable {name or value.text()!r} of `env`", value.line
                continue
            found = self._pieces(value.text())
            if found is None:
                yield f"the variable {name}, which a command works out", value.line
                continue
            self.pieces[name] = found
            self.variables[name] = _text_of(found)

    def add_params(self, node: Node) -> Iterator[tuple[str, int]]:
        """Takes the params of a dag; yields what is lost of them, and at which line."""
        taken: set[str] = set()
        for name, value, kind in _params(node):
            if not name:
                self.positional = True
                yield f"the param {value.text()!r}, which has no name", value.line
                continue
            own = free_name(name if not name.isupper() else name.lower(), taken, "param")
            default = _default(value, kind)
            if default is None:
                yield f"the default of the param {name}, which a command works out", value.line
                default = '""'
            self.kept.add(own)
            self.params[own] = f"param {own}: {kind} = {default}"
            self.pieces[name] = [(f"params.{own}",)]
            self.variables[name] = f"params.{own}" if kind == "str" else f'f"{{params.{own}}}"'

    def provide(self, command: str) -> None:
        """Sets those of the variables that Dagu sets by itself which the command names."""
        for name, expression in _PROVIDED.items():
            if re.search(rf"\b{name}\b", command) and name not in self.variables:
                self.pieces[name] = [(expression,)]
                self.variables[name] = expression

    def expression(self, text: str) -> str | None:
        """An expression of the text with its variables put in; none where a command works it out."""
        found = self._pieces(text)
        return None if found is None else _text_of(found)

    def _pieces(self, text: str) -> list[str | tuple[str]] | None:
        if _COMPUTED.search(text):
            return None
        found: list[str | tuple[str]] = []
        end = 0
        for match in _REFERENCE.finditer(text):
            name = match[1] or match[2]
            found.append(text[end : match.start()])
            found += self.pieces.get(name, [(f'env({string_text(name)}, "")',)])
            end = match.end()
        found.append(text[end:])
        return [piece for piece in found if piece]


def _text_of(pieces: list[str | tuple[str]]) -> str:
    if len(pieces) == 1 and isinstance(pieces[0], tuple) and not pieces[0][0].startswith("params."):
        return pieces[0][0]
    return format_literal(pieces or [""])


def _params(node: Node) -> Iterator[tuple[str, Node, str]]:
    """The name of each param, its default and its type; no name where it has none."""
    if isinstance(node.value, dict):
        for name, value in node.value.items():
            yield name, value, "str"
        return
    for each in node.items():
        if isinstance(each.value, dict):
            typed = fields(each.value)
            if "name" in typed:
                kind = _TYPES.get(typed["type"].text() if "type" in typed else "string", "str")
                given = typed["eval"] if "eval" in typed else typed.get("default", Node(each.line, _EMPTY[kind]))
                yield typed["name"].text(), given, kind
            else:
                yield from ((name, value, "str") for name, value in each.value.items())
            continue
        for word in _words(each.text()):
            name, equals, default = word.partition("=")
            named = bool(equals) and re.fullmatch(r"[A-Za-z_]\w*", name) is not None
            yield name if named else "", Node(each.line, default if named else word), "str"


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _default(value: Node, kind: str) -> str | None:
    text = value.text()
    if not value.scalar or _COMPUTED.search(text) or _REFERENCE.search(text):
        return None
    if kind == "str":
        return string_text(text)
    fits = {"int": int, "float": int | float, "bool": bool}[kind]
    return text if isinstance(value.value, fits) else None
