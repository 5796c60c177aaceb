"""`ppc dev`: the program of a file, served while that is worked on: checked, built and started anew at each change."""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Final

from ppc.cli_compile import Compilation, compile_with
from ppc.cli_error import CommandError, UsageError
from ppc.cli_options import add_search, search_folders
from ppc.cli_process import ServedProgram
from ppc.cli_python import find_runtime
from ppc.cli_report import contents, tell_text
from ppc.emit import emit
from ppc.package import OutputError, check_modules, check_place, output_path, write_text
from ppc.watch import Places, Watch

_LOOK_SECONDS: Final = 0.15
"""Between two looks at the files; two that are alike make a change."""

_CLEAR: Final = "\x1b[H\x1b[2J"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .ppd file")
    parser.add_argument(
        "rest", metavar="ARGUMENT …", nargs=argparse.REMAINDER, help="arguments for the program, such as --port 9400"
    )
    parser.add_argument("-o", dest="output", metavar="PLACE", help="a folder, or a file ending in .py [beside FILE]")
    parser.add_argument("--force", action="store_true", help="overwrite a file even if ppc did not generate it")
    add_search(parser)


def run(arguments: argparse.Namespace) -> int:
    return _Development(arguments).run()


class _Development:
    """The program that runs is always that of the last files without errors, whatever became of them since."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._file: str = arguments.file
        self._force: bool = arguments.force
        self._folders = search_folders(arguments)
        self._python = find_runtime(arguments.python, Path(self._file).parent)
        self._place = output_path(Path(self._file), arguments.output)
        self._served = ServedProgram([self._python.executable, str(self._place), *arguments.rest])
        self._text = ""
        self._end_told = False
        self._watch = Watch(_beside(self._file, self._folders), self._place)

    def run(self) -> int:
        try:
            check_place(self._place, [Path(self._file)], force=self._force)
            with self._served.watched():
                while not self._served.asked_to_end:
                    self._turn()
                    if not self._wait_for_change():
                        break
        except OutputError as error:
            raise CommandError(str(error)) from error
        return self._served.code or 0

    def _turn(self) -> None:
        """Checks the file as it is now, tells what is wrong with it, and runs it where nothing is."""
        _clear()
        _say(f"checking {self._file}")
        self._watch.begin()
        compilation = compile_with([self._file], self._folders, self._python)
        self._watch.end(_places(compilation))
        tell_text(compilation)
        if compilation.analysis is None:
            left = "the program that runs is left as it is" if self._served.running else "there is no program"
            _say(f"{left} until this is mended")
        else:
            self._renew(compilation, contents(compilation.analysis))

    def _renew(self, compilation: Compilation, contains: str) -> None:
        """Puts the new program in the place of the old one, when that has stopped, and starts it. Raises `OutputError`
        where it cannot be written."""
        program = compilation.program(self._place)
        text = emit(program)
        if text == self._text and self._served.running:
            _say("nothing that the program is made of has changed: it goes on")
            return
        try:
            check_modules(self._place, program)
        except OutputError as error:
            _say(f"error: {error}")
            return
        # The old program starts its workers from its own file, so that stays until all of it has stopped.
        self._served.stop()
        write_text(self._place, text)
        self._text = text
        if not self._served.asked_to_end:
            _say(f"{self._file} -> {self._place}: {contains}")
            self._served.start()
            self._end_told = False

    def _wait_for_change(self) -> bool:
        """Returns when there is one; or false, when all is to end. Says so once when the program ends by itself."""
        while not self._watch.changed():
            code = self._served.code
            if self._served.asked_to_end or code == UsageError.code:
                return False
            if code is not None and not self._end_told:
                _say(f"the program has ended with exit code {code}; it is started again when something changes")
                self._end_told = True
            time.sleep(_LOOK_SECONDS)
        return True


def _beside(file: str, folders: list[str]) -> Places:
    """What is to be looked at before anything was read."""
    near = os.path.realpath(Path(file).parent)
    return Places(frozenset({os.path.realpath(file)}), frozenset([near, *map(os.path.realpath, folders)]))


def _places(compilation: Compilation) -> Places:
    files, folders = ([], []) if compilation.callables is None else compilation.callables.project_places()
    return Places(compilation.asked.union(files), frozenset(folders))


def _clear() -> None:
    """Takes away what was told before, where that is on a terminal."""
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        print(_CLEAR, end="", file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)  # noqa: DTZ005 - for who sits before it
