"""`ppc fmt`: brings files into their one form, or tells which are not in it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple

from ppc.cli_error import CommandError, UsageError
from ppc.diagnostics import Diagnostic
from ppc.format import FormatError, format_source
from ppc.source import decode_source, read_bytes

STANDARD_INPUT = "-"


class _File(NamedTuple):
    """`path` is as it was given; `was` what it holds, with a byte order mark and its own ends of lines."""

    path: str
    was: bytes
    now: bytes


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help=f"a .ppd file; `{STANDARD_INPUT}` formats the input to the output"
    )
    only_tell = parser.add_mutually_exclusive_group()
    only_tell.add_argument(
        "--check", action="store_true", help="write nothing; list the files that would change, and exit with 1 if any"
    )
    only_tell.add_argument(
        "--diff", action="store_true", help="write nothing; show what would change, and exit with 1 if anything"
    )


def run(arguments: Namespace) -> int:
    names: list[str] = list(dict.fromkeys(arguments.files))
    if STANDARD_INPUT in names and len(names) > 1:
        raise UsageError(f"`{STANDARD_INPUT}` stands alone: the output has room for one file")
    code = 0
    changed = 0
    for name in names:
        try:
            file = _format(name)
            changes = file.now != file.was
            changed += changes
            if arguments.check or arguments.diff:
                code = max(code, int(changes))
                if changes:
                    print(_difference(file) if arguments.diff else name, end="" if arguments.diff else "\n")
            elif name == STANDARD_INPUT:
                sys.stdout.write(file.now.decode())
            elif changes:
                _write(file)
        except CommandError as error:
            print(f"error: {error}", file=sys.stderr)
            code = error.code
    if arguments.check:
        print(_count(changed, "would change"), file=sys.stderr)
    elif not arguments.diff and STANDARD_INPUT not in names:
        print(_count(changed, "formatted"))
    return code


def _format(name: str) -> _File:
    """Reads and formats a file; statements that cannot be formatted are told as notes."""
    raw = sys.stdin.buffer.read() if name == STANDARD_INPUT else read_bytes(name)
    shown = "<stdin>" if name == STANDARD_INPUT else name
    source = raw if isinstance(raw, Diagnostic) else decode_source(shown, raw)
    if isinstance(source, Diagnostic):
        raise CommandError("; ".join([source.message, *source.notes]))
    assert isinstance(raw, bytes)
    try:
        formatted = format_source(source)
    except FormatError as error:
        if name == STANDARD_INPUT:
            sys.stdout.write(source.text)
        raise CommandError(f"{shown} is left as it is: {error}") from error
    for line in formatted.broken:
        note = "this statement has a syntax fault and is left as it is; `ppc check` tells which"
        print(f"{shown}:{line}: note: {note}", file=sys.stderr)
    return _File(name, raw, formatted.text.encode())


def _write(file: _File) -> None:
    from ppc.package import OutputError, write_text  # noqa: PLC0415 - most runs change nothing

    try:
        write_text(Path(file.path), file.now.decode())
    except OutputError as error:
        raise CommandError(str(error)) from error


def _difference(file: _File) -> str:
    """The changes as a unified diff, which `patch` takes."""
    import difflib  # noqa: PLC0415 - for this alone

    was, now = (_lines(text) for text in (file.was, file.now))
    parts = difflib.unified_diff(was, now, f"a/{file.path}", f"b/{file.path}")
    return "".join(part if part.endswith("\n") else f"{part}\n\\ No newline at end of file\n" for part in parts)


def _lines(raw: bytes) -> list[str]:
    """The lines with their ends, and nothing but a line feed for a line's end: so does `patch` see them."""
    *whole, last = raw.decode().split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def _count(changed: int, what: str) -> str:
    return f"{changed} file{'' if changed == 1 else 's'} {what}"
