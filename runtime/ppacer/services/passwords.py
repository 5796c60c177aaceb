"""Passwords: hashed with scrypt (RFC 7914), compared in constant time.

scrypt comes with Python, over OpenSSL's own code, so that a program of one file has it as well, into which no compiled
library can be put (argon2-cffi is one). The cost is one of those that OWASP's Password Storage Cheat Sheet holds to be
equal to N = 2^17: N = 2^15, r = 8, p = 3, which take 32 MiB and some tenths of a second of one core.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from typing import TypeVar

AT_ONCE = 2
"""How many passwords are hashed at the same time: what a flood of logins may take of memory and cores."""

MOST_WAITING = 20
"""How many more may wait for that."""

_LOG_N, _R, _P = 15, 8, 3
_SALT_BYTES = 16
_HASH_BYTES = 32
_Other = TypeVar("_Other", str, bytes)
_Result = TypeVar("_Result")
_STORED = re.compile(r"\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)")


class TooManyLoginsError(Exception):
    """So many passwords wait to be hashed that no more are taken."""


class Passwords:
    """Belongs to one event loop, which hashing never holds up."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hashed(self, password: str) -> str:
        """What is kept of a password: the hash, with what it was made by. Raises `TooManyLoginsError`."""
        return await self._in_turn(hash_password, password, os.urandom(_SALT_BYTES))

    async def fits(self, password: str, stored: str | None) -> bool:
        """Whether it is that password. Where there is none, it takes as long to find that out. Raises
        `TooManyLoginsError`."""
        return await self._in_turn(_fits, password, stored or _nobodys()) and stored is not None

    async def _in_turn(self, work: Callable[[str, _Other], _Result], password: str, other: _Other) -> _Result:
        if self._waiting >= MOST_WAITING:
            raise TooManyLoginsError
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, password, other)
        finally:
            self._waiting -= 1


def hash_password(password: str, salt: bytes) -> str:
    """In the PHC's string format: `$scrypt$ln=15,r=8,p=3$SALT$HASH`."""
    found = _scrypt(password, salt, _LOG_N, _R, _P)
    return f"$scrypt$ln={_LOG_N},r={_R},p={_P}${_text(salt)}${_text(found)}"


def _fits(password: str, stored: str) -> bool:
    parts = _STORED.fullmatch(stored)
    if parts is None:
        return False
    log_n, r, p = (int(parts[number]) for number in (1, 2, 3))
    try:
        salt, expected = (base64.b64decode(parts[number] + "==") for number in (4, 5))
        return hmac.compare_digest(_scrypt(password, salt, log_n, r, p), expected)
    except (ValueError, binascii.Error):  # no cost that can be paid, or no such text: nobody knows that password
        return False


def _nobodys() -> str:
    """What is compared with where there is no such user: at the same cost, and no password is known to fit it."""
    return f"$scrypt$ln={_LOG_N},r={_R},p={_P}${_text(bytes(_SALT_BYTES))}${_text(bytes(_HASH_BYTES))}"


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    n = 1 << log_n
    return hashlib.scrypt(
        password.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=129 * n * r * p, dklen=_HASH_BYTES
    )


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode().rstrip("=")
