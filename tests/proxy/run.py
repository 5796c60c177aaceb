"""The fault proxy by hand: every mode with every kind of exchange, and a table of what became of it.

python -m tests.proxy.run
python -m tests.proxy.run --kind report --mode "half-open"
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.proxy.faults import Kind, Mode
from tests.proxy.harness import Cell, Harness


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.proxy.run", description="the fault proxy")
    parser.add_argument("--kind", type=Kind, action="append", help="only exchanges of this kind; repeat it for more")
    parser.add_argument("--mode", type=Mode, action="append", help="only this fault; repeat it for more")
    parser.add_argument("--times", type=int, default=1, help="how often [1]")
    options = parser.parse_args(arguments)
    bad = 0
    for _ in range(options.times):
        folder = Path(tempfile.mkdtemp(prefix="proxy-"))
        begun = time.monotonic()
        cells = asyncio.run(Harness(folder).run(options.kind or list(Kind), options.mode or list(Mode)))
        print(table(cells))
        wrong = [cell for cell in cells if cell.faults]
        print(f"{len(cells)} cells, {len(wrong)} with faults, {time.monotonic() - begun:.0f} s")
        bad += len(wrong)
        if wrong:
            print(f"what went wrong is kept in {folder}")
        else:
            shutil.rmtree(folder)
    return 1 if bad else 0


def table(cells: Sequence[Cell]) -> str:
    """A line for each cell, and for each of its faults; seconds from the fault to the end of the run."""
    rows = [f"{'exchange':10} {'fault':38} {'seconds':>7}  result"]
    for cell in sorted(cells, key=lambda cell: (list(Kind).index(cell.kind), list(Mode).index(cell.mode))):
        rows.append(f"{cell.kind:10} {cell.mode:38} {cell.seconds:>7.1f}  {'FAULT' if cell.faults else 'ok'}")
        rows += [f"    {fault}" for fault in cell.faults]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
