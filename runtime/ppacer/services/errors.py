"""What a scheduler answers when it cannot do what was asked: split by whose fault it is."""

from __future__ import annotations


class SchedulerError(Exception):
    """The base of all answers that refuse; the text is written for people."""


class UnknownDag(SchedulerError):
    """No dag of that name in the program that the scheduler runs."""


class UnknownRun(SchedulerError):
    """No run with that id."""


class UnknownTask(SchedulerError):
    """The run has no task of that name, or the family no member at that position."""


class UnknownBackfill(SchedulerError):
    """No backfill with that id."""


class UnknownAccount(SchedulerError):
    """No user or token of that name."""


class InvalidTrigger(SchedulerError):
    """A trigger, a backfill or another change that gives what is no value, or leaves out what is needed.

    `field` is the part at fault: `params.day`, `scheduled_at`, `idempotency_key`; none where it is no one part.
    """

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotPossible(SchedulerError):
    """What was asked makes no sense as things stand: the text says why and what to do first."""


class RunFinished(NotPossible):
    """The run has ended, so there is nothing left to cancel."""


class UnsupportedProtocol(SchedulerError):
    """An executor that speaks a version of the protocol this scheduler does not."""


class SchedulerUnavailable(SchedulerError):
    """The scheduler cannot write to its database at the moment, or is starting or stopping: ask again."""
