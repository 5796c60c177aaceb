"""What holds of the compiler whatever it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from ppacer.records import fields, is_record
from ppc import ast
from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic, Span, has_errors, in_source_order
from ppc.parse import parse
from ppc.render import render_text
from ppc.source import Source, decode_source

NAME: Final = "fuzz.ppd"
_RENDERED: Final = 4
"""How many faults of one input are rendered."""

Node: TypeAlias = object


class BrokenLawError(AssertionError):
    """The compiler did with an input what it must not do."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the compiler made of an input."""

    faults: int = 0
    compiled: bool = False
    """Whether the stages behind the parser ran."""
    sound: bool = False


def check(raw: bytes, finder: CallableFinder | None, *, render: bool = True, twice: bool = False) -> Answer:
    """Reads a file's bytes as the command does, compiles them where there is a finder, and checks what comes of it.

    With `render` the faults are also shown. With `twice` the same input must have the same answer again. Raises what
    the compiler raises, or `BrokenLawError`.
    """
    source = decode_source(NAME, raw)
    if isinstance(source, Diagnostic):
        _check_rendering([source], {})
        return Answer(1)
    module, faults = parse(source)
    check_faults(faults, source, render=render)
    check_tree(module, source)
    if twice and parse(Source(NAME, source.text)) != (module, faults):
        raise BrokenLawError("a second parse has another answer")
    if finder is None:
        return Answer(len(faults))
    program, found = compile_program("fuzz", [(source, module)], callables=finder, faults=faults)
    if (program is None) is not has_errors(found):
        raise BrokenLawError("a program in spite of errors, or none without")
    if has_errors(faults) and not has_errors(found):
        raise BrokenLawError("faults of syntax were lost")
    check_faults(found, source, render=render)
    if twice and compile_program("fuzz", [(source, module)], callables=finder, faults=faults) != (program, found):
        raise BrokenLawError("a second compilation has another answer")
    return Answer(len(found), compiled=True, sound=program is not None)


def check_faults(faults: tuple[Diagnostic, ...], source: Source, *, render: bool = True) -> None:
    """They stand in order and within the text, and can be shown."""
    if list(faults) != in_source_order(faults):
        raise BrokenLawError("faults out of order, or one twice")
    length = len(source.text)
    for fault in faults:
        spans = [fault.span, *(label.span for label in fault.labels), *([fault.edit.span] if fault.edit else [])]
        for span in spans:
            if span.file != NAME or not 0 <= span.start <= span.end <= length:
                raise BrokenLawError(f"{fault.code} points at {span}, the text has {length} characters")
    if render:
        _check_rendering(faults[:_RENDERED], {NAME: source})


def check_tree(module: ast.Module, source: Source) -> None:
    """Every node lies within the one that holds it, and words stand where they say."""
    whole = Span(NAME, 0, len(source.text))
    if module.span != whole:
        raise BrokenLawError(f"the module has {module.span}")
    pending: list[tuple[Node, Span]] = [(module, whole)]
    while pending:
        node, around = pending.pop()
        span = getattr(node, "span", around)
        if not around.start <= span.start <= span.end <= around.end or span.file != NAME:
            raise BrokenLawError(f"{type(node).__name__} at {span} lies outside of {around}")
        words = source.text[span.start : span.end]
        if isinstance(node, ast.Identifier) and words != node.name:
            raise BrokenLawError(f"{node.name!r} does not stand at {span}")
        if isinstance(node, ast.Name) and node.name not in words:  # which may stand in brackets
            raise BrokenLawError(f"{node.name!r} does not stand at {span}")
        pending.extend((part, span) for part in _parts(node))


def _parts(node: Node) -> Iterator[Node]:
    for field in fields(node):
        yield from _records(getattr(node, field.name))


def _records(value: object) -> Iterator[Node]:
    if isinstance(value, tuple):
        for item in value:
            yield from _records(item)
    elif is_record(value) and not isinstance(value, Span):
        yield value


def _check_rendering(faults: Iterable[Diagnostic], sources: dict[str, Source]) -> None:
    text = render_text(faults, sources, colour=False)
    if not text.replace("\n", "").isprintable():
        raise BrokenLawError(f"the report steers a terminal: {text!r}")
    text.encode()
