"""What the scheduler says of itself: values that the API and the command line show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ppacer import spec
from ppacer.core.model import Backfill
from ppacer.store.leader import Leader


class Condition(StrEnum):
    STARTING = "starting"
    READY = "ready"
    STALLED = "stalled"
    """The database does not take writes; the scheduler keeps trying, and reloads from it when it does."""
    STANDBY = "standby"
    """Another program leads the database, or nobody can tell; this one takes over when it can."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Health:
    condition: Condition
    message: str
    """Why it is not ready, for people; empty when it is."""
    epoch: int
    """The leader epoch: how many schedulers have taken the lead of the database, this one included."""
    leader: Leader | None
    active_runs: int
    queued_runs: int
    ready_attempts: int
    running_attempts: int
    executors: int


@dataclass(frozen=True, slots=True)
class DagState:
    """A dag of the program as it stands: runs active and waiting to start, times in microseconds UTC.

    `next_due` is none where nothing is due any more, or where only a worker can tell and has not told yet. A paused
    dag makes no scheduled runs. Nobody is alerted before `silenced_until`. `problem` says why its schedule does not
    work at the moment, for people. `called` is what schedules written in Python call themselves, by their callables, as
    far as they have been asked.
    """

    dag: spec.Dag
    next_due: int | None
    active_runs: int
    queued_runs: int
    paused: bool = False
    silenced_until: int | None = None
    problem: str | None = None
    called: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool of the program: its slots, how many of them attempts hold, how many attempts wait for one."""

    name: str
    slots: int
    used: int
    waiting: int


@dataclass(frozen=True, slots=True)
class BackfillState:
    """A backfill, and how many of the runs that it made are under way (queued ones too), went well, or did not."""

    row: Backfill
    active: int
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """An executor that was heard of within the last lease or two. Times in microseconds UTC; `leased_until` is when the
    first of its leases ends unless it is renewed, none while it runs nothing."""

    name: str
    instance: str
    build: str
    capacity: int
    labels: tuple[str, ...]
    running: int
    leased_until: int | None
    first_seen_at: int
    last_seen_at: int
    in_program: bool
