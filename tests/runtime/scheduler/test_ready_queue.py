"""The ready queue against a naive one, which looks through a list; and what an event costs."""

from __future__ import annotations

import random
from functools import partial
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ppacer import spec
from ppacer.core.model import Attempt, AttemptStatus
from ppacer.services.ready_queue import Gate, GateKind, Profile, Ready, ReadyQueue
from tests.runtime.counting import calls

CODES = ({"m:f": "c1"}, {"m:f": "c1", "m:g": "c2"}, {"m:f": "c2"})
GATES = ((GateKind.POOL, "p"), (GateKind.POOL, "q"), (GateKind.DAG, "d"))
OFFERS = st.tuples(
    st.sampled_from(["", "", "", "b1", "b2"]),
    st.integers(-2, 3),
    st.sampled_from([(), (), (), ("gpu",)]),
    st.sampled_from([("m:f", "c1"), ("m:f", "c1"), ("m:f", "c1"), ("m:g", "c2"), ("m:f", "c2")]),
)


def attempt(id: str, code: str = "c1") -> Attempt:
    return Attempt(id, "run", 1, "t", 0, 1, AttemptStatus.QUEUED, 0, code=code)


def task(priority: int = 0, runs_on: tuple[str, ...] = (), callable: str = "m:f") -> spec.Task:
    return spec.Task("t", callable, spec.At(1, 1), priority=priority, runs_on=runs_on)


class Naive:
    """What is on offer in the order of its arrival, and who holds which slots."""

    def __init__(self) -> None:
        self.waiting: dict[str, Ready] = {}
        self.held: dict[str, tuple[Gate, ...]] = {}
        self.limits: dict[Gate, int] = {}

    def used(self, gate: Gate) -> int:
        return sum(gate in gates for gates in self.held.values())

    def best(self, profile: Profile) -> Ready | None:
        fits = [
            ready
            for ready in self.waiting.values()
            if profile.codes.get(ready.task.callable) == ready.attempt.code
            and set(ready.task.runs_on) <= profile.labels
            and all(self.used(gate) < self.limits[gate] for gate in ready.gates)
        ]
        return max(fits, key=lambda ready: ready.task.priority, default=None)


class ReadyQueueMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.queue = ReadyQueue()
        self.naive = Naive()
        self.profiles: list[Profile] = []
        self.names = count(1)
        for kind, name in GATES:
            gate = self.queue.gate(kind, name, 1)
            assert self.queue.gate(kind, name, 7) is gate
            self.naive.limits[gate] = 1
        for labels in ((), ("gpu",)):
            self.join(CODES[0], labels)

    def gates(self, data: st.DataObject) -> tuple[Gate, ...]:
        pool, dag = (
            data.draw(st.none() | st.sampled_from([gate for gate in self.queue.gates() if gate.kind is kind]))
            for kind in GateKind
        )
        return tuple(gate for gate in (pool, dag) if gate is not None)

    @rule(data=st.data(), offers=st.lists(OFFERS, min_size=1, max_size=6))
    def offer(self, data, offers) -> None:
        """Of new attempts, or of such as were on offer before."""
        for known, priority, runs_on, (function, code) in offers:
            name = known or f"a{next(self.names)}"
            if name not in self.naive.waiting and name not in self.naive.held:
                made = task(priority, runs_on, function)
                self.naive.waiting[name] = self.queue.add(attempt(name, code), made, self.gates(data))

    @rule(codes=st.sampled_from(CODES), labels=st.sampled_from([(), ("gpu",)]))
    def join(self, codes, labels) -> None:
        self.profiles.append(self.queue.join(codes, frozenset(labels)))

    @precondition(lambda self: self.profiles)
    @rule(data=st.data())
    def leave(self, data) -> None:
        self.queue.leave(self.profiles.pop(data.draw(st.integers(0, len(self.profiles) - 1))))

    @precondition(lambda self: self.profiles)
    @rule(data=st.data(), most=st.integers(1, 4))
    def claim(self, data, most) -> None:
        """An executor takes what it can get."""
        profile = data.draw(st.sampled_from(self.profiles))
        for _ in range(most):
            best = self.queue.best(profile)
            assert best is self.naive.best(profile)
            if best is None:
                break
            assert self.queue.claim(best.attempt.id) is best
            assert self.queue.claim(best.attempt.id) is None
            self.naive.held[best.attempt.id] = self.naive.waiting.pop(best.attempt.id).gates

    @precondition(lambda self: self.naive.waiting)
    @rule(data=st.data(), first=st.booleans())
    def withdraw(self, data, first) -> None:
        """Anyone, or one that is next."""
        name = data.draw(st.sampled_from(sorted(self.naive.waiting)))
        if first and self.profiles and (best := self.naive.best(data.draw(st.sampled_from(self.profiles)))) is not None:
            name = best.attempt.id
        assert self.queue.remove(name) is self.naive.waiting.pop(name)
        assert self.queue.remove(name) is None

    @precondition(lambda self: self.naive.held)
    @rule(data=st.data())
    def end(self, data) -> None:
        name = data.draw(st.sampled_from(sorted(self.naive.held)))
        self.queue.release(name)
        self.queue.release(name)
        del self.naive.held[name]

    @rule(data=st.data())
    def restore(self, data) -> None:
        name = f"a{next(self.names)}"
        gates = self.gates(data)
        self.queue.occupy(name, gates)
        self.naive.held[name] = gates

    @rule(data=st.data(), limit=st.integers(0, 4))
    def set_limit(self, data, limit) -> None:
        gate = data.draw(st.sampled_from(self.queue.gates()))
        self.queue.set_limit(gate, limit)
        self.naive.limits[gate] = limit

    @rule()
    def look(self) -> None:
        """Every profile is shown the best that it can take; rarely, for to look tidies up."""
        for profile in self.profiles:
            assert self.queue.best(profile) is self.naive.best(profile)

    @invariant()
    def gates_count_what_runs_and_what_waits(self) -> None:
        assert list(self.queue) == list(self.naive.waiting.values())
        for gate in self.queue.gates():
            assert gate.limit == self.naive.limits[gate]
            assert gate.used == self.naive.used(gate)
            assert gate.waiting == sum(gate in ready.gates for ready in self.naive.waiting.values())

    def teardown(self) -> None:
        """Every slot comes back, and everything that anybody can take is taken."""
        for name in list(self.naive.held):
            self.queue.release(name)
        self.naive.held.clear()
        for gate in self.queue.gates():
            assert gate.used == 0
            self.queue.set_limit(gate, 1)
            self.naive.limits[gate] = 1
        for profile in self.profiles:
            while (best := self.queue.best(profile)) is not None:
                self.queue.claim(best.attempt.id)
                self.queue.release(best.attempt.id)
                del self.naive.waiting[best.attempt.id]
            assert self.naive.best(profile) is None


TestReadyQueue = ReadyQueueMachine.TestCase
TestReadyQueue.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


# --- rows that a search might miss -----------------------------------------------------------------------------------


@pytest.fixture
def queue() -> ReadyQueue:
    return ReadyQueue()


def offered(queue: ReadyQueue, id: str, *gates: Gate, **settings: object) -> None:
    queue.add(attempt(id), task(**settings), gates)


def taken(queue: ReadyQueue, profile: Profile) -> str | None:
    best = queue.best(profile)
    if best is not None:
        queue.claim(best.attempt.id)
    return None if best is None else best.attempt.id


def test_what_no_executor_takes_holds_nobody_back(queue: ReadyQueue) -> None:
    pool = queue.gate(GateKind.POOL, "p", 1)
    plain = queue.join({"m:f": "c1"}, frozenset())
    offered(queue, "a", pool, runs_on=("gpu",), priority=9)
    offered(queue, "b", pool)
    assert (pool.used, pool.waiting) == (0, 2)
    assert taken(queue, plain) == "b"
    queue.release("b")
    assert taken(queue, plain) is None
    assert taken(queue, queue.join({"m:f": "c1"}, frozenset({"gpu"}))) == "a"


def test_one_that_waits_at_two_gates_lets_those_behind_it_pass(queue: ReadyQueue) -> None:
    pool, dag = queue.gate(GateKind.POOL, "p", 1), queue.gate(GateKind.DAG, "d", 1)
    profile = queue.join({"m:f": "c1"}, frozenset())
    queue.occupy("x", (pool,))
    queue.occupy("y", (dag,))
    offered(queue, "both", pool, dag, priority=1)
    offered(queue, "pool", pool)
    offered(queue, "dag", dag)
    assert taken(queue, profile) is None
    queue.release("x")
    assert [taken(queue, profile), taken(queue, profile)] == ["pool", None]
    queue.release("y")
    assert [taken(queue, profile), taken(queue, profile)] == ["dag", None]
    queue.release("pool")
    assert taken(queue, profile) is None
    queue.release("dag")
    assert taken(queue, profile) == "both"


def test_one_that_was_let_through_and_is_gone_leaves_its_chance_to_the_next(queue: ReadyQueue) -> None:
    pool = queue.gate(GateKind.POOL, "p", 1)
    profile, other = queue.join({"m:f": "c1"}, frozenset()), queue.join({"m:f": "c1"}, frozenset({"gpu"}))
    queue.occupy("x", (pool,))
    for name in "abc":
        offered(queue, name, pool)
    assert taken(queue, profile) is None
    queue.release("x")
    queue.remove("a")
    assert taken(queue, other) == "b"
    assert taken(queue, profile) is None
    queue.release("b")
    assert taken(queue, profile) == "c"


def test_a_better_one_that_came_to_a_full_gate_goes_first_when_that_opens(queue: ReadyQueue) -> None:
    """Although the gate had been open before, and stands for the one that waited then."""
    pool = queue.gate(GateKind.POOL, "p", 1)
    profile, other = queue.join({"m:f": "c1"}, frozenset()), queue.join({"m:f": "c1"}, frozenset({"gpu"}))
    queue.occupy("x", (pool,))
    offered(queue, "a", pool)
    offered(queue, "z", pool)
    assert queue.best(profile) is None
    queue.release("x")
    assert taken(queue, other) == "a"
    offered(queue, "best", pool, priority=10)
    offered(queue, "free", priority=9)
    assert queue.best(profile).attempt.id == "free"
    queue.release("a")
    assert [taken(queue, profile), taken(queue, profile)] == ["best", "free"]
    queue.release("best")
    assert taken(queue, profile) == "z"


def test_a_higher_limit_lets_several_through_and_a_lower_one_nobody(queue: ReadyQueue) -> None:
    pool = queue.gate(GateKind.POOL, "p", 1)
    profile = queue.join({"m:f": "c1"}, frozenset())
    for name in "abcde":
        offered(queue, name, pool)
    assert [taken(queue, profile), taken(queue, profile)] == ["a", None]
    arrived = queue.arrived
    queue.set_limit(pool, 3)
    assert queue.arrived > arrived
    assert [taken(queue, profile), taken(queue, profile), taken(queue, profile)] == ["b", "c", None]
    queue.set_limit(pool, 1)
    queue.release("a")
    queue.release("b")
    assert taken(queue, profile) is None
    queue.release("c")
    assert taken(queue, profile) == "d"


# --- what an event costs ---------------------------------------------------------------------------------------------


def busy(queue: ReadyQueue, waiting: int, dags: int) -> list[Profile]:
    """Many wait: in a pool, for a dag, for both; some for executors that are not there."""
    pool = queue.gate(GateKind.POOL, "p", 2)
    profiles = [queue.join({"m:f": "c1"}, frozenset(labels)) for labels in ((), ("gpu",))]
    for number in range(waiting):
        dag = queue.gate(GateKind.DAG, f"d{number % dags}", 2)
        gates = ((pool, dag), (pool,), (dag,), ())[number % 4]
        queue.add(attempt(f"w{number}"), task(number % 3, ("gpu",) * (number % 5 == 0)), gates)
    return profiles


def rush(queue: ReadyQueue, profiles: list[Profile], events: int) -> list[int]:
    """What each of many events costs; as many arrive as are taken."""
    chance = random.Random(5)
    gates = queue.gates()
    running: list[str] = []

    def event(number: int) -> None:
        profile = profiles[number % len(profiles)]
        if number % 3 == 0:
            chosen = (gates[0], chance.choice(gates[1:])) if chance.random() < 0.5 else ()
            queue.add(attempt(f"n{number}"), task(chance.randrange(4)), chosen)
        elif number % 3 == 1 and (best := queue.best(profile)) is not None:
            queue.claim(best.attempt.id)
            running.append(best.attempt.id)
        elif number % 3 == 2 and len(running) > 20:
            queue.release(running.pop(chance.randrange(len(running))))

    return [calls(partial(event, number)) for number in range(events)]


def test_an_event_costs_no_more_the_more_attempts_or_dags_wait() -> None:
    mean = {}
    for waiting, dags in ((400, 10), (20_000, 10), (20_000, 2_000)):
        queue = ReadyQueue()
        costs = rush(queue, busy(queue, waiting, dags), 3_000)
        mean[waiting, dags] = sum(costs) / len(costs)
    assert mean[20_000, 10] < 2 * mean[400, 10], mean
    assert mean[20_000, 2_000] < 2 * mean[400, 10] + 2_000 / 300, mean  # each lane may once find its dag's gate full


def test_gates_that_open_in_turns_move_nobody_but_the_next(queue: ReadyQueue) -> None:
    """Ten thousand wait for a pool and a dag of which now the one, now the other has room."""
    pool, dag = queue.gate(GateKind.POOL, "p", 1), queue.gate(GateKind.DAG, "d", 1)
    profile = queue.join({"m:f": "c1"}, frozenset())
    queue.occupy("x", (pool,))
    queue.occupy("y", (dag,))
    for number in range(10_000):
        offered(queue, f"a{number}", pool, dag)

    def turn() -> None:
        for name, gate in (("x", pool), ("y", dag)):
            queue.release(name)
            assert queue.best(profile) is None
            queue.occupy(name, (gate,))

    assert max(calls(turn) for _ in range(50)) < 150


def test_what_others_took_does_not_pile_up() -> None:
    queue = ReadyQueue()
    pool = queue.gate(GateKind.POOL, "p", 1)
    idle, busy = (queue.join({"m:f": "c1"}, frozenset(labels)) for labels in ((), ("gpu",)))
    for number in range(5_000):
        offered(queue, f"a{number}", *[pool] * (number % 2), priority=number % 7)
        assert taken(queue, busy) == f"a{number}"
        queue.release(f"a{number}")
    assert idle.size < 100
