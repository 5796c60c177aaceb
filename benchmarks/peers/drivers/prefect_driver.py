"""Prefect: flows of tasks in threads, with the server in SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.peers.drivers.measuring import STAMP, free_port, lateness, report, serving

_FLOWS = """
import json, time
from prefect import flow, task, __version__
from prefect.futures import wait

@task
def nothing(after=None):
    return None

@flow
def chain(size):
    last = None
    for _ in range(size):
        last = nothing.submit(after=last)
    last.result()

@flow
def wide(size):
    wait([nothing.submit() for _ in range(size)])

took = []
for each in (chain, wide):
    began = time.perf_counter()
    each(SIZE)
    took.append(time.perf_counter() - began)
print(json.dumps([__version__, *took]))
"""
_OFTEN = f"""
from prefect import flow, task
from prefect.runtime import flow_run
{STAMP}
@task
def first():
    stamp(flow_run.scheduled_start_time)

@flow
def often():
    first()

if __name__ == "__main__":
    often.serve("often", cron="* * * * *")
"""


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    port = free_port()
    variables = {
        "PREFECT_HOME": str(folder / "home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "ERROR",
        "DO_NOT_TRACK": "1",
    }
    (folder / "flows.py").write_text(_FLOWS.replace("SIZE", str(size)), encoding="utf-8")
    command = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, "/api/health", folder, **variables) as server:
        server.look()
        ran = subprocess.run(
            [sys.executable, "flows.py"],
            cwd=folder,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise SystemExit(ran.stderr[-500:])
        stamps = folder / "stamps"
        (folder / "often.py").write_text(_OFTEN.replace("STAMPS", str(stamps)), encoding="utf-8")
        served = subprocess.Popen(
            [sys.executable, "often.py"], cwd=folder, env={**os.environ, **variables}, stdout=subprocess.DEVNULL
        )
        try:
            late = lateness(stamps)
        finally:
            served.terminate()
            served.wait()
    version, chain, wide = json.loads(ran.stdout.splitlines()[-1])
    report(version, size, (chain, wide), server, late)


if __name__ == "__main__":
    main()
