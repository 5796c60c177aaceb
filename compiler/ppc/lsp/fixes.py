"""Code actions: the safe edits of the diagnostics, as `ppc check --fix` makes them; what supplies what is missing; and
refactorings."""

from __future__ import annotations

from lsprotocol import types as lsp

from ppc.diagnostics import Diagnostic
from ppc.lsp.extract import refactorings
from ppc.lsp.nodes import around
from ppc.lsp.session import Session
from ppc.lsp.supply import supplies
from ppc.source import Source


def code_actions(session: Session, params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
    """What mends the faults that a range touches, all of a file's at once where several can be mended, and what else
    may be done with the range."""
    source = session.source(params.text_document.uri)
    if source is None:
        return []
    start = session.positions.offset(source, params.range.start)
    end = session.positions.offset(source, params.range.end)
    mendable = [each for each in session.workspace.diagnostics(source.path) if _is_own(each, source)]
    found = [
        _action(session, source, _title(fault, source), [fault], lsp.CodeActionKind.QuickFix)
        for fault in mendable
        if fault.span.start <= end and start <= fault.span.end
    ]
    if len(mendable) > 1 and (found or _asks_for_all(params)):
        title = f"Mend all {len(mendable)} faults of this file that are safe to mend"
        found.append(_action(session, source, title, mendable, lsp.CodeActionKind.SourceFixAll))
    at = around(session, params.text_document.uri, start, end)
    if at is not None:
        touched = [each for each in session.workspace.diagnostics(source.path) if _touches(each, source, start, end)]
        found += [*supplies(at, touched), *refactorings(at)]
    return [action for action in found if _is_wanted(params, action)]


def _touches(fault: Diagnostic, source: Source, start: int, end: int) -> bool:
    return fault.span.file == source.path and fault.span.start <= end and start <= fault.span.end


def _is_own(fault: Diagnostic, source: Source) -> bool:
    edit = fault.edit
    return (
        edit is not None and edit.span.file == source.path and source.text[edit.span.start : edit.span.end] != edit.text
    )


def _title(fault: Diagnostic, source: Source) -> str:
    assert fault.edit is not None
    if fault.help:
        return fault.help
    if not fault.edit.text:
        return f"Remove `{source.text[fault.edit.span.start : fault.edit.span.end].strip()}`"
    return f"Replace with `{fault.edit.text.strip()}`"


def _action(
    session: Session, source: Source, title: str, faults: list[Diagnostic], kind: lsp.CodeActionKind
) -> lsp.CodeAction:
    edits = sorted({fault.edit.span: fault.edit for fault in faults if fault.edit is not None}.items())
    apart = [edit for i, (span, edit) in enumerate(edits) if not i or span.start >= edits[i - 1][0].end]
    changes = {session.uri(source.path): session.positions.edits(source, apart)}
    preferred = True if kind is lsp.CodeActionKind.QuickFix else None
    return lsp.CodeAction(title, kind, is_preferred=preferred, edit=lsp.WorkspaceEdit(changes=changes))


def _asks_for_all(params: lsp.CodeActionParams) -> bool:
    return bool(params.context.only) and not _excludes(params, lsp.CodeActionKind.SourceFixAll.value)


def _is_wanted(params: lsp.CodeActionParams, action: lsp.CodeAction) -> bool:
    return action.kind is None or not _excludes(params, str(getattr(action.kind, "value", action.kind)))


def _excludes(params: lsp.CodeActionParams, kind: str) -> bool:
    """Whether the editor asked for other kinds only: `source` takes `source.fixAll` in."""
    asked = [str(getattr(each, "value", each)) for each in params.context.only or ()]
    return bool(asked) and not any(not each or kind == each or kind.startswith(f"{each}.") for each in asked)
