"""Faults planted from outside, each of which the checker must find: what the program would do if it were wrong."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from typing import Any

import crash_scheduler


def _answer_at_once(module: ModuleType) -> None:
    """Whoever waits for a commit does not."""

    async def settled(self: Any) -> None:
        self.flush()

    module.Commits.settled = settled


def _commit_late(module: ModuleType) -> None:
    """So that what should have waited has long gone out."""
    commit = module.Journal._commit

    def late_commit(self: Any, batches: Any) -> None:
        time.sleep(0.3)
        commit(self, batches)

    module.Journal._commit = late_commit


def _swallow_reports(module: ModuleType) -> None:
    """The first report is answered by nobody else than the executor itself."""
    exchange = module.HttpTransport.exchange
    swallowed: set[str] = set()

    async def deaf_exchange(self: Any, request: Any, *more: Any, **named: Any) -> Any:
        if request.reports and not swallowed:
            swallowed.add(request.request)
            asking = type(request)(**{name: getattr(request, name) for name in request.__slots__} | {"reports": ()})
            answer = await exchange(self, asking, *more, **named)
            taken = tuple(SimpleNamespace(attempt=report.attempt, status=200) for report in request.reports)
            return type(answer)(**{name: getattr(answer, name) for name in answer.__slots__} | {"reports": taken})
        return await exchange(self, request, *more, **named)

    module.HttpTransport.exchange = deaf_exchange


def _succeed_unseen(module: ModuleType) -> None:
    """A task counts as done that was never called."""
    call = module.Call

    def run(self: Any) -> Any:
        return module.Ending(module.Outcome.SUCCESS, output='"nothing"')

    call.run = run


def _never_die(module: ModuleType) -> None:
    """Nothing ends a worker whose executor has gone."""
    module.die_with_parent = lambda parent: None
    module.kill_marked = lambda cookie: None


def _never_end_all(module: ModuleType) -> None:
    module._Zygote._end_all = lambda self: None
    module._Zygote._kill = lambda self, worker_id, number: None


def _wait_for_ever(module: ModuleType) -> None:
    """A worker whose channel has ended stays, and goes on with what it does."""
    frames = module.FrameSocket
    receive, send = frames.receive, frames.send

    def patient_receive(self: Any) -> Any:
        message = receive(self)
        if message is None:
            time.sleep(600)
        return message

    def patient_send(self: Any, message: Any) -> None:
        with suppress(OSError):
            send(self, message)

    frames.receive, frames.send = patient_receive, patient_send


def _lose_reports(module: ModuleType) -> None:
    """A commit that says it is one, and is none."""
    commit = module.DefaultDialect.do_commit
    lost: list[object] = []

    def do_commit(self: Any, connection: Any) -> None:
        if not lost and "report" in crash_scheduler.HELD.kinds:
            lost.append(connection)
            connection.rollback()
        else:
            commit(self, connection)

    module.DefaultDialect.do_commit = do_commit


PLANTS: dict[str, dict[str, Callable[[ModuleType], None]]] = {
    "answers before it commits": {
        "ppacer.services.commits": _answer_at_once,
        "ppacer.services.journal": _commit_late,
    },
    "swallows a report": {"ppacer.services.transport": _swallow_reports},
    "succeeds without running": {"ppacer.services.worker_call": _succeed_unseen},
    "forgets a commit": {"sqlalchemy.engine.default": _lose_reports},
    "leaves workers behind": {
        "ppacer.services.worker_tree": _never_die,
        "ppacer.services.zygote": _never_end_all,
        "ppacer.services.worker_frames": _wait_for_ever,
    },
}
