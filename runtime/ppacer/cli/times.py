"""The API's times as commands show them, and times that commands are given."""

from __future__ import annotations

import time
from datetime import datetime

from ppacer import spec
from ppacer.cli.command import CommandError
from ppacer.core.instants import from_datetime, from_local, zone
from ppacer.localtime import local_time
from ppacer.web.describe import elapsed_text


def instant_of(moment: str) -> int:
    """A time of the API in microseconds."""
    return from_datetime(datetime.fromisoformat(moment))


def local(moment: str | None) -> str:
    """In this machine's zone; `–` for none."""
    return "–" if moment is None else local_time(instant_of(moment))


def seconds_of(moment: str | None) -> float:
    """Since 1970; now for none."""
    return datetime.fromisoformat(moment).timestamp() if moment is not None else time.time()


def between(start: str | None, end: str | None) -> float:
    """Seconds; 0 where one of them is not there."""
    return seconds_of(end) - seconds_of(start) if start is not None and end is not None else 0.0


def took(start: str | None, end: str | None) -> str:
    """How long it took, or has taken so far; `–` for what has not begun."""
    return "–" if start is None else elapsed_text(seconds_of(end) - seconds_of(start))


def given_time(option: str, text: str, dag: spec.Dag) -> int:
    """A time of the command line in microseconds UTC: in the dag's zone where it has no offset, a date its midnight.

    Raises `CommandError`.
    """
    try:
        moment = datetime.fromisoformat(text)
        return from_local(moment, zone(dag.timezone)) if moment.tzinfo is None else from_datetime(moment)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"{option} {text}: expected a time such as 2026-01-31T02:15, or a date", 2) from error
