"""Runs simulated worlds: `python -m tests.simulator.run --seeds FIRST:LAST --processes N [--only SEED --trace]`.

Says how many, how fast, and what they went through. Ends with 1 if one of them broke an invariant, and says how to see
that again. With `--coverage N` the first N seeds are run once more, and the lines of `ppacer.services` and
`ppacer.core` that they come by are counted.
"""

from __future__ import annotations

import argparse
import gc
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context

from tests.simulator.coverage import Lines
from tests.simulator.surroundings import simulated
from tests.simulator.world import Broken, World

CHUNK = 100
"""So many seeds are given to a process at once."""

MOST_TOLD = 20


@dataclass(slots=True)
class Outcome:
    seeds: int = 0
    steps: int = 0
    commits: int = 0
    seconds: float = 0.0
    """Of virtual time."""
    done: Counter[str] = field(default_factory=Counter)
    failures: dict[int, str] = field(default_factory=dict)
    traces: dict[int, str] = field(default_factory=dict)

    def add(self, other: Outcome) -> None:
        self.seeds += other.seeds
        self.steps += other.steps
        self.commits += other.commits
        self.seconds += other.seconds
        self.done.update(other.done)
        self.failures.update(other.failures)
        self.traces.update(other.traces)


def run_seeds(seeds: Sequence[int], *, stop_at_failure: bool = False) -> Outcome:
    """Runs each of the seeds, in this process."""
    outcome = Outcome()
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.disable()
    try:
        with simulated():
            for number, seed in enumerate(seeds):
                world = World(seed)
                try:
                    world.run()
                except Broken as broken:
                    outcome.failures[seed] = str(broken)
                outcome.seeds += 1
                outcome.steps += world.timeline.steps
                outcome.commits += world.watch.commits
                outcome.seconds += world.timeline.now - 1000.0
                outcome.done.update(world.done)
                outcome.traces[seed] = world.trace
                if outcome.failures and stop_at_failure:
                    break
                if number % 10 == 9:
                    gc.collect()
    finally:
        gc.enable()
        logging.disable(logging.NOTSET)
    return outcome


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator.run", description=__doc__)
    parser.add_argument("--seeds", default="1:1000", metavar="FIRST:LAST")
    parser.add_argument("--processes", type=int, default=1, metavar="N")
    parser.add_argument("--coverage", type=int, default=0, metavar="N")
    parser.add_argument("--only", type=int, metavar="SEED")
    parser.add_argument("--trace", action="store_true")
    given = parser.parse_args(arguments)
    if given.only is not None:
        return _only(given.only, told=given.trace)
    first, _, last = given.seeds.partition(":")
    begun = time.monotonic()
    outcome = _run_all(range(int(first), int(last) + 1), given.processes)
    _tell(outcome, time.monotonic() - begun, given.seeds)
    if given.coverage:
        _tell_coverage(range(int(first), int(first) + given.coverage))
    return 1 if outcome.failures else 0


def _run_all(seeds: range, processes: int) -> Outcome:
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    total = Outcome()
    if processes == 1:
        for chunk in chunks:
            total.add(run_seeds(chunk))
        return total
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), max_tasks_per_child=50) as pool:
        for done in as_completed([pool.submit(run_seeds, chunk) for chunk in chunks]):
            total.add(done.result())
    return total


def _tell(outcome: Outcome, seconds: float, seeds: str) -> None:
    print(f"{outcome.seeds} seeds ({seeds}) in {seconds:.0f} s: {outcome.seeds / seconds:.0f} seeds/s")
    print(
        f"{outcome.steps:,} steps, {outcome.commits:,} commits, {outcome.seconds / 3600:,.0f} hours of virtual time, "
        f"{len(outcome.failures)} seeds failed"
    )
    for what, number in sorted(outcome.done.items()):
        print(f"  {number:>9} {what}")
    for seed, text in sorted(outcome.failures.items())[:MOST_TOLD]:
        print(f"\nseed {seed}: {text[:600]}\n  again: python -m tests.simulator.run --only {seed} --trace")


def _tell_coverage(seeds: range) -> None:
    lines = Lines()
    lines.count(lambda: run_seeds(seeds))
    found = list(lines.report())
    print(f"\nlines within functions that {len(seeds)} seeds run:")
    for name, run, there in found:
        print(f"  {100 * run / there:>5.0f}% of {there:>4} {name}")
    for folder in ("core/", "services/"):
        run, there = (sum(row[index] for row in found if row[0].startswith(folder)) for index in (1, 2))
        print(f"  {100 * run / there:>5.0f}% of {there:>4} {folder} in all")


def _only(seed: int, *, told: bool) -> int:
    with simulated():
        if told:
            logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="    %(levelname)s %(message)s")
        else:
            logging.disable(logging.CRITICAL)
        world = World(seed, told=told)
        try:
            world.run()
        except Broken as broken:
            print(broken)
            return 1
        print(f"seed {seed}: {world.timeline.steps} steps, {world.watch.commits} commits, trace {world.trace}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
