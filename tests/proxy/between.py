"""What stands between executors and their scheduler: takes their connections, and hands each exchange over to be
answered as its subclass sees fit."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

_LIMIT = 64 * 1024 * 1024


class GoneError(Exception):
    """The exchange ends here: the connection is closed, with a reset if `reset`."""

    def __init__(self, *, reset: bool = False) -> None:
        super().__init__("the connection is closed")
        self.reset = reset


@dataclass
class Between(ABC):
    """Listens on a port of its own for the scheduler at `port`."""

    port: int
    faults: list[str] = field(default_factory=list)
    """What went wrong in here, in words."""

    async def start(self) -> str:
        """The address for executors to use."""
        self._tasks: set[asyncio.Task[Any]] = set()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_LIMIT)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @abstractmethod
    async def exchange(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        """Answers one request, or raises `GoneError`."""

    async def pass_on(self, request: bytes) -> bytes:
        """The scheduler's answer to it, over a connection of its own. Raises OSError or EOFError if there is none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=_LIMIT)
        try:
            writer.write(request)
            await writer.drain()
            head, body = await _message(reader)
            return head + body
        finally:
            writer.close()

    def later(self, request: bytes, seconds: float) -> None:
        """Passes it on in so many seconds, for nobody to hear the answer."""
        task = asyncio.create_task(self._echo(request, seconds))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _echo(self, request: bytes, seconds: float) -> None:
        await asyncio.sleep(seconds)
        try:
            await self.pass_on(request)
        except (OSError, EOFError) as error:
            self.faults.append(f"what came later was not answered: {error!r}")

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
                await self._unless_given_up(reader, self.exchange(head, body, writer))
        except GoneError as gone:
            if gone.reset:
                _reset(writer)
        except (EOFError, OSError, asyncio.CancelledError):
            pass  # either end has gone, or the test is at its end
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _unless_given_up(self, reader: asyncio.StreamReader, work: Coroutine[Any, Any, None]) -> None:
        """Ends the work when the executor closes its connection."""
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
    with contextlib.suppress(OSError):  # with a reset
        while not reader.at_eof() and await reader.read(1):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """Has the connection end with a reset: what was not sent is thrown away, too (SO_LINGER of 0 s)."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
