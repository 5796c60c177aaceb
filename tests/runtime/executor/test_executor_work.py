"""What an executor does for one attempt does not grow with how many others it holds: counted, not timed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ppacer.protocol import Outcome
from ppacer.services import leases
from ppacer.services.executor import Executor

from .conftest import Bench, FakeScheduler, eventually

pytestmark = pytest.mark.slow

MODULE = """
    import asyncio

    async def waits(gate):
        import os
        while not os.path.exists(gate):
            await asyncio.sleep(3600)

    async def talks():
        print("said")
        await asyncio.sleep(0)

    def plain():
        print("said")
"""


@contextmanager
def counted(calls: list[int]) -> Iterator[None]:
    """Adds the number of Python and C calls made in this thread meanwhile."""
    count = 0

    def profile(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(profile)
    try:
        yield
    finally:
        sys.setprofile(None)
        calls.append(count)


def at_work(executor: Executor) -> int:
    """How many attempts have begun: until the worker has said so of each, there is something to hear of them."""
    return sum(held.attempt._judge.begun for held in executor._held.values())


async def calls_for_one(bench: Bench, callable: str, isolation: str, *, others: int) -> int:
    """The fewest calls that an attempt took from its offer to its report, while others wait in the shared worker."""
    scheduler = FakeScheduler()
    async with bench.executor(scheduler, capacity=others + 2) as executor:
        for _ in range(others):
            scheduler.assign("m:waits", str(bench.folder / "never"), given={"isolation": "async"})
        await scheduler.offer()
        await eventually(lambda: at_work(executor) == others)
        calls: list[int] = []
        for _ in range(12):
            attempt = scheduler.assign(callable, given={"isolation": isolation})
            with counted(calls):
                await scheduler.offer()
                report = await scheduler.report(attempt)
            assert report.outcome is Outcome.SUCCESS, report.error
            assert scheduler.text(attempt) == ["said"]
    return min(calls)


@pytest.mark.parametrize(("callable", "isolation"), [("m:talks", "async"), ("m:plain", "process")])
def test_an_attempt_costs_the_same_among_many(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, callable: str, isolation: str
) -> None:
    monkeypatch.setattr(leases, "_CHECK_SECONDS", 3600.0)  # the look at all leases, once a second, is not the attempt's
    bench.module("m", MODULE)
    few = asyncio.run(calls_for_one(bench, callable, isolation, others=5))
    many = asyncio.run(calls_for_one(bench, callable, isolation, others=300))
    # How often the loop wakes up for what a worker says depends on the machine; a look at each other one is 295 calls.
    assert many - few < 200, (few, many)


def test_an_attempts_log_costs_the_same_among_many(bench: Bench) -> None:
    """What it writes is looked at by itself."""
    bench.module("m", MODULE)

    async def main(others: int) -> int:
        scheduler = FakeScheduler()
        async with bench.executor(scheduler, capacity=others + 2) as executor:
            for _ in range(others + 1):
                scheduler.assign("m:waits", str(bench.folder / "never"), given={"isolation": "async"})
            await scheduler.offer()
            await eventually(lambda: at_work(executor) == others + 1)
            held = list(executor._held.values())[-1]
            held.attempt.output.write("stdout", b"first\n")
            calls: list[int] = []
            with counted(calls):
                for _ in range(100):
                    held.attempt.output.write("stdout", b"more\n")
            return calls[0]

    many, few = asyncio.run(main(300)), asyncio.run(main(5))
    # What the garbage collector finalizes meanwhile counts, too; a look at each other one is 295 calls a line.
    assert many - few < 100 * 295 / 10, (few, many)
