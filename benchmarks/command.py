"""What `python pipeline.py run DAG` costs, as ratios to a bare Python start: what each task would cost at least if it
were a process started anew."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import programs
from benchmarks.reference import Reference
from benchmarks.table import Row

RUNS = 3
STARTS = 15
MEMBERS = 1_000


def command(folder: Path, _: Reference) -> Iterator[Row]:
    sleepers = f"dag sleepers {{\n  task all = numbers({MEMBERS})\n  task each[n in all] = sleep(1s)\n}}\n"
    one = "dag one {\n  task t = step()\n}\n\n"
    file = programs.build(folder / "command", programs.wide("process") + one + sleepers)
    start = _call([sys.executable, "-c", "pass"], folder, STARTS)
    yield Row("run of one task, whole process", _run(file, "one"), "s", 250 * start, start)
    few, many = (_run(file, programs.WIDE, count) for count in (MEMBERS // 2, MEMBERS))
    yield Row(f"run of {MEMBERS:,} tasks, process, to one of {MEMBERS // 2:,}", many, "s", 2.8 * few, few)
    yield Row(f"{MEMBERS:,} tasks that sleep for a second", _run(file, "sleepers"), "s", 30, None)


def _run(file: Path, dag: str, count: int | None = None) -> float:
    given = [] if count is None else ["--param", f"count={count}"]
    return _call([sys.executable, file.name, "run", dag, *given, "--quiet"], file.parent, RUNS)


def _call(command: Sequence[str], folder: Path, times: int) -> float:
    """The seconds that the fastest of so many calls took."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return min(taken)
