"""From the files named on a command line to a program: reads them and runs the compiler's stages."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ppacer import spec
from ppacer.records import dataclass
from ppc.analyse import Analysis, analyse
from ppc.callables import CallableFinder
from ppc.cli_error import UsageError
from ppc.cli_options import search_folders
from ppc.cli_python import Python, find_python
from ppc.diagnostics import Diagnostic
from ppc.gathering import gather_files
from ppc.includes import Unit
from ppc.parse import parse
from ppc.source import Source, read_source


@dataclass(frozen=True, slots=True)
class Compilation:
    """What became of the files. `analysis` is none where there are errors; `diagnostics` stand in source order.

    `asked` are the places of all `.ppd` files that were looked for, those that are not there too; `callables` is what
    found the tasks' Python, none where there was no file to begin with."""

    analysis: Analysis | None
    diagnostics: Sequence[Diagnostic]
    sources: Mapping[str, Source]
    folders: Sequence[str]
    asked: frozenset[str]
    callables: CallableFinder | None

    def program(self, place: Path, beside: Path | None = None) -> spec.Program:
        """The program for `place`, where it is to stand; of files without errors. It names its sources as they are seen
        from there, or from the folder of the source `beside`, if the place means nothing to anybody."""
        from ppc.compile import produce  # noqa: PLC0415 - a check makes no program

        assert self.analysis is not None
        paths = {path: _relative(path, beside or place) for path in self.sources}
        return produce(place.stem, self.analysis, paths, [_relative(folder, place) for folder in self.folders])

    def carried_program(self, place: Path, beside: Path) -> spec.Program:
        """The program for an archive at `place` that holds the users' modules; it names its sources as they are seen
        from the folder of the source `beside`, wherever it goes."""
        from ppc.compile import produce  # noqa: PLC0415 - a check makes no program

        assert self.analysis is not None
        return produce(place.stem, self.analysis, {path: _relative(path, beside) for path in self.sources}, ())


def compile_for(arguments: Namespace, files: Sequence[str]) -> Compilation:
    """Compiles as a command's arguments say. Raises `CommandError` where the Python they name is none."""
    return compile_with(files, search_folders(arguments), find_python(arguments.python, Path(files[0]).parent))


def compile_one(arguments: Namespace) -> tuple[spec.Program | None, Compilation]:
    """Compiles the one file that `arguments` name, to be looked at: for a program beside it, none if it has errors."""
    compilation = compile_for(arguments, [arguments.file])
    place = Path(arguments.file).with_suffix(".py")
    return None if compilation.analysis is None else compilation.program(place), compilation


def chosen_dags(program: spec.Program, arguments: Namespace) -> tuple[spec.Dag, ...]:
    """The dag that `arguments` name, or all. Raises `UsageError` where there is no such dag."""
    if arguments.dag is None:
        return program.dags
    found = tuple(dag for dag in program.dags if dag.id == arguments.dag)
    if not found:
        known = ", ".join(dag.id for dag in program.dags)
        raise UsageError(f"there is no dag {arguments.dag} in {arguments.file}; there are {known}")
    return found


def compile_with(
    files: Sequence[str],
    paths: Sequence[str],
    python: Python,
    read: Callable[[str], Source | Diagnostic] = read_source,
) -> Compilation:
    """Compiles the files into one program. `paths` are further folders of modules and of included files, which are
    looked for beside the file that includes them first. A file that is named twice counts once.

    Raises nothing for what is in the files, or keeps them from being read.
    """

    def unit(path: str) -> Unit | Diagnostic:
        source = read(path)
        return source if isinstance(source, Diagnostic) else Unit(source, *parse(source))

    gathered = gather_files(files, paths, unit)
    if gathered.files is None:
        return Compilation(None, gathered.unread, {}, (), gathered.asked, None)
    folders = [Path(os.path.realpath(folder)) for folder in gathered.folders]
    callables = CallableFinder(folders, python.path)
    analysis, found = analyse(gathered.files, callables)
    if gathered.unread:
        analysis = None
    told, asked = gathered.told(found), gathered.asked
    return Compilation(analysis, told, gathered.sources, gathered.folders, asked, callables)


def _relative(path: str, place: Path) -> str:
    """As a program at `place` says it: a POSIX path relative to the program's folder, links resolved on both sides."""
    return Path(os.path.relpath(os.path.realpath(path), Path(os.path.realpath(place)).parent)).as_posix()
