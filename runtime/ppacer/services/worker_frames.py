"""Messages between executor, zygote and workers: JSON objects, each behind its length in four bytes, big-endian."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TypeAlias

Message: TypeAlias = dict[str, object]

MAX_FRAME = 64 * 1024 * 1024
"""A length above this is no length: whoever wrote it was no part of the program."""

_LENGTH = struct.Struct(">I")
_ENCODER = json.JSONEncoder(separators=(",", ":"))
_DECODER = json.JSONDecoder()
_CHUNK = 262144


class FrameError(ValueError):
    """Bytes that are no message."""


def frame(message: Mapping[str, object]) -> bytes:
    """The bytes of a message: pure ASCII, so that any text passes."""
    body = _ENCODER.encode(message).encode("ascii")
    return _LENGTH.pack(len(body)) + body


class FrameReader:
    """Puts messages together from bytes as they come."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that `data` completes. Raises `FrameError`."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > MAX_FRAME:
                raise FrameError(f"a message of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield _message(body)


class FrameSocket:
    """A worker's end of its channel: one thread receives, any may send. `hold` is entered while a message is sent."""

    def __init__(self, channel: socket.socket, hold: AbstractContextManager[object] | None = None) -> None:
        self._channel = channel
        self._reader = FrameReader()
        self._messages: list[Message] = []
        self._hold = hold or nullcontext()
        self._sending = threading.RLock()  # what is destroyed meanwhile may have something to say

    def receive(self) -> Message | None:
        """The next message; none when the other end has closed. Raises `OSError`, `FrameError`."""
        while not self._messages:
            data = self._channel.recv(_CHUNK)
            if not data:
                return None
            self._messages.extend(self._reader.feed(data))
        return self._messages.pop(0)

    def send(self, message: Mapping[str, object]) -> None:
        data = frame(message)
        with self._hold, self._sending:
            self._channel.sendall(data)


def _message(body: bytes) -> Message:
    try:
        message: object = _DECODER.decode(body.decode())
    except ValueError as fault:
        raise FrameError(f"not JSON: {fault}") from None
    if not isinstance(message, dict):
        raise FrameError("no object")
    return message
