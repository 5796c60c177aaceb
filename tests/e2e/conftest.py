"""The fixture of the end-to-end tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for process in made.processes:
        if process.popen.poll() is None:
            process.popen.terminate()
    for process in made.processes:
        try:
            process.popen.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
