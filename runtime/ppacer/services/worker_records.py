"""Records of `logging` on their way out of a worker: as they are, level, logger, message and what `extra` added."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from typing import Protocol

from ppacer.services.worker_frames import Message
from ppacer.services.worker_mask import Mask

_MAX_RECORD = 1024 * 1024
_MAX_ATTRIBUTE = 8192
_MAX_ATTRIBUTES = 65536
_STANDARD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Logged(Protocol):
    """An attempt whose log a record belongs to."""

    @property
    def mask(self) -> Mask: ...

    def tell(self, message: Message) -> None: ...


class Placeholder(logging.NullHandler):
    """Stands on the root logger for the handler to come: a module that is imported before that finds `logging` set up,
    as it would in a worker, and does not set it up itself."""


def prepare_logging() -> None:
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(Placeholder())


def capture_logging(attempt: Callable[[], Logged | None]) -> None:
    """Sends every record to the attempt that `attempt` names at that moment; if none, writes it to stderr."""
    root = logging.getLogger()
    root.addHandler(_Handler(attempt))
    for handler in root.handlers[:]:
        if isinstance(handler, Placeholder):
            root.removeHandler(handler)


class _Handler(logging.Handler):
    def __init__(self, attempt: Callable[[], Logged | None]) -> None:
        super().__init__()
        self._attempt = attempt
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            attempt = self._attempt()
            message = record.getMessage()
            if record.exc_info:
                message += "\n" + self._formatter.formatException(record.exc_info)
            if attempt is None:
                sys.stderr.write(f"{record.levelname} {record.name}: {message}\n")
                return
            attempt.tell(
                {
                    "log": _shortened(attempt.mask.text(message)),
                    "level": record.levelno,
                    "logger": attempt.mask.text(record.name),
                    "at": int(record.created * 1_000_000),
                    "attributes": _attributes(record, attempt.mask),
                }
            )
        except Exception:
            self.handleError(record)


def _shortened(message: str) -> str:
    if len(message) <= _MAX_RECORD:
        return message
    return f"{message[:_MAX_RECORD]}… ({len(message) - _MAX_RECORD} more characters)"


def _attributes(record: logging.LogRecord, mask: Mask) -> str:
    extra = {name: value for name, value in vars(record).items() if name not in _STANDARD_FIELDS}
    if not extra:
        return "{}"
    text = json.dumps({mask.text(name): _attribute(value, mask) for name, value in extra.items()})
    return text if len(text) <= _MAX_ATTRIBUTES else json.dumps({"left out": f"{len(text)} characters of attributes"})


def _attribute(value: object, mask: Mask) -> object:
    """The value where JSON has it as it stands, else its `repr`; secrets hidden."""
    if isinstance(value, str):
        text = value
    elif value is None or isinstance(value, bool | int) or (isinstance(value, float) and value - value == 0):
        return value if repr(value) not in mask.secrets else mask.text(repr(value))
    else:
        text = repr(value)
    text = mask.text(text)
    return text if len(text) <= _MAX_ATTRIBUTE else text[:_MAX_ATTRIBUTE] + "…"
