"""A program that serves for a module of tests: runs are asked for over its API, commands are called beside it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path

import pytest

from ppacer.client import Client, RefusedError
from ppacer.core.model import RunStatus
from ppacer.web.messages import AttemptView, Json, Problem, RunDetail, RunView, TaskView
from tests.e2e.world import PATIENCE_SECONDS, Api, Process, World, wait_until
from tests.servers import free_port


@dataclass
class Serving:
    """A built program, the process that serves it, and a client of that one."""

    world: World
    program: Path
    process: Process
    url: str
    client: Client

    def trigger(self, dag: str, *, at: str | None = None, **params: Json) -> str:
        """The id of a new run."""
        return self.client.trigger(dag, params=params, scheduled_at=at).id

    def ended(self, run_id: str, seconds: float = PATIENCE_SECONDS) -> RunDetail:
        """The run as it is when it has ended."""
        deadline = time.monotonic() + seconds
        while True:
            detail = self.client.run(run_id, members=100)
            if RunStatus(detail.run.status).terminal:
                return detail
            if time.monotonic() > deadline:
                stand = {task.name: task.status for task in detail.tasks}
                pytest.fail(f"run {run_id} of {detail.run.dag} did not end in {seconds:g} s: {stand}\n{self.log}")
            self.client.changes(run_id, since=detail.seq, wait=1.0)

    def run(self, dag: str, *, at: str | None = None, **params: Json) -> RunDetail:
        """A new run, ended."""
        return self.ended(self.trigger(dag, at=at, **params))

    def until(self, run_id: str, task: str, status: str, position: int | None = None) -> None:
        """Waits until a task of the run, or the member of a family at a position, is there and has a status."""

        def has_it() -> bool:
            try:
                return self.client.task(run_id, task, position).status == status
            except RefusedError as error:
                if error.problem.status != 404:
                    raise
                return False  # the family has no members yet

        wait_until(has_it, f"{task} to be {status}")

    def refusal(self, dag: str, **params: Json) -> Problem:
        """Why the API makes no such run."""
        with pytest.raises(RefusedError) as caught:
            self.client.trigger(dag, params=params)
        return caught.value.problem

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One of the program's own commands, to its end."""
        return self.world.call(self.program, *arguments)

    def said(self, run_id: str, task: str, position: int = 0, attempt: int | None = None) -> list[str]:
        """The messages of the task's log."""
        page = self.client.logs(run_id, task, position=position, attempt=attempt)
        return [entry.message for entry in page.entries]

    @property
    def log(self) -> str:
        """What the serving process has printed so far."""
        return self.process.text


@contextmanager
def serving(world: World, source: Path, *arguments: str) -> Iterator[Serving]:
    """Builds a pipeline and serves it; `arguments` go to the program."""
    with started(world, world.build(source), *arguments) as served:
        yield served


@contextmanager
def started(world: World, program: Path, *arguments: str, port: int | None = None) -> Iterator[Serving]:
    """Serves a program that has been built; at the end it must end as it should."""
    port = port or free_port()
    process = world.start(program, *arguments, "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: Api(url).up() or process.popen.poll() is not None, "the program to answer")
    assert process.popen.poll() is None, process.text
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        yield Serving(world, program, process, url, client)
    assert process.terminate() == 0
    assert "Traceback" not in process.text


def statuses(detail: RunDetail) -> dict[str, str]:
    """What each task of the run is, by its name."""
    return {task.name: task.status for task in detail.tasks}


def task_of(detail: RunDetail, name: str) -> TaskView:
    (found,) = [task for task in detail.tasks if task.name == name]
    return found


def attempt_of(detail: RunDetail, name: str) -> AttemptView:
    """The task's last attempt."""
    return task_of(detail, name).attempts[-1]


def outputs(detail: RunDetail) -> Mapping[str, Json]:
    return {task.name: task.output for task in detail.tasks}


def moment(text: str | None) -> datetime:
    """A time that the API tells."""
    assert text is not None
    return datetime.fromisoformat(text)


def most_at_once(spans: Iterable[AttemptView | RunView]) -> int:
    """How many of these, all of them ended, were under way at the same time."""
    edges = sorted(edge for each in spans for edge in ((moment(each.started_at), 1), (moment(each.finished_at), -1)))
    return max(accumulate(step for _, step in edges))
