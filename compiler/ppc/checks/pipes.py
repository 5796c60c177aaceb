"""Pipes in commands of `shell`: the status of one is that of its last command, whatever became of the others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ppacer import spec
from ppacer.records import dataclass
from ppc import ast
from ppc.bodies import ResolvedArgument, ResolvedTask
from ppc.callables import BUILT_IN_TASKS, FoundCallable
from ppc.diagnostics import Span

UNNOTICED = "W822"

CODES = {UNNOTICED: "a pipe whose first commands may fail unnoticed"}

SHELL = BUILT_IN_TASKS["shell"]
_HARMLESS = frozenset({"echo", "printf", "yes", "seq", "true", ":"})
"""Commands that do not fail, or of which nobody cares."""
_CONDITIONS = frozenset({"if", "elif", "while", "until", "!"})
"""What follows these is asked whether it fails."""
_FIELD = "x"
"""Stands for what an f-string puts in: quoted, it is a word."""


def check(task: ResolvedTask) -> None:
    if not isinstance(task.callee, FoundCallable) or task.callee.spec.id != SHELL:
        return
    argument = task.argument(0, "command")
    if argument is None or task.argument(None, "pipefail") is not None:
        return
    command = _text(argument.value)
    pipe = None if command is None else unnoticed(command)
    if pipe is None:
        return
    task.scope.file.report(
        UNNOTICED,
        f"if `{pipe.word}` fails, nobody notices: the status of a pipe is that of its last command",
        _place(task, argument, pipe),
        labels=task.labels(),
        help="say with `pipefail = true` that the task fails when any of them does,"
        " with `pipefail = false` that the last one is all that counts",
    )


def _text(value: spec.Expr | None) -> str | None:
    """The command, as far as it is known."""
    if isinstance(value, spec.Literal):
        return value.value if isinstance(value.value, str) else None
    if isinstance(value, spec.FormatString):
        return "".join(part if isinstance(part, str) else _FIELD for part in value.parts)
    return None


def _place(task: ResolvedTask, argument: ResolvedArgument, pipe: Pipe) -> Span:
    """The pipe within the literal, where the literal stands there as plain as it reads."""
    span = argument.syntax.value.span
    written = task.scope.file.source.text[span.start : span.end]
    if isinstance(argument.syntax.value, ast.Constant):
        for quotes in (3, 1):
            if written[quotes:-quotes] == argument.syntax.value.value:
                return Span(span.file, span.start + quotes + pipe.start, span.start + quotes + pipe.end)
    return span


# --- commands, read as `sh` reads them --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pipe:
    """From the first command whose failure goes unnoticed up to the last of its pipe; `word` is what it begins with."""

    word: str
    start: int
    end: int


_SUBSTITUTION = r"""\$\((?:[^()'"`\\]|'[^']*'|"[^"$`\\]*")*\)"""
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t]+|\\\n) | (?P<comment>(?<![^\s;|&(])\#[^\n]*) | (?P<here><<)
    | (?P<redirect>[0-9]*(?:>\||[<>]&?|&>)) | (?P<end>\|\||&&|;;?|[\n()]|&) | (?P<pipe>\|&?)
    | (?P<word>(?:'[^']*' | "(?:[^"\\$`]|\\.|\$(?!\()|{_SUBSTITUTION})*" | \\. | \$\{{[^}}]*\}} | {_SUBSTITUTION}
        | [^\s'"\\|&;<>()$`] | \$(?![({{]))+)
    | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_SPEAKS_OF_IT = re.compile(r"pipefail|PIPESTATUS|\bcase\b")
_SETS_E = re.compile(r"\bset\s+-\w*e")
_BEFORE_COMMANDS = frozenset({"{", "then", "do", "else", "time"})


def unnoticed(command: str) -> Pipe | None:
    """The first pipe whose status is that of the whole command, and which does not tell of all its own.

    None where the command itself speaks of `pipefail`, and where it is written in a way that is not read here (a text
    that stands in the command, what is nested deeper): then nothing is said rather than something wrong.
    """
    if "|" not in command or _SPEAKS_OF_IT.search(command):
        return None
    any_counts = _SETS_E.search(command) is not None
    for commands, follows in _pipes(command):
        words = [_first_word(words) for words in commands]
        if words[0] in _CONDITIONS or not (follows in ("", "&&") or (any_counts and follows != "||")):
            continue
        for word, place in zip(words[:-1], commands, strict=False):
            if word and word not in _HARMLESS:
                return Pipe(word, place[0].start(), commands[-1][-1].end())
    return None


def _first_word(words: list[re.Match[str]]) -> str:
    """The word that a command begins with."""
    return next((m[0] for m in words if m[0] not in _BEFORE_COMMANDS and not _ASSIGNMENT.match(m[0])), "")


def _pipes(command: str) -> Iterator[tuple[list[list[re.Match[str]]], str]]:
    """The words of each command of each pipe, and what ends the pipe: `""` where nothing comes any more."""
    commands: list[list[re.Match[str]]] = [[]]
    for match in _TOKEN.finditer(command):
        kind = match.lastgroup
        if kind in ("here", "other"):
            return
        if kind == "word":
            commands[-1].append(match)
        elif kind == "pipe":
            commands.append([])
        elif kind == "end":
            if len(commands) > 1 and all(commands):
                yield commands, match[0] if command[match.end() :].strip(" \t\n;)}") else ""
            commands = [[]]
    if len(commands) > 1 and all(commands):
        yield commands, ""
