"""Instants and wall-clock times."""

# ruff: noqa: DTZ001 (wall-clock times are naive)
from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer.core import instants
from ppacer.core.instants import (
    UnknownZoneError,
    from_datetime,
    from_local,
    iso,
    shift_at,
    to_datetime,
    zone,
)

WARSAW = zone("Europe/Warsaw")


def test_the_epoch_and_single_microseconds() -> None:
    assert from_datetime(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert from_datetime(datetime(1970, 1, 1, 0, 0, 0, 1, UTC)) == 1
    assert from_datetime(datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)) == -1
    assert to_datetime(-1) == datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)
    assert instants.duration(instants.microseconds(timedelta(days=-1, microseconds=5))) == timedelta(
        days=-1, microseconds=5
    )


@given(st.integers(-(10**16), 10**17), st.sampled_from(["UTC", "Europe/Warsaw", "Australia/Lord_Howe", "Pacific/Apia"]))
def test_an_instant_comes_back_through_any_zone(instant: int, name: str) -> None:
    shown = to_datetime(instant, zone(name))
    assert from_datetime(shown) == instant
    assert datetime.fromisoformat(iso(instant, zone(name))) == to_datetime(instant)


@pytest.mark.parametrize(
    ("wall", "zone_name", "expected"),
    [
        (datetime(2026, 1, 1, 2, 30), "Europe/Warsaw", "2026-01-01T02:30:00+01:00"),
        (date(2026, 7, 1), "Europe/Warsaw", "2026-07-01T00:00:00+02:00"),
        (datetime(2026, 3, 29, 1, 59, 59), "Europe/Warsaw", "2026-03-29T01:59:59+01:00"),
        (datetime(2026, 3, 29, 2, 0), "Europe/Warsaw", "2026-03-29T03:00:00+02:00"),
        (datetime(2026, 3, 29, 2, 59, 59), "Europe/Warsaw", "2026-03-29T03:00:00+02:00"),
        (datetime(2026, 10, 25, 2, 0), "Europe/Warsaw", "2026-10-25T02:00:00+02:00"),
        (datetime(2026, 10, 25, 3, 0), "Europe/Warsaw", "2026-10-25T03:00:00+01:00"),
        (datetime(2026, 10, 4, 2, 15), "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"),
        (datetime(2011, 12, 30, 12, 0), "Pacific/Apia", "2011-12-31T00:00:00+14:00"),
        (date(2018, 11, 4), "America/Sao_Paulo", "2018-11-04T01:00:00-02:00"),
    ],
)
def test_a_wall_clock_time_is_the_first_moment_that_it_can_mean(
    wall: date | datetime, zone_name: str, expected: str
) -> None:
    assert iso(from_local(wall, zone(zone_name)), zone(zone_name)) == expected


def test_a_shift_knows_what_it_skips_and_repeats() -> None:
    gap = shift_at(datetime(2026, 3, 29, 2, 30), WARSAW)
    assert gap is not None
    assert gap.skips
    assert (gap.before, gap.after) == (datetime(2026, 3, 29, 2), datetime(2026, 3, 29, 3))
    assert iso(gap.instant) == "2026-03-29T01:00:00Z"
    fold = shift_at(datetime(2026, 10, 25, 2, 30), WARSAW)
    assert fold is not None
    assert not fold.skips
    assert (fold.before, fold.after) == (datetime(2026, 10, 25, 3), datetime(2026, 10, 25, 2))
    assert shift_at(datetime(2026, 10, 25, 3), WARSAW) is None
    assert shift_at(datetime(2026, 3, 29, 3), WARSAW) is None
    lost = shift_at(datetime(2011, 12, 30, 5), zone("Pacific/Apia"))
    assert lost is not None
    assert lost.swallows(date(2011, 12, 30))
    assert not gap.swallows(date(2026, 3, 29))


def test_iso() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1) == "1970-01-01T00:00:00.000001Z"
    assert iso(0, WARSAW) == "1970-01-01T01:00:00+01:00"
    assert iso(0, timezone(timedelta(minutes=-150))) == "1969-12-31T21:30:00-02:30"


@pytest.mark.parametrize("name", ["Europe/Warszawa", "", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "x" * 5000])
def test_an_unknown_zone_is_named(name: str) -> None:
    with pytest.raises(UnknownZoneError) as caught:
        zone(name)
    assert name in str(caught.value)


def test_naive_and_aware_do_not_mix() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        from_datetime(datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="it has a time zone"):
        from_local(datetime(2026, 1, 1, tzinfo=UTC), WARSAW)
