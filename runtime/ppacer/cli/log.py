"""The program's own log on standard error: time, level where it is worth a word, message; or an object a line."""

from __future__ import annotations

import json
import logging
import os
import sys
from datetime import UTC, datetime
from logging.handlers import MemoryHandler

from ppacer.cli.console import Console, Style
from ppacer.config import LogFormat
from ppacer.services.notifier import NOTICES


def log_to_stderr(log_format: LogFormat) -> MemoryHandler:
    """What the program tells (`ppacer`), and warnings of everything else.

    It is held back until `release` (or an error), so that what the program says on its start follows its banner.
    """
    console = Console(sys.stderr)
    console.keep_going()
    target = _Calm(console) if log_format is LogFormat.TEXT else _Objects(console)
    handler = MemoryHandler(_HELD_BACK, flushLevel=logging.ERROR, target=target)
    _set_up(handler, logging.INFO)
    return handler


def log_faults(console: Console | None = None) -> None:
    """Only what hinders the program as a whole, on standard error or on the console that shows a run's progress.

    What becomes of runs and tasks is for somebody else to tell.
    """
    if console is None or not console.live:
        console = Console(sys.stderr)
        console.keep_going()
    _set_up(_Calm(console), logging.ERROR)
    logging.getLogger(NOTICES).setLevel(logging.CRITICAL + 1)


def release(handler: MemoryHandler) -> None:
    """Says what was held back, and everything else as it comes."""
    handler.capacity = 0
    handler.flush()


_HELD_BACK = 1000
"""How many records are held back at most."""


def _set_up(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ppacer").setLevel(level)
    logging.getLogger("tornado.general").addFilter(_tells_more)


def _tells_more(record: logging.LogRecord) -> bool:
    """That a certificate is not trusted is told by whoever asked for it; and anybody can fail to shake hands."""
    return not str(record.msg).startswith("SSL Error on")


class _Calm(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._console.line(self.format(record))
        except Exception:  # as every handler of `logging` has it: a bad record must not stop the work
            self.handleError(record)

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        # In a terminal the day is known; a file is read later.
        time = moment.strftime("%H:%M:%S" if self._console.live else "%Y-%m-%d %H:%M:%S")
        text = f"{self._console.style(time, Style.DIM)}  {self._level(record)}{record.getMessage()}"
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        return text

    def _level(self, record: logging.LogRecord) -> str:
        if record.levelno < logging.WARNING:
            return ""
        style = Style.RED if record.levelno >= logging.ERROR else Style.YELLOW
        return self._console.style(f"{record.levelname.lower()}: ", style)


class _Objects(_Calm):
    """One JSON object a line, in which line breaks are escaped: the fields are told in `docs/operations.md`."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, str | int] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "pid": os.getpid(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["traceback"] = logging.Formatter().formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False).encode("utf-8", "replace").decode()
