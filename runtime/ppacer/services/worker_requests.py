"""What the scheduler itself asks of workers: functions of the runtime that call what the program's author wrote.

In an assignment they stand where else a callable of the program stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

DUE_TIMES = "ppacer.schedules:due_times"
DELIVER = "ppacer.services.worker_deliver:deliver"
PING = "ppacer.services.worker_deliver:ping"

_REQUESTS = frozenset({DUE_TIMES, DELIVER, PING})


def request(name: str, callables: Mapping[str, Callable[[], object]]) -> Callable[[], object] | None:
    """What loads the function of that name, which is given the program's callables as its first argument; or none."""
    if name not in _REQUESTS:
        return None
    module, _, function = name.partition(":")
    return lambda: partial(getattr(import_module(module), function), callables)
