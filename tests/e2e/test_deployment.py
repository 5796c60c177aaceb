"""Programs as the files beside them start them: with those commands and variables, as plain processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from ppacer.client import Client
from ppacer.runfile import read_run_file
from tests.conftest import ServerOf
from tests.e2e.world import EXAMPLES, PATIENCE_SECONDS, Process, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

SECRETS = {"PPACER_TOKEN": "a-secret-for-all", "POSTGRES_PASSWORD": "a-secret-of-the-database"}
DOCUMENT = EXAMPLES.parent / "docs" / "deploying.md"


@dataclass(frozen=True)
class Image:
    """What the Dockerfile says of how it runs: variables, what is run, what asks how it is."""

    environment: dict[str, str]
    entrypoint: list[str]
    health: list[str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the document's own command fills."""
    folder = tmp_path_factory.mktemp("deployed")
    shutil.copy(EXAMPLES / "hello.ppd", folder / "pipeline.ppd")
    (command,) = re.findall(r"^ppc (.*)$", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "ppc.cli", *command.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return folder / "build"


def image_of(folder: Path, port: int, data: Path) -> Image:
    """Of the folder's Dockerfile; at that port, and with those folders for the ones of the image."""
    text = (folder / "Dockerfile").read_text("utf-8").replace("\\\n", "")

    def here(value: str) -> str:
        value = value.replace("/app/", f"{folder}/").replace("/data", str(data)).replace("9321", str(port))
        return sys.executable if value == "python" else value

    said = dict(re.findall(r"^(ENV|ENTRYPOINT|HEALTHCHECK) (.*)$", text, re.MULTILINE))
    variables = dict(pair.split("=", 1) for pair in said["ENV"].split())
    health = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    return Image(
        {name: here(value) for name, value in variables.items()} | {"PPACER_HOST": "127.0.0.1"},
        [here(word) for word in json.loads(said["ENTRYPOINT"])],
        [here(word) for word in health],
    )


def filled(text: str) -> str:
    """As a compose file's variables are filled in, of those that are set."""
    before = ""
    while before != text:
        before = text
        text = re.sub(r"\$\{(\w+)(?::([-?])([^{}]*))?\}", lambda found: SECRETS.get(found[1], found[3] or ""), text)
    return text


def begun(world: World, command: list[str], environment: dict[str, str]) -> Process:
    output = world.folder / f"begun-{len(world.processes)}.txt"
    with output.open("wb") as stream:
        popen = subprocess.Popen(
            command,
            env={"TMPDIR": str(world.folder), "PATH": os.environ["PATH"], **environment},
            cwd=world.folder,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    process = Process(popen, output)
    world.processes.append(process)
    return process


def healthy(image: Image) -> bool:
    return subprocess.run(image.health, capture_output=True, check=False, timeout=PATIENCE_SECONDS).returncode == 0


def test_the_compose_files_services_work_together(world: World, built: Path, server_of: ServerOf) -> None:
    services = yaml.safe_load((built / "compose.yaml").read_text("utf-8"))["services"]
    port = free_port()
    data = world.folder / "scheduler"
    data.mkdir()
    image = image_of(built, port, data)
    assert services["scheduler"]["healthcheck"]["test"][3] == image.health[2].replace(str(port), "9321")
    with server_of("postgresql").database() as database:

        def start(service: str, folder: Path) -> Process:
            folder.mkdir(exist_ok=True)
            own = {name: filled(value) for name, value in services[service]["environment"].items()}
            if "PPACER_DATABASE" in own:
                assert own["PPACER_DATABASE"] == "postgresql://ppacer:a-secret-of-the-database@database:5432/ppacer"
                own["PPACER_DATABASE"] = database
            if "PPACER_SCHEDULER" in own:
                assert own["PPACER_SCHEDULER"] == "http://scheduler:9321"
                own["PPACER_SCHEDULER"] = f"http://127.0.0.1:{port}"
            environment = image_of(built, port, folder).environment | own
            return begun(world, [*image.entrypoint, *services[service]["command"]], environment)

        assert not healthy(image)
        scheduler = start("scheduler", data)
        wait_until(lambda: healthy(image) or scheduler.popen.poll() is not None, "the scheduler")
        assert scheduler.popen.poll() is None, scheduler.text
        wait_until(lambda: read_run_file(data / "pipeline.run.json") is not None, "the run file")
        executors = [start("executor", world.folder / name) for name in ("one", "two")]
        with Client(f"http://127.0.0.1:{port}", token=SECRETS["PPACER_TOKEN"]) as client:
            wait_until(lambda: len(client.executors().executors) == 2, "both executors")
            run = client.trigger("hello").id
            wait_until(lambda: client.run(run).run.status == "success", "the run to succeed")
        for process in (*executors, scheduler):
            assert process.terminate() == 0, process.text
        assert not healthy(image)
        assert not list(data.glob("*.db"))


def test_the_unit_of_systemd_starts_it_and_stops_it(world: World, built: Path) -> None:
    unit = (built / "pipeline.service").read_text("utf-8")
    state, cache = world.folder / "state", world.folder / "cache"
    port = free_port()

    def here(text: str) -> str:
        return (
            text.replace("%S/pipeline", str(state))
            .replace("%C/pipeline", str(cache))
            .replace("/opt/pipeline", str(built))
        )

    state.mkdir()
    environment = dict(pair.split("=", 1) for pair in re.findall(r"^Environment=(.*)$", unit, re.MULTILINE))
    environment = {name: here(value) for name, value in environment.items()} | {"PPACER_PORT": str(port)}
    (command,) = re.findall(r"^ExecStart=/usr/bin/python3 (.*)$", unit, re.MULTILINE)
    process = begun(world, [sys.executable, *map(here, command.split())], environment)
    run_file = state / "pipeline.run.json"
    wait_until(lambda: read_run_file(run_file) is not None or process.popen.poll() is not None, "it to serve")
    assert process.popen.poll() is None, process.text
    assert (state / "pipeline.db").is_file()
    assert "KillMode=mixed" in unit  # as here, only the program itself is asked to stop
    assert process.terminate() == 0, process.text
    assert not run_file.exists()
