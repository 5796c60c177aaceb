"""What people may wish of a run, as happenings: to be carried out, or to be foretold."""

from __future__ import annotations

from ppacer.core import happenings as h
from ppacer.core.model import TaskStatus
from ppacer.services.errors import InvalidTrigger


def cancel_task(at: int, actor: str, task: str, position: int | None) -> h.TaskCancelAsked:
    return h.TaskCancelAsked(at, actor, task, position)


def restart(at: int, actor: str) -> h.Reopen:
    return h.Reopen(at, actor, h.Operation.RESTART)


def rerun(at: int, actor: str, task: str, position: int | None, *, follow: bool) -> h.Reopen:
    return h.Reopen(at, actor, h.Operation.RERUN, task, position, follow=follow)


def mark(
    at: int, actor: str, task: str, position: int | None, *, status: TaskStatus, output: str | None, reason: str
) -> h.Reopen:
    """Raises `InvalidTrigger`."""
    if status not in (TaskStatus.SUCCESS, TaskStatus.FAILED):
        raise InvalidTrigger(f"a task can be marked success or failed, not {status}", "status")
    if not reason.strip():
        raise InvalidTrigger("a mark needs a reason", "reason")
    return h.Reopen(at, actor, h.Operation.MARK, task, position, status=status, output=output, reason=reason.strip())
