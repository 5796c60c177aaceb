"""Tokens and comments to statements: what stands where in a file, with its comments and blank lines.

The division is the parser's own, since its tokens say where a statement ends. A statement that does not parse is only
marked; its text goes from its first token to its last. Text that no token covers, as after an unclosed string, counts
as a token that breaks its statement.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Final

from ppacer.records import dataclass, field
from ppc import ast
from ppc.diagnostics import Diagnostic
from ppc.format_lines import Line
from ppc.parse_brackets import BOUNDARIES
from ppc.parse_faults import BAD_DATE, BAD_NAME, HIDDEN_CHARACTER, PYTHON_WORD, RESERVED_NAME, SINGLE_QUOTES
from ppc.parse_reading import Comment, Token
from ppc.parse_tokens import Tokens

_HARMLESS: Final = frozenset({BAD_DATE, BAD_NAME, HIDDEN_CHARACTER, PYTHON_WORD, RESERVED_NAME, SINGLE_QUOTES})
"""Faults of one token, if its statement is in the tree all the same: a space more or less leaves them as they are."""
_ALWAYS_IN_TREE: Final = frozenset({"DAG", "POOL"})
"""Statements that are in the tree also when more stands before their block than a name."""
_STRING_PIECES: Final = frozenset({("FSTART", "FOPEN"), ("FSTART", "FEND"), ("FCLOSE", "FOPEN"), ("FCLOSE", "FEND")})
_SPACE: Final = " \t\f\v\r\n"


@dataclass(frozen=True, slots=True)
class Above:
    """A comment on a line of its own, and how many blank lines stand before it."""

    text: str
    blanks: int


@dataclass(slots=True)
class Block:
    opened: bool
    """Whether its `{` ends a line."""
    start: int
    end: int = 0
    """Where what stands between its braces begins and ends."""
    comment: str = ""
    """Behind the `{`."""
    items: list[Statement] = field(default_factory=list)
    below: list[Above] = field(default_factory=list)
    """The comments before the `}`."""


@dataclass(slots=True)
class Statement:
    tokens: list[Token]
    """Of the statement itself, without its block."""
    start: int
    end: int
    above: list[Above]
    blanks: int
    """Blank lines before it, behind the comments above it."""
    comment: str = ""
    """Behind its end."""
    block: Block | None = None
    broken: bool = False
    """Whether it does not parse."""
    kept: bool = False
    """Whether it is left as it was written, though it parses."""
    lines: list[Line] = field(default_factory=list)
    """What it was given, once it is formatted: without the comments above it."""


@dataclass(frozen=True, slots=True)
class InnerComments:
    """The comments inside statements, by the offset at which a token starts."""

    before: dict[int, list[Above]] = field(default_factory=dict)
    """On lines of their own before the token."""
    blanks: dict[int, int] = field(default_factory=dict)
    """The blank lines between those comments and the token."""
    behind: dict[int, str] = field(default_factory=dict)
    """At the end of the token's line."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A file; `block` holds its statements, as if there were braces around them."""

    text: str
    block: Block
    inner: InnerComments


def split(text: str, lexed: Tokens, module: ast.Module, faults: Sequence[Diagnostic]) -> Layout:
    """The statements of a file, whose lines end in line feeds."""
    tokens = _with_gaps(text, lexed) if faults else lexed.tokens
    splitter = _Splitter(text, tokens, lexed.comments)
    splitter.run()
    if faults:
        _mark_broken(text, splitter.file, _starts(module), sorted(map(_place, faults)))
    return Layout(text, splitter.file, splitter.inner)


class _Splitter:
    def __init__(self, text: str, tokens: Sequence[Token], comments: Sequence[Comment]) -> None:
        self.file = Block(opened=True, start=0)
        self.inner = InnerComments()
        self._text = text
        self._tokens = tokens
        self._comments = comments
        self._next_comment = 0
        self._blocks = [self.file]
        self._owners: list[Statement] = []
        """The statements of the open blocks, without the file's."""
        self._current: Statement | None = None
        self._above: list[Above] = []
        self._last_end = 0

    def run(self) -> None:
        end = len(self._text)
        for index, token in enumerate(self._tokens):
            if self._next_comment < len(self._comments):
                self._take_comments(token.start, ends_statement=token.type == "NEWLINE")
            if token.type == "NEWLINE":
                self._current = None
                continue
            if token.type == "RBRACE" and self._owners:
                block = self._blocks.pop()
                block.below, self._above = self._above, []
                block.end = token.start
                self._current = self._owners.pop()
                if token.end == token.start:  # a brace that is missing; what stands in the block must not be lost
                    self._current.end = max(self._current.end, self._last_end)
            elif token.type == "LBRACE":
                following = self._tokens[index + 1].start if index + 1 < len(self._tokens) else end
                self._open_block(token, opened="\n" in self._text[token.end : following])
                continue
            else:
                self._add(token)
            if token.end > token.start:
                self._last_end = max(self._last_end, token.end)
                if self._current is not None:
                    self._current.end = max(self._current.end, token.end)
        self._take_comments(end, ends_statement=True)
        self.file.below = self._above

    def _add(self, token: Token) -> None:
        statement = self._current
        if statement is None:
            statement = self._begin(token)
        elif statement.block is not None:  # nothing can follow a block; and what follows it is no comment's line
            statement.broken = True
            statement.comment = ""
            self._above = []
        statement.tokens.append(token)
        if token.type in ("ERROR", "RBRACE"):
            statement.broken = True

    def _begin(self, token: Token) -> Statement:
        statement = Statement([], token.start, token.end, self._above, self._blanks(token.start))
        self._above = []
        self._blocks[-1].items.append(statement)
        self._current = statement
        return statement

    def _open_block(self, brace: Token, *, opened: bool) -> None:
        statement = self._current
        if statement is None:
            statement = self._begin(brace)
            statement.tokens.append(brace)
            statement.broken = True
        block = Block(opened, brace.end)
        if statement.block is None:
            statement.block = block
        else:
            statement.broken = True
        statement.end = max(statement.end, brace.end)
        self._blocks.append(block)
        self._owners.append(statement)
        self._current = None
        self._last_end = max(self._last_end, brace.end)

    def _take_comments(self, before: int, *, ends_statement: bool) -> None:
        """Gives the comments before an offset, at which the next token starts, to what they stand at."""
        while self._next_comment < len(self._comments):
            comment = self._comments[self._next_comment]
            if comment.span.start >= before:
                return
            self._next_comment += 1
            statement, block = self._current, self._blocks[-1]
            inside = statement is not None and not ends_statement and statement.block is None
            if comment.own_line:
                above = Above(comment.text, self._blanks(comment.span.start))
                if inside:
                    self.inner.before.setdefault(before, []).append(above)
                else:
                    self._above.append(above)
            elif statement is None and not block.items:
                block.comment = comment.text
            elif statement is None:
                block.items[-1].comment = comment.text
            elif inside:
                self.inner.behind[statement.tokens[-1].start] = comment.text
            else:
                statement.comment = comment.text
            self._last_end = comment.span.end
            if inside:
                self.inner.blanks[before] = self._blanks(before)

    def _blanks(self, start: int) -> int:
        return max(0, self._text.count("\n", self._last_end, start) - 1)


# --- what does not parse ----------------------------------------------------------------------------------------------


def _with_gaps(text: str, lexed: Tokens) -> list[Token]:
    """The tokens, with one for each stretch of text that neither they nor comments cover, and for each `;`."""
    found: list[Token] = list(lexed.tokens[:1])
    gaps = [Token("ERROR", text[start:end], start, end, lexed.reading) for start, end in _gaps(text, lexed)]
    place = 0
    for token in lexed.tokens[1:]:
        while place < len(gaps) and gaps[place].start <= token.start:
            gap = gaps[place]
            alone = found[-1].type in BOUNDARIES and ("\n" in text[gap.end : token.start] or token.type == "RBRACE")
            found.append(gap)
            if alone:
                found.append(Token("NEWLINE", "", gap.end, gap.end, lexed.reading))
            place += 1
        found.append(token)
    return [*found, *gaps[place:]]


def _gaps(text: str, lexed: Tokens) -> list[tuple[int, int]]:
    places: list[tuple[int, int, str]] = [(token.start, token.end, token.type) for token in lexed.tokens]
    places += [(comment.span.start, comment.span.end, "") for comment in lexed.comments]
    places.sort(key=itemgetter(0))
    gaps = [(token.start, token.end) for token in lexed.tokens if token.type == "NEWLINE" and token.text == ";"]
    end, before = 0, ""
    for start, stop, type_ in [*places, (len(text), len(text), "")]:
        if start > end and (before, type_) not in _STRING_PIECES and (gap := text[end:start].strip(_SPACE)):
            left = text.index(gap, end)
            gaps.append((left, left + len(gap)))
        if stop > end:
            end, before = stop, type_
    return sorted(gaps)


def _starts(module: ast.Module) -> set[int]:
    """Where the tree's statements begin."""
    starts: set[int] = set()
    todo: list[ast.Module | ast.TopItem | ast.BodyItem] = [module]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Module):
            todo.extend(node.items)
        else:
            starts.add(node.span.start)
        if isinstance(node, ast.DagDecl | ast.TemplateDecl | ast.GroupDecl | ast.HandlerDecl):
            todo.extend(node.body)
        elif isinstance(node, ast.TaskDecl | ast.DefaultsDecl | ast.PoolDecl):
            todo.extend(node.settings)
        if isinstance(node, ast.Module | ast.DagDecl | ast.TemplateDecl | ast.GroupDecl) and node.doc is not None:
            starts.add(node.doc.span.start)
    return starts


def _place(fault: Diagnostic) -> tuple[int, bool]:
    """The offset of a character to which the fault belongs, and whether it keeps its statement from being formatted.

    A fault between two characters is about what is missing behind the first.
    """
    span = fault.span
    return max(0, span.start - (span.start == span.end)), fault.code not in _HARMLESS


def _mark_broken(text: str, block: Block, starts: set[int], faults: Sequence[tuple[int, bool]]) -> None:
    """Marks the statements that do not parse. A fault in a statement of a block leaves the block's owner sound.

    `faults` are their places in order. A statement that does not parse keeps its line, with whatever else is there.
    """
    items: list[Statement] = []
    for statement in block.items:
        within = _between(faults, statement)
        inner = statement.block.items if statement.block is not None else []
        harm = sum(harmful for _, harmful in within)
        if harm and inner:
            harm -= sum(harmful for item in inner for _, harmful in _between(within, item))
        statement.broken = (
            statement.broken
            or harm != 0
            or statement.start not in starts
            or (statement.tokens[0].type in _ALWAYS_IN_TREE and len(statement.tokens) != 2)
        )
        if not statement.broken and statement.block is not None:
            _mark_broken(text, statement.block, starts, within)
            statement.broken = _shares_line_with_brace(text, statement.block)
        before = items[-1] if items else None
        beside = before is not None and "\n" not in text[before.end : statement.start]
        if before is not None and beside and (before.broken or statement.broken):
            before.broken = True
            before.end, before.comment = statement.end, statement.comment
        else:
            items.append(statement)
    block.items = items


def _shares_line_with_brace(text: str, block: Block) -> bool:
    """Whether a statement that does not parse stands on the line of one of its block's braces."""
    if not block.items:
        return False
    first, last = block.items[0], block.items[-1]
    return (first.broken and "\n" not in text[block.start : first.start]) or (
        last.broken and "\n" not in text[last.end : block.end]
    )


def _between(faults: Sequence[tuple[int, bool]], statement: Statement) -> Sequence[tuple[int, bool]]:
    return faults[bisect_left(faults, (statement.start, False)) : bisect_left(faults, (statement.end, False))]
