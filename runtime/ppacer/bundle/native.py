"""Where a program that is one executable begins: what its loader left to do, then as one in an archive.

The loader is PyInstaller's. It unpacks the Python inside into a folder for temporary files, starts the program as a
process of its own from there, passes on the signals that it gets, waits, and removes the folder. The archive with all
that is not Python itself lies behind it in the same file, and is read there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from ppacer.bundle import start
from ppacer.cli import WORKER

_LOCK = "ppacer.lock"
_LOADER_VARIABLES = "_PYI_"
_LIBRARIES = "LD_LIBRARY_PATH"
_LIBRARIES_BEFORE = "LD_LIBRARY_PATH_ORIG"
_SET_DEATH_SIGNAL = 1
"""`PR_SET_PDEATHSIG`, see prctl(2)."""

_SIGKILL = 9


def main(path: str, index: bytes, folder: str) -> int:
    """Runs the program in the file at `path` with the arguments of this process; returns the exit code.

    `index` is the archive's entry of that name, `folder` where the loader unpacked Python to.
    """
    if sys.argv[1:2] == [WORKER]:
        _forget_loader()
    else:
        _end_with_loader()
        lock = _keep(folder)  # noqa: F841 - held as long as this process runs
        _remove_left_behind(Path(folder))
    return start.main(path, index)


def _forget_loader() -> None:
    """What users' code starts gets the surroundings that the program got: the system's libraries, and not Python's
    own; and this very program, started by a task, a folder of its own."""
    for name in [name for name in os.environ if name.startswith(_LOADER_VARIABLES)]:
        del os.environ[name]
    before = os.environ.pop(_LIBRARIES_BEFORE, None)
    if before is None:
        os.environ.pop(_LIBRARIES, None)
    else:
        os.environ[_LIBRARIES] = before


def _end_with_loader() -> None:
    """Has the system kill this process once the loader is killed, which is the process that people know."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - elsewhere there is no such call

    loader = os.getppid()
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, _SIGKILL, 0, 0, 0)
    if os.getppid() != loader:
        os._exit(128 + _SIGKILL)


def _keep(folder: str) -> tuple[int, int]:
    """Locks the folder itself, which keeps systemd-tmpfiles from removing what is old in it, and a file in it, by which
    the next start tells it from one that was left behind."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    lock = os.open(f"{folder}/{_LOCK}", os.O_RDWR | os.O_CREAT, 0o600)
    for descriptor in (held, lock):
        with suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return held, lock


def _remove_left_behind(own: Path) -> None:
    """Removes the folders of programs of this user that were killed, and their loaders with them."""
    for file in own.parent.glob(f"_MEI*/{_LOCK}"):
        if file.parent == own:
            continue
        with suppress(OSError):
            if file.lstat().st_uid != os.geteuid():
                continue
            descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(file.parent, ignore_errors=True)
            finally:
                os.close(descriptor)
