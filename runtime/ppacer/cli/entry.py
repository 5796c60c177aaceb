"""`run_command`: reads the command line of a generated program and runs the command."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from ppacer import spec
from ppacer.cli.arguments import parse
from ppacer.cli.command import CallableLoader, CommandError, Invocation
from ppacer.cli.console import Console, OutputError, error_line
from ppacer.config_values import ConfigError


def run_command(
    program: spec.Program,
    callables: Mapping[str, CallableLoader],
    file: Path,
    arguments: Sequence[str],
) -> int:
    """Runs the command that `arguments` name; returns the exit code."""
    _complete_streams()
    try:
        options = parse(program, file, arguments)
        return options.run(Invocation(program, callables, file, options.values, Console(sys.stdout)))
    except ConfigError as error:
        error_line(str(error))
        return 2
    except CommandError as error:
        error_line(str(error))
        return error.code
    except OutputError as error:
        if not error.reader_gone:
            error_line(str(error))
        return 1


def _complete_streams() -> None:
    """Gives a program that was started without standard streams (`>&-`) ones that lead nowhere.

    Left closed, their numbers would go to the next files that are opened: a database, a socket.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdout = _complete(sys.stdout)
    sys.stderr = _complete(sys.stderr)


def _complete(stream: TextIO | None) -> TextIO:
    """The stream, which writes `?` for what its encoding lacks."""
    if stream is None:
        return Path(os.devnull).open("w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream
