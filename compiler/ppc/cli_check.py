"""`ppc check`: every fault of the files, and nothing written; with `--fix` what is safe to mend is mended first."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from ppc.cli_compile import Compilation, compile_with
from ppc.cli_error import CommandError
from ppc.cli_options import add_files, add_search, add_telling, search_folders
from ppc.cli_python import find_python
from ppc.cli_report import contents, report, several, tells_text
from ppc.diagnostics import Diagnostic
from ppc.source import Source, read_source


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    mending = parser.add_mutually_exclusive_group()
    mending.add_argument("--fix", action="store_true", help="mend in the files what is safe to mend, and tell the rest")
    mending.add_argument("--diff", action="store_true", help="show what --fix would change; ends with 1 if anything")
    add_search(parser)
    add_telling(parser)


def run(arguments: Namespace) -> int:
    files: list[str] = arguments.files
    folders = search_folders(arguments)
    python = find_python(arguments.python, Path(files[0]).parent)

    def compiled(read: Callable[[str], Source | Diagnostic] = read_source) -> Compilation:
        return compile_with(files, folders, python, read)

    if arguments.fix or arguments.diff:
        from ppc.cli_fix import difference, fix  # noqa: PLC0415 - a plain check needs it not

        if arguments.diff:
            text = difference(files, lambda read: compiled(read).diagnostics)
            sys.stdout.write(text)
            return CommandError.code if text else 0
        for line in fix(files, lambda read: compiled(read).diagnostics):
            if tells_text(arguments):
                print(line)
    compilation = compiled()
    code = report(compilation, arguments)
    if code == 0 and compilation.analysis is not None and tells_text(arguments):
        print(f"{several(files)}: {contents(compilation.analysis)}, no errors")
    return code
