"""A proxy between executors and their scheduler that loses, delays, doubles and holds back what passes through it."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

_LIMIT = 64 * 1024 * 1024


class Mode(StrEnum):
    """What becomes of one exchange."""

    PASSED_ON = "passed on"
    REQUEST_LOST = "request lost"
    REQUEST_HELD = "request held"
    """The connection stays open and nothing ever comes of it."""
    REQUEST_LATE = "request late"
    DOUBLED = "doubled"
    ECHOED = "echoed"
    """Passed on, and once more a good while later."""
    ANSWER_LOST = "answer lost"
    ANSWER_HELD = "answer held"
    ANSWER_LATE = "answer late"


@dataclass(frozen=True)
class Accepted:
    """A report that an executor was told to be accepted."""

    attempt: str
    token: int
    outcome: str


@dataclass
class Proxy:
    """`modes` is what may happen to an exchange, each equally likely; empty for a sound network."""

    port: int
    chance: random.Random
    modes: Sequence[Mode] = ()
    accepted: list[Accepted] = field(default_factory=list)

    async def start(self) -> str:
        """The address for executors to use."""
        self._echoes: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LIMIT)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        left = [*self._echoes, *self._connections]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One exchange: the connection is closed after it. One that the executor gives up is given up at once."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            request = await _message(reader)
            answering = asyncio.ensure_future(self._answer(request))
            gone = asyncio.ensure_future(reader.read(1))
            try:
                await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
                if answering.done() and (answer := answering.result()) is not None:
                    writer.write(answer)
                    await writer.drain()
                    self._note(request, answer)
            finally:
                for part in (answering, gone):
                    part.cancel()
                await asyncio.gather(answering, gone, return_exceptions=True)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # either end has gone, or the test is over
        finally:
            writer.close()
            self._connections.discard(task)

    async def _answer(self, request: bytes) -> bytes | None:
        mode = self.chance.choice(self.modes) if self.modes else Mode.PASSED_ON
        match mode:
            case Mode.REQUEST_LOST:
                return None
            case Mode.REQUEST_HELD:
                await asyncio.Event().wait()
            case Mode.REQUEST_LATE:
                await asyncio.sleep(self.chance.uniform(0.1, 2.5))
            case Mode.DOUBLED | Mode.ECHOED:
                delay = 0.0 if mode is Mode.DOUBLED else self.chance.uniform(0.5, 3.0)
                echo = asyncio.create_task(self._echo(request, delay))
                self._echoes.add(echo)
                echo.add_done_callback(self._echoes.discard)
        answer = await self._pass_on(request)
        match mode:
            case Mode.ANSWER_LOST:
                return None
            case Mode.ANSWER_HELD:
                await asyncio.Event().wait()
            case Mode.ANSWER_LATE:
                await asyncio.sleep(self.chance.uniform(0.1, 2.5))
        return answer

    async def _echo(self, request: bytes, delay: float) -> None:
        await asyncio.sleep(delay)
        try:
            await self._pass_on(request)
        except (OSError, EOFError):
            return  # the scheduler is away

    async def _pass_on(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=_LIMIT)
        try:
            writer.write(request)
            await writer.drain()
            return await _message(reader)
        finally:
            writer.close()

    def _note(self, request: bytes, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        if b" 200 " not in head.partition(b"\r\n")[0]:
            return
        if b"content-encoding: gzip" in head.lower():
            body = gzip.decompress(body)
        sent = {report["attempt"]: report for report in json.loads(request.partition(b"\r\n\r\n")[2])["reports"]}
        for ack in json.loads(body)["reports"]:
            if ack["status"] == 200:
                report = sent[ack["attempt"]]
                self.accepted.append(Accepted(ack["attempt"], report["token"], report["outcome"]))


async def _message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = int(value)
    return head + await reader.readexactly(length)
