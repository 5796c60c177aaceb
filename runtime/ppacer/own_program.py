"""How this very program is called: again, as a process of its own, and by people."""

from __future__ import annotations

import sys
from pathlib import Path

SCRIPT = "_script"
"""The command by which a program in one file runs a Python file, with the modules that it carries."""

IS_EXECUTABLE: bool = getattr(sys, "frozen", False)
"""Whether it is an executable with Python inside (`--format bin`)."""

_archive: str | None = None


def carried_in(path: str) -> None:
    """Notes that this program is one file at `path`, with all its modules inside."""
    global _archive  # noqa: PLW0603 - a process is one program
    _archive = path


def command(python: str, file: Path | str) -> list[str]:
    """What starts the program of that file as a process of its own, with the Python of this one."""
    return [str(file)] if IS_EXECUTABLE else [python, str(file)]


def script_command(file: Path) -> list[str]:
    """What runs a Python file as a process of its own: the Python that runs the program, or the program itself where
    its modules are inside it. Its lines are in the log when they are printed."""
    if _archive is None:
        return [sys.executable, "-u", str(file)]
    return [*command(sys.executable, _archive), SCRIPT, str(file)]


def name_of(file: Path) -> str:
    """How people call it in the folder that it is in: `python hello.py`, `./hello`."""
    return f"./{file.name}" if IS_EXECUTABLE else f"python {file.name}"
