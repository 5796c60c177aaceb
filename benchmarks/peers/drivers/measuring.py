"""What the drivers share: a server that is started, waited for, looked at while it idles, and ended. No package of any
peer is imported here, for each driver runs in the environment of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import processor_seconds, proportional_bytes, tree

_READY_SECONDS, _SETTLED_SECONDS, _IDLE_SECONDS = 300, 5, 10


@dataclass(slots=True)
class Server:
    """`rest` is what all its processes take at rest: megabytes, and percent of a core."""

    pid: int
    ready_seconds: float
    rest: tuple[float, float] = (0.0, 0.0)

    def look(self) -> None:
        """Waits until it has settled, and looks at it for ten seconds."""
        time.sleep(_SETTLED_SECONDS)
        before = processor_seconds(tree(self.pid))
        time.sleep(_IDLE_SECONDS)
        pids = tree(self.pid)
        self.rest = proportional_bytes(pids) / 1e6, 100 * (processor_seconds(pids) - before) / _IDLE_SECONDS


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def serving(command: Sequence[str], port: int, path: str, folder: Path, **variables: str) -> Iterator[Server]:
    """What the command starts, once it answers at the path; ended at the end with all that it has started."""
    began = time.perf_counter()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **variables}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        while not _answers(port, path):
            if process.poll() is not None or time.perf_counter() - began > _READY_SECONDS:
                raise SystemExit(f"{' '.join(command)} does not answer: {(folder / 'server.log').read_text()[-500:]}")
            time.sleep(0.01)
        yield Server(process.pid, time.perf_counter() - began)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def report(version: str, size: int, chain_seconds: float, wide_seconds: float, server: Server) -> None:
    """Says what was found, for the program that started the driver. What serves must have been looked at."""
    megabytes, percent = server.rest
    figures = {
        "version": version,
        "hop_ms": 1000 * chain_seconds / size,
        "rate": size / wide_seconds,
        "ready_seconds": server.ready_seconds,
        "megabytes": megabytes,
        "percent": percent,
    }
    print(json.dumps(figures))


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
