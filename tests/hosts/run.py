"""Plays the scenarios and prints what came of each: `python -m tests.hosts.run [--times N] [NAME …]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.hosts.checker import Verdict
from tests.hosts.network import KINDS, best_kind
from tests.hosts.scenarios import SCENARIOS, Scenario, playable

_HEAD = f"{'scenario':<36}{'result':<8}{'s':>6}{'runs':>6}{'attempts':>10}{'lost':>6}{'least gap, s':>14}"


def main() -> int:
    """0 where all went as it should."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts.run")
    parser.add_argument("parts", metavar="NAME", nargs="*", help="parts of the names of those to play [all]")
    parser.add_argument("--times", type=int, default=1, help="how often each is played")
    parser.add_argument("--network", choices=KINDS, help="what hosts are [namespaces where they are allowed]")
    parser.add_argument("--parallel", type=int, default=2, help="how many at a time")
    options = parser.parse_args()
    kind = options.network or best_kind()
    chosen = [
        scenario
        for scenario in SCENARIOS
        if playable(scenario, kind) and (not options.parts or any(part in scenario.name for part in options.parts))
    ]
    print(f"hosts are {kind}\n{_HEAD}", flush=True)
    with ThreadPoolExecutor(options.parallel) as pool:
        good = list(pool.map(lambda scenario: _play(scenario, kind), chosen * options.times))
    print(f"{sum(good)} of {len(good)} went as they should")
    return 0 if all(good) else 1


def _play(scenario: Scenario, kind: str) -> bool:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            verdict = scenario.play(Path(folder), kind)
        except BaseException as error:  # a failed expectation of pytest's is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            verdict = Verdict([f"{type(error).__name__}: {error}"])
    seconds = time.monotonic() - begun
    gap = "" if verdict.gap is None else f"{verdict.gap:.3f}"
    result = "FAILED" if verdict.faults else "good"
    numbers = f"{seconds:>6.1f}{verdict.runs:>6}{verdict.attempts:>10}{verdict.lost:>6}{gap:>14}"
    print(f"{scenario.name:<36}{result:<8}{numbers}", *verdict.faults, sep="\n    ", flush=True)
    return not verdict.faults


if __name__ == "__main__":
    sys.exit(main())
