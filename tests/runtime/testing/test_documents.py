"""The document and the example on testing do what they say, and leave nothing out."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ppacer.testing
from ppacer.testing import Pipeline, RunResult, TaskResult

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")

SHOP = """
from dataclasses import dataclass
from datetime import date

@dataclass
class Stored:
    rows: int
    tables: list[str]

def extract(region: str, day: date) -> list[dict[str, int]]:
    raise AssertionError("no test asks the shop")

def load(raw: list[list[dict[str, int]]], currency: str) -> Stored:
    return Stored(sum(map(len, raw)), ["orders", "customers"])

def check(table: str) -> None: ...

def send(rows: int) -> None: ...

def drop_temp() -> None: ...
"""


def passed(folder: Path) -> int:
    """How many tests of a folder pass: all of them must, and leave nothing behind."""
    before = sorted(folder.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(folder.rglob("*")) == before
    count = re.search(r"(\d+) passed", done.stdout)
    assert count is not None
    return int(count[1])


@pytest.mark.slow
def test_what_the_document_shows_passes(tmp_path: Path) -> None:
    files: dict[str, str] = {"shop.py": SHOP}
    for name, text in re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL):
        files[name] = files.get(name, "") + text
    assert sorted(files) == ["sales.ppd", "shop.py", "test_sales.py"]
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert passed(tmp_path) == files["test_sales.py"].count("def test_")


@pytest.mark.slow
def test_the_example_passes(tmp_path: Path) -> None:
    folder = tmp_path / "example"
    shutil.copytree(ROOT / "examples" / "testing", folder, ignore=shutil.ignore_patterns("__pycache__"))
    assert passed(folder) == (folder / "test_invoices.py").read_text(encoding="utf-8").count("def test_")


def told(name: str) -> bool:
    return re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", DOCUMENT) is not None


@pytest.mark.parametrize("name", [*inspect.signature(Pipeline.run).parameters][2:])
def test_every_argument_of_a_run_is_told(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name in ppacer.testing.__all__ if name.islower() and name != "load"])
def test_every_stub_is_told(name: str) -> None:
    assert re.search(rf"^\| `{name}\(", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("kind", [RunResult, TaskResult])
def test_every_part_of_a_result_is_told(kind: type) -> None:
    names = {each.name for each in dataclasses.fields(kind)} | {name for name in vars(kind) if not name.startswith("_")}
    own = {"dag", "task", "position", "call"}  # plain from what they belong to
    assert [name for name in sorted(names - own) if not told(name)] == []
