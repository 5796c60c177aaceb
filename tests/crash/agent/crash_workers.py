"""Crash points of workers and of the zygote that they are forked from; and which attempt a worker has."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from crash_agent import TOKENS, append, passing


def _patch_worker(module: ModuleType) -> None:
    """Runs before `worker_shared` is imported, which takes `read_assignment` from here."""
    read = module.read_assignment

    def told_read(message: Any) -> Any:
        assignment = read(message)
        if assignment.attempt.startswith("call-"):
            return assignment
        append("read", attempt=assignment.attempt, token=assignment.token)
        kind = "shared" if assignment.isolation in ("thread", "async") else "process"
        passing(f"worker.{kind}.read", lambda _: {"attempt": assignment.attempt, "token": assignment.token})
        return assignment

    module.read_assignment = told_read
    _patch_tell(module, "process")


def _patch_context(module: ModuleType) -> None:
    """Lets a task say under which token it runs."""
    make = module.make_context

    def told_make(assignment: Any, *more: Any) -> Any:
        context = make(assignment, *more)
        TOKENS[context.idempotency_key, assignment.number, assignment.part] = (assignment.attempt, assignment.token)
        return context

    module.make_context = told_make


def _patch_tell(module: ModuleType, kind: str) -> None:
    attempt = module._Attempt
    tell = attempt.tell

    def told_tell(self: Any, message: Any) -> None:
        word = "begun" if "begun" in message else "outcome" if "outcome" in message else ""
        own = word and not self.assignment.attempt.startswith("call-")

        def hand(_: int) -> object:
            outcome = str(message.get("outcome", ""))
            return {"attempt": self.assignment.attempt, "token": self.assignment.token, "outcome": outcome}

        if own:
            passing(f"worker.{kind}.{word}.before", hand)
        tell(self, message)
        if own:
            passing(f"worker.{kind}.{word}.after", hand)

    attempt.tell = told_tell


def _patch_zygote(module: ModuleType) -> None:
    zygote = module._Zygote
    spawn, become = zygote._spawn, zygote._become_worker

    def told_spawn(self: Any, worker_id: int, **named: Any) -> None:
        passing("zygote.fork.before", lambda _: {"worker": worker_id})
        spawn(self, worker_id, **named)
        passing("zygote.fork.after", lambda _: {"worker": worker_id})

    def told_become(self: Any, *more: Any, **named: Any) -> None:
        passing("zygote.child", lambda _: {})
        become(self, *more, **named)

    zygote._spawn, zygote._become_worker = told_spawn, told_become


PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "ppacer.context": _patch_context,
    "ppacer.services.worker": _patch_worker,
    "ppacer.services.worker_shared": lambda module: _patch_tell(module, "shared"),
    "ppacer.services.zygote": _patch_zygote,
}
