"""A program whose output is closed, full, of another encoding, or read no further."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.world import EXAMPLES, PATIENCE_SECONDS, World

pytestmark = pytest.mark.slow


@pytest.fixture
def hello(world: World) -> Path:
    shutil.copy(EXAMPLES / "hello.ppd", world.folder)
    assert world.ppc("build", "hello.ppd").returncode == 0
    return world.folder / "hello.py"


def shell(world: World, line: str) -> subprocess.CompletedProcess[str]:
    """Runs a line of shell in which `hello` is the program and `outcome` shows how its last run ended."""
    program = shlex.join([sys.executable, "hello.py"])
    functions = f'hello() {{ {program} "$@"; }}; outcome() {{ hello logs latest finish; }}'
    return subprocess.run(
        ["bash", "-c", f"{functions}; {line}"],
        check=False,
        capture_output=True,
        text=True,
        env=world.environment,
        cwd=world.folder,
        timeout=2 * PATIENCE_SECONDS,
    )


@pytest.mark.parametrize(
    "line",
    [
        "hello run hello >&-",
        "hello run hello >&- 2>&- <&-",
        "hello run hello > /dev/full",
        "hello run hello | head -1; (exit ${PIPESTATUS[0]})",
        "hello run hello 2>&1 | true; (exit ${PIPESTATUS[0]})",
    ],
)
def test_a_run_goes_on_to_its_end_whoever_reads(world: World, hello: Path, line: str) -> None:
    done = shell(world, line)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "✔ success" in shell(world, "outcome").stdout


def test_a_full_disk_under_the_output_is_said(world: World, hello: Path) -> None:
    for command in ("list", "show hello", "run hello"):
        done = shell(world, f"hello {command} > /dev/full")
        assert done.stderr.startswith("error: cannot write the output: no space left on device"), done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_goes_gets_no_complaints(world: World, hello: Path) -> None:
    done = shell(world, "hello list | true")
    assert done.stderr == ""


def test_an_encoding_without_our_marks(world: World, hello: Path) -> None:
    done = shell(world, "PYTHONIOENCODING=ascii hello run hello")
    assert done.returncode == 0, done.stderr
    assert "? hello success in" in done.stdout
