"""What happens to a run and what the machine wants done about it: the two vocabularies of `ppacer.core.machine`.

Happenings are facts from outside, each with the instant at which it was learnt (microseconds UTC). Commands are what
the services must carry out after the step's writes have been committed, except `Offer`, `Withdraw` and `WakeAt`, which
concern only what the scheduler holds in memory and may be followed at once.
"""

from __future__ import annotations

from typing import TypeAlias

from ppacer import spec
from ppacer.core.model import Attempt, ErrorKind, Run
from ppacer.protocol import Outcome
from ppacer.records import dataclass

# --- happenings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The run's turn has come."""

    at: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """An executor took a queued attempt; `token` is its new fencing token, greater than any before."""

    at: int
    attempt: str
    token: int
    executor: str
    instance: str
    request: str
    lease_until: int


@dataclass(frozen=True, slots=True)
class Reported:
    """An executor says how an attempt ended; it counts only under the live token. `random` (0 to 1) jitters a retry."""

    at: int
    attempt: str
    token: int
    outcome: Outcome
    started_at: int
    finished_at: int
    output: str | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None
    random: float = 0.5


@dataclass(frozen=True, slots=True)
class LeaseExpired:
    """No word came from the executor of a running attempt for the term of its lease."""

    at: int
    attempt: str
    token: int
    reason: str


@dataclass(frozen=True, slots=True)
class LeaseRestored:
    """A scheduler that has just started gives a running attempt a full term."""

    at: int
    attempt: str
    lease_until: int


@dataclass(frozen=True, slots=True)
class CannotStart:
    """A queued attempt cannot be handed out, now or ever: `kind` is `arguments` or `code_gone`."""

    at: int
    attempt: str
    kind: ErrorKind
    error: str


@dataclass(frozen=True, slots=True)
class RetryDue:
    """The delay of a retrying task has passed."""

    at: int
    task: str


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants the run to end."""

    at: int
    actor: str


Happening: TypeAlias = Start | Claimed | Reported | LeaseExpired | LeaseRestored | CannotStart | RetryDue | CancelAsked

# --- commands --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """Hand this queued attempt to an executor that can take it."""

    attempt: Attempt
    task: spec.Task


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The queued attempt is no longer on offer."""

    attempt: str


@dataclass(frozen=True, slots=True)
class Watch:
    """The attempt runs under a lease from now on."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Ended:
    """The attempt that ran has ended; its lease is over."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell the executor to stop the running attempt."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Come back with `RetryDue` at `at`, and in no more than `within` microseconds (should the clock have jumped)."""

    run_id: str
    task: str
    at: int
    within: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling, and whether somebody asked to be alerted to it. Without a task it is about the run."""

    event: spec.AlertEvent
    alert: bool
    run: Run
    task: str | None = None
    number: int = 0
    error: str | None = None
    retry_in: int | None = None
    """Microseconds until the next attempt."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: Run


@dataclass(frozen=True, slots=True)
class RunEnded:
    run: Run


Command: TypeAlias = Offer | Withdraw | Watch | Ended | Stop | WakeAt | Notice | RunStarted | RunEnded
