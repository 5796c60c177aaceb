"""Where a program in one file begins: has its modules found inside the file, then runs its command."""

from __future__ import annotations

import os
import sys

from ppacer import own_program
from ppacer.bundle.archive import Archive
from ppacer.bundle.finder import CarriedFinder
from ppacer.bundle.importer import PathHook


def main(path: str, index: bytes) -> int:
    """Runs the program in the file at `path` with the arguments of this process; returns the exit code.

    `index` is the file's entry of that name.
    """
    archive = Archive(os.path.abspath(path), index)  # noqa: PTH100 - pathlib takes longer to load than all of this
    find_inside(archive)
    # What looks for the program by its file, as users' code may, finds the one that people know.
    sys.modules["__main__"].__file__ = archive.path
    own_program.carried_in(archive.path)
    own = [f"{archive.path}/app"] if "app" in archive.folders else []
    if sys.argv[1:2] == [own_program.SCRIPT]:
        return _run_script(sys.argv[2:], own)
    import ppacer_program  # type: ignore[import-not-found]  # noqa: PLC0415 - found only now

    from ppacer.cli import WORKER, main  # noqa: PLC0415

    if sys.argv[1:2] == [WORKER]:
        from ppacer.services import zygote  # noqa: PLC0415 - workers alone need it, and nothing else than it

        return zygote.main(sys.argv[2:], ppacer_program.CALLABLES, own)
    return main(ppacer_program.PROGRAM, ppacer_program.CALLABLES, archive.path)


def _run_script(arguments: list[str], own: list[str]) -> int:
    """Runs a Python file as Python itself does, and finds what is in this file, too."""
    import runpy  # noqa: PLC0415 - what nothing else has a use for

    if not arguments:
        sys.stderr.write("error: this command is the program's own: tasks start it\n")
        return 2
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]
    sys.argv = arguments
    sys.path[:] = [os.path.dirname(os.path.abspath(arguments[0])), *own, *sys.path]  # noqa: PTH100, PTH120
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


def find_inside(archive: Archive) -> None:
    """Has all further imports look into the archive first, by importers of our own."""
    sys.path[:] = [f"{archive.path}/lib", *(entry for entry in sys.path if not _is_inside(archive, entry))]
    sys.path_hooks.insert(0, PathHook(archive))
    # The packages that led here were found by Python's importer; what else is in them shall not be.
    for known in [entry for entry in sys.path_importer_cache if _is_inside(archive, entry)]:
        del sys.path_importer_cache[known]
    sys.meta_path.insert(0, CarriedFinder(archive))


def _is_inside(archive: Archive, path: str) -> bool:
    return path == archive.path or path.startswith(f"{archive.path}/")
