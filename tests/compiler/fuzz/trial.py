"""Tries inputs on the compiler, each within a bound of processor time, and gathers what fails."""

from __future__ import annotations

import signal
import sys
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from ppc.callables import CallableFinder
from tests.compiler.fuzz.inputs import ROOT, Corpus, draw, for_all_stages
from tests.compiler.fuzz.laws import check

SECONDS: Final = 10.0
"""Processor time that an input may take. Sound ones of this size take milliseconds."""
_RENDERED: Final = 8
"""Every input of which the number is a multiple of this has its faults shown."""
_TWICE: Final = 50
"""Every input of which the number is a multiple of this is tried twice."""
_SHRINKING: Final = 3000
"""How many smaller inputs are tried at most to shrink one."""


class TooSlowError(Exception):
    """The input took more processor time than it may."""


@dataclass(frozen=True, slots=True)
class Failure:
    """`what` is the same for failures of the same cause, as far as the place of an exception tells."""

    what: str
    number: int
    raw: bytes
    trace: str


@dataclass(slots=True)
class Outcome:
    """Counts over inputs, and the first failure of every cause."""

    inputs: int = 0
    compiled: int = 0
    sound: int = 0
    faults: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failure] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        self.inputs += other.inputs
        self.compiled += other.compiled
        self.sound += other.sound
        self.faults += other.faults
        self.kinds += other.kinds
        self.failed += other.failed
        for what, failure in other.failures.items():
            known = self.failures.get(what)
            if known is None or len(failure.raw) < len(known.raw):
                self.failures[what] = failure


def make_finder() -> CallableFinder:
    """Looks into the project that the compiler's cases import."""
    return CallableFinder([Path(ROOT, "tests/compiler/project")], sys.path)


def try_inputs(
    corpus: Corpus,
    seed: int,
    numbers: Iterable[int],
    finder: CallableFinder,
    begun: Callable[[int], None] | None = None,
) -> Outcome:
    """Tries the inputs of these numbers; before each its number is told to `begun`."""
    outcome = Outcome()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in numbers:
            if begun is not None:
                begun(number)
            drawn = draw(corpus, seed, number)
            outcome.inputs += 1
            outcome.kinds[drawn.kind] += 1
            try:
                with processor_time(SECONDS):
                    answer = check(
                        drawn.raw,
                        finder if for_all_stages(number) else None,
                        render=number % _RENDERED == 0,
                        twice=number % _TWICE == 0,
                    )
            except Exception as error:
                what = cause(error)
                outcome.failed[what] += 1
                if what not in outcome.failures:
                    outcome.failures[what] = Failure(what, number, drawn.raw, traceback.format_exc(limit=-8))
                continue
            outcome.compiled += answer.compiled
            outcome.sound += answer.sound
            outcome.faults += answer.faults
    return outcome


@contextmanager
def processor_time(seconds: float) -> Iterator[None]:
    """Raises `TooSlowError` where the block takes longer, by the processor's time and not the clock's."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise TooSlowError(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def cause(error: Exception) -> str:
    """The kind of a failure and where it came from."""
    if isinstance(error, TooSlowError):
        return "TooSlowError"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    text = str(error).partition("\n")[0]
    words = text.partition(" at ")[0].partition(" points ")[0] if isinstance(error, AssertionError) else ""
    return f"{type(error).__name__} in {Path(frame.filename).name}:{frame.lineno} {frame.name} {words}".rstrip()


def shrink(failure: Failure, finder: CallableFinder) -> bytes:
    """A smaller input that fails in the same way."""

    def fails(raw: bytes) -> bool:
        try:
            with processor_time(SECONDS):
                check(raw, finder, twice="second" in failure.what)
        except Exception as error:
            return cause(error) == failure.what
        return False

    raw, tries = failure.raw, 0
    size = max(1, len(raw) // 2)
    while size and tries < _SHRINKING:
        place = 0
        while place < len(raw) and tries < _SHRINKING:
            smaller = raw[:place] + raw[place + size :]
            tries += 1
            if fails(smaller):
                raw = smaller
            else:
                place += size
        size //= 2
    return raw
