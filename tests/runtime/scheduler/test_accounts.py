"""Users, tokens and logins, without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from ppacer.core.accounts import AccountWrite, How, Role
from ppacer.core.instants import SECOND
from ppacer.services.accounts import MOST_SESSIONS, SESSION_SECONDS, Accounts
from ppacer.services.errors import InvalidTrigger, NotPossible, SchedulerUnavailable, UnknownAccount


class FakeClock:
    def __init__(self) -> None:
        self.at = 1_700_000_000 * SECOND

    def now(self) -> int:
        return self.at


class FakePasswords:
    """Hashes by reversing, and waits for `gate` before it says whether a password fits."""

    def __init__(self) -> None:
        self.gate: Awaitable[object] | None = None

    async def hashed(self, password: str) -> str:
        return password[::-1]

    async def fits(self, password: str, stored: str | None) -> bool:
        if self.gate is not None:
            await self.gate
        return password[::-1] == stored


class Place:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.kept: list[AccountWrite] = []
        self.broken = False
        numbers = iter(range(1_000_000))
        self.accounts = Accounts(self.clock, lambda at: f"{at}-{next(numbers):06}", self._keep)
        self.passwords = FakePasswords()
        self.accounts._passwords = self.passwords  # type: ignore[assignment]

    async def _keep(self, writes: Sequence[AccountWrite]) -> None:
        if self.broken:
            raise SchedulerUnavailable("the disk is full")
        self.kept += writes


def played(test: Callable[[Place], Awaitable[None]]) -> Callable[[], None]:
    def play() -> None:
        async def main() -> None:
            await test(Place())

        asyncio.run(main())

    play.__name__ = test.__name__
    return play


OLD, NEW = "an old password", "a new password"


@played
async def test_a_password_that_is_changed_while_it_is_compared_lets_nobody_in(place: Place) -> None:
    await place.accounts.add_user("ann", Role.ADMIN, OLD)
    opened = asyncio.Event()
    place.passwords.gate = opened.wait()
    login = asyncio.create_task(place.accounts.check_password("ann", OLD))
    await asyncio.sleep(0)
    await place.accounts.set_password("ann", NEW)
    opened.set()
    assert await login is None
    place.passwords.gate = None
    assert await place.accounts.check_password("ann", NEW) is not None


@played
async def test_who_comes_back_under_a_removed_name_is_somebody_else(place: Place) -> None:
    await place.accounts.add_user("ann", Role.ADMIN, OLD)
    opened = asyncio.Event()
    place.passwords.gate = opened.wait()
    login = asyncio.create_task(place.accounts.check_password("ann", OLD))
    await asyncio.sleep(0)
    await place.accounts.remove_user("ann")
    await place.accounts.add_user("ann", Role.VIEWER, NEW)
    opened.set()
    assert await login is None


@played
async def test_there_is_an_admin_as_long_as_there_are_users(place: Place) -> None:
    await place.accounts.add_user("ann", Role.ADMIN, OLD)
    await place.accounts.add_user("bob", Role.VIEWER, OLD)
    with pytest.raises(NotPossible, match="the last admin"):
        await place.accounts.set_role("ann", Role.OPERATOR)
    with pytest.raises(NotPossible, match="the last admin"):
        await place.accounts.remove_user("ann")
    await place.accounts.set_role("bob", Role.ADMIN)
    await place.accounts.remove_user("ann")
    await place.accounts.remove_user("bob")
    assert not place.accounts.has_users
    with pytest.raises(UnknownAccount):
        await place.accounts.set_role("bob", Role.ADMIN)


@played
async def test_what_cannot_be_kept_changes_nothing(place: Place) -> None:
    ann = await place.accounts.add_user("ann", Role.ADMIN, OLD)
    token, secret = await place.accounts.add_token("backup", Role.OPERATOR, by="ann")
    session, cookie = await place.accounts.begin_session(How.SESSION, "ann")
    place.broken = True
    for change in (
        place.accounts.add_user("bob", Role.VIEWER, OLD),
        place.accounts.set_password("ann", NEW),
        place.accounts.remove_user("ann"),
        place.accounts.add_token("other", Role.VIEWER, by="ann"),
        place.accounts.revoke_token("backup"),
        place.accounts.begin_session(How.SESSION, "ann"),
        place.accounts.end_session(session.digest),
    ):
        with pytest.raises(SchedulerUnavailable):
            await change
    assert list(place.accounts.users()) == [ann]
    assert place.accounts.token(secret) == token
    assert place.accounts.session(cookie) == session


@played
async def test_a_token_holds_until_it_expires_or_is_revoked(place: Place) -> None:
    expires_at = place.clock.now() + 10 * SECOND
    _, short = await place.accounts.add_token("short", Role.VIEWER, by="ann", expires_at=expires_at)
    _, long = await place.accounts.add_token("long", Role.EXECUTOR, by="ann")
    assert place.accounts.token(short) is not None
    assert place.accounts.token("ppacer_" + "x" * 43) is None
    assert not any(secret in repr(place.kept) for secret in (short, long))
    place.clock.at = expires_at
    assert place.accounts.token(short) is None
    await place.accounts.revoke_token("long")
    assert place.accounts.token(long) is None
    with pytest.raises(NotPossible, match="already"):
        await place.accounts.add_token("short", Role.VIEWER, by="ann")
    with pytest.raises(InvalidTrigger, match="of no use"):
        await place.accounts.add_token("late", Role.VIEWER, by="ann", expires_at=expires_at)


@played
async def test_logins_end_by_time_by_number_and_with_the_password(place: Place) -> None:
    await place.accounts.add_user("ann", Role.ADMIN, OLD)
    cookies = []
    for _ in range(MOST_SESSIONS + 1):
        place.clock.at += SECOND
        cookies.append((await place.accounts.begin_session(How.SESSION, "ann"))[1])
    assert [place.accounts.session(cookie) is None for cookie in cookies] == [True] + [False] * MOST_SESSIONS
    _, turned = await place.accounts.begin_session(How.SESSION, "ann", instead_of=cookies[-1])
    assert place.accounts.session(cookies[-1]) is None
    assert not any(cookie in repr(place.kept) for cookie in (*cookies, turned))
    await place.accounts.set_password("ann", NEW)
    assert place.accounts.session(turned) is None
    _, last = await place.accounts.begin_session(How.SESSION, "ann")
    place.clock.at += SESSION_SECONDS * SECOND
    assert place.accounts.session(last) is None


@played
async def test_whoever_watches_hears_of_every_change_and_of_none_after(place: Place) -> None:
    calls = []
    with place.accounts.watched(lambda: calls.append(1)):
        await place.accounts.add_user("ann", Role.ADMIN, OLD)
        await place.accounts.set_role("ann", Role.ADMIN)
        await place.accounts.add_token("backup", Role.OPERATOR, by="ann")
        await place.accounts.revoke_token("backup")
        await place.accounts.remove_user("ann")
    assert len(calls) == 5
    await place.accounts.add_user("bob", Role.ADMIN, OLD)
    assert len(calls) == 5
