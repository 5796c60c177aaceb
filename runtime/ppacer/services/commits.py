"""What one turn of the scheduler changes, as one transaction; and what may only follow once that is durable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from ppacer.core.model import Write
from ppacer.protocol import LogEntry
from ppacer.services.changes import Changes, log_topic
from ppacer.services.errors import SchedulerUnavailable
from ppacer.services.journal import Journal

_log = logging.getLogger("ppacer")


class Commits:
    """Gathers the writes of a turn and hands them to the journal at its end.

    Whatever leaves the scheduler (answers, alerts, news) waits until all that it could be built on is durable.
    `failed` is called once, at the first failure: what the memory holds is then ahead of the database, for good.
    """

    def __init__(self, journal: Journal, changes: Changes, failed: Callable[[BaseException], None]) -> None:
        self._journal = journal
        self._changes = changes
        self._on_failure = failed
        self._writes: list[Write] = []
        self._logs: list[tuple[str, tuple[LogEntry, ...]]] = []
        self._then: list[Callable[[], None]] = []
        self._news: set[str] = set()
        self._last: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None

    def write(self, writes: Iterable[Write]) -> None:
        self._writes.extend(writes)

    def log(self, attempt_id: str, entries: tuple[LogEntry, ...]) -> None:
        self._logs.append((attempt_id, entries))
        self.announce(log_topic(attempt_id))

    def announce(self, topic: str) -> None:
        """Publishes the topic once this turn is durable."""
        self._news.add(topic)

    def then(self, call: Callable[[], None]) -> None:
        """Calls once this turn is durable, and never if it fails."""
        self._then.append(call)

    def flush(self) -> None:
        """Ends the turn."""
        calls, news = self._then, self._news
        if self._failure is not None or not (self._writes or self._logs or calls or news):
            return
        if self._writes or self._logs or self._last is None:
            self._last = self._journal.commit(self._writes, self._logs)
        self._writes, self._logs, self._then, self._news = [], [], [], set()
        self._last.add_done_callback(lambda future: self._done(future, calls, news))

    def fail(self, error: BaseException) -> None:
        """Gives up: nothing more is written, and whoever waits is told."""
        if self._failure is None:
            self._failure = error
            self._on_failure(error)

    async def settled(self) -> None:
        """Returns when everything so far is durable. Raises `SchedulerUnavailable` if it will not be."""
        self.flush()
        last = self._last
        if last is not None and self._failure is None and not (last.done() and last.exception() is None):
            try:
                await asyncio.shield(last)  # giving up waiting must not touch the future of others
            except Exception as error:
                raise self._unavailable(error) from error
        if self._failure is not None:
            raise self._unavailable(self._failure) from self._failure

    async def ended(self) -> None:
        """Returns when nothing of what was handed to the journal is under way any more, whatever became of it."""
        if self._last is not None:
            await asyncio.wait([self._last])

    def _done(self, future: asyncio.Future[None], calls: list[Callable[[], None]], news: set[str]) -> None:
        error = future.exception()
        if error is not None:
            self.fail(error)
        elif self._failure is None:
            for call in calls:
                try:
                    call()
                except Exception:  # it is durable: what else follows it must not be lost
                    _log.exception("something that was to follow a commit failed")
            for topic in news:
                self._changes.publish(topic)

    @staticmethod
    def _unavailable(error: BaseException) -> SchedulerUnavailable:
        return SchedulerUnavailable(f"nothing can be recorded at the moment: {error}")
