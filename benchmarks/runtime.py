"""What a built program costs, as ratios that hold on any machine: `python benchmarks/runtime.py`.

Time on the wall of whole processes, the best of several runs, against a baseline of the same run: a bare Python start
(`python -c pass`), which is what each task would cost at least if it were a process started anew. Ends with 1 if
something is above its limit; the limits leave room for a machine that has other work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

RUNS = 3
STARTS = 15
CHAIN = 200
MEMBERS = 1_000

STEPS = """
def numbers(count: int) -> list[int]:
    return list(range(count))

def step(number: int = 0) -> int:
    return number
"""


class Line(NamedTuple):
    what: str
    value: float
    limit: float


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("steps.py").write_text(STEPS, encoding="utf-8")
        Path("bench.ppd").write_text(source(), encoding="utf-8")
        _call([sys.executable, "-m", "ppc.cli", "build", "bench.ppd", "-o", "bench.py"], 1)
        return _print(_lines())


def _lines() -> Iterator[Line]:
    start = _call([sys.executable, "-c", "pass"], STARTS)
    one = _run("one")
    yield Line("run of one task, whole process / bare Python start", one / start, 250)
    chain = (_run("chain") - one) / (CHAIN - 1)
    yield Line(f"a task of a chain of {CHAIN} / bare Python start", chain / start, 3)
    few, many = _run("members", MEMBERS // 2), _run("members", MEMBERS)
    yield Line(f"a member of a family of {MEMBERS:,} / bare Python start", (many - one) / MEMBERS / start, 1)
    yield Line(f"run of a family of {MEMBERS:,} members / of {MEMBERS // 2:,}", many / few, 2.8)
    yield Line(f"{MEMBERS:,} that sleep for a second at once, seconds", _run("sleepers"), 30)


def source() -> str:
    """One task; a chain; a family that is made at run time; tasks that wait all at once."""
    chain = "".join(f"  task t{number} = step()\n" for number in range(CHAIN))
    edges = "".join(f"  t{number} -> t{number + 1}\n" for number in range(CHAIN - 1))
    return (
        "from steps import numbers, step\n\n"
        "dag one {\n  task t = step()\n}\n\n"
        f"dag chain {{\n{chain}{edges}}}\n\n"
        "dag members {\n  param count: int = 1\n  task all = numbers(params.count)\n"
        "  task each[n in all] = step(n)\n}\n\n"
        f"dag sleepers {{\n  task all = numbers({MEMBERS})\n  task each[n in all] = sleep(1s)\n}}\n"
    )


def _run(dag: str, count: int | None = None) -> float:
    given = [] if count is None else ["--param", f"count={count}"]
    return _call([sys.executable, "bench.py", "run", dag, *given, "--quiet"], RUNS)


def _call(command: Sequence[str], times: int) -> float:
    """The seconds that the fastest of so many calls took."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return min(taken)


def _print(lines: Iterator[Line]) -> int:
    failed = 0
    for line in lines:
        above = line.value > line.limit
        failed |= above
        print(f"{line.value:8.2f}  {line.what}, limit {line.limit:g}{'  ABOVE ITS LIMIT' if above else ''}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
