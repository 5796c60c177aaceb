"""The codes of the syntax faults."""

from __future__ import annotations

from typing import Final

UNEXPECTED: Final = "E101"
"""Something stands where it cannot."""
UNCLOSED_STRING: Final = "E102"
"""A string is never closed."""
UNCLOSED: Final = "E103"
"""A bracket or brace is never closed."""
CLOSES_NOTHING: Final = "E104"
"""A closing bracket or brace has no opening one."""
BAD_CHARACTER: Final = "E105"
"""A character that means nothing here."""
BAD_NUMBER: Final = "E106"
"""A number or duration that is not written as one."""
BAD_DATE: Final = "E107"
"""A date or time that does not exist or is not written as one."""
BAD_STRING: Final = "E108"
"""An escape or a field of a string that means nothing."""
RESERVED_NAME: Final = "E109"
"""A reserved word as a name."""
BAD_NAME: Final = "E110"
"""A name that is not written as names are."""
PYTHON_WORD: Final = "E111"
"""`True`, `False` or `None` with a capital letter."""
SINGLE_QUOTES: Final = "E112"
"""A string in single quotes."""
CONDITIONAL: Final = "E113"
"""A conditional expression."""
STARRED: Final = "E114"
"""`*` or `**` before an argument."""
SEMICOLON: Final = "E115"
"""A semicolon between statements."""
LINE_START: Final = "E116"
"""`when`, `{` or a value on the line after the one that it belongs to."""
MISPLACED: Final = "E117"
"""A statement that stands in the wrong kind of block."""
TOO_DEEP: Final = "E118"
"""Brackets, blocks or an expression nested too deep."""
HIDDEN_CHARACTER: Final = "E119"
"""A control character that changes the direction of text."""

CODES: Final = {
    UNEXPECTED: "something that cannot stand there",
    UNCLOSED_STRING: "a string that is never closed",
    UNCLOSED: "a bracket or brace that is never closed",
    CLOSES_NOTHING: "a closing bracket or brace without an opening one",
    BAD_CHARACTER: "a character that means nothing",
    BAD_NUMBER: "a number or duration that is not written as one",
    BAD_DATE: "a date or time that does not exist",
    BAD_STRING: "a part of a string that means nothing",
    RESERVED_NAME: "a reserved word as a name",
    BAD_NAME: "a name that is not written as names are",
    PYTHON_WORD: "`True`, `False` or `None` with a capital letter",
    SINGLE_QUOTES: "a string in single quotes",
    CONDITIONAL: "a conditional expression",
    STARRED: "`*` or `**` before an argument",
    SEMICOLON: "a semicolon",
    LINE_START: "a line that begins with what belongs to the one before",
    MISPLACED: "a statement in the wrong kind of block",
    TOO_DEEP: "brackets or blocks nested too deep",
    HIDDEN_CHARACTER: "a hidden character that changes the direction of text",
}
