"""A whole example typed character by character: no request fails at any moment, and no place is outside of the text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lsprotocol import types as lsp

from ppc.lsp import hover, navigation, outline
from ppc.lsp.completion import complete
from ppc.lsp.fixes import code_actions
from ppc.lsp.hints import inlay_hints
from ppc.lsp.session import Session
from ppc.lsp.workspace import Workspace
from ppc.source import Source

EXAMPLES = Path(__file__).parents[2] / "examples"


def ranges(found: object) -> Iterator[lsp.Range]:
    if isinstance(found, lsp.Range):
        yield found
    elif isinstance(found, list | tuple):
        for each in found:
            yield from ranges(each)
    elif hasattr(found, "__attrs_attrs__"):
        for field in found.__attrs_attrs__:
            yield from ranges(getattr(found, field.name))


def test_typing_an_example(tmp_path: Path) -> None:
    text = (EXAMPLES / "testing" / "invoices.ppd").read_text(encoding="utf-8")
    path = tmp_path / "typed.ppd"
    uri = path.as_uri()
    session = Session(Workspace([str(tmp_path)], [str(EXAMPLES / "testing")]))
    session.open(uri, "", 0)
    fresh = Workspace([str(tmp_path)], [str(EXAMPLES / "testing")])
    for index, character in enumerate(text):
        written = text[: index + 1]
        end = session.positions.position(session.source(uri) or _missing(), index)
        session.change(uri, [lsp.TextDocumentContentChangePartial(lsp.Range(end, end), character)], index + 1)
        source = session.source(uri)
        assert source is not None
        assert source.text == written
        here = session.positions.position(source, index + 1)
        found: list[object] = [complete(session, uri, here)]
        if character in "\n({=.)}":  # the dear ones, at the places where statements change
            line = lsp.Range(lsp.Position(here.line, 0), here)
            asked = lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), line, lsp.CodeActionContext([]))
            found += [list(session.publish()), outline.folding_ranges(session, uri), code_actions(session, asked)]
            found += [outline.document_symbols(session, uri), outline.selection_ranges(session, uri, [here])]
            found += [hover.hover(session, uri, here, 0), navigation.highlights(session, uri, here)]
            found += [inlay_hints(session, uri, lsp.Range(lsp.Position(0, 0), here), 0)]
        if character == "\n":
            fresh.close(source.path)
            fresh.put(Source(source.path, written))
            assert session.workspace.diagnostics(source.path) == fresh.diagnostics(source.path)
        for place in ranges([each for each in found if not isinstance(each, lsp.Location)]):
            lines = written.split("\n")
            assert (0, 0) <= (place.start.line, place.start.character) <= (place.end.line, place.end.character)
            assert place.end.line < len(lines)
            assert place.end.character <= len(lines[place.end.line])
    last = next(iter(session.publish()), None)
    assert last is None or [each for each in last.diagnostics if each.severity is lsp.DiagnosticSeverity.Error] == []


def _missing() -> object:
    raise AssertionError("the file is open")
