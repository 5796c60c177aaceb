"""Crash points of the executor: each exchange before it is sent, once the scheduler has it, once the answer is read;
and the hand-over to a worker. What an executor has been told is written down always."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from crash_agent import FILE, append, armed, passing

_HEARD_SECONDS = 10.0
_draining = False


def _patch_transport(module: ModuleType) -> None:
    _patch_exchange(module.HttpTransport, "request", remote=True)
    _patch_exchange(module.DirectTransport, "direct", remote=False)


def _patch_exchange(transport: Any, word: str, *, remote: bool) -> None:
    exchange = transport.exchange

    async def told_exchange(self: Any, request: Any, *more: object, **named: object) -> Any:
        kind = _kind(request)
        hand = {
            "request": request.request,
            "reports": [[report.attempt, report.token, str(report.outcome)] for report in request.reports],
        }
        since = time.monotonic()
        passing(f"{word}.{kind}.before", lambda _: hand)
        asking = asyncio.ensure_future(exchange(self, request, *more, **named))
        try:
            if remote and armed(f"{word}.{kind}.sent"):
                await _received(request.request)
                passing(f"{word}.{kind}.sent", lambda _: hand)
            answer = await asking
        finally:
            asking.cancel()
        taken = {ack.attempt for ack in answer.reports if ack.status == 200}
        append(
            "answer",
            request=request.request,
            since=since,
            reports=[[one.attempt, one.token, str(one.outcome)] for one in request.reports if one.attempt in taken],
            granted=[[one.attempt, one.token] for one in answer.assignments],
        )
        rows = [
            {"table": "attempts", "key": {"id": one.attempt}, "want": {"status": "running", "token": one.token}}
            for one in answer.assignments
        ]
        rows += [
            {"table": "attempts", "key": {"id": one.attempt}, "want": {"status": str(one.outcome)}}
            for one in request.reports
            if one.attempt in taken
        ]
        if kind != "claim" or answer.assignments:
            passing(f"{word}.{kind}.answered", lambda _: {**hand, "rows": rows})
        return answer

    transport.exchange = told_exchange


async def _received(request: str) -> None:
    """Waits until the scheduler has noted that it has the request."""
    async with asyncio.timeout(_HEARD_SECONDS):
        while not _is_received(request):  # noqa: ASYNC110 (another process notes it)
            await asyncio.sleep(0.002)


def _is_received(request: str) -> bool:
    text = Path(FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    noted = [json.loads(line) for line in text if line.endswith("\n")]
    return any(line["kind"] == "received" and line["request"] == request for line in noted)


def _kind(request: Any) -> str:
    if request.reports:
        return "last_report" if _draining else "report"
    if request.renewals:
        return "renewal"
    if request.logs:
        return "log"
    if request.notices or request.progress:
        return "notice"
    if request.claim is not None and request.claim.slots:
        return "claim"
    return "closing" if request.claim is not None and not request.claim.wait else "listening"


def _patch_executor(module: ModuleType) -> None:
    executor = module.Executor
    drain = executor.drain

    async def told_drain(self: Any, seconds: float | None = None) -> None:
        global _draining  # noqa: PLW0603 (one executor in a process)
        _draining = True
        await drain(self, seconds)

    executor.drain = told_drain


def _patch_troubles(module: ModuleType) -> None:
    """Where one trouble follows the other on purpose, each is one of its own."""
    if os.environ.get("CRASH_CALM"):
        module.CALM_SECONDS = float(os.environ["CRASH_CALM"])


def _patch_hand_over(module: ModuleType) -> None:
    worker = module.WorkerProcess
    begin = worker.begin

    def told_begin(self: Any, assignment: Any, *more: object) -> Any:
        kind = "shared" if self.shared else "process"
        own = not assignment.attempt.startswith("call-")

        def hand(_: int) -> object:
            want = {"status": "running", "token": assignment.token}
            return {"rows": [{"table": "attempts", "key": {"id": assignment.attempt}, "want": want}]}

        if own:
            passing(f"handover.{kind}.before", hand)
        session = begin(self, assignment, *more)
        if own:
            passing(f"handover.{kind}.after", hand)
        return session

    worker.begin = told_begin


PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "ppacer.services.transport": _patch_transport,
    "ppacer.services.executor": _patch_executor,
    "ppacer.services.troubles": _patch_troubles,
    "ppacer.services.worker_process": _patch_hand_over,
}
