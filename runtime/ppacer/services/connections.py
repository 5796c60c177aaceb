"""Connections to one HTTP server that stay open from one request to the next.

Tornado's own client opens a connection for each request. What is under HTTP here is Tornado's, too: its streams, and
its `HTTP1Connection`, one for each request that goes over a stream.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError
from tornado.tcpclient import TCPClient

CONNECT_SECONDS: Final = 5.0

_KEPT: Final = 4
"""Connections that are kept while nothing goes over them: as many as an executor has requests under way at a time."""


class GarbledError(Exception):
    """The answer is none of HTTP, or too big."""


@dataclass(slots=True)
class Answer(HTTPMessageDelegate):
    """An answer as it comes in; `status` is 0 before its first line has come."""

    status: int = 0
    reason: str = ""
    pieces: list[bytes] = field(default_factory=list)
    whole: bool = False
    lasting: bool = True
    """Whether the connection may be used again."""

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> None:
        assert isinstance(start_line, ResponseStartLine)
        self.status, self.reason = start_line.code, start_line.reason
        self.lasting = start_line.version == "HTTP/1.1" and headers.get("Connection", "").lower() != "close"

    def data_received(self, chunk: bytes) -> None:
        self.pieces.append(chunk)

    def finish(self) -> None:
        self.whole = True

    def on_connection_close(self) -> None:
        """Whoever reads hears of it."""


class Connections:
    """Requests to the server of `url` (`http://host:port/prefix`) go over connections that are kept for the next ones.

    An answer may have `most` bytes. `tls` says whom an `https` server must be; by default what the system trusts.
    Belongs to the event loop in which it is used first.
    """

    def __init__(self, url: str, *, most: int, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address such as http://127.0.0.1:9321")
        secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port or (443 if secure else 80)
        self._tls = tls or ssl.create_default_context() if secure else None
        self._named = parts.netloc.rpartition("@")[2]
        self._prefix = parts.path.rstrip("/")
        self._most = most
        self._client: TCPClient | None = None
        self._idle: list[IOStream] = []

    async def post(self, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
        """The answer to a request, which may be sent twice: a server may have closed a kept connection meanwhile.

        Raises `TimeoutError` after `seconds`, `StreamClosedError` where the connection ends before the answer does,
        `GarbledError`, and `OSError` where no connection can be made. Cancelled, it closes its connection.
        """
        try:
            async with asyncio.timeout(seconds):
                stream = self._kept()
                if stream is not None:
                    answer = Answer()
                    try:
                        return await self._ask(stream, path, headers, body, answer)
                    except StreamClosedError:
                        if answer.status:
                            raise
                return await self._ask(await self._connect(), path, headers, body, Answer())
        except (TimeoutError, OSError):
            self.close()  # what ails one may ail them all, and each would take its time to tell
            raise

    def close(self) -> None:
        """Closes the connections over which nothing goes at the moment."""
        while self._idle:
            self._idle.pop().close()

    def _kept(self) -> IOStream | None:
        while self._idle:
            stream = self._idle.pop()
            stream.set_close_callback(None)
            if not stream.closed():
                return stream
        return None

    def _keep(self, stream: IOStream) -> None:
        if len(self._idle) < _KEPT:
            stream.set_close_callback(_notice)
            self._idle.append(stream)
        else:
            stream.close()

    async def _connect(self) -> IOStream:
        if self._client is None:
            self._client = TCPClient()
        connecting = asyncio.ensure_future(
            self._client.connect(
                self._host, self._port, ssl_options=self._tls, max_buffer_size=self._most, timeout=CONNECT_SECONDS
            )
        )
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(_drop)
            raise

    async def _ask(
        self, stream: IOStream, path: str, headers: Mapping[str, str], body: bytes, answer: Answer
    ) -> Answer:
        lasting = False
        try:
            connection = HTTP1Connection(
                stream, True, HTTP1ConnectionParameters(max_header_size=self._most, max_body_size=self._most)
            )
            lines = HTTPHeaders({"Host": self._named, "Content-Length": str(len(body)), **headers})
            connection.write_headers(RequestStartLine("POST", self._prefix + path, "HTTP/1.1"), lines, body)
            connection.finish()
            if not await connection.read_response(answer) or not answer.whole:
                raise GarbledError
            lasting = answer.lasting and not stream.closed()
        finally:
            if lasting:
                self._keep(stream)
            else:
                stream.close()
        return answer


def _notice() -> None:
    """A stream looks at whether it has been closed only while somebody wants to know."""


def _drop(connecting: asyncio.Future[IOStream]) -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()
