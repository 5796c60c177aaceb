"""Pipelines under test: one with something of everything, and those that tests write themselves."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ppacer.testing import Pipeline, load

PIPELINES = Path(__file__).parent / "pipelines"


@pytest.fixture(scope="session")
def flows() -> Pipeline:
    return load(PIPELINES / "flows.ppd")


@pytest.fixture(scope="session")
def where() -> Callable[[str, str], str]:
    """A task of a dag and where `flows.ppd` declares it, as messages end with it."""
    lines = (PIPELINES / "flows.ppd").read_text(encoding="utf-8").splitlines()

    def found(dag: str, task: str) -> str:
        begin = lines.index(f"dag {dag} {{")
        number = next(n for n, line in enumerate(lines[begin:], begin + 1) if re.search(rf"\btask {task}\b", line))
        return f"task {task} of dag {dag} (flows.ppd:{number})"

    return found


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., Pipeline]:
    """Builds a source, with the modules that are given by name, in a folder of its own."""

    def built(source: str, **modules: str) -> Pipeline:
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        (tmp_path / "pipeline.ppd").write_text(source, encoding="utf-8")
        return load(tmp_path / "pipeline.ppd")

    return built


@pytest.fixture(autouse=True)
def forgotten(tmp_path: Path) -> Iterator[None]:
    """What the pipelines of a test imported is imported anew by those of the next."""
    yield
    for name, module in [*sys.modules.items()]:
        file = getattr(module, "__file__", None) or ""
        if file.startswith((str(tmp_path), str(PIPELINES))):
            del sys.modules[name]
