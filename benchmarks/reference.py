"""The baseline's figures, measured in the same run as what is compared to them."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.baseline import drive, half

CONNECTIONS, BATCH = 4, 8
TASKS, SINGLE = 10_000, 1_000
STARTS = 5
IDLE_SECONDS = 20
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Reference:
    """`rate` in tasks a second, as many of them under way as an executor has at most by default; `hop_ms` for one claim
    and one finish with nothing else going on; the rest of the bare server when it idles and when it starts."""

    sync_ms: float
    rate: float
    hop_ms: float
    start_seconds: float
    idle_percent: float
    idle_megabytes: float


def measure(folder: Path) -> Reference:
    folder.mkdir()
    sync = 1000 * machine.sync_seconds(folder)
    with _server(folder / "wide.db", TASKS) as (_, port, _):
        seconds, _ = drive(port, connections=CONNECTIONS, batch=BATCH)
    with _server(folder / "long.db", SINGLE) as (_, port, _):
        _, laps = drive(port, connections=1, batch=1)
    starts = []
    for number in range(STARTS):
        with _server(folder / f"start{number}.db", 0) as (_, _, took):
            starts.append(took)
    with _server(folder / "idle.db", 0) as (process, _, _):
        time.sleep(2)
        before = machine.processor_seconds([process.pid])
        time.sleep(IDLE_SECONDS)
        idle = (machine.processor_seconds([process.pid]) - before) / IDLE_SECONDS
        memory = machine.proportional_bytes([process.pid]) / 1e6
    return Reference(sync, TASKS / seconds, 1000 * half(laps), median(starts), 100 * idle, memory)


@contextmanager
def _server(file: Path, tasks: int) -> Iterator[tuple[subprocess.Popen[str], int, float]]:
    """The bare server, the port it answers at, and the seconds until it did."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.baseline", str(file), str(tasks)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            connection = http.client.HTTPConnection("127.0.0.1", port)
            connection.request("GET", "/health")
            connection.getresponse().read()
            connection.close()
            yield process, port, time.perf_counter() - began
        finally:
            process.kill()
