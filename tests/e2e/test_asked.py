"""What people ask of runs and tasks, by command and over the API: what comes of it, and what the history tells."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ppacer.client import Client, RefusedError
from ppacer.web.messages import EventView, RunView
from tests.e2e.asking import Asker, ByCommand, OverApi, Refused
from tests.e2e.running import start
from tests.e2e.serving import Serving, serving, started, statuses, task_of
from tests.e2e.world import PATIENCE_SECONDS, PIPELINES, World, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    with serving(module_world, PIPELINES / "asked.ppd", "--capacity", "20") as made:
        yield made


@pytest.fixture(params=[ByCommand, OverApi])
def asker(served: Serving, request: pytest.FixtureRequest) -> Iterator[Asker]:
    for name in ("steps.txt", "gate"):
        (served.world.folder / name).unlink(missing_ok=True)
    made: Asker = request.param(served)
    yield made
    made.close()


def begun(served: Serving) -> Counter[str]:
    """How often each step was begun since the test began."""
    return Counter(name for name, _ in served.world.steps("start"))


def told(asker: Asker, run_id: str, kind: str) -> EventView:
    """The one event of a kind in the history of a run, which names who asked."""
    (event,) = [each for each in asker.served.client.run_events(run_id).events if each.kind == kind]
    assert event.actor == asker.name
    history = asker.served.call("history", run_id).stdout.splitlines()
    assert [line for line in history if kind.replace("_", " ") in line and f"by {asker.name}" in line]
    return event


def failed(asker: Asker) -> str:
    """A run of the chain whose second task has failed."""
    run = asker.served.run("chain", times=1)
    assert statuses(run) == {
        "first": "success",
        "frail": "failed",
        "after": "upstream_failed",
        "last": "upstream_failed",
        "side": "success",
        "tidy": "success",
    }
    return run.run.id


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_run_is_asked_for_with_params_and_for_a_time(asker: Asker) -> None:
    asked = {"at": "2026-01-31T02:15", "key": f"of {asker.name}", "times": 0, "day": "2026-02-03"}
    run_id = asker.trigger("chain", **asked)
    run = asker.served.ended(run_id)
    assert run.run.status == "success"
    assert (run.run.kind, run.run.actor, run.run.scheduled_at) == ("manual", asker.name, "2026-01-31T02:15:00.000000Z")
    assert run.params == {"times": 0, "day": {"$": "date", "v": "2026-02-03"}}
    assert asker.served.said(run_id, "last") == ["last after_frail 2026-02-03"]
    told(asker, run_id, "run_created")
    assert asker.trigger("chain", **asked) == run_id, "the same request with the same key, the same run"
    assert begun(asker.served)["first"] == 1


def test_a_run_is_cancelled(asker: Asker) -> None:
    run_id = asker.trigger("gated")
    for name in ("held", "other"):
        asker.served.until(run_id, name, "running")
    asker.cancel(run_id)
    run = asker.served.ended(run_id)
    assert (run.run.status, run.run.reason) == ("cancelled", f"cancelled by {asker.name}")
    assert statuses(run) == {"held": "cancelled", "after": "cancelled", "other": "cancelled", "tidy": "success"}
    assert task_of(run, "held").reason == f"cancelled by {asker.name}"
    told(asker, run_id, "cancel_requested")
    with pytest.raises(Refused, match="has ended already: cancelled"):
        asker.cancel(run_id)


def test_a_task_is_cancelled(asker: Asker) -> None:
    run_id = asker.trigger("gated")
    for name in ("held", "other"):
        asker.served.until(run_id, name, "running")
    asker.cancel(run_id, "held")
    asker.served.until(run_id, "held", "cancelled")
    with pytest.raises(Refused, match="task held has ended already: cancelled"):
        asker.cancel(run_id, "held")
    asker.served.world.open_gate()
    run = asker.served.ended(run_id)
    assert run.run.status == "failed"
    assert statuses(run) == {"held": "cancelled", "after": "upstream_failed", "other": "success", "tidy": "success"}
    assert told(asker, run_id, "task_cancel_requested").payload == {"task": "held"}


def test_a_cancel_is_prompt_though_every_slot_is_taken(world: World) -> None:
    with serving(world, PIPELINES / "asked.ppd", "--capacity", "2", "--lease", "600") as served:
        run_id = served.trigger("gated")
        for name in ("held", "other"):
            served.until(run_id, name, "running")
        served.client.cancel(run_id)
        run = served.ended(run_id)  # leases are renewed after 200 seconds
        assert run.run.status == "cancelled"


def test_a_run_is_restarted_from_where_it_failed(asker: Asker) -> None:
    run_id = failed(asker)
    asker.restart(run_id)
    run = asker.served.ended(run_id)
    assert (run.run.status, run.run.epoch) == ("success", 2)
    steps = {"first": 1, "side": 1, "frail": 2, "after_frail": 1, "tidy": 2}
    assert begun(asker.served) == steps, "what had succeeded is not done again"
    assert [(each.epoch, each.status) for each in task_of(run, "frail").attempts] == [(1, "failed"), (2, "success")]
    assert told(asker, run_id, "run_reopened").payload["operation"] == "restart"
    with pytest.raises(Refused, match=r"nothing of run .* failed or was cancelled: success"):
        asker.restart(run_id)


# --- tasks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("follow", [True, False])
def test_a_task_is_done_again_with_or_without_what_follows(asker: Asker, follow: bool) -> None:
    run_id = asker.served.run("chain", times=0).run.id
    asker.rerun(run_id, "frail", follow=follow)
    run = asker.served.ended(run_id)
    assert (run.run.status, run.run.epoch) == ("success", 2)
    again = {"frail", *(["after", "last"] if follow else []), "tidy"}
    assert {task.name for task in run.tasks if task.epoch == 2} == again
    assert {task.name for task in run.tasks if len(task.attempts) == 2} == again
    assert told(asker, run_id, "run_reopened").payload["operation"] == "rerun"


def test_a_failure_is_marked_as_success_with_an_output(asker: Asker) -> None:
    run_id = failed(asker)
    asker.mark(run_id, "frail", "success", "done by hand", "by_hand")
    run = asker.served.ended(run_id)
    assert (run.run.status, run.run.epoch) == ("success", 2)
    assert begun(asker.served) == {"first": 1, "side": 1, "frail": 1, "after_by_hand": 1, "tidy": 2}
    assert task_of(run, "frail").reason == f"marked success by {asker.name}: done by hand"
    assert told(asker, run_id, "task_marked").payload == {
        "task": "frail",
        "status": "success",
        "reason": "done by hand",
    }
    assert "done by hand" in asker.served.call("history", run_id).stdout


def test_a_success_is_marked_as_failed(asker: Asker) -> None:
    run_id = asker.served.run("chain", times=0).run.id
    asker.mark(run_id, "side", "failed", "the file was empty")
    run = asker.served.ended(run_id)
    assert (run.run.status, run.run.epoch) == ("failed", 2)
    assert statuses(run)["last"] == "success", "what has run is left alone"
    assert task_of(run, "side").error == "the file was empty"
    assert begun(asker.served)["side"] == 1


def test_a_member_of_a_family_is_done_again_alone(asker: Asker) -> None:
    run = asker.served.run("family")
    (bad,) = [task.name for task in run.tasks if task.status == "failed" and task.family is None]
    good = [f"each[{n}]" for n in range(3) if f"each[{n}]" != bad]
    asker.rerun(run.run.id, bad)
    again = asker.served.ended(run.run.id)
    assert again.run.status == "success"
    assert len(task_of(again, bad).attempts) == 2
    assert [len(task_of(again, name).attempts) for name in good] == [1, 1]
    asker.mark(run.run.id, good[0], "success", "so it is", "marked")
    marked = asker.served.ended(run.run.id)
    assert task_of(marked, good[0]).output == "marked"
    assert begun(asker.served) == {"each": 4}


def test_tasks_of_a_run_that_waits_for_its_turn_are_marked_one_by_one(asker: Asker) -> None:
    run_id = asker.served.run("one_at_a_time").run.id
    other = asker.trigger("one_at_a_time", waits=True)
    asker.served.until(other, "held", "running")
    for task in ("a", "b"):
        asker.mark(run_id, task, "success", "done by hand")
    waiting = asker.served.client.run(run_id).run
    assert (waiting.status, waiting.epoch) == ("queued", 3)
    asker.cancel(other)
    assert asker.served.ended(run_id).run.status == "success"


# --- where nothing serves, and over restarts -------------------------------------------------------------------------

ALONE: dict[str, tuple[tuple[str, ...], str, set[str]]] = {
    "restart": (("restart", "RUN"), "success", {"frail", "after", "last", "tidy"}),
    "rerun": (("rerun", "RUN", "first"), "success", {"first", "frail", "after", "last", "tidy"}),
    "rerun --only": (("rerun", "RUN", "side", "--only"), "failed", {"side", "tidy"}),
    "mark": (("mark", "RUN", "frail", "success", "--reason", "r"), "success", {"frail", "after", "last", "tidy"}),
}


def test_what_is_asked_for_while_nothing_serves_happens_at_the_next_start(world: World) -> None:
    """Each wish is durable at once."""
    program = world.build(PIPELINES / "asked.ppd")
    with started(world, program) as served:
        runs = {name: served.run("chain", times=len(ALONE)).run.id for name in ALONE}
    late = [world.call(program, "trigger", dag) for dag in ("short_of_time", "gated")]
    asked_at = time.monotonic()
    for name, (command, _, _) in ALONE.items():
        asked = world.call(program, *(runs[name] if word == "RUN" else word for word in command))
        assert asked.returncode == 0, asked.stderr
        assert "nothing serves this program now: it goes on at its next start" in asked.stdout
    runs |= {dag: done.stdout.split()[2] for dag, done in zip(("late", "cancelled"), late, strict=True)}
    done = world.call(program, "cancel", runs["cancelled"])
    assert done.stdout.endswith(f"run {runs['cancelled']} is cancelled\n")
    listed = world.call(program, "runs", "short_of_time").stdout
    assert "queued" in listed, "no command begins a run"
    wait_until(lambda: time.monotonic() > asked_at + 8, "the time-out of a run to be over")

    with started(world, program) as served:
        for name, (_, status, again) in ALONE.items():
            run = served.ended(runs[name])
            assert (run.run.status, run.run.epoch) == (status, 2), name
            assert {task.name for task in run.tasks if task.epoch == 2} == again, name
            assert "run_reopened" in [event.kind for event in served.client.run_events(runs[name]).events]
        assert served.ended(runs["late"]).run.status == "success", "its time began with it"
        cancelled = served.client.run(runs["cancelled"]).run
        assert (cancelled.status, cancelled.started_at) == ("cancelled", None)


def test_a_cancel_is_not_forgotten_by_a_scheduler_that_is_killed(world: World) -> None:
    """Although the executor never heard of it from the one that was asked."""
    program = world.build(PIPELINES / "asked.ppd")
    scheduler, url = start(world, program, "scheduler", "--lease", "60")
    executor = world.start(program, "executor", "--scheduler", url)
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        runs = [client.trigger("gated").id for _ in range(2)]
        for run in runs:
            wait_until(lambda run=run: running(client, run) == {"held", "other"}, "the tasks to run")
        executor.popen.send_signal(signal.SIGSTOP)
        client.cancel(runs[0])
        client.cancel_task(runs[1], "held")
    scheduler.kill()
    again, url = start(world, program, "scheduler", "--lease", "60", port=int(url.rpartition(":")[2]))
    executor.popen.send_signal(signal.SIGCONT)
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        wait_until(lambda: client.run(runs[0]).run.status == "cancelled", "the end of the first run")
        wait_until(lambda: client.task(runs[1], "held").status == "cancelled", "the end of the task")
        world.open_gate()
        wait_until(lambda: client.run(runs[1]).run.status == "failed", "the end of the second run")
        assert [len(task.attempts) for task in client.run(runs[0]).tasks if task.name != "after"] == [1, 1, 1]
    for process in (executor, again):
        assert process.terminate() == 0, process.text


def running(client: Client, run_id: str) -> set[str]:
    return {task.name for task in client.run(run_id).tasks if task.status == "running"}


# --- two at once -----------------------------------------------------------------------------------------------------


def at_once(served: Serving, wish: Callable[[Client], RunView], times: int = 6) -> tuple[list[RunView], list[str]]:
    """What comes of several people asking for the same at the same time: the answers, and the refusals."""

    def ask(_: int) -> RunView | str:
        with Client(served.url, timeout=PATIENCE_SECONDS) as client:
            try:
                return wish(client)
            except RefusedError as error:
                return error.problem.detail if error.problem.status == 409 else repr(error)

    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(ask, range(times)))
    done = [each for each in answers if isinstance(each, RunView)]
    return done, [each for each in answers if isinstance(each, str)]


def test_a_key_makes_one_run_however_many_ask_at_once(served: Serving) -> None:
    made, refused = at_once(served, lambda client: client.trigger("chain", idempotency_key="at once"))
    assert len({run.id for run in made}) == 1
    assert not refused


def test_commands_that_are_given_at_once_while_nothing_serves_have_their_turns(world: World) -> None:
    program = world.build(PIPELINES / "asked.ppd")
    with ThreadPoolExecutor(3) as pool:
        asked = list(pool.map(lambda _: world.call(program, "trigger", "gated"), range(3)))
    assert [(done.returncode, done.stderr) for done in asked] == [(0, "")] * 3
    assert world.call(program, "runs").stdout.count("queued") == 3


def test_of_several_restarts_at_once_one_is_made(served: Serving) -> None:
    run_id = served.run("chain", times=99).run.id
    done, refused = at_once(served, lambda client: client.restart(run_id))
    assert (len(done), len(refused)) == (1, 5)
    reasons = ("cancel it first", "failed or was cancelled", "is ending")
    assert not [why for why in refused if not any(reason in why for reason in reasons)]
    assert served.ended(run_id).run.epoch == 2


def test_several_cancels_at_once_are_one(served: Serving) -> None:
    (served.world.folder / "gate").unlink(missing_ok=True)
    run_id = served.trigger("gated")
    served.until(run_id, "held", "running")
    at_once(served, lambda client: client.cancel(run_id))
    assert served.ended(run_id).run.status == "cancelled"
    asked = [event.kind for event in served.client.run_events(run_id).events]
    assert asked.count("cancel_requested") in (1, 2), "the second one is for the handlers, if they ran already"


# --- what is wrong ---------------------------------------------------------------------------------------------------

WRONG: list[tuple[tuple[str, ...], int, str]] = [
    (("trigger", "chian"), 2, "there is no dag `chian`; did you mean `chain`?"),
    (("cancel", "nope"), 1, "there is no run whose id holds `nope`"),
    (("rerun", "latest", "frial"), 2, "the run has no task `frial`; did you mean `frail`?"),
    (("rerun", "latest", "tidy"), 1, "tidy is a handler: it runs again whenever part of its run does"),
    (("mark", "latest", "first", "skipped", "--reason", "r"), 2, "invalid choice: 'skipped'"),
]


def test_commands_that_are_wrong_say_why_whether_the_program_serves_or_not(served: Serving, world: World) -> None:
    program = world.build(PIPELINES / "asked.ppd")
    assert world.call(program, "run", "chain", "-q").returncode == 1
    run = served.run("chain", times=99)
    alone = [world.call(program, *arguments) for arguments, _, _ in WRONG]
    beside = [served.call(*arguments) for arguments, _, _ in WRONG]
    assert served.client.run(run.run.id).run.epoch == 1, "nothing has changed"
    for (arguments, code, words), *both in zip(WRONG, alone, beside, strict=True):
        for done in both:
            assert (done.returncode, done.stdout) == (code, ""), arguments
            assert words in done.stderr, arguments
            assert "Traceback" not in done.stderr


def test_requests_that_are_wrong_get_a_status_and_the_field_at_fault(served: Serving) -> None:
    run_id = served.run("chain", times=0).run.id
    client = served.client
    nobody = "00000000-0000-7000-8000-000000000000"
    wrong: list[tuple[Callable[[], object], int, str | None]] = [
        (lambda: client.trigger("chian"), 404, None),
        (lambda: client.trigger("chain", params={"times": "x"}), 422, "params.times"),
        (lambda: client.trigger("chain", params={"time": 1}), 422, "params.time"),
        (lambda: client.trigger("chain", scheduled_at="yesterday"), 422, "scheduled_at"),
        (lambda: client.cancel(nobody), 404, None),
        (lambda: client.cancel(run_id), 409, None),
        (lambda: client.restart(run_id), 409, None),
        (lambda: client.rerun(run_id, "frial"), 404, None),
        (lambda: client.rerun(run_id, "tidy"), 409, None),
        (lambda: client.cancel_task(run_id, "first"), 409, None),
        (lambda: client.mark(run_id, "first", status="skipped", reason="r"), 422, "status"),
        (lambda: client.mark(run_id, "first", status="success", reason=" "), 422, "reason"),
        (lambda: client.logs(run_id, "first", attempt=7), 404, None),
    ]
    for number, (wish, status, at_fault) in enumerate(wrong):
        with pytest.raises(RefusedError) as caught:
            wish()
        assert (caught.value.problem.status, caught.value.problem.field) == (status, at_fault), number
        assert caught.value.problem.detail, number
    assert client.run(run_id).run.epoch == 1
