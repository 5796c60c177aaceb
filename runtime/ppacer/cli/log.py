"""The program's own log on standard error: time, level where it is worth a word, message."""

from __future__ import annotations

import logging
import sys
from datetime import datetime
from logging.handlers import MemoryHandler

from ppacer.cli.console import Console, Style


def log_to_stderr(level: int = logging.INFO) -> MemoryHandler:
    """What the program tells (`ppacer`) from `level` on, and warnings of everything else.

    It is held back until `release` (or an error), so that what the program says on its start follows its banner.
    """
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(_Calm(Console(sys.stderr)))
    handler = MemoryHandler(_HELD_BACK, flushLevel=logging.ERROR, target=stream)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ppacer").setLevel(level)
    return handler


def release(handler: MemoryHandler) -> None:
    """Says what was held back, and everything else as it comes."""
    handler.capacity = 0
    handler.flush()


_HELD_BACK = 1000
"""How many records are held back at most."""


class _Calm(logging.Formatter):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        # In a terminal the day is known; a file is read later.
        time = moment.strftime("%H:%M:%S" if self._console.live else "%Y-%m-%d %H:%M:%S")
        text = f"{self._console.style(time, Style.DIM)}  {self._level(record)}{record.getMessage()}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text

    def _level(self, record: logging.LogRecord) -> str:
        if record.levelno < logging.WARNING:
            return ""
        style = Style.RED if record.levelno >= logging.ERROR else Style.YELLOW
        return self._console.style(f"{record.levelname.lower()}: ", style)
