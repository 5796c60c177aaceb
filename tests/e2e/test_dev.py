"""`ppc dev`: a program that follows its sources while its runs go on, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
from pathlib import Path

import pytest

from ppacer.client import Client
from ppc.cli import main
from tests.e2e.alive import commands
from tests.e2e.serving import Serving, statuses
from tests.e2e.world import PIPELINES, Api, Process, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

VSCODE = Path(__file__).parents[2] / "grammar/vscode"
PATIENCE_SECONDS = 120
"""Bounds what hangs: programs are stopped and started, each in its time on a busy machine."""

SOURCE = """\
from doors import gate, say
from wares import price

dag held {
  task first = gate()
  task then  = say("through")
  first -> then
}

dag priced {
  task tag = price("tea")
}
"""


def project(world: World) -> Path:
    for name in ("doors.py", "wares.py"):
        shutil.copy(PIPELINES / "before" / name, world.folder)
    source = world.folder / "work.ppd"
    source.write_text(SOURCE, encoding="utf-8")
    return source


def save(file: Path, text: str) -> None:
    """Whole or not at all, as editors do."""
    beside = file.with_suffix(".saved")
    beside.write_text(text, encoding="utf-8")
    beside.replace(file)


def develop(world: World, source: Path) -> tuple[Process, str]:
    """Starts it; returns when the program answers."""
    port = free_port()
    process = world.start("-m", "ppc.cli", "dev", source, "--port", str(port), "--drain", "0")
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: Api(url).up() or process.popen.poll() is not None, "the program to answer", PATIENCE_SECONDS)
    assert process.popen.poll() is None, process.text
    return process, url


def build_of(url: str) -> str | None:
    """The build that answers now; none between two programs."""
    with contextlib.suppress(OSError):
        answer = Api(url).request("/api/v1/dags")
        assert isinstance(answer, dict)
        return str(answer["build"])
    return None


def new_build(url: str, *before: str | None) -> str:
    wait_until(lambda: build_of(url) not in (None, *before), "another build to answer", PATIENCE_SECONDS)
    build = build_of(url)
    assert build is not None
    return build


def test_a_program_follows_its_sources_and_its_runs_go_on(world: World) -> None:
    source = project(world)
    process, url = develop(world, source)
    first = new_build(url)
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        served = Serving(world, source.with_suffix(".py"), process, url, client)
        run = served.trigger("held")
        served.until(run, "first", "running")

        # A fault is told, and the program stays what it was.
        save(source, SOURCE.replace('say("through")', 'sey("through")'))
        told = "the program that runs is left as it is"
        wait_until(lambda: told in process.text, "the fault to be told", PATIENCE_SECONDS)
        assert "work.ppd:6:16" in process.text
        assert build_of(url) == first

        save(source, SOURCE.replace('say("through")', 'say("after")'))
        second = new_build(url, first)

        # The Python of a task is a source, too.
        wares = world.folder / "wares.py"
        save(wares, wares.read_text(encoding="utf-8").replace("costs 3", "costs 4"))
        new_build(url, first, second)
        assert served.run("priced").tasks[0].output == "tea costs 4"

        # The run has gone through two new programs, with the graph that it began with.
        world.open_gate()
        ended = served.ended(run, PATIENCE_SECONDS)
        assert (ended.run.status, ended.run.build) == ("success", first)
        assert statuses(ended) == {"first": "success", "then": "success"}
    process.popen.send_signal(signal.SIGINT)
    assert process.popen.wait(PATIENCE_SECONDS) == 0
    assert "Traceback" not in process.text
    assert_an_editor_can_follow(process.text)
    wait_until(lambda: commands(world) == [], "all processes to end", PATIENCE_SECONDS)


def assert_an_editor_can_follow(said: str) -> None:
    """Each check has a beginning and an end, by which the problem matcher of the extension for VS Code takes back what
    it has listed."""
    manifest = json.loads((VSCODE / "package.json").read_text(encoding="utf-8"))
    (background,) = [each["background"] for each in manifest["contributes"]["problemMatchers"] if "background" in each]
    begins, ends = background["beginsPattern"], background["endsPattern"]
    marks = [
        "b" if re.search(begins, line) else "e" for line in said.splitlines() if re.search(f"{begins}|{ends}", line)
    ]
    assert re.fullmatch("(be){4,}", "".join(marks))


def test_a_program_ends_with_the_command_that_is_killed(world: World) -> None:
    process, _ = develop(world, project(world))
    process.kill()
    wait_until(lambda: commands(world) == [], "all processes to end", PATIENCE_SECONDS)


def test_arguments_that_the_program_refuses_end_it(world: World) -> None:
    done = world.ppc("dev", project(world), "--port", "many")
    assert done.returncode == 2
    assert "many" in done.stderr


def test_a_file_of_somebody_else_is_left_alone(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    source = project(world)
    own = source.with_suffix(".py")
    own.write_text("mine = True\n", encoding="utf-8")
    assert main(["dev", str(source)]) == 1
    assert "was not generated by ppc" in capsys.readouterr().err
    assert own.read_text(encoding="utf-8") == "mine = True\n"
