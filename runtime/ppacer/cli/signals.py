"""Being told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signal() -> Iterator[asyncio.Event]:
    """Set by the first SIGINT or SIGTERM. The second ends the process at once: what was committed is not lost by it."""
    loop = asyncio.get_running_loop()
    caught = asyncio.Event()

    def catch() -> None:
        if caught.is_set():
            os._exit(128 + signal.SIGINT)
        caught.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, catch)
    try:
        yield caught
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
