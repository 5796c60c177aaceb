"""Attempts on offer, each executor's best one found without looking at the rest.

Executors that advertise the same code and labels share a *profile*. Each profile has a heap of the attempts that it can
take, by priority and then age; an attempt taken through one heap is skipped when it turns up in the others. Adding one
costs a step per profile (there are as many as there are builds of executors at work), whatever else waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from ppacer.core.model import Attempt
from ppacer.spec import Task

_Rank: TypeAlias = tuple[int, int]
"""Minus the priority, and the order of arrival."""


@dataclass(frozen=True, slots=True)
class Ready:
    """An attempt on offer."""

    attempt: Attempt
    task: Task
    rank: _Rank


@dataclass(slots=True, eq=False)
class Profile:
    """What some executors can take."""

    codes: Mapping[str, str]
    labels: frozenset[str]
    executors: int = 0
    heap: list[tuple[_Rank, str]] = field(default_factory=list)

    def takes(self, ready: Ready) -> bool:
        return self.codes.get(ready.task.callable) == ready.attempt.code and self.labels.issuperset(ready.task.runs_on)


class ReadyQueue:
    def __init__(self) -> None:
        self._ready: dict[str, Ready] = {}
        self._profiles: dict[tuple[frozenset[tuple[str, str]], frozenset[str]], Profile] = {}
        self._arrived = 0

    def __len__(self) -> int:
        return len(self._ready)

    def __iter__(self) -> Iterator[Ready]:
        return iter(self._ready.values())

    @property
    def arrived(self) -> int:
        """How many attempts have ever been put on offer."""
        return self._arrived

    def join(self, codes: Mapping[str, str], labels: frozenset[str]) -> Profile:
        """The profile of one more executor; `leave` when it goes."""
        key = (frozenset(codes.items()), labels)
        profile = self._profiles.get(key)
        if profile is None:
            profile = self._profiles[key] = Profile(dict(codes), labels)
            self._refill(profile)
        profile.executors += 1
        return profile

    def leave(self, profile: Profile) -> None:
        profile.executors -= 1
        if profile.executors == 0:
            del self._profiles[frozenset(profile.codes.items()), profile.labels]

    def add(self, attempt: Attempt, task: Task) -> Ready:
        self._arrived += 1
        ready = self._ready[attempt.id] = Ready(attempt, task, (-task.priority, self._arrived))
        for profile in self._profiles.values():
            if profile.takes(ready):
                heapq.heappush(profile.heap, (ready.rank, attempt.id))
        return ready

    def remove(self, attempt_id: str) -> Ready | None:
        """Takes an attempt off offer, if it is on it."""
        ready = self._ready.pop(attempt_id, None)
        for profile in self._profiles.values():
            if len(profile.heap) > 2 * len(self._ready) + 64:  # mostly leftovers: sweep, at a constant cost per removal
                self._refill(profile)
        return ready

    def best(self, profile: Profile) -> Ready | None:
        """What an executor of this profile should take next; it stays on offer until it is removed."""
        heap = profile.heap
        while heap:
            ready = self._ready.get(heap[0][1])
            if ready is not None:
                return ready
            heapq.heappop(heap)
        return None

    def _refill(self, profile: Profile) -> None:
        profile.heap = [(ready.rank, attempt_id) for attempt_id, ready in self._ready.items() if profile.takes(ready)]
        heapq.heapify(profile.heap)
