"""The API as it is described against the API as it is served: a fuzzer makes requests from the description."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ppacer.web.app import ROUTES
from ppacer.web.operation import EVENT_STREAM, OPERATION, Operation
from tests.e2e.world import PIPELINES, Api, World, wait_until
from tests.servers import free_port

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name("schemathesis.toml")
TOKEN = "for-everybody"
"""Else the first user that is made up would close the door behind itself."""

EXAMPLES = "20"
"""How many requests are made up for each operation and phase, at most."""


def operations() -> list[Operation]:
    """All but those whose answers go on for ever, and those about users: a password takes its time."""
    found = (
        getattr(getattr(handler, method), OPERATION, None)
        for path, handler in ROUTES
        if "/users" not in path
        for method in ("get", "post")
    )
    return [each for each in found if each is not None and each.media != EVENT_STREAM]


def test_requests_made_up_from_the_description_are_answered_as_it_says(world: World) -> None:
    program = world.build(PIPELINES / "asked.ppd")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = world.start(program, "--port", str(port), "--token", TOKEN)
    wait_until(Api(url).up, "the API")
    description = world.folder / "openapi.json"  # the fuzzer itself would wait for it for ten seconds only
    description.write_text(json.dumps(Api(url, TOKEN).request("/api/v1/openapi.json")), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", str(description), "--url", url, "--checks", "all", "--max-examples", EXAMPLES),
        *("--header", f"Authorization: Bearer {TOKEN}", "--request-timeout", "120"),
        *("--generation-deterministic", "--no-color", "--exclude-path-regex", "/stream$|/users"),
    ]
    done = subprocess.run(command, cwd=world.folder, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Tested: {len(operations())}" in done.stdout, "every operation"
    assert "Traceback" not in server.text
