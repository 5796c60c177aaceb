"""Server-sent events: what comes, from where on, when it ends, and that nothing stays behind."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from ppacer.web import streams
from tests.e2e.world import wait_until
from tests.runtime.web.conftest import FakeExecutor, Serve, Server

RAW = quote('raw["eu/x"]', safe="")


class Followed:
    """One connection, read event by event."""

    def __init__(self, connection: socket.socket) -> None:
        self.file = connection.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()
        self.chunk = b""

    def line(self) -> bytes | None:
        """The next line of the body, none at its end."""
        while b"\n" not in self.chunk:
            size = int(self.file.readline() or b"0", 16)
            if size == 0:
                return None
            self.chunk += self.file.read(size)
            self.file.readline()
        line, _, self.chunk = self.chunk.partition(b"\n")
        return line

    def event(self) -> tuple[int, Any] | None:
        """The id and the data of the next event, none at the end; lines that say nothing are passed over."""
        found: dict[str, str] = {}
        while (line := self.line()) is not None:
            if not line and found:
                return int(found["id"]), json.loads(found["data"])
            name, _, value = line.decode().partition(": ")
            if value:
                found[name] = value
        return None


@contextmanager
def follow(server: Server, path: str, last: int | None = None) -> Iterator[Followed]:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as connection:
        header = "" if last is None else f"Last-Event-ID: {last}\r\n"
        connection.sendall(f"GET /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n".encode())
        try:
            yield Followed(connection)
        finally:
            connection.shutdown(socket.SHUT_RDWR)


def test_a_change_is_told_as_it_comes(server: Server) -> None:
    with follow(server, "/stream") as followed:
        assert followed.headers["content-type"] == "text/event-stream"
        first = followed.event()
        server.trigger()
        second = followed.event()
    assert first is not None
    assert second is not None
    assert second[0] > first[0]
    assert second[1]["instance"] == server.site.instance


def test_a_run_is_followed_to_its_end(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    kinds: list[str] = []
    with follow(server, f"/runs/{run_id}/stream") as followed:
        executor.work_off()
        while (event := followed.event()) is not None:
            kinds += [each["kind"] for each in event[1]["events"]]
            last = event
    assert kinds[0] == "run_created"
    assert last[1]["status"] == "success"
    assert last[1]["seq"] == last[0] == len(kinds)


def test_who_comes_again_misses_nothing_and_hears_nothing_twice(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    executor.work_off()
    with follow(server, f"/runs/{run_id}/stream", last=2) as followed:
        event = followed.event()
        assert event is not None
        assert event[1]["events"][0]["seq"] == 3
        assert followed.event() is None
    with follow(server, f"/runs/{run_id}/stream", last=event[0]) as followed:
        assert followed.status == 204, "there is nothing more to ask for"


def test_a_log_is_followed_line_by_line_to_its_end(server: Server, executor: FakeExecutor) -> None:
    run_id = server.trigger()
    (assignment,) = executor.claim()
    executor.log(assignment, "one")
    with follow(server, f"/runs/{run_id}/tasks/{RAW}/logs/stream") as followed:
        event = followed.event()
        assert event is not None
        assert [line["message"] for line in event[1]["entries"]] == ["one"]
        executor.log(assignment, "two", first=2)
        event = followed.event()
        assert event is not None
        assert (event[0], [line["message"] for line in event[1]["entries"]]) == (2, ["two"])
        executor.finish(assignment)
        event = followed.event()
        assert event is not None
        assert event[1]["complete"] is True
        assert followed.event() is None
    with follow(server, f"/runs/{run_id}/tasks/{RAW}/logs/stream", last=2) as followed:
        assert followed.status == 204


def test_where_nothing_happens_the_line_is_kept_open(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)
    with follow(server, "/stream") as followed:
        followed.event()
        assert followed.line() == b":"


def test_whoever_has_gone_costs_nothing_more(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with follow(server, "/stream") as followed:
        followed.event()
        assert streams.StreamHandler.followed == 1
    wait_until(lambda: streams.StreamHandler.followed == 0, "the handler to end")
    server.ask("/health")  # by when all that is said of it has been
    assert caplog.text == ""


def test_there_are_only_so_many(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 1)
    with follow(server, "/stream") as followed:
        followed.event()
        answer = server.ask("/api/v1/stream")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


def test_a_program_that_stops_ends_them(serving: Serve) -> None:
    server = serving()
    with follow(server, "/stream") as followed:
        followed.event()
        server.stop()
        assert followed.line() is None


@pytest.mark.parametrize("last", ["x", "1.5", "9" * 20])
def test_an_id_that_is_none_is_refused(server: Server, last: str) -> None:
    answer = server.ask("/api/v1/stream", headers={"Last-Event-ID": last})
    assert (answer.status, answer.json["field"]) == (422, "Last-Event-ID")


def test_what_is_not_there_cannot_be_followed(server: Server) -> None:
    run_id = "00000000-0000-7000-8000-000000000000"
    assert server.ask(f"/api/v1/runs/{run_id}/stream").status == 404
    run_id = server.trigger()
    assert server.ask(f"/api/v1/runs/{run_id}/tasks/load/logs/stream").status == 404
