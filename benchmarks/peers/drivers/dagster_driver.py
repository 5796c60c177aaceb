"""Dagster: jobs of ops, by the in-process executor, with an instance in SQLite."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from benchmarks.peers.drivers.measuring import STAMP, free_port, lateness, report, serving

_JOBS = """
from dagster import In, Nothing, Definitions, job, op

@op(ins={"after": In(Nothing)})
def nothing():
    pass

@job
def chain():
    last = nothing.alias("t0")()
    for number in range(1, SIZE):
        last = nothing.alias(f"t{number}")(last)

@op
def alone():
    pass

@job
def wide():
    for number in range(SIZE):
        alone.alias(f"t{number}")()

defs = Definitions(jobs=[chain, wide])
"""
_OFTEN = f"""
import datetime as dt
from dagster import DefaultScheduleStatus, Definitions, RunRequest, job, op, schedule
{STAMP}
@op(config_schema={{"due": float}})
def first(context):
    stamp(dt.datetime.fromtimestamp(context.op_config["due"], dt.UTC))

@job
def often():
    first()

@schedule(job=often, cron_schedule="* * * * *", default_status=DefaultScheduleStatus.RUNNING)
def each_minute(context):
    due = context.scheduled_execution_time.timestamp()
    return RunRequest(run_config={{"ops": {{"first": {{"config": {{"due": due}}}}}}}})

defs = Definitions(jobs=[often], schedules=[each_minute])
"""


def main() -> None:
    folder, size = Path(sys.argv[1]), int(sys.argv[2])
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n", encoding="utf-8")
    (folder / "jobs.py").write_text(_JOBS.replace("SIZE", str(size)), encoding="utf-8")
    port = free_port()
    command = ["dagster", "dev", "-f", "jobs.py", "-h", "127.0.0.1", "-p", str(port)]
    with serving(command, port, "/server_info", folder, DAGSTER_HOME=str(home)) as server:
        server.look()
    stamps = folder / "stamps"
    (folder / "often.py").write_text(_OFTEN.replace("STAMPS", str(stamps)), encoding="utf-8")
    command[3] = "often.py"
    with serving(command, port, "/server_info", folder, DAGSTER_HOME=str(home)):
        late = lateness(stamps)
    sys.path.insert(0, str(folder))
    import jobs  # noqa: PLC0415 - it was written above
    from dagster import DagsterInstance, __version__  # noqa: PLC0415 - after what serves has ended

    took = []
    with DagsterInstance.from_config(str(home)) as instance:
        for job in (jobs.chain, jobs.wide):
            began = time.perf_counter()
            if not job.execute_in_process(instance=instance).success:
                raise SystemExit(f"{job.name} failed")
            took.append(time.perf_counter() - began)
    report(__version__, size, (took[0], took[1]), server, late)


if __name__ == "__main__":
    main()
