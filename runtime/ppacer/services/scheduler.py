"""The scheduler: the one writer of a program's database, and everything that others may ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ppacer import spec
from ppacer.core.model import Run
from ppacer.protocol import LEASE_SECONDS, Exchange, ExchangeAnswer
from ppacer.services.journal import Journal
from ppacer.services.timers import Clock, SystemClock
from ppacer.store import Store
from ppacer.store.logs import LogStore


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


class Scheduler:
    """One program's scheduler. All methods belong to the event loop that called `start`.

    `lease` is the term of a lease and `code_grace` how long an attempt of another build waits for an executor that has
    its code, both in seconds.
    """

    def __init__(
        self,
        program: spec.Program,
        store: Store,
        logs: LogStore,
        *,
        clock: Clock | None = None,
        lease: float = LEASE_SECONDS,
        code_grace: float = 60.0,
    ) -> None:
        self.program = program
        self.store = store
        self.journal = Journal(store, logs)
        self.clock = clock or SystemClock()

    async def start(self) -> None:
        """Becomes the database's leader, syncs builds and dags with it, restores what was in flight, watches schedules."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Answers open long-polls, commits what is under way, and leaves. The database stays open: the caller's own."""
        raise NotImplementedError

    async def wait_failed(self) -> None:
        """Returns never while all is well; raises `LeaderLost` when another scheduler has taken the database over."""
        raise NotImplementedError

    async def exchange(self, exchange: Exchange) -> ExchangeAnswer:
        """Answers one exchange of a remote executor, after the commit of all that the answer tells.

        Raises `UnsupportedProtocol` and `SchedulerUnavailable`. May be cancelled at any time (a closed connection).
        """
        raise NotImplementedError

    async def exchange_in_program(self, exchange: Exchange) -> ExchangeAnswer:
        """The same for an executor within this very process, whose attempts are known to have died with it."""
        raise NotImplementedError

    async def trigger(
        self,
        dag_id: str,
        *,
        params: Mapping[str, object] | None = None,
        scheduled_at: int | None = None,
        idempotency_key: str | None = None,
        actor: str = "local",
    ) -> Run:
        """Makes a manual run, durable when this returns; `scheduled_at` is its logical time (now by default).

        A key that the dag has seen before is answered with the run it made then. Raises `UnknownDag`,
        `InvalidTrigger`, `SchedulerUnavailable`.
        """
        raise NotImplementedError

    async def cancel_run(self, run_id: str, *, actor: str = "local") -> Run:
        """Asks for the end of a run: at once for what does not run yet, as soon as the executors have stopped the rest.

        Repeating it is harmless. Raises `UnknownRun`, `RunFinished`, `SchedulerUnavailable`.
        """
        raise NotImplementedError

    async def changed(self, since: int, *, wait: float) -> int:
        """The number of the newest committed change of anything, once it is above `since` or `wait` seconds passed.

        Numbers count from 0 at the scheduler's start: a `since` from before a restart is answered at once.
        """
        raise NotImplementedError

    async def run_changed(self, run_id: str, since: int, *, wait: float) -> int:
        """The `seq` of the run's newest committed event, once it is above `since` or `wait` seconds passed."""
        raise NotImplementedError

    async def log_changed(self, attempt_id: str, since: int, *, wait: float) -> int:
        """The `seq` of the attempt's newest log entry, likewise; also returns when the attempt has ended."""
        raise NotImplementedError

    async def dag_of(self, run: Run) -> spec.Dag | None:
        """The dag as the run's own build has it; none when that build cannot be read by this version."""
        raise NotImplementedError

    def dags(self) -> tuple[DagState, ...]:
        """All dags of the program, in its order."""
        raise NotImplementedError

    def dag(self, dag_id: str) -> DagState | None:
        raise NotImplementedError

    def executors(self) -> tuple[ExecutorState, ...]:
        raise NotImplementedError

    def health(self) -> Health:
        raise NotImplementedError
