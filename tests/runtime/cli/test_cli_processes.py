"""The commands as processes: one run here, a program that serves, several at once, killed and started again."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys

import pytest

from ppacer.client import Client, ClientError
from tests.runtime.cli.processes import Shop, running_commands, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow


def test_run_here(shop: Shop) -> None:
    done = shop.call("run", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"│ hello\n✔ first .*\n(.*\n)*.*│ bye\n✔ second", done.stdout)
    assert "✔ quick success" in done.stdout
    assert done.stderr == ""
    assert not (shop.folder / "shop.run.json").exists()
    logs = shop.call("logs", "latest", "second")
    assert re.fullmatch(r"second  ✔ success\n\d\d:\d\d:\d\d  bye\n", logs.stdout)


def test_run_that_fails(shop: Shop) -> None:
    done = shop.call("run", "fails")
    assert done.returncode == 1
    assert re.search(r"✖ bad +failed", done.stdout)
    assert "3" in done.stdout
    hint = re.search(r"its log: (\S+) shop\.py logs (\S+) bad\n", done.stdout)
    assert hint is not None
    assert "about to fail" in shop.call("logs", hint[2][-6:], "bad").stdout


def test_secrets_come_from_where_the_setting_says(shop: Shop) -> None:
    (shop.folder / "keys").mkdir()
    (shop.folder / "keys" / "KEY").write_text("open-sesame\n")
    done = shop.call("run", "secret", "--secrets", "keys")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"│ it is \*+\n", done.stdout)
    assert shop.call("run", "secret").returncode == 1


def test_ctrl_c_cancels_the_run_and_leaves_nothing_running(shop: Shop) -> None:
    process = shop.start("run", "waits")
    wait_until(lambda: "waiting" in shop.said(), "the gate to be reached")
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 1
    said = shop.said()
    assert "cancelling the run" in said
    assert "■ waits cancelled" in said
    assert "Traceback" not in said
    wait_until(lambda: str(shop.folder) not in running_commands(), "all processes to end")


def test_ctrl_c_cancels_a_run_that_is_followed(shop: Shop) -> None:
    server, _ = shop.serve()
    process = shop.start("run", "waits", output="run.txt")
    wait_until(lambda: "waiting" in shop.said("run.txt"), "the gate to be reached")
    process.send_signal(signal.SIGINT)
    assert process.wait(90) == 1
    assert "■ waits cancelled" in shop.said("run.txt")
    assert server.poll() is None


def test_a_run_that_waits_for_another_one_says_so(shop: Shop) -> None:
    shop.serve()
    shop.start("run", "waits", output="first.txt")
    wait_until(lambda: "waiting" in shop.said("first.txt"), "the gate to be reached")
    second = shop.start("run", "waits", output="second.txt")
    wait_until(lambda: "waits waits for its turn: no more runs" in shop.said("second.txt"), "the reason to be told")
    second.send_signal(signal.SIGINT)
    assert second.wait(90) == 1
    assert shop.said("second.txt").count("for its turn") == 1


def test_while_a_program_serves_others_go_through_it(shop: Shop) -> None:
    server, found = shop.serve()
    assert stat.S_IMODE((shop.folder / "shop.run.json").stat().st_mode) == 0o600
    again = shop.call("--port", "0")
    assert again.returncode == 1
    assert f"the program at {found.url} (process {server.pid}, since 20" in again.stderr
    run = shop.call("run", "quick", "-q")
    assert run.returncode == 0
    assert f"{found.url}/runs/" in run.stdout
    triggered = shop.call("trigger", "quick", "--key", "k")
    assert triggered.returncode == 0
    assert shop.call("trigger", "quick", "--key", "k").stdout.split()[2] == triggered.stdout.split()[2]
    assert shop.call("logs", "latest").returncode == 0
    server.terminate()
    assert server.wait(90) == 0
    said = shop.said()
    assert said.index(found.url) < said.index("stopping") < said.index("stopped")
    assert "Traceback" not in said
    assert {path.name for path in shop.folder.iterdir()} >= {"shop.db", "shop.logs.db"}
    assert not (shop.folder / "shop.run.json").exists()


def test_a_trigger_while_nothing_serves_waits_for_the_next_start(shop: Shop) -> None:
    done = shop.call("trigger", "quick")
    assert done.returncode == 0
    assert "begins at its next start" in done.stdout
    run_id = re.search(r"run (\S+) is queued|run (\S+) is", done.stdout)
    assert run_id is not None
    _, found = shop.serve()
    with Client(found.url) as client:
        wait_until(lambda: client.run(run_id[1] or run_id[2]).run.status == "success", "the run")


def test_killed_in_mid_run_and_started_again(shop: Shop) -> None:
    first, found = shop.serve()
    with Client(found.url) as client:
        run_id = client.trigger("waits").id
        wait_until(lambda: status(client, run_id, "gate") == "running", "the gate to be reached")
    first.kill()
    first.wait(90)
    assert (shop.folder / "shop.run.json").exists()
    wait_until(lambda: str(shop.folder) not in running_commands(), "the workers to end")
    logs = shop.call("logs", run_id, "before")
    assert "once" in logs.stdout, logs.stderr
    shop.open_gate()
    _, found = shop.serve()
    with Client(found.url) as client:
        wait_until(lambda: client.run(run_id).run.status == "success", "the run")
        before, gate = client.run(run_id).tasks
    assert len(before.attempts) == 1
    assert [attempt.status for attempt in gate.attempts] == ["lost", "success"]


def test_scheduler_and_executor_apart_with_a_token(shop: Shop) -> None:
    scheduler, found = shop.serve("scheduler", PPACER_TOKEN="s3cret")
    with pytest.raises(ClientError, match="token"), Client(found.url) as stranger:
        stranger.dags()
    refused = shop.call("executor", "--scheduler", found.url)
    assert refused.returncode == 1
    assert "refuses this executor's token" in refused.stderr
    assert "Traceback" not in refused.stderr
    executor = shop.start("executor", "--scheduler", found.url, output="executor.txt", PPACER_TOKEN="s3cret")
    done = shop.call("run", "quick")
    assert done.returncode == 0, done.stdout + done.stderr
    scheduler.terminate()
    assert scheduler.wait(90) == 0
    executor.terminate()
    assert executor.wait(90) == 0
    assert "Traceback" not in shop.said("executor.txt")


def test_an_executor_whose_scheduler_is_away_says_so_and_goes_on(shop: Shop) -> None:
    port = free_port()
    executor = shop.start("executor", "--scheduler", f"http://127.0.0.1:{port}")
    wait_until(lambda: "trying again until it answers" in shop.said(), "a word on it")
    shop.start("scheduler", "--port", str(port), output="scheduler.txt")
    done = None
    with Client(f"http://127.0.0.1:{port}") as client:

        def up() -> bool:
            try:
                return client.ready().status == "ok"
            except ClientError:
                return False

        wait_until(up, "the scheduler")
        done = client.trigger("quick").id
        wait_until(lambda: client.run(done).run.status == "success", "the run")
    executor.terminate()
    assert executor.wait(90) == 0


@pytest.mark.parametrize("command", [("--port", "0"), ("run", "quick"), ("trigger", "quick"), ("logs", "latest")])
def test_a_database_that_is_none(shop: Shop, command: tuple[str, ...]) -> None:
    (shop.folder / "shop.db").write_text("these are the notes of somebody, and no database at all")
    done = shop.call(*command)
    assert done.returncode == 1
    assert re.fullmatch(r"error: .*shop\.db.* no SQLite database.*\n", done.stderr)
    assert done.stdout == ""


def test_a_folder_that_is_not_there(shop: Shop) -> None:
    done = shop.call("--database", "none/shop.db")
    assert done.returncode == 1
    assert re.fullmatch(r"error: there is no folder .*none to keep the database in\n", done.stderr)
    assert not (shop.folder / "none").exists()


def test_a_port_in_use(shop: Shop) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = shop.call("--port", str(port))
    assert done.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert not (shop.folder / "shop.db").exists()


def loaded(shop: Shop, *arguments: str) -> set[str]:
    """The packages that a command has imported by its end."""
    code = (
        "import sys, json, runpy\n"
        "try: runpy.run_path('shop.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=shop.folder,
        env=shop.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


HEAVY = {"tornado", "sqlalchemy", "lark", "jinja2", "ppc"}


@pytest.mark.parametrize("command", ["list", "show daily", "next daily", "config"])
def test_what_the_program_tells_by_itself_loads_nothing_heavy(shop: Shop, command: str) -> None:
    assert loaded(shop, *command.split()).isdisjoint(HEAVY | {"mashumaro", "asyncio", "filelock"})


def test_what_is_asked_of_a_program_that_serves_loads_no_server_and_no_database(shop: Shop) -> None:
    shop.serve()
    shop.call("run", "quick")
    asking = ("runs", "logs latest", "history latest", "list", "pools", "backfill --list", "show quick --versions")
    doing = ("rerun latest first", "pause daily", "silence daily --off", "trigger waits", "cancel latest", "run quick")
    for command in (*asking, *doing):
        assert loaded(shop, *command.split()).isdisjoint(HEAVY), command


def test_what_sends_traces_is_loaded_only_where_the_environment_asks_for_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded(shop, "run", "quick").isdisjoint({"opentelemetry", "requests", "google"})
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    assert "opentelemetry" in loaded(shop, "run", "quick")


def status(client: Client, run_id: str, task: str) -> str:
    return next(each.status for each in client.run(run_id).tasks if each.id == task)
