"""Texts about schedules and times."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppacer import spec
from ppacer.web.describe import ahead_text, callable_text, elapsed_text, schedule_text

AT = spec.At(1, 1)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (spec.Cron("15 2 * * *", AT), "15 2 * * *"),
        (spec.Every(timedelta(minutes=90), AT), "every 1h30m"),
        (spec.CustomSchedule("shop.calendar:Fridays", AT), "shop.calendar:Fridays"),
    ],
)
def test_schedules(schedule: spec.Schedule, text: str) -> None:
    assert schedule_text(schedule) == text


def test_a_schedule_that_says_what_it_is() -> None:
    fridays = spec.CustomSchedule("shop.calendar:Fridays", AT)
    assert schedule_text(fridays, {"shop.calendar:Fridays": "each Friday at 7"}) == "each Friday at 7"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0.00s"),
        (0.124, "0.12s"),
        (9.994, "9.99s"),
        (9.996, "10.0s"),
        (59.94, "59.9s"),
        (59.96, "1m 00s"),
        (3599.6, "1h 00m"),
        (7380, "2h 03m"),
        (100 * 3600, "4d 4h"),
    ],
)
def test_elapsed(seconds: float, text: str) -> None:
    assert elapsed_text(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "now"),
        (8, "in 8 s"),
        (300, "in 5 min"),
        (12_000, "in 3 h 20 min"),
        (36_000, "in 10 h"),
        (864_000, "in 10 days"),
    ],
)
def test_ahead(seconds: float, text: str) -> None:
    assert ahead_text(seconds) == text


@pytest.mark.parametrize(
    ("callable_id", "text"),
    [
        ("ppacer.tasks.builtin:print_", "print"),
        ("ppacer.tasks.shell:shell", "shell"),
        ("shop.etl:load_", "shop.etl:load_"),
    ],
)
def test_callables_are_named_as_their_author_did(callable_id: str, text: str) -> None:
    assert callable_text(callable_id) == text
