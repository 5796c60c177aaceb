"""Airflow: `airflow standalone` with its LocalExecutor and SQLite; dags triggered by its command."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.peers.drivers.measuring import STAMP, Server, free_port, lateness, report, serving

_RUN_SECONDS = 800
_DAGS = """
from airflow.sdk import dag, task

@task
def nothing():
    pass

@dag
def chain():
    last = nothing.override(task_id="t0")()
    for number in range(1, SIZE):
        following = nothing.override(task_id=f"t{number}")()
        last >> following
        last = following

@dag
def wide():
    for number in range(SIZE):
        nothing.override(task_id=f"t{number}")()

chain()
wide()
"""
_OFTEN = f"""
import datetime as dt
from airflow.sdk import dag, task
{STAMP}
@task
def first(data_interval_end=None):
    stamp(data_interval_end)

@dag(schedule="* * * * *", start_date=dt.datetime(2026, 1, 1, tzinfo=dt.UTC), catchup=False)
def often():
    first()

often()
"""


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    port = free_port()
    dags = folder / "dags"
    dags.mkdir()
    (dags / "dags.py").write_text(_DAGS.replace("SIZE", str(size)), encoding="utf-8")
    variables = {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "false",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": str(size),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
    }
    os.environ.update(variables)
    _airflow("db", "migrate")
    _airflow("dags", "reserialize")
    with _standalone(port, folder) as server:
        server.look()
        took = [_run(folder, dag) for dag in ("chain", "wide")]
    stamps = folder / "stamps"
    (dags / "dags.py").unlink()
    (dags / "often.py").write_text(_OFTEN.replace("STAMPS", str(stamps)), encoding="utf-8")
    _airflow("dags", "reserialize")
    with _standalone(port, folder):
        late = lateness(stamps)
    report(version("apache-airflow"), size, (took[0], took[1]), server, late)


def _standalone(port: int, folder: Path) -> AbstractContextManager[Server]:
    """What tasks tell of themselves is served by a part that is made at its first request, which may take longer than
    the executor waits: it has been asked once before anything runs."""
    return serving(["airflow", "standalone"], port, "/api/v2/monitor/health", folder, also="/execution/health")


def _airflow(*command: str) -> None:
    ran = subprocess.run(["airflow", *command], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"airflow {' '.join(command)}: {ran.stderr[-500:]}")


def _run(folder: Path, dag: str) -> float:
    """The seconds from when the run was made to when it ended, as its database has them."""
    _airflow("dags", "trigger", dag)
    query = "SELECT state, queued_at, end_date FROM dag_run WHERE dag_id = ?"
    until = time.monotonic() + _RUN_SECONDS
    while time.monotonic() < until:
        connection = sqlite3.connect(f"file:{folder / 'home' / 'airflow.db'}?mode=ro", uri=True, timeout=60)
        [(state, queued, ended)] = connection.execute(query, (dag,)).fetchall()
        connection.close()
        if state == "success":
            return (datetime.fromisoformat(ended) - datetime.fromisoformat(queued)).total_seconds()
        if state == "failed":
            raise SystemExit(f"the run of {dag} failed")
        time.sleep(0.5)
    raise SystemExit(f"the run of {dag} does not end")


if __name__ == "__main__":
    main()
