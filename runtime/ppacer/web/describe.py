"""Texts for people about what a program holds: schedules, durations, places."""

from __future__ import annotations

from datetime import timedelta

from ppacer import spec


def schedule_text(schedule: spec.Schedule) -> str:
    """A schedule as short as its author wrote it: `15 2 * * *`, `every 10m`, `shop.calendar:Fridays`."""
    match schedule:
        case spec.Cron(expression=expression):
            return expression
        case spec.Every(interval=interval):
            return f"every {interval_text(interval)}"
        case spec.CustomSchedule(callable=callable_id):
            return callable_id


def callable_text(callable_id: str) -> str:
    """A callable as its author named it: `print`, `shop.etl:load`."""
    module, _, name = callable_id.partition(":")
    return name.removesuffix("_") if module == "ppacer.tasks.builtin" else callable_id


def interval_text(interval: timedelta) -> str:
    """A duration in the language's own notation: `1h30m`, `500ms`, `2d`; `0s` for none."""
    left = interval // timedelta(microseconds=1)
    text = ""
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def elapsed_text(seconds: float) -> str:
    """How long something took, in about three digits: `0.12s`, `8.3s`, `1m 05s`, `2h 03m`, `3d 4h`."""
    if seconds < 9.995:
        return f"{max(0.0, seconds):.2f}s"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02d}m"
    return f"{hours // 24}d {hours % 24}h"


def ahead_text(seconds: float) -> str:
    """How far off something in the future is, in words: `in 8 s`, `in 5 min`, `in 3 h 20 min`, `in 12 days`."""
    if seconds < 1:
        return "now"
    if seconds < 100:
        return f"in {seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"in {minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 36:
        return f"in {hours} h {rest} min" if rest else f"in {hours} h"
    return f"in {round(seconds / 86_400)} days"


def place_text(program: spec.Program, at: spec.At) -> str:
    """`pipeline.ppd:38`."""
    path = program.sources[at.file].path if at.file < len(program.sources) else program.name
    return f"{path.rsplit('/', 1)[-1]}:{at.line}"


_UNITS = (
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
)
