"""Durations as texts in the language's notation, and back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ppacer.core.durations import duration_of, duration_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(milliseconds=500), "500ms"),
        (timedelta(days=2), "2d"),
        (timedelta(days=1, hours=1, seconds=1), "1d1h1s"),
        (timedelta(minutes=-90), "-1h30m"),
    ],
)
def test_texts(value: timedelta, text: str) -> None:
    assert duration_text(value) == text
    assert duration_of(text) == value


def test_more_than_fits_into_a_unit() -> None:
    assert duration_of("90m") == timedelta(minutes=90)


@given(st.timedeltas())
def test_a_text_names_its_duration(value: timedelta) -> None:
    assert duration_of(duration_text(value)) == value


@pytest.mark.parametrize("text", ["", "-", "5", "1.5h", "1m1h", "1h 30m", "1w", "٣d", "h", " 1h"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration such as 1h30m"):
        duration_of(text)


def test_a_duration_that_is_too_long() -> None:
    with pytest.raises(ValueError, match="too long"):
        duration_of("999999999999d")
