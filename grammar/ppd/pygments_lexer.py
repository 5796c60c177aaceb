"""The Pygments lexer of `.ppd`, found by its entry point: `pygmentize -l ppd`, fenced code in Sphinx and MkDocs.

Nothing else imports this module, so that Pygments is needed by those who highlight with it and by nobody else.
Colouring cannot fail: what is no `.ppd` comes out as `Error` tokens.
"""

from __future__ import annotations

import re
from typing import ClassVar, Final

from pygments.lexer import RegexLexer, bygroups, default, include, words
from pygments.token import (
    Comment,
    Error,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Whitespace,
)

from ppd.words import (
    BUILT_INS,
    CLAUSES,
    CONSTANTS,
    DECLARATIONS,
    HANDLED,
    OPERATORS,
    SCOPES,
    SETTING_WORDS,
    SETTINGS,
    TYPES,
)

_NAME: Final = r"[A-Za-z_]\w*"
_GAP: Final = r"([ \t]+)"
_NO_NAME: Final = r"\b(?![ \t]*=(?!=))(?![ \t]+as\b)"
"""What follows a reserved word that is none of the names that any identifier may be: `f(group = 1)`."""
_CALLED: Final = r"(?=[ \t]*\()"
_ASSIGNED: Final = r"(?=[ \t]*=(?!=))"
_DECLARING: Final = DECLARATIONS - {"defaults", "finally", "from", "import", "include", "on"}
_DURATION: Final = r"[0-9]+(?:ms|[dhms])(?:[0-9]+(?:ms|[dhms]))*\b"
_WORDS: Final = frozenset[str]().union(*SETTING_WORDS.values()) - CONSTANTS


def _one_of(names: frozenset[str]) -> str:
    return f"({'|'.join(sorted(names))})"


class PpdLexer(RegexLexer):
    """Tokens agree with the compiler's own: `tests/grammar` compares them over all examples."""

    name = "ppd"
    aliases: ClassVar = ["ppd", "ppacer"]
    filenames: ClassVar = ["*.ppd"]
    mimetypes: ClassVar = ["text/x-ppd"]
    flags = re.MULTILINE

    tokens: ClassVar = {
        "root": [
            include("code"),
            (r"[()\[\]{}:]", Punctuation),
            (r".", Error),
        ],
        "code": [
            (r"\s+", Whitespace),
            (r"#[^\r\n]*", Comment.Single),
            (r'(f)(""")', bygroups(String.Affix, String.Double), "long format"),
            (r'(f)(")', bygroups(String.Affix, String.Double), "format"),
            (r'(r)("""(?:[^"\\]|\\[\s\S]|"(?!""))*""")', bygroups(String.Affix, String.Double)),
            (r'(r)("(?:[^"\\\r\n]|\\.)*")', bygroups(String.Affix, String.Double)),
            (r'"""', String.Double, "long text"),
            (r'"', String.Double, "text"),
            (
                r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?\b",
                Literal.Date,
            ),
            (_DURATION, Number.Other),
            (r"[0-9]+\.[0-9]+\b", Number.Float),
            (r"[0-9]+\b", Number.Integer),
            include("names"),
            (r"->|[=!<>]=|[-+*/%<>=?]", Operator),
            (r"[.,]", Punctuation),
        ],
        "names": [
            (rf"(\.)(\s*)({_NAME}){_CALLED}", bygroups(Punctuation, Whitespace, Name.Function)),
            (rf"(\.)(\s*)({_NAME})", bygroups(Punctuation, Whitespace, Name)),
            (rf"(on){_GAP}{_one_of(HANDLED)}\b", bygroups(Keyword, Whitespace, Keyword)),
            (rf"(task){_GAP}(?!as\b)({_NAME})", bygroups(Keyword, Whitespace, Name.Function)),
            (rf"{_one_of(_DECLARING)}{_GAP}(?!as\b)({_NAME})", bygroups(Keyword, Whitespace, Name.Class)),
            (rf"(from|import){_GAP}({_NAME})", bygroups(Keyword.Namespace, Whitespace, Name.Namespace)),
            (rf"(as){_GAP}({_NAME})", bygroups(Keyword, Whitespace, Name.Namespace)),
            (rf"task(?=\s*\.){_NO_NAME}", Name.Builtin.Pseudo),
            (rf"(?:{'|'.join(sorted(OPERATORS))}){_NO_NAME}", Operator.Word),
            (rf"(?:{'|'.join(sorted(CONSTANTS))}){_NO_NAME}", Keyword.Constant),
            (rf"(?:from|import|include){_NO_NAME}", Keyword.Namespace),
            (rf"(?:{'|'.join(sorted(DECLARATIONS | CLAUSES))}){_NO_NAME}", Keyword),
            (
                rf"{_one_of(frozenset(SETTING_WORDS))}([ \t]*)(=)(?!=)",
                bygroups(Name.Property, Whitespace, Operator),
                "words",
            ),
            (rf"{_one_of(SETTINGS)}{_ASSIGNED}", Name.Property),
            (rf"{_NAME}{_ASSIGNED}", Name.Attribute),
            (rf"(:)(\s*){_one_of(TYPES)}\b", bygroups(Punctuation, Whitespace, Keyword.Type)),
            (words(sorted(BUILT_INS), suffix=rf"\b{_CALLED}"), Name.Builtin),
            (words(sorted(SCOPES), suffix=r"\b(?=\s*[.(])"), Name.Builtin.Pseudo),
            (rf"{_NAME}{_CALLED}", Name.Function),
            (_NAME, Name),
        ],
        "words": [
            (r"[ \t]+", Whitespace),
            (rf"{_one_of(_WORDS)}\b", Name.Constant),
            (r"[\[,]", Punctuation),
            default("#pop"),
        ],
        "text": [
            (r'[^"\\\r\n]+', String.Double),
            (r"\\.", String.Escape),
            (r'"', String.Double, "#pop"),
            default("#pop"),
        ],
        "long text": [
            (r'[^"\\]+', String.Double),
            (r"\\[\s\S]", String.Escape),
            (r'"""', String.Double, "#pop"),
            (r'"', String.Double),
        ],
        "format": [
            include("pieces"),
            (r'[^"\\{}\r\n]+', String.Double),
            (r'"', String.Double, "#pop"),
            default("#pop"),
        ],
        "long format": [
            include("pieces"),
            (r'[^"\\{}]+', String.Double),
            (r'"""', String.Double, "#pop"),
            (r'"', String.Double),
        ],
        "pieces": [
            (r"\\[^\r\n]|\{\{|\}\}", String.Escape),
            (r"\{", String.Interpol, "field"),
            (r"\}", Error),
        ],
        "field": [
            include("code"),
            (r":[^{}\"\r\n]*", String.Interpol),
            (r"[(\[{]", Punctuation, "brackets"),
            (r"\}", String.Interpol, "#pop"),
            (r".", Error),
        ],
        "brackets": [
            include("code"),
            (r"[(\[{]", Punctuation, "#push"),
            (r"[)\]}]", Punctuation, "#pop"),
            (r":", Punctuation),
            (r".", Error),
        ],
    }
