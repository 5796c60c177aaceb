"""The executable that a program of the form `bin` begins with: Python itself and its own modules, by PyInstaller."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from ppacer.bundle.manifest import Library, Native
from ppacer.records import dataclass
from ppc.bundle_error import BundleError
from ppc.cli_python import PythonError

LEFT_OUT = frozenset(
    {
        *("_tkinter", "tkinter", "turtle", "turtledemo", "idlelib"),
        *("distutils", "ensurepip", "lib2to3", "venv"),
        *("antigravity", "pydoc_data", "this"),
        *("_ctypes_test", "_testbuffer", "_testcapi", "_testclinic", "_testclinic_limited", "_testexternalinspection"),
        *("_testimportmultiple", "_testinternalcapi", "_testlimitedcapi", "_testmultiphase", "_testsinglephase"),
        *("_xxtestfuzz", "test", "xxlimited", "xxlimited_35", "xxsubtype"),
        *("_gdbm", "dbm.gnu", "readline"),
    }
)
"""Python's own modules that stay out: windows with all that they draw with, what builds and tests Python, jokes, and
those whose libraries are under the GPL."""

_OTHERS = ("ppacer", "ppc", "ppd", "pip", "pkg_resources", "setuptools")
"""What no hook of PyInstaller's shall bring: it comes with the archive, or not at all."""

_MAGIC = b"MEI\x0c\x0b\x0a\x0b\x0e"
"""What the loader looks for, from the end of the file on."""

_ABOUT = """
import json, sys
try:
    import PyInstaller
    from PyInstaller.depend import bindepend
except ImportError:
    print(json.dumps({"pyinstaller": None}))
    sys.exit()
find = getattr(bindepend, "get_python_library_path", None)
try:
    library = "" if find is None else find()
except BaseException:
    library = None
print(json.dumps({
    "pyinstaller": PyInstaller.__version__, "library": library, "version": "{}.{}.{}".format(*sys.version_info[:3]),
}))
"""
_PROBE_SECONDS = 60
_BUILD_SECONDS = 1800
_FAULT = re.compile(r"(?:^|\d+ )(?:ERROR: |SystemExit: |\w*(?:Error|Exception): )(?P<says>.+)")


@dataclass(frozen=True, slots=True)
class Executable:
    """The file that PyInstaller made, and what is told of it."""

    content: bytes
    about: Native


@dataclass(frozen=True, slots=True)
class Packer:
    """A Python that an executable can be made of, its version, and that of its PyInstaller."""

    python: str
    version: str
    pyinstaller: str


def make_executable(packer: Packer, head: str) -> Executable:
    """An executable of that Python. `head` is a comment that its first file begins with.

    Raises `BundleError` where this machine lacks what it takes. Nothing of the user's is looked at by PyInstaller, and
    so none of it is run.
    """
    with tempfile.TemporaryDirectory(prefix="ppc-") as name:
        folder = Path(name)
        texts = {each: files("ppc").joinpath(f"templates/{each}.txt").read_text("utf-8") for each in _TEMPLATES}
        (folder / "main.py").write_text(texts["native_main.py"].format(head=head), "utf-8")
        (folder / "program.spec").write_text(texts["native_spec.py"], "utf-8")
        (folder / "given.json").write_text(json.dumps({"without": sorted(LEFT_OUT), "others": _OTHERS}), "utf-8")
        _build(packer.python, folder)
        content = (folder / "out" / "program").read_bytes()
        made = json.loads((folder / "made.json").read_text("utf-8"))
        libraries = [_library(name, Path(source)) for name, source in sorted(made["libraries"].items())]
    about: Native = {
        "python": packer.version,
        "pyinstaller": packer.pyinstaller,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "libraries": libraries,
    }
    return Executable(content, about)


_TEMPLATES = ("native_main.py", "native_spec.py")


def check_archive(archive: bytes) -> None:
    """Raises `BundleError` where the loader would take the archive's end for its own."""
    if _MAGIC in archive:
        raise BundleError(
            "the program carries PyInstaller itself, whose mark its own loader would stumble over: leave it out with "
            "--exclude pyinstaller"
        )


def find_packer(python: str) -> Packer:
    """The Python at that path. Raises `BundleError` where it lacks what it takes, `PythonError` where there is none."""
    try:
        done = subprocess.run(
            [python, "-P", "-c", _ABOUT], capture_output=True, text=True, check=False, timeout=_PROBE_SECONDS
        )
    except OSError as error:
        raise PythonError(f"cannot run the Python {python}: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise PythonError(f"the Python {python} gave no answer within {_PROBE_SECONDS} seconds") from error
    try:
        about = json.loads(done.stdout)
    except ValueError as error:
        raise PythonError(f"{python} gave no answer that is one: {done.stderr.strip()[-200:]}") from error
    if about["pyinstaller"] is None:
        raise BundleError(
            f"`--format bin` needs PyInstaller, and {python} cannot import it: {python} -m pip install 'ppacer[bin]'"
        )
    if about["library"] is None:
        raise BundleError(
            f"the Python {python} has no shared library, which an executable has to hold: install it (on Debian and "
            f"Ubuntu: apt-get install libpython{about['version'].rpartition('.')[0]}), or build Python with "
            "--enable-shared, or name another Python with --python"
        )
    return Packer(python, about["version"], about["pyinstaller"])


def _build(python: str, folder: Path) -> None:
    """Has PyInstaller make `folder/out/program`; it writes nowhere else, and says nothing unless it fails."""
    command = [python, "-P", "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
    command += ["--distpath", str(folder / "out"), "--workpath", str(folder / "work"), str(folder / "program.spec")]
    own = {"PYINSTALLER_CONFIG_DIR": str(folder / "cache"), "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "315532800"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | own,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=_BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"PyInstaller was not done within {_BUILD_SECONDS // 60} minutes") from error
    if done.returncode or not (folder / "out" / "program").is_file():
        raise BundleError(f"PyInstaller made no executable: {_reason(done.stdout)}")


def _reason(said: str) -> str:
    """The line of its output that says why, as far as one can tell."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    if "objcopy" in said or "objdump" in said:
        return "it needs objcopy and objdump (on Debian and Ubuntu: apt-get install binutils)"
    found = [match["says"] for line in lines if (match := _FAULT.match(line))]
    return (found or lines or ["it said nothing"])[-1]


def _library(name: str, source: Path) -> Library:
    with source.open("rb") as stream:
        return {"name": name, "sha256": hashlib.file_digest(stream, "sha256").hexdigest()}
