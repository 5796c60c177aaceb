"""Who asks: found out once for each request, from its headers and from what is known of users, tokens and logins.

An `Authorization` header counts before a cookie. A secret that names nobody (that of `--token`, that of the run file)
and an open program take the name that they are told; whoever is known by a login or a token has that name only.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from ppacer.core.accounts import TOKEN_PREFIX, How, Role, Session, Token
from ppacer.services.accounts import Accounts, digest_of
from ppacer.web.security import Access, credential, same_secret


@dataclass(frozen=True, slots=True)
class Identity:
    """`name` is none where `how` tells of nobody in particular. `session` is the login if that is how it is known, and
    `xsrf` what a change has to bring along then. `until` is when it ends by itself, in microseconds."""

    role: Role
    how: How
    name: str | None = None
    session: Session | None = None
    xsrf: str | None = None
    until: int | None = None


def identify(
    access: Access, accounts: Accounts | None, authorization: str | None, cookie: str | None
) -> Identity | None:
    """Who it is, none for a stranger. Without `accounts` (a program that stands by) users and tokens are strangers."""
    given = credential(authorization)
    if given is not None:
        found = _by_secret(access, accounts, given)
        if found is not None:
            return found
    elif cookie is not None and accounts is not None:
        found = _by_login(access, accounts, cookie)
        if found is not None:
            return found
    if access.open and (accounts is None or not accounts.has_users):
        return Identity(Role.ADMIN, How.OPEN)
    return None


def by_shared_secret(access: Access, secret: str) -> bool:
    """Whether it is the secret of `--token`."""
    return access.token is not None and same_secret(secret, access.token)


def _by_secret(access: Access, accounts: Accounts | None, secret: str) -> Identity | None:
    if access.machine is not None and same_secret(secret, access.machine):
        return Identity(Role.ADMIN, How.MACHINE)
    if by_shared_secret(access, secret):
        return Identity(Role.ADMIN, How.SHARED)
    token = None if accounts is None else accounts.token(secret)
    return None if token is None else _of_token(token)


def _of_token(token: Token) -> Identity:
    return Identity(token.scope, How.TOKEN, TOKEN_PREFIX + token.name, until=token.expires_at)


def _by_login(access: Access, accounts: Accounts, cookie: str) -> Identity | None:
    session = accounts.session(cookie)
    if session is None:
        return None
    xsrf = hmac.new(cookie.encode("utf-8", "surrogatepass"), b"xsrf", hashlib.sha256).hexdigest()
    if session.how is How.SESSION:
        user = accounts.user(session.holder)
        if user is None:
            return None
        return Identity(user.role, How.SESSION, user.name, session, xsrf, session.expires_at)
    if session.how is How.SHARED:
        # Another secret than the one that it was begun with ends the login.
        held = access.token is not None and same_secret(digest_of(access.token), session.holder)
        return Identity(Role.ADMIN, How.SHARED, None, session, xsrf, session.expires_at) if held else None
    token = accounts.token_of(session.holder)
    if token is None:
        return None
    until = session.expires_at if token.expires_at is None else min(session.expires_at, token.expires_at)
    return Identity(token.scope, How.TOKEN, TOKEN_PREFIX + token.name, session, xsrf, until)
