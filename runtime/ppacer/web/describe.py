"""Texts for people about what a program holds: schedules, times taken and to come, places."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from ppacer import spec
from ppacer.core.durations import duration_text


def schedule_text(schedule: spec.Schedule, called: Mapping[str, str] = MappingProxyType({})) -> str:
    """A schedule as short as its author wrote it: `15 2 * * *`, `every 10m`, `shop.calendar:Fridays`.

    `called` is what schedules written in Python call themselves, by their callables.
    """
    match schedule:
        case spec.Cron(expression=expression):
            return expression
        case spec.Every(interval=interval):
            return f"every {duration_text(interval)}"
        case spec.CustomSchedule(callable=callable_id):
            return called.get(callable_id, callable_id)


def type_text(type_: spec.ParamType) -> str:
    """A parameter's type as its author wrote it: `list[int]`, `choice("a", "b")`, `date?`."""
    text = type_.kind.value
    if type_.kind is spec.ParamKind.LIST and type_.of is not None:
        text += f"[{type_text(type_.of)}]"
    if type_.kind is spec.ParamKind.CHOICE:
        text += f"({', '.join(json.dumps(choice, ensure_ascii=False) for choice in type_.choices)})"
    return text + ("?" if type_.optional else "")


def callable_text(callable_id: str) -> str:
    """A callable as its author named it: `print`, `shop.etl:load`."""
    module, _, name = callable_id.partition(":")
    return name.removesuffix("_") if module.startswith("ppacer.tasks.") else callable_id


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
