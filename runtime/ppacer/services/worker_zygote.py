"""The zygote as the executor sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
from collections import deque
from collections.abc import Callable, Sequence

from ppacer.services import worker_tree
from ppacer.services.worker_frames import FrameError, FrameReader, Message, frame
from ppacer.services.worker_process import Gone
from ppacer.services.zygote_process import ZygoteProcess

_END_SECONDS = 10.0
_CHUNK = 65536
_log = logging.getLogger("ppacer")


class ZygoteLink:
    """Sends to a zygote, hears of its workers' ends and of its own, and sees to its end.

    `on_worker_gone` gets a worker's number and its end, `on_gone` the reason why the zygote has ended.
    """

    def __init__(
        self,
        process: ZygoteProcess,
        *,
        on_worker_gone: Callable[[int, Gone], object],
        on_gone: Callable[[str], object],
    ) -> None:
        self.ended = False
        self._on_worker_gone = on_worker_gone
        self._on_gone = on_gone
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._outbox: deque[tuple[bytes, Sequence[int]]] = deque()
        self._process = process
        self._channel = process.channel
        self._channel.setblocking(False)
        self._loop.add_reader(self._channel, self._on_readable)
        self._mourning: asyncio.Task[None] | None = None

    def send(self, message: Message, descriptors: Sequence[int] = ()) -> None:
        """Sends a message, and descriptors that it then closes here."""
        if self.ended:
            _close_all(descriptors)
            return
        self._outbox.append((frame(message), descriptors))
        if len(self._outbox) == 1:
            self._write()

    async def end(self) -> None:
        """Closes the channel, upon which the zygote kills everything and ends."""
        if not self.ended:
            self._mourn("the executor is ending")
        assert self._mourning is not None
        await self._mourning

    def _write(self) -> None:
        self._loop.remove_writer(self._channel)
        while self._outbox:
            data, descriptors = self._outbox[0]
            try:
                sent = socket.send_fds(self._channel, [data], descriptors) if descriptors else self._channel.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._channel, self._write)
                return
            except OSError:
                self._mourn(None)
                return
            _close_all(descriptors)
            self._outbox.popleft()
            if sent < len(data):
                self._outbox.appendleft((data[sent:], ()))

    def _on_readable(self) -> None:
        try:
            data = self._channel.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._mourn(None)
            return
        try:
            for message in self._reader.feed(data):
                match message:
                    case {"exited": int(number), "status": int(status)}:
                        self._on_worker_gone(number, Gone(status))
                    case {"failed": int(number), "error": str(error)}:
                        self._on_worker_gone(number, Gone(None, f"no worker process can be started: {error}"))
                    case {"preload": str(module), "why_not": str(why)}:
                        _log.debug("module %s %s", module, f"is left to workers: {why}" if why else "is preloaded")
                    case _:
                        raise FrameError("no message of a zygote")
        except FrameError:
            self._mourn(None)

    def _mourn(self, reason: str | None) -> None:
        """The zygote has ended or shall end: forgets it, and sees to it that nothing of it is left."""
        if self.ended:
            return
        self.ended = True
        self._loop.remove_reader(self._channel)
        self._loop.remove_writer(self._channel)
        self._channel.close()
        for _, descriptors in self._outbox:
            _close_all(descriptors)
        self._outbox.clear()
        self._mourning = self._loop.create_task(self._wait(reason))

    async def _wait(self, reason: str | None) -> None:
        try:
            status = await asyncio.to_thread(self._process.popen.wait, _END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.popen.kill()
            status = await asyncio.to_thread(self._process.popen.wait)
        if status != 0:
            # It did not end as it should and so has not seen to its descendants.
            await asyncio.to_thread(worker_tree.kill_marked, self._process.cookie)
        ending = f"was killed by signal {-status}" if status < 0 else f"ended with exit code {status}"
        self._on_gone(reason or f"the process that starts workers {ending}")


def _close_all(descriptors: Sequence[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
