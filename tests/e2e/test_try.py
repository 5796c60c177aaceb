"""The README's first command as written, in a copy of this project: its own virtual environment, build and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it stands, in a folder whose name a careless script would trip over."""
    folder = tmp_path_factory.mktemp("checkout") / "a stranger's „ćopy“"
    made = (".*cache", ".git", ".venv*", ".hypothesis", "__pycache__", "build", "out", "*.db*", "*.run.json")
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*made))
    return folder


def run(checkout: Path, *command: str | Path) -> str:
    """What the command prints, started from elsewhere with an environment that holds next to nothing."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTP", "http"))}
    done = subprocess.run(
        list(map(str, command)),
        cwd=checkout.parent,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        env=kept | {"PATH": os.environ["PATH"], "PYTHON": sys.executable},
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_hello_is_set_up_built_and_run_and_says_where_to_look(checkout: Path) -> None:
    said = run(checkout, "sh", checkout / "examples" / "try.sh")
    assert "examples/hello.ppd -> build/hello.py: 1 dag, 4 tasks" in said
    for text in ("hello", "foo", "bar", "I'm done!"):
        assert f"│ {text}\n" in said
    assert "✔ hello success" in said
    assert "build/hello.py, compiled from examples/hello.ppd" in said
    hints = [line.partition(": ")[2].split("  ")[-1].strip() for line in said.splitlines() if " logs latest" in line]
    assert hints == [".venv/bin/python build/hello.py logs latest"]
    logs = subprocess.run(["sh", "-c", hints[0]], cwd=checkout, check=True, capture_output=True, text=True)
    assert "I'm done!" in logs.stdout


def test_weather_is_set_up_built_and_run_and_leaves_its_report(checkout: Path) -> None:
    said = run(checkout, "sh", checkout / "examples" / "try.sh", "weather")
    assert "✔ weather success" in said
    (report,) = [line.rpartition(" ")[2] for line in said.splitlines() if line.startswith("Its report:")]
    assert "<svg" in (checkout / report).read_text(encoding="utf-8")


def test_an_example_that_is_none_is_refused(checkout: Path) -> None:
    done = subprocess.run(
        ["sh", checkout / "examples" / "try.sh", "nosuch"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == "error: no example is called 'nosuch'\nusage: sh examples/try.sh [hello|weather]\n"


def test_a_python_that_does_not_suit_is_told(checkout: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", checkout / ".ci" / "venv.sh", tmp_path / "venv", "."],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHON": "/nonexistent/python"},
    )
    assert done.returncode == 2
    assert "no Python 3.11 or newer" in done.stderr
    assert "PYTHON=" in done.stderr
