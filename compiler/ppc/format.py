"""The formatter: one form for every `.ppd` file.

Comments, groups of lines between blank lines and whatever has a meaning are kept. That is not believed but checked,
at every run: what was formatted must read as the same tree with the same comments and faults, and stay as it is when
it is formatted again.

A statement that does not parse is left as it was written; the others are formatted around it.
"""

from __future__ import annotations

from ppacer.records import dataclass
from ppc import ast
from ppc.diagnostics import Diagnostic
from ppc.format_check import difference, same_tree
from ppc.format_directives import Lexed, keep, torn
from ppc.format_lines import join
from ppc.format_split import Block, Layout, split
from ppc.format_statements import statement_lines
from ppc.parse import parse, parse_tokens
from ppc.parse_literals import raw
from ppc.parse_tokens import Tokens, tokenise
from ppc.source import Source


class FormatError(Exception):
    """The file is to be left as it is. The message says why, for the person whose file it is."""


class UnformattableError(FormatError):
    """With its faults, the file cannot be known to say the same after formatting."""


class FormatterFaultError(FormatError):
    """The formatter would have changed what a sound file says: a fault of its own."""


@dataclass(frozen=True, slots=True)
class Formatted:
    """`text` ends its lines in line feeds. `broken` are the lines, from 1, at which statements begin that do not parse
    and were left as they are."""

    text: str
    broken: tuple[int, ...]


def format_source(source: Source) -> Formatted:
    """The file in its one form. Raises `FormatError`."""
    parsed = read(source)
    text, layout, after = lay_out(parsed)
    if text != source.text:
        if lay_out(after)[0] != text:
            raise _error(parsed, "would not be done at once")
        if source.text != parsed.source.text and not same_tree(parse(source)[0], parsed.module):
            raise _error(parsed, "would change its meaning")
    return Formatted(text, tuple(parsed.source.line_column(start)[0] for start in _broken(layout.block)))


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file as it was read: with line feeds as its lines' ends."""

    source: Source
    lexed: Tokens
    module: ast.Module
    faults: tuple[Diagnostic, ...]


def read(source: Source) -> Parsed:
    plain = Source(source.path, raw(source.text))
    lexed = tokenise(plain)
    return Parsed(plain, lexed, *parse_tokens(plain, lexed))


def lay_out(parsed: Parsed) -> tuple[str, Layout, Parsed]:
    """The text in its form, the statements with the lines that they were given, and what the text reads as.

    Raises `FormatError` where the text does not say the same.
    """
    layout = split(parsed.source.text, parsed.lexed, parsed.module, parsed.faults)
    text = join(statement_lines(layout))
    if text == parsed.source.text:
        return text, layout, parsed
    after = check_same(parsed, text)
    if lines := _torn(parsed, after):
        for start, end in lines:
            keep(layout.block, start, end)
        text = join(statement_lines(layout))
        after = check_same(parsed, text)
        if _torn(parsed, after):
            raise _error(parsed, "would move its comments for the compiler to other lines")
    return text, layout, after


def check_same(parsed: Parsed, text: str) -> Parsed:
    """Reads a text that is to say the same as what was parsed. Raises `FormatError` where it does not."""
    after = read(Source(parsed.source.path, text))
    what = difference(
        (parsed.module, parsed.faults, parsed.lexed.comments), (after.module, after.faults, after.lexed.comments)
    )
    if what:
        raise _error(parsed, f"would change its {what}")
    return after


def _torn(before: Parsed, after: Parsed) -> list[tuple[int, int]]:
    return torn(_lexed(before), _lexed(after))


def _lexed(parsed: Parsed) -> Lexed:
    return parsed.source.text, parsed.lexed.tokens, parsed.lexed.comments


def _error(parsed: Parsed, why: str) -> FormatError:
    if parsed.faults:
        return UnformattableError(f"its syntax faults are to be mended first: as it is, formatting {why}")
    return FormatterFaultError(f"formatting {why}, which is a fault of the formatter and not of the file")


def _broken(block: Block) -> list[int]:
    """Where the statements begin that do not parse."""
    found: list[int] = []
    for statement in block.items:
        if statement.broken:
            found.append(statement.start)
        elif statement.block is not None:
            found.extend(_broken(statement.block))
    return found
