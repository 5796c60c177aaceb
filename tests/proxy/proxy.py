"""A proxy between one executor and the scheduler that does to an exchange what it is told to do."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from tests.proxy.between import Between, GoneError
from tests.proxy.faults import LEASE, Fault, Mode

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


@dataclass
class Proxy(Between):
    """`fault` is what it does, to which exchange."""

    fault: Fault | None = None

    def __post_init__(self) -> None:
        self._cut_until = 0.0
        self._passed = asyncio.Condition()
        self._count = 0

    async def exchange(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
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
                self.later(request, DELAY)
                await asyncio.Event().wait()
            case Mode.REQUEST_LATE:
                self.later(request, LATE)
                await asyncio.Event().wait()
            case Mode.DOUBLED:
                self.later(request, 0.0)
            case Mode.ECHOED:
                self.later(request, ECHO)
            case Mode.REORDERED:
                await self._overtaken()

    async def _answered(self, mode: Mode, request: bytes) -> bytes:
        match mode:
            case Mode.BAD_GATEWAY:
                return _page(b"502 Bad Gateway")
            case Mode.FORBIDDEN:
                return _page(b"403 Forbidden")
        answer = await self.pass_on(request)
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


def _page(status: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (status, len(_PAGE), _PAGE)
