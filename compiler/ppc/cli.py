"""The command `ppc`: a table of its commands. What a command needs is imported only when that command was asked for.

Each command is a module with `add_arguments(parser)`, which declares what it takes, and `run(arguments)`, which does
it and returns the exit code: 0 done, 1 faults were found (or the run failed), 2 it was asked for wrongly.
"""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentParser, HelpFormatter
from collections.abc import Sequence
from importlib import import_module

from ppc import __version__
from ppc.cli_error import CommandError, UsageError

_COMMANDS = {
    # the name: its module and what it does
    "check": ("ppc.cli_check", "tells every fault of the files; mends with --fix what is safe to mend"),
    "build": ("ppc.cli_build", "writes the program of the files, named after the first"),
    "run": ("ppc.cli_run", "builds to a temporary place and runs a dag once, in this terminal"),
    "dev": ("ppc.cli_dev", "serves the program of a file, built and started anew at each change of its sources"),
    "fmt": ("ppc.cli_format", "brings files into their one form"),
    "show": ("ppc.cli_show", "shows the dags as they are compiled"),
    "graph": ("ppc.cli_graph", "draws the dags, as Mermaid, DOT or SVG"),
    "where": ("ppc.cli_where", "finds the source line behind a line of a program, and the other way"),
    "lsp": ("ppc.cli_lsp", "serves an editor: faults, completion and the rest while you type"),
    "new": ("ppc.cli_new", "makes a small project that builds and runs"),
    "import": (
        "ppc.cli_import",
        "makes a source of a crontab, a workflow of Dagu or a dag file of Airflow",
    ),
    "explain": ("ppc.cli_explain", "tells what a code means and what to do; all codes without one"),
}

INTERRUPTED = 130
_EXTRA = ("jinja2", "lark", "packaging")
"""What the extra `build` brings. Programs need none of it, so that it may be missing where ppacer is installed."""
_NO_TERMINAL, _WIDEST = 80, 120
_COLLECT_RARELY = (100_000, 20, 100)
"""A compilation makes values by the million and hardly any garbage: looking for it took a third of the time."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` names; returns the exit code. Without `argv` the process is the command, and ends.

    It ends at once: the system takes back what is left faster than the interpreter would take it apart, which for a
    small file is a tenth of the time, and for a large one more.
    """
    if argv is not None:
        return _run(argv)
    code = _run(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)


def _run(argv: Sequence[str]) -> int:
    gc.set_threshold(*_COLLECT_RARELY)
    try:
        chosen = argv[0] if argv else ""
        if chosen not in _COMMANDS and not chosen.startswith("-"):
            raise UsageError(_no_command(chosen))
        arguments = _parser(chosen).parse_args(argv[chosen in _COMMANDS :])
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRA:
            raise
        print(
            f'error: the compiler needs more, {error.name} is not installed: pip install "ppacer[build]"',
            file=sys.stderr,
        )
        return CommandError.code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`… | head`): keep the interpreter from telling so at exit.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return CommandError.code
    except OSError as error:
        print(f"error: {error.strerror or error}", file=sys.stderr)
        return CommandError.code
    return code


def _no_command(chosen: str) -> str:
    if not chosen:
        return "say what to do: `ppc check FILE`, `ppc build FILE`, `ppc run FILE`; `ppc --help` lists all commands"
    if chosen.endswith(".ppd"):
        return f"there is no command `{chosen}`; a file is checked by `ppc check {chosen}`"
    from ppc.similar import Similar  # noqa: PLC0415 - most commands are spelled right

    similar = Similar(_COMMANDS).to(chosen)
    hint = "`ppc --help` lists what there is" if similar is None else f"did you mean `{similar}`?"
    return f"there is no command `{chosen}`; {hint}"


def _parser(chosen: str) -> ArgumentParser:
    """The parser of the chosen command alone; where that is none, the parser of all, for its help and its errors."""
    if chosen in _COMMANDS:
        module, what = _COMMANDS[chosen]
        about = f"{what[0].upper()}{what[1:]}."
        parser = ArgumentParser(f"ppc {chosen}", description=about, formatter_class=_formatter, allow_abbrev=False)
        implementation = import_module(module)
        implementation.add_arguments(parser)
        parser.set_defaults(run=implementation.run)
        return parser
    parser = ArgumentParser(
        prog="ppc",
        description="Compiles pipelines written in .ppd into programs that run on their own.",
        epilog="`ppc COMMAND --help` tells what a command takes.",
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ppc {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands", prog="ppc")
    for name, (_, what) in _COMMANDS.items():
        commands.add_parser(name, help=what)
    return parser


def _formatter(prog: str) -> HelpFormatter:
    """As wide as the terminal. Left to find that out, argparse would import what copies and packs files."""
    try:
        width = os.get_terminal_size().columns
    except (OSError, ValueError, AttributeError):
        width = _NO_TERMINAL
    return HelpFormatter(prog, width=max(min(width, _WIDEST) - 2, 40))


if __name__ == "__main__":
    sys.exit(main())
