"""A worker as the executor sees it, with the test at the worker's end of the channel."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ppacer.services.worker_frames import FrameReader, Message, frame
from ppacer.services.worker_log import AttemptOutput
from ppacer.services.worker_process import Finished, Gone, WorkerProcess

from .conftest import make_assignment

ASSIGNMENT = make_assignment()


@asynccontextmanager
async def worker() -> AsyncIterator[tuple[WorkerProcess, socket.socket]]:
    """A worker that has been started, and its end of the channel."""
    near, far = socket.socketpair()
    near.setblocking(False)
    stdout, stdout_end = os.pipe()
    stderr, stderr_end = os.pipe()
    made = WorkerProcess(1, near, {"stdout": stdout, "stderr": stderr}, lambda worker, number: None)
    await made.open()
    with far:
        yield made, far
    os.close(stdout_end)
    os.close(stderr_end)
    made.close()


def test_an_outcome_counts_although_the_end_of_the_process_is_heard_first() -> None:
    async def main() -> None:
        async with worker() as (made, far):
            told: list[int | None] = []
            session = made.begin(ASSIGNMENT, AttemptOutput(lambda: None), lambda: told.append(session.begun), print)
            outcome: Message = {"attempt": "attempt-1", "outcome": "success", "output": "1", "fit": False}
            far.sendall(frame({"attempt": "attempt-1", "begun": 5, "pid": 1}) + frame(outcome))
            made.set_gone(Gone(0))
            assert session.begun == 5
            assert told == [5, 5], "once that it began, once that it ended"
            assert (await session.end) == Finished(outcome)

    asyncio.run(main())


def test_a_worker_that_goes_while_it_is_opened_leaves_its_descriptor_to_others() -> None:
    """As when the zygote is killed. The event loop refuses a descriptor that it takes for that of a worker."""

    async def main() -> None:
        near, far = socket.socketpair()
        near.setblocking(False)
        (stdout, stdout_end), (stderr, stderr_end) = os.pipe(), os.pipe()
        made = WorkerProcess(1, near, {"stdout": stdout, "stderr": stderr}, lambda worker, number: None)
        number = near.fileno()
        opening = asyncio.create_task(made.open())
        await asyncio.sleep(0)
        made.set_gone(Gone(None, "the process that starts workers was killed by signal 9"))
        await opening
        for _ in range(3):  # what is aborted is closed in the next turns of the loop
            await asyncio.sleep(0)
        os.dup2(far.fileno(), number)
        loop = asyncio.get_running_loop()
        loop.add_reader(number, print)
        loop.remove_reader(number)
        far.close()
        for descriptor in (number, stdout_end, stderr_end):
            os.close(descriptor)

    asyncio.run(main())


def test_a_process_that_ended_without_a_word_is_gone() -> None:
    async def main() -> None:
        async with worker() as (made, far):
            session = made.begin(ASSIGNMENT, AttemptOutput(lambda: None), lambda: None, print)
            begun = frame({"attempt": "attempt-1", "begun": 5, "pid": 1})
            far.sendall(begun + frame({"attempt": "attempt-1", "outcome": "success"})[:-3])
            far.close()
            made.set_gone(Gone(-9))
            assert (await session.end) == Gone(-9)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("status", "reason"), [(3, ""), (-11, ""), (-9, "it was ended because it closed its channel to the executor")]
)
def test_an_end_that_is_told_late_is_not_taken_for_that_of_silence(
    monkeypatch: pytest.MonkeyPatch, status: int, reason: str
) -> None:
    """As where the machine is busy: the process had ended by itself, and could not be killed any more."""
    monkeypatch.setattr("ppacer.services.worker_process._SILENCE_SECONDS", 0.0)

    async def main() -> None:
        async with worker() as (made, far):
            session = made.begin(ASSIGNMENT, AttemptOutput(lambda: None), lambda: None, print)
            killed = asyncio.Event()
            made.kill = lambda worker, number: killed.set()
            far.close()
            async with asyncio.timeout(60):
                await killed.wait()
            made.set_gone(Gone(status))
            assert (await session.end) == Gone(status, reason)

    asyncio.run(main())


def test_attempts_that_begin_together_are_sent_together(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with worker() as (made, _):
            sent: list[bytes] = []
            monkeypatch.setattr(made._transport, "write", sent.append)
            for number in range(3):
                assignment = make_assignment(attempt=f"attempt-{number}")
                made.begin(assignment, AttemptOutput(lambda: None), lambda: None, print)
            await asyncio.sleep(0)
            assert len(sent) == 1
            messages = list(FrameReader().feed(sent[0]))
            assert [message["attempt"] for message in messages] == ["attempt-0", "attempt-1", "attempt-2"]
            made.cancel(made.sessions["attempt-1"])
            await asyncio.sleep(0)
            assert len(sent) == 2, "what comes later goes later"

    asyncio.run(main())
