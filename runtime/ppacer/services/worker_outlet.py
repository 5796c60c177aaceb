"""What tasks say of themselves by `TaskContext`, on its way out of a worker: progress, notices, that they are alive."""

from __future__ import annotations

import logging
import os
import threading
import time

from ppacer.services.worker_records import Logged

MAX_NOTICES = 100
"""How many notices one attempt may send; a loop that sends more is a mistake."""

MAX_NOTICE = 16 * 1024
MAX_MESSAGE = 1000
"""The longest notice, and the longest message beside progress, in characters; longer ones are cut."""

_RATE = 100
"""How often progress leaves the worker in a second, and at once if it has not for as long; the executor passes on the
newest. What goes beyond is held back until the task says more, or ends."""

_HEARTBEAT_SECONDS = 5.0


class AttemptOutlet:
    """The outlet of one attempt."""

    def __init__(self, attempt: Logged) -> None:
        self._attempt = attempt
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._progress: tuple[float | None, str] = (None, "")
        self._room = float(_RATE)
        self._room_at = self._told_at = time.monotonic()
        self._told = False
        self._held_back = False
        self._notices = 0

    def progress(self, fraction: float | None, message: str) -> None:
        with self._lock:
            self._progress = (fraction, message)
            now = time.monotonic()
            self._room = min(_RATE, self._room + (now - self._room_at) * _RATE)
            self._room_at = now
            self._held_back = self._room < 1
            if not self._held_back:
                self._room -= 1
                self._tell()

    def alive(self) -> None:
        with self._lock:
            if self._held_back or not self._told or time.monotonic() >= self._told_at + _HEARTBEAT_SECONDS:
                self._tell()

    def notice(self, message: str, subject: str, notifier: str | None) -> None:
        with self._lock:
            self._notices += 1
            number = self._notices
        if number > MAX_NOTICES:
            if number == MAX_NOTICES + 1:
                _log.warning("this attempt has sent %d notices: no more are passed on", MAX_NOTICES)
            return
        mask = self._attempt.mask
        self._send(
            {
                "notice": _cut(mask.text(message), MAX_NOTICE),
                "subject": _cut(mask.text(subject), MAX_MESSAGE),
                "to": notifier,
            }
        )

    def end(self) -> None:
        """The task is over: says what was held back."""
        with self._lock:
            if self._held_back:
                self._tell()

    def _tell(self) -> None:
        fraction, message = self._progress
        self._held_back = False
        self._told = True
        self._told_at = time.monotonic()
        text = _cut(self._attempt.mask.text(message), MAX_MESSAGE)
        self._send({"progress": fraction, "message": text, "at": time.time_ns() // 1000})

    def _send(self, message: dict[str, object]) -> None:
        if os.getpid() == self._owner:  # the channel is not for a process that the task forked
            self._attempt.tell(message)


_log = logging.getLogger("task")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
