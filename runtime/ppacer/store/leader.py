"""Who leads: told to people by `/health`, `db status` and a second scheduler that must wait."""

from __future__ import annotations

import os
import time

from ppacer.records import dataclass


@dataclass(frozen=True, slots=True)
class Leader:
    """A scheduler that takes the lead: its host and process id, when (microseconds UTC), where it answers if it does.

    `epoch` says which one it is, counted from 1; 0 before it has it.
    """

    host: str
    pid: int
    since: int
    url: str | None = None
    epoch: int = 0


def this_process(url: str | None = None) -> Leader:
    """This process, which takes the lead now."""
    return Leader(os.uname().nodename, os.getpid(), time.time_ns() // 1000, url)


def leader_columns(leader: Leader | None) -> dict[str, str | int | None]:
    """The columns of `ppacer_meta` that name the leader."""
    return {
        "leader_host": None if leader is None else leader.host,
        "leader_pid": None if leader is None else leader.pid,
        "leader_since": None if leader is None else leader.since,
        "leader_url": None if leader is None else leader.url,
    }
