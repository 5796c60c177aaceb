"""`run DAG`: one run in this terminal, with live progress; the exit code tells how it ended."""

from __future__ import annotations

from ppacer.cli.command import Invocation
from ppacer.cli.console import Style
from ppacer.cli.follow import follow
from ppacer.cli.hosting import Errand, carry_out
from ppacer.cli.params import logical_time, run_params
from ppacer.cli.summary import summary
from ppacer.client import Client
from ppacer.core.model import RunStatus
from ppacer.web.messages import RunDetail
from ppacer.web.views import time_text


def run(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    params = run_params(dag, invocation.several("params"))
    at = logical_time(invocation, dag)
    console = invocation.console

    def begin(client: Client) -> str:
        return client.trigger(dag.id, params=params, scheduled_at=time_text(at) if at is not None else None).id

    def begun(run_id: str, url: str | None) -> None:
        where = f" at {url}/runs/{run_id}" if url is not None else f", run {run_id}"
        console.line(f"{console.style(dag.id, Style.BOLD)}{console.style(where, Style.DIM)}")

    def look_on(client: Client, run_id: str) -> RunDetail:
        command = f"{invocation.program_command} logs"
        return follow(client, run_id, console, quiet=invocation.flag("quiet"), logs_command=command)

    detail = carry_out(invocation, Errand("run", begin, begun, look_on, Client.cancel))
    summary(detail, console)
    return 0 if detail.run.status == RunStatus.SUCCESS else 1
