"""The arguments that several commands take."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from enum import StrEnum

PATH_VARIABLE = "PPC_PATH"


class Format(StrEnum):
    """How faults are told."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


def add_files(parser: ArgumentParser) -> None:
    """`files`: one or several sources."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a .ppd file; several make one program")


def add_dag(parser: ArgumentParser) -> None:
    """`file` and `dag`: one source, and one of its dags or none for all."""
    parser.add_argument("file", metavar="FILE", help="a .ppd file")
    parser.add_argument("dag", metavar="DAG", nargs="?", help="one of its dags [all]")


def add_search(parser: ArgumentParser) -> None:
    """`path`, where included files and Python modules are looked for, and `python`."""
    parser.add_argument(
        "--path",
        metavar="DIR",
        action="append",
        default=[],
        type=_folder,
        help="look for included files and the tasks' modules here too, after the files' own folders; may be given "
        f"again [the folders in {PATH_VARIABLE}, separated by `{os.pathsep}`, come after these]",
    )
    parser.add_argument(
        "--python",
        metavar="EXE",
        help="the Python that will run the program [that of the nearest .venv, else the one that runs ppc]",
    )


def search_folders(arguments: Namespace) -> list[str]:
    """The folders of `--path`, then those of the environment; what is no folder there is passed over."""
    named: list[str] = arguments.path
    variable = os.environ.get(PATH_VARIABLE, "").split(os.pathsep)
    return [*named, *(folder for folder in variable if folder and os.path.isdir(folder))]  # noqa: PTH112 - Path.is_dir may raise


def add_telling(parser: ArgumentParser) -> None:
    """`format` and `warnings_refused`: how faults are told and what they cost."""
    parser.add_argument(
        "--format",
        choices=[each.value for each in Format],
        default=Format.TEXT.value,
        help="how faults are told: as text for people, as JSON, or as SARIF 2.1.0 for code hosts and editors [text]",
    )
    parser.add_argument(
        "-W",
        dest="warnings",
        choices=["error"],
        metavar="error",
        help="`-W error` refuses a file that has warnings",
    )


def _folder(path: str) -> str:
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir may raise
        raise ArgumentTypeError(f"there is no folder {path}")
    return path
