"""A schedule in Python is asked for its times, and its dag runs."""

from __future__ import annotations

from collections.abc import Callable

from tests.examples.conftest import Example


def test_closing_times(example: Callable[[str], Example]) -> None:
    shop = example("custom_schedule").load()

    def following(after: str, count: int) -> list[str]:
        return [f"{time:%a %d %b %H:%M %Z}" for time in shop.next_times("custom_schedule", after, count)]

    assert following("2025-06-01", 2) == ["Fri 02 Jan 18:00 CET", "Sat 03 Jan 18:00 CET"]
    assert following("2026-06-25T18:00", 3) == [
        "Fri 26 Jun 18:00 CEST",
        "Sat 27 Jun 18:00 CEST",
        "Mon 29 Jun 18:00 CEST",
    ]
    assert following("2026-07-02T12:00", 3) == [
        "Thu 02 Jul 18:00 CEST",
        "Sat 04 Jul 18:00 CEST",
        "Mon 06 Jul 18:00 CEST",
    ]
    assert following("2026-12-23T18:00", 2) == ["Thu 24 Dec 13:00 CET", "Mon 28 Dec 18:00 CET"]

    result = shop.run("custom_schedule", at="2026-03-02T18:00")
    assert result["told"].log_text == "2026-03-02: 78.30 EUR on 3 receipts"
