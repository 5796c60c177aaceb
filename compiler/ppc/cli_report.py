"""Tells what a compilation found, in the form that was asked for, and works out what that means for the exit code."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import TextIO

from ppc.analyse import Analysis
from ppc.cli_compile import Compilation
from ppc.cli_error import CommandError
from ppc.cli_options import Format
from ppc.diagnostics import Severity


def report(compilation: Compilation, arguments: Namespace) -> int:
    """Tells all faults: text on the error stream, JSON and SARIF as one document on the output. The exit code."""
    refused = _refused(compilation, arguments)
    if tells_text(arguments):
        tell_text(compilation, warnings_refused=refused)
    else:
        render = import_module(f"ppc.render_{arguments.format}").render
        sys.stdout.write(render(compilation.diagnostics, compilation.sources))
    return CommandError.code if compilation.analysis is None or refused else 0


def tell_text(compilation: Compilation, *, warnings_refused: bool = False) -> None:
    """All faults for people, with colour on a terminal, and how many there are."""
    if not compilation.diagnostics:
        return
    from ppc.render import render_text  # noqa: PLC0415 - most files have no fault

    text = render_text(compilation.diagnostics, compilation.sources, colour_on(sys.stderr))
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in compilation.diagnostics)
    warnings = len(compilation.diagnostics) - errors
    found = [_number(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count]
    by_flag = ", refused by `-W error`" if warnings_refused else ""
    print(f"{text.rstrip()}\n\n{' and '.join(found)}{by_flag}", file=sys.stderr)


def colour_on(stream: TextIO) -> bool:
    """Whether what is written there may have colours: on a terminal that knows them, unless `NO_COLOR` is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def tells_text(arguments: Namespace) -> bool:
    return Format(arguments.format) is Format.TEXT


def several(files: Sequence[str]) -> str:
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def contents(analysis: Analysis) -> str:
    return f"{_number(len(analysis.dags), 'dag')}, {_number(analysis.task_count, 'task')}"


def _refused(compilation: Compilation, arguments: Namespace) -> bool:
    """Whether warnings are what `-W error` refuses."""
    warnings = any(diagnostic.severity is Severity.WARNING for diagnostic in compilation.diagnostics)
    return warnings and arguments.warnings is not None


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"
