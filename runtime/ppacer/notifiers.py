"""The built-in notifiers `log` and `apprise`, and what every notifier is given.

A notifier of a program is `log()`, `apprise(url, …)` or a Python callable. It is called with a `Message`, or with that
one's text where its first parameter is annotated `str`; the arguments of its declaration follow. Of a class an object
is made, from those arguments, and that is called with the message. A notifier that raises is tried again later.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from urllib.parse import unquote

_log = logging.getLogger("ppacer.notices")
_WARNINGS = frozenset({"retry", "late"})
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What people are to be told. `subject` is one line, `text` says all of it again and more.

    `event` is `failure`, `retry`, `success`, `late` or, for what a task itself wants to tell, `message`. `task` is the
    task's id as people know it (`raw["eu"]`, `check[0]`), none where it is about the run as a whole; `attempt` counts
    from 1, and is 0 where it is about no attempt. `error` is the line of the error that says the most. `scheduled_at`
    is the run's planned time, aware, in the dag's zone. `page` is the address of the run's page, where one is known.
    """

    subject: str
    text: str
    event: str
    dag: str
    run: str
    scheduled_at: datetime
    task: str | None = None
    attempt: int = 0
    error: str | None = None
    page: str | None = None


class NotifierError(Exception):
    """A notifier that could not tell what it was given; the text says why, without any of its secrets."""


def log(message: Message) -> None:
    """Tells it in the log of the scheduler."""
    level = logging.ERROR if message.event == "failure" else logging.INFO
    if message.event in _WARNINGS:
        level = logging.WARNING
    _log.log(level, "alert: %s: %s", message.subject, message.text.partition("\n\n")[0])


def apprise(message: Message, url: str, *more_urls: str) -> None:
    """Sends it to all the addresses, of any kind that apprise knows: `slack://…`, `mailto://…`, `json://…`.

    Raises `NotifierError`; those that got it then get it once more when it is tried again.
    """
    try:
        from apprise import Apprise, NotifyType  # noqa: PLC0415 (an extra, and only workers need it)
    except ImportError:
        raise NotifierError("the notifier apprise needs a package: pip install 'ppacer[notify]'") from None
    kinds = {"failure": NotifyType.FAILURE, "success": NotifyType.SUCCESS, "message": NotifyType.INFO}
    urls = (url, *more_urls)
    with _Heard() as heard:
        sender = Apprise()
        for address in urls:
            if not sender.add(address):
                raise NotifierError(f"apprise does not know what this address means: {_kind(address)}")
        notify_type = kinds.get(message.event, NotifyType.WARNING)
        if not sender.notify(body=message.text, title=message.subject, notify_type=notify_type):
            raise NotifierError(f"apprise could not send it: {_masked(heard.warnings, urls)}")


class _Heard(logging.Handler):
    """Keeps what apprise warns of, which may hold its addresses and so passwords, from every log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.warnings: list[str] = []
        self._logger = logging.getLogger("apprise")

    def __enter__(self) -> Self:
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        self.warnings.append(record.getMessage())


def _kind(address: str) -> str:
    scheme, separator, _ = address.partition("://")
    return f"{scheme}://…" if separator else "it begins with no such thing as `mailto://`"


def _masked(warnings: list[str], addresses: tuple[str, ...]) -> str:
    """The warnings without anything of the addresses but their kinds."""
    text = "; ".join(warnings) or "it does not say why"
    for address in addresses:
        _, _, rest = address.partition("://")
        pieces = re.split(r"[/:@?&=,;#\s]+", rest)
        for piece in sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True):
            if len(piece) >= _SHORTEST_SECRET:
                text = text.replace(piece, "***")
    return text
