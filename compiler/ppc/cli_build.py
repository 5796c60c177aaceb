"""`ppc build`: the program of the files, in its place."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ppc import package
from ppc.cli_compile import Compilation, compile_for
from ppc.cli_error import CommandError, UsageError
from ppc.cli_options import Form, add_files, add_forms, add_search
from ppc.cli_report import contents, report, several, tells_text


def add_arguments(parser: ArgumentParser) -> None:
    add_files(parser)
    parser.add_argument(
        "-o", dest="output", metavar="PLACE", help="a folder, or a file ending in .py or .pyz [beside the first FILE]"
    )
    parser.add_argument("--force", action="store_true", help="overwrite a file even if ppc did not generate it")
    add_search(parser)
    add_forms(parser)
    inside = parser.add_argument_group("what is in a program of the form pyz")
    inside.add_argument(
        "--include",
        metavar="WHAT",
        action="append",
        default=[],
        help="a distribution (`psycopg[binary]`) or a module that no import names, or files below the folders of the "
        "modules (`data/*.csv`); may be given again",
    )
    inside.add_argument(
        "--exclude",
        metavar="WHAT",
        action="append",
        default=[],
        help="a distribution, a module or files (`shop/tests/*`) to leave out; may be given again",
    )
    inside.add_argument(
        "--target-python",
        metavar="VERSION",
        dest="targets",
        action="append",
        default=[],
        help="a further Python that shall start it as fast as the one of --python: 3.12, or an executable; any from "
        "3.11 on runs it",
    )
    inside.add_argument("--sbom", metavar="FILE", help="write its bill of materials there, as CycloneDX in JSON")


def run(arguments: Namespace) -> int:
    files: list[str] = arguments.files
    form = Form(arguments.form)
    if form is not Form.PYZ and (arguments.include or arguments.exclude or arguments.targets or arguments.sbom):
        raise UsageError("--include, --exclude, --target-python and --sbom are for --format pyz")
    place = package.output_path(Path(files[0]), arguments.output, f".{form.value}")
    compilation = compile_for(arguments, files)
    code = report(compilation, arguments)
    if code or compilation.analysis is None:
        return code
    try:
        package.check_place(place, [Path(file) for file in files], force=arguments.force)
        write = _write_archive if form is Form.PYZ else _write_program
        notes = write(arguments, compilation, place)
    except package.OutputError as error:
        raise CommandError(str(error)) from error
    if tells_text(arguments):
        print("\n".join([f"{several(files)} -> {place}: {contents(compilation.analysis)}", *notes]))
    return code


def _write_program(_arguments: Namespace, compilation: Compilation, place: Path) -> list[str]:
    from ppc.emit import emit  # noqa: PLC0415 - only a program without faults needs the template

    program = compilation.program(place)
    package.check_modules(place, program)
    package.write_text(place, emit(program))
    return []


def _write_archive(arguments: Namespace, compilation: Compilation, place: Path) -> list[str]:
    """Writes the program as one file, and its bill of materials; returns what is told of it. Raises `CommandError`."""
    from ppc import bundle  # noqa: PLC0415 - what looks for distributions takes long to load
    from ppc.bundle_error import BundleError  # noqa: PLC0415
    from ppc.cli_python import find_python  # noqa: PLC0415

    python = find_python(arguments.python, Path(arguments.files[0]).parent)
    program = compilation.carried_program(place, Path(arguments.files[0]))
    wanted = bundle.Wanted(
        [Path(folder).resolve() for folder in compilation.folders],
        arguments.include,
        arguments.exclude,
        arguments.targets,
    )
    try:
        made = bundle.make(program, place.name, python.executable, python.path, wanted)
    except BundleError as error:
        raise CommandError(str(error)) from error
    if arguments.sbom is not None:
        from ppc.bundle_sbom import bill_of_materials  # noqa: PLC0415

        package.write_text(Path(arguments.sbom), bill_of_materials(made.manifest))
    package.write_bytes(place, made.content, executable=True)
    return bundle.notes(made)
