"""`trigger DAG`: asks the running program for a run, or leaves one for its next start."""

from __future__ import annotations

from ppacer.cli.access import program_of
from ppacer.cli.command import Invocation
from ppacer.cli.console import Style
from ppacer.cli.params import logical_time, run_params
from ppacer.client import Client
from ppacer.web.views import time_text


def trigger(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    params = run_params(dag, invocation.several("params"))
    at = logical_time(invocation, dag)
    console = invocation.console
    with program_of(invocation, makes=True) as program:
        run = program.trigger(
            dag.id,
            params=params,
            scheduled_at=time_text(at) if at is not None else None,
            idempotency_key=invocation.optional("key"),
        )
    console.line(f"{dag.id}: run {run.id} is {run.status}")
    if isinstance(program, Client):
        console.line(f"follow it at {program.url}/runs/{run.id}", Style.DIM)
    else:
        console.line("nothing serves this program now: the run begins at its next start", Style.DIM)
    return 0
