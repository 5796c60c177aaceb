"""`ppc where`: from a line of a program to the line of a source behind it, and from one of a source to the program."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from ppc.cli_error import CommandError, UsageError
from ppc.origins import BuiltFrom, Made, Origin, ProgramText
from ppc.package import MARKER, is_generated

_PROGRAM: Final = "lib/ppacer_program.py"
"""The program within one that is one file."""
_SOURCE: Final = ".ppd"
_SUFFIXES: Final = (".py", ".pyz")
_PLACE: Final = re.compile(
    r"(?P<path>.+?)(?::(?P<line>0*[1-9][0-9]*)(?::[0-9]+)?|\((?P<in_pdb>[1-9][0-9]*)\))", re.ASCII
)
_MOST: Final = 20
"""So many places are told of one line."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "place",
        metavar="FILE:LINE",
        help="a line of a program (pipeline.py:123, also of a .pyz), or of a source (pipeline.ppd:12)",
    )
    parser.add_argument(
        "--program",
        metavar="FILE",
        help="the program in which a line of a source is looked for; without it that beside the source",
    )


def run(arguments: Namespace) -> int:
    path, line = _place(arguments.place)
    if path.endswith(_SOURCE):
        return _to_program(path, line, arguments.program)
    if arguments.program is not None:
        raise UsageError(f"--program goes with a line of a {_SOURCE} file: {path} is the program itself")
    return _to_source(path, line)


def _to_source(path: str, line: int) -> int:
    program = _read(path)
    if line > program.line_count:
        raise UsageError(f"{path} has no line {line}: it ends with line {program.line_count}")
    found = program.origins(line)
    if not found:
        raise CommandError(f"no line of a source stands behind line {line} of {path}")
    for origin in found[:_MOST]:
        _tell(f"{_shown(path, origin.path)}:{origin.line}: {origin.what}", origin)
    _tell_rest(found)
    _warn_of_changes(path, [source for source in program.sources if source.path in {each.path for each in found}])
    return 0


def _to_program(path: str, line: int, named: str | None) -> int:
    place = named if named is not None else _beside(path)
    program = _read(place)
    source = next((each for each in program.sources if _is_file(place, each.path, path)), None)
    if source is None:
        told = ", ".join(each.path for each in program.sources)
        raise CommandError(f"{place} was not built of {path} but of {told}; name its program with --program")
    found = program.made_from(source.path, line)
    _warn_of_changes(place, [source])
    if not found:
        raise CommandError(f"nothing in {place} begins at line {line} of {path}")
    for made in found[:_MOST]:
        print(f"{place}:{made.line}: {made.what}")
    _tell_rest(found)
    return 0


def _place(text: str) -> tuple[str, int]:
    """As messages write a place, whose column is passed over, or as `pdb` does."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise UsageError(f"`{text}` is no line of a file: write FILE:LINE, as in pipeline.py:123")
    return found["path"], int(found["line"] or found["in_pdb"])


def _read(path: str) -> ProgramText:
    """The text of a program; of a `.pyz` also by the name that a traceback gives it, within the archive."""
    archive = path.removesuffix(f"/{_PROGRAM}")
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return _parsed(archive, opened.read(_PROGRAM))
        if not is_generated(Path(path)):
            raise _NotOurs(path)
        return _parsed(path, Path(path).read_bytes())
    except OSError as error:
        raise CommandError(f"cannot read {path}: {error.strerror or error}") from error
    except (KeyError, zipfile.BadZipFile) as error:
        raise _NotOurs(path) from error


def _parsed(path: str, raw: bytes) -> ProgramText:
    try:
        return ProgramText(raw.decode("utf-8"))
    except (SyntaxError, ValueError) as error:
        raise CommandError(f"{path} begins as a program does, but is no Python that can be read: {error}") from error


class _NotOurs(CommandError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is no program that `ppc build` wrote as text: it has no line `{MARKER} …` at its head"
        )


def _beside(path: str) -> str:
    """The program beside a source."""
    for suffix in _SUFFIXES:
        place = Path(path).with_suffix(suffix)
        if place.is_file():
            return str(place)
    raise CommandError(f"there is no program beside {path}: name it with --program")


def _is_file(program: str, source: str, path: str) -> bool:
    """Whether a source of a program is the file at a path: it is where the program says, or was before both moved."""
    if os.path.realpath(Path(program).parent / source) == os.path.realpath(path):
        return True
    parts = [part for part in Path(source).parts if part != ".."]
    return list(Path(os.path.realpath(path)).parts[-len(parts) :]) == parts


def _shown(program: str, source: str) -> str:
    """As somebody would open it from here, where it is there."""
    place = os.path.normpath(Path(program.removesuffix(f"/{_PROGRAM}")).parent / source)
    return place if os.path.isfile(place) else source  # noqa: PTH113 - a name that is none of a file is no error


def _tell(head: str, origin: Origin) -> None:
    print(head)
    if origin.text.strip():
        print(f"    {origin.text.strip()}")


def _tell_rest(found: Sequence[Origin] | Sequence[Made]) -> None:
    if len(found) > _MOST:
        print(f"… and {len(found) - _MOST} more")


def _warn_of_changes(program: str, sources: Sequence[BuiltFrom]) -> None:
    for source in sources:
        place = Path(_shown(program, source.path))
        if place.is_file() and sha256(place.read_bytes()).hexdigest() != source.sha256:
            print(f"note: {place} has changed since {program} was built: lines are those of that time", file=sys.stderr)
