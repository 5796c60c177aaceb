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

WORKER = "_worker"
"""The command by which an executor starts the process that its workers come from."""


def main(
    program: spec.Program,
    callables: Mapping[str, Callable[[], object]],
    file: str,
    argv: Sequence[str] | None = None,
) -> int:
    """Runs the command that `argv` (default: the process's own arguments) names; returns the exit code.

    0: done, 1: it failed, 2: it was asked for wrongly.
    """
    words = sys.argv[1:] if argv is None else argv
    place = Path(file).resolve()
    try:
        if words[:1] == [WORKER]:
            from ppacer.services import zygote  # noqa: PLC0415 - workers alone need it, and nothing else than it

            search_path = [str((place.parent / folder).resolve()) for folder in program.search_path]
            return zygote.main(words[1:], callables, search_path)

        from ppacer.cli.entry import run_command  # noqa: PLC0415 - what takes time to load may be interrupted

        return run_command(program, callables, place, words)
    except KeyboardInterrupt:
        return INTERRUPTED
