"""The tree-sitter grammar reads every sound file, and its highlights say of every token what the compiler says."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Iterator
from shutil import which

import pytest
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from tests.editors.truth import ROOT, Kind, Piece, disagreements, sound_files

GRAMMAR = ROOT / "grammar/tree-sitter"
KINDS = {
    "comment": Kind.COMMENT,
    "string": Kind.STRING,
    "punctuation.special": Kind.FIELD,
    "punctuation": Kind.PUNCTUATION,
    "number.date": Kind.DATE,
    "number.duration": Kind.DURATION,
    "number": Kind.NUMBER,
    "constant.builtin": Kind.CONSTANT,
    "keyword": Kind.KEYWORD,
    "operator": Kind.OPERATOR,
    **dict.fromkeys(("attribute", "constant", "function", "module", "property", "type", "variable"), Kind.NAME),
}
"""By the beginning of the capture; the first that fits."""


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Language:
    library = tmp_path_factory.mktemp("tree-sitter") / "libppd.so"
    compiler = which("cc") or which("gcc") or which("clang")
    assert compiler, "a C compiler is needed: on Debian and Ubuntu, apt-get install gcc libc6-dev"
    source = GRAMMAR / "src"
    command = [
        compiler,
        "-O0",
        "-shared",
        "-fPIC",
        "-I",
        str(source),
        str(source / "parser.c"),
        str(source / "scanner.c"),
        "-o",
        str(library),
    ]
    subprocess.run(command, check=True, timeout=300)
    make = ctypes.CDLL(str(library)).tree_sitter_ppd
    make.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype = ctypes.py_object
    capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return Language(capsule(make(), b"tree_sitter.Language", None))


@pytest.fixture(scope="module")
def highlights(language: Language) -> Query:
    return Query(language, (GRAMMAR / "queries/highlights.scm").read_text(encoding="utf-8"))


def captures(language: Language, query: Query, text: str) -> Iterator[tuple[int, int, str]]:
    """Start and end in bytes, and the capture; what the editor colours later comes later."""
    tree = Parser(language).parse(text.encode())
    matches = QueryCursor(query).matches(tree.root_node)
    ordered = sorted(
        (-(node.end_byte - node.start_byte), pattern, node.start_byte, node.end_byte, name)
        for pattern, found in matches
        for name, nodes in found.items()
        for node in nodes
        if not name.startswith("_")
    )
    for _, _, start, end, name in ordered:
        yield start, end, name


def kind(capture: str) -> Kind:
    return next(kind for beginning, kind in KINDS.items() if capture.startswith(beginning))


def broken(node: Node) -> list[str]:
    if node.is_error or node.is_missing:
        return [f"{node.start_point.row + 1}: {node.type}"]
    return [line for child in node.children if child.has_error for line in broken(child)]


def test_every_sound_file_is_read(language: Language) -> None:
    parser = Parser(language)
    found = [
        f"{place}:{line}" for place, text in sound_files() for line in broken(parser.parse(text.encode()).root_node)
    ]
    assert found == []


def test_it_agrees_with_the_compiler_over_all_files(language: Language, highlights: Query) -> None:
    found = []
    for place, text in sound_files():
        characters = {}
        offset = 0
        for index, character in enumerate(text):
            characters[offset] = index
            offset += len(character.encode())
        characters[offset] = len(text)
        pieces = [
            Piece(characters[start], characters[end], kind(name))
            for start, end, name in captures(language, highlights, text)
        ]
        found += disagreements(place, text, pieces)
    assert found == []


def test_the_parser_is_that_of_the_grammar(language: Language) -> None:
    """Every rule that has nodes of its own is known to the generated parser, and no other."""
    rules = re.findall(r"^    ([a-z]\w*): \(", (GRAMMAR / "grammar.js").read_text(encoding="utf-8"), re.MULTILINE)
    known = {
        language.node_kind_for_id(number)
        for number in range(language.node_kind_count)
        if language.node_kind_is_named(number) and language.node_kind_is_visible(number)
    }
    assert known - {"ERROR"} == set(rules)


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("pool p { slots = 3 }", "slots", "attribute"),
        ("dag d { overlap = queue }", "queue", "constant"),
        ("dag d { alert_on = [failure, late] }", "late", "constant"),
        ("dag d { task a = shell() }", "shell", "function.builtin"),
        ("dag d { task a = shell() }", "a", "function"),
        ("dag d { param day: date }", "date", "type.builtin"),
        ("let a = params.b", "params", "variable.builtin"),
        ("dag d { task a = b(sort = 1) }", "sort", "variable.parameter"),
        ("let a = ?b@\nlet c = 1", "c", "constant"),
    ],
)
def test_names_are_captured_for_what_they_are(
    language: Language, highlights: Query, text: str, word: str, expected: str
) -> None:
    names = [name for start, end, name in captures(language, highlights, text) if text[start:end] == word]
    assert names[-1] == expected
