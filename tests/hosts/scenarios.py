"""What happens to hosts and to the network between them, a function each, and what is expected of it."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.world import PATIENCE_SECONDS
from tests.hosts.checker import Verdict, check
from tests.hosts.cluster import EXECUTORS, HELD, LEASE, SCHEDULER, Cluster, cluster, wait, wait_until

SHORT = LEASE / 4
"""A cut that leaves an executor the time to renew its leases."""


@dataclass(frozen=True)
class Scenario:
    """`lost` says which numbers of lost attempts are as they should be; `overlap` is as `check` takes it."""

    name: str
    act: Callable[[Cluster], None]
    lost: range
    overlap: float = 0.0
    lease: float = LEASE
    kind: str | None = None
    """The only kind of network with which it can be played."""

    def play(self, folder: Path, kind: str) -> Verdict:
        """The verdict on it, played with processes in that folder."""
        with cluster(folder, self.lease, self.kind or kind) as made:
            self.act(made)
            made.finish()
            database, noted = f"sqlite:///{made.program.with_suffix('.db')}", made.notes_file
        verdict = check(database, noted, overlap=self.overlap)
        verdict.expect(verdict.lost in self.lost, f"{verdict.lost} attempts were lost, not {self.lost}")
        return verdict


def playable(scenario: Scenario, kind: str) -> bool:
    """Whether it can be played where the best kind of network is this one: relays are possible everywhere."""
    return scenario.kind in (None, "relays", kind)


def cut_for_less_than_a_lease(c: Cluster) -> None:
    """Nothing is lost: the executor renews its leases when it is heard again."""
    c.start_executors()
    c.hold()
    c.network.cut("one")
    wait(SHORT)
    c.network.heal("one")
    wait(float(c.lease))  # until all that could be lost would be


def cut_for_longer_than_a_lease(c: Cluster) -> None:
    """The executor stops what it runs before others are given it; afterwards it works again."""
    c.start_executors()
    c.hold()
    _lose(c, "one")
    c.network.heal("one")
    c.hold("again")
    assert c.held_by("one", "again"), "the executor that was cut off gets no work"


def cut_from_the_scheduler_only(c: Cluster) -> None:
    """One way: what the executor sends is lost, what it is sent arrives."""
    c.start_executors()
    c.hold()
    _lose(c, "one", hears=True)


def cut_from_the_executor_only(c: Cluster) -> None:
    """One way: no connection comes about, since the answer to its first packet is lost."""
    c.start_executors()
    c.hold()
    _lose(c, "one", sends=True)


def answers_lost(c: Cluster) -> None:
    """Requests arrive and are answered, but nothing of the answers. The executor stops what it can no longer renew as
    far as it knows, and renews it no more."""
    cut_from_the_executor_only(c)


def all_cut(c: Cluster) -> None:
    """Everything is stopped, and done again when the network is back."""
    c.start_executors()
    c.hold()
    for name in EXECUTORS:
        c.network.cut(name)
    wait_until(lambda: len(c.told_to_stop("gate")) == HELD, "all tasks to be stopped")
    wait(LEASE / 2)
    for name in EXECUTORS:
        c.network.heal(name)
    wait_until(lambda: len(c.begun_again("gate")) == HELD, "all tasks to be begun again")


def scheduler_restarted_on_heal(c: Cluster) -> None:
    """An executor that was cut off and has stopped its tasks finds another scheduler process when it is back."""
    c.start_executors()
    c.hold()
    mine = c.held_by("one")
    c.network.cut("one")
    wait_until(lambda: c.told_to_stop("gate") >= mine, "the executor to stop its tasks")
    c.scheduler.kill()
    c.network.heal("one")
    c.start_scheduler()
    wait_until(lambda: c.begun_again("gate") >= mine, "its tasks to be begun again")


def host_suspended(c: Cluster) -> None:
    """A whole host stands still for longer than a lease, as a machine that is paused, and goes on: what it did counts
    for nothing. It stops its tasks as soon as it looks at the clock; only for so long do two run at a time."""
    c.start_executors()
    c.hold()
    mine = c.held_by("one")
    with c.suspended(c.processes_of("one")):
        wait_until(lambda: c.begun_again("gate") >= mine, "its tasks to be begun again")
    wait_until(lambda: "could not be renewed" in c.executors["one"].text, "it to notice")


def executor_suspended(c: Cluster) -> None:
    """The executor's own process stands still for longer than a lease, its workers do not."""
    c.start_executors()
    c.hold()
    mine = c.held_by("one")
    with c.suspended(c.processes_of("one")[:1]):
        wait_until(lambda: c.begun_again("gate") >= mine, "its tasks to be begun again")


def executor_leaves(c: Cluster) -> None:
    """It claims nothing more, and its tasks come to their ends."""
    for name in EXECUTORS:
        c.start_executor(name, "--drain", "120")
    wait_until(lambda: set(c.present()) >= set(EXECUTORS), "all executors to join")
    c.hold()
    c.executors["one"].popen.send_signal(signal.SIGTERM)
    wait_until(lambda: "one" in c.leaving(), "the scheduler to hear of it")
    c.trigger("spread", "later")
    wait_until(lambda: bool(c.executions("later")), "the others to take it")
    c.open("gate")
    assert c.executors["one"].popen.wait(PATIENCE_SECONDS) == 0
    assert not c.held_by("one", "later"), "an executor that leaves was given work"


def executor_leaves_in_a_hurry(c: Cluster) -> None:
    """What does not end in time is handed back, and given to others without waiting for its lease."""
    for name in EXECUTORS:
        c.start_executor(name, "--drain", "0")
    wait_until(lambda: set(c.present()) >= set(EXECUTORS), "all executors to join")
    c.hold()
    mine = c.held_by("one")
    c.executors["one"].popen.send_signal(signal.SIGTERM)
    assert c.executors["one"].popen.wait(PATIENCE_SECONDS) == 0
    wait_until(lambda: c.begun_again("gate") >= mine, "its tasks to be begun again")


def scheduler_host_dies(c: Cluster) -> None:
    """It goes without a word, and comes back when all leases are over."""
    c.start_executors()
    c.hold()
    c.network.cut(SCHEDULER)
    c.scheduler.kill()
    wait_until(lambda: len(c.told_to_stop("gate")) == HELD, "all tasks to be stopped")
    c.start_scheduler()
    c.network.heal(SCHEDULER)
    wait_until(lambda: len(c.begun_again("gate")) == HELD, "all tasks to be begun again")


def scheduler_host_dies_for_a_moment(c: Cluster) -> None:
    """It is back before the leases are over: no task notices."""
    c.start_executors()
    c.hold()
    c.scheduler.kill()
    c.start_scheduler()
    executors = c.executors.values()
    wait_until(lambda: all("answers again" in each.text for each in executors), "the executors to find it")
    assert len(c.running("gate")) == HELD


def only_the_cut_host_has_the_label(c: Cluster) -> None:
    """The task waits for the host, whatever else is free."""
    for name in EXECUTORS:
        c.start_executor(name, *(["--label", "special"] if name == "three" else []))
    wait_until(lambda: set(c.present()) >= set(EXECUTORS), "all executors to join")
    c.trigger("labelled", "gate")
    wait_until(lambda: len(c.running("gate")) == 1, "the task with the label to run")
    c.network.cut("three")
    wait_until(lambda: c.detail("gate").tasks[1].attempts[0].status == "lost", "its attempt to be lost")
    wait(LEASE / 2)
    assert not c.begun_again("gate")
    c.network.heal("three")
    wait_until(lambda: bool(c.begun_again("gate")), "it to be begun again")
    assert c.executors_of("gate")["there"] == ["three", "three"]


def executor_with_another_build(c: Cluster) -> None:
    """An executor with other code is given nothing, even when it is the only one that is heard."""
    other = c.other_build()
    for name in EXECUTORS:
        c.start_executor(name, program=other if name == "two" else None)
    wait_until(lambda: set(c.present()) >= set(EXECUTORS), "all executors to join")
    c.trigger("spread", "gate")
    wait_until(lambda: len(c.running("gate")) == HELD, "the held tasks to run")
    for name in ("one", "three"):
        c.network.cut(name)
    wait_until(lambda: len(c.told_to_stop("gate")) == HELD, "all tasks to be stopped")
    wait(LEASE / 2)
    for name in ("one", "three"):
        c.network.heal(name)
    wait_until(lambda: len(c.begun_again("gate")) == HELD, "the tasks to be begun again")
    given = {name for names in c.executors_of("gate").values() for name in names}
    assert given == {"one", "three"}, given


def packets_lost(c: Cluster) -> None:
    """Three of ten packets are lost each way, the others come late."""
    c.start_executors()
    for name in EXECUTORS:
        c.network.spoil(name, loss=0.3, delay=0.02)
    c.trigger("spread", "gate")
    wait(1.5 * LEASE)
    c.open("gate")
    wait(0.5 * LEASE)


def answers_late(c: Cluster) -> None:
    """Everything takes 300 ms each way."""
    c.start_executors()
    for name in EXECUTORS:
        c.network.spoil(name, loss=0.0, delay=0.3)
    c.hold()
    wait(1.5 * LEASE)


def flapping(c: Cluster) -> None:
    """Hosts come and go, one after the other and together, for shorter and longer than a lease."""
    chance = random.Random(5)
    c.start_executors()
    c.trigger("spread", "gate")
    for _ in range(4):
        names = chance.sample(EXECUTORS, chance.randint(1, 2))
        sends, hears = chance.choice([(False, False), (True, False), (False, True)])
        for name in names:
            c.network.cut(name, sends=sends, hears=hears)
        wait(chance.uniform(0.1, 1.2) * LEASE)
        for name in names:
            c.network.heal(name)
        wait(chance.uniform(0.0, 0.3) * LEASE)


def _lose(c: Cluster, name: str, *, sends: bool = False, hears: bool = False) -> None:
    """Cuts an executor off until all that it ran has been begun again."""
    mine = c.held_by(name)
    assert mine, f"{name} was given nothing"
    c.network.cut(name, sends=sends, hears=hears)
    wait_until(lambda: c.begun_again("gate") >= mine, "its tasks to be begun again")


_NONE = range(1)
_SOME = range(1, HELD + 1)

SCENARIOS = (
    Scenario("cut for less than a lease", cut_for_less_than_a_lease, _NONE, lease=10.0),
    Scenario("cut for longer than a lease", cut_for_longer_than_a_lease, _SOME),
    Scenario("cut one way: not heard", cut_from_the_scheduler_only, _SOME),
    Scenario("cut one way: does not hear", cut_from_the_executor_only, _SOME, kind="namespaces"),
    Scenario("all answers lost", answers_lost, range(1, 2 * HELD), kind="relays"),
    Scenario("all executors cut", all_cut, range(HELD, HELD + 1)),
    Scenario("scheduler restarted on heal", scheduler_restarted_on_heal, _SOME),
    Scenario("host suspended", host_suspended, _SOME, overlap=2.0),
    Scenario("executor suspended, workers not", executor_suspended, _SOME, overlap=60.0),
    Scenario("executor leaves", executor_leaves, _NONE, lease=30.0),
    Scenario("executor leaves in a hurry", executor_leaves_in_a_hurry, _SOME),
    Scenario("scheduler's host dies", scheduler_host_dies, range(HELD, HELD + 1)),
    Scenario("scheduler's host dies for a moment", scheduler_host_dies_for_a_moment, _NONE, lease=30.0),
    Scenario("only the cut host has the label", only_the_cut_host_has_the_label, range(1, 2)),
    Scenario("executor with another build", executor_with_another_build, range(HELD, HELD + 1)),
    Scenario("30% of packets lost", packets_lost, range(30), kind="namespaces"),
    Scenario("300 ms each way", answers_late, _NONE, lease=12.0),
    Scenario("hosts come and go", flapping, range(30)),
)
