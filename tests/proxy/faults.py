"""What may become of one exchange between an executor and its scheduler, and of which kind it is."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

LEASE = 9
"""Its term in seconds: an executor waits for a third of it for an answer, and for two thirds for one to a report or, as
long as it asked to be kept waiting for, to a claim."""


class Mode(StrEnum):
    """Each tampers with one exchange; `CUT_OFF` with all, from that one on, for longer than a lease."""

    PASSED_ON = "passed on"
    REQUEST_DROPPED = "request dropped"
    """The connection is closed and the scheduler hears nothing of it."""
    REQUEST_RESET = "request reset"
    """Likewise, in the middle of it, with a reset."""
    REQUEST_SWALLOWED = "half-open"
    """The connection stays open and nothing ever comes of it."""
    REQUEST_DELAYED = "request delayed beyond the time-out"
    REQUEST_LATE = "request delayed beyond the lease"
    DOUBLED = "doubled at once"
    ECHOED = "doubled much later"
    REORDERED = "overtaken by the next one"
    ANSWER_DROPPED = "done, the answer dropped"
    ANSWER_SWALLOWED = "done, then silence"
    ANSWER_DELAYED = "answer delayed beyond the time-out"
    ANSWER_LATE = "answer delayed beyond the lease"
    ANSWER_RESET = "answer reset halfway"
    ANSWER_TRUNCATED = "answer cut short"
    TRICKLED = "answer in trickles"
    CLOSED_AFTER = "connection closed after a keep-alive"
    SPOILED = "done, answered with garbage"
    BAD_GATEWAY = "502 and a page by a middlebox"
    NOT_FOUND = "404 and a page by a middlebox"
    FORBIDDEN = "403 and a page by a middlebox"
    CUT_OFF = "all cut off beyond the lease"


OVERDUE = "did not answer in time"
"""What an executor says when it has waited for as long as it may; a busy machine may be enough for that."""

SLOW = {
    Mode.REQUEST_SWALLOWED,
    Mode.REQUEST_DELAYED,
    Mode.REQUEST_LATE,
    Mode.ANSWER_SWALLOWED,
    Mode.ANSWER_DELAYED,
    Mode.ANSWER_LATE,
}
"""Those that it notices so."""

SILENT = {Mode.PASSED_ON, Mode.DOUBLED, Mode.ECHOED, Mode.TRICKLED, Mode.CLOSED_AFTER}
"""Those that an executor cannot notice."""

PERHAPS = {Mode.REORDERED}
"""Those that it may notice, by how soon the next exchange comes."""


RESENT = {Mode.REQUEST_DROPPED, Mode.REQUEST_RESET, Mode.ANSWER_DROPPED}
"""Those that it notices only on a connection which it has just made: a kept one may have been closed for its age, so
what was asked over it is asked once more at once."""


class Kind(StrEnum):
    CLAIM = "claim"
    REPORT = "report"
    CHAINED = "chained"
    """A report whose answer brings the next attempt."""
    RENEWAL = "renewal"
    LOG = "log"
    LAST = "last"
    """The report of an executor that is draining."""


def kind_of(request: Json) -> Kind | None:
    """The kind of an exchange, as far as its request tells: each executor meets one kind of report only."""
    if request.get("reports"):
        return Kind.REPORT if request.get("claim") else Kind.LAST
    if request.get("renewals"):
        return Kind.RENEWAL
    if request.get("logs"):
        return Kind.LOG
    claim = request.get("claim")
    return Kind.CLAIM if claim and claim["slots"] and claim["wait"] else None


@dataclass
class Fault:
    """Tampers with the first exchange of its kind, once; `hits` tells what became of it."""

    mode: Mode
    kind: Kind
    hits: list[str] = field(default_factory=list)

    def takes(self, request: Json) -> bool:
        kind = Kind.REPORT if self.kind is Kind.CHAINED else self.kind
        if self.hits or kind_of(request) is not kind:
            return False
        self.hits.append(request["request"])
        return True
