"""Whole files: the sound ones parse without a word, the broken ones say exactly what their `.txt` shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ppc import ast
from ppc.diagnostics import Span
from ppc.parse import parse
from ppc.render import render_text
from ppc.source import Source

CASES = Path(__file__).parents[1] / "cases" / "syntax"
SOUND = sorted((CASES / "sound").glob("*.ppd"))
FAULTS = sorted((CASES / "faults").glob("*.ppd"))


def read(path: Path) -> Source:
    return Source(path.name, path.read_bytes().decode())


def variants(text: str) -> dict[str, str]:
    return {"as written": text, "CRLF": text.replace("\n", "\r\n"), "CR": text.replace("\n", "\r")}


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
@pytest.mark.parametrize("variant", ["as written", "CRLF", "CR"])
def test_a_sound_file_has_no_faults(path: Path, variant: str) -> None:
    source = Source(path.name, variants(read(path).text)[variant])
    module, faults = parse(source)
    assert render_text(faults, {path.name: source}, colour=False) == ""
    assert module.items
    assert not module.broken_words
    assert module.span == Span(path.name, 0, len(source.text))


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_line_ends_do_not_change_the_tree(path: Path) -> None:
    texts = variants(read(path).text)
    trees = {name: without_spans(parse(Source("x", text))[0]) for name, text in texts.items()}
    assert trees["CRLF"] == trees["as written"]
    assert trees["CR"] == trees["as written"]


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.stem)
def test_spans_cover_what_they_name(path: Path) -> None:
    source = read(path)
    module, _ = parse(source)
    seen = 0
    for node, parent in walk(module, module.span):
        assert parent.start <= node.span.start <= node.span.end <= parent.end
        text = source.text[node.span.start : node.span.end]
        assert text == text.strip() or isinstance(node, ast.Module)
        if isinstance(node, ast.Identifier):
            assert text == node.name
            seen += 1
    assert seen


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.stem)
def test_a_broken_file_says_what_its_case_shows(path: Path) -> None:
    source = read(path)
    _, faults = parse(source)
    shown = render_text(faults, {path.name: source}, colour=False)
    expected = path.with_suffix(".txt")
    if os.environ.get("PPC_UPDATE_CASES"):
        expected.write_text(shown)
    assert shown == expected.read_text()


def without_spans(node: object) -> object:
    if isinstance(node, tuple):
        return tuple(without_spans(item) for item in node)
    fields = getattr(node, "__dataclass_fields__", None)
    if fields is None or isinstance(node, type):
        return node
    return (type(node).__name__, *(without_spans(getattr(node, name)) for name in fields if name != "span"))


def walk(node: object, parent: Span) -> list[tuple[object, Span]]:
    """Every node with the span of the node around it."""
    if isinstance(node, tuple):
        return [found for item in node for found in walk(item, parent)]
    if not hasattr(node, "span"):
        return []
    own = node.span
    fields = [getattr(node, name) for name in node.__dataclass_fields__ if name != "span"]
    return [(node, parent), *(found for field in fields for found in walk(field, own))]
