"""The crash sweep by hand: every point hit by a real kill, in worlds of its own, and a table of what became of it.

    python -m tests.crash.run                             each series of points once, a few kills in each world
    python -m tests.crash.run --alone --passing 2,last    each point in a world of its own, at two of its passings
    python -m tests.crash.run --points commit.claim       those whose name holds that

How often a point is passed, another world tells in which nothing is killed. A point that is not passed as often as was
asked for is told as such, and is no fault.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from tests.crash.check import check
from tests.crash.points import POINTS, Point
from tests.crash.world import NEVER, built, lines, play

NOT_PASSED = "not passed so often"


@dataclass(frozen=True)
class Trial:
    """Points that one world hits, each at its first passing, or a lone one at `passing`: a number, `last`, `random`."""

    points: tuple[Point, ...]
    passing: str = "1"
    plant: str = ""

    @property
    def name(self) -> str:
        whens = ",".join(point.id.rpartition(".")[2] for point in self.points)
        return self.points[0].id if len(self.points) == 1 else f"{self.points[0].series} ({whens})"


@dataclass(frozen=True)
class Result:
    trial: Trial
    seconds: float
    hits: int
    faults: tuple[str, ...]


def series(points: Sequence[Point]) -> list[tuple[Point, ...]]:
    """The points, those together that one world can hit one after the other."""
    found: dict[str, list[Point]] = defaultdict(list)
    for point in points:
        found[point.series].append(point)
    return [tuple(each) for each in found.values()]


def attempt(template: Path, folder: Path, trial: Trial) -> Result:
    """Plays a trial in a new folder, which is kept only if something is wrong."""
    begun = time.monotonic()
    try:
        hits, faults = _play_and_check(template, folder, trial)
    except Exception:  # what there is makes no sense, which is a fault like others
        hits, faults = 0, [traceback.format_exc()]
    if not faults or faults == [NOT_PASSED]:
        shutil.rmtree(folder)
    return Result(trial, time.monotonic() - begun, hits, tuple(faults))


def _play_and_check(template: Path, folder: Path, trial: Trial) -> tuple[int, list[str]]:
    passing = int(trial.passing) if trial.passing.isdecimal() else _passing(template, folder, trial)
    faults = play(template, folder, trial.points, passing=passing, plant=trial.plant)
    hits = sum(line["kind"] == "about" for line in lines(folder / "effects.jsonl"))
    if passing > 1 and not hits:
        return hits, [NOT_PASSED]
    return hits, faults + check(folder)


def _passing(template: Path, folder: Path, trial: Trial) -> int:
    """The number of the last passing of a point, or of any, as a world tells in which nobody is killed."""
    place = folder.with_name(f"{folder.name}-counted")
    play(template, place, trial.points, passing=NEVER)
    last = max((line["passing"] for line in lines(place / "effects.jsonl") if line["kind"] == "passed"), default=1)
    shutil.rmtree(place)
    return last if trial.passing == "last" else random.randint(1, last)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.run", description="the crash sweep")
    parser.add_argument("--points", default="", help="only those whose name holds this")
    parser.add_argument("--passing", default="1", help="at which passings: numbers, `last`, `random` [1]")
    parser.add_argument("--times", type=int, default=1, help="how often [1]")
    parser.add_argument("--alone", action="store_true", help="each point in a world of its own")
    parser.add_argument("--worlds", type=int, default=3, help="how many worlds at once [3]")
    parser.add_argument("--folder", type=Path, help="where to keep what went wrong [a new one]")
    options = parser.parse_args(arguments)
    chosen = [point for point in POINTS.values() if options.points in point.id]
    if options.passing != "1" and not options.alone:
        parser.error("--passing needs --alone: what a kill is followed by is not the same again")
    groups = [(point,) for point in chosen] if options.alone else series(chosen)
    trials = [
        Trial(group, passing)
        for _ in range(options.times)
        for group in groups
        for passing in options.passing.split(",")
    ]
    folder = options.folder or Path(tempfile.mkdtemp(prefix="crash-"))
    folder.mkdir(exist_ok=True)
    template = folder / "template"
    template.mkdir()
    built(template)
    begun = time.monotonic()
    print(f"{'point':58} {'passing':>7} {'hits':>4} {'seconds':>7}  result")
    results: list[Result] = []
    with ThreadPoolExecutor(options.worlds) as pool:
        waiting = [
            pool.submit(attempt, template, folder / f"{number:04}", trial) for number, trial in enumerate(trials)
        ]
        for done in as_completed(waiting):
            result = done.result()
            results.append(result)
            _tell(result)
    bad = [result for result in results if result.faults and result.faults != (NOT_PASSED,)]
    kills = sum(result.hits for result in results)
    print(f"{len(results)} worlds, {kills} kills, {len(bad)} with faults, {time.monotonic() - begun:.0f} s")
    if bad:
        print(f"what went wrong is kept in {folder}")
    else:
        shutil.rmtree(folder)
    return 1 if bad else 0


def _tell(result: Result) -> None:
    good = not result.faults or result.faults == (NOT_PASSED,)
    word = result.faults[0] if good and result.faults else "ok" if good else "FAULT"
    trial = result.trial
    print(f"{trial.name:58} {trial.passing:>7} {result.hits:>4} {result.seconds:>7.1f}  {word}", flush=True)
    if not good:
        for fault in result.faults:
            print(f"    {fault}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
