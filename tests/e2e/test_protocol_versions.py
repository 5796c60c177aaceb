"""Programs of different ages talk to each other: each says which versions it speaks, and what to do where none fits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ppacer.client import Client
from tests.e2e.running import running, start
from tests.e2e.serving import Serving, statuses, task_of
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, Process, World, wait_until

pytestmark = pytest.mark.slow

PATCH = """
import os
import ppacer.protocol

speaks = os.environ.get("SPEAKS")
if speaks:
    ppacer.protocol.OLDEST_PROTOCOL_VERSION, ppacer.protocol.PROTOCOL_VERSION = map(int, speaks.split("-"))
"""

Speak = Callable[[str], None]


@pytest.fixture
def speak(world: World, monkeypatch: pytest.MonkeyPatch) -> Speak:
    """Has programs that are started from now on speak other versions: `1-2` is 2, and 1 from others."""
    folder = world.folder / "patched"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(PATCH)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return lambda versions: monkeypatch.setenv("SPEAKS", versions)


@pytest.fixture
def program(world: World) -> Path:
    return world.build(PIPELINES / "database_faults.ppd")


def executor(world: World, program: Path, url: str, name: str) -> Process:
    return world.start(program, "executor", "--scheduler", url, "--name", name)


def under_way(served: Serving) -> str:
    run = served.trigger("gate")
    wait_until(lambda: any(name == "b" for name, _ in served.world.steps("start")), "the task to run")
    return run


@pytest.mark.parametrize(
    ("theirs", "says"),
    [
        ("1-1", "version 1 of the protocol, the scheduler versions 2 to 3: run this executor with a newer ppacer"),
        ("4-4", "version 4 of the protocol, the scheduler versions 2 to 3: run its scheduler with a newer ppacer"),
    ],
    ids=["too old", "too new"],
)
def test_an_executor_that_is_too_old_or_too_new_is_told_and_ends(
    world: World, program: Path, speak: Speak, theirs: str, says: str
) -> None:
    speak("2-3")
    with running(world, program, "scheduler") as served:
        speak(theirs)
        other = executor(world, program, served.url, "old")
        assert other.popen.wait(PATIENCE_SECONDS) == 1
        assert f"error: {served.url} speaks another version: the executor speaks {says}" in other.text
        assert "Traceback" not in other.text
        speak("2-2")
        fitting = executor(world, program, served.url, "fitting")
        assert statuses(served.run("quick")) == {"t": "success"}
        assert fitting.terminate() == 0


def test_an_executor_of_the_version_before_works_and_ends_its_tasks_when_it_is_drained(
    world: World, program: Path, speak: Speak
) -> None:
    speak("2-3")
    with running(world, program, "scheduler") as served:
        speak("1-2")
        old = executor(world, program, served.url, "old")
        run = under_way(served)
        old.popen.terminate()
        wait_until(lambda: "stopping: 1 task may take" in old.text, "the executor to be drained")
        world.open_gate()
        assert old.popen.wait(PATIENCE_SECONDS) == 0
        assert task_of(served.client.run(run), "b").status == "success"
        new = executor(world, program, served.url, "new")
        ended = served.ended(run)
        assert statuses(ended) == {"a": "success", "b": "success", "c": "success"}
        assert [name for name, _ in world.steps("start")] == ["a", "b", "c"]
        assert [task_of(ended, name).attempts[0].executor for name in "abc"] == ["old", "old", "new"]
        assert new.terminate() == 0


def test_what_runs_when_its_scheduler_becomes_too_new_is_stopped_and_made_again(
    world: World, program: Path, speak: Speak
) -> None:
    speak("2-2")
    scheduler, url = start(world, program, "scheduler", "--lease", "8")
    old = executor(world, program, url, "old")
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        run = under_way(Serving(world, program, scheduler, url, client))
    assert scheduler.terminate() == 0
    wait_until(lambda: "trying again until it answers" in old.text, "the executor to miss its scheduler")
    speak("3-4")
    again, _ = start(world, program, "scheduler", "--lease", "8", port=int(url.rpartition(":")[2]))
    assert old.popen.wait(PATIENCE_SECONDS) == 1
    assert f"error: {url} speaks another version: the executor speaks version 2" in old.text
    assert "Traceback" not in old.text
    ((_, pid),) = [step for step in world.steps("start") if step[0] == "b"]
    assert not Path(f"/proc/{pid}").exists()
    new = executor(world, program, url, "new")
    world.open_gate()
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        ended = Serving(world, program, again, url, client).ended(run)
    assert statuses(ended) == {"a": "success", "b": "success", "c": "success"}
    assert [attempt.status for attempt in task_of(ended, "b").attempts] == ["lost", "success"]
    assert [name for name, _ in world.steps("end")] == ["a", "b", "c"]
    assert new.terminate() == 0
    assert again.terminate() == 0
