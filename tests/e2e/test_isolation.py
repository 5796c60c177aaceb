"""Processes, threads and coroutines side by side: what ends badly costs one attempt, and leaves nothing behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from ppacer.web.messages import RunDetail
from tests.e2e.alive import alive, commands
from tests.e2e.running import start
from tests.e2e.serving import Serving, attempt_of, moment, serving, statuses, task_of
from tests.e2e.world import GONE_SECONDS, PIPELINES, World, wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

PROMPTLY = 25.0
"""Seconds within which the end of a worker is noticed, on a machine that is busy with other things; a lease, which is
over when nobody notices anything, takes longer."""

GRACE = 5.0
"""Seconds that a task which is told to stop has for it."""


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "isolation.ppd", "--capacity", "12") as made:
        yield made
    wait_until(lambda: not list(alive(module_world)), "the last process to go", GONE_SECONDS)


@pytest.fixture(autouse=True)
def _no_steps(served: Serving) -> None:
    (served.world.folder / "steps.txt").unlink(missing_ok=True)


def pids(served: Serving) -> dict[str, set[int]]:
    """The processes that noted their beginning, by the name that they gave."""
    found: dict[str, set[int]] = {}
    for name, pid in served.world.steps("start"):
        found.setdefault(name, set()).add(pid)
    return found


def seconds(run: RunDetail, task: str) -> float:
    attempt = attempt_of(run, task)
    return (moment(attempt.finished_at) - moment(attempt.started_at)).total_seconds()


def test_processes_threads_and_coroutines_run_side_by_side(served: Serving) -> None:
    run = served.run("together")
    assert run.run.status == "success", statuses(run)
    found = pids(served)
    assert len(found["process"]) == 3, "each process has one attempt at a time"
    assert found["thread"] == found["loop"], "threads and coroutines share a worker"
    assert len(found["thread"]) == 1
    assert found["thread"].isdisjoint(found["process"])


CRIMES = {
    'crime["segfault"]': ("killed", "the worker process was killed by SIGSEGV"),
    'crime["exits_at_once"]': ("exited", "the worker process ended with exit code 3 before the task returned"),
    'crime["exits_with_0"]': ("exited", "the task called sys.exit(0)"),
    'crime["killed"]': ("killed", "the worker process was killed by SIGKILL"),
    'crime["unpicklable"]': ("exception", "crimes.Unpicklable: ('x', <function commit.<locals>.<lambda>"),
    'crime["unprintable"]': ("exception", "crimes.Unprintable: <exception str() failed>"),
    'crime["endless_recursion"]': ("exception", "RecursionError: maximum recursion depth exceeded"),
    'crime["too_much_output"]': ("output", "the task's output is 2000002 bytes of JSON, more than the 1048576"),
    'crime["no_form_in_json"]': ("output", "at ['rows'][1]: a value of type object has no JSON form"),
    'crime["closes_everything"]': ("killed", "it closed its channel to the executor"),
    "large": ("memory", "the task took more than its memory of 200 MB"),
    "grows": ("memory", "the task took more than its memory of 200 MB"),
}


def test_each_crime_is_one_failed_attempt_with_its_cause_and_the_next_task_has_a_worker(served: Serving) -> None:
    run = served.ended(served.trigger("one_after_another"))
    assert run.run.status == "failed"
    found = statuses(run)
    assert {name for name, status in found.items() if status == "failed"} == set(CRIMES)
    assert {status for name, status in found.items() if name not in CRIMES} == {"success"}
    for name, (kind, words) in CRIMES.items():
        attempt = attempt_of(run, name)
        assert (attempt.number, attempt.status, attempt.error_kind) == (1, "failed", kind), name
        error = attempt.error or ""
        assert words in error
        assert error.endswith(f"task {name} of dag one_after_another (isolation.ppd:{LINES[name.partition('[')[0]]})")
        assert "last words" in served.said(run.run.id, name), "what it had printed is kept"
    slow = {name: seconds(run, name) for name in CRIMES if seconds(run, name) > PROMPTLY}
    assert not slow
    by_crime = {name: pid for name, ids in pids(served).items() for pid in ids}
    for name in ("segfault", "exits_at_once", "killed", "closes_everything"):
        assert task_of(run, f'after_crime["{name}"]').output != by_crime[name], "a dead worker has no further task"


LINES = {"crime": 39, "large": 40, "grows": 41}


def test_a_crash_in_a_thread_is_told_from_what_ran_beside_it(served: Serving) -> None:
    run = served.run("crash_among_neighbours")
    assert statuses(run) == {"thread": "success", "coroutine": "success", "crime": "failed"}
    tried = {task.name: [attempt.status for attempt in task.attempts] for task in run.tasks}
    assert tried == {"thread": ["lost", "success"], "coroutine": ["lost", "success"], "crime": ["lost", "failed"]}
    error = attempt_of(run, "crime").error or ""
    assert error.startswith("the worker process was killed by SIGSEGV")
    first = task_of(run, "thread").attempts[0].error or ""
    assert "it ran 2 other attempts as well, and which of them did that is not known" in first


def test_what_does_not_heed_its_time_out_is_killed(served: Serving) -> None:
    """A thread with its worker, once its neighbours had time to end."""
    run = served.run("deaf_ones_time_out")
    assert statuses(run) == {"short": "success", "deaf": "failed", "deaf_process": "failed", "next": "success"}
    for name in ("deaf", "deaf_process"):
        assert attempt_of(run, name).status == "timed_out"
        assert GRACE <= seconds(run, name) < GRACE + PROMPTLY
    assert [attempt.status for attempt in task_of(run, "short").attempts] == ["success"]
    killed = pids(served)["deaf"] | pids(served)["deaf_process"]
    assert len(killed) == 2
    assert killed.isdisjoint(pid for pid, _ in alive(served.world))
    assert task_of(run, "next").output not in killed


def test_a_coroutine_that_takes_too_long_is_cancelled_alone(served: Serving) -> None:
    run = served.run("coroutine_times_out")
    assert statuses(run) == {"neighbour": "success", "late": "failed", "next": "success"}
    assert seconds(run, "late") < PROMPTLY
    assert task_of(run, "neighbour").output == task_of(run, "next").output, "the worker goes on"
    ends = [name for name, _ in served.world.steps("end")]
    assert sorted(ends) == ["late", "neighbour", "next"], "`finally` blocks run"
    assert ends.index("late") < ends.index("next")


@pytest.mark.parametrize("how", ["it returns", "it takes too long", "it is cancelled"])
def test_all_that_a_task_has_started_ends_with_it(served: Serving, how: str) -> None:
    if how == "it takes too long":
        run = served.run("breeds_too_long")
        assert attempt_of(run, "parent").status == "timed_out"
    else:
        run_id = served.trigger("breeds", stays=how == "it is cancelled")
        if how == "it is cancelled":
            wait_until(lambda: "parent" in pids(served), "the children")
            served.client.cancel(run_id)
        run = served.ended(run_id)
        assert run.run.status == ("success" if how == "it returns" else "cancelled")
    children = pids(served)["child"]
    assert len(children) == 3
    wait_until(lambda: children.isdisjoint(pid for pid, _ in alive(served.world)), "the children to go", GONE_SECONDS)


def test_a_task_that_is_cancelled_is_told_so_and_tidies_up(served: Serving) -> None:
    run_id = served.trigger("stopped")
    wait_until(lambda: len(pids(served)) == 3, "the tasks to start")
    wait_until(lambda: served.said(run_id, "in_shell") == ["here"], "the shell to start")
    served.client.cancel(run_id)
    run = served.ended(run_id)
    assert run.run.status == "cancelled"
    assert set(statuses(run).values()) == {"cancelled"}
    ended = {name for name, _ in served.world.steps("end")}
    assert ended == {"in_process,True", "in_thread,True", "in_loop,True"}, "`TaskContext.cancelled` is true by then"
    for name in statuses(run):
        assert "tidied up" in served.said(run_id, name), name


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_nothing_is_left_of_a_program_that_ends_while_tasks_run(world: World, how: str) -> None:
    program = world.build(PIPELINES / "isolation.ppd")
    process, _ = start(world, program, "--drain", "0")
    for dag in ("stopped", "breeds"):
        done = world.call(program, "trigger", dag)
        assert done.returncode == 0, done.stderr
    begun = {"in_process", "in_thread", "in_loop", "child", "parent"}
    wait_until(lambda: {name for name, _ in world.steps("start")} == begun, "the tasks to start")
    assert len(list(alive(world))) >= len(begun)
    if how == "SIGTERM":
        assert process.terminate() == 0, process.text
        assert not list(alive(world)), commands(world)
    else:
        process.kill()
        wait_until(lambda: not list(alive(world)), "the last process to go", GONE_SECONDS)
