"""The command line of a generated program: its commands, their arguments and help."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import ppacer
from ppacer import spec
from ppacer.cli.command import Invocation, similar
from ppacer.cli.commands import COMMANDS, Command, add_arguments
from ppacer.config import SETTINGS
from ppacer.own_program import name_of


@dataclass(frozen=True, slots=True)
class Options:
    """The command to run and what was given on the command line; what was not given is left out of `values`."""

    run: Callable[[Invocation], int]
    values: Mapping[str, object]


def parse(program: spec.Program, file: Path, arguments: Sequence[str]) -> Options:
    """Reads the command line. Raises `SystemExit` (2 for a misuse, 0 after `--help` and `--version`)."""
    parser = _parser(program, file, named=frozenset(COMMANDS) & set(arguments))
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        hint = similar(arguments[0], list(COMMANDS)) or "; --help lists what there is"
        parser.error(f"there is no command `{arguments[0]}`{hint}")
    values = vars(parser.parse_args(arguments))
    command = COMMANDS[values.pop("command", None) or "start"]
    return Options(_loader(command), values)


def _loader(command: Command) -> Callable[[Invocation], int]:
    def run(invocation: Invocation) -> int:
        module, _, name = command.target.partition(":")
        function: Callable[[Invocation], int] = getattr(importlib.import_module(module), name)
        return function(invocation)

    return run


class _Parser(argparse.ArgumentParser):
    """Says `error:` as all commands do."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"error: {message}\n")


def _parser(program: spec.Program, file: Path, named: frozenset[str]) -> argparse.ArgumentParser:
    """Commands that are not named on the command line need no arguments, only their line in the help."""
    dags = "1 dag" if len(program.dags) == 1 else f"{len(program.dags)} dags"
    parser = _Parser(
        prog=name_of(file),
        usage=f"{name_of(file)} [COMMAND] [--SETTING VALUE]… | --help | --version",
        description=f"{program.name}: {dags}, compiled by ppc {program.compiler}. Without a command: start.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    version = f"{program.name} (build {program.build[:12]}), compiled by ppc {program.compiler}"
    parser.add_argument("--version", action="version", version=f"{version}, ppacer {ppacer.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands", prog=parser.prog)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.help,
            description=command.help[0].upper() + command.help[1:] + ".",
            argument_default=argparse.SUPPRESS,
            allow_abbrev=False,
        )
        if name in named:
            add_arguments(sub, name)
            _add_settings(sub, command.settings)
    _add_settings(parser, COMMANDS["start"].settings)
    return parser


def _add_settings(parser: argparse.ArgumentParser, names: Sequence[str]) -> None:
    if not names:
        return
    group = parser.add_argument_group("settings (also as PPACER_… in the environment, or in a TOML file)")
    group.add_argument("--config", metavar="FILE", help="read settings from this TOML file [PROGRAM.toml if there]")
    for setting in SETTINGS:
        if setting.name in names:
            group.add_argument(
                setting.flag,
                dest=setting.name,
                metavar=setting.metavar,
                action="append" if setting.several else "store",
                help=setting.help,
            )
