"""What is open at a place in a file: blocks, brackets, f-strings; and where something unclosed must end.

The rule of recovery: a declaration's keyword and name at a line's start end whatever is open and cannot hold them. So
a forgotten bracket costs its own statement, and a forgotten brace nothing but its own diagnostic. Where a brace may
be one too many or one too few, the count of the whole file's braces and the lines' indentation decide; both are
looked at only then.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from ppacer.records import dataclass
from ppc.diagnostics import Label
from ppc.parse_braces import closed_ahead, surplus_braces
from ppc.parse_faults import CLOSES_NOTHING, TOO_DEEP, UNCLOSED, UNEXPECTED
from ppc.parse_reading import Payload, Reading, Token
from ppd.words import DECLARATIONS, FILE_DECLARATIONS

NESTING_LIMIT: Final = 100
"""How deep blocks, brackets and operators may nest: later stages may recurse over the tree."""

BOUNDARIES: Final = frozenset({"NEWLINE", "LBRACE"})
"""Tokens after which a statement begins."""

STATEMENT_HEADS: Final = frozenset(word.upper() for word in DECLARATIONS)
FILE_HEADS: Final = frozenset(word.upper() for word in FILE_DECLARATIONS)
_SHORT_HEADS: Final = FILE_HEADS - {"DAG", "TEMPLATE"}
"""Statements of a file that are easily put into a block by mistake."""
_DAG_HEADS: Final = frozenset({"PARAM", "DEFAULTS", "ON", "FINALLY"})
_PLAIN_BODIES: Final = frozenset({"GROUP", "TEMPLATE", "ON", "FINALLY"})
"""Statements whose block holds tasks, groups and edges only."""
SETTINGS_HEADS: Final = frozenset({"TASK", "DEFAULTS", "POOL"})
"""Statements whose block holds settings."""

_NAMED: Final = "task|param|let|notifier|pool|label|template|dag|group"
DECLARATION: Final = re.compile(
    rf"[ \t\f\v]*(?:(?:{_NAMED}|import|from)[ \t]+(?!as\b)[A-Za-z_]|include[ \t]*\""
    r"|(?:finally|defaults|on[ \t]+(?:success|failure))[ \t]*\{)"
)
"""A line that begins a declaration, wherever it stands."""
_OTHER_STATEMENT: Final = re.compile(r"[ \t\f\v]*(?:[A-Za-z_][\w.]*(?:\[[^\]\r\n]*\])?|\[[^\]\r\n]*\])[ \t]*->")
_WORD: Final = r"(?!(?:and|or|not|in)\b)[A-Za-z_]\w*"
_MISSPELT: Final = re.compile(rf"[ \t\f\v]*{_WORD}[ \t]+{_WORD}[ \t]*[={{(]")
"""Two words side by side: a declaration with its keyword misspelt, whatever it is."""
_ASSIGNMENT: Final = re.compile(r"[ \t\f\v]*[A-Za-z_]\w*[ \t]*=(?!=)")
_COLON: Final = re.compile(r"[ \t\f\v]*[A-Za-z_]\w*[ \t]*:")
_VALUE_ENDS: Final = frozenset(
    {"NAME", "STRING", "NUMBER", "DURATION", "DATE", "TRUE", "FALSE", "NONE", "RPAR", "RSQB", "RDICT", "FEND", "ERROR"}
)
_LINE_END: Final = re.compile(r"\r\n?|\n")


class Kind(Enum):
    BLOCK = auto()
    ROUND = auto()
    SQUARE = auto()
    DICT = auto()
    FIELD = auto()
    """`{…}` inside an f-string."""
    FORMAT = auto()
    """An f-string itself."""


_OPENERS: Final = {Kind.BLOCK: "{", Kind.ROUND: "(", Kind.SQUARE: "[", Kind.DICT: "{", Kind.FIELD: "{"}
_CLOSERS: Final = {Kind.BLOCK: "}", Kind.ROUND: ")", Kind.SQUARE: "]", Kind.DICT: "}", Kind.FIELD: "}"}


@dataclass(slots=True)
class Open:
    kind: Kind
    start: int
    end: int
    outer_depth: int
    """The depth of the expression around it, to go on from when it is closed."""
    deepest: int = 0
    """The greatest depth among its elements so far."""
    indent: int = 0
    """Of a block: the indentation of the line on which its statement begins."""
    settings: bool = False
    """Of a block: whether it holds settings."""
    head: str = ""
    """Of a block: what its statement begins with."""
    triple: bool = False
    """Of an f-string: whether it may run over lines."""


class Structure:
    """The tokens so far and what is open after them."""

    def __init__(self, text: str, reading: Reading, start: int = 0) -> None:
        self.text = text
        self.reading = reading
        self.tokens: list[Token] = [Token("NEWLINE", "", start, start, reading)]
        self.open: list[Open] = []
        self.depth = 0
        self.head = "NEWLINE"
        self.head_start = 0
        self._closed_at = 0
        """Up to here what is open is known to be closed; see `closed_ahead`."""
        self._last_block: Open | None = None
        self.counted: int | None = None
        self.supplied_before = 0
        self.surplus: int | None = None

    # --- emitting ---------------------------------------------------------------------------------------------------

    def emit(self, type_: str, start: int, end: int, payload: Payload = None) -> None:
        self.tokens.append(Token(type_, self.text[start:end], start, end, self.reading, payload))

    def error(
        self, code: str, message: str, start: int, end: int, *, label: str = "", help: str = "", right: str = ""
    ) -> None:
        """A token that no rule accepts: the statement is broken, for this reason. `right` is what is plainly meant."""
        fault = self.reading.fault(code, message, start, end, label=label, help=help, replacement=right or None)
        self.tokens.append(Token("ERROR", self.text[start:end], start, end, self.reading, fault))

    def end_statement(self, start: int, end: int) -> None:
        """Ends the statement, if one has begun."""
        if self.tokens[-1].type not in BOUNDARIES:
            self.emit("NEWLINE", start, end)
        self.depth = 0

    def begin_statement(self, head: str, start: int) -> None:
        """To be called before the first token of a statement, whose type is `head`."""
        if self.open:
            if self._misfits(self.open[-1], head, start):
                self._close_blocks_before(head, start)
        elif head not in FILE_HEADS and head != "DEFAULTS":
            self._reopen_block()
        self.head = head
        self.head_start = start

    # --- opening and closing ------------------------------------------------------------------------------------------

    def push(self, kind: Kind, start: int, end: int) -> Open:
        if len(self.open) == NESTING_LIMIT:
            self.error(TOO_DEEP, f"this is nested more than {NESTING_LIMIT} deep", start, end)
        opened = Open(kind, start, end, self.depth)
        self.open.append(opened)
        self.depth = 0
        return opened

    def pop(self) -> Open:
        closed = self.open.pop()
        self.depth = closed.outer_depth + max(closed.deepest, self.depth) + 1
        if self.depth > NESTING_LIMIT:
            self.too_deep(closed.start, closed.end)
        return closed

    def deeper(self, start: int, end: int) -> None:
        """One more operator: an upper bound of the depth of the tree that this makes."""
        self.depth += 1
        if self.depth > NESTING_LIMIT:
            self.too_deep(start, end)

    def too_deep(self, start: int, end: int) -> None:
        self.depth = -len(self.text)  # said once for this statement
        self.error(
            TOO_DEEP,
            f"this expression has more than {NESTING_LIMIT} operators within each other",
            start,
            end,
            help="name a part of it with `let`, or compute it in Python",
        )

    def next_element(self) -> None:
        """After a comma inside brackets."""
        top = self.open[-1]
        top.deepest = max(top.deepest, self.depth)
        self.depth = 0

    def open_block(self, start: int, end: int) -> None:
        block = self.push(Kind.BLOCK, start, end)
        block.head = self.head
        indent = self.indent(self.head_start)
        if indent is not None:
            block.indent = indent
        elif len(self.open) > 1:
            block.indent = self.open[-2].indent
        block.settings = self.head in SETTINGS_HEADS or (self.head not in STATEMENT_HEADS and self._looks_like_task())
        self.emit("LBRACE", start, end, "settings" if block.settings else "body")

    def _looks_like_task(self) -> bool:
        """Whether the statement, which begins with no keyword, is built like a task: `tsk load = …`."""
        start = len(self.tokens)
        while self.tokens[start - 1].type not in BOUNDARIES:
            start -= 1
        if any(token.type == "ERROR" and token.text in (")", "]") for token in self.tokens[start : start + 1]):
            return True  # the end of a call that lacks its beginning
        return any(token.type in ("EQUAL", "LSQB") for token in self.tokens[start : start + 4])

    def close_block(self, start: int, end: int) -> None:
        """`}` where the innermost open thing is a block."""
        indent = self.indent(start)
        if indent is None and self.tokens[-1].start > self.open[-1].start and self._is_surplus(start):
            self.refuse_brace(start, end)
            return
        if indent is not None and indent < self.open[-1].indent and self._missing() > 0:
            while self.open[-1].indent > indent and any(o.indent == indent for o in self.open[:-1]):
                self._close_unclosed_block(start, end)
        self.end_statement(start, start)
        self.emit("RBRACE", start, end)
        self._last_block = self.pop()
        self.depth = 0

    def _is_surplus(self, start: int) -> bool:
        """Whether a `}` behind a statement on its line is one too many, rather than the block's end."""
        return _LINE_END.search(self.text, self.open[-1].start, start) is not None and self._missing() < 0

    def refuse_brace(self, start: int, end: int) -> None:
        """A `}` too many behind a statement on its line breaks that statement."""
        self.error(CLOSES_NOTHING, "this `}` is one too many", start, end, help="remove it")
        self._supplied(-1)

    def supply_brace(self, place: int) -> bool:
        """Opens the block of a header that lacks its `{`, if the file has a `}` too many."""
        if self._missing() >= 0:
            return False
        self.reading.lasting.append(
            self.reading.fault(
                UNEXPECTED,
                f"`{self.head.lower()}` needs a block",
                place,
                place,
                label="a `{` is missing here",
                help="add the `{`",
            )
        )
        self.open_block(place, place)
        self._supplied(-1)
        return True

    def drop_brace(self, start: int, end: int) -> bool:
        """A second `{` after the first is dropped, if the file has one too many."""
        if self._missing() <= 0:
            return False
        fault = self.reading.fault(UNEXPECTED, "this `{` is one too many", start, end, help="remove it")
        self.reading.lasting.append(fault)
        self._supplied(1)
        return True

    def close_bracket(self, kind: Kind, type_: str, start: int, end: int) -> None:
        """`)`, `]` or the `}` of a dict, with whatever is unclosed inside it."""
        depth = self._innermost(kind)
        if depth is not None:
            self.give_up_brackets(depth + 1)
            self.emit(type_, start, end)
            self.pop()
        elif self.open and self.open[-1].kind in (Kind.ROUND, Kind.SQUARE, Kind.DICT):
            opener = self.open[-1]
            message = f"`{self.text[start:end]}` does not close this `{_OPENERS[opener.kind]}`"
            fault = self.reading.fault(
                CLOSES_NOTHING,
                message,
                start,
                end,
                labels=(Label(self.reading.span(opener.start, opener.end), "opened here"),),
                help=f"write `{_CLOSERS[opener.kind]}`",
                replacement=_CLOSERS[opener.kind],
            )
            self.emit("ERROR", start, end, fault)
            if opener.kind is not Kind.DICT or self._missing() > 0:  # else its own `}` follows
                self.pop()
        else:
            self.error(CLOSES_NOTHING, f"this `{self.text[start:end]}` closes nothing", start, end)

    def _innermost(self, kind: Kind) -> int | None:
        """The place in `open` of the innermost `kind` of this statement, where it can be reached."""
        for depth in range(len(self.open) - 1, max(-1, len(self.open) - NESTING_LIMIT - 2), -1):
            found = self.open[depth].kind
            if found is kind:
                return depth
            if found in (Kind.BLOCK, Kind.FIELD, Kind.FORMAT):
                return None
        return None

    def give_up_brackets(self, depth: int) -> None:
        """Drops what is open from `depth` on: the statement is broken by the innermost of it."""
        if len(self.open) <= depth:
            return
        innermost = next((o for o in reversed(self.open[depth:]) if o.kind is not Kind.FORMAT), None)
        if innermost is not None:
            opener = _OPENERS[innermost.kind]
            self.error(
                UNCLOSED,
                f"this `{opener}` is never closed",
                innermost.start,
                innermost.end,
                help=f"add the `{_CLOSERS[innermost.kind]}`",
            )
        self.depth = self.open[depth].outer_depth
        del self.open[depth:]

    def block_depth(self) -> int:
        """How many things are open up to the innermost block, itself included."""
        for depth in range(len(self.open), 0, -1):
            if self.open[depth - 1].kind is Kind.BLOCK:
                return depth
        return 0

    def line_begins_statement(self, offset: int) -> bool:
        """Whether the line at `offset`, which lies within brackets, can only be a new statement."""
        if any(form.match(self.text, offset) for form in (DECLARATION, _OTHER_STATEMENT)):
            return True
        forms = (_MISSPELT, _ASSIGNMENT, _COLON) if self.tokens[-1].type in _VALUE_ENDS else (_MISSPELT,)
        return any(form.match(self.text, offset) for form in forms) and not self.closed_ahead(offset)

    def closed_ahead(self, offset: int) -> bool:
        """Whether the brackets that are open at `offset` are closed before the next declaration: rather than a bracket,
        a comma is missing, or something else within."""
        if offset >= self._closed_at:
            closer = closed_ahead(self.text, offset, DECLARATION)
            if closer is None:
                return False
            self._closed_at = closer
        return True

    def looks_like_statement(self, offset: int) -> bool:
        """Whether the line at `offset`, taken for itself, looks like a statement or closes a block."""
        text = self.text
        return bool(
            DECLARATION.match(text, offset)
            or _OTHER_STATEMENT.match(text, offset)
            or _ASSIGNMENT.match(text, offset)
            or text[offset : offset + 200].lstrip().startswith("}")
        )

    def finish(self) -> None:
        """The end of the file closes what is open."""
        end = len(self.text)
        self.give_up_brackets(self.block_depth())
        self.end_statement(end, end)
        while self.open:
            self._close_unclosed_block(end, end)

    # --- braces too few or too many -----------------------------------------------------------------------------------

    def indent(self, offset: int) -> int | None:
        """The indentation of what stands at `offset`, if it is the first thing of its line."""
        line = offset
        while line and self.text[line - 1] in " \t\f\v":
            line -= 1
        return offset - line if line == 0 or self.text[line - 1] in "\r\n" else None

    def _misfits(self, block: Open, head: str, start: int) -> bool:
        """Whether the statement at `start` cannot stand in the block."""
        if head in STATEMENT_HEADS:
            return block.settings or head in FILE_HEADS or (head in _DAG_HEADS and block.head in _PLAIN_BODIES)
        return block.settings and _OTHER_STATEMENT.match(self.text, start) is not None

    def _missing(self) -> int:
        """How many closing braces the file lacks and has not been given yet; negative where it has too many."""
        if self.surplus is None:
            self.surplus = self.counted = surplus_braces(self.text) + self.supplied_before
        return -self.surplus

    def _supplied(self, braces: int) -> None:
        """Keeps account of closing braces that were added, or dropped where negative."""
        self._missing()
        assert self.surplus is not None
        self.surplus += braces

    def _close_blocks_before(self, head: str, start: int) -> None:
        """Closes the blocks that the statement at `start` shows to be unclosed, rather than it to be misplaced."""
        indent = self.indent(start)
        if indent is None or (head in STATEMENT_HEADS and not DECLARATION.match(self.text, start)):
            return
        while self.open and self._misfits(self.open[-1], head, start):
            if indent > self.open[-1].indent and (head in _SHORT_HEADS or self._missing() <= 0):
                return
            self._close_unclosed_block(start, start)

    def _close_unclosed_block(self, start: int, end: int) -> None:
        block = self.open[-1]
        labels: tuple[Label, ...] = ()
        if start < len(self.text):
            labels = (Label(self.reading.span(start, max(end, start + 1)), "it should be closed before this"),)
        if block.head != "{":  # a brace that belongs to no statement is a fault of its own
            self.reading.lasting.append(
                self.reading.fault(
                    UNCLOSED, "this `{` is never closed", block.start, block.end, labels=labels, help="add the `}`"
                )
            )
        place = self.tokens[-1].end
        self.end_statement(place, place)
        self.emit("RBRACE", place, place)
        self.emit("NEWLINE", place, place)
        self.pop()
        self.depth = 0
        self._supplied(1)

    def _reopen_block(self) -> None:
        """What follows belongs into the block that a surplus brace has closed."""
        block = self._last_block
        if block is None or self.tokens[-2].type != "RBRACE" or self._missing() >= 0 or block.settings:
            return
        newline, brace = self.tokens.pop(), self.tokens.pop()
        self.reading.lasting.append(
            self.reading.fault(
                CLOSES_NOTHING,
                "this `}` is one too many",
                brace.start,
                brace.end,
                labels=(
                    Label(self.reading.span(newline.end, newline.end), "what follows still belongs into the block"),
                ),
                help="remove it",
            )
        )
        self.open.append(block)
        self._supplied(-1)
