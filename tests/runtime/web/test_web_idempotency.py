"""Changes that are asked for more than once with one key: one effect, one answer, and no other request under it."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from ppacer.client import AwayError, Client
from ppacer.web import replays
from ppacer.web.replays import OtherRequest, Replays
from tests.runtime.web.conftest import Answer, FakeExecutor, Serve, Server


def post(server: Server, path: str, body: object, key: str = "k") -> Answer:
    return server.post(path, body, **{"Idempotency-Key": key})


def test_a_trigger_with_a_key_makes_one_run_also_after_a_restart(serving: Serve) -> None:
    server = serving()
    first = post(server, "/api/v1/dags/daily/runs", {})
    assert (first.status, post(server, "/api/v1/dags/daily/runs", {}).json["id"]) == (201, first.json["id"])
    other = post(server, "/api/v1/dags/daily/runs", {"scheduled_at": "2026-01-31"})
    assert (other.status, other.json["field"]) == (422, "idempotency_key")
    server.stop()
    server = serving()
    assert post(server, "/api/v1/dags/daily/runs", {}).json["id"] == first.json["id"]
    assert post(server, "/api/v1/dags/daily/runs", {"scheduled_at": "2026-01-31"}).status == 422
    assert len(server.ask("/api/v1/runs").json["runs"]) == 1


def test_two_at_once_make_one_run(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: post(server, "/api/v1/dags/daily/runs", {}).json["id"], range(4)))
    assert len(set(made)) == 1
    assert [run["id"] for run in server.ask("/api/v1/runs").json["runs"]] == made[:1]


def test_other_changes_have_one_effect_too(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("by_hand")
    (assignment,) = executor.claim()
    executor.finish(assignment, error="no")
    path = f"/api/v1/runs/{run_id}/restart"
    looked = server.post(path, {"dry_run": True}, **{"Idempotency-Key": "k"})
    assert looked.json["count"] == 1, "a look ahead is no change"
    first = post(server, path, {})
    assert (first.status, first.json["epoch"]) == (200, 2)
    again = post(server, path, {})
    assert (again.status, again.body) == (200, first.body)
    assert post(server, f"/api/v1/runs/{run_id}/cancel", {}).status == 422, "the key came with another request"
    assert post(server, path, {}, "another").status == 409
    reopened = [
        each for each in server.ask(f"/api/v1/runs/{run_id}/events").json["events"] if "reopened" in each["kind"]
    ]
    assert len(reopened) == 1


def test_a_refusal_is_not_kept(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger("by_hand")
    path = f"/api/v1/runs/{run_id}/restart"
    assert post(server, path, {}).status == 409
    (assignment,) = executor.claim()
    executor.finish(assignment, error="no")
    assert post(server, path, {}).status == 200


def test_a_key_that_is_none_is_refused(server: Server) -> None:
    answer = post(server, "/api/v1/dags/daily/pause", {}, "a" * 201)
    assert (answer.status, answer.json["field"]) == (422, "Idempotency-Key")


def test_answers_are_kept_for_a_day_and_so_many_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replays, "MOST_KEPT", 2)
    now, done = [0.0], []

    async def play() -> None:
        kept = Replays(lambda: now[0])

        async def ask(key: str, request: str = "r") -> bytes:
            async def do() -> bytes:
                done.append(key)
                return key.encode()

            return await kept.once(("ann", key), request, do)

        assert [await ask("a"), await ask("a"), await ask("b")] == [b"a", b"a", b"b"]
        with pytest.raises(OtherRequest):
            await ask("b", "other")
        await ask("c")
        await ask("a")
        assert done == ["a", "b", "c", "a"], "the oldest has gone"
        now[0] = replays.KEPT_SECONDS + 1
        await ask("c")
        assert done[-1] == "c"

    asyncio.run(play())


def test_who_asks_meanwhile_waits_for_the_answer_or_the_refusal() -> None:
    async def play() -> list[Any]:
        kept, go = Replays(lambda: 0.0), asyncio.Event()

        async def fail() -> bytes:
            await go.wait()
            raise ValueError("no")

        asked = [asyncio.create_task(kept.once(("ann", "a"), "r", fail)) for _ in range(2)]
        await asyncio.sleep(0)
        go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    assert [str(each) for each in asyncio.run(play())] == ["no", "no"]


def _request(client: socket.socket) -> bytes:
    """A whole request: its body may come by itself."""
    found = b""
    while True:
        head, end, body = found.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        if end and (length is None or len(body) >= int(length[1])):
            return found
        piece = client.recv(65536)
        assert piece, "the request was cut off"
        found += piece


@contextmanager
def losing(server: Server, answers: int) -> Iterator[int]:
    """The port of a relay that loses so many answers, each with its connection, and hands on the rest."""
    listener = socket.create_server(("127.0.0.1", 0))

    def relay() -> None:
        lost = 0
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", server.port)) as there:
                there.sendall(_request(client))
                answer = there.recv(65536)
                if lost < answers:
                    lost += 1
                    continue
                client.sendall(answer)
                client.recv(1)  # until the client is done with it

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(60)


def test_the_client_asks_again_where_an_answer_is_lost_and_it_is_done_once(server: Server) -> None:
    with losing(server, 1) as port, Client(f"http://127.0.0.1:{port}") as client:
        run = client.trigger("daily")
    assert [each["id"] for each in server.ask("/api/v1/runs").json["runs"]] == [run.id]


def test_the_client_gives_up_the_second_time(server: Server) -> None:
    with losing(server, 2) as port, Client(f"http://127.0.0.1:{port}") as client, pytest.raises(AwayError):
        client.trigger("daily")
    assert len(server.ask("/api/v1/runs").json["runs"]) == 1
