"""What built-in tasks are called with, and how they are brought through their waiting."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ppacer.context import Cancellation, RunContext, TaskContext
from ppacer.core import codec
from ppacer.deferral import Deferred
from ppacer.protocol import Deferral

SCHEDULED_AT = datetime(2026, 1, 1, 2, tzinfo=ZoneInfo("Europe/Warsaw"))
NOW = 1_767_225_600_000_000
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def context(caplog: pytest.LogCaptureFixture) -> TaskContext:
    caplog.set_level(logging.DEBUG)
    return TaskContext(
        run=RunContext(
            id="01900000-0000-7000-8000-000000000001",
            dag="sales",
            build="0" * 64,
            scheduled_at=SCHEDULED_AT,
            date=SCHEDULED_AT.date(),
            previous=None,
            params={},
        ),
        task="wait",
        attempt=1,
        idempotency_key=KEY,
        logger=logging.getLogger("task"),
        cancelled=Cancellation(),
    )


def deferral(call: Callable[[], object]) -> Deferral:
    """What the scheduler is told of a call that defers, at `NOW`."""
    with pytest.raises(Deferred) as caught:
        call()
    return caught.value.deferral(NOW)


@dataclass
class Waiting:
    """A task that looks for something now and then: each `look` is one part of one attempt."""

    call: Callable[[TaskContext], object]
    context: TaskContext
    delay: timedelta = timedelta(0)
    """From the last look to the next."""

    def look(self) -> object:
        """None if it is to look again, else what it returned."""
        try:
            return self.call(self.context)
        except Deferred as deferred:
            told = deferred.deferral(NOW)
            assert told.until is not None
            assert told.run is None
            assert told.state is not None
            assert len(told.state) < 1000, "the scheduler keeps it for each of ten thousand"
            self.delay = timedelta(microseconds=told.until - NOW)
            self.context = replace(self.context, state=codec.decode(told.state), part=self.context.part + 1)
            return None


def utc(instant: int) -> str:
    return datetime.fromtimestamp(instant / 1_000_000, UTC).isoformat()
