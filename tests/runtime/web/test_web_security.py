"""Who may talk to a program: names, origins, tokens."""

from __future__ import annotations

import base64

import pytest

from ppacer.core.accounts import How, Role
from ppacer.web.identity import identify
from ppacer.web.login import within
from ppacer.web.security import Access, networks

LOCAL = Access("127.0.0.1", None)
OPEN = Access("0.0.0.0", "s3cret")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("access", "host", "allowed"),
    [
        (LOCAL, "127.0.0.1:9321", True),
        (LOCAL, "localhost:9321", True),
        (LOCAL, "LOCALHOST", True),
        (LOCAL, "[::1]:9321", True),
        (LOCAL, "evil.example:9321", False),
        (LOCAL, "127.0.0.1.evil.example", False),
        (LOCAL, "evil@127.0.0.1", False),
        (LOCAL, "127.0.0.1/x", False),
        (LOCAL, "[::1", False),
        (LOCAL, "", False),
        (LOCAL, None, False),
        (OPEN, "pipelines.example:9321", True),
        (OPEN, None, False),
        (Access("localhost", None), "localhost:1", True),
    ],
)
def test_host(access: Access, host: str | None, allowed: bool) -> None:
    assert access.host_allowed(host) is allowed


@pytest.mark.parametrize(
    ("origin", "site", "navigation", "allowed"),
    [
        (None, None, False, True),
        ("http://127.0.0.1:9321", "same-origin", False, True),
        ("https://127.0.0.1:9321", None, False, True),
        (None, "none", False, True),
        ("http://evil.example", None, False, False),
        ("http://127.0.0.1:9322", None, False, False),
        ("null", None, False, False),
        ("file://127.0.0.1:9321", None, False, False),
        (None, "cross-site", False, False),
        (None, "same-site", False, False),
        (None, "cross-site", True, True),
    ],
)
def test_origin(origin: str | None, site: str | None, navigation: bool, allowed: bool) -> None:
    assert LOCAL.origin_allowed("127.0.0.1:9321", origin, site, navigation=navigation) is allowed


@pytest.mark.parametrize(
    ("authorization", "allowed"),
    [
        ("Bearer s3cret", True),
        ("bearer  s3cret ", True),
        (basic("anyone:s3cret"), True),
        (basic(":s3cret"), True),
        (None, False),
        ("", False),
        ("Bearer", False),
        ("Bearer s3cre", False),
        ("Bearer s3cret2", False),
        ("Bearer schlüssel", False),
        ("Token s3cret", False),
        (basic("s3cret"), False),
        ("Basic ***", False),
        ("Basic /w==", False),
    ],
)
def test_token(authorization: str | None, allowed: bool) -> None:
    found = identify(OPEN, None, authorization, None)
    assert (found is not None) is allowed
    assert found is None or (found.role, found.how) == (Role.ADMIN, How.SHARED)
    here = identify(LOCAL, None, authorization, None)
    assert here is not None
    assert here.how is How.OPEN


BEHIND = Access("127.0.0.1", None, proxies=networks(["10.0.0.1", "10.1.0.0/16", "fd00::/8"]))


@pytest.mark.parametrize(
    ("peer", "said", "address"),
    [
        ("10.0.0.1", "192.0.2.7", "192.0.2.7"),
        ("10.0.0.1", "192.0.2.7, 10.1.2.3", "192.0.2.7"),
        ("10.0.0.1", "1.1.1.1, 192.0.2.7", "192.0.2.7"),  # what stands further left anybody can have written
        ("192.0.2.7", "1.1.1.1", "192.0.2.7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "1.1.1.1", ""),
    ],
)
def test_only_trusted_proxies_tell_of_somebody_behind_them(peer: str, said: str, address: str) -> None:
    assert BEHIND.asked_from(peer, {"X-Forwarded-For": said} if said else {}) == address
    assert LOCAL.asked_from(peer, {"X-Forwarded-For": said}) == peer


def test_only_trusted_proxies_tell_that_the_browser_speaks_tls() -> None:
    forwarded = {"X-Forwarded-Proto": "https"}
    assert BEHIND.secure("10.0.0.1", "http", forwarded)
    assert not BEHIND.secure("10.0.0.2", "http", forwarded)
    assert not LOCAL.secure("10.0.0.1", "http", forwarded)
    assert LOCAL.secure("192.0.2.7", "https", {})


def test_behind_a_proxy_loopback_is_not_open() -> None:
    assert not BEHIND.open
    assert identify(BEHIND, None, None, None) is None
    assert BEHIND.host_allowed("pipelines.example")


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/runs/1?x=1#y", "/runs/1?x=1#y"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("", "/"),
        ("/" + "x" * 2001, "/"),
    ],
)
def test_nobody_is_sent_elsewhere_after_a_login(path: str, there: str) -> None:
    assert within(path) == there
