"""What may be asked of the JSON API, as types: bodies are checked strictly against them.

Times are ISO 8601; without an offset they are in the dag's own zone. A field's metadata says in JSON Schema what its
type alone does not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any

from ppacer.core import codec
from ppacer.services.errors import InvalidTrigger
from ppacer.web.messages import Json

_MOMENT: dict[str, Any] = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_NO_MOMENT: dict[str, Any] = {"anyOf": [*_MOMENT["anyOf"], {"type": "null"}]}

LONGEST_SILENCE = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class NoRequest:
    """An empty object: there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class WishRequest:
    """With `dry_run` nothing is done, and what would be touched is answered."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """`scheduled_at` is the logical time of the run; the time of the request if left out."""

    params: dict[str, Json] = field(default_factory=dict)
    scheduled_at: str | None = field(default=None, metadata=_NO_MOMENT)


@dataclass(frozen=True, slots=True)
class ReasonRequest:
    reason: str = ""


_SILENCE: dict[str, Any] = {
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_SILENCE.total_seconds()},
        {"type": "null"},
    ]
}


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """Until when nobody is alerted: a time, or a number of seconds from now. Neither ends the silence."""

    until: str | None = field(default=None, metadata=_NO_MOMENT)
    seconds: float | None = field(default=None, metadata=_SILENCE)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RerunRequest:
    """`follow`: what comes after the task is run anew too. With `dry_run` nothing is done, as in `WishRequest`."""

    follow: bool = True
    dry_run: bool = False


class Mark(StrEnum):
    """What a task may be marked as."""

    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MarkRequest:
    """`output` is the output of a task marked as succeeded, none by default. With `dry_run` nothing is done, as in
    `WishRequest`."""

    status: Mark
    reason: str = field(metadata={"pattern": r"\S"})
    output: Json = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """The due times from `from_at` to before `until_at`, at most `parallel` runs at once."""

    from_at: str = field(metadata=_MOMENT)
    until_at: str = field(metadata=_MOMENT)
    parallel: int = field(default=1, metadata={"minimum": 1})
    params: dict[str, Json] = field(default_factory=dict)


def output_text(output: Json) -> str | None:
    """The output that a mark gives, as it is stored. Raises `InvalidTrigger`."""
    if output is None:
        return None
    try:
        return codec.encode(codec.decode(json.dumps(output)))
    except codec.CodecError as error:
        raise InvalidTrigger(str(error), "output") from error
