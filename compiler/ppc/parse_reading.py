"""One reading of one file: its tokens and the faults met on the way."""

from __future__ import annotations

from typing import TypeAlias

from ppacer.records import dataclass, field
from ppc import ast
from ppc.diagnostics import Diagnostic, Edit, Label, Span


@dataclass(slots=True)
class Reading:
    """What the stages of a parse share.

    `faults` are about one statement each and yield to a fault that breaks the whole statement; `lasting` ones (a
    brace that is never closed) are told in any case.
    """

    file: str
    faults: list[Diagnostic] = field(default_factory=list)
    lasting: list[Diagnostic] = field(default_factory=list)

    def span(self, start: int, end: int) -> Span:
        return Span(self.file, start, end)

    def fault(
        self,
        code: str,
        message: str,
        start: int,
        end: int,
        *,
        label: str = "",
        labels: tuple[Label, ...] = (),
        help: str = "",
        replacement: str | None = None,
    ) -> Diagnostic:
        """A diagnostic of this file; `replacement` is the text that mends it, where that is safe."""
        span = Span(self.file, start, end)
        edit = None if replacement is None else Edit(span, replacement)
        return Diagnostic(code, message, span, label=label, labels=labels, help=help, edit=edit)


Payload: TypeAlias = ast.Constant | ast.DurationLiteral | Diagnostic | str | None
"""A literal's node; the fault of an `ERROR` token; the text of a piece of an f-string."""


@dataclass(slots=True)
class Token:
    """`type` is a terminal of the grammar, or `ERROR`, which no rule accepts."""

    type: str
    text: str
    start: int
    end: int
    reading: Reading
    payload: Payload = None

    @property
    def span(self) -> Span:
        return Span(self.reading.file, self.start, self.end)


@dataclass(frozen=True, slots=True)
class Comment:
    """`# …` up to its line's end. `own_line` where nothing else stands before it on the line."""

    text: str
    span: Span
    own_line: bool
