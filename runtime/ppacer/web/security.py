"""Who may talk to a running program, as pure rules over a request's headers.

On loopback nobody needs to say who they are unless a token is set or there are users; the danger there is a page of a
foreign site in the user's own browser. So the `Host` must be a name of loopback (a foreign name that resolves to
127.0.0.1 is refused) and whatever a browser sends from another origin is refused. Beyond loopback, and behind a proxy,
it must be known who asks (`ppacer.web.identity`), which no foreign page can pretend.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias
from urllib.parse import urlsplit

from ppacer.config import is_loopback

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FORM_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Of the login page, which has a form and no script."""

RESPONSE_HEADERS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
TRANSPORT_SECURITY = ("Strict-Transport-Security", "max-age=31536000")
"""Where this program itself speaks TLS: for a year, browsers ask for nothing else under this name."""

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, slots=True)
class Access:
    """`host` is the address that is served on, `token` the one secret of all clients and executors, if there is one,
    `machine` that of the run file, `proxies` from where headers are believed that tell of somebody behind them."""

    host: str
    token: str | None
    machine: str | None = None
    proxies: Networks = ()

    @property
    def exposed(self) -> bool:
        """Whether others than this machine's users can ask: then it must be known who does."""
        return not is_loopback(self.host) or bool(self.proxies)

    @property
    def open(self) -> bool:
        """Whether nobody needs to say who they are, as long as there are no users."""
        return self.token is None and not self.exposed

    def host_allowed(self, host_header: str | None) -> bool:
        """Whether the request was meant for this program, by the name that it was asked under."""
        name = _host_name(host_header)
        if name is None:
            return False
        return self.exposed or is_loopback(name) or name == self.host

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

    def asked_from(self, peer: str, headers: Mapping[str, str]) -> str:
        """The address that asks: that of the connection, or what a trusted proxy says that is behind it."""
        address = peer
        for said in reversed(headers.get("X-Forwarded-For", "").split(",")):
            if not said.strip() or not _within(address, self.proxies):
                break
            address = said.strip()
        return address[:100]

    def secure(self, peer: str, protocol: str, headers: Mapping[str, str]) -> bool:
        """Whether the browser speaks TLS: with this program, or with a trusted proxy."""
        forwarded = headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
        return protocol == "https" or (forwarded and _within(peer, self.proxies))


def same_secret(one: str, other: str) -> bool:
    """Takes as long whether they differ early or late."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def port_of(host_header: str | None) -> str:
    """The port in a `Host` that is allowed; `""` where it has none."""
    try:
        port = urlsplit(f"//{host_header or ''}").port
    except ValueError:
        port = None
    return "" if port is None else str(port)


def networks(texts: Sequence[str]) -> Networks:
    """Addresses and networks in CIDR notation. Raises `ValueError`."""
    return tuple(ipaddress.ip_network(text) for text in texts)


def _within(address: str, known: Networks) -> bool:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return any(found in network for network in known if network.version == found.version)


def _host_name(header: str | None) -> str | None:
    if not header or any(character in header for character in "/@\\ ,"):
        return None
    try:
        return urlsplit(f"//{header}").hostname
    except ValueError:
        return None


def credential(authorization: str | None) -> str | None:
    """The secret in `Authorization`, as `Bearer` or as the password of `Basic`."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None
