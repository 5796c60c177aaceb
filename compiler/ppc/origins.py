"""From a line of a generated program to the lines of `.ppd` that it was made from, and the other way.

The program is read as text and never run: what it holds of its sources is in the literals of its spec.
"""

from __future__ import annotations

import ast as python
import re
from collections.abc import Iterator, Sequence
from typing import Final

from ppacer.records import dataclass
from ppc.literals import SPEC_ALIAS

_OWNERS: Final = {
    "Dag": "dag",
    "Task": "task",
    "Group": "group",
    "Param": "param",
    "Pool": "pool",
    "Notifier": "notifier",
}
"""Classes of the spec whose values have names, and what people call them."""
_LINE_END: Final = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Origin:
    """A place that a line was made from: the path as the program has it, relative to its own place; what stands there;
    and the line's text as it was when the program was built."""

    path: str
    line: int
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Made:
    """A line of the program, from 1, and what begins there."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class BuiltFrom:
    """A source as the program carries it."""

    path: str
    sha256: str
    text: str


class ProgramText:
    """Lines count from 1. Raises `SyntaxError` or `ValueError` where the text is no Python."""

    def __init__(self, text: str) -> None:
        tree = python.parse(text)
        self._lines = text.splitlines()
        self._tree = tree
        self._parts = list(_parts(tree))
        self._calls = [call for call in python.walk(tree) if isinstance(call, python.Call)]
        self.sources = [_built_from(call) for call in self._calls if _spec_class(call) == "Source"]

    @property
    def line_count(self) -> int:
        return len(self._lines)

    def origins(self, line: int) -> list[Origin]:
        """Of a literal where it was written, of the function behind which a callable is the tasks that call it; none
        for a line that every program has."""
        copied = self._copied(line)
        if copied is not None:
            return [copied]
        callable_id = self._callable(line)
        if callable_id is not None:
            found = [part for part in self._parts if callable_id in part.texts]
        else:
            around = [part for part in self._parts if part.first <= line <= part.last]
            least = min((part.last - part.first for part in around), default=0)
            found = [part for part in around if part.last - part.first == least]
        return list(dict.fromkeys(self._origin(part) for part in found))

    def made_from(self, path: str, line: int) -> list[Made]:
        """What of the program a line of a source became; nothing of one that only holds what others are."""
        found: dict[str, Made] = {}
        for part in self._parts:
            if part.line == line and self.sources[part.file].path == path:
                found.setdefault(part.what, Made(part.first, part.what))
        return list(found.values())

    def _origin(self, part: _Part) -> Origin:
        source = self.sources[part.file]
        return Origin(source.path, part.line, part.what, _line(source.text, part.line))

    def _callable(self, line: int) -> str | None:
        """The callable whose function a line is in."""
        function = next(
            (
                each.name
                for each in self._tree.body
                if isinstance(each, python.FunctionDef) and each.lineno <= line <= (each.end_lineno or 0)
            ),
            None,
        )
        for each in self._tree.body:
            if isinstance(each, python.AnnAssign) and isinstance(each.value, python.Dict):
                for key, value in zip(each.value.keys, each.value.values, strict=True):
                    if isinstance(key, python.Constant) and isinstance(value, python.Name) and value.id == function:
                        return str(key.value)
        return None

    def _copied(self, line: int) -> Origin | None:
        """What a line copies word for word: of a source, or of the Python of a task."""
        for call in self._calls:
            kind = _spec_class(call)
            text = _argument(call, "text") if kind in ("Source", "Code") else None
            if text is None or not text.lineno <= line <= (text.end_lineno or 0):
                continue
            before = "".join(self._literal(each) for each in range(text.lineno, line))
            first = 1 if kind == "Source" else int(_constant(call, "line", 1))
            number = len(_LINE_END.findall(before))
            what = "the source" if kind == "Source" else "the Python of a task"
            return Origin(_constant(call, "path"), first + number, what, _line(_constant(call, "text"), number + 1))
        return None

    def _literal(self, line: int) -> str:
        return str(python.literal_eval(self._lines[line - 1].strip()))


@dataclass(frozen=True, slots=True)
class _Part:
    """A value that has a place in a source, `file` counting as in the program; where it stands in the program, what it
    is or is a part of, and the texts right in it: of a task its callable is one."""

    line: int
    file: int
    first: int
    last: int
    what: str
    texts: frozenset[str]


def _parts(tree: python.Module) -> Iterator[_Part]:
    """From the outside in, in the order of the text."""
    waiting: list[tuple[python.AST, str]] = [(tree, "")]
    while waiting:
        node, what = waiting.pop()
        if isinstance(node, python.Call) and (kind := _spec_class(node)):
            if kind in _OWNERS:
                inside = f" of {what}" if what else ""
                what = f"{_OWNERS[kind]} {_name(node)}{inside}"
            at = node if kind == "At" else next((each for each in _values(node) if _spec_class(each) == "At"), None)
            numbers = [each for each in _constants(at) if isinstance(each, int)] if at is not None else []
            if len(numbers) >= 2:
                yield _Part(
                    line=numbers[0],
                    file=numbers[2] if len(numbers) > 2 else 0,
                    first=node.lineno,
                    last=node.end_lineno or node.lineno,
                    what=what or "an expression",
                    texts=frozenset(each for each in _constants(node) if isinstance(each, str)),
                )
        waiting += ((each, what) for each in reversed(list(python.iter_child_nodes(node))))


def _spec_class(node: python.AST) -> str:
    """The class of the spec that a call makes a value of; empty for what is no such call."""
    function = node.func if isinstance(node, python.Call) else None
    if isinstance(function, python.Attribute) and isinstance(function.value, python.Name):
        return function.attr if function.value.id == SPEC_ALIAS else ""
    return ""


def _values(node: python.AST) -> Sequence[python.expr]:
    return [*node.args, *(each.value for each in node.keywords)] if isinstance(node, python.Call) else []


def _argument(call: python.Call, name: str) -> python.expr | None:
    return next((each.value for each in call.keywords if each.arg == name), None)


def _constant(call: python.Call, name: str, missing: object = "") -> str:
    value = _argument(call, name)
    return str(value.value if isinstance(value, python.Constant) else missing)


def _constants(node: python.AST) -> list[object]:
    return [each.value for each in _values(node) if isinstance(each, python.Constant)]


def _name(call: python.Call) -> str:
    """The first text among the arguments: names stand before all else."""
    return next((each for each in _constants(call) if isinstance(each, str)), "")


def _built_from(call: python.Call) -> BuiltFrom:
    return BuiltFrom(_constant(call, "path"), _constant(call, "sha256"), _constant(call, "text"))


def _line(text: str, number: int) -> str:
    lines = _LINE_END.split(text)
    return lines[number - 1] if number <= len(lines) else ""
