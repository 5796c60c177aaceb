"""A new project checks, builds, runs and passes its own tests, and never takes the place of what was there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ppc.cli import main

FILES = [".gitignore", "README.md", "sales_load.ppd", "sales_load_steps.py", "test_sales_load.py"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*command: str, cwd: str) -> str:
    done = subprocess.run([sys.executable, *command], cwd=cwd, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_it_makes_a_project_without_a_fault_or_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "work/Sales-Load"]) == 0
    out = capsys.readouterr().out
    assert sorted(path.name for path in Path("work/Sales-Load").iterdir()) == FILES
    assert out.startswith("made work/Sales-Load/sales_load.ppd\n")
    assert out.endswith("Try it:\n  ppc run work/Sales-Load/sales_load.ppd\n")
    assert main(["check", "-W", "error", "work/Sales-Load/sales_load.ppd"]) == 0
    assert main(["fmt", "--check", "work/Sales-Load/sales_load.ppd"]) == 0
    assert not any("PROJECT" in path.read_text(encoding="utf-8") for path in Path("work/Sales-Load").iterdir())


def test_what_to_type_next_holds_for_a_folder_with_a_space(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "my work/sales"]) == 0
    assert capsys.readouterr().out.endswith("  ppc run 'my work/sales/sales.ppd'\n")


@pytest.mark.slow
def test_it_runs_and_its_tests_pass() -> None:
    assert main(["new", "sales_load"]) == 0
    assert "12 words" in run("-m", "ppc.cli", "run", "sales_load.ppd", cwd="sales_load")
    assert "OK" in run("-m", "unittest", cwd="sales_load")
    run("-m", "ppc.cli", "build", "sales_load.ppd", cwd="sales_load")
    assert "sales_load" in run("sales_load.py", "list", cwd="sales_load")
    for name in Path("sales_load/.gitignore").read_text(encoding="utf-8").split():
        if name.startswith("/"):
            assert name[1:].startswith("sales_load.")


@pytest.mark.parametrize("taken", FILES)
def test_nothing_is_overwritten(taken: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("sales_load").mkdir()
    Path("sales_load", taken).write_text("mine", encoding="utf-8")
    assert main(["new", "sales_load"]) == 1
    assert capsys.readouterr() == ("", f"error: sales_load/{taken} is there already; nothing was written\n")
    assert [path.name for path in Path("sales_load").iterdir()] == [taken]
    assert Path("sales_load", taken).read_text(encoding="utf-8") == "mine"


def test_it_may_be_made_in_the_folder_that_one_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("sales_load").mkdir()
    monkeypatch.chdir("sales_load")
    Path("notes.txt").touch()
    assert main(["new", "."]) == 0
    assert sorted(path.name for path in Path().iterdir()) == sorted([*FILES, "notes.txt"])


@pytest.mark.parametrize("name", ["json", "dag", "run", "tornado", "1st", "---", "日本", "x" * 101])
def test_a_name_that_cannot_be_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", f"./{name}"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert not list(Path().iterdir())


def test_a_folder_that_cannot_be_made_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").touch()
    assert main(["new", "file/sales"]) == 1
    assert capsys.readouterr().err.startswith("error: cannot write file")
