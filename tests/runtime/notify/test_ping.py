"""Signs of life: one request after a run that succeeded, whose answer nobody reads."""

from __future__ import annotations

import socket
from http.server import BaseHTTPRequestHandler

import pytest

from ppacer import spec
from ppacer.services import ping as module
from ppacer.services.caller import CallError
from ppacer.services.ping import PingError, ping
from ppacer.services.worker_requests import PING

AT = spec.At(3, 1)


async def test_one_request_is_made(kit) -> None:
    with kit.http_server() as heard:
        await ping(f"http://127.0.0.1:{heard.port}/beat/7?ok")
    assert heard.paths == ["/beat/7?ok"]


async def test_a_redirect_is_followed(kit) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/old":
            handler.send_response(302)
            handler.send_header("Location", "/new")
        else:
            handler.send_response(204)

    with kit.http_server() as heard:
        heard.answer = answer
        await ping(f"http://127.0.0.1:{heard.port}/old")
    assert heard.paths == ["/old", "/new"]


async def test_redirects_without_end_are_given_up(kit) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/again")

    with kit.http_server() as heard:
        heard.answer = answer
        with pytest.raises(PingError, match="the answer was 302"):
            await ping(f"http://127.0.0.1:{heard.port}/again")
    assert len(heard.paths) == 4


async def test_an_answer_that_is_no_success_is_a_failure(kit) -> None:
    with kit.http_server() as heard:
        heard.answer = lambda handler: handler.send_response(404)
        with pytest.raises(PingError, match=r"^the answer was 404$"):
            await ping(f"http://127.0.0.1:{heard.port}/hush")


async def test_an_answer_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PING_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(PingError) as caught:
        await ping(f"http://127.0.0.1:{silent.getsockname()[1]}/hush")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://127.0.0.1:1/hush", "there was no answer: Connection refused"),
        ("http://nobody.invalid/hush", "there was no answer: "),
        ("ftp://127.0.0.1/hush", "the address of a ping begins with http:// or https://"),
        ("file:///etc/hush", "the address of a ping begins with http:// or https://"),
        ("http://[hush", "the address of the ping is none"),
        ("", "the address of a ping begins with http:// or https://"),
    ],
)
async def test_what_cannot_be_asked_is_told_without_the_address(bench, address: str, message: str) -> None:
    """By the scheduler, and by a worker where a secret is in it."""
    with pytest.raises(PingError) as caught:
        await ping(address)
    async with bench.caller() as caller:
        with pytest.raises(CallError) as caught_in_worker:
            await caller.call(PING, [address], seconds=600, where="the ping")
    for told in (str(caught.value), str(caught_in_worker.value)):
        assert message in told
        assert "hush" not in told


async def test_a_worker_asks_for_an_address_that_only_it_may_know(bench, kit, monkeypatch) -> None:
    with kit.http_server() as heard:
        monkeypatch.setenv("PING_URL", f"http://127.0.0.1:{heard.port}/hush")
        async with bench.caller() as caller:
            await caller.call(PING, [spec.Secret("PING_URL", AT)], seconds=600, where="the ping")
            heard.answer = lambda handler: handler.send_response(500)
            with pytest.raises(CallError, match="the answer was 500"):
                await caller.call(PING, [spec.Secret("PING_URL", AT)], seconds=600, where="the ping")
    assert heard.paths == ["/hush", "/hush"]
