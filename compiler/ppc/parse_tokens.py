"""Text to tokens: the lexer of `.ppd` files. It never fails: what it cannot read becomes an `ERROR` token."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from ppacer.records import dataclass
from ppc import ast
from ppc.parse_brackets import BOUNDARIES, DECLARATION, STATEMENT_HEADS, Kind
from ppc.parse_faults import (
    BAD_CHARACTER,
    BAD_DATE,
    BAD_NUMBER,
    CLOSES_NOTHING,
    HIDDEN_CHARACTER,
    LINE_START,
    PYTHON_WORD,
    SEMICOLON,
    UNEXPECTED,
)
from ppc.parse_literals import BadLiteral, Duration, Respelled, date_or_time, number
from ppc.parse_reading import Comment, Payload, Reading, Token
from ppc.parse_strings import Strings
from ppc.source import Source
from ppd.words import RESERVED


@dataclass(frozen=True, slots=True)
class Tokens:
    """`tokens` without comments and blank lines; the first is an empty `NEWLINE`, so that each has one before it."""

    tokens: Sequence[Token]
    comments: Sequence[Comment]
    reading: Reading


def tokenise(source: Source) -> Tokens:
    """The tokens of a file, its blocks and brackets always balanced."""
    tokeniser = Tokeniser(source.text, Reading(source.path))
    tokeniser.run()
    if tokeniser.lost_in_string:
        tokeniser = Tokeniser(source.text, Reading(source.path), declarations_end_strings=True)
        tokeniser.run()
    return Tokens(tokeniser.tokens, tokeniser.comments, tokeniser.reading)


_TOKEN: Final = re.compile(
    r"""[ \t\f\v]*(?:
      (?P<STRING>[rRfFbBuU]{0,2}(?:\"\"\"|"|'''|'))
    | (?P<NAME>[^\W\d]\w*)
    | (?P<SYMBOL>->|[=!<>]=|[-+*/%<>=.,:;?()\[\]{}])
    | (?P<DATE>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?![0-9])
        (?:[Tt][0-9]{1,2}:[0-9]{1,2}(?::[0-9]{1,2}(?:\.[0-9]+)?)?(?:[+-][0-9]{2}:?[0-9]{2})?)?\w*)
    | (?P<NUMBER>[0-9]\w*(?:\.[0-9]\w*)*)
    | (?P<NEWLINE>\r\n?|\n)
    | (?P<COMMENT>\#[^\r\n]*)
    | (?P<END>\Z)
    | (?P<OTHER>&&|\|\||.)
    )""",
    re.VERBOSE | re.DOTALL,
)
_SYMBOLS: Final = {
    "->": "ARROW", "==": "EQ", "!=": "NE", "<=": "LE", ">=": "GE", "<": "LT", ">": "GT", "+": "PLUS", "-": "MINUS",
    "*": "STAR", "/": "SLASH", "%": "PERCENT", "=": "EQUAL", ".": "DOT", "?": "QUESTION",
}  # fmt: skip
_OPERATORS: Final = frozenset({"EQ", "NE", "LE", "GE", "LT", "GT", "PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "DOT"})
_PYTHON_WORDS: Final = {"True": "TRUE", "False": "FALSE", "None": "NONE"}
_CONSTANTS: Final[dict[str, bool | None]] = {"TRUE": True, "FALSE": False, "NONE": None}
_EVENTS: Final = {"success": "SUCCESS", "failure": "FAILURE"}
_WORDS: Final = {word: word.upper() for word in RESERVED} | _PYTHON_WORDS | _EVENTS
_NAME_FOLLOWS: Final = (STATEMENT_HEADS - {"ON", "FINALLY", "DEFAULTS", "INCLUDE"}) | {"AS", "DOT"}
"""After these a word is a name, whatever it says; whether it may be one is judged with its declaration."""
_NEVER_SETTINGS: Final = frozenset({"TASK", "GROUP", "LET", "NOTIFIER"})
"""Of a file or a dag there are no settings of these names: `task = f()` rather lacks a name."""
_DICT_FOLLOWS: Final = _OPERATORS - {"DOT"} | {
    "EQUAL", "LPAR", "LSQB", "LDICT", "COMMA", "COLON", "IN", "AND", "OR", "NOT", "WHEN", "FOPEN",
}  # fmt: skip
"""After these a value is due, so that `{` opens a dict."""
_BLOCK_HEADS: Final = frozenset({"TASK", "DAG", "GROUP", "TEMPLATE", "POOL", "DEFAULTS", "ON", "FINALLY"})

_PLAIN_HEADS: Final = _BLOCK_HEADS - {"TASK", "GROUP", "TEMPLATE"}
"""Between these and their block no dict can stand."""

_BLOCK_BEGINS: Final = re.compile(r"[ \t]*(?:(?:#[^\r\n]*)?(?:[\r\n]|\Z)|[A-Za-z_]\w*[ \t]*=(?!=))")
"""What follows the `{` of a block, of settings at least, and not that of a dict."""
_SETTING_FOLLOWS: Final = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?[\r\n])*[ \t]*[A-Za-z_]\w*[ \t]*=(?!=)")
"""What no dict begins with."""
_LINE_ENDS: Final = re.compile(r"[ \t]*(?:\#|\}|[\r\n]|\Z)")
_ASSIGNED: Final = re.compile(r"[ \t]*=(?!=)")
_RENAMED: Final = re.compile(r"[ \t]+as\b")
_DOTTED: Final = re.compile(r"[ \t]*\.")
_NEXT_LINE: Final = re.compile(r"(?:[ \t\f\v]*(?:\#[^\r\n]*)?(?:\r\n?|\n))*[ \t\f\v]*(?:(->|\{|when\b)|(?=(.?)))")
DIRECTION: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LOOKALIKES: Final = {
    "“": 'a string stands in plain double quotes: `"…"`', "”": 'a string stands in plain double quotes: `"…"`',
    "„": 'a string stands in plain double quotes: `"…"`', "‘": 'a string stands in plain double quotes: `"…"`',
    "’": 'a string stands in plain double quotes: `"…"`', "→": "an arrow is written `->`",
    "−": "a minus is written `-`", "–": "a minus is written `-`", "≤": "it is written `<=`", "≥": "it is written `>=`",
    "≠": "it is written `!=`", "&&": "it is written `and`", "||": "it is written `or`", "!": "it is written `not`",
    "\\": "a statement ends with its line; inside `(` `)` and `[` `]` lines are free",
    "$": "values are named plainly, and inside strings as `f\"…{name}…\"`", "@": "nothing is decorated here",
}  # fmt: skip

_MEANT: Final = {
    "→": "->", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "≠": "!=", "&&": "and", "||": "or",
}  # fmt: skip
"""The characters of these whose right spelling can take their place."""


class Tokeniser(Strings):
    def __init__(self, text: str, reading: Reading, *, declarations_end_strings: bool = False, start: int = 0) -> None:
        super().__init__(text, reading, declarations_end_strings=declarations_end_strings, start=start)
        self.comments: list[Comment] = []
        self.joined_until = 0
        """Line ends before this offset do not end a statement: the line at it continues the one before."""

    def run(self) -> None:
        self._refuse_hidden()
        self.read(0, len(self.text))
        self.finish()

    def read(self, offset: int, stop: int) -> int:
        """Reads up to `stop`, or beyond where a string goes on there; answers where it has come to."""
        text, tokens, reading = self.text, self.tokens, self.reading
        while offset < stop and (match := _TOKEN.match(text, offset)):
            kind = match.lastgroup
            if kind is None or kind == "END":
                return len(text)
            start, offset = match.span(kind)
            last = tokens[-1].type
            if last in BOUNDARIES and kind not in ("NEWLINE", "COMMENT", "NAME", "SYMBOL"):
                self.begin_statement(kind, start)
            if kind == "NAME":
                word = match[kind]
                type_, payload = self._word(word, start, offset, last) if word in _WORDS else ("NAME", None)
                if last in BOUNDARIES:
                    self.begin_statement(type_, start)
                tokens.append(Token(type_, word, start, offset, reading, payload))
            elif kind == "SYMBOL":
                offset = self._symbol(match[kind], start, offset, last)
            elif kind == "NEWLINE":
                self._newline(start, offset)
            elif kind == "STRING":
                offset = self.string(match[kind], start, offset)
            elif kind == "NUMBER":
                self._number(start, offset)
            elif kind == "DATE":
                self._date(start, offset)
            elif kind == "COMMENT":
                self._comment(start, offset)
            else:
                self._other(match[kind], start, offset)
        return offset

    # --- words --------------------------------------------------------------------------------------------------------

    def _word(self, word: str, start: int, end: int, last: str) -> tuple[str, Payload]:
        """The type of a word that has a meaning of its own, unless it is a name here."""
        type_ = _WORDS[word]
        if word in _EVENTS:
            return (type_ if last == "ON" else "NAME"), None
        if last in BOUNDARIES and type_ in _NEVER_SETTINGS and not (self.open and self.open[-1].settings):
            return type_, None
        if last in _NAME_FOLLOWS or _ASSIGNED.match(self.text, end) or _RENAMED.match(self.text, end):
            return "NAME", None
        if type_ == "TASK" and _DOTTED.match(self.text, end):
            return "NAME", None
        if type_ in _CONSTANTS:
            if word in _PYTHON_WORDS:
                right = word.lower()
                self.reading.faults.append(
                    self.reading.fault(
                        PYTHON_WORD,
                        f"`{word}` is written small",
                        start,
                        end,
                        help=f"write `{right}`",
                        replacement=right,
                    )
                )
            return type_, ast.Constant(_CONSTANTS[type_], self.reading.span(start, end))
        if type_ in ("AND", "OR", "NOT", "IN"):
            self.deeper(start, end)
        return type_, None

    def _number(self, start: int, end: int) -> None:
        value = number(self.text[start:end])
        span = self.reading.span(start, end)
        if isinstance(value, BadLiteral):
            self.error(BAD_NUMBER, value.message, start, end, help=value.help, right=value.right)
        elif isinstance(value, Duration):
            self.emit("DURATION", start, end, ast.DurationLiteral(value.days, value.elapsed, span))
        else:
            self.emit("NUMBER", start, end, ast.Constant(value, span))

    def _date(self, start: int, end: int) -> None:
        value = date_or_time(self.text[start:end])
        span = self.reading.span(start, end)
        if isinstance(value, BadLiteral):
            self.error(BAD_DATE, value.message, start, end, help=value.help)
        elif isinstance(value, Respelled):
            self.reading.faults.append(
                self.reading.fault(
                    BAD_DATE,
                    "a date is written with four, two and two digits",
                    start,
                    end,
                    help=f"write `{value.right}`; for a subtraction put spaces around `-`",
                    replacement=value.right,
                )
            )
            self.emit("DATE", start, end, ast.Constant(value.value, span))
        else:
            self.emit("DATE", start, end, ast.Constant(value, span))

    # --- symbols ------------------------------------------------------------------------------------------------------

    def _symbol(self, symbol: str, start: int, end: int, last: str) -> int:
        if last in BOUNDARIES and symbol not in ";}":
            self.begin_statement(symbol, start)
        type_ = _SYMBOLS.get(symbol)
        if type_ is not None:
            self.emit(type_, start, end)
            if type_ in _OPERATORS:
                self.deeper(start, end)
        elif symbol in "([{":
            self._opening(symbol, start, end, last)
        elif symbol in ")]":
            kind, type_ = (Kind.ROUND, "RPAR") if symbol == ")" else (Kind.SQUARE, "RSQB")
            self.close_bracket(kind, type_, start, end)
        elif symbol == "}":
            return self._closing_brace(start, end)
        elif symbol == ",":
            self._comma(start, end, last)
        elif symbol == ":":
            if self.open and self.open[-1].kind is Kind.FIELD:
                return self.format_spec(start)
            self.emit("COLON", start, end)
        else:
            self._semicolon(start, end)
        return end

    def _opening(self, symbol: str, start: int, end: int, last: str) -> None:
        if symbol == "(":
            self.push(Kind.ROUND, start, end)
            self.emit("LPAR", start, end)
        elif symbol == "[":
            self.push(Kind.SQUARE, start, end)
            self.emit("LSQB", start, end)
        elif self._begins_dict(last, end):
            self.push(Kind.DICT, start, end)
            self.emit("LDICT", start, end)
        elif last != "LBRACE" or not self.drop_brace(start, end):
            self.give_up_brackets(self.block_depth())
            self.open_block(start, end)

    def _begins_dict(self, last: str, end: int) -> bool:
        if self.head in _PLAIN_HEADS:
            return False
        if last == "COMMA" and self.head == "TASK" and _SETTING_FOLLOWS.match(self.text, end):
            return False
        if last in _DICT_FOLLOWS:
            return last != "EQUAL" or self.open_brackets() or self.head == "TASK" or self.head not in _BLOCK_HEADS
        return self.open_brackets() and not _BLOCK_BEGINS.match(self.text, end)

    def _closing_brace(self, start: int, end: int) -> int:
        depth = len(self.open)
        while depth and self.open[depth - 1].kind in (Kind.ROUND, Kind.SQUARE):
            depth -= 1
        if depth and self.open[depth - 1].kind is Kind.DICT:
            self.close_bracket(Kind.DICT, "RDICT", start, end)
            return end
        if depth < len(self.open) and self.closed_ahead(end):
            self.error(CLOSES_NOTHING, "this `}` closes nothing", start, end, help="remove it, or add the `{`")
            return end
        self.give_up_brackets(depth)
        if depth and self.open[-1].kind is Kind.FIELD:
            return self.close_field(start, end)
        if depth:
            self.close_block(start, end)
        elif self.tokens[-1].type in BOUNDARIES or self.tokens[-1].type == "RBRACE":
            self.end_statement(start, start)
            self.emit("RBRACE", start, end)
        else:
            self.refuse_brace(start, end)
        return end

    def _comma(self, start: int, end: int, last: str) -> None:
        if self.open and self.open[-1].kind is Kind.BLOCK and self.open[-1].settings and last not in BOUNDARIES:
            self.end_statement(start, end)
            return
        self.emit("COMMA", start, end)
        if self.open_brackets():
            self.next_element()

    def _semicolon(self, start: int, end: int) -> None:
        if self.open_brackets():
            self.error(SEMICOLON, "`;` means nothing here", start, end)
            return
        settings = bool(self.open) and self.open[-1].settings
        self.reading.faults.append(
            self.reading.fault(
                SEMICOLON,
                "a statement ends with its line, not with `;`",
                start,
                end,
                help="remove it, and begin the next statement on a line of its own",
                replacement="" if _LINE_ENDS.match(self.text, end) else "," if settings else None,
            )
        )
        self.end_statement(start, end)

    # --- lines --------------------------------------------------------------------------------------------------------

    def _newline(self, start: int, end: int) -> None:
        if not self.open or self.open[-1].kind is Kind.BLOCK:
            if self.tokens[-1].type not in BOUNDARIES and start >= self.joined_until and not self._continued(end):
                if self._lacks_block() and self.supply_brace(self.tokens[-1].end):
                    return
                self.end_statement(start, end)
        elif self.open[-1].kind is Kind.FIELD and not self.open[-2].triple:
            self.unclosed_field()
            self._newline(start, end)
        elif self.line_begins_statement(end):
            self.give_up_brackets(self.block_depth())
            self.end_statement(start, end)

    def _lacks_block(self) -> bool:
        if self.head not in _BLOCK_HEADS or self.tokens[-1].type == "RBRACE":
            return False
        return self.head not in ("TASK", "GROUP") or (self.head == "GROUP" and self.tokens[-2].type == "GROUP")

    def _continued(self, end: int) -> bool:
        """Whether the next line that is not blank, from `end` on, belongs to the statement of this one."""
        ahead = _NEXT_LINE.match(self.text, end)
        if ahead is None:
            return False
        last = self.tokens[-1]
        if ahead[1] is None:
            return self._arrow_at_end(last, ahead.end(), ahead[2])
        place, what = ahead.start(1), ahead[1]
        if what == "->":
            self.joined_until = place
            return True
        belongs = self.head == "TASK" if what == "when" else self.head in _BLOCK_HEADS
        if not belongs or last.type == "RBRACE" or (what == "when" and _ASSIGNED.match(self.text, ahead.end())):
            return False
        self._line_start_fault(
            f"`{what}` stands on the line of what it belongs to",
            place,
            ahead.end(),
            "move it to the end of the line above",
        )
        self.joined_until = place
        return True

    def _arrow_at_end(self, last: Token, place: int, next_character: str) -> bool:
        line = max(self.text.rfind("\n", 0, place), self.text.rfind("\r", 0, place)) + 1
        if last.type != "ARROW" or next_character in ("", "}") or DECLARATION.match(self.text, line):
            return False
        self._line_start_fault(
            "an arrow begins the next line, it does not end one", last.start, last.end, "move it to the next line"
        )
        self.joined_until = place
        return True

    def _line_start_fault(self, message: str, start: int, end: int, help: str) -> None:
        self.reading.faults.append(self.reading.fault(LINE_START, message, start, end, help=help))

    def _comment(self, start: int, end: int) -> None:
        own_line = self.indent(start) is not None
        self.comments.append(Comment(self.text[start:end].rstrip(), self.reading.span(start, end), own_line))

    # --- other characters ---------------------------------------------------------------------------------------------

    def _other(self, character: str, start: int, end: int) -> None:
        if DIRECTION.match(character):
            return  # told by `_refuse_hidden`
        last = self.tokens[-1]
        if last.type == "ERROR" and last.end == start and last.text == character:
            last.end = end  # told once for a run of them
            return
        if character == "`":
            self.error(UNEXPECTED, "backquotes mean nothing here", start, end, help='a string is written `"…"`')
            return
        name = unicodedata.name(character, f"U+{ord(character):04X}") if len(character) == 1 else ""
        shown = f"`{character}`" if character.isprintable() and not character.isspace() else name
        detail = f" ({name})" if name and shown != name and not character.isascii() else ""
        self.error(
            BAD_CHARACTER,
            f"{shown}{detail} means nothing here",
            start,
            end,
            help=_LOOKALIKES.get(character, ""),
            right=_MEANT.get(character, ""),
        )

    def _refuse_hidden(self) -> None:
        for match in DIRECTION.finditer(self.text):
            self.reading.lasting.append(
                self.reading.fault(
                    HIDDEN_CHARACTER,
                    f"a hidden character (U+{ord(match[0]):04X}) changes the direction of the text",
                    match.start(),
                    match.end(),
                    help="remove it, or in a string write it as an escape",
                    replacement="",
                )
            )
