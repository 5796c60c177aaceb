"""What happens to a run and what the machine wants done about it: the two vocabularies of `ppacer.core.machine`.

Happenings are facts from outside, each with the instant at which it was learnt (microseconds UTC). Commands are what
the services must carry out after the step's writes have been committed, except `Offer`, `Withdraw` and `WakeAt`, which
concern only what the scheduler holds in memory and may be followed at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from ppacer import spec
from ppacer.core.model import Attempt, ErrorKind, NoticeEvent, Run, TaskStatus
from ppacer.protocol import Deferral, Outcome, RunRequest
from ppacer.records import dataclass

# --- happenings ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """The run's turn has come, for the first time or after it was reopened."""

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
    """An executor says how an attempt ended, or what it waits for; it counts only under the live token.

    `random` (0 to 1) jitters a retry.
    """

    at: int
    attempt: str
    token: int
    outcome: Outcome
    started_at: int
    finished_at: int
    output: str | None = None
    error_kind: ErrorKind | None = None
    error: str | None = None
    deferral: Deferral | None = None
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
    position: int = 0


@dataclass(frozen=True, slots=True)
class DeferralDue:
    """The time for which an attempt was deferred has come, or its time-out has passed meanwhile."""

    at: int
    attempt: str


@dataclass(frozen=True, slots=True)
class Awaited:
    """The run that a deferred attempt waited for has ended: well, with an output for the attempt, or with an error."""

    at: int
    attempt: str
    output: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunTimedOut:
    """The run has been running for its `run_timeout`."""

    at: int


@dataclass(frozen=True, slots=True)
class DeadlinePassed:
    """The run should have ended by now; it may not even have started."""

    at: int


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """Somebody wants the run to end."""

    at: int
    actor: str


@dataclass(frozen=True, slots=True)
class TaskCancelAsked:
    """Somebody wants one task of the run to end; of a family its members, unless `position` names one."""

    at: int
    actor: str
    task: str
    position: int | None = None


class Operation(StrEnum):
    RESTART = "restart"
    """What failed, was cancelled or never ran for it, and all that follows."""
    RERUN = "rerun"
    """One task anew, and with `follow` all that follows it."""
    MARK = "mark"
    """One task as if it had ended with `status`; what never ran for it has its turn."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """Somebody wants part of the run done again: a new epoch begins.

    `task` is none for a restart, which is for the whole run; of a family all members are meant unless `position` names
    one. `status` (`success` or `failed`), `output` (JSON) and `reason` belong to a mark.
    """

    at: int
    actor: str
    operation: Operation
    task: str | None = None
    position: int | None = None
    follow: bool = True
    status: TaskStatus | None = None
    output: str | None = None
    reason: str = ""


Happening: TypeAlias = (
    Start
    | Claimed
    | Reported
    | LeaseExpired
    | LeaseRestored
    | CannotStart
    | RetryDue
    | DeferralDue
    | Awaited
    | RunTimedOut
    | DeadlinePassed
    | CancelAsked
    | TaskCancelAsked
    | Reopen
)

Timed: TypeAlias = RetryDue | DeferralDue | RunTimedOut
"""Happenings that a machine asks to be told of."""

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
    """Come back with `then` at `at`, and in no more than `within` microseconds (should the clock have jumped)."""

    run_id: str
    at: int
    within: int
    then: Timed


@dataclass(frozen=True, slots=True)
class Await:
    """The deferred attempt waits for this run, which is to be made unless that has been done."""

    attempt: Attempt
    request: RunRequest


@dataclass(frozen=True, slots=True)
class Unawait:
    """The attempt has ended before the run that it waited for, which is to be cancelled."""

    attempt: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling, and whether somebody asked to be alerted to it. Without a task it is about the run.

    `notifiers` are who is to be told: none but the log where it is empty.
    """

    event: NoticeEvent
    alert: bool
    run: Run
    task: str | None = None
    position: int = 0
    number: int = 0
    error: str | None = None
    retry_in: int | None = None
    """Microseconds until the next attempt."""
    notifiers: tuple[str, ...] = ()
    message: str | None = None
    """What the author of the dag wants them to be told; none for the usual words."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    run: Run


@dataclass(frozen=True, slots=True)
class RunReopened:
    """The run has a new epoch. If its status is queued, it waits for its turn; else it goes on."""

    run: Run


@dataclass(frozen=True, slots=True)
class RunEnded:
    run: Run


Command: TypeAlias = (
    Offer | Withdraw | Watch | Ended | Stop | WakeAt | Await | Unawait | Notice | RunStarted | RunReopened | RunEnded
)
