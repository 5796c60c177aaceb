"""The Python project that the compiler's cases import, and a finder that looks into it."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ppc.callables import CallableFinder

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of `project/`. A file `x.py.txt` becomes `x.py`: a module that no tool would take for Python."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(HERE / "project", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    for file in folder.rglob("*.py.txt"):
        file.rename(file.with_suffix(""))
    return folder


@pytest.fixture(scope="session")
def finder(project: Path) -> CallableFinder:
    return CallableFinder([project], sys.path)
