"""The task `http`: what is sent, what comes back, what fails, and what no message may show."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from ppacer.context import TaskContext
from ppacer.tasks import http_client
from ppacer.tasks.http import http
from ppacer.tasks.http_client import MAX_BODY, HttpError

from .conftest import KEY
from .servers import SELF_SIGNED, Asked, Reply, serving

JSON = Reply(body=b'{"rows": [1, 2]}', headers={"Content-Type": "application/json"})
SHORT = timedelta(milliseconds=200)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


# --- outputs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "expected"),
    [("json", {"rows": [1, 2]}), ("text", '{"rows": [1, 2]}'), ("status", 200), ("none", None)],
)
def test_the_output(context: TaskContext, output: str, expected: object) -> None:
    with serving(JSON) as server:
        assert http(server.url, output=output, context=context) == expected  # type: ignore[arg-type]


def test_an_empty_body_is_none(context: TaskContext) -> None:
    with serving(Reply(204)) as server:
        assert http(server.url, method="DELETE", context=context) is None


def test_a_text_is_read_in_its_own_encoding(context: TaskContext) -> None:
    with serving(
        Reply(body="żółw".encode("iso8859-2"), headers={"Content-Type": "text/plain; charset=iso8859-2"})
    ) as s:
        assert http(s.url, output="text", context=context) == "żółw"
        s.reply = lambda _: Reply(body="żółw".encode())
        assert http(s.url, output="text", context=context) == "żółw"
        s.reply = lambda _: Reply(body="żółw".encode(), headers={"Content-Type": "text/plain; charset=nonsense"})
        assert http(s.url, output="text", context=context) == "żółw"


def test_a_body_that_is_no_json(context: TaskContext) -> None:
    with serving(Reply(body=b"<html>\n<h1>Hello</h1>")) as server, pytest.raises(HttpError) as caught:
        http(server.url, context=context)
    assert str(caught.value) == (
        f"GET {server.url} answered 200 OK, whose body is not JSON: Expecting value: line 1 column 1 (char 0); "
        "its body begins:\n  <html>\n  <h1>Hello</h1>"
    )


def test_a_body_that_is_too_large(context: TaskContext) -> None:
    with serving(Reply(body=b"x" * (MAX_BODY + 1))) as server:
        with pytest.raises(HttpError, match="answered 200 OK with more than 4 MiB: too large to be an output"):
            http(server.url, output="text", context=context)
        assert http(server.url, output="status", context=context) == 200
        server.reply = lambda _: Reply(body=b"x" * MAX_BODY)
        assert len(str(http(server.url, output="text", context=context))) == MAX_BODY


# --- what is sent ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method(context: TaskContext, method: str) -> None:
    with serving(Reply()) as server:
        http(f"{server.url}/a/b?c=d", method=method, output="none", context=context)  # type: ignore[arg-type]
    assert [(asked.method, asked.path) for asked in server.asked] == [(method, "/a/b?c=d")]


def test_a_body_of_text_and_one_of_json(context: TaskContext) -> None:
    value = {"day": date(2026, 1, 2), "price": Decimal("9.90"), "file": Path("a/b"), "list": [1, None, "ż"]}
    with serving(Reply()) as server:
        http(server.url, method="POST", body="żółw", context=context)
        http(server.url, method="POST", body=value, context=context)
        http(server.url, method="POST", body="<a/>", headers={"content-type": "text/xml"}, context=context)
        http(server.url, context=context)
    text, document, own, nothing = server.asked
    assert (text.body.decode(), text.headers["content-type"]) == ("żółw", "text/plain; charset=utf-8")
    assert document.headers["content-type"] == "application/json"
    assert json.loads(document.body) == {"day": "2026-01-02", "price": "9.90", "file": "a/b", "list": [1, None, "ż"]}
    assert own.headers["content-type"] == "text/xml"
    assert (nothing.body, nothing.headers.get("content-type")) == (b"", None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"x": timedelta(1)}, "a value of type timedelta has no JSON form"),
        ([float("nan")], "Out of range float values are not JSON compliant"),
        ("\ud800", "surrogates not allowed"),
    ],
)
def test_a_body_that_cannot_be_sent(context: TaskContext, body: object, message: str) -> None:
    with pytest.raises(HttpError, match=f"the body cannot be sent: .*{message}"):
        http("http://127.0.0.1:9", method="POST", body=body, context=context)


def test_headers_and_the_token(context: TaskContext) -> None:
    with serving(Reply()) as server:
        http(server.url, headers={"X-One": "1", "User-Agent": "me"}, token="t0k", context=context)
        http(server.url, headers={"authorization": "Own"}, token="t0k", context=context)
    first, second = (asked.headers for asked in server.asked)
    assert (first["x-one"], first["user-agent"], first["authorization"]) == ("1", "me", "Bearer t0k")
    assert second["authorization"] == "Own"


def test_the_program_says_who_it_is_and_what_it_reads(context: TaskContext) -> None:
    with serving(Reply()) as server:
        http(server.url, context=context)
    headers = server.asked[0].headers
    assert headers["user-agent"].startswith("ppacer/")
    assert headers["accept"].startswith("application/json")


def test_all_attempts_of_what_is_no_reading_carry_one_key(context: TaskContext) -> None:
    with serving(Reply()) as server:
        http(server.url, method="POST", context=context)
        http(server.url, method="PATCH", context=context)
        http(server.url, method="POST", headers={"idempotency-key": "own"}, context=context)
        http(server.url, context=context)
    assert [asked.headers.get("idempotency-key") for asked in server.asked] == [KEY, KEY, "own", None]


def test_the_user_and_password_of_an_address(context: TaskContext) -> None:
    with serving(Reply()) as server:
        http(f"http://me%40x:pass%2Fword@{server.address}/a", context=context)
    assert server.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"me@x:pass/word").decode()


def test_an_address_is_quoted_where_it_must_be(context: TaskContext) -> None:
    with serving(Reply()) as server:
        http(f"{server.url}/żółw a%20b?q=ć d#part", context=context)
    assert server.asked[0].path == "/%C5%BC%C3%B3%C5%82w%20a%20b?q=%C4%87%20d"


def test_proxies_come_from_the_environment(context: TaskContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(JSON) as server:
        monkeypatch.setenv("http_proxy", server.url)
        assert http("http://shop.invalid/a", context=context) == {"rows": [1, 2]}
    assert server.asked[0].path == "http://shop.invalid/a"


# --- statuses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expect", "passes"),
    [
        (200, "2xx", True),
        (204, "2xx", True),
        (404, "2xx", False),
        (201, 200, False),
        (404, 404, True),
        (404, [200, 404], True),
        (500, [200, 404], False),
        (503, "5xx", True),
        (418, "4xx", True),
    ],
)
def test_which_statuses_are_expected(context: TaskContext, status: int, expect: int | list[int], passes: bool) -> None:
    with serving(Reply(status)) as server:
        if passes:
            assert http(server.url, expect=expect, output="status", context=context) == status
        else:
            with pytest.raises(HttpError, match=f"answered {status} .*expected is "):
                http(server.url, expect=expect, output="status", context=context)


def test_the_words_for_what_was_not_expected(context: TaskContext) -> None:
    body = "no such shop\n" * 200
    with serving(Reply(404, body.encode())) as server, pytest.raises(HttpError) as caught:
        http(f"{server.url}/shops/7", expect=[200, 201], context=context)
    first, *rest = str(caught.value).splitlines()
    assert first == f"GET {server.url}/shops/7 answered 404 Not Found, expected is 200 or 201; its body begins:"
    assert set(rest[:-1]) == {"  no such shop"}
    assert rest[-1].endswith("…")
    assert len("".join(rest)) < 1300


@pytest.mark.parametrize("expect", [99, 600, [], [200, 1000], "200", "6xx", ["2xx"], [200, "2xx"]])
def test_what_is_no_status(context: TaskContext, expect: int) -> None:
    with pytest.raises(ValueError, match="`expect` is a status from 200 to 599"):
        http("http://127.0.0.1:9", expect=expect, context=context)


# --- redirects -------------------------------------------------------------------------------------------------------


def redirecting(to: str, status: int = 302) -> Callable[[Asked], Reply]:
    """From `/` to elsewhere, where JSON is."""
    return lambda asked: Reply(status, headers={"Location": to}) if asked.path == "/" else JSON


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(context: TaskContext, status: int) -> None:
    with serving(redirecting("/there", status)) as server:
        assert http(f"{server.url}/", context=context) == {"rows": [1, 2]}
    assert [asked.path for asked in server.asked] == ["/", "/there"]


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (302, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
        (303, "HEAD", "HEAD"),
    ],
)
def test_what_a_redirect_makes_of_the_method(context: TaskContext, status: int, method: str, then: str) -> None:
    with serving(redirecting("/there", status)) as server:
        http(f"{server.url}/", method=method, body={"a": 1}, output="none", context=context)  # type: ignore[arg-type]
    last = server.asked[-1]
    assert last.method == then
    kept = then not in ("GET", "HEAD")
    assert (last.body == b'{"a": 1}', "content-type" in last.headers) == (kept, kept)


def test_an_expected_redirect_is_not_followed(context: TaskContext) -> None:
    with serving(redirecting("/there")) as server:
        assert http(f"{server.url}/", expect=302, output="status", context=context) == 302
        assert http(f"{server.url}/", expect="3xx", output="status", context=context) == 302


def test_a_redirect_without_an_address_is_an_answer(context: TaskContext) -> None:
    with serving(Reply(302)) as server, pytest.raises(HttpError, match="answered 302 Found, expected is 2xx"):
        http(server.url, context=context)


def test_redirects_in_a_circle_end(context: TaskContext) -> None:
    with serving(redirecting("/")) as server, pytest.raises(HttpError, match="redirected more than 10 times"):
        http(f"{server.url}/", context=context)
    assert len(server.asked) == 11


def test_another_server_gets_no_keys(context: TaskContext) -> None:
    with serving(JSON) as other, serving(redirecting(f"{other.url}/there", 307)) as server:
        http(
            f"http://me:pass@{server.address}/",
            method="POST",
            body="x",
            headers={"X-Api-Key": "k", "Cookie": "c", "Accept-Language": "pl"},
            token="t0k",
            context=context,
        )
    first, second = server.asked[0].headers, other.asked[0].headers
    assert {"x-api-key", "cookie", "authorization", "accept-language"} <= first.keys()
    assert not {"x-api-key", "cookie", "authorization", "idempotency-key"} & second.keys()
    assert (second["accept-language"], second["content-type"]) == ("pl", "text/plain; charset=utf-8")


def test_the_same_server_gets_them_again(context: TaskContext) -> None:
    with serving(JSON) as server:
        server.reply = redirecting(f"{server.url}/there")
        http(f"http://me:pass@{server.address}/", headers={"X-Api-Key": "k"}, context=context)
    assert [(asked.headers["x-api-key"], asked.headers["authorization"][:5]) for asked in server.asked] == [
        ("k", "Basic"),
        ("k", "Basic"),
    ]


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://x/y", "http://:80/", "http://[x"])
def test_a_redirect_out_of_the_web_is_refused(context: TaskContext, to: str) -> None:
    with serving(redirecting(to)) as server, pytest.raises(HttpError, match="redirects to what is no address"):
        http(f"{server.url}/", context=context)


# --- no answer -------------------------------------------------------------------------------------------------------


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, nor can begin to meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_nobody_listens(context: TaskContext) -> None:
    with closed_port() as port:
        refused = rf"^GET http://127\.0\.0\.1:{port}/a: Connection refused$"
        with pytest.raises(HttpError, match=refused):
            http(f"http://127.0.0.1:{port}/a", context=context)


def test_a_host_that_nobody_knows(context: TaskContext) -> None:
    with pytest.raises(HttpError, match=r"^GET http://shop\.invalid: the host is not known: "):
        http("http://shop.invalid", context=context)


def test_a_server_that_says_nothing(context: TaskContext) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(HttpError, match=f"^GET {address}: nothing came for 0.2 s$"):
            http(address, timeout=SHORT, context=context)


def test_a_server_that_falls_silent(context: TaskContext) -> None:
    over = threading.Event()

    def reply(asked: Asked) -> Reply:
        return Reply(body=b"half", length=8)

    def hold(asked: Asked) -> Reply | None:
        over.wait(60)
        return None

    with serving(hold) as server:
        with pytest.raises(HttpError, match=r"nothing came for 0\.2 s$"):
            http(server.url, timeout=SHORT, context=context)
        over.set()
        server.reply = reply
        with pytest.raises(HttpError, match="the connection was lost before all had come"):
            http(server.url, timeout=timedelta(seconds=60), context=context)
        server.reply = lambda _: None
        with pytest.raises(HttpError, match="the server closed the connection without an answer"):
            http(server.url, context=context)


def test_a_server_that_speaks_something_else(context: TaskContext) -> None:
    def speak(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"220 mail.example.org ESMTP\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=speak, args=[listening])
        thread.start()
        with pytest.raises(HttpError, match=r": the answer is no HTTP: BadStatusLine$"):
            http(f"http://127.0.0.1:{listening.getsockname()[1]}", context=context)
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "shop.example",
        "ftp://x/y",
        "file:///etc/passwd",
        "http:///x",
        "http://:80/x",
        "http://x:y/",
        "http://[x",
        "http://a b/",
        "",
    ],
)
def test_what_is_no_address_is_not_shown(context: TaskContext, url: str) -> None:
    with pytest.raises(HttpError, match=r"^the address cannot be asked") as caught:
        http(url, context=context)
    assert not url or url not in str(caught.value)


@pytest.mark.parametrize("timeout", [timedelta(0), timedelta(seconds=-1)])
def test_a_server_has_some_time(context: TaskContext, timeout: timedelta) -> None:
    with pytest.raises(ValueError, match="`timeout` is how long the server may be silent: more than 0 s, not "):
        http("http://127.0.0.1:9", timeout=timeout, context=context)


@pytest.mark.parametrize("setting", [{"method": "BREW"}, {"output": "xml"}])
def test_words_are_tested(context: TaskContext, setting: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=" is one of "):
        http("http://127.0.0.1:9", **setting, context=context)  # type: ignore[arg-type]


# --- encrypted -------------------------------------------------------------------------------------------------------


def test_a_certificate_must_be_one_of_the_systems(context: TaskContext, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(JSON, tls=True) as server:
        url = f"https://{server.address}/a"
        http_client._trusted.cache_clear()
        with pytest.raises(HttpError, match=f"^GET {url}: its certificate is not valid: self.signed certificate$"):
            http(url, context=context)
        monkeypatch.setenv("SSL_CERT_FILE", str(SELF_SIGNED))
        http_client._trusted.cache_clear()
        assert http(url, context=context) == {"rows": [1, 2]}
        http_client._trusted.cache_clear()


def test_a_server_without_encryption(context: TaskContext) -> None:
    with serving(JSON) as server, pytest.raises(HttpError, match=r"^GET https://.*: \[SSL"):
        http(f"https://{server.address}", context=context)


# --- secrets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(body=b"no JSON"),
        Reply(body=b"x" * (MAX_BODY + 1)),
        None,
        Reply(302, headers={"Location": "ftp://x?key=hidden-query"}),
        Reply(302, headers={"Location": "//me:hidden-password@127.0.0.1:9?key=hidden-query"}),
    ],
)
def test_no_message_shows_what_may_be_secret(
    context: TaskContext, caplog: pytest.LogCaptureFixture, reply: Reply | None
) -> None:
    with serving(lambda _: reply) as server:
        url = f"http://me:hidden-password@{server.address}/?key=hidden-query#hidden-part"
        with pytest.raises(HttpError) as caught:
            http(url, headers={"X-Api-Key": "hidden-header"}, token="hidden-token", context=context)
    assert "/?…" in str(caught.value) or "127.0.0.1:9?…" in str(caught.value)
    assert "hidden" not in "".join([str(caught.value), *caplog.messages])
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("value", ["hidden\r\nX-Other: 1", "hidden\n", "hidden ż"])
def test_a_value_that_no_header_can_have_is_not_shown(context: TaskContext, value: str) -> None:
    for given in ({"headers": {"X-Key": value}}, {"token": value}):
        with pytest.raises(HttpError, match=r"the header [A-Za-z-]+ has a value that no header can have") as caught:
            http("http://127.0.0.1:9", **given, context=context)  # type: ignore[arg-type]
        assert "hidden" not in str(caught.value)


def test_a_name_that_no_header_can_have(context: TaskContext) -> None:
    with pytest.raises(HttpError, match="no header can be called 'X Key'"):
        http("http://127.0.0.1:9", headers={"X Key": "1"}, context=context)


def test_the_log_tells_what_was_asked_and_answered(context: TaskContext, caplog: pytest.LogCaptureFixture) -> None:
    with serving(JSON) as server:
        http(f"{server.url}/a?b", context=context)
    (line,) = caplog.messages
    assert line.startswith(f"GET {server.url}/a?… answered 200 OK after 0.")
