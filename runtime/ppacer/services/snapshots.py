"""What the scheduler says of itself: values that the API and the command line show."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ppacer import spec


class Condition(StrEnum):
    STARTING = "starting"
    READY = "ready"
    STALLED = "stalled"
    """The database does not take writes; the scheduler keeps trying, and reloads from it when it does."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Health:
    condition: Condition
    message: str
    """Why it is not ready, for people; empty when it is."""
    leader: int
    active_runs: int
    queued_runs: int
    ready_attempts: int
    running_attempts: int
    executors: int


@dataclass(frozen=True, slots=True)
class DagState:
    """A dag of the program as it stands: `next_due` in microseconds UTC or none, runs active and waiting to start."""

    dag: spec.Dag
    next_due: int | None
    active_runs: int
    queued_runs: int


@dataclass(frozen=True, slots=True)
class ExecutorState:
    """An executor that was heard of within the last lease or two. Times in microseconds UTC."""

    name: str
    instance: str
    build: str
    capacity: int
    labels: tuple[str, ...]
    running: int
    first_seen_at: int
    last_seen_at: int
    in_program: bool
