"""What every command gets, and the error by which it ends."""

from __future__ import annotations

import difflib
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from ppacer import own_program, spec
from ppacer.cli.console import Console
from ppacer.config import Config, Loaded, load

CallableLoader: TypeAlias = Callable[[], object]
"""Imports and returns one of the users' callables; called only in workers."""

_SHOWN = 8
"""How many names are listed of what there is."""


class CommandError(Exception):
    """A fault of whoever gave the command, or of the surroundings: a message for people and an exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the program: what it is, where its file lies, the values of the command line, the output."""

    program: spec.Program
    callables: Mapping[str, CallableLoader]
    file: Path
    values: Mapping[str, object]
    console: Console

    @property
    def config(self) -> Config:
        return self.loaded.config

    @property
    def loaded(self) -> Loaded:
        """The effective settings. Raises `ConfigError`."""
        named = self.values.get("config")
        return load(
            self.file,
            flags=self.values,
            environ=os.environ,
            config_file=named if isinstance(named, str) else None,
        )

    @property
    def program_command(self) -> str:
        """How to call the program from here: `python hello.py`, with a path where that would be another Python; an
        executable by its path."""
        if own_program.IS_EXECUTABLE:
            here = from_here(self.file)
            return shlex.join([here if "/" in here else f"./{here}"])
        python = Path(sys.executable)
        found = shutil.which(python.name)
        name = python.name if found is not None and Path(found) == python else from_here(python)
        return shlex.join([name, from_here(self.file)])

    def text(self, name: str) -> str:
        """An argument of the command line that the parser made sure of."""
        value = self.values[name]
        assert isinstance(value, str)
        return value

    def optional(self, name: str) -> str | None:
        """An argument that may be left out."""
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    def several(self, name: str) -> list[str]:
        """An argument that may be given again and again."""
        value = self.values.get(name)
        return [str(each) for each in value] if isinstance(value, list) else []

    def number(self, name: str, default: int) -> int:
        value = self.values.get(name, default)
        assert isinstance(value, int)
        return value

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def dag(self, dag_id: str) -> spec.Dag:
        """The program's dag of that name. Raises `CommandError` with the similar names."""
        for dag in self.program.dags:
            if dag.id == dag_id:
                return dag
        names = [dag.id for dag in self.program.dags]
        hint = similar(dag_id, names) or f"{similar('', names[:_SHOWN])} and {len(names) - _SHOWN} more"
        raise CommandError(f"there is no dag `{dag_id}`{hint}", 2)


def from_here(path: Path) -> str:
    """Relative to the working directory where it lies inside, since that is what one would type."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def similar(name: str, names: list[str]) -> str:
    """`; did you mean `x`?`, or what there is if that is little, or nothing."""
    close = difflib.get_close_matches(name, names, 1)
    if close:
        return f"; did you mean `{close[0]}`?"
    if 0 < len(names) <= _SHOWN:
        return f"; there is {', '.join(f'`{known}`' for known in names)}"
    return ""
