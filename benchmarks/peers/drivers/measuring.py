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
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import processor_seconds, proportional_bytes, tree

_READY_SECONDS, _SETTLED_SECONDS, _IDLE_SECONDS, _END_SECONDS = 300, 5, 10, 30
_DUE_RUNS, _DUE_SECONDS = 3, 600

STAMP = """
import time
from datetime import datetime
from pathlib import Path

def stamp(due: datetime):
    with Path("STAMPS").open("a") as file:
        print(due.timestamp(), time.time(), file=file)
"""
"""A function for tasks that are due each minute: it writes down when it was due and when it is, into `STAMPS`."""


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
def serving(
    command: Sequence[str], port: int, path: str, folder: Path, *, also: str = "", **variables: str
) -> Iterator[Server]:
    """What the command starts, once it answers at the path, which is when it counts as ready, and then at the one that
    it needs `also`; ended at the end with all that it has started."""
    began = time.perf_counter()
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env={**os.environ, **variables}, stdout=log, stderr=log, start_new_session=True
        )
    try:
        ready = 0.0
        for each in (path, also) if also else (path,):
            while not _answers(port, each):
                if process.poll() is not None or time.perf_counter() - began > _READY_SECONDS:
                    said = (folder / "server.log").read_text()[-500:]
                    raise SystemExit(f"{' '.join(command)} does not answer at {each}: {said}")
                time.sleep(0.01)
            ready = ready or time.perf_counter() - began
        yield Server(process.pid, ready)
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends all of its group, for what it started may outlive it, and would go on working on the same database."""
    until = time.monotonic() + _END_SECONDS
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < until:
            process.poll()
            os.killpg(process.pid, 0)
            time.sleep(0.1)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def lateness(stamps: Path) -> float:
    """How many seconds after its time such a task began, the median of three; those due before now do not count."""
    began = time.time()
    until = time.monotonic() + _DUE_SECONDS
    while time.monotonic() < until:
        lines = stamps.read_text(encoding="utf-8").splitlines() if stamps.exists() else []
        pairs = [tuple(map(float, line.split())) for line in lines]
        late = [now - due for due, now in pairs if due > began]
        if len(late) >= _DUE_RUNS:
            return median(late)
        time.sleep(0.5)
    raise SystemExit(f"what is due each minute did not run {_DUE_RUNS} times in {_DUE_SECONDS} s")


def report(
    version: str, size: int, took: tuple[float, float], server: Server, late_seconds: float | None = None
) -> None:
    """Says what was found, for the program that started the driver: `took` are the seconds of the chain and of the wide
    dag. What serves must have been looked at. There is no lateness of what starts nothing by time."""
    megabytes, percent = server.rest
    figures = {
        "version": version,
        "hop_ms": 1000 * took[0] / size,
        "rate": size / took[1],
        "ready_seconds": server.ready_seconds,
        "megabytes": megabytes,
        "percent": percent,
        "late_seconds": late_seconds,
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
