"""`ppc build`: the program of the files, in its place."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ppc import package
from ppc.cli_compile import compile_for
from ppc.cli_error import CommandError
from ppc.cli_options import add_files, add_search, add_telling
from ppc.cli_report import contents, report, several, tells_text


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "-o", dest="output", metavar="PLACE", help="a folder, or a file ending in .py [beside the first FILE]"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a file even if ppc did not generate it")
    add_search(parser)
    add_telling(parser)


def run(arguments: Namespace) -> int:
    files: list[str] = arguments.files
    place = package.output_path(Path(files[0]), arguments.output)
    compilation = compile_for(arguments, files)
    code = report(compilation, arguments)
    if code or compilation.analysis is None:
        return code
    from ppc.emit import emit  # noqa: PLC0415 - only a program without faults needs the template

    program = compilation.program(place)
    try:
        package.check_place(place, [Path(file) for file in files], force=arguments.force)
        package.check_modules(place, program)
        package.write_text(place, emit(program))
    except package.OutputError as error:
        raise CommandError(str(error)) from error
    if tells_text(arguments):
        print(f"{several(files)} -> {place}: {contents(compilation.analysis)}")
    return code
