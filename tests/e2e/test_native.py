"""A program that is one executable, as it is shipped: copied alone, run where there is no Python."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from filelock import FileLock

from ppacer.client import Client
from ppc.package import is_generated
from tests.e2e.serving import Serving
from tests.e2e.world import EXAMPLES, PATIENCE_SECONDS, PIPELINES, Api, Process, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

SECONDS = 2 * PATIENCE_SECONDS
"""For all that is waited for: Python is unpacked with each start."""

BUILD = ("build", "hello.ppd", "native.ppd", "--format", "bin", "--include", "psycopg[binary]", "--sbom", "bill.json")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the executable, what was printed, its bill: built once, whichever process asks first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "executable"
    with FileLock(f"{folder}.lock"):
        if not (folder / "said.txt").exists():
            folder.mkdir()
            for file in (EXAMPLES / "hello.ppd", PIPELINES / "native.ppd", PIPELINES / "native.py"):
                shutil.copy(file, folder)
            done = subprocess.run(
                [sys.executable, "-m", "ppc.cli", *BUILD],
                cwd=folder,
                capture_output=True,
                text=True,
                timeout=1200,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            (folder / "said.txt").write_text(done.stdout, "utf-8")
    return folder


@pytest.fixture
def shipped(world: World, built: Path) -> Path:
    """The file alone in a folder, on a machine where nothing is set up."""
    place = world.folder / "a folder für alles" / "hello"
    place.parent.mkdir()
    shutil.copy(built / "hello", place)
    return place


def surroundings(place: Path) -> dict[str, str]:
    """Nothing, not even a PATH; but where temporary files go, that a test may see them."""
    temporary = place.parent.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    return {"TMPDIR": str(temporary), "PATH": "/nowhere"}


def call(place: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(
        [place, *arguments],
        env=surroundings(place),
        cwd=place.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@contextmanager
def serving(world: World, place: Path) -> Iterator[Serving]:
    """The executable serves, in a group of its own; ended with the test at the latest."""
    port = free_port()
    output = world.folder / f"served-{len(world.processes)}.txt"
    with output.open("wb") as stream:
        popen = subprocess.Popen(
            [place, "--port", str(port)],
            env=surroundings(place),
            cwd="/",
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    process = Process(popen, output)
    world.processes.append(process)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: Api(url).up() or popen.poll() is not None, "the program to answer", SECONDS)
    assert popen.poll() is None, process.text
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        yield Serving(world, place, process, url, client)


def unpacked(place: Path) -> set[Path]:
    """The folders that Python is unpacked in."""
    return set((place.parent.parent / "temporary").glob("_MEI*"))


def test_it_runs_where_there_is_no_python_and_leaves_nothing_behind(built: Path, shipped: Path) -> None:
    said = (built / "said.txt").read_text("utf-8")
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}." in said
    assert "it starts in " in said
    said = call(shipped, "run", "hello")
    assert "I'm done!" in said
    assert "✔ hello success" in said
    assert {each.name for each in shipped.parent.iterdir()} == {"hello", "hello.db", "hello.db.lock", "hello.logs.db"}
    assert "./hello trigger" in call(shipped, "trigger", "--help")
    assert not unpacked(shipped)


def test_it_carries_compiled_modules_and_runs_scripts_with_them(shipped: Path) -> None:
    shutil.copy(PIPELINES / "told.py", shipped.parent)
    said = call(shipped, "run", "native", code=1)
    assert "driver │ binary " in said
    logs = call(shipped, "logs", "latest", "place")
    assert 'native.py", line 14, in fails' in logs
    assert "main.py" not in logs
    said = call(shipped, "run", "scripted")
    assert "told │ told one two" in said
    assert "psycopg_binary" in said
    assert "__main__" in said


def test_it_serves_is_killed_and_begun_again(world: World, shipped: Path) -> None:
    with serving(world, shipped) as first:
        for path, word in {"/": "<html", "/static/app.js": "import", "/metrics": "ppacer_"}.items():
            with urllib.request.urlopen(first.url + path, timeout=SECONDS) as answer:
                assert word in answer.read().decode()
        ran = first.client.trigger("hello").id
        assert first.ended(ran, SECONDS).run.status == "success"
        (left,) = unpacked(shipped)
        first.process.kill()  # what waits; the program itself ends with it
        wait_until(lambda: not Api(first.url).up(), "the program to end with its loader", SECONDS)

    with serving(world, shipped) as second:
        assert second.client.run(ran).run.status == "success"
        assert left not in unpacked(shipped)
        os.killpg(second.process.popen.pid, signal.SIGTERM)  # which the loader passes on besides
        assert second.process.popen.wait(SECONDS) == 0
        assert "stopped" in second.process.text
    assert not unpacked(shipped)


def test_it_tells_what_is_inside_and_whether_that_has_been_changed(built: Path, shipped: Path) -> None:
    assert "inside it (by PyInstaller " in call(shipped, "info")
    told = json.loads(call(shipped, "info", "--json"))
    assert told["native"]["python"] == told["python"]
    assert any(library["name"].startswith("libpython") for library in told["native"]["libraries"])
    assert "files inside are what they were built as" in call(shipped, "verify")
    text = (built / "bill.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert {"CPython", "pyinstaller"} <= {each["name"] for each in bill["metadata"]["component"]["components"]}
    assert any(each["name"].startswith("libpython") for each in bill["components"])
    with shipped.open("r+b") as file:  # in what the loader says, which is never said here
        place = file.read(told["native"]["bytes"]).index(b"Failed to execute script")
        file.seek(place)
        file.write(b"Managed")
    assert "the Python inside has been changed" in call(shipped, "verify", code=1)


def test_a_later_build_takes_its_place_and_nothing_else_is_overwritten(built: Path, tmp_path: Path) -> None:
    """What tells one from somebody's own executable is what is behind it."""
    own = tmp_path / "hello"
    shutil.copy("/bin/sh", own)
    done = subprocess.run(
        [sys.executable, "-m", "ppc.cli", "build", built / "hello.ppd", "--format", "bin", "-o", own],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "hello was not generated by ppc" in done.stderr
    assert is_generated(built / "hello")
