"""How executors ask again for a scheduler that is away: at growing intervals, up to a bound, and not all at once."""

from __future__ import annotations

import asyncio
import selectors
from itertools import pairwise

import pytest

from ppacer.protocol import PROTOCOL_VERSION, Exchange, ExchangeAnswer
from ppacer.services.transport import FIRST_DELAY, LAST_DELAY, DirectTransport, Link

EXCHANGE = Exchange(PROTOCOL_VERSION, "host-1", "instance", "request", "build")
AWAY_SECONDS = 120.0
GROWING = [0.1, 0.2, 0.4, 0.8, 1.6]


class SkippingSelector(selectors.DefaultSelector):
    """Waits for nothing: what time would have passed is added to the clock."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += timeout or 0.0
        return super().select(0)


class SkippingLoop(asyncio.SelectorEventLoop):
    """Its clock stands still while there is anything to do, and then jumps to what is due next."""

    def __init__(self) -> None:
        self._clock = SkippingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def tries_of(executors: int) -> list[list[float]]:
    """When each of so many executors tried to reach a scheduler that was away for two minutes."""

    async def try_for_ever(times: list[float]) -> None:
        async def handler(exchange: Exchange) -> ExchangeAnswer:
            times.append(asyncio.get_running_loop().time())
            raise OSError("away")

        await Link(DirectTransport(handler)).ask(EXCHANGE, 5.0)

    async def main() -> list[list[float]]:
        found: list[list[float]] = [[] for _ in range(executors)]
        trying = [asyncio.create_task(try_for_ever(times)) for times in found]
        await asyncio.sleep(AWAY_SECONDS)
        for task in trying:
            task.cancel()
        await asyncio.gather(*trying, return_exceptions=True)
        return found

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        return runner.run(main())


def test_tries_come_at_growing_intervals_up_to_a_bound() -> None:
    (times,) = tries_of(1)
    waits = [after - before for before, after in pairwise(times)]
    delays = [*GROWING, *[LAST_DELAY] * (len(waits) - len(GROWING))]
    assert times[0] == 0.0
    assert delays[0] == FIRST_DELAY
    for wait, delay in zip(waits, delays, strict=True):
        assert 0.5 * delay - 1e-6 <= wait <= 1.5 * delay + 1e-6
    at_least, at_most = (int((AWAY_SECONDS - sum(GROWING)) / (by * LAST_DELAY)) for by in (1.5, 0.5))
    assert at_least <= len(waits) - len(GROWING) <= at_most + 1


def test_executors_do_not_come_all_at_once() -> None:
    """Fifty that lost their scheduler at the same moment: half a minute later they are spread evenly."""
    found = tries_of(50)
    assert len({tuple(times) for times in found}) == 50
    late = sorted(at for times in found for at in times if at > 30.0)
    windows = [sum(start <= at < start + 0.1 for at in late) for start in range(31, 119)]
    assert max(windows) <= 15  # 50 in 3 s are 1.7 in a tenth of one; in step it would be all 50


@pytest.mark.parametrize("rests", [True, False])
def test_whoever_is_answered_begins_anew(rests: bool) -> None:
    """An outage later on is met as the first one was, however soon it comes."""
    times: list[float] = []
    answers = iter([False, False, False, False, True, False, True])

    async def handler(exchange: Exchange) -> ExchangeAnswer:
        times.append(asyncio.get_running_loop().time())
        if not next(answers):
            raise OSError("away")
        return ExchangeAnswer()

    async def main() -> None:
        link = Link(DirectTransport(handler))
        await link.ask(EXCHANGE, 5.0)
        if rests:
            await asyncio.sleep(1.0)
        await link.ask(EXCHANGE, 5.0)

    with asyncio.Runner(loop_factory=SkippingLoop) as runner:
        runner.run(main())
    assert len(times) == 7
    assert times[6] - times[5] <= 1.5 * FIRST_DELAY + 1e-6
