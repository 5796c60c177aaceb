"""`# ppc: allow W201, W401` at the end of a line: its warnings of these codes are not told.

A comment that allows nothing is itself warned about, so that none outlives its reason; so is one that names what is no
warning. Errors cannot be allowed, nor these warnings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ppacer.records import dataclass
from ppc.diagnostics import Diagnostic, Edit, Severity, Span, has_errors, in_source_order
from ppc.parse_reading import Comment
from ppc.parse_tokens import tokenise
from ppc.source import Source

USELESS: Final = "W001"
MISUNDERSTOOD: Final = "W002"

CODES: Final = {
    USELESS: "an `allow` comment that allows nothing",
    MISUNDERSTOOD: "a `# ppc:` comment that names no warning",
}

_DIRECTIVE: Final = re.compile(r"#+\s*ppc:\s*(?P<word>\w*)(?P<rest>[^#]*)")
_CODE: Final = re.compile(r"[^\s,]+")
_FORM: Final = "write `# ppc: allow W201`, or several codes with commas between them"


@dataclass(slots=True, eq=False)
class _Allowed:
    """A code in a comment; `edit` takes it out."""

    code: str
    span: Span
    edit: Edit
    used: bool = False


def suppress(
    diagnostics: Iterable[Diagnostic], sources: Mapping[str, Source], is_code: Callable[[str], bool]
) -> tuple[Diagnostic, ...]:
    """The diagnostics that are not allowed by comments in `sources`, and those about such comments, in source order.

    With errors among them some checks may not have run; what seems useless then is not told. `is_code` knows which
    codes there are.
    """
    found = list(diagnostics)
    faults: list[Diagnostic] = []
    lines: dict[tuple[str, int], list[_Allowed]] = {}
    for source in sources.values():
        if "ppc:" in source.text:
            for comment in tokenise(source).comments:
                allowed = _read(comment, source, is_code, faults)
                if allowed:
                    lines[source.path, source.line_column(comment.span.start)[0]] = allowed
    told = [diagnostic for diagnostic in found if not _is_allowed(diagnostic, sources, lines)] if lines else found
    if not has_errors(told):
        for allowed in lines.values():
            faults += [_useless(entry) for entry in allowed if not entry.used]
    return tuple(in_source_order([*told, *faults]))


def _read(comment: Comment, source: Source, is_code: Callable[[str], bool], faults: list[Diagnostic]) -> list[_Allowed]:
    """The codes that a comment allows; tells what it cannot."""
    directive = _DIRECTIVE.match(comment.text)
    if directive is None:
        return []
    if directive["word"] != "allow" or not directive["rest"].strip(" \t,"):
        message = "this comment begins as one for the compiler, and allows no warning"
        faults.append(Diagnostic(MISUNDERSTOOD, message, comment.span, help=_FORM))
        return []
    codes = list(_CODE.finditer(comment.text, directive.start("rest"), directive.end("rest")))
    allowed: list[_Allowed] = []
    for place, match in enumerate(codes):
        start = comment.span.start
        span = Span(source.path, start + match.start(), start + match.end())
        edit = _without(comment, source, [code[0] for code in codes], place)
        if (refused := _refused(match[0], is_code)) is None:
            allowed.append(_Allowed(match[0], span, edit))
        else:
            faults.append(Diagnostic(MISUNDERSTOOD, refused, span, help=_FORM, edit=edit))
    return allowed


def _refused(code: str, is_code: Callable[[str], bool]) -> str | None:
    """Why the code cannot be allowed."""
    if not is_code(code):
        return f"there is no code `{code}`"
    if not code.startswith("W"):
        return f"`{code}` is an error, and only warnings can be allowed"
    return f"`{code}` cannot be allowed" if code in CODES else None


def _without(comment: Comment, source: Source, codes: list[str], place: int) -> Edit:
    """Takes one code out of a comment; with the last one the comment, and with it the line if it has nothing else."""
    rest = [*codes[:place], *codes[place + 1 :]]
    start, end = comment.span.start, comment.span.end
    reason = comment.text.find("#", 1)
    if rest or reason > 0:
        text = f"# ppc: allow {', '.join(rest)}" if rest else ""
        return Edit(comment.span, f"{text} {comment.text[reason:]}".strip() if reason > 0 else text)
    while start > 0 and source.text[start - 1] in " \t":
        start -= 1
    if comment.own_line:
        while end < len(source.text) and source.text[end - 1] != "\n":
            end += 1
    return Edit(Span(source.path, start, end), "")


def _is_allowed(
    diagnostic: Diagnostic, sources: Mapping[str, Source], lines: Mapping[tuple[str, int], list[_Allowed]]
) -> bool:
    """Whether a comment on the first or last line of the warning allows it."""
    source = sources.get(diagnostic.span.file)
    if source is None or diagnostic.severity is not Severity.WARNING:
        return False
    for offset in (diagnostic.span.start, max(diagnostic.span.end - 1, diagnostic.span.start)):
        for entry in lines.get((source.path, source.line_column(min(offset, len(source.text)))[0]), ()):
            if entry.code == diagnostic.code:
                entry.used = True
                return True
    return False


def _useless(entry: _Allowed) -> Diagnostic:
    message = f"there is no warning {entry.code} on this line"
    return Diagnostic(USELESS, message, entry.span, help="remove it", edit=entry.edit)
