"""`ppc check`: every fault of the files, and nothing written."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ppc.cli_compile import compile_for
from ppc.cli_options import add_files, add_search, add_telling
from ppc.cli_report import contents, report, several, tells_text


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    add_search(parser)
    add_telling(parser)


def run(arguments: Namespace) -> int:
    files: list[str] = arguments.files
    first = Path(files[0])
    compilation = compile_for(arguments, files, first.parent / f"{first.stem}.py")
    code = report(compilation, arguments)
    if code == 0 and compilation.program is not None and tells_text(arguments):
        print(f"{several(files)}: {contents(compilation.program)}, no errors")
    return code
