"""What the handlers share: the program, its scheduler and store, and who may ask."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from ppacer import spec
from ppacer.services.login_limits import LoginLimits
from ppacer.services.scheduler import Scheduler
from ppacer.store import Store
from ppacer.store.logs import LogStore
from ppacer.web.dag_list import DagListing
from ppacer.web.replays import Replays
from ppacer.web.security import Access


@dataclass(frozen=True, slots=True)
class Site:
    """`instance` is a UUID made at the program's start, by which a client knows that it was restarted."""

    program: spec.Program
    scheduler: Scheduler
    store: Store
    logs: LogStore
    access: Access
    instance: str
    dag_list: DagListing = field(default_factory=DagListing)
    logins: LoginLimits = field(default_factory=lambda: LoginLimits(time.monotonic))
    replays: Replays = field(default_factory=lambda: Replays(time.monotonic))
    copying: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a copy of the database is made."""
