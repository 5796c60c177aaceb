"""The machine and its processes: what the disk takes, how much time and memory a program with all its children has."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

_SYNCS = 200
_PAGE = 4096


def sync_seconds(folder: Path) -> float:
    """What an fdatasync of one page takes here, the median of many."""
    file = folder / "sync"
    times = []
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(_SYNCS):
            os.pwrite(descriptor, os.urandom(_PAGE), 0)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        file.unlink()
    return median(times)


def lone_syncs(folder: Path, seconds: int) -> list[float]:
    """What an fdatasync takes, in seconds, of a disk that is asked for one a second; takes so many seconds."""
    file = folder / "sync"
    times = []
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for _ in range(seconds):
            time.sleep(1.5 - time.time() % 1)  # half a second away from what is due at full ones
            os.pwrite(descriptor, os.urandom(_PAGE), 0)
            began = time.perf_counter()
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        file.unlink()
    return times


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        left += children.get(one, ())
    return found


def processor_seconds(pids: list[int]) -> float:
    """The processor time that the threads of these processes have had so far."""
    total = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total += int((thread / "schedstat").read_text().split()[0])
    return total / 1e9


def proportional_bytes(pids: list[int]) -> int:
    """Their memory, pages that several share counted once in all (PSS)."""
    return sum(_proportional(pid) for pid in pids)


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # it has ended meanwhile
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _parents() -> Iterator[tuple[int, int]]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            yield int(folder.name), int(stat.rpartition(")")[2].split()[1])
