"""Runs that tasks ask for, and the attempts that wait for their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ppacer.core import codec
from ppacer.core import happenings as h
from ppacer.core.model import Attempt, Run, RunStatus
from ppacer.protocol import RunRequest
from ppacer.services.errors import SchedulerError

ACTOR: Final = "run_dag"
"""The actor of what tasks ask for."""

KEYS: Final = "run_dag:"
"""What the idempotency keys of the runs that tasks ask for begin with."""


def key_of(attempt: Attempt) -> str:
    """The idempotency key of the run that a deferred attempt asks for: each of its waits makes one at most."""
    return f"{KEYS}{attempt.id}" + (f":{attempt.parts}" if attempt.parts > 1 else "")


class AwaitedRuns:
    """All methods belong into a turn.

    `make` makes a run for a request under an idempotency key, or raises `SchedulerError`; `tell` hands the end of the
    wait to the machine of the run with that id; `cancel` asks a run to end.
    """

    def __init__(
        self,
        *,
        make: Callable[[RunRequest, str], Run],
        tell: Callable[[str, str, str | None, str | None], None],
        cancel: Callable[[str, str], object],
    ) -> None:
        self._make = make
        self._tell = tell
        self._cancel = cancel
        self._waiting: dict[str, tuple[str, str]] = {}
        self._awaited: dict[str, str] = {}

    def ask(self, command: h.Await) -> None:
        """Makes the run that an attempt asks for."""
        try:
            run = self._make(command.request, key_of(command.attempt))
        except SchedulerError as error:
            self._tell(command.attempt.run_id, command.attempt.id, None, str(error))
            return
        self.found(command, run)

    def found(self, command: h.Await, run: Run) -> None:
        """The run that an attempt asks for is there, perhaps ended already."""
        attempt = command.attempt
        if run.status.terminal or not command.request.wait:
            self._over(attempt.run_id, attempt.id, run, waits=command.request.wait)
        else:
            self._waiting[run.id] = (attempt.run_id, attempt.id)
            self._awaited[attempt.id] = run.id

    def ended(self, run: Run) -> None:
        """A run has ended; whoever waited for it goes on."""
        waiting = self._waiting.pop(run.id, None)
        if waiting is not None:
            parent, attempt_id = waiting
            del self._awaited[attempt_id]
            self._over(parent, attempt_id, run, waits=True)

    def given_up(self, attempt_id: str) -> None:
        """The attempt has ended before the run that it waited for, which nobody wants any more."""
        run_id = self._awaited.pop(attempt_id, None)
        if run_id is not None:
            del self._waiting[run_id]
            self._cancel(run_id, ACTOR)

    def _over(self, parent: str, attempt_id: str, run: Run, *, waits: bool) -> None:
        if waits and run.status is not RunStatus.SUCCESS:
            why = f": {run.reason}" if run.reason else ""
            self._tell(parent, attempt_id, None, f"run {run.id} of dag {run.dag} ended as {run.status}{why}")
        else:
            self._tell(parent, attempt_id, codec.encode({"run": run.id, "status": run.status.value}), None)
