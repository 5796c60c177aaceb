"""`ppc run`: builds to a temporary place and runs one dag there, in this terminal."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ppacer import spec
from ppc.cli_compile import compile_with
from ppc.cli_error import CommandError, UsageError
from ppc.cli_options import add_search, search_folders
from ppc.cli_process import run_program
from ppc.cli_python import Python, find_runtime
from ppc.cli_report import tell_text
from ppc.emit import emit
from ppc.package import OutputError, hides_module, output_path, write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a .ppd file")
    parser.add_argument(
        "rest",
        metavar="DAG …",
        nargs=argparse.REMAINDER,
        help="the dag, where there are several, and arguments for its run, such as -p NAME=VALUE",
    )
    add_search(parser)


def run(arguments: argparse.Namespace) -> int:
    python = find_runtime(arguments.python, Path(arguments.file).parent)
    folder = Path(tempfile.mkdtemp(prefix="ppc-"))
    keep = False
    try:
        place = output_path(Path(arguments.file), f"{folder}/")
        if hides_module(place.stem):
            place = place.with_stem(f"{place.stem}_dags")
        compilation = compile_with([arguments.file], search_folders(arguments), python)
        tell_text(compilation)
        if compilation.analysis is None:
            return CommandError.code
        code = _run_in(place, compilation.program(place, Path(arguments.file)), python, arguments.rest)
        keep = code == CommandError.code and place.with_suffix(".db").exists()
        if keep:
            print(f"The program and the run's logs are kept in {folder}", file=sys.stderr)
        return code
    except OutputError as error:
        raise CommandError(str(error)) from error
    finally:
        if not keep:
            shutil.rmtree(folder)


def _run_in(place: Path, program: spec.Program, python: Python, rest: Sequence[str]) -> int:
    """Puts the program there and runs the dag that `rest` begins with, or the only one. Raises `OutputError`."""
    if rest and not rest[0].startswith("-"):
        dag, *rest = rest
    elif len(program.dags) == 1:
        dag = program.dags[0].id
    else:
        raise UsageError(f"which dag? There are {', '.join(dag.id for dag in program.dags)}")
    write_text(place, emit(program))
    return run_program([python.executable, str(place), "run", dag, *rest])
