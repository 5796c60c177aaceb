"""The journal: the one way in which the scheduler's asyncio loop writes to the store and reads from it.

Everything that arrives while a transaction is under way goes into the next one (group commit): one wait for the disk
serves many requests, and more of them the slower the disk is.

A failure is final until `reset`. The state that the caller holds in memory is by then ahead of the database, and what
else it has asked to write builds upon what was not written: all of it fails with the same error. The caller takes its
state from the database anew, then calls `reset`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, ParamSpec, TypeAlias, TypeVar

from ppacer.core.model import Write
from ppacer.protocol import LogEntry
from ppacer.services.measures import CommitMeasures
from ppacer.store.errors import Unavailable
from ppacer.store.logs import LogStore
from ppacer.store.store import Store

GROUP = 10_000
"""How many rows and log entries one transaction takes; a batch larger than that still goes whole."""

READERS = 4
"""How many reads may be under way at once."""

P = ParamSpec("P")
T = TypeVar("T")


class Journal:
    """Made and used in one event loop; the store and the logs stay their opener's, to be closed after the journal.

    Nothing else may write to either while the journal is open.
    """

    def __init__(self, store: Store, logs: LogStore) -> None:
        self._store = store
        self._logs = logs
        self._waiting: deque[_Entry] = deque()
        self._changed = Condition()
        self._failure: Exception | None = None
        self._closing = False
        self.measures = CommitMeasures()
        self._writer = Thread(target=self._write_groups, name="journal", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="journal-read")
        self._writer.start()

    @property
    def failure(self) -> Exception | None:
        """Why nothing is written at present, or none: for the log and for `/health`."""
        return self._failure

    def commit(
        self, writes: Sequence[Write], logs: Sequence[tuple[str, Sequence[LogEntry]]] = ()
    ) -> asyncio.Future[None]:
        """Queues the writes and log entries at once, in the order of the calls; done when all of them are durable.

        The log entries are durable before the rows are. Batches are committed in the order of their arrival, each of
        them whole. Giving up waiting does not take back what was queued.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue(_Batch(writes, logs, done))
        return done

    def upkeep(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """Queues a call that changes the store or the logs on its own: `journal.upkeep(store.give_back, 100)`.

        It is made in the order of the calls, alone, and should be short: everything behind it waits. A failure of it
        is one of the journal.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue(_Call(lambda: function(*args, **kwargs), done))
        return done

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a read of the store or of the logs in another thread: `await journal.read(store.runs, limit=5)`.

        It sees what was committed when it runs, not what is still waiting. It works during a failure, too.
        """
        if self._closing:
            raise _closed()
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: function(*args, **kwargs))

    def reset(self) -> None:
        """Takes writes again after a failure. Call it when the state in memory is that of the database again."""
        with self._changed:
            self._failure = None

    async def close(self) -> None:
        """Writes what is waiting, and ends the threads once the reads under way have ended."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)

    def _queue(self, entry: _Entry) -> None:
        with self._changed:
            failure = _closed() if self._closing else self._failure
            if failure is None:
                self._waiting.append(entry)
                self._changed.notify()
        if failure is not None:
            entry.done.set_exception(failure)

    def _write_groups(self) -> None:
        while group := self._next_group():
            failure = self._write(group)
            # All of them in one go: a wake-up of the loop costs more than a row.
            group[0].done.get_loop().call_soon_threadsafe(_settle, group, failure)

    def _next_group(self) -> list[_Entry]:
        """What has arrived, as far as one transaction takes it; nothing once the journal is closed and empty."""
        group: list[_Entry] = []
        size = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            while self._waiting and (not group or size + self._waiting[0].size <= GROUP):
                entry = self._waiting.popleft()
                size += entry.size
                group.append(entry)
        return group

    def _write(self, group: list[_Entry]) -> Exception | None:
        try:
            if isinstance(group[0], _Call):
                group[0].result = group[0].function()
            else:
                self._commit([entry for entry in group if isinstance(entry, _Batch)])
        except Exception as error:  # whatever it is, those who wait must learn it
            self.measures.errors += 1
            with self._changed:
                self._failure = error
                group.extend(self._waiting)
                self._waiting.clear()
            return error
        return None

    def _commit(self, batches: list[_Batch]) -> None:
        begun = time.perf_counter()
        self._logs.append([entries for batch in batches for entries in batch.logs])
        if writes := [write for batch in batches for write in batch.writes]:
            self._store.write(writes)
        self.measures.durations.observe(time.perf_counter() - begun)
        self.measures.writes += len(writes)


@dataclass(frozen=True, slots=True)
class _Batch:
    writes: Sequence[Write]
    logs: Sequence[tuple[str, Sequence[LogEntry]]]
    done: asyncio.Future[Any]

    @property
    def size(self) -> int:
        return len(self.writes) + sum(len(entries) for _, entries in self.logs)

    @property
    def result(self) -> None:
        return None


@dataclass(slots=True)
class _Call:
    function: Callable[[], object]
    done: asyncio.Future[Any]
    result: object = None

    @property
    def size(self) -> int:
        """Too much for anything else to go with it."""
        return GROUP + 1


_Entry: TypeAlias = _Batch | _Call


def _closed() -> Unavailable:
    return Unavailable("the journal has been closed")


def _settle(group: list[_Entry], failure: Exception | None) -> None:
    for entry in group:
        if entry.done.done():  # given up
            continue
        if failure is None:
            entry.done.set_result(entry.result)
        else:
            entry.done.set_exception(failure)
