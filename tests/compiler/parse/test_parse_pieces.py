"""Parsing again after an edit: the same tree and faults as from scratch, and no more parsed than was touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ppc import parse_pieces
from ppc.parse import parse
from ppc.parse_pieces import Piece, Pieces
from ppc.source import Source
from tests.compiler.programs import disordered_modules

ROOT = Path(__file__).parents[3]
STORED = sorted([*(ROOT / "examples").rglob("*.ppd"), *(ROOT / "tests" / "compiler" / "cases").rglob("*.ppd")])
TYPED = [
    *"{}()[],=\"'#;:\n \t.x1-é",
    *('"""', 'f"{', "->", "{{", "}\n", " {\n", "\r\n", "# ppc: allow W401", "when", "task x = f(", "\n  -> a\n"),
    *("\ndag ", "\nlet a = ", '\ninclude "b.ppd"\n', "\nimport a.b as c\n", "\ntemplate t(x: int) {\n", "\npool p {"),
    *(
        "\ndag d {\n  task t = print(1)\n}\n",
        "dag as = 1\n",
        '"""\ndag inside {\n"""',
        "\u202e",
        "\ndefaults { retries = 1 }\n",
    ),
]
"""What edits put in: mostly what breaks or mends the balance of a file, and what begins a piece."""

edits = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([0, 0, 0, 1, 1, 2, 7, 40, 300]), st.sampled_from(["", "", *TYPED])),
    min_size=1,
    max_size=8,
)
MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def edited(text: str, place: float, cut: int, put: str) -> str:
    start = int(place * len(text))
    return text[:start] + put + text[start + cut :]


def stays_the_same(text: str, changes: list[tuple[float, int, str]]) -> None:
    pieces = Pieces()
    for change in [(0.0, 0, ""), *changes]:
        text = edited(text, *change)
        source = Source("t.ppd", text)
        assert pieces.parse(source) == parse(source)


@given(st.lists(disordered_modules(), min_size=1, max_size=3), edits)
@MANY
def test_edits_of_made_up_files_end_where_a_fresh_parse_does(
    texts: list[str], changes: list[tuple[float, int, str]]
) -> None:
    stays_the_same("\n".join(texts), changes)


@given(st.lists(st.sampled_from(STORED), min_size=1, max_size=3), edits)
@MANY
def test_edits_of_real_files_end_where_a_fresh_parse_does(
    paths: list[Path], changes: list[tuple[float, int, str]]
) -> None:
    stays_the_same("".join(path.read_bytes().decode("utf-8") for path in paths), changes)


# --- how much is parsed ----------------------------------------------------------------------------------------------

LARGE = "# a file\n" + "let base = 1\n" + "".join(f"dag d{n} {{\n  task t = print({n})\n}}\n\n" for n in range(40))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first lines of the pieces that are parsed."""
    found: list[str] = []
    read_piece = parse_pieces.read_piece

    def counted(source: Source, start: int, stops: list[int], supplied: int) -> Piece | None:
        found.append(source.text[start:].partition("\n")[0])
        return read_piece(source, start, stops, supplied)

    monkeypatch.setattr(parse_pieces, "read_piece", counted)
    return found


@pytest.mark.parametrize(
    ("old", "new", "parsed"),
    [
        ("print(7)", "print(70)", ["dag d7 {"]),
        ("print(7)", "print((7)", ["dag d7 {"]),
        ("print(7)", 'print("7)', ["dag d7 {"]),
        ("print(7)", "prnt 7", ["dag d7 {"]),
        ("dag d7 {", "dag dx {", ["dag dx {"]),
        ("let base = 1", "let base = 12", ["let base = 12"]),
        ("# a file\n", "", []),
        ("dag d7 {\n  task t = print(7)\n}\n\n", "", []),
        ("dag d7 {", "let more = 2\ndag d7 {", ["let more = 2"]),
        ("print(39)\n}\n\n", "print(39)\n}\n\n\n", ["dag d39 {"]),
        ("print(7)\n}", "print(7)\n", ["dag d7 {"]),
        ("print(7)\n}", "print(7) {\n  retries = 2\n}", ["dag d7 {"]),
        ("dag d7 {\n", "dag d7 {\n  group g {\n", ["dag d7 {"]),
        ("print(39)\n}", "print(39)\n", ["dag d39 {"]),
    ],
)
def test_an_edit_parses_the_piece_that_it_touches(read: list[str], old: str, new: str, parsed: list[str]) -> None:
    pieces = Pieces()
    pieces.parse(Source("t.ppd", LARGE))
    assert len(read) == 42
    read.clear()
    after = Source("t.ppd", LARGE.replace(old, new))
    assert pieces.parse(after) == parse(after)
    assert read == parsed


def test_what_a_file_out_of_balance_had_before_is_not_parsed_again_when_it_is_mended(read: list[str]) -> None:
    pieces = Pieces()
    pieces.parse(Source("t.ppd", LARGE))
    torn = Source("t.ppd", LARGE.replace("print(7)\n}", 'print(7)\n  """\n}'))
    assert pieces.parse(torn) == parse(torn)
    read.clear()
    mended = Source("t.ppd", LARGE.replace("print(7)\n}", "print(7)\n}\n"))
    assert pieces.parse(mended) == parse(mended)
    assert read == ["dag d7 {"]
