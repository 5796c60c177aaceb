"""`ppc new`: a small project that builds and runs as it is."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from ppc.cli_error import CommandError, UsageError
from ppc.package import hides_module
from ppd.words import RESERVED, SCOPES

_TEMPLATES: Final = Path(__file__).with_name("templates") / "project"
_FILES: Final = {
    "PROJECT.ppd": "pipeline.ppd",
    "PROJECT_steps.py": "steps.py.txt",
    "test_PROJECT.py": "test.py.txt",
    "README.md": "README.md.txt",
    ".gitignore": "gitignore.txt",
}
"""What is written, and from which template; `PROJECT` stands for the name in both."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the folder to make; its last part names the dag and the program")


def run(arguments: Namespace) -> int:
    folder = Path(arguments.name)
    name = _name(folder)
    files = {folder / place.replace("PROJECT", name): template for place, template in _FILES.items()}
    try:
        for place in files:
            if place.exists() or place.is_symlink():
                raise CommandError(f"{place} is there already; nothing was written")
        folder.mkdir(parents=True, exist_ok=True)
        for place, template in files.items():
            text = (_TEMPLATES / template).read_text(encoding="utf-8").replace("PROJECT", name)
            with place.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
    except OSError as error:
        raise CommandError(f"cannot write {error.filename or folder}: {error.strerror or error}") from error
    print("\n".join(f"made {place}" for place in files))
    print(f"\nTry it:\n  ppc run {shlex.quote(str(folder / f'{name}.ppd'))}")
    return 0


def _name(folder: Path) -> str:
    """What the dag, the program and its modules are called. Raises `UsageError` for what they cannot be called."""
    last = folder.resolve().name
    name = re.sub(r"[^a-z0-9]+", "_", last.lower()).strip("_")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise UsageError(f"`{last}` names no dag: a name begins with a letter, and letters, digits and `_` follow")
    if name in RESERVED | SCOPES:
        raise UsageError(f"`{name}` is a word of the language; choose another name")
    if hides_module(name):
        raise UsageError(f"a program named {name}.py would hide a Python module; choose another name")
    return name
