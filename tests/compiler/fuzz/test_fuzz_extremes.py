"""Files that nobody writes by hand: huge, deep, odd. The compiler answers, with faults where there are any, soon."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

import pytest

from ppc.callables import CallableFinder
from ppc.compile import compile_program
from ppc.diagnostics import Diagnostic
from ppc.parse import parse
from ppc.parse_tokens import tokenise
from ppc.source import Source, decode_source
from tests.compiler.fuzz.laws import NAME, check_faults, check_tree
from tests.compiler.fuzz.trial import processor_time

SECONDS = 120.0
"""Of processor time: far above what the slowest takes, far below what work that grows with the square would."""
MANY = 100_000
FEWER = 10_000
MEGABYTE = 1_000_000


def codes(text: str, finder: CallableFinder | None = None) -> list[str]:
    """The codes of the faults of a text; it keeps the laws, within the time."""
    source = decode_source(NAME, text.encode())
    assert isinstance(source, Source)
    with processor_time(SECONDS):
        module, faults = parse(source)
        if finder is not None:
            _, faults = compile_program("fuzz", [(source, module)], callables=finder, faults=faults)
    check_faults(faults, source)
    check_tree(module, source)
    return [fault.code for fault in faults]


# --- deep -------------------------------------------------------------------------------------------------------------

DEEP = {
    "(": ("let x = ", "(", ")"),
    "[": ("let x = ", "[", "]"),
    "{": ("let x = ", '{"k": ', "}"),
    "call": ("let x = ", "f(", ")"),
    "index": ("let x = ", "a[", "]"),
    "f-string": ("let x = ", 'f"{', '}"'),
    "block": ("", "dag d {\n", "}\n"),
    "group": ("dag d {\n", "group g {\n", "}\n"),
    "type": ("template t(a: ", "list[", "]"),
}
CROSSED = {kind: "]" if closer.startswith(")") else ")" for kind, (_, _, closer) in DEEP.items()}
"""A closing bracket that is the wrong one."""


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("shape", ["closed", "open", "closers", "crossed"])
def test_any_depth_of_nesting(kind: str, shape: str) -> None:
    head, opener, closer = DEEP[kind]
    text = {
        "closed": head + opener * MANY + closer * MANY,
        "open": head + opener * FEWER,
        "closers": head + closer * FEWER,
        "crossed": head + (opener + CROSSED[kind]) * FEWER,
    }[shape]
    found = codes(text)
    assert found
    assert set(found) <= {f"E1{number:02}" for number in range(1, 20)}


# --- huge -------------------------------------------------------------------------------------------------------------

HUGE: dict[str, tuple[str, list[str]]] = {
    "string": ('let x = "' + "s" * MEGABYTE + '"\n', []),
    "string of escapes": ('let x = "' + r"\n" * (MEGABYTE // 2) + '"\n', []),
    "long string": ('let x = """' + "line\n" * (MEGABYTE // 5) + '"""\n', []),
    "f-string": ('let x = f"' + "{{" * (MEGABYTE // 2) + '"\n', []),
    "comment": ("# " + "c" * MEGABYTE + "\nlet x = 1\n", []),
    "comments": ("# c\n" * (MEGABYTE // 4), []),
    "blank lines": ("\n" * MEGABYTE + "let x = 1\n", []),
    "spaces": (" " * MEGABYTE + "let x = 1" + "\t" * MEGABYTE, []),
    "list": ("let x = [" + "1, " * (MEGABYTE // 3) + "]\n", []),
    "unclosed string": ('let x = "' + "s" * MEGABYTE + "\n", ["E102"]),
    "unclosed long string": ('let x = """' + "s\n" * (MEGABYTE // 2), ["E102"]),
}


@pytest.mark.parametrize("name", HUGE)
def test_a_megabyte_of_one_thing(name: str) -> None:
    text, expected = HUGE[name]
    assert codes(text) == expected


@pytest.mark.parametrize(
    "literal",
    ["9" * MEGABYTE, "0x" + "f" * MEGABYTE, "1." + "0" * MEGABYTE, "1e" + "9" * MEGABYTE, "1" * MEGABYTE + "d"],
    ids=["figures", "hexadecimal", "fraction", "exponent", "duration"],
)
def test_a_number_of_a_megabyte_is_one_fault_or_none(literal: str) -> None:
    assert codes(f"let x = {literal}\n") in ([], ["E106"])


def test_a_name_of_a_megabyte_is_refused(finder: CallableFinder) -> None:
    found = codes(f"let {'n' * MEGABYTE} = 1\n", finder)
    assert "E110" in found


def test_a_file_of_ten_megabytes() -> None:
    line = '  task {} = print("{}")\n'
    text = "dag big {\n" + "".join(line.format(f"t{number}", "s" * 4000) for number in range(2500)) + "}\n"
    assert len(text) > 10 * MEGABYTE
    assert codes(text) == []


def test_much_of_no_sense() -> None:
    assert codes("} ) ] \" ' { ( [ = 1 ,\n" * FEWER)
    for character in "@\x00":
        assert codes(character * MEGABYTE) == ["E105"]
        assert len(tokenise(Source(NAME, character * MEGABYTE)).tokens) < 10


def test_a_file_of_a_hundred_thousand_lines() -> None:
    lines = "".join(f"let x{number} = {number}\n" for number in range(MANY))
    assert codes(lines) == []
    faulty = "".join(f"let x{number} = \n" if number % 100 == 0 else f"let x{number} = 1\n" for number in range(FEWER))
    assert codes(faulty) == ["E101"] * (FEWER // 100)


# --- odd --------------------------------------------------------------------------------------------------------------

SOUND = 'dag d {\n  """What it does."""\n  task a = print("a")\n  task b = print("b")\n  a -> b\n}\n'
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("control", BIDI, ids=[f"U+{ord(control):04X}" for control in BIDI])
@pytest.mark.parametrize(
    "place", ['let x = "{}"\n', "# {}\n", "let {}x = 1\n", "let x{} = 1\n", '"""{}"""\ndag d {{}}\n', 'let x = f"{}"\n']
)
def test_controls_of_direction_are_refused_wherever_they_stand(control: str, place: str) -> None:
    text = place.format(control)
    module, faults = parse(Source(NAME, text))
    check_tree(module, Source(NAME, text))
    (hidden,) = [fault for fault in faults if fault.code == "E119"]
    assert hidden.span.start == text.index(control)
    assert hidden.edit is not None
    assert hidden.edit.text == ""


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("name", ["café", "naïve", "K", "ﬁle", "x²", "\u0430bc", "a\u200db"])
def test_a_name_is_ascii_in_whatever_form_it_is_written(name: str, form: str) -> None:
    """So that no two names that look alike are different, nor two that are written differently the same."""
    written = unicodedata.normalize(form, name)
    found = codes(f"let {written} = 1\n")
    assert (found == []) is (written.isascii() and written.islower())
    assert set(found) <= {"E105", "E110"}


ENDS: dict[str, Callable[[str], str]] = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "BOM": lambda text: "\ufeff" + text,
    "BOM and CRLF": lambda text: "\ufeff" + text.replace("\n", "\r\n"),
    "tabs": lambda text: text.replace("  ", "\t"),
    "no last end": lambda text: text.rstrip("\n"),
}


@pytest.mark.parametrize("way", ENDS)
def test_ways_to_end_lines_and_begin_files_are_fine(way: str, finder: CallableFinder) -> None:
    assert codes(ENDS[way](SOUND), finder) == []


def test_a_lone_carriage_return_ends_a_line() -> None:
    source = Source(NAME, "let a = 1\rlet b = \rlet c = 3\r")
    module, faults = parse(source)
    assert [source.line_column(fault.span.start)[0] for fault in faults] == [2]
    assert len(module.items) == 2


@pytest.mark.parametrize("text", ["\ufeff\ufeffdag d {}\n", "dag \ufeff d {}\n", "dag\0d {}\n", "\0", "let x = 1\0\n"])
def test_marks_and_nulls_inside_are_faults(text: str) -> None:
    assert set(codes(text)) == {"E105"}


@pytest.mark.parametrize(
    "raw",
    [b"let x = \xed\xa0\x80", b"\xed\xbf\xbf", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xff", b"\xe2\x82", b"\xfe\xff\0d"],
    ids=["high surrogate", "low surrogate", "overlong", "too high", "no byte", "cut off", "UTF-16"],
)
def test_what_is_no_text_has_one_fault_and_no_characters(raw: bytes) -> None:
    fault = decode_source(NAME, raw)
    assert isinstance(fault, Diagnostic)
    assert fault.code == "E004"


@pytest.mark.parametrize("escape", [r"\ud800", r"\udfff", r"\u{d800}", r"\u{110000}", r"\U00110000"])
def test_no_escape_makes_what_cannot_be_written(escape: str) -> None:
    """A string with half of a surrogate pair could be stored nowhere."""
    assert set(codes(f'let x = "{escape}"\n')) == {"E108"}


def test_empty_files(finder: CallableFinder) -> None:
    for text in ("", "\n", "\ufeff", " \t\f\v", "# only a comment", "\r"):
        assert len(codes(text, finder)) <= 1
