"""Where modules are looked for, when there is colour, and what several files make."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from ppc.cli import main

FLOW = "import shop\n\ndag sales {\n  task a = shop.load()\n}\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PPC_PATH", raising=False)


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, encoding="utf-8")


def test_the_environment_names_folders_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write("flows/sales.ppd", FLOW)
    write("lib/shop.py", "def load() -> int: ...\n")
    assert main(["check", "flows/sales.ppd"]) == 1
    assert "E501" in capsys.readouterr().err
    monkeypatch.setenv("PPC_PATH", os.pathsep.join(["", "gone", "lib"]))
    assert main(["build", "flows/sales.ppd", "-o", "out/"]) == 0
    assert 'search_path=("../flows", "../lib")' in Path("out/sales.py").read_text(encoding="utf-8")


def test_path_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write("flows/sales.ppd", FLOW)
    write("one/shop.py", "def load() -> int: ...\n")
    write("two/shop.py", "def load(region: str) -> int: ...\n")
    monkeypatch.setenv("PPC_PATH", "two")
    assert main(["check", "flows/sales.ppd", "--path", "one"]) == 0
    assert main(["check", "flows/sales.ppd"]) == 1
    assert "E510" in capsys.readouterr().err


def test_several_files_see_each_others_folders_and_clash_by_dag(capsys: pytest.CaptureFixture[str]) -> None:
    write("a/sales.ppd", FLOW)
    write("b/shop.py", "def load() -> int: ...\n")
    write("b/other.ppd", FLOW.replace("dag sales", "dag other"))
    assert main(["check", "a/sales.ppd", "b/other.ppd"]) == 0
    write("b/other.ppd", FLOW)
    assert main(["check", "a/sales.ppd", "b/other.ppd"]) == 1
    err = capsys.readouterr().err
    assert "error[E204]: dag `sales` is declared twice" in err
    assert "b/other.ppd:3:5" in err
    assert "::: a/sales.ppd:3:5" in err


@pytest.mark.slow
def test_all_output_is_there_when_the_process_ends_and_a_full_disk_is_told() -> None:
    command = [sys.executable, "-m", "ppc.cli", "explain"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") > 70
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], coloured: bool) -> None:
    write("bad.ppd", "dag d {}\n")
    command = [sys.executable, "-m", "ppc.cli", "check", "bad.ppd"]
    settings = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    plain = subprocess.run(command, capture_output=True, text=True, check=False, env=settings)
    assert "\x1b" not in plain.stderr
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            command,
            stdout=subprocess.PIPE,
            stderr=theirs,
            check=False,
            env={**settings, "TERM": "xterm", **environment},
        )
        said = os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 1
    assert b"E404" in said
    assert (b"\x1b[" in said) == coloured
