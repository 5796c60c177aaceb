"""The arguments that several commands take."""

from __future__ import annotations

import os
from argparse import Action, ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from enum import StrEnum

PATH_VARIABLE = "PPC_PATH"


class Format(StrEnum):
    """How faults are told."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"


class Form(StrEnum):
    """What a program is written as."""

    PY = "py"
    PYZ = "pyz"
    BIN = "bin"

    @property
    def suffix(self) -> str:
        """What the names of such files end in."""
        return "" if self is Form.BIN else f".{self.value}"


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
    parser.add_argument("--format", choices=_FORMATS, default=Format.TEXT.value, help=f"{_TELLING} [text]")
    _add_warnings(parser)


def add_forms(parser: ArgumentParser) -> None:
    """The same, and `form`, what is written: both are asked for with `--format`, and no word stands for both."""
    parser.add_argument(
        "--format",
        choices=[*(each.value for each in Form), *_FORMATS],
        action=_FormatAction,
        help="what is written: `py`, a program for a Python with ppacer, `pyz`, one file with all that it "
        f"needs, or `bin`, an executable that needs no Python [py]; given again, {_TELLING} [text]",
    )
    parser.set_defaults(format=Format.TEXT.value, form=Form.PY.value)
    _add_warnings(parser)


class _FormatAction(Action):
    def __call__(
        self, _parser: ArgumentParser, namespace: Namespace, value: str | Sequence[object] | None, _: str | None = None
    ) -> None:
        setattr(namespace, "format" if value in _FORMATS else "form", value)


_FORMATS = [each.value for each in Format]
_TELLING = "how faults are told: as text for people, as JSON, or as SARIF 2.1.0 for code hosts and editors"


def _add_warnings(parser: ArgumentParser) -> None:
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
