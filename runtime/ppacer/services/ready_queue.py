"""Attempts on offer, each executor's best one found without looking at the rest.

Executors that advertise the same code and labels share a *profile*, which holds the attempts that it can take; one that
was taken through another profile is skipped when it turns up.

A *gate* is a limit that attempts share: the slots of a pool, the `max_active_tasks` of a dag. A slot of each of an
attempt's gates is taken when it is claimed, not while it waits, so what no executor takes keeps nobody out.

Within a profile, attempts with the same gates stand in one *lane*: what holds for one of them holds for all. A profile
has a heap of its lanes by their best attempts. A lane that comes to the top while one of its gates is full is parked at
that gate, in a heap of such lanes; when the gate has room again, it stands in the profile's heap in their place, by the
best of them, and gives them back one by one as it comes to the top. Everything that happens costs some steps in heaps
per profile (there are as many as there are kinds of executors at work), however many attempts, dags or pools wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import TypeAlias

from ppacer.core.model import Attempt
from ppacer.spec import Task

_Rank: TypeAlias = tuple[int, int]
"""Minus the priority, and the order of arrival: the least is the best."""


class GateKind(StrEnum):
    POOL = "pool"
    DAG = "dag"


@dataclass(slots=True, eq=False)
class Gate:
    """At most `limit` attempts run through it at once; `used` do (more, if they ran before the limit was set).

    `waiting` counts the attempts on offer that will need a slot.
    """

    kind: GateKind
    name: str
    limit: int
    used: int = 0
    waiting: int = 0

    @property
    def full(self) -> bool:
        return self.used >= self.limit


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """An attempt on offer."""

    attempt: Attempt
    task: Task
    rank: _Rank
    gates: tuple[Gate, ...] = ()


class ReadyQueue:
    def __init__(self) -> None:
        self._ready: dict[str, Ready] = {}
        self._profiles: dict[tuple[frozenset[tuple[str, str]], frozenset[str]], Profile] = {}
        self._gates: dict[tuple[GateKind, str], Gate] = {}
        self._held: dict[str, tuple[Gate, ...]] = {}
        self._arrived = 0

    def __len__(self) -> int:
        return len(self._ready)

    def __iter__(self) -> Iterator[Ready]:
        return iter(self._ready.values())

    @property
    def arrived(self) -> int:
        """Grows whenever there may be something to hand out that was not there before."""
        return self._arrived

    # --- gates -------------------------------------------------------------------------------------------------------

    def gate(self, kind: GateKind, name: str, limit: int) -> Gate:
        """The gate of that name, made with this limit if there is none yet."""
        gate = self._gates.get((kind, name))
        if gate is None:
            gate = self._gates[kind, name] = Gate(kind, name, limit)
        return gate

    def gates(self) -> list[Gate]:
        """All gates that have been asked for, as they stand."""
        return list(self._gates.values())

    def set_limit(self, gate: Gate, limit: int) -> None:
        """What runs already goes on, even beyond the new limit."""
        was_full, gate.limit = gate.full, limit
        if was_full:
            self._let_through(gate)

    def occupy(self, attempt_id: str, gates: tuple[Gate, ...]) -> None:
        """Counts an attempt that runs already, even beyond the limits."""
        for gate in gates:
            gate.used += 1
        if gates:
            self._held[attempt_id] = gates

    def release(self, attempt_id: str) -> None:
        """Gives back the slots of an attempt that no longer runs; nothing happens if it has none."""
        for gate in self._held.pop(attempt_id, ()):
            was_full = gate.full
            gate.used -= 1
            if was_full:
                self._let_through(gate)

    def _let_through(self, gate: Gate) -> None:
        if not gate.full:
            self._arrived += 1
            for profile in self._profiles.values():
                profile.let_through(gate)

    # --- who can take something --------------------------------------------------------------------------------------

    def join(self, codes: Mapping[str, str], labels: frozenset[str]) -> Profile:
        """The profile of one more executor; `leave` when it goes."""
        key = (frozenset(codes.items()), labels)
        profile = self._profiles.get(key)
        if profile is None:
            profile = self._profiles[key] = Profile(dict(codes), labels)
            profile.fill(self._ready.values())
        profile.executors += 1
        return profile

    def leave(self, profile: Profile) -> None:
        profile.executors -= 1
        if profile.executors == 0:
            del self._profiles[frozenset(profile.codes.items()), profile.labels]

    # --- what is on offer --------------------------------------------------------------------------------------------

    def add(self, attempt: Attempt, task: Task, gates: tuple[Gate, ...] = ()) -> Ready:
        """Puts an attempt on offer, which is not on it yet."""
        self._arrived += 1
        ready = self._ready[attempt.id] = Ready(attempt, task, (-task.priority, self._arrived), gates)
        for gate in gates:
            gate.waiting += 1
        for profile in self._profiles.values():
            if profile.takes(ready):
                profile.add(ready)
        return ready

    def best(self, profile: Profile) -> Ready | None:
        """What an executor of this profile should take next; it stays on offer until it is claimed or removed."""
        return profile.best(self._ready)

    def claim(self, attempt_id: str) -> Ready | None:
        """Takes an attempt off offer, if it is on it, and a slot of each of its gates for it."""
        ready = self.remove(attempt_id)
        if ready is not None:
            self.occupy(attempt_id, ready.gates)
        return ready

    def remove(self, attempt_id: str) -> Ready | None:
        """Takes an attempt off offer, if it is on it."""
        ready = self._ready.pop(attempt_id, None)
        if ready is None:
            return None
        for gate in ready.gates:
            gate.waiting -= 1
        for profile in self._profiles.values():
            if profile.size > 4 * len(self._ready) + 64:  # mostly leftovers: sweep, at a constant cost per removal
                profile.fill(self._ready.values())
        return ready


@dataclass(slots=True, eq=False)
class _Lane:
    """The attempts of a profile that have the same gates, as a heap by rank.

    Where the lane stands, it stands by `key`: in the heap of its profile, or in that of a gate.
    """

    gates: tuple[Gate, ...]
    heap: list[tuple[_Rank, Ready]] = field(default_factory=list)
    key: _Rank | None = None


@dataclass(slots=True, eq=False)
class _Parking:
    """The lanes of a profile that are parked at a gate; by `key` it stands in the heap of the profile, if it does."""

    gate: Gate
    heap: list[tuple[_Rank, int, _Lane]] = field(default_factory=list)
    key: _Rank | None = None


class Profile:
    """What some executors can take. Entries of heaps by another key than that of what they name are leftovers."""

    def __init__(self, codes: Mapping[str, str], labels: frozenset[str]) -> None:
        self.codes = codes
        self.labels = labels
        self.executors = 0
        self._count = count()  # tells entries of the same rank apart
        self.fill(())

    def takes(self, ready: Ready) -> bool:
        return self.codes.get(ready.task.callable) == ready.attempt.code and self.labels.issuperset(ready.task.runs_on)

    def fill(self, offers: Iterable[Ready]) -> None:
        """Begins anew, with those of the attempts that it can take."""
        self._heap: list[tuple[_Rank, int, _Lane | _Parking]] = []
        self._lanes: dict[tuple[Gate, ...], _Lane] = {}
        self._parked: dict[Gate, _Parking] = {}
        self.size = 0
        """The number of entries in all heaps, leftovers included."""
        for ready in offers:
            if self.takes(ready):
                self.add(ready)

    def add(self, ready: Ready) -> None:
        """Takes in an attempt that it can take."""
        lane = self._lanes.get(ready.gates)
        if lane is None:
            lane = self._lanes[ready.gates] = _Lane(ready.gates)
        heapq.heappush(lane.heap, (ready.rank, ready))
        self.size += 1
        if lane.key is None or ready.rank < lane.key:
            self._stand(lane, ready.rank)

    def best(self, offers: Mapping[str, Ready]) -> Ready | None:
        """The best of the offers that it can take and that no full gate keeps back."""
        while self._heap:
            key, _, standing = self._heap[0]
            if isinstance(standing, _Parking):
                self._pop()
                if standing.key == key:
                    standing.key = None
                    if not standing.gate.full:
                        self._give_back(standing)
                continue
            if standing.key != key:
                self._pop()
                continue
            ready = self._first(standing, offers)
            full = next((gate for gate in standing.gates if gate.full), None)
            if ready is not None and full is None and ready.rank == key:
                return ready
            self._pop()
            if ready is None:
                del self._lanes[standing.gates]
                standing.key = None
            elif full is None:
                self._stand(standing, ready.rank)
            else:
                self._park(standing, ready.rank, full)
        return None

    def let_through(self, gate: Gate) -> None:
        """The gate has room: it stands for what is parked there."""
        parking = self._parked.get(gate)
        if parking is not None:
            self._stand_for_parked(parking)

    def _first(self, lane: _Lane, offers: Mapping[str, Ready]) -> Ready | None:
        heap = lane.heap
        while heap:
            ready = heap[0][1]
            if offers.get(ready.attempt.id) is ready:
                return ready
            heapq.heappop(heap)
            self.size -= 1
        return None

    def _stand(self, standing: _Lane | _Parking, key: _Rank) -> None:
        standing.key = key
        heapq.heappush(self._heap, (key, next(self._count), standing))
        self.size += 1

    def _pop(self) -> None:
        heapq.heappop(self._heap)
        self.size -= 1

    def _park(self, lane: _Lane, key: _Rank, gate: Gate) -> None:
        parking = self._parked.get(gate)
        if parking is None:
            parking = self._parked[gate] = _Parking(gate)
        lane.key = key
        heapq.heappush(parking.heap, (key, next(self._count), lane))
        self.size += 1

    def _give_back(self, parking: _Parking) -> None:
        """Gives the best of the parked lanes back, and stands for the rest."""
        lane = self._first_parked(parking)
        if lane is not None and lane.key is not None:
            heapq.heappop(parking.heap)
            self.size -= 1
            self._stand(lane, lane.key)
        self._stand_for_parked(parking)

    def _stand_for_parked(self, parking: _Parking) -> None:
        lane = self._first_parked(parking)
        if lane is not None and lane.key is not None and (parking.key is None or lane.key < parking.key):
            self._stand(parking, lane.key)

    def _first_parked(self, parking: _Parking) -> _Lane | None:
        heap = parking.heap
        while heap:
            key, _, lane = heap[0]
            if lane.key == key:
                return lane
            heapq.heappop(heap)
            self.size -= 1
        return None
