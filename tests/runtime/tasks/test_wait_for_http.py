"""The task `wait_for_http`: it asks again and again, and holds no worker meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ppacer.context import TaskContext
from ppacer.tasks.http import wait_for_http
from ppacer.tasks.http_client import HttpError

from .conftest import Waiting
from .servers import Reply, serving
from .test_http import closed_port


def waiting(url: str, context: TaskContext, **settings: object) -> Waiting:
    return Waiting(lambda now: wait_for_http(url, context=now, **settings), context)  # type: ignore[arg-type]


def test_a_server_that_answers_as_expected_is_not_waited_for(context: TaskContext) -> None:
    with serving(Reply(204)) as server:
        assert waiting(server.url, context).look() == 204
    assert [asked.method for asked in server.asked] == ["GET"]


def test_a_server_that_comes_up_by_and_by(context: TaskContext, caplog: pytest.LogCaptureFixture) -> None:
    with serving(Reply(503)) as server:
        task = waiting(f"{server.url}/health?full=1", context, contains="ready")
        task.look()
        assert timedelta(milliseconds=800) <= task.delay <= timedelta(seconds=1)
        task.look()
        assert timedelta(milliseconds=1600) <= task.delay <= timedelta(seconds=2)
        server.reply = lambda _: Reply(body=b"starting")
        assert task.look() is None
        server.reply = lambda _: Reply(body=b"all is ready now")
        assert task.look() == 200
    assert caplog.messages == [
        f"waiting for {server.url}/health?…: it answers 503 Service Unavailable, not 2xx",
        f"waiting for {server.url}/health?…: its answer does not have the text in it yet",
    ]


def test_no_answer_is_no_fault(context: TaskContext, caplog: pytest.LogCaptureFixture) -> None:
    with closed_port() as port:
        address = f"http://127.0.0.1:{port}"
        assert waiting(address, context).look() is None
    assert caplog.messages == [f"waiting for {address}: Connection refused"]


@pytest.mark.parametrize(("expect", "status"), [(404, 404), ([200, 404], 404), ("4xx", 404), ("3xx", 302)])
def test_what_is_expected(context: TaskContext, expect: object, status: int) -> None:
    with serving(Reply(status, headers={"Location": "/"})) as server:
        assert waiting(server.url, context, expect=expect).look() == status
        server.reply = lambda _: Reply(200 if expect != [200, 404] else 201)
        assert waiting(server.url, context, expect=expect).look() is None


def test_what_is_sent(context: TaskContext) -> None:
    with serving(Reply()) as server:
        waiting(server.url, context, headers={"X-One": "1"}, token="t0k").look()
    headers = server.asked[0].headers
    assert (headers["x-one"], headers["authorization"]) == ("1", "Bearer t0k")


def test_every_bounds_the_time_between_looks(context: TaskContext) -> None:
    with serving(Reply(503)) as server:
        task = waiting(server.url, context, every=timedelta(seconds=3))
        for _ in range(4):
            task.look()
    assert timedelta(seconds=2.4) <= task.delay <= timedelta(seconds=3)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"url": "shop.example"}, HttpError, "the address cannot be asked: it must begin with http:// or https://"),
        ({"headers": {"X": "a\nb"}}, HttpError, "the header X has a value that no header can have"),
        ({"expect": 42}, ValueError, "`expect` is a status"),
        ({"every": timedelta(0)}, ValueError, "`every` is"),
        ({"timeout": timedelta(0)}, ValueError, "`timeout` is"),
    ],
)
def test_what_can_never_be_is_not_waited_for(
    context: TaskContext, settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        waiting(str(settings.pop("url", "http://127.0.0.1:9")), context, **settings).look()
