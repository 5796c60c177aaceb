"""`pause`, `resume`, `silence`, `pools`: what may be done to a dag, and how its pools stand."""

from __future__ import annotations

from ppacer.cli.access import find_server, program_of
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import SECOND, Cell, Style, now_us
from ppacer.cli.times import given_time, instant_of, local
from ppacer.client import ClientError
from ppacer.core.durations import duration_of
from ppacer.core.instants import microseconds
from ppacer.localtime import local_time
from ppacer.web.dag_messages import PoolView
from ppacer.web.describe import ahead_text
from ppacer.web.views import time_text


def pause(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    with program_of(invocation, makes=True) as program:
        view = program.pause(dag.id, reason=invocation.optional("reason") or "")
    going_on = view.active_runs + view.queued_runs
    runs = "its run goes on" if going_on == 1 else f"its {going_on} runs go on"
    invocation.console.line(f"{dag.id} is paused: no scheduled runs until `resume`" + (f"; {runs}" if going_on else ""))
    return 0


def resume(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    with program_of(invocation, makes=True) as program:
        view = program.resume(dag.id)
    due = view.next_run_at
    ahead = f"; next run {local(due)}, {ahead_text((instant_of(due) - now_us()) / SECOND)}" if due is not None else ""
    invocation.console.line(f"{dag.id} is not paused{ahead}")
    return 0


def silence(invocation: Invocation) -> int:
    dag = invocation.dag(invocation.text("dag"))
    now = now_us()
    until: int | None = None
    if (length := invocation.optional("for")) is not None:
        until = now + _length(length)
    elif (moment := invocation.optional("until")) is not None:
        until = given_time("--until", moment, dag)
        if until <= now:
            raise CommandError(f"--until {moment}: that has passed", 2)
    elif not invocation.flag("off"):
        raise CommandError("say for how long: --for 2h, --until 2026-01-31T08:00, or --off to end it", 2)
    with program_of(invocation, makes=True) as program:
        at = None if until is None else time_text(until)
        program.silence(dag.id, at, reason=invocation.optional("reason") or "")
    if until is None:
        invocation.console.line(f"{dag.id} is not silenced: alerts are sent")
    else:
        ahead = ahead_text((until - now) / SECOND)
        invocation.console.line(f"nobody is alerted of {dag.id} before {local_time(until)}, {ahead}")
    return 0


def pools(invocation: Invocation) -> int:
    if not invocation.program.pools and not invocation.config.scheduler:
        invocation.console.line("this program has no pools", Style.DIM)
        return 0
    client = find_server(invocation.config)
    if client is None:
        found = tuple(PoolView(pool.name, pool.slots, 0, 0) for pool in invocation.program.pools)
    else:
        try:
            with client:
                found = client.pools().pools
        except ClientError as error:
            raise CommandError(str(error)) from error
    rows: list[list[str | Cell]] = [
        [
            Cell(pool.name, Style.BOLD),
            Cell(str(pool.slots), right=True),
            Cell(str(pool.used), right=True),
            Cell(str(pool.waiting), right=True),
        ]
        for pool in found
    ]
    invocation.console.table(rows, ("pool", "slots", "used", "waiting"))
    if client is None:
        invocation.console.line("nothing serves this program now", Style.DIM)
    return 0


def _length(text: str) -> int:
    """Microseconds. Raises `CommandError`."""
    try:
        length = microseconds(duration_of(text))
    except ValueError as error:
        raise CommandError(f"--for {text}: expected a duration such as 2h or 1d12h", 2) from error
    if length <= 0:
        raise CommandError(f"--for {text}: expected more than no time at all", 2)
    return length
