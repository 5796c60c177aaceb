"""How a command ends that cannot do what it was asked for."""

from __future__ import annotations


class CommandError(Exception):
    """Ends the command; the message says why, to the person who gave it. `code` is the exit code."""

    code = 1


class UsageError(CommandError):
    """The command was asked for wrongly."""

    code = 2
