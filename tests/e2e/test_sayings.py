"""What tasks say: logs by attempt, epoch and part; floods; secrets; progress; notices; and what they are told."""

from __future__ import annotations

import json
import shlex
from base64 import b64encode
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from ppacer.web.messages import LogLine, RunDetail
from tests.e2e.serving import Serving, attempt_of, serving, task_of
from tests.e2e.world import PIPELINES, Api, World, wait_until

pytestmark = pytest.mark.slow

SECRET = "s3cr3t+of/the=shop"
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def served(module_world: World) -> Iterator[Serving]:
    secrets = module_world.folder / "secrets"
    secrets.mkdir()
    (secrets / "API_TOKEN").write_text(SECRET + "\n", encoding="utf-8")
    with serving(module_world, PIPELINES / "sayings.ppd", "--secrets", str(secrets)) as made:
        yield made


@pytest.fixture(scope="module")
def tried(served: Serving) -> RunDetail:
    """A run that failed after three attempts, was restarted, and succeeded after three more."""
    run_id = served.run("tries").run.id
    served.client.restart(run_id)
    return served.ended(run_id)


def entries(served: Serving, run_id: str, task: str) -> list[LogLine]:
    """All of a task's log."""
    found: list[LogLine] = []
    while True:
        page = served.client.logs(run_id, task, after=found[-1].seq if found else 0)
        found += page.entries
        if not page.entries:
            assert page.complete
            return found


# --- whose log it is -------------------------------------------------------------------------------------------------


def test_each_attempt_keeps_a_log_of_its_own_over_retries_and_epochs(served: Serving, tried: RunDetail) -> None:
    run_id = tried.run.id
    made = [(attempt.epoch, attempt.number, attempt.status) for attempt in task_of(tried, "fails").attempts]
    assert made == [
        (1, 1, "failed"), (1, 2, "failed"), (1, 3, "failed"),
        (2, 1, "failed"), (2, 2, "failed"), (2, 3, "success"),
    ]  # fmt: skip
    for time, (epoch, number, _) in enumerate(made, 1):
        page = served.client.logs(run_id, "fails", epoch=epoch, attempt=number)
        assert page.complete
        assert page.entries[0].message == f"this is time {time}, attempt {number}"
        assert sum("this is time" in entry.message for entry in page.entries) == 1
        shown = served.call("logs", run_id, "fails", "--epoch", str(epoch), "--attempt", str(number))
        assert shown.returncode == 0, shown.stderr
        assert f"this is time {time}, attempt {number}\n" in shown.stdout
        assert shown.stdout.count("this is time") == 1
    assert "this is time 6" in served.call("logs", run_id, "fails").stdout, "the last one, if nothing is said"
    assert "this is time 5" in served.call("logs", run_id, "fails", "--attempt", "2").stdout, "of the last epoch"
    assert "this is time 3" in served.call("logs", run_id, "fails", "--epoch", "1").stdout, "the last one in it"
    key = task_of(tried, "fails").output
    assert served.said(run_id, "follow") == [f"after {key}"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fails", "--attempt", "4"), "fails has no attempt 4: it made 3 in epoch 1, 3 in epoch 2"),
        (("fails", "--attempt", "1", "--epoch", "3"), "fails has no attempt 1 in epoch 3: it made"),
        (("follow", "--epoch", "1"), "follow has no attempt in epoch 1: it made 1"),
        (("--attempt", "9"), "no task of the run has an attempt 9"),
        (("nobody",), "the run has no task `nobody`"),
        (("--attempt", "0"), "0 is not a number from 1 to 10000"),
    ],
)
def test_a_log_that_there_is_not(served: Serving, tried: RunDetail, arguments: tuple[str, ...], words: str) -> None:
    done = served.call("logs", tried.run.id, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


def test_the_logs_of_a_run_by_attempt_are_of_those_tasks_that_have_it(served: Serving, tried: RunDetail) -> None:
    done = served.call("logs", tried.run.id, "--attempt", "3")
    assert done.returncode == 0, done.stderr
    assert "this is time 6" in done.stdout
    assert "follow" not in done.stdout


def test_the_parts_of_an_attempt_have_one_log(served: Serving) -> None:
    run = served.run("parts")
    assert len(task_of(run, "waits").attempts) == 1
    assert task_of(run, "waits").output == "all said"
    assert served.said(run.run.id, "waits") == [
        "part 0, state None, attempt 1",
        "part 1, state {'said': 0}, attempt 1",
        "part 2, state {'said': 1}, attempt 1",
    ]
    kinds = [event.kind for event in served.client.run_events(run.run.id).events]
    assert [told.message for told in served.client.run_notifications(run.run.id).notifications] == [
        "part 0",
        "part 1",
        "part 2",
    ], "each part may tell people something"
    assert kinds.count("attempt_started") == kinds.count("attempt_deferred") == kinds.count("attempt_finished") == 1


# --- what an entry tells ---------------------------------------------------------------------------------------------

INFO, DEBUG, WARNING, ERROR = 20, 10, 30, 40


@pytest.mark.parametrize("task", ["all_ways", "in_thread"])
def test_an_entry_tells_its_stream_level_logger_and_attributes(served: Serving, task: str) -> None:
    run_id = served.run("speaks").run.id
    told = {
        (each.stream, each.level, each.logger, each.message.partition("\n")[0])
        for each in entries(served, run_id, task)
    }
    assert told >= {
        ("stdout", INFO, "", "to stdout"),
        ("stdout", INFO, "", "ends without a line end"),
        ("stderr", INFO, "", "to stderr"),
        ("stderr", INFO, "", "past Python \\xff"),
        ("logging", WARNING, "shop.load", "loaded 7 rows"),
        ("logging", DEBUG, "task", "of the task"),
        ("logging", ERROR, "root", "of the root"),
        ("logging", ERROR, "task", "it is not there"),
    }
    by_words = {each.message.partition("\n")[0]: each for each in entries(served, run_id, task)}
    assert by_words["loaded 7 rows"].attributes == {"rows": 7, "table": "orders"}
    assert by_words["of the task"].attributes == {"done": 0.5, "path": "PosixPath('in/a.csv')"}
    assert by_words["to stdout"].attributes == {}
    raised = by_words["it is not there"].message
    assert raised.startswith("it is not there\nTraceback (most recent call last):")
    assert raised.endswith("KeyError: 'missing'")


# --- much of it ------------------------------------------------------------------------------------------------------


def test_a_flood_is_cut_to_its_beginning_and_its_end(served: Serving) -> None:
    run_id = served.trigger("floods")
    assert served.run("parts").run.status == "success", "others go on meanwhile"
    run = served.ended(run_id)
    assert run.run.status == "success"
    for task in ("lines", "one_line"):
        log = entries(served, run_id, task)
        written = [entry.message for entry in log if entry.stream == "stdout"]
        assert written[0] == "the beginning"
        assert written[-1].endswith("the end")
        assert max(map(len, written)) <= 16 * 1024, "a line without an end is split"
        (note,) = [entry.message for entry in log if entry.stream == "system"]
        left_out = int(note.split()[0])
        kept = sum(map(len, written))
        assert kept < 17 * MIB
        per_line = 1023 if task == "lines" else 1024
        assert kept + left_out == 50 * 1024 * per_line + len("the beginning" + "the end")


# --- secrets ---------------------------------------------------------------------------------------------------------

FORMS = {
    "plain": SECRET,
    "in an address": quote(SECRET, safe=""),
    "in base64": b64encode(SECRET.encode()).decode(),
    "for a shell": shlex.quote(SECRET),
}


@pytest.mark.parametrize("fails", [False, True])
def test_a_secret_is_nowhere_to_be_found(served: Serving, fails: bool) -> None:
    run = served.run("leaks", fails=fails)
    run_id = run.run.id
    leaking = {"in_process", "in_thread", "in_loop"}
    assert {task.name for task in run.tasks if task.status == "failed"} == {"by_shell"} | (leaking if fails else set())
    for task in leaking:
        said = "\n".join(served.said(run_id, task))
        for words in ("stdout ***", "stderr ***", "logged ***", "child ***", "form ***", '"token": "***"'):
            assert words in said, task
        assert "failed with ***" in (attempt_of(run, task).error or "") or not fails
        assert fails or task_of(run, task).output == {"output": "***", "***": "as a key"}
    assert task_of(run, "by_env").output == "***"
    assert {"env ***", "child ***"} <= set(served.said(run_id, "by_env"))
    assert served.said(run_id, "in_shell") == ["shell ***", "***"]
    assert "***" in (attempt_of(run, "by_shell").error or "")

    wait_until(
        lambda: {each.status for each in served.client.run_notifications(run_id).notifications} == {"sent"},
        "the notices to be sent",
    )
    api = Api(served.url)
    tried = [task.name for task in run.tasks if task.attempts]
    paths = ["", "/events", "/notifications", *(f"/tasks/{name}/logs" for name in tried)]
    told = {path: json.dumps(api.request(f"/api/v1/runs/{run_id}{path}")) for path in paths}
    assert "notice ***" in told["/notifications"]
    told["log of the program"] = served.log
    told["logs"] = served.call("logs", run_id).stdout
    told["history"] = served.call("history", run_id, "--all").stdout
    for file in served.world.folder.glob("sayings*.db*"):
        told[file.name] = file.read_bytes().decode("latin-1")
    assert len([name for name in told if name.endswith("-wal")]) == 2, "what is not in the files yet is looked at too"
    assert not [(where, form) for where, text in told.items() for form, secret in FORMS.items() if secret in text]


# --- what a task says of itself, and to people -----------------------------------------------------------------------


def test_progress_is_told_while_the_task_runs(served: Serving) -> None:
    run_id = served.trigger("advances")

    def waits() -> bool:
        (attempt,) = served.client.task(run_id, "goes_on").attempts or (None,)
        return attempt is not None and attempt.progress is not None and attempt.progress.message == "waiting"

    wait_until(waits, "the newest word")
    (attempt,) = served.client.task(run_id, "goes_on").attempts
    assert attempt.status == "running"
    assert attempt.progress is not None
    assert attempt.progress.fraction == 0.9
    served.world.open_gate()
    assert served.ended(run_id).run.status == "success"


def test_a_task_tells_people_something_though_it_fails_then(served: Serving) -> None:
    run_id = served.run("tells").run.id

    def told() -> list[tuple[str, str, str, str]]:
        found = served.client.run_notifications(run_id).notifications
        return [(each.notifier, each.event, each.subject, each.status) for each in found]

    wait_until(lambda: {status for *_, status in told()} == {"sent"}, "the notices to be sent")
    assert told() == [
        ("diary", "message", "tells: speaks", "sent"),
        ("pager", "message", "a subject", "sent"),
        ("diary", "failure", "tells: speaks failed", "sent"),
    ]
    assert "to the task's own" in served.log
    assert "nobody" in served.log, "a notifier that there is not is told"


def test_a_task_is_told_what_it_is_part_of(served: Serving) -> None:
    run = served.run("described", at="2026-03-01T00:30", names=["x", "y"])
    assert run.run.status == "success"
    expected = {
        "attempt": 1,
        "dag": "described",
        "scheduled_at": {"$": "datetime", "v": "2026-03-01T00:30:00+01:00"},
        "date": {"$": "date", "v": "2026-03-01"},
        "previous": None,
        "params": {"day": {"$": "date", "v": "2026-01-01"}, "names": ["x", "y"]},
        "same params": True,
        "build": 64,
        "part": 0,
        "cancelled": False,
    }
    for name in ("plain", 'member["x y"]', "in_thread"):
        assert task_of(run, name).output == {"task": name, **expected}
