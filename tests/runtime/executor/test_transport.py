"""The two ways to a scheduler, and what each kind of failure becomes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from ppacer import wire
from ppacer.protocol import EXCHANGE_PATH, PROTOCOL_VERSION, Ack, Exchange, ExchangeAnswer
from ppacer.services.transport import DirectTransport, Fault, HttpTransport, Link, TransportError

EXCHANGE = Exchange(PROTOCOL_VERSION, "host-1", "instance", "request", "build")
ANSWER = ExchangeAnswer(reports=(Ack("a", 200),))


@asynccontextmanager
async def server(answer: Callable[[RequestHandler], object]) -> AsyncIterator[str]:
    """An HTTP server that answers exchanges with `answer`; its address."""

    class Handler(RequestHandler):
        def post(self) -> None:
            answer(self)

        def log_exception(self, *args: object, **kwargs: object) -> None:
            """Stays quiet: the tests look at the client's side."""

    (listening,) = bind_sockets(0, "127.0.0.1")
    http = HTTPServer(Application([(EXCHANGE_PATH, Handler)], log_function=lambda _: None))
    http.add_sockets([listening])
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        http.stop()
        await http.close_all_connections()


async def fault_of(transport: HttpTransport | DirectTransport, seconds: float = 20.0) -> TransportError:
    try:
        with pytest.raises(TransportError) as caught:
            await transport.exchange(EXCHANGE, seconds)
        return caught.value
    finally:
        transport.close()


def test_an_exchange_over_http() -> None:
    seen: list[object] = []

    def answer(handler: RequestHandler) -> None:
        seen.append(handler.request.headers.get("Authorization"))
        seen.append(handler.request.headers.get("Content-Type"))
        seen.append(wire.decode(Exchange, handler.request.body))
        handler.write(wire.encode(ANSWER))

    async def main() -> None:
        async with server(answer) as url:
            transport = HttpTransport(url + "/", token="secret")
            assert await transport.exchange(EXCHANGE) == ANSWER
            transport.close()

    asyncio.run(main())
    assert seen == ["Bearer secret", "application/json", EXCHANGE]


@pytest.mark.parametrize(
    ("status", "body", "fault", "words"),
    [
        (401, b'{"title": "Unauthorized", "detail": "a token is needed"}', Fault.FORBIDDEN, "token: a token is needed"),
        (403, b"", Fault.FORBIDDEN, "refuses this executor's token"),
        (426, b'{"title": "speak protocol 2"}', Fault.VERSION, "another version: speak protocol 2"),
        (400, b'{"detail": "reports[0].token must be integer"}', Fault.REJECTED, "reports[0].token"),
        (413, b"<html>", Fault.REJECTED, "refused a request"),
        (429, b"", Fault.AWAY, "try later"),
        (503, b'{"detail": "the disk is full"}', Fault.AWAY, "the disk is full"),
        (302, b"", Fault.AWAY, "cannot answer just now: 302"),
        (200, b"<html>hello</html>", Fault.AWAY, "no answer of a ppacer scheduler: not JSON"),
        (200, b'{"reports": 1}', Fault.AWAY, "reports must be array"),
    ],
)
def test_what_a_status_means(status: int, body: bytes, fault: Fault, words: str) -> None:
    def answer(handler: RequestHandler) -> None:
        handler.set_status(status)
        handler.write(body)

    async def main() -> None:
        async with server(answer) as url:
            error = await fault_of(HttpTransport(url))
            assert error.fault is fault
            assert words in str(error)
            assert url in str(error)

    asyncio.run(main())


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    error = asyncio.run(fault_of(HttpTransport(f"http://127.0.0.1:{port}")))
    assert error.fault is Fault.AWAY
    assert str(error) == f"http://127.0.0.1:{port}: nothing listens there (connection refused)"


def test_a_connection_that_is_closed_without_an_answer() -> None:
    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.close()

        listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        error = await fault_of(HttpTransport(f"http://127.0.0.1:{port}"))
        assert error.fault is Fault.AWAY
        listening.close()

    asyncio.run(main())


def test_an_answer_that_does_not_come() -> None:
    async def never(exchange: Exchange) -> ExchangeAnswer:
        await asyncio.Event().wait()
        return ANSWER

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            over_http = HttpTransport(f"http://127.0.0.1:{silent.getsockname()[1]}")
            for transport in (over_http, DirectTransport(never)):
                error = await fault_of(transport, 0.2)
                assert error.fault is Fault.AWAY
                assert "did not answer in time" in str(error)

    asyncio.run(main())


def test_exchanges_without_an_answer_do_not_hold_others_up() -> None:
    """As on a connection of which the other half is gone: the one after them must not wait for a place."""
    hanging = 0

    async def main() -> None:
        nonlocal hanging

        async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal hanging
            await reader.readuntil(b"\r\n\r\n")
            hanging += 1
            await reader.read()
            writer.close()

        listening = await asyncio.start_server(hang, "127.0.0.1", 0)
        transport = HttpTransport(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        for _ in range(6):
            with pytest.raises(TransportError, match="did not answer in time"):
                await Link(transport).try_once(EXCHANGE, 0.1)
        transport.close()
        listening.close()

    asyncio.run(main())
    assert hanging == 6


def test_whoever_waits_for_the_scheduler_goes_on_when_another_exchange_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ppacer.services.transport.FIRST_DELAY", 3600.0)
    asked = 0

    failed = asyncio.Event()

    async def handler(exchange: Exchange) -> ExchangeAnswer:
        nonlocal asked
        asked += 1
        if asked == 1:
            failed.set()
            raise OSError("away")
        return ANSWER

    async def main() -> None:
        link = Link(DirectTransport(handler))
        asking = asyncio.create_task(link.ask(EXCHANGE, 5.0))
        await failed.wait()
        async with asyncio.timeout(10):
            assert await link.try_once(EXCHANGE, 5.0) == ANSWER
            assert await asking == ANSWER

    asyncio.run(main())
    assert asked == 3


def test_an_exchange_within_the_program() -> None:
    async def handler(exchange: Exchange) -> ExchangeAnswer:
        assert exchange is EXCHANGE
        return ANSWER

    assert asyncio.run(DirectTransport(handler).exchange(EXCHANGE)) is ANSWER


def test_a_scheduler_in_the_program_that_fails() -> None:
    async def handler(exchange: Exchange) -> ExchangeAnswer:
        raise OSError("the disk is full")

    error = asyncio.run(fault_of(DirectTransport(handler)))
    assert error.fault is Fault.AWAY
    assert "the disk is full" in str(error)
