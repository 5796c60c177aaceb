"""Examples by one command, in a copy of this project: two with all their own set-up, as the README has it, all the
others with programs in the place of `ppc`, `python` and whatever else they call, which only note that they were called.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
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
    (made,) = [line for line in said.splitlines() if line.startswith("What came of it:")]
    (report,) = [word for word in made.split() if word.endswith("report.html")]
    assert "<svg" in (checkout / report).read_text(encoding="utf-8")
    assert not (checkout / "examples/weather/build").exists()


# --- the others ------------------------------------------------------------------------------------------------------

NAMES = sorted(readme.parent.name for readme in (ROOT / "examples").glob("*/README.md"))


@dataclass(frozen=True)
class Pretence:
    """The examples beside an environment whose programs note how they were called, and do nothing else."""

    root: Path

    @classmethod
    def make(cls, folder: Path) -> Pretence:
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        for name in ("python", "ppc", "pip", "curl"):
            (programs / name).write_text(NOTES.format(name=name), encoding="utf-8")
            (programs / name).chmod(0o755)
        (folder / ".ci").mkdir()
        shutil.copy(ROOT / ".ci" / "venv.sh", folder / ".ci")
        made = shutil.ignore_patterns("build", "out", "__pycache__")
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=made)
        return cls(folder)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", self.root / "examples" / "try.sh", *arguments],
            cwd=self.root.parent,
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
            env={"PATH": os.environ["PATH"]},
        )

    def called(self) -> list[tuple[str, str]]:
        """The folder, from the root, and the words of each call. What runs beside others comes where it may, and is
        not there at all if the others have ended before it has begun.
        """
        calls = [line.split("|") for line in (self.root / "called").read_text(encoding="utf-8").splitlines()]
        return [(os.path.relpath(folder, self.root), words) for folder, words in calls]


NOTES = """#!/bin/sh
case "$*" in *"import "*) exit ;; esac  # whether it suits
root=$(cd "$(dirname "$0")/../.." && pwd)
echo "$PWD|{name} $*" >>"$root/called"
[ ! -e "$root/fails" ] || ! grep -qxF -- "{name} $*" "$root/fails"
"""


@pytest.fixture
def pretence(tmp_path: Path) -> Pretence:
    return Pretence.make(tmp_path / "a „ćopy“")


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_a_readme_are_run_in_a_copy(pretence: Pretence, name: str) -> None:
    readme = (ROOT / "examples" / name / "README.md").read_text(encoding="utf-8")
    commands = readme.partition("```sh\n")[2].partition("```")[0].splitlines()
    before = _files(pretence.root / "examples")
    fails = "<!-- the last of these commands fails -->\n```sh\n" in readme
    if fails:
        (pretence.root / "fails").write_text(f"{commands[-1]}\n", encoding="utf-8")
    done = pretence.run(name)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line[2:] for line in done.stdout.splitlines() if line.startswith("$ ")] == commands
    assert ("It failed, as it should" in done.stdout) == fails
    if commands != ["sh cluster.sh"]:
        calls = [words for folder, words in pretence.called() if folder == f"build/{name}"]
        beside = {re.sub(r"( >.*)? &$", "", command) for command in commands if command.endswith("&")}
        inline = [re.sub(r"^[A-Z_]+=\S* ", "", command) for command in commands if not command.endswith("&")]
        assert [words for words in calls if words not in beside] == inline
    assert _files(pretence.root / "examples") == before


def test_a_command_that_does_not_end_as_told_ends_it(pretence: Pretence) -> None:
    (pretence.root / "fails").write_text("ppc build backups.ppd -o build/\n", encoding="utf-8")
    done = pretence.run("backups")
    assert (done.returncode, done.stderr) == (1, "error: this ended with 1\n")
    assert "build/backups.py" not in done.stdout
    done = pretence.run("sales_etl")
    assert done.returncode == 1
    assert done.stderr == "error: this succeeded, and examples/sales_etl/README.md tells that it fails\n"


def test_servers_end_with_it_and_results_are_told(pretence: Pretence) -> None:
    example = pretence.root / "examples" / "serving"
    example.mkdir()
    lines = ("sleep 3600 &", "mkdir out && echo $! >out/server", "cat out/server")
    (example / "README.md").write_text("\n".join(("# Serving", "```sh", *lines, "```", "")), encoding="utf-8")
    done = pretence.run("serving")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nWhat came of it:   build/serving/out/server\n" in done.stdout
    with pytest.raises(ProcessLookupError):
        os.kill(int((pretence.root / "build/serving/out/server").read_text(encoding="utf-8")), 0)
    (example / "README.md").write_text("# Serving\n", encoding="utf-8")
    assert "build/serving/out" not in pretence.run("serving").stdout, "each try begins with a copy of its own"


def test_an_example_that_is_none_is_refused_with_those_that_are(pretence: Pretence) -> None:
    for name in ("nosuch", "../tests", ".", ""):
        done = pretence.run(name)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: no example is called '{name}'\nusage: sh examples/try.sh [EXAMPLE]\n")
        assert done.stderr.split("examples:\n")[1].split() == ["hello", *NAMES]
    assert pretence.run("--help").stdout.split("examples:\n")[1].split() == ["hello", *NAMES]
    assert pretence.run("backups", "training").returncode == 2
    assert not (pretence.root / "called").exists()


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
