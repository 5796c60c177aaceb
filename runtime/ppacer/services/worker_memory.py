"""How much memory an attempt takes, and what stops one that takes more than it may. Linux only.

An attempt is a process and all that descends from it. The executor looks at them a few times a second and counts what
they have in memory, what they share once. That is too slow for a process that takes gigabytes at once: so the worker
also has the kernel refuse it what is far beyond the limit, upon which Python raises `MemoryError`.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from ppacer.services import worker_tree

POLL_SECONDS = 0.2
"""How often the memory of an attempt with a limit is looked at."""

_SPARE = 1024**3
"""How far beyond the limit the kernel's own limit is: it counts what a process has asked for, used or not, and
libraries ask for far more than they use."""

_LITTLE = 128 * 1024**2
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
_PAGE = resource.getpagesize()
_PROC = Path("/proc")


def size_text(size: int) -> str:
    """A number of bytes for people: `512 MB`, `1.5 GB`, or in binary units where these are even."""
    for units, base in ((("MB", "GB", "TB"), 1000), (("MiB", "GiB", "TiB"), 1024)):
        for power in (4, 3, 2):
            if size >= base**power and size * 100 % base**power == 0:
                return f"{size / base**power:g} {units[power - 2]}"
    return f"{size / 1e6:,.1f} MB"


def resident(pid: int) -> int:
    """The bytes that a process has in memory; 0 for one that has ended or where the platform cannot tell."""
    try:
        return int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def own_resident() -> int:
    """The bytes that this process has in memory, or a bound above it where that is little."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _MAXRSS_UNIT
    return most if most < _LITTLE else min(most, resident(os.getpid()) or most)


def takes_more(pid: int, limit: int) -> bool:
    """Whether a process and its descendants have more than `limit` bytes in memory."""
    tree = [pid, *worker_tree.descendants(pid)]
    if sum(map(resident, tree)) <= limit:
        return False
    return len(tree) == 1 or sum(map(_share, tree)) > limit


def kernel_kills() -> int:
    """How many processes the kernel has killed so far because memory ran out; 0 where it does not tell."""
    try:
        for line in (_PROC / "vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


class DataLimit:
    """The kernel's limit on what this process may ask for: set for an attempt, and put back."""

    def __init__(self) -> None:
        self._before: tuple[int, int] | None = None

    def set(self, limit: int) -> None:
        """Refuses the process what is far beyond `limit` bytes more than it has."""
        if not worker_tree.LINUX:
            return
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = _data() + limit + max(limit, _SPARE)
        for bound in (soft, hard):
            if bound != resource.RLIM_INFINITY:
                wanted = min(wanted, bound)
        self._before = (soft, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))

    def put_back(self) -> None:
        if self._before is not None:
            before, self._before = self._before, None
            resource.setrlimit(resource.RLIMIT_DATA, before)


def _share(pid: int) -> int:
    """What a process has in memory, what it shares with others divided among them."""
    try:
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return resident(pid)


def _data() -> int:
    """The bytes that this process has asked for and may write to."""
    return int((_PROC / str(os.getpid()) / "statm").read_text().split()[5]) * _PAGE
