"""How instants are told to the people at this machine: in its own time zone."""

from __future__ import annotations

from datetime import datetime


def local_time(instant: int, *, seconds: bool = False) -> str:
    """An instant (microseconds) in this machine's time zone: `2026-01-02 02:15`, with seconds where there are some."""
    moment = local_datetime(instant)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds or moment.second else "%Y-%m-%d %H:%M")


def local_datetime(instant: int) -> datetime:
    """An instant (microseconds), to the second, in this machine's time zone."""
    return datetime.fromtimestamp(instant // 1_000_000).astimezone()
