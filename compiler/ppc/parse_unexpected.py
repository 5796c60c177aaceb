"""What to say of a token that cannot stand where it stands.

The rules are asked in order; the first that knows the situation answers. The last knows every one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from typing import Final

from ppacer.records import dataclass, replace
from ppc.diagnostics import Diagnostic, Edit
from ppc.parse_brackets import BOUNDARIES, FILE_HEADS, STATEMENT_HEADS
from ppc.parse_faults import (
    BAD_NAME,
    BAD_STRING,
    CLOSES_NOTHING,
    CONDITIONAL,
    LINE_START,
    MISPLACED,
    RESERVED_NAME,
    STARRED,
    UNEXPECTED,
)
from ppc.parse_reading import Token
from ppc.similar import is_slip
from ppd.words import DECLARATIONS, RESERVED, SCOPES

_PLAIN_NAME: Final = re.compile(r"[a-z_][A-Za-z0-9_]*")


def unexpected(tokens: Sequence[Token], index: int, expected: Set[str]) -> Diagnostic:
    """The fault of the token at `index`, where only the terminals `expected` could stand."""
    token = tokens[index]
    if isinstance(token.payload, Diagnostic):
        return token.payload
    start = index
    while tokens[start - 1].type not in BOUNDARIES:
        start -= 1
    where = _Place(tokens, index, start, expected)
    for rule in _RULES:
        if (fault := rule(where)) is not None:
            return fault
    raise AssertionError(f"no rule for {token.type}")


@dataclass(frozen=True, slots=True)
class _Place:
    tokens: Sequence[Token]
    index: int
    start: int
    """The index of the statement's first token."""
    expected: Set[str]

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    @property
    def type(self) -> str:
        return self.tokens[self.index].type

    @property
    def before(self) -> Token:
        return self.tokens[self.index - 1]

    @property
    def after(self) -> Token | None:
        return self.tokens[self.index + 1] if self.index + 1 < len(self.tokens) else None

    @property
    def head(self) -> Token:
        return self.tokens[self.start]

    @property
    def begins(self) -> bool:
        return self.index == self.start

    @property
    def position(self) -> int:
        """How many tokens of the statement come before."""
        return self.index - self.start

    @property
    def in_brackets(self) -> bool:
        """Whether the token stands inside `( )`, `[ ]` or a dict of its statement, where commas separate."""
        depth = 0
        for token in self.tokens[self.start : self.index]:
            depth += {"LPAR": 1, "LSQB": 1, "LDICT": 1, "RPAR": -1, "RSQB": -1, "RDICT": -1}.get(token.type, 0)
        return depth > 0

    def fault(
        self,
        message: str,
        help: str = "",
        *,
        code: str = UNEXPECTED,
        at: Token | None = None,
        label: str = "",
        mend: tuple[int, int, str] | None = None,
    ) -> Diagnostic:
        """`mend` is what is plainly meant: the stretch to replace, and by what."""
        token = at or self.token
        start, end = token.start, token.end
        if token.type == "NEWLINE":
            start = end = self.before.end
        found = token.reading.fault(code, message, start, end, label=label, help=help)
        return found if mend is None else replace(found, edit=Edit(token.reading.span(*mend[:2]), mend[2]))


_VALUE_STARTS: Final = frozenset(
    {"NAME", "STRING", "NUMBER", "DURATION", "DATE", "TRUE", "FALSE", "NONE", "FSTART", "LPAR", "LSQB", "LDICT"}
)
_VALUE_ENDS: Final = frozenset(
    {"NAME", "STRING", "NUMBER", "DURATION", "DATE", "TRUE", "FALSE", "NONE", "FEND", "RPAR", "RSQB", "RDICT"}
)
_COMPARISONS: Final = frozenset({"EQ", "NE", "LT", "LE", "GT", "GE", "IN"})
_PYTHON_STATEMENTS: Final = frozenset(
    {"def", "class", "for", "while", "if", "elif", "else", "try", "with", "return", "async", "lambda", "raise", "del"}
)
_NAMED: Final = frozenset({"DAG", "TASK", "GROUP", "TEMPLATE", "LET", "PARAM", "POOL", "LABEL", "NOTIFIER"})
_HEAD_FORMS: Final = {
    "DAG": "`dag name { … }`", "TASK": "`task name = callable(…)`", "GROUP": "`group name { … }`",
    "TEMPLATE": "`template name(parameter: type) { … }`", "LET": "`let name = value`",
    "PARAM": "`param name: type = default`", "POOL": "`pool name { slots = 4 }`", "LABEL": "`label name`",
    "NOTIFIER": "`notifier name = callable(…)`", "IMPORT": "`import module`, `import module as name`",
    "FROM": "`from module import name, other as name`", "INCLUDE": '`include "other.ppd"`',
    "DEFAULTS": "`defaults { … }`", "ON": "`on success { … }`, `on failure { … }`", "FINALLY": "`finally { … }`",
}  # fmt: skip


# --- at a statement's beginning ---------------------------------------------------------------------------------------


def _closing_brace(p: _Place) -> Diagnostic | None:
    if p.type != "RBRACE":
        return None
    return p.fault("this `}` closes nothing", "remove it", code=CLOSES_NOTHING)


def _line_start(p: _Place) -> Diagnostic | None:
    if not p.begins or p.type not in ("LBRACE", "LDICT", "WHEN"):
        return None
    what = "`when`" if p.type == "WHEN" else "`{`"
    return p.fault(f"{what} cannot begin a line", "it stands on the line of what it belongs to", code=LINE_START)


def _misplaced(p: _Place) -> Diagnostic | None:
    if not p.begins or p.type not in STATEMENT_HEADS:
        return None
    word = p.token.text
    if p.after is not None and p.after.type in ("ARROW", "DOT", "LSQB", "EQUAL"):
        return None
    if not p.expected & STATEMENT_HEADS:
        return p.fault(f"`{word}` cannot stand among settings", "move it out of the block", code=MISPLACED)
    if p.type in FILE_HEADS:
        return p.fault(f"`{word}` cannot stand inside a block", "move it out, to the file's own level", code=MISPLACED)
    if "DAG" in p.expected:
        return p.fault(f"`{word}` stands inside a dag, not in the file", "move it into a dag", code=MISPLACED)
    return p.fault(f"`{word}` stands in a dag itself", "move it out of this block, into the dag", code=MISPLACED)


def _misplaced_setting_or_edge(p: _Place) -> Diagnostic | None:
    if p.begins and p.type in ("NAME", "LSQB") and "DAG" in p.expected:
        if misspelt := _misspelt(p, p.token, p.after):
            return misspelt
        if p.after is not None and p.after.type == "EQUAL":
            return p.fault(
                "a setting stands in a dag or a settings block, not in the file",
                "for all tasks of the file: `defaults { … }`; a constant: `let`",
                code=MISPLACED,
            )
        if any(t.type == "ARROW" for t in _statement(p)):
            return p.fault("an edge stands inside a dag, not in the file", "move it into a dag", code=MISPLACED)
    if p.position == 1 and p.head.type == "NAME":
        if p.type == "EQUAL" and "ARROW" in p.expected:
            return p.fault(
                f"there is no setting `{p.head.text}` here",
                "settings stand in a dag, in `defaults` and in the block of a task",
                code=MISPLACED,
                at=p.head,
            )
        if p.type == "ARROW":
            return p.fault("an edge cannot stand among settings", "move it out of the block", code=MISPLACED, at=p.head)
    return None


def _string_statement(p: _Place) -> Diagnostic | None:
    if p.begins and p.type in ("STRING", "FSTART"):
        return p.fault("a string alone is no statement", "a docstring comes first in its file or block")
    return None


def _python_statement(p: _Place) -> Diagnostic | None:
    if p.position > 1 or p.head.type != "NAME" or p.head.text not in _PYTHON_STATEMENTS:
        return None
    if p.tokens[p.start + 1].type != "EQUAL":
        return p.fault(f"`{p.head.text}` is no statement here", "what computes stands in a Python module", at=p.head)
    return None


def _misspelt_head(p: _Place) -> Diagnostic | None:
    return _misspelt(p, p.head, p.token) if p.position == 1 else None


def _misspelt(p: _Place, head: Token, after: Token | None) -> Diagnostic | None:
    """`tsk load = …`: a word before a name that is nearly a keyword."""
    if head.type != "NAME" or after is None or after.type not in ("NAME", "STRING", "LBRACE"):
        return None
    similar = _similar(head.text.lower(), DECLARATIONS)
    if not similar and after.type != "NAME":
        return None
    return p.fault(
        f"`{head.text}` begins no statement",
        f"did you mean `{similar[0]}`?" if similar else _statements(p),
        at=head,
        mend=(head.start, head.end, similar[0]) if similar and is_slip(head.text.lower(), similar[0]) else None,
    )


def _similar(word: str, words: Iterable[str]) -> list[str]:
    """The one of `words` that is most like `word`, if any is."""
    import difflib  # noqa: PLC0415 - a file without faults asks for no word

    return difflib.get_close_matches(word, list(words), 1, 0.6)


def _statements(p: _Place) -> str:
    words = sorted(type_.lower() for type_ in p.expected & STATEMENT_HEADS)
    return f"a statement begins with {_either(words)}" if words else ""


# --- after a keyword --------------------------------------------------------------------------------------------------


def _no_name(p: _Place) -> Diagnostic | None:
    if p.position != 1 or p.expected != {"NAME"} or p.head.type not in _NAMED or p.token.text in RESERVED:
        return None
    if p.type == "STRING":
        word = p.token.text[1:-1]
        plain = _PLAIN_NAME.fullmatch(word) and word not in RESERVED | SCOPES
        mend = (p.token.start, p.token.end, word) if plain else None
        return p.fault("a name stands without quotes", f"write {_HEAD_FORMS[p.head.type]}", mend=mend)
    return p.fault(f"this `{p.head.text}` has no name", f"write {_HEAD_FORMS[p.head.type]}", at=p.head)


def _name_with_hyphen(p: _Place) -> Diagnostic | None:
    if p.type != "MINUS" or p.position != 2 or p.head.type not in _HEAD_FORMS or p.before.type != "NAME":
        return None
    words = [p.before.text]
    end = p.before.end
    for token in p.tokens[p.index :]:
        if token.start != end or not (token.type == "MINUS" or token.text.isalnum()):
            break
        end = token.end
        if token.type != "MINUS":
            words.append(token.text)
    return p.fault("a name has no `-`", f"write `{'_'.join(words)}`", code=BAD_NAME)


def _reserved(p: _Place) -> Diagnostic | None:
    if p.token.text not in RESERVED or "NAME" not in p.expected:
        return None
    word = p.token.text
    what = "value" if p.expected & {"STRING", "NUMBER"} else "name"
    way_out = f"give it another one: `{word} as {word}_`" if p.head.type == "FROM" else "choose another name"
    return p.fault(f"`{word}` is a reserved word, no {what}", way_out, code=RESERVED_NAME)


def _import_forms(p: _Place) -> Diagnostic | None:
    if p.head.type not in ("IMPORT", "FROM"):
        return None
    if p.type == "STAR":
        return p.fault("`*` imports nothing here", "name what is imported: `from module import f, g`")
    if p.type == "DOT" and p.position == 1:
        return p.fault("modules are named in full", "write `from package.module import name`")
    if p.head.type == "IMPORT" and p.type == "COMMA":
        return p.fault("one `import` names one module", "write an `import` for each")
    if p.type == "STRING":
        return p.fault("a module is named without quotes", 'for another `.ppd` file: `include "other.ppd"`')
    return None


def _include_form(p: _Place) -> Diagnostic | None:
    if p.head.type == "INCLUDE" and p.position == 1:
        return p.fault("an include names a file in quotes", 'write `include "other.ppd"`')
    return None


def _type_forms(p: _Place) -> Diagnostic | None:
    if p.head.type == "PARAM" and p.type in ("EQUAL", "NEWLINE") and p.expected == {"COLON"}:
        return p.fault("a param has a type", "write `param name: type = default`; `str`, `int`, `bool`, `date` …")
    if p.head.type == "LET" and p.type == "COLON" and p.position == 2:
        return p.fault("a `let` has no type", "write `let name = value`")
    return None


def _handler_form(p: _Place) -> Diagnostic | None:
    if p.head.type == "ON" and p.position == 1:
        similar = _similar(p.token.text, ("success", "failure"))
        return p.fault(
            f"`on` is followed by `success` or `failure`, not by `{p.token.text.strip()}`",
            f"did you mean `{similar[0]}`?" if similar else "what runs in any case stands in `finally { … }`",
        )
    return None


def _group_form(p: _Place) -> Diagnostic | None:
    if p.head.type == "GROUP" and p.type == "LBRACE" and p.before.type == "RSQB":
        return p.fault(
            "a group over a list has no block of its own", "write a template and `group name[x in xs] = template(x)`"
        )
    return None


def _uncalled(p: _Place) -> Diagnostic | None:
    """`task a = print`, `notifier n = apprise`."""
    if p.head.type not in ("TASK", "NOTIFIER", "GROUP") or "LPAR" not in p.expected or "DOT" not in p.expected:
        return None
    if p.type not in ("NEWLINE", "LBRACE", "WHEN") or p.before.type != "NAME":
        return None
    called = "template" if p.head.type == "GROUP" else "callable"
    return p.fault(
        f"`{p.before.text}` is not called",
        f"a {p.head.text} calls its {called}: `{p.before.text}()`",
        at=p.before,
        mend=(p.before.end, p.before.end, "()"),
    )


# --- inside expressions -----------------------------------------------------------------------------------------------


def _conditional(p: _Place) -> Diagnostic | None:
    if p.token.text not in ("if", "else") or p.type != "NAME" or p.before.type not in _VALUE_ENDS:
        return None
    return p.fault(
        "there is no conditional expression",
        "compute it in Python, or make two tasks with a `when` each",
        code=CONDITIONAL,
    )


def _starred(p: _Place) -> Diagnostic | None:
    if p.type != "STAR" or p.before.type not in ("LPAR", "LSQB", "LDICT", "COMMA", "STAR"):
        return None
    stars = "**" if p.after is not None and p.after.type == "STAR" else "*"
    return p.fault(f"nothing is unpacked with `{stars}`", "pass the list or dict as one argument", code=STARRED)


def _comparison_chain(p: _Place) -> Diagnostic | None:
    if p.type not in _COMPARISONS or p.before.type not in _VALUE_ENDS or "AND" not in p.expected:
        return None
    return p.fault("comparisons do not chain", "write `a < b and b < c`")


def _arrow_spellings(p: _Place) -> Diagnostic | None:
    start, end, spelt = p.token.start, p.token.end, p.token.text
    if p.type == "GT" and p.before.type == "EQUAL":
        start, spelt = p.before.start, "=>"
    elif p.type == "GT" and "ARROW" in p.expected:
        spelt = ">>"
        end = p.after.end if p.after is not None and p.after.type == "GT" else end
    elif p.type == "MINUS" and "ARROW" in p.expected and p.after is not None and p.after.type in ("ARROW", "GT"):
        end, spelt = p.after.end, p.token.text + p.after.text
    elif p.type != "LT" or "ARROW" not in p.expected:
        return None
    mend = None if spelt == "<" else (start, end, "->")
    return p.fault(f"`{spelt}` makes no edge", "an edge is written `a -> b`", mend=mend)


def _equals(p: _Place) -> Diagnostic | None:
    if p.type != "EQUAL" or p.before.type not in _VALUE_ENDS:
        return None
    if p.expected & _COMPARISONS or "AND" in p.expected:
        mend = (p.token.start, p.token.end, "==")
        return p.fault("`=` compares nothing", "two values are compared with `==`", mend=mend)
    return None


def _colon(p: _Place) -> Diagnostic | None:
    if p.type != "COLON" or p.before.type != "NAME":
        return None
    what = "a setting" if p.position == 1 else "a named argument" if "RPAR" in p.expected else ""
    if not what:
        return None
    mend = (p.before.end, p.token.end, " =")
    return p.fault(f"{what} is written with `=`", f"write `{p.before.text} = value`", mend=mend)


def _positional_after_named(p: _Place) -> Diagnostic | None:
    at: Token | None = None
    if p.before.type == "COMMA" and p.type in _VALUE_STARTS | {"MINUS", "NOT"} and p.expected == {"NAME", "RPAR"}:
        at = p.token
    elif p.expected == {"EQUAL"} and p.before.type == "NAME" and p.tokens[p.index - 2].type == "COMMA":
        at = p.before
    if at is None:
        return None
    return p.fault("an argument without a name stands before those with one", "move it to the front, or name it", at=at)


def _prefixed_string(p: _Place) -> Diagnostic | None:
    if p.type in ("STRING", "FSTART") and p.before.type == "NAME" and p.before.end == p.token.start:
        return p.fault(
            f"a string has no prefix `{p.before.text}`", 'strings are `"…"`, `r"…"` and `f"…"`', code=BAD_STRING
        )
    return None


def _missing_comma(p: _Place) -> Diagnostic | None:
    if p.type == "STRING" and p.before.type == "STRING":
        return p.fault("two strings stand side by side", "write one string, or put a `,` between them")
    if p.type not in _VALUE_STARTS | {"NOT"} or p.before.type not in _VALUE_ENDS or not p.in_brackets:
        return None
    mend = (p.before.end, p.before.end, ",")
    return p.fault(f"a `,` is missing before {_shown(p.token)}", "put a `,` between them", mend=mend)


def _is(p: _Place) -> Diagnostic | None:
    if p.type == "NAME" and p.token.text == "is" and p.before.type in _VALUE_ENDS:
        is_not = p.after is not None and p.after.type == "NOT"
        mend = None if is_not else (p.token.start, p.token.end, "==")
        return p.fault("there is no `is`", "compare with `==` or `!=`", mend=mend)
    return None


def _empty_field(p: _Place) -> Diagnostic | None:
    if p.type in ("FCLOSE", "FSPEC") and p.before.type == "FOPEN":
        return p.fault(
            "this field of the f-string is empty", "a brace as text is written `{{`", code=BAD_STRING, at=p.before
        )
    return None


def _bare_fraction(p: _Place) -> Diagnostic | None:
    if p.type == "DOT" and p.after is not None and p.after.type == "NUMBER" and "NUMBER" in p.expected:
        mend = (p.token.start, p.token.start, "0")
        return p.fault("a number begins with a digit", f"write `0.{p.after.text}`", mend=mend)
    return None


# --- at a statement's end ---------------------------------------------------------------------------------------------


def _after_block(p: _Place) -> Diagnostic | None:
    if p.before.type != "RBRACE":
        return None
    if p.type == "WHEN":
        return p.fault("`when` stands before the block", "write `task name = callable(…) when … { … }`")
    return p.fault(f"{_shown(p.token)} cannot follow a block", "a statement ends with its line: begin a new one")


def _comma_between_statements(p: _Place) -> Diagnostic | None:
    if p.type != "COMMA" or "NEWLINE" not in p.expected:
        return None
    return p.fault("a comma ends no statement here", "begin the next one on a line of its own")


def _too_early(p: _Place) -> Diagnostic | None:
    if p.type != "NEWLINE":
        return None
    before = p.before
    if p.position == 1 and p.head.type == "NAME":
        return p.fault(
            f"`{before.text}` alone is no statement",
            f"an edge is written `{before.text} -> other`, a setting `{before.text} = value`",
            at=before,
        )
    if "LBRACE" in p.expected and "EQUAL" not in p.expected and before.type != "RPAR":
        return p.fault(f"`{p.head.text}` needs a block", f"write {_HEAD_FORMS.get(p.head.type, '`{ … }`')}")
    if p.head.type in _HEAD_FORMS and (before.type in STATEMENT_HEADS or before.type == "NAME"):
        return p.fault(f"this `{p.head.text}` is not complete", f"write {_HEAD_FORMS[p.head.type]}")
    if p.expected & {"STRING", "NUMBER"}:
        return p.fault(
            f"a value is missing after {_shown(before)}", "it stands on the same line; lines are free inside `(` `)`"
        )
    return p.fault("this statement is not complete", label=_expectation(p.expected))


def _anything(p: _Place) -> Diagnostic:
    form = f"write {_HEAD_FORMS[p.head.type]}" if p.head.type in _HEAD_FORMS and p.position <= 3 else ""
    return p.fault(f"{_shown(p.token)} cannot stand here", form, label=_expectation(p.expected))


_RULES: Final[Sequence[Callable[[_Place], Diagnostic | None]]] = (
    _closing_brace, _line_start, _python_statement, _misplaced, _after_block, _misplaced_setting_or_edge,
    _string_statement, _misspelt_head, _name_with_hyphen, _no_name, _import_forms, _include_form, _type_forms,
    _handler_form, _group_form, _uncalled, _starred, _conditional, _is, _reserved, _positional_after_named,
    _comparison_chain, _arrow_spellings, _equals, _colon, _prefixed_string, _missing_comma, _empty_field,
    _bare_fraction, _comma_between_statements, _too_early, _anything,
)  # fmt: skip

_SPELT: Final = {
    "NEWLINE": "the line's end", "LBRACE": "`{`", "RBRACE": "`}`", "RDICT": "`}`", "LPAR": "`(`", "RPAR": "`)`",
    "LSQB": "`[`", "RSQB": "`]`", "COMMA": "`,`", "COLON": "`:`", "DOT": "`.`", "EQUAL": "`=`", "ARROW": "`->`",
    "NAME": "a name", "STRING": "a string", "NUMBER": "a number", "FCLOSE": "`}`", "STAR": "`*`", "QUESTION": "`?`",
    "WHEN": "`when`", "AS": "`as`", "IMPORT": "`import`", "IN": "`in`", "SUCCESS": "`success`", "FAILURE": "`failure`",
}  # fmt: skip
_OPERATORS: Final = frozenset(
    {"OR", "AND", "NOT", "EQ", "NE", "LT", "LE", "GT", "GE", "PLUS", "MINUS", "SLASH", "PERCENT", "FSPEC"}
)


def _expectation(expected: Set[str]) -> str:
    """`expected `)` or `,``, or nothing where that would be a long list."""
    if expected >= _VALUE_STARTS:
        return "expected a value"
    operators = bool(expected & {"PLUS", "AND"})
    rest = expected - _OPERATORS - ({"STAR", "IN", "DOT", "LPAR", "LSQB"} if operators else set())
    words = sorted(_SPELT[type_] for type_ in rest if type_ in _SPELT)
    if len(words) > 4 or len(words) < len(rest):
        return ""
    return f"expected {_either(words)}" if words else ""


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _shown(token: Token) -> str:
    if token.type in ("STRING", "FSTART", "FTEXT"):
        return "this string"
    if token.type == "NEWLINE":
        return "the line's end"
    return f"`{token.text}`"


def _statement(p: _Place) -> Sequence[Token]:
    """The statement's tokens, up to its end or its block."""
    end = p.index
    while p.tokens[end].type not in BOUNDARIES:
        end += 1
    return p.tokens[p.start : end]
