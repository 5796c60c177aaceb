"""Delays between attempts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer import spec
from ppacer.core.backoff import LONGEST, retry_delay

AT = spec.At(1, 1)
SECOND = timedelta(seconds=1)


def task(backoff: spec.Backoff | None = None, delay: timedelta = timedelta(0)) -> spec.Task:
    return spec.Task("t", "m:f", AT, retries=9, retry_delay=delay, backoff=backoff)


def test_without_a_backoff_it_is_the_retry_delay() -> None:
    assert retry_delay(task(), 1, 0.5) == timedelta(0)
    assert [retry_delay(task(delay=5 * SECOND), n, 0.9) for n in (1, 2, 9)] == [5 * SECOND] * 3


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (spec.Backoff(10 * SECOND), [10, 20, 40, 80]),
        (spec.Backoff(10 * SECOND, max=35 * SECOND), [10, 20, 35, 35]),
        (spec.Backoff(10 * SECOND, factor=1.0), [10, 10, 10, 10]),
        (spec.Backoff(8 * SECOND, factor=1.5), [8, 12, 18, 27]),
        (spec.Backoff(10 * SECOND, max=5 * SECOND), [5, 5, 5, 5]),
    ],
)
def test_it_grows_up_to_its_maximum(backoff: spec.Backoff, expected: list[float]) -> None:
    assert [retry_delay(task(backoff), n, 0.5) for n in (1, 2, 3, 4)] == [n * SECOND for n in expected]


def test_jitter_spreads_evenly_around_the_delay() -> None:
    backoff = spec.Backoff(10 * SECOND, max=20 * SECOND, jitter=0.2)
    assert [retry_delay(task(backoff), 1, random) for random in (0.0, 0.25, 0.5, 0.75)] == [
        8 * SECOND,
        9 * SECOND,
        10 * SECOND,
        11 * SECOND,
    ]
    assert retry_delay(task(backoff), 5, 0.0) == 16 * SECOND


@given(
    st.timedeltas(timedelta(0), timedelta(days=10)),
    st.floats(0, 1e300),
    st.none() | st.timedeltas(timedelta(0), timedelta(days=999)),
    st.floats(0, 1),
    st.integers(1, 10**6),
    st.floats(0, 1, exclude_max=True),
)
def test_it_is_bounded_whatever_is_asked(
    initial: timedelta, factor: float, most: timedelta | None, jitter: float, failed: int, random: float
) -> None:
    delay = retry_delay(task(spec.Backoff(initial, factor, most, jitter)), failed, random)
    assert timedelta(0) <= delay <= LONGEST * 2
