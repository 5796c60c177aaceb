"""Scheduler and executors as processes of their own; any of them killed in the middle of a run loses nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.world import PIPELINES, Api, Process, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

GATED = {"g1", "g2", "g3", "g4", "g5", "g6"}
EVERYTHING = {"before", "join", *GATED}


class Cluster:
    """One scheduler and two executors with room for three tasks each, a run in progress, its six gated tasks held.

    `lease` is in seconds: short where the test waits for a lease to expire, else long enough that none does.
    """

    def __init__(self, world: World, lease: int) -> None:
        self.world = world
        self.lease = str(lease)
        self.program = world.build(PIPELINES / "shared.ppd")
        self.port = free_port()
        self.api = Api(f"http://127.0.0.1:{self.port}")
        self.scheduler = self.start_scheduler()
        self.executors = [self.start_executor(name) for name in ("one", "two")]
        run = self.api.request("/api/v1/dags/shared/runs", {})
        assert isinstance(run, dict)
        self.run: str = run["id"]
        wait_until(lambda: {name for name, _ in world.steps("start")} >= GATED, "the gated tasks to start")

    def start_scheduler(self) -> Process:
        process = self.world.start(self.program, "scheduler", "--port", str(self.port), "--lease", self.lease)
        wait_until(self.api.up, "the scheduler")
        return process

    def start_executor(self, name: str) -> Process:
        return self.world.start(
            self.program, "executor", "--scheduler", self.api.url, "--name", name, "--capacity", "3"
        )

    def detail(self) -> dict[str, object]:
        found = self.api.request(f"/api/v1/runs/{self.run}")
        assert isinstance(found, dict)
        return found

    def status(self) -> str:
        run = self.detail()["run"]
        assert isinstance(run, dict)
        return str(run["status"])

    def executors_of(self, task: str) -> list[str]:
        tasks = self.detail()["tasks"]
        assert isinstance(tasks, list)
        (found,) = [each for each in tasks if each["id"] == task]
        return [attempt["executor"] for attempt in found["attempts"]]

    def finish(self) -> Counter[str]:
        """Opens the gate, waits for the run to succeed, and counts how often each task was brought to its end."""
        self.world.open_gate()
        wait_until(lambda: self.status() not in ("queued", "running"), "the end of the run")
        assert self.status() == "success", json.dumps(self.detail(), indent=1)
        return Counter(name for name, _ in self.world.steps("end"))


@pytest.fixture
def cluster(world: World) -> Cluster:
    return Cluster(world, lease=60)


@pytest.fixture
def impatient_cluster(world: World) -> Cluster:
    return Cluster(world, lease=8)


def test_two_executors_share_one_run(cluster: Cluster) -> None:
    ends = cluster.finish()
    assert ends == Counter(EVERYTHING)
    used = {name for task in GATED for name in cluster.executors_of(task)}
    assert used == {"one", "two"}
    for process in [*cluster.executors, cluster.scheduler]:
        assert process.terminate() == 0, process.text
        assert "Traceback" not in process.text


@pytest.mark.parametrize("victim", [0, 1])
def test_an_executor_killed_in_mid_run_loses_nothing(impatient_cluster: Cluster, victim: int) -> None:
    cluster = impatient_cluster
    workers = {pid for _, pid in cluster.world.steps("start") if Path(f"/proc/{pid}").exists()}
    cluster.executors[victim].kill()
    name = ("one", "two")[victim]
    wait_until(lambda: sum(Path(f"/proc/{pid}").exists() for pid in workers) <= 3, "the dead executor's workers to go")
    cluster.start_executor("three")
    ends = cluster.finish()
    assert set(ends) == EVERYTHING
    assert ends["before"] == 1
    assert ends == Counter(EVERYTHING)
    lost = [task for task in GATED if cluster.executors_of(task)[0] == name]
    assert len(lost) == 3
    assert all(len(cluster.executors_of(task)) == 2 for task in lost)
    assert all(len(cluster.executors_of(task)) == 1 for task in GATED - set(lost))


def test_the_scheduler_killed_in_mid_run_loses_nothing(cluster: Cluster) -> None:
    cluster.scheduler.kill()
    cluster.start_scheduler()
    ends = cluster.finish()
    assert ends == Counter(EVERYTHING)
    assert all(len(cluster.executors_of(task)) == 1 for task in GATED)


def test_a_report_made_while_the_scheduler_is_away_is_delivered(cluster: Cluster) -> None:
    cluster.scheduler.kill()
    cluster.world.open_gate()
    wait_until(lambda: {name for name, _ in cluster.world.steps("end")} >= GATED, "the gated tasks to end")
    cluster.start_scheduler()
    ends = cluster.finish()
    assert ends == Counter(EVERYTHING)


def test_all_killed_in_mid_run_and_started_again(impatient_cluster: Cluster) -> None:
    cluster = impatient_cluster
    for process in [cluster.scheduler, *cluster.executors]:
        process.kill()
    cluster.start_scheduler()
    for name in ("three", "four"):
        cluster.start_executor(name)
    ends = cluster.finish()
    assert set(ends) == EVERYTHING
    assert ends["before"] == 1


def test_the_one_process_program_killed_in_mid_run_and_started_again(world: World) -> None:
    program = world.build(PIPELINES / "shared.ppd")
    port = free_port()
    api = Api(f"http://127.0.0.1:{port}")
    first = world.start(program, "--port", str(port), "--capacity", "6")
    wait_until(api.up, "the program")
    run = api.request("/api/v1/dags/shared/runs", {})
    assert isinstance(run, dict)
    wait_until(lambda: {name for name, _ in world.steps("start")} >= GATED, "the gated tasks to start")
    first.kill()
    world.start(program, "--port", str(port), "--capacity", "6")
    wait_until(api.up, "the program, again")
    world.open_gate()

    def ended() -> bool:
        found = api.request(f"/api/v1/runs/{run['id']}")
        assert isinstance(found, dict)
        return found["run"]["status"] not in ("queued", "running")

    wait_until(ended, "the end of the run")
    ends = Counter(name for name, _ in world.steps("end"))
    assert set(ends) == EVERYTHING
    assert ends["before"] == 1
