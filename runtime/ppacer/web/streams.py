"""Server-sent events: what changes, what happens in a run, and a log as it grows, over one connection each.

Each event has an id; a browser that has lost the connection gives the last one back (`Last-Event-ID`) and misses
nothing. A line that says nothing is sent after `HEARTBEAT_SECONDS` without an event, by which both ends learn that the
other is still there. The format is that of the HTML standard, section 9.2.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

from tornado.iostream import StreamClosedError

from ppacer.core.instants import SECOND
from ppacer.services.errors import SchedulerError
from ppacer.services.scheduler import Condition
from ppacer.web import answers
from ppacer.web.api_runs import wanted_attempt
from ppacer.web.base import ApiError, BaseHandler
from ppacer.web.codec import encode
from ppacer.web.messages import Changes, LogPage, Pulse
from ppacer.web.operation import EVENT_STREAM, LAST_EVENT_ID, follows
from ppacer.web.queries import FollowLogQuery, FollowQuery, FollowRunQuery

HEARTBEAT_SECONDS = 15.0
MOST_STREAMS = 200
"""How many connections may be followed at once; each costs a descriptor and some memory."""

_LONGEST = 86_400.0
"""Seconds for which a timer is set at most; then it is set again."""

_NUMBER = re.compile(r"-?[0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class Sent:
    """One event: `id` is what a client gives back to go on behind it, `data` a message."""

    id: int
    data: object


class StreamHandler(BaseHandler):
    """The base of what is followed: `follow` gives events, none where there was nothing for a while; it is ended when
    the client goes, or the program."""

    followed = 0
    _task: asyncio.Task[object] | None = None
    _timer: asyncio.TimerHandle | None = None
    _left = False

    def compute_etag(self) -> None:
        """What has no end has no tag."""

    async def stream(self, events: AsyncIterator[Sent | None]) -> None:
        if StreamHandler.followed >= MOST_STREAMS:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_STREAMS} streams are followed already")
        StreamHandler.followed += 1
        self._task = asyncio.current_task()
        self._set_timer()
        try:
            self.set_header("Content-Type", EVENT_STREAM)
            self.set_header("X-Accel-Buffering", "no")  # nginx would hold it back
            await self.flush()
            with self.site.scheduler.accounts.watched(self._look_again):
                async for event in events:
                    self.write(b":\n\n" if event is None else b"id: %d\ndata: %s\n\n" % (event.id, encode(event.data)))
                    await self.flush()
        except (StreamClosedError, SchedulerError):
            pass  # the client has gone, or the program is going, or the run: nobody is there to be told, or nothing
        except asyncio.CancelledError:
            if not self._left or self._task is None:
                raise
            self._task.uncancel()  # the answer ends here, as it would by itself
        finally:
            StreamHandler.followed -= 1
            if self._timer is not None:
                self._timer.cancel()

    def on_connection_close(self) -> None:
        """Ends the waiting: nobody is there for what comes."""
        self._leave()

    def _look_again(self) -> None:
        """Ends the stream when who follows it would not be let in any more: logged out, revoked, of another role."""
        found = self.identified()
        if found is not None and found.role.may(self.needed):
            self._set_timer()
        else:
            self._leave()

    def _leave(self) -> None:
        if self._task is not None and not self._left:
            self._left = True
            self._task.cancel()

    def _set_timer(self) -> None:
        """Has it looked again when the login or the token expires, however far that is."""
        if self._timer is not None:
            self._timer.cancel()
        until = None if self.identity is None else self.identity.until
        if until is not None:
            left = (until - self.site.scheduler.clock.now()) / SECOND
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(max(0.0, left) + 1.0, _LONGEST), self._look_again)

    @property
    def goes_on(self) -> bool:
        return self.site.scheduler.health().condition is not Condition.STOPPED

    def after(self, given: int) -> int:
        """The event behind which to begin: what a client that comes again has seen last, or what it asks for."""
        last = self.request.headers.get(LAST_EVENT_ID)
        if last is None:
            return given
        if not _NUMBER.fullmatch(last):
            raise ApiError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected the id of an event", LAST_EVENT_ID)
        return int(last)


class FollowHandler(StreamHandler):
    """Says that something has changed, never more often than the client takes it."""

    @follows("Follow changes of anything", Pulse, query=FollowQuery)
    async def get(self, query: FollowQuery) -> None:
        await self.stream(self._pulses(self.after(query.since)))

    async def _pulses(self, since: int) -> AsyncIterator[Sent | None]:
        while self.goes_on:
            seq = await self.site.scheduler.changed(since, wait=HEARTBEAT_SECONDS)
            yield None if seq == since else Sent(seq, Pulse(seq, self.site.instance))
            since = seq


class FollowRunHandler(StreamHandler):
    """The events of a run as they are recorded; ends with the run's."""

    @follows("Follow a run", Changes, query=FollowRunQuery)
    async def get(self, run_id: str, query: FollowRunQuery) -> None:
        since = self.after(query.since)
        run = await self.run_of(run_id)
        if run.status.terminal and since >= await self.site.scheduler.run_changed(run_id, since, wait=0.0):
            self.set_status(HTTPStatus.NO_CONTENT)  # which has browsers ask no more
        else:
            await self.stream(self._changes(run_id, since))

    async def _changes(self, run_id: str, since: int) -> AsyncIterator[Sent | None]:
        while self.goes_on:
            run = await self.run_of(run_id)
            changes = await self.read(answers.run_changes, self.site.store, run, since)
            if changes.events:
                since = changes.seq
                yield Sent(since, changes)
            elif run.status.terminal:
                return
            elif await self.site.scheduler.run_changed(run_id, since, wait=HEARTBEAT_SECONDS) <= since:
                yield None


class FollowLogHandler(StreamHandler):
    """The entries of one attempt's log as they come; ends with the attempt."""

    @follows("Follow a log", LogPage, query=FollowLogQuery)
    async def get(self, run_id: str, task: str, query: FollowLogQuery) -> None:
        await self.run_of(run_id)
        after = self.after(query.after)
        attempt = await wanted_attempt(self, run_id, task, query)
        if attempt.status.terminal and 0 < await self.site.scheduler.log_changed(attempt.id, after, wait=0.0) <= after:
            self.set_status(HTTPStatus.NO_CONTENT)
        else:
            await self.stream(self._pages(attempt.id, after))

    async def _pages(self, attempt_id: str, after: int) -> AsyncIterator[Sent | None]:
        while self.goes_on:
            attempt = await self.read(self.site.store.attempt, attempt_id)
            if attempt is None:
                return  # it is no longer kept
            page = await self.read(answers.attempt_log, self.site.store, self.site.logs, attempt, after)
            if page.entries or page.complete:
                after = page.last
                yield Sent(after, page)
            if page.complete:
                return
            if (
                not page.entries
                and await self.site.scheduler.log_changed(attempt_id, after, wait=HEARTBEAT_SECONDS) <= after
            ):
                yield None
