"""The built-in task `wait_for_file`."""

from __future__ import annotations

import glob
import hashlib
import stat
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from ppacer.context import TaskContext
from ppacer.core import instants
from ppacer.tasks.looks import check_every, kept, look_again


class WaitError(Exception):
    """A file that cannot be waited for; the message names it and says why."""


def wait_for_file(
    path: Path,
    *,
    every: timedelta = timedelta(seconds=30),
    min_size: int = 0,
    stable_for: timedelta = timedelta(0),
    context: TaskContext,
) -> Path | list[Path]:
    """Waits until there is a file, for as long as the task's `timeout` lets it. It looks after 1 s, 2 s, 4 s … and at
    last `every` so often, and holds no worker meanwhile.

    A path with `*`, `?` or `[` is a pattern (`**` stands for any folders, `[[]` for a `[`): at least one file must fit.
    Every file must have `min_size` bytes, and have kept its size and its time of change for the time `stable_for`, in
    which no other may come or go. The output is the path; of a pattern it is the list of paths, sorted.
    """
    check_every(every)
    pattern = glob.has_magic(str(path))
    found = _look(path, pattern=pattern)
    now = time.time_ns() // 1000
    if not found:
        why = "no file fits yet" if pattern else "it is not there yet"
        look_again(context, every, str(path), why)
    if any(size < min_size for _, size, _ in found):
        why = f"{'one of its files' if pattern else 'it'} has less than {min_size} bytes yet"
        look_again(context, every, str(path), why)
    if stable_for > timedelta(0):
        seen = hashlib.sha256(repr(found).encode("utf-8", "surrogateescape")).hexdigest()
        since = _unchanged_since(context, seen, now)
        left = stable_for - instants.duration(now - since)
        if left > timedelta(0):
            keep = {"seen": seen, "since": since}
            why = f"it must stay as it is for {stable_for.total_seconds():g} s"
            look_again(context, every, str(path), why, within=left, keep=keep)
    paths = [Path(name) for name, _, _ in found]
    return paths if pattern else paths[0]


def _look(path: Path, *, pattern: bool) -> Sequence[tuple[str, int, int]]:
    """The files there are, sorted: their names, sizes and times of change."""
    names = sorted(glob.glob(str(path), recursive=True)) if pattern else [str(path)]  # noqa: PTH207 (may be absolute)
    found: list[tuple[str, int, int]] = []
    for name in names:
        try:
            state = Path(name).stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as fault:
            raise WaitError(f"{name} cannot be waited for: {getattr(fault, 'strerror', None) or fault}") from None
        if not stat.S_ISDIR(state.st_mode):
            found.append((name, state.st_size, state.st_mtime_ns))
        elif not pattern:
            raise WaitError(f"{name} is a folder, not a file")
    return found


def _unchanged_since(context: TaskContext, seen: str, now: int) -> int:
    before = kept(context)
    since = before.get("since")
    return min(since, now) if before.get("seen") == seen and isinstance(since, int) else now
