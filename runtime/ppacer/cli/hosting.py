"""What a command begins, follows and, on Ctrl-C, cancels: at the program that serves, or as that program itself.

Where no program serves the database, this process is that program for as long as it takes: other commands find it, and
its page shows what goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar

from ppacer.cli.access import ServedError, find_server, user_name
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import Console, Style
from ppacer.cli.early import early_zygote
from ppacer.cli.log import log_faults
from ppacer.cli.signals import stop_signal
from ppacer.client import Client, ClientError, RefusedError
from ppacer.config import LOOPBACK
from ppacer.services.zygote_process import ZygoteProcess

if TYPE_CHECKING:
    from ppacer.services.scheduler import Scheduler

_T = TypeVar("_T")

_TELLING_SECONDS = 40.0
"""How long the end of a program waits for notifiers: longer than one may take."""


@dataclass(frozen=True, slots=True)
class Errand(Generic[_T]):
    """`begin` makes something (`noun`: a run, a backfill) and says its id, `follow` shows it until it has ended.

    `begun` is told the id and, where a program serves, its address. All but that are called in a thread and may raise
    `ClientError`.
    """

    noun: str
    begin: Callable[[Client], str]
    begun: Callable[[str, str | None], None]
    follow: Callable[[Client, str], _T]
    cancel: Callable[[Client, str], object]


def carry_out(invocation: Invocation, errand: Errand[_T]) -> _T:
    """What `follow` returns. The first Ctrl-C cancels, the second ends the process. Raises `CommandError`."""
    invocation.console.keep_going()
    while (client := find_server(invocation.config)) is None:
        try:
            with early_zygote(invocation) as zygote:
                return asyncio.run(_here(invocation, errand, zygote))
        except ServedError:
            continue  # since a moment ago
    with client:
        return asyncio.run(_there(invocation, errand, client))


async def _there(invocation: Invocation, errand: Errand[_T], client: Client) -> _T:
    with stop_signal() as stopped:  # from before it begins: what has begun is never left behind unnoticed
        made = await asyncio.to_thread(_begun, errand, client)
        errand.begun(made, client.url)
        under_way = _UnderWay(errand, invocation.console, client, made, again="leave it alone")
        return await under_way.ended(stopped, asyncio.get_running_loop().create_future())


async def _here(invocation: Invocation, errand: Errand[_T], zygote: ZygoteProcess | None) -> _T:
    from ppacer.cli.program import serving  # noqa: PLC0415 - what a client of a program that serves need not load

    config = invocation.config
    log_faults(invocation.console)  # the progress says all else
    with stop_signal() as stopped:
        async with serving(
            *(invocation, config),
            host=LOOPBACK,
            port=0,
            with_executor=True,
            zygote=zygote,
            upgrading=invocation.console.line,
            schedules=False,
        ) as running:
            with Client(running.url, running.secret, actor=user_name()) as client:
                made = await asyncio.to_thread(_begun, errand, client)
                errand.begun(made, None)
                under_way = _UnderWay(errand, invocation.console, client, made, again="stop at once")
                ended = await under_way.ended(stopped, running.failure)
            await _tell(running.scheduler, invocation.console, stopped)
            return ended


async def _tell(scheduler: Scheduler, console: Console, stopped: asyncio.Event) -> None:
    """Has the notifiers told before the program ends, and says of what they could not be told."""
    telling = asyncio.ensure_future(scheduler.told())
    leaving = asyncio.ensure_future(asyncio.Event().wait() if stopped.is_set() else stopped.wait())
    try:
        await asyncio.wait({telling, leaving}, timeout=_TELLING_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        problems = telling.result() if telling.done() else ("not all notifiers could be told",)
    finally:
        telling.cancel()
        leaving.cancel()
    for problem in problems:
        console.line(f"{problem}; once more when the program runs again", Style.YELLOW)


def _begun(errand: Errand[_T], client: Client) -> str:
    try:
        return errand.begin(client)
    except RefusedError as error:
        wrongly = error.problem.status == HTTPStatus.UNPROCESSABLE_ENTITY
        raise CommandError(str(error), 2 if wrongly else 1) from error
    except ClientError as error:
        raise CommandError(str(error)) from error


@dataclass(frozen=True, slots=True)
class _UnderWay(Generic[_T]):
    """What has begun. `again` says what a second Ctrl-C does."""

    errand: Errand[_T]
    console: Console
    client: Client
    made: str
    again: str

    async def ended(self, stopped: asyncio.Event, failure: asyncio.Future[None]) -> _T:
        """Follows in a thread, so that Ctrl-C is heard in the loop and never lost in a library's code."""
        following = asyncio.ensure_future(asyncio.to_thread(self._follow))
        # Where something else ends this, nobody asks how the following came to its end.
        following.add_done_callback(lambda done: done.cancelled() or done.exception())
        cancelling = asyncio.ensure_future(self._cancel_when(stopped))
        waiting: set[asyncio.Future[_T] | asyncio.Future[None]] = {following, failure}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            cancelling.cancel()
        if failure.done():
            raise CommandError(f"the program failed: {failure.exception()}")
        return following.result()

    def _follow(self) -> _T:
        try:
            return self.errand.follow(self.client, self.made)
        except ClientError as error:
            raise CommandError(f"the {self.errand.noun} goes on, but cannot be followed: {error}") from error

    async def _cancel_when(self, stopped: asyncio.Event) -> None:
        await stopped.wait()
        self.console.line(f"cancelling the {self.errand.noun}; once more to {self.again}", Style.YELLOW)
        try:
            # A connection of its own: the other one waits for news.
            with self.client.again() as other:
                await asyncio.to_thread(self.errand.cancel, other, self.made)
        except ClientError as error:
            if not (isinstance(error, RefusedError) and error.problem.status == HTTPStatus.CONFLICT):  # it has ended
                self.console.line(f"it could not be cancelled: {error}", Style.YELLOW)
