"""Who may talk to a running program, as pure rules over a request's headers.

On loopback nobody needs a token unless one is set; the danger there is a page of a foreign site in the user's own
browser. So the `Host` must be a name of loopback (a foreign name that resolves to 127.0.0.1 is refused) and whatever
a browser sends from another origin is refused. Beyond loopback every request must present the token, which no foreign
page knows.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from ppacer.config import is_loopback

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
RESPONSE_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """`host` is the address that is served on. Beyond loopback a token is required: `ValueError` without one."""

    host: str
    token: str | None

    def __post_init__(self) -> None:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(f"serving on {self.host} needs a token")

    def host_allowed(self, host_header: str | None) -> bool:
        """Whether the request was meant for this program, by the name that it was asked under."""
        name = _host_name(host_header)
        if name is None:
            return False
        return not is_loopback(self.host) or is_loopback(name) or name == self.host

    def origin_allowed(
        self, host_header: str | None, origin: str | None, fetch_site: str | None, *, navigation: bool
    ) -> bool:
        """Whether the request comes from this program's own page, or from no page at all.

        `navigation`: a browser follows a link to a page, which it may do from anywhere.
        """
        if navigation:
            return True
        if fetch_site is not None and fetch_site not in ("same-origin", "none"):
            return False
        if origin is None:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == (host_header or "").lower()

    def authorized(self, authorization: str | None) -> bool:
        """Whether `Authorization` holds the token, as `Bearer` or as the password of `Basic`."""
        if self.token is None:
            return True
        given = _credential(authorization)
        return given is not None and hmac.compare_digest(given.encode(), self.token.encode())


def _host_name(header: str | None) -> str | None:
    if not header or any(character in header for character in "/@\\ ,"):
        return None
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def _credential(authorization: str | None) -> str | None:
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
