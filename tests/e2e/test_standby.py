"""Several schedulers on one server's database: one leads, the others stand by and take over when it is gone."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from ppacer.client import Client, ClientError, RefusedError
from ppacer.store.lead import TERM_SECONDS
from tests.e2e.rivals import HELD, Rivals
from tests.e2e.world import World, wait_until
from tests.hosts.relays import Relays
from tests.servers import KINDS, Server, own_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc"),
]

STORM_SECONDS = float(os.environ.get("STANDBY_SECONDS", "8"))
STORM_SEED = int(os.environ.get("STANDBY_SEED", "1"))


@pytest.fixture(scope="module", params=list(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with own_server(request.param) as made:
        yield made


@pytest.fixture
def rivals(server: Server, world: World) -> Iterator[Rivals]:
    with server.database() as url:
        yield Rivals(world, url)
        world.end()


def test_who_stands_by_takes_over_from_a_leader_that_is_killed(rivals: Rivals) -> None:
    rivals.start("a")
    rivals.until_led("a")
    rivals.start("b")
    wait_until(lambda: rivals.stands_by("b"), "the second one to stand by")
    rivals.start_executor("one")
    rivals.hold()
    _refused_by_who_stands_by(rivals)
    _found_by_commands(rivals)

    rivals.processes["a"].kill()
    rivals.until_led("b")
    assert rivals.answer("b")["leader"]["epoch"] == 2
    rivals.start("a")
    wait_until(lambda: rivals.stands_by("a"), "the first one to stand by")
    assert len(rivals.running("gate")) == HELD
    rivals.open("gate")
    wait_until(rivals.ended, "the run to end")

    rivals.processes["b"].terminate()  # as it should end: at once
    rivals.until_led("a")
    rivals.hold("again")
    verdict = rivals.finish()
    assert not verdict.faults, verdict.faults
    assert verdict.lost == 0
    assert rivals.processes["b"].text.count("standing by: ") == 1


def test_a_leader_that_stood_still_finds_itself_deposed(rivals: Rivals) -> None:
    rivals.start("a")
    rivals.until_led("a")
    rivals.start("b")
    rivals.start_executor("one")
    rivals.hold()
    wait_until(lambda: rivals.stands_by("b"), "the second one to stand by")
    with _stopped(rivals.processes["a"].popen.pid):
        rivals.until_led("b")
    assert not rivals.leads("a")
    wait_until(lambda: rivals.stands_by("a"), "the first one to see that")
    verdict = rivals.finish()
    assert not verdict.faults, verdict.faults
    assert verdict.lost == 0


def test_a_leader_whose_session_is_ended_goes_on_or_makes_way(server: Server, rivals: Rivals) -> None:
    for name in ("a", "b"):
        rivals.start(name)
    rivals.until_led("a", "b")
    rivals.start_executor("one")
    rivals.hold()
    (before,) = rivals.leaders()
    epoch = rivals.answer(before)["leader"]["epoch"]
    server.end_sessions(rivals.database)

    def led_anew() -> bool:
        found = [rivals.health(name).get("leader") for name in rivals.leaders()]
        return any(leader is not None and leader["epoch"] > epoch for leader in found)

    wait_until(led_anew, f"one of them to lead: {rivals.said()}")
    verdict = rivals.finish()
    assert not verdict.faults, verdict.faults
    assert verdict.lost == 0


def test_the_server_is_restarted_in_mid_run(server: Server, rivals: Rivals) -> None:
    for name in ("a", "b"):
        rivals.start(name)
    rivals.until_led("a", "b")
    rivals.start_executor("one")
    rivals.hold()
    server.kill()
    wait_until(lambda: not rivals.leaders(), "all to say that they do not lead")
    server.start()
    rivals.until_led("a", "b")
    verdict = rivals.finish()
    assert not verdict.faults, verdict.faults
    assert verdict.lost == 0


def test_a_leader_that_is_cut_off_from_the_database_answers_nobody(rivals: Rivals) -> None:
    """Its connections stay open, and nothing comes of them."""
    with relay_to(rivals) as (relays, way):
        rivals.start("a", database=way)
        rivals.until_led("a")
        rivals.start("b")
        rivals.start_executor("one")
        rivals.hold()
        wait_until(lambda: rivals.stands_by("b"), "the second one to stand by")
        relays.cut("a")
        rivals.until_led("b")
        assert rivals.answer("a")["status"] in ("stalled", "standby")
        relays.heal("a")
        wait_until(lambda: rivals.stands_by("a"), f"the first one to see that: {rivals.said()}")
        verdict = rivals.finish()
    assert not verdict.faults, verdict.faults
    assert verdict.lost == 0


def test_the_executor_of_who_stands_by_works_for_who_leads(rivals: Rivals) -> None:
    """It keeps its tasks when the leader is killed with its own ones, and does those once more."""
    rivals.start("a", "--capacity", "6", "--name", "of-a", command="start")
    rivals.until_led("a")
    rivals.start("b", "--capacity", "12", "--name", "of-b", command="start")

    def both_there() -> bool:
        with rivals.client() as client:
            return {executor.name for executor in client.executors().executors} == {"of-a", "of-b"}

    wait_until(both_there, "both executors to join")
    rivals.hold()
    with rivals.client() as client:
        tasks = client.run(rivals.started["gate"]).tasks
    given = {task.name: task.attempts[0].executor for task in tasks if task.status == "running"}
    assert set(given.values()) == {"of-a", "of-b"}
    rivals.processes["a"].kill()
    rivals.until_led("b")
    lost = {name for name, executor in given.items() if executor == "of-a"}
    again = rivals.executions
    wait_until(lambda: {each.task for each in again("gate") if each.number > 1} == lost, "those to run again")
    verdict = rivals.finish()
    assert not verdict.faults, verdict.faults
    assert verdict.lost == len(lost)


def test_a_storm_of_leaders_that_are_killed_and_stand_still(rivals: Rivals) -> None:
    """For more of it: `STANDBY_SECONDS=300 STANDBY_SEED=7 pytest tests/e2e/test_standby.py -k storm`."""
    chance = random.Random(STORM_SEED)
    names = ("a", "b", "c")
    for name in names:
        rivals.start(name)
    rivals.until_led(*names)
    for name in ("one", "two"):
        rivals.start_executor(name)
    rivals.hold("first")
    until = time.monotonic() + STORM_SECONDS
    kills = 0
    while time.monotonic() < until or not kills:
        rivals.until_led(*names)
        with suppress(ClientError), rivals.client() as client:
            gate = f"gate-{len(rivals.started)}"
            rivals.open(gate)
            rivals.started[gate] = client.trigger("spread", params={"gate": gate}, idempotency_key=gate).id
        time.sleep(chance.uniform(0.0, 2.0))
        for name in rivals.leaders():
            if chance.random() < 0.3:
                with _stopped(rivals.processes[name].popen.pid):
                    time.sleep(chance.uniform(0.5, 1.5) * TERM_SECONDS)
            else:
                rivals.processes[name].kill()
                rivals.start(name)
                kills += 1
    rivals.until_led(*names)
    verdict = rivals.finish()
    assert not verdict.faults, verdict.faults  # leases may be lost: nobody leads for long if it comes thick


def _refused_by_who_stands_by(rivals: Rivals) -> None:
    health = rivals.answer("b")
    assert health["leader"]["url"] == rivals.url("a")
    assert health["leader"]["pid"] == rivals.processes["a"].popen.pid
    assert rivals.url("a") in health["problem"]
    with Client(rivals.url("b")) as client, pytest.raises(RefusedError) as caught:
        client.trigger("spread", params={"gate": "none"})
    assert caught.value.problem.status == 503
    assert rivals.url("a") in caught.value.problem.detail


def _found_by_commands(rivals: Rivals) -> None:
    """By the database alone, by the run file, and by a list of addresses of which the first one stands by."""
    beside = rivals.program.with_suffix(".copy.py")
    beside.write_text(rivals.program.read_text(encoding="utf-8"), encoding="utf-8")
    for program in (beside, rivals.program):
        done = rivals.world.call(program, "runs", "--database", rivals.database)
        assert done.returncode == 0, done.stderr
        assert rivals.started["gate"] in done.stdout
    done = rivals.world.call(rivals.program, "runs", "--scheduler", f"{rivals.url('b')},{rivals.url('a')}")
    assert rivals.started["gate"] in done.stdout, done.stderr
    done = rivals.world.call(rivals.program, "runs", "--scheduler", rivals.url("b"))
    assert done.returncode == 1
    assert f"stands by: {rivals.url('a')}" in done.stderr


@contextmanager
def relay_to(rivals: Rivals) -> Iterator[tuple[Relays, str]]:
    """A way to the database that can be cut, as the way of `a`."""
    url = make_url(rivals.database)
    relays = Relays(("database", "a"))
    try:
        assert url.port is not None
        host = urlsplit(relays.url("a", url.port)).hostname
        yield relays, url.set(host=host).render_as_string(hide_password=False)
    finally:
        relays.close()


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """The process stands still within the block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
