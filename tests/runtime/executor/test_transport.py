"""The two ways to a scheduler, and what each kind of failure becomes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from ppacer import wire
from ppacer.protocol import EXCHANGE_PATH, PROTOCOL_VERSION, Ack, Exchange, ExchangeAnswer
from ppacer.services.transport import (
    DirectTransport,
    FailoverTransport,
    Fault,
    HttpTransport,
    LeaderTransport,
    Link,
    TransportError,
)

EXCHANGE = Exchange(PROTOCOL_VERSION, "host-1", "instance", "request", "build")
ANSWER = ExchangeAnswer(reports=(Ack("a", 200),))


@asynccontextmanager
async def server(answer: Callable[[RequestHandler], object]) -> AsyncIterator[str]:
    """An HTTP server that answers exchanges with `answer`; its address."""

    class Handler(RequestHandler):
        async def post(self) -> None:
            answering = answer(self)
            if isinstance(answering, Awaitable):
                await answering

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


async def fault_of(transport: HttpTransport | DirectTransport, seconds: float = 60.0) -> TransportError:
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
        (403, b'{"title": "Forbidden"}', Fault.FORBIDDEN, "refuses this executor's token"),
        (403, b"<html>", Fault.AWAY, "no answer of a ppacer scheduler: 403 Forbidden"),
        (404, b"<html>", Fault.AWAY, "no answer of a ppacer scheduler: 404 Not Found"),
        (400, b"", Fault.AWAY, "no answer of a ppacer scheduler: 400 Bad Request"),
        (426, b'{"title": "speak protocol 2"}', Fault.VERSION, "another version: speak protocol 2"),
        (400, b'{"detail": "reports[0].token must be integer"}', Fault.REJECTED, "reports[0].token"),
        (413, b"<html>", Fault.REJECTED, "refused a request"),
        (429, b'{"title": "Too Many Requests"}', Fault.AWAY, "try later"),
        (503, b'{"detail": "the disk is full"}', Fault.AWAY, "the disk is full"),
        (302, b"", Fault.AWAY, "no answer of a ppacer scheduler: 302"),
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


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"


@pytest.mark.parametrize("answer", [b"", HALF[:20], HALF])
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_ends_before_the_answer_does(
    answer: bytes, reset: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is known at once, not when the time is over; and nothing but the fault is said."""

    async def main() -> None:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            writer.close()

        listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with asyncio.timeout(60):
            error = await fault_of(HttpTransport(f"http://127.0.0.1:{port}"), 600.0)
        assert error.fault is Fault.AWAY
        words = ("reset by peer", "Broken pipe", "closed the connection before it had answered")
        assert any(word in str(error) for word in words), str(error)
        listening.close()

    asyncio.run(main())
    assert caplog.records == []


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
            try:
                await reader.readuntil(b"\r\n\r\n")
                hanging += 1
                await reader.read()
            finally:
                writer.close()

        listening = await asyncio.start_server(hang, "127.0.0.1", 0)
        transport = HttpTransport(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        async with asyncio.timeout(60):
            for arrived in range(1, 7):
                while hanging < arrived:  # a busy machine may not have connected within that time
                    with pytest.raises(TransportError, match="did not answer in time"):
                        await Link(transport).try_once(EXCHANGE, 0.1)
        transport.close()
        listening.close()

    asyncio.run(main())
    assert hanging >= 6


def test_exchanges_share_a_connection_one_after_the_other() -> None:
    """Also after a refusal; those at the same time have one each."""
    seen: dict[object, int] = {}
    at_once = asyncio.Barrier(2)

    async def answered(http: RequestHandler, *, refused: bool, together: bool) -> None:
        stream = http.request.connection.stream  # type: ignore[union-attr]
        seen[stream] = seen.get(stream, 0) + 1
        if together:
            await at_once.wait()
        http.set_status(503 if refused else 200)
        http.finish(b'{"detail": "not now"}' if refused else wire.encode(ANSWER))

    async def main() -> None:
        mood = {"refused": False, "together": False}
        async with server(lambda http: answered(http, **mood)) as url:
            transport = HttpTransport(url)
            for mood["refused"] in (False, True, False):
                await asyncio.gather(transport.exchange(EXCHANGE), return_exceptions=True)
            assert list(seen.values()) == [3]
            mood["together"] = True
            await asyncio.gather(*(transport.exchange(EXCHANGE) for _ in range(2)))
            assert sorted(seen.values()) == [1, 4]
            await asyncio.gather(*(transport.exchange(EXCHANGE) for _ in range(2)))
            assert sorted(seen.values()) == [2, 5]
            transport.close()

    asyncio.run(main())


@pytest.mark.parametrize("reset", [False, True])
def test_a_kept_connection_that_the_scheduler_has_closed_is_made_anew(reset: bool) -> None:
    """Whether that is noticed before the next exchange or by it."""
    served: list[int] = []

    async def main() -> None:
        async def answer_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            served.append(length)
            body = wire.encode(ANSWER)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
            if len(served) % 2:  # hangs up when the next request is under way
                await reader.read(1)
            if reset:
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
            writer.close()

        listening = await asyncio.start_server(answer_once, "127.0.0.1", 0)
        transport = HttpTransport(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        async with asyncio.timeout(60):
            for _ in range(6):
                assert await transport.exchange(EXCHANGE) == ANSWER
        transport.close()
        listening.close()

    asyncio.run(main())
    assert len(served) == 6


def test_an_exchange_that_is_given_up_closes_its_connection() -> None:
    closed = asyncio.Event()

    async def main() -> None:
        arrived = asyncio.Event()

        async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            arrived.set()
            while await reader.read(1000):
                pass
            closed.set()
            writer.close()

        listening = await asyncio.start_server(hold, "127.0.0.1", 0)
        transport = HttpTransport(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}")
        asking = asyncio.create_task(transport.exchange(EXCHANGE, 600.0))
        async with asyncio.timeout(60):
            await arrived.wait()
            asking.cancel()
            await closed.wait()
        listening.close()

    asyncio.run(main())


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
        async with asyncio.timeout(60):
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


# --- several schedulers ----------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, whoever stands by says so quickly."""
    monkeypatch.setattr("ppacer.services.transport._QUICK_SECONDS", 3600.0)


class Several:
    """Three schedulers, of which those in `leading` answer; `asked` says who was asked, in order."""

    def __init__(self) -> None:
        self.leading: set[int] = set()
        self.asked: list[int] = []
        self.transport = FailoverTransport([DirectTransport(self.handler(number)) for number in range(3)])

    def handler(self, number: int) -> Callable[[Exchange], Awaitable[ExchangeAnswer]]:
        async def answer(exchange: Exchange) -> ExchangeAnswer:
            self.asked.append(number)
            if number not in self.leading:
                raise OSError(f"{number} stands by")
            return ANSWER

        return answer


def test_whoever_leads_is_found_and_kept() -> None:
    several = Several()
    several.leading = {2}

    async def main() -> None:
        for _ in range(2):
            assert await several.transport.exchange(EXCHANGE) == ANSWER
        several.leading = {0}
        assert await several.transport.exchange(EXCHANGE) == ANSWER

    asyncio.run(main())
    assert several.asked == [0, 1, 2, 2, 2, 0]


def test_where_nobody_leads_each_is_asked_once() -> None:
    several = Several()
    error = asyncio.run(_fault(several.transport))
    assert error.fault is Fault.AWAY
    assert [f"{number} stands by" in str(error) for number in range(3)] == [True] * 3
    assert several.asked == [0, 1, 2]


def test_one_that_took_its_time_not_to_answer_leaves_none_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ppacer.services.transport._QUICK_SECONDS", 0.0)
    several = Several()
    several.leading = {1}

    async def main() -> None:
        with pytest.raises(TransportError, match="0 stands by"):
            await several.transport.exchange(EXCHANGE)
        assert await several.transport.exchange(EXCHANGE) == ANSWER

    asyncio.run(main())
    assert several.asked == [0, 1]


def test_a_refusal_for_good_is_passed_on() -> None:
    async def forbid(exchange: Exchange) -> ExchangeAnswer:
        raise TransportError(Fault.FORBIDDEN, "another token")

    transport = FailoverTransport([DirectTransport(forbid), DirectTransport(forbid)])
    assert asyncio.run(_fault(transport)).fault is Fault.FORBIDDEN


async def _fault(transport: FailoverTransport) -> TransportError:
    with pytest.raises(TransportError) as caught:
        await transport.exchange(EXCHANGE)
    return caught.value


def test_an_earlier_leader_is_not_listened_to_while_a_later_ones_leases_may_live() -> None:
    leader, now = 7, 100.0

    async def handler(exchange: Exchange) -> ExchangeAnswer:
        return ExchangeAnswer(leader=leader)

    async def main() -> None:
        nonlocal leader, now
        link = Link(DirectTransport(handler), clock=lambda: now, term=lambda: 30.0)
        assert (await link.try_once(EXCHANGE, 5.0)).leader == 7
        leader = 6
        now = 129.0
        with pytest.raises(TransportError, match="leader 6 answers, which leader 7 has followed") as caught:
            await link.try_once(EXCHANGE, 5.0)
        assert caught.value.fault is Fault.AWAY
        now = 130.0  # as after a new database, or one from a backup: nothing that leader 7 gave is left
        assert (await link.try_once(EXCHANGE, 5.0)).leader == 6
        leader = 8
        assert (await link.try_once(EXCHANGE, 5.0)).leader == 8

    asyncio.run(main())


def test_the_way_to_whoever_leads_waits_until_somebody_does() -> None:
    async def handler(exchange: Exchange) -> ExchangeAnswer:
        return ANSWER

    def answer(http: RequestHandler) -> None:
        http.write(wire.encode(ExchangeAnswer(leader=9)))

    async def main() -> None:
        way = LeaderTransport("secret")
        with pytest.raises(TransportError, match="nobody leads the database") as caught:
            await way.exchange(EXCHANGE, 0.05)
        assert caught.value.fault is Fault.AWAY
        asking = asyncio.create_task(way.exchange(EXCHANGE))
        await asyncio.sleep(0)
        way.lead(handler)
        assert await asking == ANSWER
        async with server(answer) as url:
            way.follow(url)
            assert (await way.exchange(EXCHANGE)).leader == 9
        way.follow(None)
        with pytest.raises(TransportError, match="nobody leads the database"):
            await way.exchange(EXCHANGE, 0.05)
        way.close()

    asyncio.run(main())
