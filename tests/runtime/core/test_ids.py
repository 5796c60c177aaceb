"""Ids: the layout of RFC 9562, and that they sort by time."""

from __future__ import annotations

import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer.core.ids import RANDOM_BYTES, IdSource, uuid7

instants = st.integers(0, (1 << 48) * 1000 - 1)
chance = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def test_the_example_of_the_rfc() -> None:
    """Appendix A.6: 2022-02-22 14:22:22.00 -05:00, rand_a 0xCC3 (here the fraction of the millisecond)."""
    made = uuid7(1645557742000 * 1000 + 798, bytes.fromhex("0000") + (0x18C4DC0C0C07398F).to_bytes(8, "big"))
    assert made == "017f22e2-79b0-7cc4-98c4-dc0c0c07398f"


@given(instants, chance)
def test_layout(now: int, random: bytes) -> None:
    made = uuid.UUID(uuid7(now, random))
    assert str(made) == uuid7(now, random)
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == now // 1000


@given(st.lists(instants, unique=True), chance, chance)
def test_ids_of_different_microseconds_sort_by_time(times: list[int], one: bytes, other: bytes) -> None:
    made = [(uuid7(now, (one, other)[n % 2]), now) for n, now in enumerate(times)]
    assert [now for _, now in sorted(made)] == sorted(times)


@given(st.lists(st.integers(10**15, 10**15 + 20), max_size=40))
def test_a_source_grows_even_when_the_clock_steps_back(times: list[int]) -> None:
    source = IdSource(os.urandom)
    made = [source.next(now) for now in times]
    assert made == sorted(set(made))


def test_refusals() -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(0, b"")
    with pytest.raises(ValueError, match="no id can be made"):
        uuid7(-1, bytes(10))
