"""`main`: reads the command line of a generated program and runs the command."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ppacer import spec
from ppacer.cli.arguments import parse
from ppacer.cli.command import CallableLoader, CommandError, Invocation
from ppacer.cli.console import Console, error_line
from ppacer.config import ConfigError

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended, as shells have it."""


def main(
    program: spec.Program,
    callables: Mapping[str, CallableLoader],
    file: str,
    argv: Sequence[str] | None = None,
) -> int:
    """Runs the command that `argv` (default: the process's own arguments) names; returns the exit code.

    0: done, 1: it failed, 2: it was asked for wrongly.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    path = Path(file).resolve()
    if arguments[:1] == ["_worker"]:
        from ppacer.services import zygote  # noqa: PLC0415 (workers alone need it)

        search_path = [str((path.parent / folder).resolve()) for folder in program.search_path]
        return zygote.main(arguments[1:], callables, search_path)
    try:
        options = parse(program, path, arguments)
        return options.run(Invocation(program, callables, path, options.values, Console(sys.stdout)))
    except ConfigError as error:
        error_line(str(error))
        return 2
    except CommandError as error:
        error_line(str(error))
        return error.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone (`… | head`). Keep the interpreter from telling so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
