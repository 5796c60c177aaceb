"""Text to tree. Never fails: what is broken leaves no node but a diagnostic.

Tokens (`parse_tokens`) go one by one into the LALR automaton of the grammar (`parse_table`), whose rules build the tree
as they are reduced (`parse_tree`). A token that no rule accepts breaks the statement that it stands in. The automaton's
stack is then cut back to where that statement began, and parsing goes on behind its end. The lexer has seen to it that
blocks and brackets are balanced and every statement ends in a `NEWLINE`; so the end is simply the next one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from ppacer.records import replace
from ppc import ast
from ppc.diagnostics import Diagnostic, in_source_order
from ppc.parse_brackets import BOUNDARIES, STATEMENT_HEADS
from ppc.parse_faults import CLOSES_NOTHING, UNCLOSED, UNEXPECTED
from ppc.parse_reading import Reading, Token
from ppc.parse_table import Automaton, UnexpectedTokenError
from ppc.parse_tokens import Tokens, tokenise
from ppc.parse_tree import Items, UnbuildableError
from ppc.source import Source


def parse(source: Source) -> tuple[ast.Module, tuple[Diagnostic, ...]]:
    """The tree of what is sound in a file, and the faults of the rest in source order."""
    return parse_tokens(source, tokenise(source))


def parse_tokens(source: Source, lexed: Tokens) -> tuple[ast.Module, tuple[Diagnostic, ...]]:
    """The same for a file whose tokens are known."""
    parser = _Parser(source, lexed.tokens, lexed.reading)
    module = parser.run()
    words = frozenset(parser.broken_words)
    module = replace(module, span=lexed.reading.span(0, len(source.text)), broken_words=words)
    return module, tuple(in_source_order(parser.all_faults()))


_KEPT_HEADS: Final = frozenset({"DAG", "POOL"})
"""Blocks that their keyword and name alone make, so that a broken header does not cost what they hold."""
_CANNOT_BEGIN: Final = frozenset(
    {"STRING", "NUMBER", "DURATION", "DATE", "TRUE", "FALSE", "NONE", "FSTART", "LPAR", "NOT", "MINUS", "DOT"}
)


_MOST_LINES: Final = 40
"""Of a call without its `(`; looked at for each statement that is broken."""


class _Parser:
    def __init__(self, source: Source, tokens: Sequence[Token], reading: Reading) -> None:
        self._source = source
        self._tokens = tokens
        self._reading = reading
        self._automaton = Automaton()
        self._broken: list[tuple[int, int]] = []
        self._faults: list[Diagnostic] = []
        self._dropped_until = 0
        self._told_line = 0
        self.broken_words: set[str] = set()

    def run(self) -> ast.Module:
        tokens, feed = self._tokens, self._automaton.feed
        index, count = 1, len(tokens)
        while index < count:
            try:
                while index < count:
                    feed(tokens[index])
                    index += 1
            except UnexpectedTokenError as error:
                from ppc.parse_unexpected import unexpected  # noqa: PLC0415 - a sound file needs it not

                index = self._recover(index, unexpected(tokens, index, error.expected))
            except UnbuildableError as error:
                index = self._recover(index, error.fault)
        end = tokens[-1].end
        feed(Token("$END", "", end, end, self._reading))
        module = self._automaton.values[-1]
        assert isinstance(module, ast.Module)
        return module

    def all_faults(self) -> list[Diagnostic]:
        """Every fault, without the small ones inside broken statements."""
        starts = [start for start, _ in self._broken]

        def stands(fault: Diagnostic) -> bool:
            place = bisect_right(starts, fault.span.start) - 1
            return place < 0 or fault.span.start >= self._broken[place][1]

        lasting = self._reading.lasting
        unclosed = {self._line(fault) for fault in lasting if fault.code == UNCLOSED}
        told = [fault for fault in self._faults if fault.code != UNEXPECTED or self._line(fault) not in unclosed]
        return [*told, *lasting, *filter(stands, self._reading.faults)]

    def _line(self, fault: Diagnostic) -> int:
        return self._source.line_column(fault.span.start)[0]

    # --- recovery -----------------------------------------------------------------------------------------------------

    def _recover(self, index: int, fault: Diagnostic) -> int:
        """Drops the statement that the token at `index` breaks; answers from which token to go on."""
        tokens = self._tokens
        self._tell(self._cause(index, fault))
        if tokens[index].type == "RBRACE":
            return index + 2  # a brace that closes nothing, and the line's end that follows it
        if tokens[index - 1].type == "RBRACE":
            end = self._end_of_statement(index)
            self._mark_broken(index, end)
            return end
        start = index
        while tokens[start - 1].type not in BOUNDARIES:
            start -= 1
        self._cut()
        end = self._end_of_settings(index)
        self._mark_broken(start, end)
        if tokens[end].type == "LBRACE":
            return self._enter_block(start, end, index)
        return self._skip_rest(end + 1) if end == index else end + 1

    def _tell(self, fault: Diagnostic) -> None:
        """What stands on the line of a fault behind it mostly follows from that."""
        line = self._line(fault)
        if line != self._told_line or fault.code not in (UNEXPECTED, CLOSES_NOTHING):
            self._faults.append(fault)
        self._told_line = line

    def _cause(self, index: int, fault: Diagnostic) -> Diagnostic:
        """The bracket left open in a line before, if the fault is only that lines went on being read into it."""
        place = fault.span.start
        while self._tokens[index].type not in BOUNDARIES:
            cause = self._tokens[index].payload
            if isinstance(cause, Diagnostic) and cause.code == UNCLOSED and cause.span.start < place:
                line, _ = self._source.line_column(place)
                return cause if self._source.line_column(cause.span.start)[0] < line else fault
            index += 1
        return fault

    def _end_of_settings(self, index: int) -> int:
        """The end of the statement, or of the line where its commas were rather those of a call without its `(`."""
        end = index
        while self._tokens[end].type not in BOUNDARIES:
            end += 1
        last = end
        while self._tokens[last].text == "," and self._tokens[last].type == "NEWLINE":
            last += 1
            if self._tokens[last].type == "RBRACE":
                break  # of the block that the settings stand in
            while self._tokens[last].type not in BOUNDARIES:
                payload = self._tokens[last].payload
                if isinstance(payload, Diagnostic) and payload.code == CLOSES_NOTHING:
                    end = last
                last += 1
        while self._tokens[end].type not in BOUNDARIES:
            end += 1
        return self._end_of_call(end)

    def _end_of_call(self, end: int) -> int:
        """Beyond the lines that follow, if they are the rest of a call without its `(`: up to a line with its `)`."""
        tokens = self._tokens
        at = end
        for _ in range(_MOST_LINES):
            if tokens[at].type != "NEWLINE" or at + 1 == len(tokens):
                break
            first = tokens[at + 1]
            if first.type in STATEMENT_HEADS or first.type == "RBRACE":
                break
            is_closer = first.text in (")", "]") and first.type == "ERROR"
            at += 1
            while tokens[at].type not in BOUNDARIES and tokens[at].type != "RBRACE":
                at += 1
            if is_closer:
                return at if tokens[at].type in BOUNDARIES else end
        return end

    def _cut(self) -> None:
        """Takes from the parser's stack what it has of the statement."""
        values = self._automaton.values
        base = len(values)
        while base:
            value = values[base - 1]
            if isinstance(value, Items) or (isinstance(value, Token) and value.type in BOUNDARIES):
                break
            base -= 1
        del values[base:]
        del self._automaton.states[base + 1 :]

    def _enter_block(self, start: int, brace: int, index: int) -> int:
        """The block of a broken header is read all the same; with its name, a dag or a pool is even kept."""
        head, name = self._tokens[start], self._tokens[start + 1]
        at = self._tokens[brace]
        if head.type in _KEPT_HEADS and name.type == "NAME" and index > start + 1:
            self._automaton.feed(head)
            self._automaton.feed(name)
            return brace
        kind = "BROKEN_SETTINGS" if at.payload == "settings" else "BROKEN_BODY"
        self._automaton.feed(Token(kind, "", at.start, at.start, self._reading))
        if brace > self._dropped_until:
            self._dropped_until = self._end_of_statement(brace)
            self._note_words(brace, self._dropped_until)
        return brace

    def _end_of_statement(self, index: int) -> int:
        """The `NEWLINE` that ends the statement of the token at `index`, beyond any blocks that it has."""
        depth = 0
        while depth or self._tokens[index].type != "NEWLINE":
            depth += {"LBRACE": 1, "RBRACE": -1}.get(self._tokens[index].type, 0)
            index += 1
        return index

    def _skip_rest(self, index: int) -> int:
        """After a line that ends too early, the next line may be its rest: one that can be no statement itself."""
        tokens = self._tokens
        if index >= len(tokens):
            return index
        lone = tokens[index].type == "NAME" and tokens[index + 1].type in ("NEWLINE", "LPAR")
        if not lone and tokens[index].type not in _CANNOT_BEGIN:
            return index
        end = index
        while tokens[end].type not in ("NEWLINE", "LBRACE"):
            end += 1
        if tokens[end].type == "LBRACE":
            return index
        self._mark_broken(index, end)
        return end + 1

    def _mark_broken(self, start: int, end: int) -> None:
        self._broken.append((self._tokens[start].start, self._tokens[end].start))
        self._note_words(start, end)

    def _note_words(self, start: int, end: int) -> None:
        self.broken_words.update(token.text for token in self._tokens[start:end] if token.type == "NAME")
