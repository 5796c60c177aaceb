"""What is followed: things as they come, over connections that are lost and made anew, until an end.

    with client.follow_run(run.id) as events:
        for event in events:
            print(event.kind)

The iteration ends by itself where nothing more can come: `ended` tells that. It ends earlier when `stop` is called, by
whichever thread, and so many `seconds` after the first thing was asked for. A connection that is lost is made anew, and
goes on behind what has come last, so that nothing is missed and nothing comes twice; where nobody has answered for
`patience` seconds, the iteration raises `AwayError`.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from http.client import HTTPResponse
from types import TracebackType
from typing import Protocol, Self, TypeVar

from ppacer.addresses import API, address, dag_address, run_address
from ppacer.client_connection import Connection
from ppacer.client_errors import AwayError, UnavailableError
from ppacer.web.codec import AnswerError, decode
from ppacer.web.dag_messages import BackfillView, DagDetail, DagList, DagView
from ppacer.web.messages import Changes, EventView, LogLine, LogPage, Pulse

PATIENCE = 60.0
"""For how many seconds somebody may be away who is followed."""

_SILENCE = 40.0
"""Seconds after which a connection counts as lost over which nothing has come: something does every 15 s."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_LONG_POLL = 20.0
_TOGETHER = 0.2
"""How long is waited for more, in seconds: changes come in crowds."""

_LEAST = 0.001


class Numbered(Protocol):
    """What has a number, by which it is known what comes behind it."""

    @property
    def seq(self) -> int: ...


_T = TypeVar("_T")
_N = TypeVar("_N", bound=Numbered)


class Following(ABC, Iterator[_T]):
    """Belongs to one thread, but for `stop`; has a connection of its own, which is closed at the end of the iteration
    or of the `with` block."""

    def __init__(self, connection: Connection, *, seconds: float | None, patience: float) -> None:
        self._connection = connection
        self._seconds = seconds
        self._until: float | None = None
        self._patience = patience
        self._stopped = threading.Event()
        self._items = self._all()
        self.ended = False

    def __next__(self) -> _T:
        return next(self._items)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
        self._connection.close()

    def stop(self) -> None:
        """Nothing more comes; whoever waits for it goes on at once. May be called from any thread."""
        self._stopped.set()
        self._connection.interrupt()

    @abstractmethod
    def _come(self) -> Iterator[_T]:
        """What comes, to its end, behind what has come. Raises `AwayError` where a connection is lost; is then called
        again."""

    def _over(self) -> bool:
        return self._stopped.is_set() or (self._until is not None and time.monotonic() >= self._until)

    def _within(self, most: float) -> float:
        """As many seconds, or as many as are left."""
        return most if self._until is None else max(_LEAST, min(most, self._until - time.monotonic()))

    def _all(self) -> Iterator[_T]:
        away_since: float | None = None
        pause = _FIRST_PAUSE
        self._until = None if self._seconds is None else time.monotonic() + self._seconds
        try:
            while not self._over():
                try:
                    for item in self._come():
                        if self._stopped.is_set():
                            return
                        away_since, pause = None, _FIRST_PAUSE
                        yield item
                    self.ended = not self._over()
                except (AwayError, UnavailableError):
                    if self._over():
                        return
                    away_since = time.monotonic() if away_since is None else away_since
                    if time.monotonic() - away_since >= self._patience:
                        raise
                if self.ended:
                    return
                self._stopped.wait(self._within(pause))
                pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            self._connection.close()


# --- events that are sent --------------------------------------------------------------------------------------------


class Stream(Following[_N]):
    """Server-sent events. `last` is the number of what has come last: given to another one, that goes on behind it."""

    def __init__(self, connection: Connection, last: int, *, seconds: float | None, patience: float) -> None:
        super().__init__(connection, seconds=seconds, patience=patience)
        self.last = last

    @abstractmethod
    def _address(self) -> str:
        """Where the events come from, as things stand by now."""

    @abstractmethod
    def _read(self, data: bytes) -> tuple[Iterable[_N], bool]:
        """What an event holds, and whether nothing comes behind it. Raises `AnswerError`."""

    def _come(self) -> Iterator[_N]:
        while not self._over():
            told = False
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(self.last)}
            with self._connection.answer(
                "GET", self._address(), headers=headers, wait=self._within(_SILENCE)
            ) as response:
                if response.status == HTTPStatus.NO_CONTENT:
                    return
                for data in event_data(self._pieces(response)):
                    told = True
                    items, complete = self._taken(data)
                    for item in items:
                        self.last = item.seq
                        yield item
                    if complete:
                        return
            # It was ended by the other side: because there is no more, which it says when it is asked again, or because
            # the program ends.
            if not told and not self._over():
                raise AwayError(f"{self._connection.url} ends what is followed before anything comes")

    def _pieces(self, response: HTTPResponse) -> Iterator[bytes]:
        while not self._over() and (piece := self._connection.coming(response, self._within(_SILENCE))):
            yield piece

    def _taken(self, data: bytes) -> tuple[Iterable[_N], bool]:
        try:
            return self._read(data)
        except AnswerError as error:
            raise AwayError(f"{self._connection.url} is no ppacer program: {error}") from error


class FollowedChanges(Stream[Pulse]):
    """Changes of anything."""

    def _address(self) -> str:
        return f"{API}/stream"

    def _read(self, data: bytes) -> tuple[Iterable[Pulse], bool]:
        return (decode(Pulse, data),), False


class FollowedRun(Stream[EventView]):
    """The events of a run, to its end."""

    def __init__(
        self, connection: Connection, run_id: str, last: int, *, seconds: float | None, patience: float
    ) -> None:
        super().__init__(connection, last, seconds=seconds, patience=patience)
        self._run_id = run_id

    def _address(self) -> str:
        return run_address(self._run_id, "stream")

    def _read(self, data: bytes) -> tuple[Iterable[EventView], bool]:
        return decode(Changes, data).events, False


class FollowedLog(Stream[LogLine]):
    """The log of one attempt, to its end: of the one that was the last one at first, whatever is tried meanwhile."""

    def __init__(
        self,
        connection: Connection,
        path: str,
        query: dict[str, int],
        last: int,
        *,
        seconds: float | None,
        patience: float,
    ) -> None:
        super().__init__(connection, last, seconds=seconds, patience=patience)
        self._path = path
        self._query = query

    def _address(self) -> str:
        return f"{self._path}?{'&'.join(f'{name}={value}' for name, value in self._query.items())}"

    def _read(self, data: bytes) -> tuple[Iterable[LogLine], bool]:
        page = decode(LogPage, data)
        self._query |= {"attempt": page.attempt.number, "epoch": page.attempt.epoch}
        return page.entries, page.complete


def event_data(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The data of each event of a stream that comes in pieces (HTML standard, section 9.2.6): what else is said of an
    event is passed over, and one that is cut off never was."""
    line: list[bytes] = []
    data: list[bytes] = []
    for piece in pieces:
        first, *others = piece.split(b"\n")
        line.append(first)
        for other in others:
            whole = b"".join(line).removesuffix(b"\r")
            line = [other]
            if whole.startswith(b"data:"):
                data.append(whole[5:].removeprefix(b" "))
            elif not whole and data:
                yield b"\n".join(data)
                data = []


# --- what is looked at again -----------------------------------------------------------------------------------------


class Looks(Following[_T]):
    """Something that is looked at whenever anything has changed, and comes when it is other than before."""

    def __init__(self, connection: Connection, *, seconds: float | None, patience: float) -> None:
        super().__init__(connection, seconds=seconds, patience=patience)
        self._pulse = -1
        self._before: _T | None = None

    @abstractmethod
    def _look(self) -> _T | None:
        """How it is now; none if it is as before, as far as that is known."""

    def _complete(self, found: _T) -> bool:  # noqa: ARG002 (what has an end goes by it)
        """Whether it will not change any more: what has no end does."""
        return False

    def _come(self) -> Iterator[_T]:
        while not self._over():
            wait = self._within(_LONG_POLL)
            query = {"since": str(self._pulse), "wait": f"{wait:.3f}"}
            pulse = self._connection.get(Pulse, f"{API}/changes", query, wait=wait)
            found = self._look()
            self._pulse = pulse.seq
            if found is not None and found != self._before:
                self._before = found
                yield found
                if self._complete(found):
                    return
            self._stopped.wait(self._within(_TOGETHER))


class FollowedDag(Looks[DagView]):
    """A dag's entry in the list of dags, as long as there is one."""

    def __init__(self, connection: Connection, dag: str, *, seconds: float | None, patience: float) -> None:
        super().__init__(connection, seconds=seconds, patience=patience)
        self._dag = dag
        self._mark: str | None = None

    def _look(self) -> DagView | None:
        found = self._connection.get(DagList, f"{API}/dags", {"since": self._mark})
        self._mark = found.mark
        entry = next((dag for dag in found.dags if dag.id == self._dag), None)
        if entry is None and found.complete:
            self._connection.get(DagDetail, dag_address(self._dag))  # which is refused, and says what became of it
        return entry


class FollowedBackfill(Looks[BackfillView]):
    """A backfill, to the end of its last run."""

    def __init__(self, connection: Connection, backfill_id: str, *, seconds: float | None, patience: float) -> None:
        super().__init__(connection, seconds=seconds, patience=patience)
        self._path = address("backfills", backfill_id)

    def _look(self) -> BackfillView | None:
        return self._connection.get(BackfillView, self._path)

    def _complete(self, found: BackfillView) -> bool:
        return found.finished_at is not None and not found.active
