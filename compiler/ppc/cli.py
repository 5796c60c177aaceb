"""The command `ppc`: check, build and run. The only part of the compiler that talks to streams.

Exit codes: 0 done, 1 faults were found (or the run failed), 2 it was asked for wrongly. What a command needs is
imported when it runs, so that `--help` and `--version` answer at once.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ppc import __version__

if TYPE_CHECKING:
    from ppacer import spec
    from ppc.cli_compile import Compilation
    from ppc.cli_python import Python

OK, FAULTS, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that `argv` (default: the process's own arguments) names; returns the exit code."""
    from ppc.cli_python import PythonError

    arguments = _parser().parse_args(argv)
    command = {"check": _check, "build": _build, "run": _run}[arguments.command]
    try:
        return command(arguments)
    except PythonError as error:
        return _error(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`… | head`): keep the interpreter from telling so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULTS


def _check(arguments: argparse.Namespace) -> int:
    files: list[str] = arguments.files
    first = Path(files[0])
    program = _compile(files, arguments, _python(arguments, files), first.parent / f"{first.stem}.py")
    if program is None:
        return FAULTS
    print(f"{_files(files)}: {_contents(program)}, no errors")
    return OK


def _build(arguments: argparse.Namespace) -> int:
    from ppc import package
    from ppc.emit import emit

    files: list[str] = arguments.files
    place = package.output_path(Path(files[0]), arguments.output)
    program = _compile(files, arguments, _python(arguments, files), place)
    if program is None:
        return FAULTS
    try:
        package.check_place(place, [Path(file) for file in files], force=arguments.force)
        package.check_modules(place, program)
        package.write_program(place, emit(program))
    except package.OutputError as error:
        return _error(str(error))
    print(f"{_files(files)} -> {place}: {_contents(program)}")
    return OK


def _run(arguments: argparse.Namespace) -> int:
    from ppc.package import OutputError, hides_module, output_path

    python = _python(arguments, [arguments.file])
    if not python.has_runtime:
        return _error(
            f"the Python {python.executable} cannot import ppacer; install it there, or choose another with --python"
        )
    folder = Path(tempfile.mkdtemp(prefix="ppc-"))
    keep = False
    try:
        place = output_path(Path(arguments.file), f"{folder}/")
        if hides_module(place.stem):
            place = place.with_stem(f"{place.stem}_dags")
        program = _compile([arguments.file], arguments, python, place)
        if program is None:
            return FAULTS
        code = _run_in(place, program, python, arguments.rest)
        keep = code == FAULTS and place.with_suffix(".db").exists()
        if keep:
            print(f"The program and the run's logs are kept in {folder}", file=sys.stderr)
        return code
    except OutputError as error:
        return _error(str(error))
    finally:
        if not keep:
            shutil.rmtree(folder)


def _run_in(place: Path, program: spec.Program, python: Python, rest: Sequence[str]) -> int:
    """Puts the program there and runs the dag that `rest` begins with, or the only one. Raises `OutputError`."""
    from ppc.cli_run import run_program
    from ppc.emit import emit
    from ppc.package import write_program

    if rest and not rest[0].startswith("-"):
        dag, *rest = rest
    elif len(program.dags) == 1:
        dag = program.dags[0].id
    else:
        print(f"error: which dag? There are {', '.join(dag.id for dag in program.dags)}", file=sys.stderr)
        return USAGE
    write_program(place, emit(program))
    return run_program([python.executable, str(place), "run", dag, *rest])


def _python(arguments: argparse.Namespace, files: Sequence[str]) -> Python:
    from ppc.cli_python import find_python

    return find_python(arguments.python, Path(files[0]).parent)


def _compile(files: Sequence[str], arguments: argparse.Namespace, python: Python, place: Path) -> spec.Program | None:
    """The program; none where there are faults. Either way what was found is told."""
    from ppc.cli_compile import compile_files

    compilation = compile_files(files, arguments.path, python, place)
    _tell(compilation)
    return compilation.program


def _tell(compilation: Compilation) -> None:
    from ppc.diagnostics import Severity
    from ppc.render import render_text

    if not compilation.diagnostics:
        return
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    text = render_text(compilation.diagnostics, compilation.sources, colour)
    errors = sum(diagnostic.severity is Severity.ERROR for diagnostic in compilation.diagnostics)
    warnings = len(compilation.diagnostics) - errors
    found = [_number(count, word) for count, word in ((errors, "error"), (warnings, "warning")) if count]
    print(f"{text.rstrip()}\n\n{' and '.join(found)}", file=sys.stderr)


def _error(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return FAULTS


def _files(files: Sequence[str]) -> str:
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def _contents(program: spec.Program) -> str:
    return f"{_number(len(program.dags), 'dag')}, {_number(sum(len(dag.tasks) for dag in program.dags), 'task')}"


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


# --- arguments -------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ppc",
        description="Compiles pipelines written in .ppd into programs that run on their own.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"ppc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")

    check = _command(commands, "check", "tells every fault of the files, and writes nothing")
    check.add_argument("files", metavar="FILE", nargs="+", help="a .ppd file; several make one program")

    build = _command(commands, "build", "writes the program of the files, named after the first")
    build.add_argument("files", metavar="FILE", nargs="+", help="a .ppd file; several make one program")
    build.add_argument(
        "-o", dest="output", metavar="PLACE", help="a folder, or a file ending in .py [beside the first FILE]"
    )
    build.add_argument("--force", action="store_true", help="overwrite a file even if ppc did not generate it")

    run = _command(commands, "run", "builds to a temporary place and runs a dag once, in this terminal")
    run.add_argument("file", metavar="FILE", help="a .ppd file")
    run.add_argument(
        "rest",
        metavar="DAG …",
        nargs=argparse.REMAINDER,
        help="the dag, where there are several, and arguments for its run, such as -p NAME=VALUE",
    )
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.", allow_abbrev=False)
    parser.add_argument(
        "--path",
        metavar="DIR",
        action="append",
        default=[],
        type=_folder,
        help="look for the tasks' modules here too, after the files' own folders; may be given again",
    )
    parser.add_argument(
        "--python",
        metavar="EXE",
        help="the Python that will run the program [that of the nearest .venv, else the one that runs ppc]",
    )
    return parser


def _folder(path: str) -> str:
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir may raise
        raise argparse.ArgumentTypeError(f"there is no folder {path}")
    return path


if __name__ == "__main__":
    sys.exit(main())
