"""Asks for an address and forgets the answer: how a dead man's switch is told that a run has succeeded."""

from __future__ import annotations

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

PING_SECONDS = 10.0
"""How long it may take, redirects and all."""

_CONNECT_SECONDS = 5.0
_MOST_REDIRECTS = 3
_REDIRECT = 300


class PingError(Exception):
    """No answer, or one that is no success. The text does not tell the address, which may be as good as a password."""


async def ping(address: str) -> None:
    """Sends one GET. Raises `PingError`."""
    if not address.startswith(("http://", "https://")):
        raise PingError("the address of a ping begins with http:// or https://")
    client = AsyncHTTPClient(force_instance=True)
    try:
        request = HTTPRequest(
            address,
            connect_timeout=_CONNECT_SECONDS,
            request_timeout=PING_SECONDS,
            max_redirects=_MOST_REDIRECTS,
            user_agent="ppacer",
            streaming_callback=_forget,
        )
        response = await client.fetch(request, raise_error=False)
    except HTTPClientError as error:
        raise PingError(error.message or "there was no answer") from None
    except OSError as error:
        raise PingError(f"there was no answer: {error.strerror or type(error).__name__}") from None
    except ValueError:  # an address that cannot be read, in one way or another
        raise PingError("the address of the ping is none") from None
    finally:
        client.close()
    if not response.code < _REDIRECT:
        raise PingError(f"the answer was {response.code}")


def _forget(_chunk: bytes) -> None:
    """What an answer says is nobody's business."""
