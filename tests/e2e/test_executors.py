"""Executors of their own: they say what they can take, find a scheduler that comes later, and leave without a loss."""

from __future__ import annotations

import pytest

from ppacer.client import Client
from ppacer.web.messages import TaskView
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, Api, Process, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

GATED = {"g1", "g2", "g3", "g4", "g5", "g6"}


class Executors:
    """A scheduler, a run of which six tasks wait for a gate, and executors with names, labels and capacities."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.program = world.build(PIPELINES / "shared.ppd")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start_scheduler(self) -> Process:
        process = self.world.start(self.program, "scheduler", "--port", str(self.port))
        wait_until(Api(self.url).up, "the scheduler")
        return process

    def start(self, name: str, capacity: int, *labels: str) -> Process:
        flags = [part for label in labels for part in ("--label", label)]
        arguments = ["--scheduler", self.url, "--name", name, "--capacity", str(capacity), "--drain", "120", *flags]
        return self.world.start(self.program, "executor", *arguments)

    def trigger(self) -> str:
        with Client(self.url, timeout=PATIENCE_SECONDS) as client:
            return client.trigger("shared").id

    def begun(self) -> set[str]:
        """The gated tasks that have begun."""
        return {name for name, _ in self.world.steps("start")} & GATED

    def tasks(self, run: str) -> dict[str, TaskView]:
        with Client(self.url, timeout=PATIENCE_SECONDS) as client:
            return {task.name: task for task in client.run(run).tasks}

    def until_success(self, run: str) -> None:
        def over() -> bool:
            with Client(self.url, timeout=PATIENCE_SECONDS) as client:
                return client.run(run).run.status == "success"

        wait_until(over, "the run to succeed")


@pytest.fixture
def executors(world: World) -> Executors:
    return Executors(world)


def test_an_executor_says_what_it_can_take_and_gets_no_more(executors: Executors) -> None:
    executors.start_scheduler()
    executors.start("two", 2, "gpu")
    executors.start("three", 3, "big", "gpu")
    run = executors.trigger()
    wait_until(lambda: len(executors.begun()) == 5, "five tasks to begin")
    with Client(executors.url, timeout=PATIENCE_SECONDS) as client:
        found = {each.name: each for each in client.executors().executors}
    assert {name: (each.capacity, each.running, each.labels) for name, each in found.items()} == {
        "two": (2, 2, ("gpu",)),
        "three": (3, 3, ("big", "gpu")),
    }
    executors.world.open_gate()
    executors.until_success(run)
    users = [task.attempts[0].executor for name, task in executors.tasks(run).items() if name in GATED]
    assert set(users) == {"two", "three"}


def test_executors_find_a_scheduler_that_comes_later(executors: Executors) -> None:
    early = executors.start("early", 6)
    wait_until(lambda: "trying again until it answers" in early.text, "the executor to miss its scheduler")
    executors.start_scheduler()
    run = executors.trigger()
    executors.world.open_gate()
    executors.until_success(run)
    assert early.text.count("trying again until it answers") == early.text.count("the scheduler answers again") == 1


def test_an_executor_that_is_told_to_stop_brings_its_tasks_to_an_end(executors: Executors) -> None:
    """It claims nothing more meanwhile; what it has not begun goes to others, and nothing is done twice."""
    executors.start_scheduler()
    leaving = executors.start("leaving", 4)
    run = executors.trigger()
    wait_until(lambda: len(executors.begun()) == 4, "four tasks to begin")
    begun = executors.begun()
    leaving.popen.terminate()
    wait_until(lambda: "stopping" in leaving.text, "the executor to stop")
    staying = executors.start("staying", 4)
    wait_until(lambda: executors.begun() == GATED, "the other tasks to begin")
    executors.world.open_gate()
    assert leaving.popen.wait(PATIENCE_SECONDS) == 0, leaving.text
    executors.until_success(run)
    tasks = executors.tasks(run)
    assert all(len(task.attempts) == 1 for task in tasks.values())
    assert {name for name, task in tasks.items() if task.attempts[0].executor == "leaving"} == begun | {"before"}
    assert staying.terminate() == 0
    assert "Traceback" not in leaving.text + staying.text


def test_what_an_executor_cannot_finish_in_time_is_handed_back_at_once(executors: Executors, world: World) -> None:
    """With the default lease of half a minute: others need not wait for its end."""
    executors.start_scheduler()
    arguments = ["--scheduler", executors.url, "--name", "leaving", "--capacity", "6", "--drain", "0.2"]
    leaving = world.start(executors.program, "executor", *arguments)
    run = executors.trigger()
    wait_until(lambda: executors.begun() == GATED, "the tasks to begin")
    assert leaving.terminate() == 0, leaving.text
    executors.start("staying", 6)
    executors.world.open_gate()
    executors.until_success(run)
    tasks = executors.tasks(run)
    for name in GATED:
        assert [attempt.status for attempt in tasks[name].attempts] == ["lost", "success"]


def test_an_executor_without_a_token_is_told_so_and_ends(executors: Executors, world: World) -> None:
    world.start(executors.program, "scheduler", "--port", str(executors.port), "--token", "secret")

    wait_until(Api(executors.url, "secret").up, "the scheduler")
    refused = executors.start("refused", 1)
    assert refused.popen.wait(PATIENCE_SECONDS) == 1
    assert "refuses this executor's token" in refused.text
    assert "Traceback" not in refused.text
