"""Fuzzes the compiler: `python -m tests.compiler.fuzz.run --inputs N --seed S --processes P`.

Says what was tried, how fast, and of every kind of failure the smallest input. Ends with 1 if there was one.
`--only NUMBER` tries that one input again, and shows it.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import sys
import time
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import Synchronized
from typing import Final

from tests.compiler.fuzz.inputs import Corpus, draw, read_corpus
from tests.compiler.fuzz.laws import check
from tests.compiler.fuzz.trial import Failure, Outcome, make_finder, shrink, try_inputs

STUCK_SECONDS: Final = 300.0
"""An input that keeps a process longer than this, by the clock, hangs where no signal of the watch reaches it."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compiler.fuzz.run", description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    parser.add_argument("--processes", type=int, default=1, metavar="P")
    parser.add_argument("--only", type=int, metavar="NUMBER")
    given = parser.parse_args(arguments)
    corpus = read_corpus()
    if given.only is not None:
        return _only(corpus, given.seed, given.only)
    begin = time.monotonic()
    outcome = fuzz(given.seed, given.inputs, given.processes)
    _tell(outcome, time.monotonic() - begin, given.seed, len(corpus.texts))
    finder = make_finder()
    for failure in outcome.failures.values():
        small = failure.raw if failure.what.startswith("process") else shrink(failure, finder)
        print(f"\n{failure.what}\n  {outcome.failed[failure.what]} times, first --only {failure.number}")
        print(f"  {small!r}\n{failure.trace}")
    return 1 if outcome.failures else 0


def fuzz(seed: int, inputs: int, processes: int) -> Outcome:
    """Tries that many inputs, shared out among processes. A process that dies or hangs is a failure of its input."""
    context = multiprocessing.get_context("spawn")
    running: dict[Connection, tuple[SpawnProcess, Synchronized[int], int]] = {}
    for share in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        at: Synchronized[int] = context.Value("q", -1)
        process = context.Process(target=_work, args=(seed, range(share, inputs, processes), at, sender), daemon=True)
        process.start()
        sender.close()
        running[receiver] = (process, at, -1)
    total = Outcome()
    while running:
        ready = wait(list(running), timeout=STUCK_SECONDS)
        for receiver in list(running):
            process, at, before = running[receiver]
            now = at.value
            if receiver in ready:
                try:
                    total.add(receiver.recv())
                except EOFError:
                    process.join()
                    _lost(total, seed, now, f"process ended with {process.exitcode}")
            elif not ready and now == before:
                process.kill()
                _lost(total, seed, now, "process hangs")
            else:
                running[receiver] = (process, at, now)
                continue
            process.join()
            del running[receiver]
    return total


def _work(seed: int, numbers: range, at: Synchronized[int], sender: Connection) -> None:
    def begun(number: int) -> None:
        at.value = number

    corpus, finder = read_corpus(), make_finder()
    gc.freeze()
    sender.send(try_inputs(corpus, seed, numbers, finder, begun))


def _lost(total: Outcome, seed: int, number: int, what: str) -> None:
    raw = draw(read_corpus(), seed, max(0, number)).raw
    total.failures[what] = Failure(what, number, raw, "")
    total.failed[what] += 1


def _tell(outcome: Outcome, seconds: float, seed: int, texts: int) -> None:
    print(f"{outcome.inputs} inputs of seed {seed} from {texts} sources in {seconds:.0f} s")
    print(
        f"{outcome.inputs / seconds:.0f} inputs/s, {outcome.compiled} through all stages, {outcome.sound} of them sound"
    )
    print(f"{outcome.faults} faults told, {sum(outcome.failed.values())} failures of {len(outcome.failures)} kinds")
    for kind, count in sorted(outcome.kinds.items()):
        print(f"  {count:>9} {kind}")


def _only(corpus: Corpus, seed: int, number: int) -> int:
    drawn = draw(corpus, seed, number)
    print(f"{drawn.kind}\n{drawn.raw!r}")
    try:
        print(check(drawn.raw, make_finder(), twice=True))
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
