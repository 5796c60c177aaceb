"""The commands of a generated program. `main` is what the program calls; nothing heavy is imported until needed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ppacer import spec

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""


def main(
    program: spec.Program,
    callables: Mapping[str, Callable[[], object]],
    file: str,
    argv: Sequence[str] | None = None,
) -> int:
    """Runs the command that `argv` (default: the process's own arguments) names; returns the exit code.

    0: done, 1: it failed, 2: it was asked for wrongly.
    """
    try:
        from ppacer.cli.entry import run_command  # noqa: PLC0415 - what takes time to load may be interrupted

        return run_command(program, callables, Path(file).resolve(), sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        return INTERRUPTED
