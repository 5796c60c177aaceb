"""Who may talk to a program: names, origins, tokens."""

from __future__ import annotations

import base64

import pytest

from ppacer.web.security import Access

LOCAL = Access("127.0.0.1", None)
OPEN = Access("0.0.0.0", "s3cret")


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_beyond_loopback_there_is_no_access_without_a_token() -> None:
    with pytest.raises(ValueError, match="needs a token"):
        Access("0.0.0.0", None)


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
    assert OPEN.authorized(authorization) is allowed
    assert LOCAL.authorized(authorization)
