"""A scheduler that is not sure to lead its database: it answers nobody, and goes on when it is sure again."""

from __future__ import annotations

import asyncio

import pytest

from ppacer.protocol import Claim
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.scheduler import Condition

from .conftest import Kit, Place


def test_nobody_is_answered_while_the_lead_is_in_doubt(kit: type[Kit], place: Place) -> None:
    sure = True

    async def main() -> None:
        nonlocal sure
        program = kit.program(kit.dag("d", kit.task("a")))
        scheduler = await place.scheduler(program, leads=lambda: sure)
        client = kit.client(scheduler.exchange, program)
        assert await client.claim(1, 0.0) == []
        sure = False
        assert scheduler.health().condition is Condition.STALLED
        assert "not sure" in scheduler.health().message
        for ask in (scheduler.exchange(client.request()), scheduler.trigger("d")):
            with pytest.raises(SchedulerUnavailable, match="not sure at the moment that it still leads"):
                await ask
        sure = True
        assert scheduler.health().condition is Condition.READY
        assert await client.claim(1, 0.0) == []
        await place.stop(scheduler)

    asyncio.run(main())


def test_an_answer_that_was_under_way_when_it_stood_still_is_not_given(kit: type[Kit], place: Place) -> None:
    sure = True

    async def main() -> None:
        nonlocal sure
        program = kit.program(kit.dag("d", kit.task("a")))
        scheduler = await place.scheduler(program, leads=lambda: sure)
        client = kit.client(scheduler.exchange, program)
        polling = asyncio.create_task(scheduler.exchange(client.request(claim=Claim(1, 0.2))))
        await asyncio.sleep(0)
        sure = False
        with pytest.raises(SchedulerUnavailable, match="not sure"):
            await polling
        await place.stop(scheduler)

    asyncio.run(main())
