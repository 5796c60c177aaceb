"""What a program answers while it stands by, and that it answers otherwise as soon as it leads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from ppacer.protocol import EXCHANGE_PATH
from ppacer.store.leader import Leader
from ppacer.web.app import Front, listen
from ppacer.web.base import MAX_API_BODY
from ppacer.web.security import Access
from ppacer.web.standby import Waiting, standby_app
from tests.runtime.web.conftest import PROGRAM

LEADER = Leader("box", 7, 1_767_225_600_000_000, "http://box:9321", 3)
Ask = Callable[..., Awaitable[HTTPResponse]]


def waiting(token: str | None = None) -> Waiting:
    access = Access("127.0.0.1" if token is None else "0.0.0.0", token)
    return Waiting(PROGRAM, access, "me", why=lambda: "http://box:9321 leads the database", leader=lambda: LEADER)


def served(front: Front, play: Callable[[Ask], Awaitable[None]]) -> None:
    async def main() -> None:
        sockets = bind_sockets(0, "127.0.0.1")
        port = sockets[0].getsockname()[1]
        server = listen(front, sockets)
        client = AsyncHTTPClient(force_instance=True)

        async def ask(path: str, body: bytes | None = None, **headers: str) -> HTTPResponse:
            method = "GET" if body is None else "POST"
            sent = {"Content-Type": "application/json"} | headers
            request = HTTPRequest(f"http://127.0.0.1:{port}{path}", method, headers=sent, body=body)
            return await client.fetch(request, raise_error=False)

        try:
            await play(ask)
        finally:
            client.close()
            server.stop()
            await server.close_all_connections()

    asyncio.run(main())


def test_health_says_who_leads() -> None:
    async def play(ask: Ask) -> None:
        answer = await ask("/health")
        found = json.loads(answer.body)
        assert answer.code == HTTPStatus.OK, "it lives"
        unready = await ask("/ready")
        assert (unready.code, unready.body) == (HTTPStatus.SERVICE_UNAVAILABLE, answer.body)
        assert (found["leads"], found["writes"]) == (False, False)
        assert (found["status"], found["instance"]) == ("standby", "me")
        assert found["problem"] == "this program stands by: http://box:9321 leads the database"
        assert found["leader"] == {
            "host": "box",
            "pid": 7,
            "since": "2026-01-01T00:00:00.000000Z",
            "epoch": 3,
            "url": "http://box:9321",
        }

    served(Front(standby_app(waiting())), play)


@pytest.mark.parametrize("path", ["/", "/api/v1/dags", "/nothing", "/static/app.js"])
def test_all_else_is_refused(path: str) -> None:
    async def play(ask: Ask) -> None:
        for body in (None, b"{}"):
            answer = await ask(path, body)
            assert answer.code == HTTPStatus.SERVICE_UNAVAILABLE
            assert answer.headers["Retry-After"] == "1"
            assert json.loads(answer.body)["detail"] == "this program stands by: http://box:9321 leads the database"

    served(Front(standby_app(waiting())), play)


def test_a_long_report_is_not_refused_for_its_length() -> None:
    """An executor gives up what is too long. Who leads takes it."""

    async def play(ask: Ask) -> None:
        answer = await ask(EXCHANGE_PATH, b" " * (MAX_API_BODY + 1))
        assert answer.code == HTTPStatus.SERVICE_UNAVAILABLE

    served(Front(standby_app(waiting())), play)


def test_strangers_learn_nothing_but_its_health() -> None:
    async def play(ask: Ask) -> None:
        assert (await ask("/api/v1/dags")).code == HTTPStatus.UNAUTHORIZED
        assert (await ask("/api/v1/dags", Authorization="Bearer s3cret")).code == HTTPStatus.SERVICE_UNAVAILABLE
        assert (await ask("/ready")).code == HTTPStatus.SERVICE_UNAVAILABLE

    served(Front(standby_app(waiting("s3cret"))), play)


def test_whom_it_cannot_know_it_tells_only_that_it_stands_by() -> None:
    """A token of its own name is known to who leads alone: an executor that has one asks the next program."""

    async def play(ask: Ask) -> None:
        for known in ({"Authorization": "Bearer ppacer_x"}, {"Cookie": "ppacer9321=x"}):
            for body in (None, b"{}"):
                answer = await ask(EXCHANGE_PATH, body, **known)
                assert answer.code == HTTPStatus.SERVICE_UNAVAILABLE
                assert json.loads(answer.body)["detail"] == "this program stands by"

    served(Front(standby_app(waiting("s3cret"))), play)


def test_what_answers_may_be_exchanged() -> None:
    class Leading(RequestHandler):
        def get(self) -> None:
            self.finish(b"leads")

    front = Front(standby_app(waiting()))

    async def play(ask: Ask) -> None:
        assert (await ask("/ready")).code == HTTPStatus.SERVICE_UNAVAILABLE
        front.application = Application([("/ready", Leading)], log_function=lambda _: None)
        assert (await ask("/ready")).body == b"leads"

    served(front, play)
