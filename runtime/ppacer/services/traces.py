"""Sends spans of what has ended, in a thread of its own: the scheduler hands them over and never waits.

There is room for so many spans; where a collector is away for longer than that lasts, the oldest go. Those that have
not been sent when the program is killed are lost: nothing of them is kept on a disk.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from threading import Condition, Thread
from typing import Protocol

from ppacer.core.model import Run, Write
from ppacer.core.spans import Span, ended_spans
from ppacer.core.trace_ids import is_sampled

ROOM = 10_000
"""How many spans wait to be sent at most; with the longest errors they take some 40 MiB."""

BATCH = 500
"""How many spans go at once."""

GATHER_SECONDS = 1.0
"""How long the first span of a batch waits for more."""

_TRIES = 30
"""How often a batch is tried: one that a collector refuses for what is in it must not keep others for ever."""

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_LEAVE_SECONDS = 3.0
"""How long the end of a program waits for the last spans."""

_CUT_OFF_SECONDS = 0.5
"""How long it waits for what is cut off then."""

_log = logging.getLogger("ppacer")


class Exporter(Protocol):
    """Called in one thread alone, but for `close`."""

    def export(self, spans: Sequence[Span]) -> None:
        """Sends them, which may take its time. Raises for those that could not be sent; the text says why."""
        ...

    def close(self) -> None:
        """Ends what is under way, soon."""
        ...


class Traces:
    """`share` of all runs (0 to 1) are traced; `collector` is what the log calls whoever gets the spans."""

    def __init__(
        self, exporter: Exporter, collector: str, share: float, *, room: int = ROOM, gather: float = GATHER_SECONDS
    ) -> None:
        self._exporter = exporter
        self._collector = collector
        self._share = share
        self._gather = gather
        self._waiting: deque[Span] = deque(maxlen=room)
        self._changed = Condition()
        self._closing = False
        self._away = False
        self._lost = 0
        self._thread = Thread(target=self._run, name="traces", daemon=True)
        self._thread.start()

    def ended(self, run: Run, writes: Sequence[Write]) -> None:
        """Takes what has ended with a step's writes, which are durable; `run` is as it is after that step."""
        if not is_sampled(run.id, self._share):
            return
        with self._changed:
            for span in ended_spans(run, writes):
                self._lost += len(self._waiting) == self._waiting.maxlen
                self._waiting.append(span)
            self._changed.notify()

    def close(self) -> None:
        """Sends what is waiting, if that takes no more than a few seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_LEAVE_SECONDS)
        self._exporter.close()
        self._thread.join(_CUT_OFF_SECONDS)
        lost = self._lost + len(self._waiting)
        if lost:
            _log.warning("%s not sent to %s", _counted(lost), self._collector)

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        tries = 0
        while batch := self._next():
            try:
                self._exporter.export(batch)
            except Exception as error:  # whatever a library raises, those that come later are to be sent
                tries += 1
                if self._told_away(error, tries):
                    return
            else:
                tries = 0
                self._sent(batch)
            if tries == _TRIES:
                tries = 0
                self._drop(batch)

    def _next(self) -> list[Span]:
        """What is to be sent next, which goes on waiting until it has been; nothing once there is an end of it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            self._changed.wait_for(lambda: len(self._waiting) >= BATCH or self._closing, self._gather)
            return [self._waiting[at] for at in range(min(BATCH, len(self._waiting)))]

    def _told_away(self, error: Exception, tries: int) -> bool:
        """Says once that the collector is away and pauses; true when the program ends, which tells of all that is left
        itself."""
        with self._changed:
            if self._closing:
                return True
        if not self._away:
            self._away = True
            room = self._waiting.maxlen
            _log.warning(
                "traces cannot be sent to %s: %s; up to %s spans are kept for it", self._collector, error, room
            )
        pause = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** (tries - 1))
        with self._changed:
            return self._changed.wait_for(lambda: self._closing, pause)

    def _sent(self, batch: Sequence[Span]) -> None:
        self._forget(batch)
        if self._away:
            self._away = False
            with self._changed:
                lost, self._lost = self._lost, 0
            _log.info("traces are sent to %s again%s", self._collector, f"; {_counted(lost)} lost" if lost else "")

    def _drop(self, batch: Sequence[Span]) -> None:
        count = self._forget(batch)
        with self._changed:
            self._lost += count

    def _forget(self, batch: Sequence[Span]) -> int:
        """Takes the batch from those that wait, but for what has gone already for want of room; how many that were."""
        with self._changed:
            ids = {id(span) for span in batch}
            count = 0
            while self._waiting and id(self._waiting[0]) in ids:
                self._waiting.popleft()
                count += 1
            return count


def _counted(spans: int) -> str:
    return "1 span was" if spans == 1 else f"{spans} spans were"
