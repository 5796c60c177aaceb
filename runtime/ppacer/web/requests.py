"""What may be asked of the JSON API, as types: bodies are checked strictly against them.

Times are ISO 8601; without an offset they are in the dag's own zone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum

from ppacer.core import codec
from ppacer.services.errors import InvalidTrigger
from ppacer.web.messages import Json


@dataclass(frozen=True, slots=True)
class NoRequest:
    """An empty object: there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class TriggerRequest:
    """`scheduled_at` is the logical time of the run; the time of the request if left out."""

    params: dict[str, Json] = field(default_factory=dict)
    scheduled_at: str | None = None


@dataclass(frozen=True, slots=True)
class ReasonRequest:
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SilenceRequest:
    """Until when nobody is alerted: a time, or a number of seconds from now. Neither ends the silence."""

    until: str | None = None
    seconds: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RerunRequest:
    """`follow`: what comes after the task is run anew too."""

    follow: bool = True


class Mark(StrEnum):
    """What a task may be marked as."""

    SUCCESS = "success"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class MarkRequest:
    """`output` is the output of a task marked as succeeded, none by default."""

    status: Mark
    reason: str
    output: Json = None


@dataclass(frozen=True, slots=True)
class BackfillRequest:
    """The due times from `from_at` to before `until_at`, at most `parallel` runs at once."""

    from_at: str
    until_at: str
    parallel: int = 1
    params: dict[str, Json] = field(default_factory=dict)


def output_text(output: Json) -> str | None:
    """The output that a mark gives, as it is stored. Raises `InvalidTrigger`."""
    if output is None:
        return None
    try:
        return codec.encode(codec.decode(json.dumps(output)))
    except codec.CodecError as error:
        raise InvalidTrigger(str(error), "output") from error
