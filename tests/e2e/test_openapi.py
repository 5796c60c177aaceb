"""The API as it is described against the API as it is served: a fuzzer makes requests from the description."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ppacer.web.app import ROUTES
from ppacer.web.operation import EVENT_STREAM, OPERATION, Operation
from tests.e2e.world import PIPELINES, Api, World, free_port, wait_until

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name("schemathesis.toml")
EXAMPLES = "20"
"""How many requests are made up for each operation and phase, at most."""


def operations() -> list[Operation]:
    """All but those whose answers go on for ever."""
    found = (getattr(getattr(handler, method), OPERATION, None) for _, handler in ROUTES for method in ("get", "post"))
    return [each for each in found if each is not None and each.media != EVENT_STREAM]


def test_requests_made_up_from_the_description_are_answered_as_it_says(world: World) -> None:
    program = world.build(PIPELINES / "asked.ppd")
    port = free_port()
    server = world.start(program, "--port", str(port))
    wait_until(Api(f"http://127.0.0.1:{port}").up, "the API")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"http://127.0.0.1:{port}/api/v1/openapi.json", "--checks", "all", "--max-examples", EXAMPLES),
        *("--generation-deterministic", "--no-color", "--exclude-path-regex", "/stream$"),
    ]
    done = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {len(operations())}" in done.stdout, "every operation"
    assert "Traceback" not in server.text
