"""Programs that are started more than once in a test, or ended otherwise than they should be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ppacer.client import Client
from tests.e2e.serving import Serving
from tests.e2e.world import PATIENCE_SECONDS, Api, Process, World, wait_until
from tests.servers import free_port


def start(world: World, program: Path, *arguments: str, port: int | None = None) -> tuple[Process, str]:
    """Starts a program that has been built; returns when it answers at the address that is given."""
    port = free_port() if port is None else port
    process = world.start(program, *arguments, "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: Api(url).up() or process.popen.poll() is not None, "the program to answer")
    assert process.popen.poll() is None, process.text
    return process, url


@contextmanager
def running(world: World, program: Path, *arguments: str) -> Iterator[Serving]:
    """Serves a program that has been built. At the end it stops as it should, unless it was killed before."""
    process, url = start(world, program, *arguments)
    with Client(url, timeout=PATIENCE_SECONDS) as client:
        yield Serving(world, program, process, url, client)
    if process.popen.poll() is None:
        assert process.terminate() == 0
