"""Built programs on databases of servers: every command, and servers that restart, end sessions, and come late."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from ppacer.client import AwayError, Client, ClientError, RefusedError
from ppacer.core.model import RunStatus
from ppacer.database_url import shown
from tests.e2e.running import start
from tests.e2e.world import EXAMPLES, PATIENCE_SECONDS, PIPELINES, Process, World, wait_until
from tests.servers import IN_URL, PASSWORD, Server, free_port, own_server

pytestmark = pytest.mark.slow

KINDS = ["postgresql", "mariadb"]


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest, server_of: Callable[[str], Server]) -> Iterator[str]:
    """A database on the server that all tests share."""
    with server_of(request.param).database() as url:
        yield url


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server that the test may stop and start."""
    with own_server(request.param) as server:
        yield server


def ended(client: Client, runs: list[str], seconds: float = PATIENCE_SECONDS) -> Counter[str]:
    """How the runs ended, asked for until the API answers and all have."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = [client.run(run_id).run.status for run_id in runs]
        except ClientError:
            found = []
        if found and all(RunStatus(status).terminal for status in found):
            return Counter(found)
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def silent_of_the_password(*texts: str) -> None:
    for text in texts:
        assert PASSWORD not in text
        assert IN_URL not in text


def test_every_command_works_without_a_program_that_serves(world: World, url: str) -> None:
    program = world.build(EXAMPLES / "hello.ppd")

    def call(*arguments: str, code: int = 0) -> str:
        done = world.call(program, *arguments, "--database", url)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        silent_of_the_password(done.stdout, done.stderr)
        return done.stdout + done.stderr

    assert "there is no run yet" in call("runs", code=1)
    assert "cannot be told" not in call("list")
    assert shown(url) in world.call(program, "config", "--database", url).stdout
    assert "✔ hello success" in call("run", "hello")
    assert "hello" in call("logs", "latest", "start")
    assert "is queued" in call("trigger", "hello", "--key", "k")
    assert "◌ queued" in call("runs", "--status", "queued")
    assert "is cancelled" in call("cancel", "latest")
    assert "epoch 2" in call("restart", "latest")
    assert "is paused" in call("pause", "hello")
    assert "paused" in call("list")
    assert "resumed" in call("history", "hello") + call("resume", "hello") + call("history", "hello")
    assert "hello" in call("backfill", "hello", "--list") + call("show", "hello")
    assert not list(world.folder.glob("*.db*"))
    assert not list(world.folder.glob("*.lock"))


def test_commands_ask_the_program_that_serves_and_nobody_else_may(world: World, url: str) -> None:
    program = world.build(PIPELINES / "databases.ppd")
    process, address = start(world, program, "--database", url)
    done = world.call(program, "trigger", "work", "--database", url)
    assert done.returncode == 0, done.stderr
    assert "nothing serves" not in done.stdout
    world.open_gate()
    with Client(address) as client:
        assert ended(client, [client.runs().runs[0].id]) == {"success": 1}
    assert "✔ success" in world.call(program, "runs", "--database", url).stdout
    assert process.terminate() == 0
    silent_of_the_password(process.text)
    assert shown(url) in process.text
    assert "✔ success" in world.call(program, "runs", "--database", url).stdout


def test_logs_may_be_kept_elsewhere(world: World, url: str) -> None:
    program = world.build(EXAMPLES / "hello.ppd")
    places = ("--database", url, "--logs", "logs.db")
    assert world.call(program, "run", "hello", *places).returncode == 0
    assert (world.folder / "logs.db").is_file()
    assert "I'm done!" in world.call(program, "logs", "latest", *places).stdout
    assert "I'm done!" not in world.call(program, "logs", "latest", "--database", url).stdout


def test_a_server_that_restarts_in_the_middle_of_runs_loses_nothing(world: World, server: Server) -> None:
    with server.database() as url:
        program = world.build(PIPELINES / "databases.ppd")
        process, address = start(world, program, "--database", url)
        with Client(address) as client:
            runs = [client.trigger("work").id for _ in range(3)]
            wait_until(lambda: len([name for name, _ in world.steps("start") if name == "held"]) == 3, "the tasks")
            server.stop()
            world.open_gate()
            wait_until(lambda: len([name for name, _ in world.steps("end") if name == "held"]) == 3, "their ends")
            wait_until(lambda: stalled(client), "the program to say that it cannot record anything")
            server.start()
            assert ended(client, runs) == {"success": 3}
        counted = Counter(name for name, _ in world.steps("start"))
        assert counted == {"first": 3, "held": 3, "join": 3}
        assert process.terminate() == 0
        silent_of_the_password(process.text)
        assert "Traceback" not in process.text


def stalled(client: Client) -> bool:
    """Whether `/ready` says why nothing goes on."""
    try:
        client.ready()
    except RefusedError as error:
        silent_of_the_password(str(error))
        return error.problem.status == HTTPStatus.SERVICE_UNAVAILABLE
    except AwayError:
        pass
    return False


def test_a_server_that_crashes_again_and_again_loses_and_doubles_nothing(world: World, server: Server) -> None:
    world.open_gate()
    with server.database() as url:
        program = world.build(PIPELINES / "databases.ppd")
        process, address = start(world, program, "--database", url)
        runs: list[str] = []
        with Client(address) as client:
            for number in range(3):
                runs.extend(triggered(client, f"{number}-{key}") for key in range(4))
                server.kill()
                server.start()
            assert ended(client, runs) == {"success": 12}
        assert len(set(runs)) == 12
        # A task whose end could not be recorded before the crash is reported again, not run again.
        assert Counter(name for name, _ in world.steps("end")) == dict.fromkeys("abcdefgh", 12)
        assert process.terminate() == 0


def triggered(client: Client, key: str, seconds: float = PATIENCE_SECONDS) -> str:
    """A new run, asked for with a key until there is an answer."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return client.trigger("wide", idempotency_key=key).id
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_sessions_that_are_ended_are_replaced(world: World, url: str, server_of: Callable[[str], Server]) -> None:
    """All of them, that which holds the lead among them."""
    world.open_gate()
    server = server_of("postgresql" if url.startswith("postgresql") else "mariadb")
    program = world.build(PIPELINES / "databases.ppd")
    process, address = start(world, program, "--database", url)
    runs: list[str] = []
    with Client(address) as client:
        for number in range(6):
            runs.append(triggered(client, str(number)))
            server.end_sessions(url)
        assert ended(client, runs) == {"success": 6}
        server.end_sessions(url)  # a pause, in which nothing is written
        assert triggered(client, "5") == runs[5]
    assert Counter(name for name, _ in world.steps("end")) == dict.fromkeys("abcdefgh", 6)
    assert process.terminate() == 0


def test_a_server_that_comes_late_is_waited_for(world: World, server: Server) -> None:
    with server.database() as url:
        program = world.build(EXAMPLES / "hello.ppd")
        server.stop()
        port = free_port()
        process = world.start(program, "--database", url, "--port", str(port))
        wait_until(lambda: said_that_it_waits(process), "the program to say that it waits")
        assert process.popen.poll() is None
        silent_of_the_password(process.text)
        server.start()
        with Client(f"http://127.0.0.1:{port}") as client:
            wait_until(lambda: serves(client), "the program to serve")
            assert ended(client, [client.trigger("hello").id]) == {"success": 1}
        assert process.terminate() == 0


def said_that_it_waits(process: Process) -> bool:
    assert process.popen.poll() is None, process.text
    return "cannot be reached" in process.text


def serves(client: Client) -> bool:
    try:
        return client.ready().status == "ok"
    except ClientError:
        return False


def test_a_database_that_cannot_be_used_ends_the_program_with_a_reason(world: World, url: str) -> None:
    program = world.build(EXAMPLES / "hello.ppd")
    wrong = url.replace(IN_URL, "wrong")
    for command in ("start", "scheduler"):
        done = world.call(program, command, "--database", wrong, "--port", "0")
        assert done.returncode == 1
        assert "the server does not let the user in" in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
    done = world.call(program, "runs", "--database", f"{url}?colour=red")
    assert done.returncode == 1
    assert "option" in done.stderr


def test_a_program_that_does_not_serve_says_at_once_that_the_server_is_away(world: World, server: Server) -> None:
    program: Path = world.build(EXAMPLES / "hello.ppd")
    server.stop()
    done = world.call(program, "runs", "--database", server.url("db"))
    assert done.returncode == 1
    assert "the server cannot be reached" in done.stderr
    silent_of_the_password(done.stderr)
