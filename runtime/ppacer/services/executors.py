"""The executors that have been heard of lately: what they can take, what they run, what they must stop."""

from __future__ import annotations

from collections.abc import Collection, Set
from dataclasses import dataclass
from typing import Final

from ppacer.core.model import Attempt
from ppacer.protocol import Exchange
from ppacer.services.ready_queue import Profile, ReadyQueue
from ppacer.services.timers import Clock, Timers

REMEMBERED_REQUESTS: Final = 256
"""How many of an executor's latest claims are remembered, to tell a repeated one from a new one."""


@dataclass(slots=True, eq=False)
class Executor:
    """One executor process. `instance` is the name under which its attempts are recorded."""

    name: str
    instance: str
    build: str
    codes: dict[str, str]
    labels: tuple[str, ...]
    capacity: int
    in_program: bool
    profile: Profile
    first_seen_at: int
    last_seen_at: int
    seen: float
    claims: dict[str, None]
    """The ids of its latest requests that claimed, oldest first."""


class Executors:
    """Who is there. An executor is forgotten when nothing was heard of it for `presence` seconds."""

    def __init__(self, ready: ReadyQueue, timers: Timers, clock: Clock, presence: float) -> None:
        self._ready = ready
        self._timers = timers
        self._clock = clock
        self._presence = presence
        self._executors: dict[str, Executor] = {}
        self._running: dict[str, dict[str, None]] = {}
        self._stops: dict[str, dict[str, None]] = {}
        self._untold: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._executors)

    def present(self) -> list[Executor]:
        return list(self._executors.values())

    def heard(self, exchange: Exchange, instance: str, *, in_program: bool) -> Executor:
        """Takes note of an exchange of the executor that is recorded as `instance`."""
        now, seen = self._clock.now(), self._timers.time()
        executor = self._executors.get(instance)
        if executor is None:
            executor = self._executors[instance] = Executor(
                name=exchange.executor,
                instance=instance,
                build=exchange.build,
                codes=exchange.codes,
                labels=exchange.labels,
                capacity=exchange.capacity,
                in_program=in_program,
                profile=self._ready.join(exchange.codes, frozenset(exchange.labels)),
                first_seen_at=now,
                last_seen_at=now,
                seen=seen,
                claims={},
            )
            self._timers.call_in(self._presence, lambda: self._look(executor))
        executor.last_seen_at, executor.seen = now, seen
        executor.capacity = exchange.capacity
        if exchange.codes and (exchange.codes, exchange.labels) != (executor.codes, executor.labels):
            self._ready.leave(executor.profile)
            executor.codes, executor.labels = exchange.codes, exchange.labels
            executor.profile = self._ready.join(exchange.codes, frozenset(exchange.labels))
        return executor

    def profile(self, instance: str) -> Profile | None:
        """What an executor could take when it was last heard of; none if it is not known."""
        executor = self._executors.get(instance)
        return None if executor is None else executor.profile

    def new_claim(self, executor: Executor, request: str) -> bool:
        """Whether the executor's request claims for the first time, as far as is remembered."""
        if request in executor.claims:
            return False
        executor.claims[request] = None
        if len(executor.claims) > REMEMBERED_REQUESTS:
            del executor.claims[next(iter(executor.claims))]
        return True

    def code_seen(self, callable_id: str, code: str) -> float | None:
        """When an executor that has this code was last heard of, on the timers' clock; none if none is present."""
        seen = [executor.seen for executor in self._executors.values() if executor.codes.get(callable_id) == code]
        return max(seen, default=None)

    # --- what they run -----------------------------------------------------------------------------------------------

    def running(self, instance: str) -> Collection[str]:
        """The ids of the attempts that it runs."""
        return self._running.get(instance, {}).keys()

    def started(self, attempt: Attempt) -> None:
        self._running.setdefault(attempt.instance or "", {})[attempt.id] = None

    def ended(self, attempt: Attempt) -> None:
        instance = attempt.instance or ""
        running = self._running[instance]
        del running[attempt.id]
        if not running:
            del self._running[instance]
        stops = self._stops.get(instance)
        if stops is not None:
            stops.pop(attempt.id, None)
            if not stops:
                del self._stops[instance]
                self._untold.pop(instance, None)

    def stop(self, attempt: Attempt) -> None:
        """The executor must stop the attempt; every answer to it says so until the attempt has ended."""
        instance = attempt.instance or ""
        self._stops.setdefault(instance, {})[attempt.id] = None
        self._untold[instance] = None

    def stops(self, instance: str) -> tuple[str, ...]:
        """What an answer to the executor must tell it to stop; counts as told from here on."""
        self._untold.pop(instance, None)
        return tuple(self._stops.get(instance, ()))

    @property
    def untold(self) -> Set[str]:
        """The executors that have something to stop which no answer has told them yet, in the order in which that came
        up."""
        return self._untold.keys()

    def _look(self, executor: Executor) -> None:
        """Forgets an executor that has not been heard of, or looks again when that could be so."""
        silent = self._timers.time() - executor.seen
        if silent < self._presence:
            self._timers.call_in(self._presence - silent, lambda: self._look(executor))
        else:
            del self._executors[executor.instance]
            self._ready.leave(executor.profile)
