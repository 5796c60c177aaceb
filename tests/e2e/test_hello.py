"""The hello program, as a stranger meets it: built twice, listed, run, served."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.world import EXAMPLES, Api, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def hello(world: World) -> Path:
    shutil.copy(EXAMPLES / "hello.ppd", world.folder)
    done = world.ppc("build", "hello.ppd", "-o", "build/")
    assert done.returncode == 0, done.stderr
    return world.folder / "build" / "hello.py"


def test_building_twice_gives_the_same_bytes(world: World, hello: Path) -> None:
    first = hello.read_bytes()
    assert world.ppc("build", "hello.ppd", "-o", "build/").returncode == 0
    assert hello.read_bytes() == first
    assert world.ppc("build", "hello.ppd", "-o", "elsewhere/deeper/").returncode == 0


def test_run_keeps_to_the_edges_and_ends_with_0(world: World, hello: Path) -> None:
    done = world.call(hello, "run", "hello")
    assert done.returncode == 0, done.stdout + done.stderr
    logs = world.call(hello, "logs", "latest")
    assert logs.returncode == 0, logs.stderr
    lines = [text for text in ("hello", "foo", "bar", "I'm done!") if text in logs.stdout]
    assert len(lines) == 4
    finished = re.findall(r"✔\s+(start|foo|bar|finish)\b", done.stdout + done.stderr)
    order = list(dict.fromkeys(finished))
    assert sorted(order) == ["bar", "finish", "foo", "start"]
    assert order[0] == "start"
    assert order.index("bar") < order.index("finish")


def test_listing_imports_nothing_of_the_compiler_and_none_of_the_servers(world: World, hello: Path) -> None:
    done = world.call("-X", "importtime", hello, "list")
    assert done.returncode == 0
    assert "hello" in done.stdout
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines() if "|" in line}
    assert "ppacer" in imported
    assert imported.isdisjoint({"lark", "jinja2", "ppc", "ppd", "sqlalchemy", "tornado"})


def test_show_and_next(world: World, hello: Path) -> None:
    shown = world.call(hello, "show", "hello")
    assert shown.returncode == 0
    assert all(task in shown.stdout for task in ("start", "foo", "bar", "finish"))
    following = world.call(hello, "next", "hello", "-n", "5")
    assert following.returncode == 0
    assert len(re.findall(r"\d\d:\d\d:\d\d", following.stdout)) >= 5


def test_unknown_dag_is_a_clear_error(world: World, hello: Path) -> None:
    done = world.call(hello, "run", "helo")
    assert done.returncode == 2
    assert "helo" in done.stderr
    assert "hello" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_whole_program_serves_schedules_and_ends_cleanly(world: World, hello: Path) -> None:
    port = free_port()
    server = world.start(hello, "--port", str(port))
    api = Api(f"http://127.0.0.1:{port}")
    wait_until(api.up, "the API")
    assert f"127.0.0.1:{port}" in server.text

    triggered = world.call(hello, "trigger", "hello")
    assert triggered.returncode == 0, triggered.stderr
    wait_until(lambda: '"success"' in str(api.request("/api/v1/runs")).replace("'", '"'), "a run that succeeded")

    followed = world.call(hello, "run", "hello")
    assert followed.returncode == 0, followed.stderr

    logs = world.call(hello, "logs", "latest", "finish")
    assert logs.returncode == 0, logs.stderr
    assert "I'm done!" in logs.stdout

    assert server.terminate() == 0
    assert "Traceback" not in server.text
    left = {path.name for path in hello.parent.iterdir()}
    assert not any(name.endswith((".run.json", "-wal")) for name in left)
