"""Faults in a user's sources, as values: collected, never raised. Text, JSON and SARIF are made from these.

Codes are stable: `E` an error (the build is refused), `W` a warning. The first digit is the class: 0 files and
command, 1 syntax, 2 names, 3 settings, 4 graph, 5 callables and arguments, 6 data and types, 7 time,
8 conditions and safety.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from ppacer.records import dataclass


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of a source: half-open offsets in code points. `file` is the source's path as the user gave it.

    Lines and columns are worked out from the source when a diagnostic is rendered.
    """

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Label:
    """A further place that explains the fault: the first definition of a duplicate, a step of a cycle."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces the text of `span` with `text`. Safe to apply by machine."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault. `message` says what is wrong, `label` (under the carets) what is so about this place, `help` the
    way out; `edit` does what `help` says, where that is safe."""

    code: str
    message: str
    span: Span
    label: str = ""
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str = ""
    edit: Edit | None = None

    @property
    def severity(self) -> Severity:
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR


def in_source_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Sorted by file, place and code, each only once."""
    return sorted(set(diagnostics), key=lambda d: (d.span, d.code, d.message))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(d.severity is Severity.ERROR for d in diagnostics)
