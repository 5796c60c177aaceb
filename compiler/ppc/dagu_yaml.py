"""YAML with the line of each value, for what has to tell where it stands. Read with PyYAML, an extra."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

import yaml

from ppacer.records import dataclass
from ppc.translation import UntranslatableError

_DEEPEST, _MOST = 40, 100_000
"""What is nested deeper, or becomes more by aliases, is no pipeline."""

_ENDLESS: Final = 1 << 31

Value: TypeAlias = "str | int | float | bool | list[Node] | dict[str, Node] | None"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its line, from 1. What YAML reads as a date stays a text."""

    line: int
    value: Value

    def items(self) -> list[Node]:
        """The elements of a list; of anything else it alone; none for nothing."""
        if isinstance(self.value, list):
            return self.value
        return [] if self.value is None else [self]

    def text(self) -> str:
        """A scalar as it is written in a command; a list or mapping as YAML writes it in a line."""
        if isinstance(self.value, list):
            return f"[{', '.join(each.text() for each in self.value)}]"
        if isinstance(self.value, dict):
            return f"{{{', '.join(f'{name}: {each.text()}' for name, each in self.value.items())}}}"
        if isinstance(self.value, bool):
            return "true" if self.value else "false"
        return "" if self.value is None else str(self.value)

    @property
    def count(self) -> int | None:
        """A number of things or seconds; nothing for what is none, or more than anybody means."""
        fits = isinstance(self.value, int) and not isinstance(self.value, bool) and 0 <= self.value < _ENDLESS
        return self.value if fits and isinstance(self.value, int) else None

    @property
    def scalar(self) -> bool:
        return not isinstance(self.value, list | dict)


def documents(text: str) -> Iterator[Node]:
    """The documents of a file. Raises `UntranslatableError` where it is no YAML."""
    try:
        loader = yaml.SafeLoader(text)
        while loader.check_node():
            if (node := loader.get_node()) is not None:
                yield _Reading(loader).node(node, 0)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise UntranslatableError(f"line {line}: this is no YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UntranslatableError(f"this is no YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise UntranslatableError("this is nested too deeply") from error


class _Reading:
    """One document."""

    def __init__(self, loader: yaml.SafeLoader) -> None:
        self._loader = loader
        self._made = 0

    def node(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self._made += 1
        if depth > _DEEPEST or self._made > _MOST:
            raise UntranslatableError(f"line {line}: this is nested too deeply")
        if isinstance(node, yaml.SequenceNode):
            return Node(line, [self.node(each, depth + 1) for each in node.value])
        if isinstance(node, yaml.MappingNode):
            self._loader.flatten_mapping(node)
            pairs = {}
            for key, value in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise UntranslatableError(f"line {key.start_mark.line + 1}: a key is to be a word")
                pairs[key.value] = self.node(value, depth + 1)
            return Node(line, pairs)
        return Node(line, self._scalar(node))

    def _scalar(self, node: yaml.Node) -> str | int | float | bool | None:
        if node.tag in {f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null")}:
            try:
                value: str | int | float | bool | None = self._loader.construct_object(node)
            except ValueError:
                return str(node.value)
            return value
        return str(node.value)


def snake(name: str) -> str:
    """`maxActiveRuns` as `max_active_runs`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
