"""Waits and runs of runs that are cancelled, fail and try again, and outlive their scheduler."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ppacer.client import Client
from ppacer.web.messages import RunView
from tests.e2e.running import start
from tests.e2e.serving import Serving, attempt_of, moment, serving, statuses, task_of
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, Process, World, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "patience.ppd", "--capacity", "20") as made:
        yield made


@pytest.fixture(autouse=True)
def _nothing_yet(module_world: World) -> None:
    for name in ("steps.txt", "gate"):
        (module_world.folder / name).unlink(missing_ok=True)


def child_of(client: Client, run_id: str, dag: str = "child") -> RunView:
    """The newest run of the child's dag, which the run's task `waits` has asked for."""
    assert client.task(run_id, "waits").attempts[-1].status == "deferred"
    run = client.runs(dag=dag).runs[0]
    assert run.actor == "run_dag"
    return run


def waiting(served: Serving, dag: str, task: str = "waits", **params: object) -> str:
    """A new run whose task waits."""
    run_id = served.trigger(dag, **params)

    def waits() -> bool:
        tasks = served.client.run(run_id).tasks
        return any(each.name == task and each.attempts and each.attempts[-1].status == "deferred" for each in tasks)

    wait_until(waits, f"{task} to wait")
    return run_id


# --- runs of runs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["run", "task"])
def test_a_parent_that_is_cancelled_takes_its_child_along(served: Serving, what: str) -> None:
    run_id = waiting(served, "parent", name="taken")
    child = child_of(served.client, run_id)
    served.until(child.id, "held", "running")
    if what == "run":
        served.client.cancel(run_id)
        assert served.ended(run_id).run.status == "cancelled"
    else:
        served.client.cancel_task(run_id, "waits")
        served.until(run_id, "waits", "cancelled")
        assert served.client.run(run_id).run.status == "running", "the rest of it goes on"
        served.client.cancel(run_id)
    ended = served.ended(child.id)
    assert ended.run.status == "cancelled"
    assert statuses(ended) == {"begin": "success", "held": "cancelled", "end": "cancelled"}
    events = served.client.run_events(child.id).events
    (cancel,) = [event for event in events if event.kind == "cancel_requested"]
    assert cancel.actor == "run_dag"


def test_a_cancel_reaches_down_to_the_last_of_them(served: Serving) -> None:
    run_id = waiting(served, "grandparent")
    parent = child_of(served.client, run_id, "parent")
    wait_until(lambda: bool(served.client.run(parent.id).tasks), "the parent to begin")
    served.until(parent.id, "waits", "running")
    wait_until(lambda: task_of(served.client.run(parent.id), "waits").attempts[-1].status == "deferred", "its wait")
    child = child_of(served.client, parent.id)
    served.client.cancel(run_id)
    assert {served.ended(each).run.status for each in (run_id, parent.id, child.id)} == {"cancelled"}


@pytest.mark.parametrize(("times", "status"), [(1, "success"), (2, "failed")])
def test_each_attempt_at_a_parent_makes_a_child_of_its_own(served: Serving, times: int, status: str) -> None:
    before = len(served.client.runs(dag="child_that_fails").runs)
    run = served.run("tries_again", times=times)
    assert run.run.status == status
    children = served.client.runs(dag="child_that_fails").runs
    children = children[: len(children) - before]
    assert [child.status for child in children] == [status, "failed"], "newest first"
    first, second = task_of(run, "waits").attempts
    assert (first.status, first.error_kind) == ("failed", "run")
    assert f"run {children[1].id} of dag child_that_fails ended as failed" in (first.error or "")
    if status == "success":
        assert task_of(run, "waits").output == {"run": children[0].id, "status": "success"}
        assert served.said(run.run.id, "after") == [f"{children[0].id} success"]
    else:
        assert (second.status, second.error_kind) == ("failed", "run")


def test_a_child_that_somebody_cancels_fails_its_parent(served: Serving) -> None:
    run_id = waiting(served, "parent", name="lost")
    child = child_of(served.client, run_id)
    served.client.cancel(child.id)
    served.until(run_id, "waits", "failed")
    assert "ended as cancelled" in (attempt_of(served.client.run(run_id), "waits").error or "")
    served.client.cancel(run_id)


def test_a_restarted_parent_makes_a_new_child(served: Serving) -> None:
    run_id = waiting(served, "parent", name="anew")
    first = child_of(served.client, run_id)
    served.client.cancel(run_id)
    served.ended(run_id)
    served.client.restart(run_id)
    wait_until(lambda: served.client.runs(dag="child").runs[0].id != first.id, "a new child")
    served.world.open_gate()
    assert served.ended(run_id).run.status == "success"
    assert task_of(served.client.run(run_id), "waits").output == {
        "run": served.client.runs(dag="child").runs[0].id,
        "status": "success",
    }
    assert served.client.run(first.id).run.status == "cancelled"


@pytest.mark.parametrize(
    ("whom", "given", "words"),
    [
        ("nobody", {"name": "x"}, "there is no dag nobody in this program"),
        ("child", {"nome": "x"}, "dag child has no parameter nome; it has name"),
        ("child", {"name": 7}, "parameter name of dag child takes a text"),
        ("child", {}, "dag child needs a value for its parameter name"),
        ("child", [1], "the parameters of a run are a dict, not list"),
    ],
)
def test_a_run_that_cannot_be_made_fails_the_task_that_asks(
    served: Serving, whom: str, given: object, words: str
) -> None:
    before = len(served.client.runs(dag="child").runs)
    run = served.run("asks_in_vain", whom=whom, given=given)
    assert run.run.status == "failed"
    assert words in (attempt_of(run, "waits").error or "")
    assert len(served.client.runs(dag="child").runs) == before


# --- waits -----------------------------------------------------------------------------------------------------------


def test_a_server_is_asked_until_it_answers_as_expected(served: Serving) -> None:
    with answering() as (url, answers):
        answers += [(503, "down"), (200, "not yet"), (200, "we are open")]
        run = served.run("asks", url=url)
    assert run.run.status == "success"
    assert served.said(run.run.id, "after") == ["status 200"]
    assert len(task_of(run, "ready").attempts) == 1
    said = "\n".join(served.said(run.run.id, "ready"))
    assert "503" in said
    assert answers == []


def test_a_thousand_wait_at_once_where_one_can_run(world: World) -> None:
    """Each takes the only slot for a moment, so none waits for another."""
    with serving(world, PIPELINES / "patience.ppd", "--capacity", "1") as served:
        run = served.ended(served.trigger("thousand"), 600)
        assert run.run.status == "success"
        family = task_of(run, "nap").family
        assert family is not None
        assert family.counts == {"success": 1000}
        took = moment(run.run.finished_at) - moment(run.run.started_at)
        assert took.total_seconds() < 600, "one after the other they would take more than an hour"


@contextmanager
def answering() -> Iterator[tuple[str, list[tuple[int, str]]]]:
    """A server that gives the answers of a list, one after the other."""
    answers: list[tuple[int, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, text = answers.pop(0)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- over the end of their scheduler ---------------------------------------------------------------------------------


class Killed:
    """A program that is killed while a run waits in every way there is, then started again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.program = world.build(PIPELINES / "patience.ppd")
        self.process, self.url = start(world, self.program)
        with Client(self.url, timeout=PATIENCE_SECONDS) as client:
            self.run = client.trigger("all_waits").id
            everything = {"sleeps", "long", "file", "child"}
            # On a slow machine what sleeps for a few seconds may have slept by then.
            wait_until(lambda: self.deferred(client) | {"sleeps"} == everything, "everything to wait")
            self.attempts = {task.name: task.attempts[0].id for task in client.run(self.run).tasks if task.attempts}
            self.child = client.runs(dag="child").runs[0].id
            wait_until(lambda: status_of(client, self.child, "held") == "running", "the child")

    def kill(self) -> None:
        self.process.kill()

    def again(self) -> Process:
        self.process, self.url = start(self.world, self.program)
        return self.process

    def deferred(self, client: Client) -> set[str]:
        tasks = client.run(self.run).tasks
        return {task.name for task in tasks if task.attempts and task.attempts[-1].status == "deferred"}


def status_of(client: Client, run_id: str, task: str) -> str:
    return next((each.status for each in client.run(run_id).tasks if each.name == task), "")


@pytest.mark.parametrize("meanwhile", [True, False], ids=["what it waits for comes meanwhile", "and comes later"])
def test_whatever_waits_outlives_its_scheduler(world: World, meanwhile: bool) -> None:
    killed = Killed(world)
    killed.kill()
    killed.again()
    killed.kill()  # once more, so that what was restored is restored
    if meanwhile:
        come(world.folder)
    killed.again()
    with Client(killed.url, timeout=PATIENCE_SECONDS) as client:
        assert {"long", *([] if meanwhile else ["child"])} <= killed.deferred(client)
        if not meanwhile:
            come(world.folder)
        for name in ("slept", "found", "called"):
            wait_until(lambda name=name: status_of(client, killed.run, name) == "success", name)
        tasks = {task.name: task for task in client.run(killed.run).tasks}
        for name in ("sleeps", "child"):
            (attempt,) = tasks[name].attempts
            assert (attempt.id, attempt.number, attempt.status) == (killed.attempts[name], 1, "success")
        *lost, _ = tasks["file"].attempts
        assert {attempt.status for attempt in lost} <= {"lost"}, "one that was looking at the time"
        assert tasks["child"].output == {"run": killed.child, "status": "success"}
        assert [run.id for run in client.runs(dag="child").runs] == [killed.child], "no second child"
        assert status_of(client, killed.run, "long") == "running"
        client.cancel(killed.run)
        wait_until(lambda: client.run(killed.run).run.status == "cancelled", "the end")
    assert killed.process.terminate() == 0, killed.process.text


def come(folder: Path) -> None:
    """What the file and the child wait for."""
    (folder / "come.txt").touch()
    (folder / "gate").touch()


@pytest.mark.parametrize("asked", ["before", "after"])
def test_a_cancel_around_the_end_of_the_scheduler_takes_the_child_along(world: World, asked: str) -> None:
    killed = Killed(world)
    if asked == "before":
        with Client(killed.url, timeout=PATIENCE_SECONDS) as client:
            client.cancel(killed.run)
    killed.kill()
    killed.again()
    with Client(killed.url, timeout=PATIENCE_SECONDS) as client:
        if asked == "after":
            client.cancel(killed.run)
        for run in (killed.run, killed.child):
            wait_until(lambda run=run: client.run(run).run.status == "cancelled", "the end of both")
    assert killed.process.terminate() == 0, killed.process.text
