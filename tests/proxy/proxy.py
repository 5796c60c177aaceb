"""A proxy between one executor and the scheduler that does to an exchange what it is told to do."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.proxy.faults import LEASE, Fault, Mode

_LIMIT = 64 * 1024 * 1024

DELAY = 0.8 * LEASE
"""Seconds beyond any time-out of an executor."""

LATE = LEASE + 1.5
CUT = LEASE + 1.0
"""Beyond the lease, whenever that was renewed last."""

ECHO = 2.0
OVERTAKEN = 2.0
"""How long an exchange waits to be overtaken, at most."""

_TRICKLED = 11
"""Bytes at a time."""

_PAGE = b"<!DOCTYPE html><title>gateway</title><h1>something is between you and where you want to go</h1>"


class GoneError(Exception):
    """The exchange ends here: the connection is closed, with a reset if `reset`."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("the connection is closed")
        self.reset = reset


@dataclass
class Proxy:
    """Listens on a port of its own for the scheduler at `port`."""

    port: int
    fault: Fault | None = None
    faults: list[str] = field(default_factory=list)
    """What went wrong in here, in words."""

    async def start(self) -> str:
        """The address for the executor to use."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._cut_until = 0.0
        self._passed = asyncio.Condition()
        self._count = 0
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LIMIT)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection: as many exchanges as the executor makes on it."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while not reader.at_eof():
                try:
                    head, body = await _message(reader)
                except (EOFError, OSError):
                    break
                await self._with(reader, self._exchange(head, body, writer))
        except GoneError as gone:
            if gone.reset:
                _reset(writer)
        except (EOFError, OSError, asyncio.CancelledError):
            pass  # either end has gone, or the harness is at its end
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _with(self, reader: asyncio.StreamReader, work: Coroutine[Any, Any, None]) -> None:
        """Gives the exchange up when the executor does."""
        working = asyncio.ensure_future(work)
        gone = asyncio.ensure_future(_closed(reader))
        try:
            await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for part in (working, gone):
                part.cancel()
            await asyncio.gather(working, gone, return_exceptions=True)

    async def _exchange(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        request = json.loads(body)
        mode = Mode.PASSED_ON
        if self.fault is not None and self.fault.takes(request):
            mode = self.fault.mode
        await self._request(mode, head + body)
        answer = await self._answered(mode, head + body)
        async with self._passed:
            self._count += 1
            self._passed.notify_all()
        await self._answer(mode, answer, writer)

    async def _request(self, mode: Mode, request: bytes) -> None:
        """What becomes of it before the scheduler has it."""
        now = asyncio.get_running_loop().time()
        if mode is Mode.CUT_OFF:
            self._cut_until = now + CUT
        if now < self._cut_until:
            raise GoneError
        match mode:
            case Mode.REQUEST_DROPPED:
                raise GoneError
            case Mode.REQUEST_RESET:
                raise GoneError(reset=True)
            case Mode.REQUEST_SWALLOWED:
                await asyncio.Event().wait()
            case Mode.REQUEST_DELAYED:
                self._later(request, DELAY)
                await asyncio.Event().wait()
            case Mode.REQUEST_LATE:
                self._later(request, LATE)
                await asyncio.Event().wait()
            case Mode.DOUBLED:
                self._later(request, 0.0)
            case Mode.ECHOED:
                self._later(request, ECHO)
            case Mode.REORDERED:
                await self._overtaken()

    async def _answered(self, mode: Mode, request: bytes) -> bytes:
        match mode:
            case Mode.BAD_GATEWAY:
                return _page(b"502 Bad Gateway")
            case Mode.FORBIDDEN:
                return _page(b"403 Forbidden")
        answer = await self._pass_on(request)
        match mode:
            case Mode.SPOILED:
                return _page(b"200 OK")
            case Mode.NOT_FOUND:
                return _page(b"404 Not Found")
        return answer

    async def _answer(self, mode: Mode, answer: bytes, writer: asyncio.StreamWriter) -> None:
        """What becomes of it on its way back."""
        if asyncio.get_running_loop().time() < self._cut_until:
            raise GoneError
        half = answer[: len(answer) - max(1, len(answer.partition(b"\r\n\r\n")[2]) // 2)]
        match mode:
            case Mode.ANSWER_DROPPED:
                raise GoneError
            case Mode.ANSWER_SWALLOWED:
                await asyncio.Event().wait()
            case Mode.ANSWER_DELAYED:
                await asyncio.sleep(DELAY)
            case Mode.ANSWER_LATE:
                await asyncio.sleep(LATE)
            case Mode.ANSWER_RESET | Mode.ANSWER_TRUNCATED:
                writer.write(half)
                await writer.drain()
                raise GoneError(reset=mode is Mode.ANSWER_RESET)
            case Mode.TRICKLED:
                for start in range(0, len(answer), _TRICKLED):
                    writer.write(answer[start : start + _TRICKLED])
                    await writer.drain()
                    await asyncio.sleep(0.005)
                return
            case Mode.CLOSED_AFTER:
                first, _, rest = answer.partition(b"\r\n")
                writer.write(first + b"\r\nConnection: keep-alive\r\n" + rest)
                await writer.drain()
                raise GoneError
        writer.write(answer)
        await writer.drain()

    async def _overtaken(self) -> None:
        """Waits until another exchange has passed."""
        async with self._passed:
            seen = self._count
            try:
                async with asyncio.timeout(OVERTAKEN):
                    await self._passed.wait_for(lambda: self._count > seen)
            except TimeoutError:
                return

    def _later(self, request: bytes, seconds: float) -> None:
        """Passes it on in so many seconds, for nobody to hear the answer."""
        task = asyncio.create_task(self._echo(request, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _echo(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await self._pass_on(request)
        except (OSError, EOFError) as error:
            self.faults.append(f"what came later was not answered: {error!r}")

    async def _pass_on(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=_LIMIT)
        try:
            writer.write(request)
            await writer.drain()
            head, body = await _message(reader)
            return head + body
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name == b"content-length":
            length = int(value)
    return head, await reader.readexactly(length)


async def _closed(reader: asyncio.StreamReader) -> None:
    """Returns when the other end has closed. An executor sends nothing more before it is answered."""
    while not reader.at_eof():
        if not await reader.read(1):
            return


def _reset(writer: asyncio.StreamWriter) -> None:
    """Has the connection end with a reset: what was not sent is thrown away, too (SO_LINGER of 0 s)."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _page(status: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (status, len(_PAGE), _PAGE)
