"""Keeping hold of processes: whoever a task starts ends with it.

On Linux a worker and the zygote are each a *subreaper*: a process whose parent dies becomes their child, however it
detached itself. So what a worker leaves behind becomes the zygote's child when the worker dies, and every child of
the zygote that is no worker is such a leftover. A worker is killed by the kernel when the zygote dies. Elsewhere a
worker's process group stands in for its descendants.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

LINUX = sys.platform == "linux"

COOKIE = "PPACER_WORKER"
"""The environment variable by which all processes of one zygote can be told, should it be killed."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PROC = Path("/proc")


def adopt_orphans() -> None:
    """Makes this process the new parent of descendants that lose theirs. Linux only; elsewhere nothing happens."""
    if LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when its parent's main thread ends; ends it now if `parent` has gone already."""
    if LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def prefer_for_memory_kill() -> None:
    """Asks the kernel to pick this process, not the scheduler or the executor, when memory runs out."""
    if LINUX:
        try:
            (_PROC / "self" / "oom_score_adj").write_text("500")
        except OSError:
            return  # a hardened /proc: then the kernel decides by size alone


def children(pid: int | None = None) -> set[int]:
    """The ids of a process's children, of this one's by default; ended ones are included until somebody has waited for
    them. Empty where the platform cannot tell."""
    found: set[int] = set()
    if not LINUX:
        return found
    if pid is None:
        pid = os.getpid()
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            found.update(map(int, (thread / "children").read_text().split()))
    except FileNotFoundError:
        return {one for one in _processes() if _parent(one) == pid}  # a kernel without it, or a thread that has ended
    except OSError:
        pass
    return found


def descendants(pid: int) -> list[int]:
    """The ids of a process's children, their children and so on; parents stand before their children."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children(waiting.pop()) - set(found)
        found += below
        waiting += below
    return found


def kill_tree(pid: int) -> set[int]:
    """Kills a child of this process and all that descends from it; returns whom."""
    tree = [pid, *descendants(pid)]
    for one in tree:
        try:
            os.kill(one, signal.SIGKILL)
        except OSError:
            continue  # it has ended, or it is another user's
    return set(tree)


def is_child(pid: int) -> bool:
    """Whether this process has a child of that id that has not ended."""
    return _parent(pid) == os.getpid() and _state(pid) not in ("Z", "X")


def has_children() -> bool:
    """Whether this process has a child that still runs; those that have ended are reaped."""
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    except ChildProcessError:
        return False


def kill_marked(cookie: str) -> int:
    """Kills every process whose environment holds this `COOKIE`; returns how many. Linux only."""
    mark = f"{COOKIE}={cookie}".encode()
    killed = 0
    for pid in _processes():
        try:
            if pid != os.getpid() and mark in (_PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        except OSError:
            continue  # it has ended, or it is another user's
    return killed


def _processes() -> Iterator[int]:
    if LINUX:
        yield from (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdecimal())


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _stat(pid: int) -> list[str]:
    """What the system says of a process, its state and its parent first; of one that has gone that it is dead."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", "0"]


def _prctl(option: int, value: int) -> None:
    import ctypes  # noqa: PLC0415 (Linux only, and only in zygotes and workers)

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
