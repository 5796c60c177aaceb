"""How an executor's exchanges reach the scheduler: over HTTP, or within the program."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum
from http import HTTPStatus
from random import random
from typing import Protocol, TypeAlias

from tornado.iostream import StreamClosedError

from ppacer import wire
from ppacer.protocol import EXCHANGE_PATH, LEASE_SECONDS, Exchange, ExchangeAnswer, renews_only
from ppacer.services.connections import Answer, Connections, GarbledError
from ppacer.services.troubles import Troubles

ANSWER_SECONDS = 20.0
"""How long an answer may take at most, beyond the time for which the scheduler was asked to hold a claim."""

FIRST_DELAY = 0.1
LAST_DELAY = 3.0
"""Seconds between tries while the scheduler is away, from the first to the last, each jittered by half. Whoever has
nothing else to ask hears of a scheduler that is back after so long, and what it had been granted must not be lost
meanwhile."""

_QUICK_SECONDS = 1.0
"""After how long the next of several schedulers is no longer asked within the same exchange: the time is used up."""

_log = logging.getLogger("ppacer")

_MAX_ANSWER = 64 * 1024 * 1024


def _one_term() -> float:
    return LEASE_SECONDS


class Fault(Enum):
    """Why an exchange was not answered, by what helps against it."""

    AWAY = "away"
    """Nobody answered, or somebody who cannot just now: the same request again later is safe, and may help."""

    FORBIDDEN = "forbidden"
    """The token is missing or wrong: only another token helps."""

    VERSION = "version"
    """The scheduler speaks another version of the protocol: only another program helps."""

    REJECTED = "rejected"
    """The scheduler will not have this very request, now or later."""


class TransportError(Exception):
    """An exchange that was not answered as it should be; the message says why, for people."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class Transport(Protocol):
    """A way to the scheduler."""

    async def exchange(self, exchange: Exchange, seconds: float = ANSWER_SECONDS) -> ExchangeAnswer:
        """The scheduler's answer, which may take `seconds` beyond the time for which it may hold a claim.

        Raises `TransportError`. May be cancelled: nobody waits for the answer then, and the scheduler hears of that.
        """
        ...

    def close(self) -> None:
        """Ends what is under way."""
        ...


Handler: TypeAlias = Callable[[Exchange], Awaitable[ExchangeAnswer]]
"""The scheduler's side of an exchange, as `Scheduler.exchange`."""


class DirectTransport:
    """The way to a scheduler in the same program: its handler. Messages are never changed, so nobody needs a copy."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def exchange(self, exchange: Exchange, seconds: float = ANSWER_SECONDS) -> ExchangeAnswer:
        try:
            async with asyncio.timeout(_held(exchange) + seconds):
                return await self._handler(exchange)
        except TransportError:
            raise
        except TimeoutError as fault:
            raise TransportError(Fault.AWAY, "the scheduler did not answer in time") from fault
        except Exception as fault:
            raise TransportError(Fault.AWAY, f"the scheduler cannot answer just now: {fault}") from fault

    def close(self) -> None:
        """There is no connection to close."""


class HttpTransport:
    """The way to a scheduler at `url` (`http://host:port`), with its bearer token if it asks for one. `tls` is what its
    certificate is judged by, the system's authorities by default."""

    def __init__(self, url: str, token: str | None = None, *, tls: ssl.SSLContext | None = None) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connections = Connections(self.url, most=_MAX_ANSWER, tls=tls)

    async def exchange(self, exchange: Exchange, seconds: float = ANSWER_SECONDS) -> ExchangeAnswer:
        body, longest = wire.encode(exchange), _held(exchange) + seconds
        try:
            answer = await self._connections.post(EXCHANGE_PATH, self._headers, body, longest)
            if answer.status != HTTPStatus.OK:
                raise self._refusal(answer)
            return wire.decode(ExchangeAnswer, answer.body)
        except (wire.WireError, GarbledError) as fault:
            said = f": {fault}" if str(fault) else ""
            raise TransportError(Fault.AWAY, f"{self.url} gave no answer of a ppacer scheduler{said}") from fault
        except TimeoutError as fault:
            raise TransportError(Fault.AWAY, f"{self.url} did not answer in time") from fault
        except StreamClosedError as fault:
            raise self._closed(fault) from fault
        except socket.gaierror as fault:
            raise TransportError(Fault.AWAY, f"{self.url}: no such host") from fault
        except ConnectionRefusedError as fault:
            raise TransportError(Fault.AWAY, f"{self.url}: nothing listens there (connection refused)") from fault
        except ssl.SSLError as fault:
            raise TransportError(Fault.AWAY, f"{self.url} cannot be trusted: {_distrust(fault)}") from fault
        except OSError as fault:
            raise TransportError(Fault.AWAY, f"{self.url}: {fault.strerror or fault}") from fault

    def close(self) -> None:
        self._connections.close()

    def _closed(self, fault: StreamClosedError) -> TransportError:
        match fault.real_error:
            case ssl.SSLError() as error:
                return TransportError(Fault.AWAY, f"{self.url} cannot be trusted: {_distrust(error)}")
            case ConnectionRefusedError():
                why = ": nothing listens there (connection refused)"
            case OSError(strerror=str(why)):
                why = f": {why}"
            case _:
                why = " closed the connection before it had answered"
        return TransportError(Fault.AWAY, f"{self.url}{why}")

    def _refusal(self, answer: Answer) -> TransportError:
        detail = _detail(answer.body)
        if detail is None and answer.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            # A proxy's or a load balancer's own page: no word of the scheduler's, so nothing is given up for it.
            said = f"{answer.status} {answer.reason}".rstrip()
            return TransportError(Fault.AWAY, f"{self.url} gave no answer of a ppacer scheduler: {said}")
        detail = detail or answer.reason or f"status {answer.status}"
        match answer.status:
            case 401 | 403:
                return TransportError(Fault.FORBIDDEN, f"{self.url} refuses this executor's token: {detail}")
            case 426:
                return TransportError(Fault.VERSION, f"{self.url} speaks another version: {detail}")
            case 408 | 425 | 429:
                return TransportError(Fault.AWAY, f"{self.url} asks to try later: {detail}")
            case code if 400 <= code < 500:
                return TransportError(Fault.REJECTED, f"{self.url} refused a request: {detail}")
            case code:
                return TransportError(Fault.AWAY, f"{self.url} cannot answer just now: {code} {detail}")


class FailoverTransport:
    """The way to whichever of several schedulers leads: the one that answered last, and when that does not, the next.

    Who stands by answers that it does, which is as good as no answer.
    """

    def __init__(self, transports: Sequence[Transport]) -> None:
        self._transports = transports
        self._current = 0

    async def exchange(self, exchange: Exchange, seconds: float = ANSWER_SECONDS) -> ExchangeAnswer:
        """Asks each of them once, as long as those that do not answer say so quickly."""
        clock = asyncio.get_running_loop().time
        begun = clock()
        faults: list[str] = []
        while True:
            asked = self._current
            try:
                return await self._transports[asked].exchange(exchange, seconds)
            except TransportError as fault:
                if fault.fault is not Fault.AWAY:
                    raise
                faults.append(str(fault))
            if self._current == asked:  # else another exchange has moved on already
                self._current = (asked + 1) % len(self._transports)
            if len(faults) == len(self._transports) or clock() - begun > _QUICK_SECONDS:
                raise TransportError(Fault.AWAY, "; ".join(faults))

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


class LeaderTransport:
    """The way to whoever leads at the moment: the scheduler in the same program, or the one at an address."""

    def __init__(self, token: str | None, *, tls: ssl.SSLContext | None = None) -> None:
        self._token = token
        self._tls = tls
        self._transports: dict[str, HttpTransport] = {}
        self._leader: Transport | None = None
        self._known = asyncio.Event()

    def lead(self, handler: Handler) -> None:
        """This program leads."""
        self._leader = DirectTransport(handler)
        self._known.set()

    def follow(self, url: str | None) -> None:
        """The program at that address leads, or nobody."""
        if url is None:
            self._leader = None
            self._known.clear()
        else:
            if url not in self._transports:
                self._transports[url] = HttpTransport(url, self._token, tls=self._tls)
            self._leader = self._transports[url]
            self._known.set()

    async def exchange(self, exchange: Exchange, seconds: float = ANSWER_SECONDS) -> ExchangeAnswer:
        """Waits until somebody leads, as long as the answer may take."""
        try:
            async with asyncio.timeout(seconds):
                await self._known.wait()
        except TimeoutError as fault:
            raise TransportError(Fault.AWAY, "nobody leads the database at the moment") from fault
        assert self._leader is not None
        return await self._leader.exchange(exchange, seconds)

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()


def to_schedulers(urls: Sequence[str], token: str | None, *, tls: ssl.SSLContext | None = None) -> Transport:
    """The way to the schedulers at these addresses, of which one leads and the others stand by."""
    transports = [HttpTransport(url, token, tls=tls) for url in urls]
    return transports[0] if len(transports) == 1 else FailoverTransport(transports)


class Link:
    """The scheduler as an executor sees it: whoever asks is answered, however long that takes.

    `clock` is the executor's, `term` tells for how long a lease is granted, in seconds. An answer of an earlier leader
    than was heard of counts as none while a lease of the later one may live: it comes from a scheduler that does not
    know yet that it has been deposed, and would have this executor stop what the later one gave it.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        clock: Callable[[], float] = time.monotonic,
        term: Callable[[], float] = _one_term,
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._term = term
        self._away = Troubles(lambda: _log.info("the scheduler answers again"))
        self._back = asyncio.Event()
        self._leader = 0
        self._heard_at = 0.0

    async def ask(self, exchange: Exchange, seconds: float) -> ExchangeAnswer:
        """Repeats the exchange under its one request id until it is answered, at growing intervals, and as soon as
        another exchange has been answered. `seconds` is how long each answer may take.

        Raises `TransportError` where repeating it does not help.
        """
        delay = FIRST_DELAY
        while True:
            try:
                return await self.try_once(exchange, seconds)
            except TransportError as fault:
                if fault.fault is not Fault.AWAY:
                    raise
            await self._pause(delay * (0.5 + random()))  # noqa: S311 (so that executors do not come all at once)
            delay = min(delay * 2, LAST_DELAY)

    async def try_once(self, exchange: Exchange, seconds: float) -> ExchangeAnswer:
        """The one exchange. Says so once when the scheduler goes away, and once when it is back for good.

        A scheduler that cannot record anything still renews leases: by that alone it is not back.
        """
        try:
            answer = await self._transport.exchange(exchange, seconds)
            self._refuse_deposed(answer)
        except TransportError as fault:
            if fault.fault is Fault.AWAY and not self._away.present:
                self._back.clear()
                message = str(fault)
                self._away.begin(lambda: _log.warning("%s; trying again until it answers", message))
            raise
        if self._away.present and not renews_only(exchange):
            self._back.set()
            self._away.end()
        return answer

    def _refuse_deposed(self, answer: ExchangeAnswer) -> None:
        now = self._clock()
        if answer.leader < self._leader and now - self._heard_at < self._term():
            raise TransportError(
                Fault.AWAY, f"leader {answer.leader} answers, which leader {self._leader} has followed"
            )
        self._leader, self._heard_at = answer.leader, now

    async def _pause(self, seconds: float) -> None:
        """Waits, but no longer than until the scheduler is back."""
        if not self._away.present:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._back.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        self._away.close()
        self._transport.close()


def _distrust(fault: ssl.SSLError) -> str:
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"{fault.verify_message} (--tls-ca names the authority of its certificate)"
    return (fault.reason or str(fault)).replace("_", " ").lower()


def _held(exchange: Exchange) -> float:
    """For how long the scheduler is asked to hold the exchange, in seconds."""
    return exchange.claim.wait if exchange.claim else 0.0


def _detail(body: bytes) -> str | None:
    """What an answer says of itself, as each refusal of a scheduler does: the `detail` or `title` of its
    problem+json. None where it is no such answer."""
    try:
        problem: object = json.loads(body)
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        for key in ("detail", "title"):
            text = problem.get(key)
            if isinstance(text, str) and text:
                return text
    return None
