"""The Python that will run a program: where its modules are looked for at build time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import ppacer
from ppacer.records import dataclass
from ppc.cli_error import CommandError

_PROBE = """
import importlib.util, json, sys
path = sys.path if sys.flags.safe_path else sys.path[1:]
print(json.dumps({"path": path, "runtime": importlib.util.find_spec("ppacer") is not None}))
"""
_PROBE_SECONDS = 30


class PythonError(CommandError):
    """There is no such Python, or it is none that programs run on."""


@dataclass(frozen=True, slots=True)
class Python:
    """`path` is its `sys.path` without a script's folder; `has_runtime` whether it can import ppacer."""

    executable: str
    path: tuple[str, ...]
    has_runtime: bool


def find_python(chosen: str | None, near: Path) -> Python:
    """The Python chosen with `--python`, else that of the nearest `.venv` at or above `near`, else the running one.

    Where it lacks ppacer, the running one's is found behind its own modules, so that a build needs it not.
    Raises `PythonError`.
    """
    executable = chosen or _nearest(Path(os.path.realpath(near)))
    if executable is None or _is_running(executable):
        return Python(sys.executable, tuple(sys.path if sys.flags.safe_path else sys.path[1:]), has_runtime=True)
    python = _probe(executable)
    if python.has_runtime:
        return python
    return Python(python.executable, (*python.path, str(Path(ppacer.__file__).parent.parent)), has_runtime=False)


def find_runtime(chosen: str | None, near: Path) -> Python:
    """`find_python`, for who runs the program: raises `PythonError` also where it lacks ppacer."""
    python = find_python(chosen, near)
    if not python.has_runtime:
        raise PythonError(
            f"the Python {python.executable} cannot import ppacer; install it there, or choose another with --python"
        )
    return python


def _nearest(folder: Path) -> str | None:
    for above in (folder, *folder.parents):
        for place in ("bin/python", "Scripts/python.exe"):
            executable = above / ".venv" / place
            if os.path.isfile(executable):  # noqa: PTH113 - Path.is_file may raise
                return str(executable)
    return None


def _is_running(executable: str) -> bool:
    """Whether it is this very Python: of two virtual environments over one Python only one is running."""
    return Path(executable).absolute() == Path(sys.executable).absolute()


def _probe(executable: str) -> Python:
    import json  # noqa: PLC0415 - only another Python has to be asked
    import subprocess  # noqa: PLC0415

    try:
        done = subprocess.run(
            [executable, "-c", _PROBE], capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except OSError as error:
        raise PythonError(f"cannot run the Python {executable}: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise PythonError(f"the Python {executable} gave no answer within {_PROBE_SECONDS} seconds") from error
    try:
        answer = json.loads(done.stdout)
        return Python(executable, tuple(answer["path"]), has_runtime=bool(answer["runtime"]))
    except (ValueError, TypeError, KeyError) as error:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise PythonError(f"{executable} is no Python 3.11 or newer: {last}") from error
