"""Users, tokens and logins: kept in the database, and all of them in memory, so that to know who asks costs no query.

The scheduler that leads is the only one that changes them, so what the memory holds is what the database does: a change
counts once it is durable, and from then on at once. Whoever watches is told of it, so that what an open connection was
let in by can be looked at again.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from ppacer.core.accounts import (
    LEAST_PASSWORD,
    MOST_PASSWORD,
    USER_ROLES,
    AccountWrite,
    AuditEntry,
    DeleteSessions,
    DeleteToken,
    DeleteUser,
    How,
    InsertAudit,
    InsertSession,
    InsertToken,
    InsertUser,
    Role,
    Session,
    Token,
    UpdateUser,
    User,
    name_problem,
)
from ppacer.core.instants import SECOND
from ppacer.records import replace
from ppacer.services.errors import InvalidTrigger, NotPossible, UnknownAccount
from ppacer.services.passwords import Passwords
from ppacer.services.timers import Clock
from ppacer.store.accounts import Known

SESSION_SECONDS = 12 * 3600
"""How long a login lasts: a working day."""

MOST_SESSIONS = 20
"""How many logins one user or token has at a time; one more ends the oldest."""

SECRET_PREFIX = "ppacer_"  # noqa: S105 (what tools that look for lost secrets know them by)


def digest_of(secret: str) -> str:
    """What is kept of a secret that was made at random: it cannot be guessed, so a plain hash will do."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


class Accounts:
    """Belongs to the scheduler's event loop. `new_id` makes an id at an instant, `keep` makes writes durable; what it
    raises (`SchedulerUnavailable`) leaves everything as it was."""

    def __init__(
        self,
        clock: Clock,
        new_id: Callable[[int], str],
        keep: Callable[[Sequence[AccountWrite]], Awaitable[None]],
    ) -> None:
        self._clock = clock
        self._new_id = new_id
        self._keep = keep
        self._passwords = Passwords()
        self._users: dict[str, User] = {}
        self._tokens: dict[str, Token] = {}
        self._by_digest: dict[str, Token] = {}
        self._sessions: dict[str, Session] = {}
        self._changing = asyncio.Lock()
        self._watching: dict[object, Callable[[], None]] = {}

    def load(self, known: Known) -> None:
        """Takes over what the database holds."""
        self._users = {user.name: user for user in known.users}
        self._tokens = {token.id: token for token in known.tokens}
        self._sessions = {session.digest: session for session in known.sessions}
        self._changed()

    # --- who there is ------------------------------------------------------------------------------------------------

    def users(self) -> Sequence[User]:
        """By name."""
        return sorted(self._users.values(), key=lambda user: user.name)

    def tokens(self) -> Sequence[Token]:
        """Those that have expired too, in the order in which they were made."""
        return sorted(self._tokens.values(), key=lambda token: token.id)

    @property
    def has_users(self) -> bool:
        return bool(self._users)

    def user(self, name: str) -> User | None:
        return self._users.get(name)

    def token(self, secret: str) -> Token | None:
        """The token with that secret, if it holds."""
        return self._holding(self._by_digest.get(digest_of(secret)))

    def token_of(self, id_: str) -> Token | None:
        """The token with that id, if it holds."""
        return self._holding(self._tokens.get(id_))

    def session(self, secret: str) -> Session | None:
        """The login with that secret, if it has not expired. Whose it is may be gone nevertheless."""
        found = self._sessions.get(digest_of(secret))
        return found if found is not None and found.expires_at > self._clock.now() else None

    @contextmanager
    def watched(self, call: Callable[[], None]) -> Iterator[None]:
        """Calls after every change, within the block."""
        key = object()
        self._watching[key] = call
        try:
            yield
        finally:
            del self._watching[key]

    # --- users -------------------------------------------------------------------------------------------------------

    async def check_password(self, name: str, password: str) -> User | None:
        """The user of that name, if it is the password; it takes as long where there is no such user.

        Raises `TooManyLoginsError`.
        """
        user = self._users.get(name)
        stored = None if user is None else user.password
        fits = len(password) <= MOST_PASSWORD and await self._passwords.fits(password, stored)
        current = self._users.get(name)  # who has been removed or given another password meanwhile is not let in
        return current if fits and current is not None and current.password == stored else None

    async def add_user(self, name: str, role: Role, password: str) -> User:
        """Raises `InvalidTrigger`, `NotPossible`, `TooManyLoginsError`."""
        problem = name_problem(name)
        if problem is not None:
            raise InvalidTrigger(problem, "name")
        _check_role(role)
        hashed = await self._hashed(password)
        async with self._changing:
            if name in self._users:
                raise NotPossible(f"there is a user `{name}` already")
            now = self._clock.now()
            user = User(name, role, hashed, created_at=now, changed_at=now)
            await self._keep([InsertUser(user)])
            self._users[name] = user
            self._changed()
            return user

    async def set_role(self, name: str, role: Role) -> User:
        """Raises `UnknownAccount`, `InvalidTrigger`, `NotPossible`."""
        _check_role(role)
        async with self._changing:
            user = self._known(name)
            if role is not Role.ADMIN:
                self._refuse_last_admin(user)
            return await self._change_user(replace(user, role=role))

    async def set_password(self, name: str, password: str, *, keeping: str | None = None) -> User:
        """All logins of the user end, but for the one with the digest `keeping`.

        Raises `UnknownAccount`, `InvalidTrigger`, `TooManyLoginsError`.
        """
        self._known(name)
        hashed = await self._hashed(password)
        async with self._changing:
            user = replace(self._known(name), password=hashed)
            ended = tuple(digest for digest in self._held_by(How.SESSION, name) if digest != keeping)
            return await self._change_user(user, ended)

    async def remove_user(self, name: str) -> None:
        """Raises `UnknownAccount`, `NotPossible`."""
        async with self._changing:
            user = self._known(name)
            if len(self._users) > 1:
                self._refuse_last_admin(user)
            ended = self._held_by(How.SESSION, name)
            await self._keep([DeleteUser(name), DeleteSessions(ended)])
            del self._users[name]
            self._forget(ended)

    # --- tokens ------------------------------------------------------------------------------------------------------

    async def add_token(self, name: str, scope: Role, *, by: str, expires_at: int | None = None) -> tuple[Token, str]:
        """The token and its secret, which nobody can be told again. `expires_at` is in microseconds.

        Raises `InvalidTrigger`, `NotPossible`.
        """
        problem = name_problem(name)
        if problem is not None:
            raise InvalidTrigger(problem, "name")
        secret = SECRET_PREFIX + secrets.token_urlsafe(32)
        async with self._changing:
            now = self._clock.now()
            if expires_at is not None and expires_at <= now:
                raise InvalidTrigger("a token that has expired is of no use", "expires_at")
            if any(token.name == name for token in self._tokens.values()):
                raise NotPossible(f"there is a token `{name}` already: revoke it, or choose another name")
            token = Token(self._new_id(now), name, scope, digest_of(secret), now, by, expires_at)
            await self._keep([InsertToken(token)])
            self._tokens[token.id] = token
            self._changed()
            return token, secret

    async def revoke_token(self, name: str) -> Token:
        """It does not hold from now on. Raises `UnknownAccount`."""
        async with self._changing:
            token = next((token for token in self._tokens.values() if token.name == name), None)
            if token is None:
                raise UnknownAccount(f"there is no token `{name[:100]}`")
            ended = self._held_by(How.TOKEN, token.id)
            await self._keep([DeleteToken(token.id), DeleteSessions(ended)])
            del self._tokens[token.id]
            self._forget(ended)
            return token

    # --- logins ------------------------------------------------------------------------------------------------------

    async def begin_session(self, how: How, holder: str, *, instead_of: str | None = None) -> tuple[Session, str]:
        """A login and its secret. The login with the secret `instead_of` ends, and those that have expired are
        forgotten."""
        secret = secrets.token_urlsafe(32)
        async with self._changing:
            now = self._clock.now()
            session = Session(digest_of(secret), how, holder, now, now + SESSION_SECONDS * SECOND)
            held = [each for each in self._sessions.values() if (each.how, each.holder) == (how, holder)]
            held.sort(key=lambda each: each.created_at)
            ended = {each.digest for each in held[: max(0, len(held) - MOST_SESSIONS + 1)]}
            ended |= {each.digest for each in self._sessions.values() if each.expires_at <= now}
            if instead_of is not None and digest_of(instead_of) in self._sessions:
                ended.add(digest_of(instead_of))
            await self._keep([DeleteSessions(tuple(sorted(ended))), InsertSession(session)])
            self._sessions[session.digest] = session
            self._forget(ended)
            return session, secret

    async def end_session(self, digest: str) -> None:
        """Ending what has ended is fine."""
        async with self._changing:
            if digest in self._sessions:
                await self._keep([DeleteSessions((digest,))])
                self._forget([digest])

    # --- what was done -----------------------------------------------------------------------------------------------

    async def record(self, entry: AuditEntry) -> None:
        """Keeps the entry, with an id and the time of now."""
        now = self._clock.now()
        await self._keep([InsertAudit(replace(entry, id=self._new_id(now), at=now))])

    # --- details -----------------------------------------------------------------------------------------------------

    def _holding(self, token: Token | None) -> Token | None:
        over = token is None or (token.expires_at is not None and token.expires_at <= self._clock.now())
        return None if over else token

    async def _hashed(self, password: str) -> str:
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
            raise InvalidTrigger(f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters", "password")
        return await self._passwords.hashed(password)

    async def _change_user(self, user: User, ended: tuple[str, ...] = ()) -> User:
        changed = replace(user, changed_at=self._clock.now())
        await self._keep([UpdateUser(changed), DeleteSessions(ended)])
        self._users[user.name] = changed
        self._forget(ended)
        return changed

    def _known(self, name: str) -> User:
        user = self._users.get(name)
        if user is None:
            raise UnknownAccount(f"there is no user `{name[:100]}`")
        return user

    def _refuse_last_admin(self, user: User) -> None:
        """Whoever is left could change nothing of all this any more."""
        if not any(each.role is Role.ADMIN for each in self._users.values() if each.name != user.name):
            raise NotPossible(f"`{user.name}` is the last admin: make somebody else one first")

    def _held_by(self, how: How, holder: str) -> tuple[str, ...]:
        return tuple(each.digest for each in self._sessions.values() if (each.how, each.holder) == (how, holder))

    def _forget(self, digests: Iterable[str]) -> None:
        for digest in digests:
            self._sessions.pop(digest, None)
        self._changed()

    def _changed(self) -> None:
        self._by_digest = {token.digest: token for token in self._tokens.values()}
        for call in tuple(self._watching.values()):
            call()


def _check_role(role: Role) -> None:
    if role not in USER_ROLES:
        raise InvalidTrigger(f"a user is {', '.join(USER_ROLES[:-1])} or {USER_ROLES[-1]}", "role")
