"""The connection of a client to a running program: what is asked over it, and how it shows that it was lost."""

from __future__ import annotations

import http.client
import json
import select
import socket
import ssl
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from ppacer.client_errors import AwayError, RefusedError, refusal
from ppacer.web.codec import AnswerError, decode
from ppacer.web.messages import Health, Json, Problem

_PIECE = 256 * 1024
_LOST = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, http.client.IncompleteRead)
"""How it shows that a connection was lost while a request was made: nobody knows whether it arrived."""

_Message = TypeVar("_Message")


class Connection:
    """One connection, kept, and made anew where it was closed. Belongs to one thread, but for `interrupt`.

    `url` is the program's address; an answer may take `timeout` seconds more than it was asked to wait.
    """

    def __init__(
        self, url: str, token: str | None, *, timeout: float, actor: str | None, tls: ssl.SSLContext | None
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url} is no address such as http://127.0.0.1:9321")
        self.url = url.rstrip("/")
        self.token = token
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname, parts.port or (443 if self._secure else 80))
        self._prefix = parts.path.rstrip("/")
        self._headers = {"Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        if actor is not None:
            self._headers["X-Ppacer-Actor"] = actor
        self.timeout = timeout
        self.actor = actor
        self.tls = tls
        self._connection: http.client.HTTPConnection | None = None
        self._interrupted = False

    def again(self) -> Connection:
        """Another one to the same program as the same user."""
        return Connection(self.url, self.token, timeout=self.timeout, actor=self.actor, tls=self.tls)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def interrupt(self) -> None:
        """For good: whatever is waited for ends at once, with `AwayError`, as does all that is asked from now on. May
        be called from any thread."""
        self._interrupted = True
        connection = self._connection
        waiting = None if connection is None else connection.sock
        if waiting is not None:
            with suppress(OSError):
                socket.socket.shutdown(waiting, socket.SHUT_RDWR)  # not of TLS, which would not be safe from here

    # --- what is asked -----------------------------------------------------------------------------------------------

    def get(
        self,
        kind: type[_Message],
        path: str,
        query: Mapping[str, str | None] | None = None,
        *,
        words: Mapping[str, Sequence[str]] | None = None,
        wait: float = 0.0,
    ) -> _Message:
        given = [(name, value) for name, value in (query or {}).items() if value is not None]
        given += [(name, word) for name, several in (words or {}).items() for word in several]
        return self.send(kind, "GET", f"{path}?{urlencode(given)}" if given else path, wait=wait)

    def send(
        self,
        kind: type[_Message],
        method: str,
        path: str,
        *,
        body: Json = None,
        headers: Mapping[str, str] | None = None,
        wait: float = 0.0,
    ) -> _Message:
        """The answer as a message. Where the connection is lost it is asked once more; a change has a key of its own,
        so that it is made once."""
        content = None if body is None else json.dumps(body).encode()
        changing = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        extra = {**(changing if content is not None else {}), **(headers or {})}
        try:
            answer = self._asked(method, path, content, extra, wait=wait)
        except AwayError as error:
            if not isinstance(error.__cause__, _LOST) or self._interrupted:
                raise
            answer = self._asked(method, path, content, extra, wait=wait)  # with the same key: it is done once
        try:
            return decode(kind, answer)
        except AnswerError as error:
            raise AwayError(f"{self.url} is no ppacer program: {error}") from error

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        wait: float = 0.0,
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer that is no refusal, to be read within; what is left of it then goes with the connection."""
        try:
            with self._speaking():
                connection = self._connect(self.timeout + wait)
                connection.request(method, self._prefix + path, content, {**self._headers, **(headers or {})})
                response = connection.getresponse()
            if response.status >= 400:
                raise refusal(_problem(response.status, response.reason, self.reading(response)))
            yield response
        except RefusedError:
            raise
        except BaseException:
            self.close()  # an answer that was not read would be taken for that of the next request
            raise
        if not response.isclosed():
            self.close()

    def reading(self, response: http.client.HTTPResponse, size: int | None = None) -> bytes:
        """So much of an answer, or the rest of it. Of one that was cut off it raises `AwayError`."""
        with self._speaking():
            piece = response.read(size)
            if size is not None and not piece and response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return piece

    def coming(self, response: http.client.HTTPResponse, within: float) -> bytes:
        """What has come of an answer without a length, as soon as there is something; nothing at its end. Raises
        `AwayError` where nothing comes within so many seconds, or it was cut off."""
        with self._speaking():
            if self._connection is not None and self._connection.sock is not None:
                self._connection.sock.settimeout(within)
            return response.read1(_PIECE)

    # --- details -----------------------------------------------------------------------------------------------------

    def _asked(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str], *, wait: float
    ) -> bytes:
        with self.answer(method, path, content, headers, wait=wait) as response:
            return self.reading(response)

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise AwayError(f"{self.url} does not answer: {_reason(error)}") from error

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        """The kept connection, if the other side has not closed it, else a new one."""
        if self._connection is not None and (self._connection.sock is None or _readable(self._connection)):
            self.close()
        if self._connection is None:
            self._connection = (
                http.client.HTTPSConnection(*self._address, timeout=timeout, context=self.tls)
                if self._secure
                else http.client.HTTPConnection(*self._address, timeout=timeout)
            )
            self._connection.connect()
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        if self._interrupted:  # looked at after the socket is there: one of the two finds the other
            raise ConnectionAbortedError("it was stopped")
        return self._connection


def _readable(connection: http.client.HTTPConnection) -> bool:
    """Whether something waits to be read while no answer is due: the end of the connection."""
    return bool(select.select([connection.sock], [], [], 0)[0])


def _problem(status: int, reason: str, answer: bytes) -> Problem:
    with suppress(AnswerError):
        return decode(Problem, answer)
    with suppress(AnswerError):  # `/ready` says of itself what is wrong
        return Problem(status, reason, decode(Health, answer).problem or "")
    return Problem(status, reason)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate cannot be trusted: {error.verify_message} (--tls-ca names its authority)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
