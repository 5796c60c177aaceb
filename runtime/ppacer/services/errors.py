"""What a scheduler answers when it cannot do what was asked: split by whose fault it is."""

from __future__ import annotations


class SchedulerError(Exception):
    """The base of all answers that refuse; the text is written for people."""


class UnknownDag(SchedulerError):
    """No dag of that name in the program that the scheduler runs."""


class UnknownRun(SchedulerError):
    """No run with that id."""


class InvalidTrigger(SchedulerError):
    """A trigger that names a parameter the dag lacks, leaves out one that it needs, or gives what is no value."""


class RunFinished(SchedulerError):
    """The run has ended, so there is nothing left to cancel."""


class UnsupportedProtocol(SchedulerError):
    """An executor that speaks a version of the protocol this scheduler does not."""


class SchedulerUnavailable(SchedulerError):
    """The scheduler cannot write to its database at the moment, or is starting or stopping: ask again."""
