"""The log of one attempt on its way from the worker's pipes to the scheduler."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from ppacer.protocol import LogEntry
from ppacer.services.worker_mask import Mask

LINE_LIMIT = 16 * 1024
"""Longer lines and messages are split, in bytes of UTF-8 (messages: in characters)."""

LOG_LIMIT = 16 * 1024 * 1024
"""How much of an attempt's log is kept from its beginning, in bytes; of the rest only the end."""

TAIL_LIMIT = 256 * 1024

PENDING_LIMIT = 1024 * 1024
"""While so many bytes wait to be delivered, the worker's pipes are not read: the task waits in its `print`."""

PART_ENTRIES = 1 << 20
"""More than the entries of one part: what is kept of its log has no room for so many."""

INFO = 20
ERROR = 40


class AttemptOutput:
    """Collects what an attempt writes, as numbered entries, until `take` hands them over.

    Numbers begin above `PART_ENTRIES` times the number of its `part`: those of an attempt that was deferred go on from
    part to part, wherever each is run. `on_entries` is called after entries have been added, with nothing; `clock`
    gives microseconds since the epoch. `mask` hides secrets in what comes through `write`; records come with theirs
    hidden.
    """

    def __init__(
        self, on_entries: Callable[[], object], clock: Callable[[], int] | None = None, *, part: int = 0
    ) -> None:
        self._on_entries = on_entries
        self._clock = clock or _now
        self.mask = Mask()
        self._partial: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._hidden = {"stdout": 0, "stderr": 0}
        self._pending: deque[LogEntry] = deque()
        self.pending_bytes = 0
        self._seq = part * PART_ENTRIES
        self._kept = 0
        self._tail: deque[LogEntry] = deque()
        self._tail_bytes = 0
        self._dropped = 0

    def write(self, stream: str, data: bytes) -> None:
        """Takes bytes that came out of `stdout` or `stderr`."""
        partial = self._partial[stream]
        partial += data
        # So much of a long line is kept back, as it may be the beginning of a secret.
        kept_back = max(0, self.mask.longest - 1)
        if b"\n" not in data and len(partial) < LINE_LIMIT + kept_back:
            return
        at = self._clock()
        start = 0
        while (end := partial.find(b"\n", start)) >= 0:
            self._line(stream, partial[start:end].removesuffix(b"\r"), at)
            start = end + 1
        del partial[:start]
        while len(partial) >= LINE_LIMIT + kept_back:
            end = _cut(partial)
            self._add(_entry(at, stream, INFO, _text(self._masked(stream, partial[: end + kept_back], end))))
            del partial[:end]
        self._on_entries()

    def record(self, level: int, logger: str, message: str, attributes: str, at: int) -> None:
        """Takes a record of `logging`."""
        message = clean(message)
        for start in range(0, max(1, len(message)), LINE_LIMIT):
            part = message[start : start + LINE_LIMIT]
            self._add(LogEntry(0, at, "logging", level, part, clean(logger), attributes if start == 0 else "{}"))
        self._on_entries()

    def system(self, level: int, message: str) -> None:
        """Adds what the executor itself has to say, after all that the attempt has written so far."""
        self.flush()
        self._add(_entry(self._clock(), "system", level, clean(message)))
        self._on_entries()

    def flush(self) -> None:
        """Ends unfinished lines, and the log's dropped part if there is one: the attempt writes no more."""
        for stream, partial in self._partial.items():
            if partial:
                self._line(stream, partial, self._clock())
                self._partial[stream] = bytearray()
        if self._tail:
            tail, self._tail, self._tail_bytes, self._kept = self._tail, deque(), 0, 0
            if self._dropped:
                text = f"{self._dropped} characters are left out here: the log is longer than {LOG_LIMIT} bytes"
                self._append(_entry(tail[0].at, "system", INFO, text))
                self._dropped = 0
            for entry in tail:
                self._append(entry)
        self._on_entries()

    def take(self, limit: int) -> tuple[LogEntry, ...]:
        """Hands over the oldest entries, at least one if there is any, at most about `limit` bytes of them."""
        taken: list[LogEntry] = []
        size = 0
        while self._pending and (not taken or size + _size(self._pending[0]) <= limit):
            entry = self._pending.popleft()
            size += _size(entry)
            taken.append(entry)
        self.pending_bytes -= size
        return tuple(taken)

    def _line(self, stream: str, line: bytes | bytearray, at: int) -> None:
        rest = bytearray(self._masked(stream, line, len(line)))
        self._hidden[stream] = 0
        while len(rest) > LINE_LIMIT:
            end = _cut(rest)
            self._add(_entry(at, stream, INFO, _text(rest[:end])))
            del rest[:end]
        self._add(_entry(at, stream, INFO, _text(rest)))

    def _masked(self, stream: str, data: bytes | bytearray, end: int) -> bytes:
        masked, self._hidden[stream] = self.mask.cut(data, self._hidden[stream], end)
        return masked

    def _add(self, entry: LogEntry) -> None:
        """Adds an entry, or keeps it for the log's end once the log is full."""
        if self._kept < LOG_LIMIT:
            self._append(entry)
            return
        self._tail.append(entry)
        self._tail_bytes += _size(entry)
        while self._tail_bytes > TAIL_LIMIT:
            left_out = self._tail.popleft()
            self._tail_bytes -= _size(left_out)
            self._dropped += len(left_out.message)

    def _append(self, entry: LogEntry) -> None:
        self._seq += 1
        self._pending.append(replace(entry, seq=self._seq))
        size = _size(entry)
        self._kept += size
        self.pending_bytes += size


def _entry(at: int, stream: str, level: int, message: str) -> LogEntry:
    """An entry that has no number yet."""
    return LogEntry(0, at, stream, level, message)


def _size(entry: LogEntry) -> int:
    """About what an entry takes on the wire."""
    return len(entry.message) + len(entry.attributes) + len(entry.logger) + 64


def _cut(data: bytearray) -> int:
    """Where to split an over-long line: not within a character."""
    end = LINE_LIMIT
    while end > LINE_LIMIT - 4 and end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    return end


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def clean(text: str) -> str:
    """Text that every database and the protocol can hold: no lone surrogates, no NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _now() -> int:
    return time.time_ns() // 1000
