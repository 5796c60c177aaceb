"""Who is told of what, end to end: one program, its scheduler and its executor as processes of their own."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ppacer.client import Client
from ppacer.web.messages import NotificationView
from tests.e2e.decided import events_of
from tests.e2e.running import running, start
from tests.e2e.serving import Serving, attempt_of
from tests.e2e.sink import Sink, sink
from tests.e2e.world import PIPELINES, Process, World, wait_until

pytestmark = pytest.mark.slow

PAGER_KEY, SHOP_KEY, PASSWORD, PING_KEY = "pager-9f31c", "shop-55e0a", "word-77d2b", "alive-c0ffee"
LEASE = 6


@dataclass
class Telling:
    """A scheduler, the executor that works for it now, and the server to which it sends.

    The scheduler was killed and started again when a first try to tell of the run `shaky` had failed.
    """

    served: Serving
    sink: Sink
    executor: Process
    shaky: str = ""

    @property
    def client(self) -> Client:
        return self.served.client

    def told(self, *names: str, run: str | None = None) -> list[list[Any]]:
        """What the notifiers of these names have been given, of a run if one is named, in order."""
        file = self.served.world.folder / "steps.txt"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        found = [json.loads(line) for line in lines]
        return [each for each in found if each[0] in names and (run is None or run in each)]

    def notifications(self, run: str) -> list[NotificationView]:
        return list(self.client.run_notifications(run).notifications)

    def sent(self, run: str, number: int) -> list[NotificationView]:
        """The run's notifications, so many, once they have been sent."""
        wait_until(lambda: [each.status for each in self.notifications(run)] == ["sent"] * number, f"{number} messages")
        return self.notifications(run)


@pytest.fixture(scope="module")
def telling(module_world: World) -> Iterator[Telling]:
    with sink() as server, pytest.MonkeyPatch.context() as patch:
        port = server.port
        for name, value in {
            "HOOK_URL": f"json://127.0.0.1:{port}/hook",
            "PRIVATE_URL": f"json://me:{PASSWORD}@127.0.0.1:{port}/private",
            "PAGER_KEY": PAGER_KEY,
            "SHOP_KEY": SHOP_KEY,
            "PING_URL": server.url,
            "PING_ID": "a-shop",
            "SECRET_PING_URL": f"{server.url}/{PING_KEY}",
        }.items():
            patch.setenv(name, value)
        program = module_world.build(PIPELINES / "alerts.ppd")
        with running(module_world, program, "scheduler", "--lease", str(LEASE)) as served:
            made = Telling(served, server, start_executor(served, "one"))
            made.shaky = served.run("tried_again").run.id
            wait_until(lambda: [each.tries for each in made.notifications(made.shaky)] == [1], "the first try")
            restart(served)
            served.trigger("hung")
            yield made
            for each in (made.executor, served.process):
                assert each.terminate() == 0


def restart(served: Serving) -> None:
    """Kills the scheduler and starts it anew at its address."""
    served.process.kill()
    port = int(served.url.rpartition(":")[2])
    served.process, _ = start(served.world, served.program, "scheduler", "--lease", str(LEASE), port=port)


def start_executor(served: Serving, name: str) -> Process:
    return served.world.start(served.program, "executor", "--scheduler", served.url, "--name", name)


# --- what is told ----------------------------------------------------------------------------------------------------


def test_success_and_retries_are_told_to_those_of_the_task_else_to_those_of_the_dag(telling: Telling) -> None:
    run = telling.served.run("events", at="2026-03-04T23:30")
    assert run.run.status == "success"
    messages = telling.sent(run.run.id, 7)
    assert [(each.task, each.event, each.notifier) for each in messages] == [
        ("rows", "retry", "notes"),
        ("rows", "success", "notes"),
        *(("sum", "success", notifier) for notifier in ("texts", "hook", "diary")),
        ("last", "success", "texts"),
        (None, "success", "notes"),
    ]
    retried, succeeded, of_run = telling.told("notes", run=run.run.id)
    assert retried[:7] == [
        "notes",
        "retry",
        "events: rows failed, to be tried again",
        retried[3],
        "rows",
        1,
        "RuntimeError: no rows in attempt 1",
    ]
    text = (
        "The task rows of dag events, attempt 1, failed, to be tried again at once: RuntimeError: no rows in attempt 1"
    )
    page = f"{telling.served.url}/runs/{run.run.id}"
    assert retried[3].splitlines() == [
        text,
        "",
        "planned for: 2026-03-04 23:30:00 CET",
        f"run: {run.run.id}",
        f"page: {page}",
    ]
    assert retried[7:] == ["events", run.run.id, "2026-03-04T23:30:00+01:00", page]
    assert (succeeded[1], succeeded[4:7]) == ("success", ["rows", 2, None])
    assert (of_run[1], of_run[2], of_run[4:7]) == ("success", "events succeeded", [None, 0, None])


def test_the_message_of_an_alert_is_the_authors_own(telling: Telling) -> None:
    telling.sink.posted.clear()
    run = telling.served.run("events", at="2026-03-04T23:30", shop="coffee").run.id
    telling.sent(run, 7)
    own = "success of sum (2) for coffee on 20260304"
    assert telling.told("texts")[-2:] == [["texts", own], ["texts", "7 rows, none"]]
    (hooked,) = telling.sink.messages("/hook")
    assert (hooked["title"], hooked["message"], hooked["type"]) == ("events: sum succeeded", own, "success")
    assert f"alert: events: sum succeeded: {own}\n" in telling.served.log, "the notifier log"


def test_a_failure_is_told_when_it_is_final_and_of_the_run_to_those_who_do_not_know_yet(telling: Telling) -> None:
    run = telling.served.run("events", fails=True)
    assert run.run.status == "failed"
    told = [(each.task, each.event, each.notifier) for each in telling.sent(run.run.id, 2)]
    assert told == [("rows", "retry", "notes"), ("rows", "failure", "notes")]
    _, failure = telling.told("notes", run=run.run.id)
    assert (failure[2], failure[4:7]) == ("events: rows failed", ["rows", 2, "RuntimeError: no rows in attempt 2"])

    once = telling.served.run("told_once").run.id
    told = [(each.task, each.event, each.notifier) for each in telling.sent(once, 2)]
    assert told == [("t", "failure", "notes"), (None, "failure", "others")]

    nobody = telling.served.run("untold").run.id
    assert telling.notifications(nobody) == []
    assert f"error: alert: untold [{nobody[-8:]}], task t, attempt 1: failed: RuntimeError:" in telling.served.log


def test_a_run_that_is_late_is_told_of_while_it_goes_on(telling: Telling) -> None:
    run = telling.served.trigger("too_late")
    (message,) = telling.sent(run, 1)
    assert (message.task, message.event, message.subject) == (None, "late", "too_late is late")
    assert message.message.startswith("The run of dag too_late is late: it has not ended 0.2s after it was due\n")
    assert telling.client.run(run).run.status == "running"
    telling.client.cancel(run)
    telling.served.ended(run)


def test_a_task_may_have_something_told_by_whom_it_likes(telling: Telling) -> None:
    run = telling.served.run("says").run.id
    messages = telling.sent(run, 6)
    assert {(each.task, each.notifier, each.subject, each.message) for each in messages} == {
        (task, notifier, subject, message)
        for task, notifier in (("by_dag", "notes"), ("by_task", "others"), ("by_name", "texts"))
        for subject, message in (("news", "half of it is done"), (f"says: {task}", "all of it is done"))
    }
    assert {each.event for each in messages} == {"message"}
    assert ["texts", "half of it is done"] in telling.told("texts")
    log = telling.served.log
    assert f"says [{run[-8:]}], task nobody says: all of it is done (there is no notifier nobody)" in log


# --- silence ---------------------------------------------------------------------------------------------------------


def test_a_silenced_dag_alerts_nobody_for_a_time(telling: Telling) -> None:
    dag, client = "told_once", telling.client
    said = telling.served.call("silence", dag, "--for", "2h", "--reason", "we know")
    assert said.stdout.startswith("nobody is alerted of told_once before 20")
    assert said.stdout.endswith(", in 2 h\n")
    until = datetime.fromisoformat(client.dag(dag).dag.silenced_until or "")
    assert timedelta(hours=1.9) < until - datetime.now(UTC) < timedelta(hours=2)
    silent = telling.served.run(dag).run.id
    assert telling.notifications(silent) == []
    wait_until(
        lambda: (
            f"told_once [{silent[-8:]}], task t, attempt 1: failed: RuntimeError: no rows in attempt 1 (alerts are "
            "silenced)" in telling.served.log
        ),
        "the log to tell it all the same",
    )
    (line,) = [line for line in telling.served.call("list").stdout.splitlines() if line.startswith(dag)]
    assert "silenced" in line

    assert telling.served.call("silence", dag, "--off").stdout == "told_once is not silenced: alerts are sent\n"
    telling.sent(telling.served.run(dag).run.id, 2)

    client.silence(dag, (datetime.now(UTC) + timedelta(seconds=5)).isoformat())
    wait_until(lambda: client.dag(dag).dag.silenced_until is None, "the end of five seconds of silence")
    telling.sent(telling.served.run(dag).run.id, 2)

    kinds = [(event.kind, event.actor) for event in events_of(client, dag)]
    me = getpass.getuser()
    assert kinds == [("added", "build"), ("silenced", me), ("silenced", me), ("silenced", "local")]
    told = telling.served.call("history", dag).stdout
    assert "reason we know" in told
    assert f"not silenced any more  by {me}" in told


# --- what cannot be told at once -------------------------------------------------------------------------------------


def test_what_could_not_be_told_is_told_later_also_by_a_scheduler_that_was_started_since(telling: Telling) -> None:
    assert (
        "notifier shaky could not tell “tried_again: t failed”: ConnectionError: the pager is away; once more in 10 s\n"
        in telling.served.world.processes[0].text
    )
    (message,) = telling.sent(telling.shaky, 1)
    assert message.tries == 2
    assert telling.told("unsteady") == [["unsteady", "tried_again: t failed", telling.shaky]]


def test_an_alert_goes_out_although_the_executor_was_killed(telling: Telling) -> None:
    run = telling.served.trigger("lost")
    telling.served.until(run, "t", "running")
    telling.executor.kill()
    ended = telling.served.ended(run)
    assert (ended.run.status, attempt_of(ended, "t").status) == ("failed", "lost")
    telling.sent(run, 1)
    ((_, event, subject, _, task, attempt, error, *_),) = telling.told("notes", run=run)
    assert (event, subject, task, attempt) == ("failure", "lost: t failed", "t", 1)
    assert error == f"nothing was heard of executor one for {LEASE} s"
    telling.executor = start_executor(telling.served, "two")


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_the_database_the_logs_or_the_api(telling: Telling) -> None:
    run = telling.served.run("secrets").run.id
    wait_until(lambda: {each.tries for each in telling.notifications(run)} == {1}, "both to be tried")
    assert telling.told("pager") == [["pager", len(PAGER_KEY)]], "it was given the key"
    wait_until(lambda: bool(telling.sink.messages("/private")), "the message to the private address")
    assert {authorization[:6] for path, authorization, _ in telling.sink.posted if path == "/private"} == {"Basic "}

    assert "notifier pager (alerts.ppd:11): paging with ***" in telling.served.log
    assert "could not tell “secrets: t failed”: ConnectionError: no pager takes the key ***" in telling.served.log
    assert telling.served.said(run, "t")[0] == "the key is ***"
    assert "RuntimeError: *** opens nothing" in (attempt_of(telling.client.run(run), "t").error or "")

    secrets = [PAGER_KEY, SHOP_KEY, PASSWORD, PING_KEY]
    told = json.dumps(
        [
            telling.served.log,
            *(str(each) for each in telling.notifications(run)),
            str(telling.client.run(run)),
            str(telling.client.run_events(run)),
            str(telling.client.failed_notifications()),
            *(
                telling.served.call(*command).stdout
                for command in (("history", run, "--all"), ("logs", run), ("config",))
            ),
        ]
    )
    assert not [secret for secret in secrets if secret in told]
    files = [file for file in telling.served.world.folder.iterdir() if ".db" in file.name]
    assert {file.name for file in files} >= {"alerts.db", "alerts.logs.db"}
    assert not [(secret, file) for secret in secrets for file in files if secret.encode() in file.read_bytes()]


# --- a dead man's switch ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dag", "path"), [("pinged", "/a-shop"), ("pinged_in_secret", f"/{PING_KEY}")])
def test_an_address_is_asked_for_after_each_run_that_succeeded_and_no_other(
    telling: Telling, dag: str, path: str
) -> None:
    """Silenced or not: it is no alert."""
    telling.client.silence(dag, (datetime.now(UTC) + timedelta(hours=1)).isoformat())
    telling.sink.asked.clear()
    failed = telling.served.run(dag, fails=True)
    assert failed.run.status == "failed"
    succeeded = telling.served.run(dag, fails=False)
    assert succeeded.run.status == "success"
    (ping,) = telling.sent(succeeded.run.id, 1)
    assert (ping.event, ping.subject) == ("ping", f"{dag} succeeded")
    assert telling.sink.asked == [path]
    assert telling.notifications(failed.run.id) == []
    assert PING_KEY not in str(ping)


# --- what hangs ------------------------------------------------------------------------------------------------------


def test_a_notifier_that_hangs_holds_up_nobody_and_is_tried_again(telling: Telling) -> None:
    """It was called first of all, and all that the tests before saw went on beside it."""
    (run,) = telling.client.runs(dag="hung").runs
    assert run.status == "failed"

    def stands() -> dict[str, tuple[str, int]]:
        return {each.notifier: (each.status, each.tries) for each in telling.notifications(run.id)}

    assert stands()["notes"] == ("sent", 1)
    wait_until(lambda: stands()["stuck"][1] > 0, "the time limit of the notifier")
    assert stands()["stuck"][0] == "pending"
    (stuck,) = [each for each in telling.notifications(run.id) if each.notifier == "stuck"]
    assert stuck.error == "it took longer than 30 s"
    assert "notifier stuck could not tell “hung: t failed”: it took longer than 30 s; once more in 10 s" in (
        telling.served.log
    )


def test_a_run_in_the_terminal_ends_when_all_has_been_told_and_says_what_was_not(world: World) -> None:
    """Nothing serves before or after it: what is not told then waits for the next start."""
    with sink() as server:
        source = world.folder / "source" / "brief.ppd"
        source.parent.mkdir()
        hook = f"json://127.0.0.1:{server.port}/hook"
        source.write_text(
            f"""
            notifier hook  = apprise("{hook}")
            notifier wrong = apprise("nonsense")
            dag brief {{
              notify   = [hook, wrong]
              alert_on = [success]
              task a = empty()
            }}
            """,
            encoding="utf-8",
        )
        done = world.call(world.build(source), "run", "brief")
        assert done.returncode == 0, done.stdout + done.stderr
        assert [body["title"] for body in server.messages("/hook")] == ["brief succeeded"]
    problem = "notifier wrong could not tell “brief succeeded”: apprise does not know what this address means"
    assert (
        f"{problem}: it begins with no such thing as `mailto://`; once more when the program runs again" in done.stdout
    )
