"""An executor that is heard but hears nothing: it must let go of what it can no longer be sure of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ppacer.protocol import Exchange, Outcome

from .conftest import Bench, FakeScheduler, gone, numbers_in

pytestmark = pytest.mark.slow

MODULE = """
    import os, time
    from pathlib import Path

    def stubborn(path):
        Path(path).write_text(str(os.getpid()))
        end = time.monotonic() + 3600
        while time.monotonic() < end:
            try:
                time.sleep(3600)
            except BaseException:
                pass
"""


@pytest.fixture(autouse=True)
def module(bench: Bench) -> None:
    bench.module("m", MODULE)


def test_what_was_fenced_is_no_longer_renewed(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    """Else nobody would ever be given it: one report waits for an answer, the next one waits for its turn."""
    deaf = False

    def after(exchange: Exchange) -> None:
        if deaf:
            raise OSError("the answer is lost")

    async def main() -> None:
        nonlocal deaf
        scheduler.after = after
        async with bench.executor(scheduler, capacity=2):
            attempts = [scheduler.assign("m:stubborn", str(tmp_path / name)) for name in ("one", "two")]
            await scheduler.offer()
            pids = [pid for name in ("one", "two") for pid in await numbers_in(tmp_path / name)]
            deaf = True
            bench.slept = 29.0  # of a lease of 30 s, which could be renewed until now
            await gone(pids)
            seen = len(scheduler.exchanges)
            await scheduler.until(lambda: sum(bool(one.reports) for one in scheduler.exchanges[seen:]) >= 3)
            assert not [one for one in scheduler.exchanges[seen:] if one.renewals]
            deaf = False
            for attempt in attempts:
                assert (await scheduler.report(attempt)).outcome is Outcome.LOST

    asyncio.run(main())


def test_a_lost_attempt_is_no_reason_to_ask_for_another(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    """What is granted in the same breath may be lost likewise. The next poll asks, if it is answered."""
    deaf = False

    def after(exchange: Exchange) -> None:
        if deaf:
            raise OSError("the answer is lost")

    async def main() -> None:
        nonlocal deaf
        scheduler.after = after
        async with bench.executor(scheduler, capacity=1):
            attempt = scheduler.assign("m:stubborn", str(tmp_path / "pid"))
            await scheduler.offer()
            pids = await numbers_in(tmp_path / "pid")
            deaf = True
            bench.slept = 29.0  # of a lease of 30 s, which could be renewed until now
            await gone(pids)
            assert (await scheduler.report(attempt)).outcome is Outcome.LOST
            assert not [one for one in scheduler.exchanges if one.reports and one.claim is not None]
            deaf = False
            await scheduler.until(lambda: (claim := scheduler.exchanges[-1].claim) is not None and claim.slots == 1)

    asyncio.run(main())
