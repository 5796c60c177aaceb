"""One HTTP request for the built-in tasks: redirects followed, the body limited, nothing secret in any message.

Proxies are taken from the environment (`https_proxy` and its kin), certificate authorities from the system's. What
messages show of an address has neither its user and password nor its query; no value of a header is ever shown.
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

import ppacer

MAX_BODY = 4 * 1024 * 1024
"""Bytes. A longer body is too large to be an output."""

MAX_REDIRECTS = 10

_CHUNK = 65536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[^\x00-\x20\x7f]+")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
"""Headers that go along when another host is redirected to: any other may be a key to the first."""

_SAFE = "!#$%&'()*+,/:;=?@[]~"
"""What stays as it is in an address; a `%` does, since it may be a part of what is quoted already."""


class HttpError(Exception):
    """A request that cannot be made, or whose answer is not what was expected."""


class NoAnswerError(HttpError):
    """A request that got no answer, for a `reason` in few words."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, after redirects. `body` holds `MAX_BODY` bytes at most; `whole` says if that is all."""

    status: int
    reason: str
    body: bytes
    whole: bool
    charset: str

    @property
    def text(self) -> str:
        try:
            return self.body.decode(self.charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


def request(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None,
    *,
    silence: float,
    final: Collection[int],
) -> Answer:
    """Makes a request. `silence` is the time in seconds that a server may take to connect or to say a bit more.

    A redirect is followed unless its status is in `final`. Raises `HttpError`.
    """
    target = _split(url)
    headers = _sound(headers)
    for _ in range(MAX_REDIRECTS + 1):
        try:
            with _open(method, target, headers, body, silence) as response:
                location = response.headers.get("Location")
                if response.status in final or response.status not in _REDIRECTS or location is None:
                    return _read(response)
                status = response.status
        except (OSError, http.client.HTTPException, ValueError) as fault:
            raise NoAnswerError(f"{method} {shown(target)}", _reason(fault, silence)) from None
        if status == 303 or (status in (301, 302) and method == "POST"):
            method, body = ("HEAD" if method == "HEAD" else "GET"), None
            headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
        following = _split(location, f"{shown(target)} redirects to what is no address", urlunsplit(target))
        if _same_server(target, following):
            following = _with_credentials(following, target)
        else:
            headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS}
        target = following
    raise HttpError(f"{method} {shown(target)}: redirected more than {MAX_REDIRECTS} times")


def shown(target: SplitResult | str) -> str:
    """An address without what may be secret in it."""
    target = urlsplit(target) if isinstance(target, str) else target
    host = target.netloc.rpartition("@")[2]
    return f"{target.scheme}://{host}{target.path}{'?…' if target.query else ''}"


# --- requests --------------------------------------------------------------------------------------------------------


def _split(url: str, what: str = "the address cannot be asked", base: str = "") -> SplitResult:
    """The parts of an address. Raises `HttpError`, which does not show the address: nobody knows what it is."""
    try:
        target = urlsplit(urljoin(base, url.strip()))
        port = target.port
    except ValueError:
        raise HttpError(what) from None
    if target.scheme not in _PORTS or not _HOST.fullmatch(target.hostname or "") or port == 0:
        raise HttpError(f"{what}: it must begin with http:// or https:// and name a host")
    return target._replace(fragment="")


def _sound(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            raise HttpError(f"no header can be called {name!r}")
        if any(ord(each) < 32 and each != "\t" for each in value) or not value.isascii():
            raise HttpError(f"the header {name} has a value that no header can have: plain ASCII in one line is wanted")
    return dict(headers)


def _open(
    method: str, target: SplitResult, headers: Mapping[str, str], body: bytes | None, silence: float
) -> http.client.HTTPResponse:
    address = urlunsplit((target.scheme, _server(target), quote(target.path, _SAFE), quote(target.query, _SAFE), ""))
    made = urllib.request.Request(address, body, dict(headers), method=method)  # noqa: S310 (the scheme is tested)
    if target.username is not None and not made.has_header("Authorization"):
        credentials = f"{unquote(target.username)}:{unquote(target.password or '')}"
        made.add_unredirected_header("Authorization", f"Basic {base64.b64encode(credentials.encode()).decode()}")
    response: http.client.HTTPResponse = _opener().open(made, timeout=silence)
    return response


def _server(target: SplitResult) -> str:
    """Host and port as a request names them."""
    host = target.hostname or ""
    host = f"[{host}]" if ":" in host else host if host.isascii() else host.encode("idna").decode()
    return host if target.port is None else f"{host}:{target.port}"


def _opener() -> urllib.request.OpenerDirector:
    """One that neither follows redirects nor raises for any status, and knows no other kinds of addresses."""
    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", f"ppacer/{ppacer.__version__}")]
    opener.add_handler(urllib.request.ProxyHandler())
    opener.add_handler(urllib.request.HTTPHandler())
    opener.add_handler(urllib.request.HTTPSHandler(context=_trusted()))
    return opener


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _reason(fault: Exception, silence: float) -> str:
    """Why there was no answer, in few words."""
    cause = fault.reason if isinstance(fault, urllib.error.URLError) and isinstance(fault.reason, Exception) else fault
    match cause:
        case TimeoutError():
            return f"nothing came for {silence:g} s"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not valid: {cause.verify_message}"
        case http.client.RemoteDisconnected():
            return "the server closed the connection without an answer"
        case http.client.IncompleteRead():
            return "the connection was lost before all had come"
        case socket.gaierror():
            return f"the host is not known: {cause.strerror}"
        case http.client.HTTPException():
            return f"the answer is no HTTP: {type(cause).__name__}"
        case OSError() if cause.strerror:
            return cause.strerror
    return str(cause) or type(cause).__name__


def _read(response: http.client.HTTPResponse) -> Answer:
    body = bytearray()
    while len(body) <= MAX_BODY and (chunk := response.read(_CHUNK)):
        body += chunk
    if len(body) <= MAX_BODY and response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    return Answer(
        response.status,
        response.reason,
        bytes(body[:MAX_BODY]),
        len(body) <= MAX_BODY,
        response.headers.get_content_charset("utf-8"),
    )


def _same_server(one: SplitResult, other: SplitResult) -> bool:
    """Also true on the way from HTTP to HTTPS on one host."""
    if one.hostname != other.hostname:
        return False
    ports = [(each.scheme, each.port or _PORTS[each.scheme]) for each in (one, other)]
    return ports[0] == ports[1] or ports == [("http", 80), ("https", 443)]


def _with_credentials(target: SplitResult, of: SplitResult) -> SplitResult:
    """The address with the user and password of another, if it has none itself."""
    credentials, found, _ = of.netloc.rpartition("@")
    if not found or "@" in target.netloc:
        return target
    return target._replace(netloc=f"{credentials}@{target.netloc}")
