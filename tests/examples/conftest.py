"""Each example in a folder of its own, as somebody has it who copied it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ppacer.testing import Pipeline, load

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Example:
    """A copy of an example's folder."""

    name: str
    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / f"{self.name}.ppd"

    def load(self) -> Pipeline:
        """Its program, for runs in this process on a fake clock."""
        return load(self.source)

    def build(self) -> Path:
        """Its program, for runs by real processes."""
        self.command("-m", "ppc.cli", "build", self.source.name, "-o", "build/")
        return self.folder / "build" / f"{self.name}.py"

    def command(self, *arguments: str | Path, code: int = 0) -> str:
        """What Python prints on both streams when it is given this, in the example's folder."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Example]]:
    """Makes a copy; the modules of one test are not those of the next."""
    modules: set[str] = set()

    def copy(name: str) -> Example:
        folder = tmp_path / name
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("out", "build", "__pycache__"))
        modules.update(file.stem for file in folder.glob("*.py"))
        for module in modules:
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(folder)
        monkeypatch.chdir(folder)
        return Example(name, folder)

    yield copy
    for module in modules:
        sys.modules.pop(module, None)
