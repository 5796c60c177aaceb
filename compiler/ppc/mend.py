"""Applies the safe edits of diagnostics, checks again, and goes on until no more come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from ppacer.records import dataclass, replace
from ppc.diagnostics import Diagnostic, Edit
from ppc.source import Source

_MOST_ROUNDS: Final = 100
"""Edits that come from each other's result are few; this only bounds what goes wrong."""


@dataclass(frozen=True, slots=True)
class Mended:
    """A fault that an edit has mended. `line` and `column` are where it stood in the text that the edit met."""

    diagnostic: Diagnostic
    line: int
    column: int


def mend(
    sources: Mapping[str, Source], check: Callable[[Mapping[str, Source]], Iterable[Diagnostic]]
) -> tuple[dict[str, Source], list[Mended]]:
    """The sources after all edits, and what was mended in order. `check` finds the diagnostics of changed sources.

    Edits of other files than these are left alone. An edit that overlaps one made in the same round waits for the
    next one, if it is still asked for then.
    """
    now = dict(sources)
    seen = {_texts(now)}
    mended: list[Mended] = []
    for _ in range(_MOST_ROUNDS):
        changed, made = _round(now, check(now))
        if not made or _texts(changed) in seen:
            break
        seen.add(_texts(changed))
        mended += made
        now = changed
    return now, mended


def _texts(sources: Mapping[str, Source]) -> int:
    return hash(tuple(source.text for source in sources.values()))


def _round(sources: Mapping[str, Source], found: Iterable[Diagnostic]) -> tuple[dict[str, Source], list[Mended]]:
    edits: dict[str, list[Edit]] = {}
    made: list[Mended] = []
    asking = [diagnostic for diagnostic in found if diagnostic.edit is not None]
    for diagnostic in sorted(asking, key=_place_of_edit):
        edit = diagnostic.edit
        assert edit is not None
        source = sources.get(edit.span.file)
        if source is None or source.text[edit.span.start : edit.span.end] == edit.text:
            continue
        before = edits.setdefault(source.path, [])
        if not before or _comes_after(edit, before[-1]):
            before.append(edit)
            made.append(Mended(diagnostic, *source.line_column(diagnostic.span.start)))
    changed = {
        path: replace(source, text=_applied(source.text, edits.get(path, ()))) for path, source in sources.items()
    }
    return changed, made


def _place_of_edit(diagnostic: Diagnostic) -> tuple[str, int, int]:
    assert diagnostic.edit is not None
    span = diagnostic.edit.span
    return span.file, span.start, span.end


def _comes_after(edit: Edit, before: Edit) -> bool:
    """Whether both can be made: two insertions at one place cannot, for their order would be a guess."""
    return edit.span.start > before.span.end or (
        edit.span.start == before.span.end and before.span.start < before.span.end
    )


def _applied(text: str, edits: Sequence[Edit]) -> str:
    parts: list[str] = []
    done = 0
    for edit in edits:
        parts += [text[done : edit.span.start], edit.text]
        done = edit.span.end
    return "".join([*parts, text[done:]])
