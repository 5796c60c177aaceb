"""Being told to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ppacer.own_program import IS_EXECUTABLE

_ECHO_SECONDS = 0.5
"""The loader of an executable passes on what it gets: where a whole group is signalled, that comes twice."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signal() -> Iterator[asyncio.Event]:
    """Set by the first SIGINT or SIGTERM. The second ends the process at once: what was committed is not lost by it."""
    loop = asyncio.get_running_loop()
    caught = asyncio.Event()
    first = 0.0

    def catch() -> None:
        nonlocal first
        if not caught.is_set():
            first = loop.time()
            caught.set()
        elif not IS_EXECUTABLE or loop.time() - first > _ECHO_SECONDS:
            os._exit(128 + signal.SIGINT)

    for number in _SIGNALS:
        loop.add_signal_handler(number, catch)
    try:
        yield caught
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
