"""Hosts as loopback addresses, where namespaces are not allowed: a relay stands between each of them and the scheduler.

A cut relay still takes connections, as the kernel does for it, and nothing comes of them: what was sent stays unread.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")

_CHUNK = 65_536


@dataclass
class _Line:
    """How a host is connected; `sends` and `hears` are set while something gets through."""

    address: str
    sends: asyncio.Event = field(default_factory=asyncio.Event)
    hears: asyncio.Event = field(default_factory=asyncio.Event)
    delay: float = 0.0


class Relays:
    """Network of the hosts `names`; the first one is where the scheduler is, which serves on 127.0.0.1."""

    kind = "relays"
    address = "127.0.0.1"

    def __init__(self, names: tuple[str, ...]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relays", daemon=True)
        self._thread.start()
        self._lines = {name: _Line(f"127.0.0.{number + 1}") for number, name in enumerate(names)}
        self._relayed: dict[str, asyncio.Server] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._scheduler = names[0]
        for name in names:
            self.heal(name)

    def url(self, host: str, port: int) -> str:
        """The scheduler's address, as the host knows it."""
        if host != self._scheduler and host not in self._relayed:
            self._relayed[host] = self._wait(self._listen(self._lines[host], port))
        return f"http://{self._lines[host].address}:{port}"

    def on(self, host: str, call: Callable[[], T]) -> T:
        """What the call returns; all hosts are this one."""
        return call()

    def cut(self, host: str, *, sends: bool = False, hears: bool = False) -> None:
        """From now on nothing gets through; in one direction it does if the host still `sends` or `hears`.

        The scheduler's own host has no relay: it is cut from all the others.
        """
        for line in self._meant(host):
            for event, passes in ((line.sends, sends), (line.hears, hears)):
                self._loop.call_soon_threadsafe(event.set if passes else event.clear)

    def spoil(self, host: str, *, loss: float, delay: float) -> None:
        """Everything comes so many seconds late, each way. A relay of streams can lose nothing."""
        assert not loss
        for line in self._meant(host):
            line.delay = delay

    def heal(self, host: str) -> None:
        self.cut(host, sends=True, hears=True)
        self.spoil(host, loss=0.0, delay=0.0)

    def close(self) -> None:
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _meant(self, host: str) -> list[_Line]:
        return list(self._lines.values()) if host == self._scheduler else [self._lines[host]]

    def _wait(self, making: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(making, self._loop).result(120)

    async def _listen(self, line: _Line, port: int) -> asyncio.Server:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open.add(task)
            with suppress(OSError, asyncio.CancelledError):
                await self._relay(line, port, reader, writer)
            writer.close()
            self._open.discard(task)

        return await asyncio.start_server(relay, line.address, port)

    async def _relay(self, line: _Line, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await line.sends.wait()
        there, back = await asyncio.open_connection(self.address, port)
        passing = [
            asyncio.ensure_future(_pass_on(reader, back, line.sends, line)),
            asyncio.ensure_future(_pass_on(there, writer, line.hears, line)),
        ]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            back.close()
            for each in passing:
                each.cancel()
            await asyncio.gather(*passing, return_exceptions=True)

    async def _end(self) -> None:
        for server in self._relayed.values():
            server.close()
        left = list(self._open)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def _pass_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passes: asyncio.Event, line: _Line
) -> None:
    """Until one of the two ends; that an end was reached is passed on late and through a sound line only, too."""
    while True:
        data = await reader.read(_CHUNK)
        await asyncio.sleep(line.delay)
        await passes.wait()
        if not data:
            return
        writer.write(data)
        await writer.drain()
