"""`backfill DAG --from D --until D`: runs for the due times of a range, shown as they end; `--list`, `--cancel`."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ppacer import spec
from ppacer.cli.access import Program, program_of
from ppacer.cli.command import CommandError, Invocation
from ppacer.cli.console import STATUS_STYLES, Cell, Console, Style, clip, status_cell
from ppacer.cli.params import run_params
from ppacer.cli.times import given_time, local, took
from ppacer.client import Client
from ppacer.core.model import BackfillStatus, RunStatus
from ppacer.web.dag_messages import BackfillView
from ppacer.web.messages import Json, RunView
from ppacer.web.views import time_text

_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.2
_ACTIVE_LINES = 8
_TOLD = 200
"""Behind so many runs that have been told, all have: at most so many are active at once as were asked for."""

_LISTED = 20


def backfill(invocation: Invocation) -> int:
    named = invocation.optional("dag")
    if (wanted := invocation.optional("cancel")) is not None:
        return _cancel(invocation, wanted)
    if invocation.flag("list"):
        return _list(invocation, named)
    if named is None:
        raise CommandError("say which dag: `backfill DAG --from DATE --until DATE`, or `backfill --list`", 2)
    dag = invocation.dag(named)
    asked = _Asked(invocation, dag)
    if invocation.flag("no_follow"):
        with program_of(invocation, makes=True) as program:
            made = asked.of(program)
        _begun(invocation.console, made)
        if not isinstance(program, Client):
            invocation.console.line("nothing serves this program now: it goes on at its next start", Style.DIM)
        return 0

    from ppacer.cli.hosting import Errand, carry_out  # noqa: PLC0415 - half a second that the rest need not take

    console = invocation.console

    def begin(client: Client) -> str:
        made = asked.of(client)
        _begun(console, made)
        return made.id

    def begun(_: str, url: str | None) -> None:
        if url is not None:
            console.line(f"its runs are at {url}/dags/{dag.id}", Style.DIM)

    def look_on(client: Client, backfill_id: str) -> BackfillView:
        return follow(client, backfill_id, console)

    ended = carry_out(invocation, Errand("backfill", begin, begun, look_on, Client.cancel_backfill))
    _summary(ended, invocation.console)
    return 0 if ended.status == BackfillStatus.DONE and not ended.failed else 1


class _Asked:
    """What the command line asks for, checked."""

    def __init__(self, invocation: Invocation, dag: spec.Dag) -> None:
        begin, end = invocation.optional("from"), invocation.optional("until")
        if begin is None or end is None:
            raise CommandError("say which due times: --from DATE --until DATE (up to, not including, that one)", 2)
        if not dag.schedules:
            raise CommandError(f"{dag.id} has no schedule, so no due times: trigger it with --at", 2)
        self._dag = dag.id
        self._from, self._until = given_time("--from", begin, dag), given_time("--until", end, dag)
        if self._from >= self._until:
            raise CommandError(f"--until {end} is not after --from {begin}", 2)
        self._parallel = invocation.number("parallel", 1)
        self._params: dict[str, Json] = run_params(dag, invocation.several("params"))

    def of(self, program: Program) -> BackfillView:
        return program.start_backfill(
            *(self._dag, time_text(self._from), time_text(self._until)), parallel=self._parallel, params=self._params
        )


def follow(client: Client, backfill_id: str, console: Console) -> BackfillView:
    """Shows the backfill until it has ended; returns it as it ended. Raises `ClientError`."""
    told: set[str] = set()
    while True:
        seq = client.pulse().seq
        # The backfill first: when it has ended, so have all of its runs.
        view = client.backfill(backfill_id)
        active: list[RunView] = []
        with console.together():
            for run in _untold(client, backfill_id, told):
                if RunStatus(run.status).terminal:
                    told.add(run.id)
                    _tell(run, console)
                else:
                    active.append(run)
            if console.live and not _over(view):
                console.footer(_footer(view, active, console))
        if _over(view):
            return view
        client.pulse(since=seq, wait=_WAIT_SECONDS)
        time.sleep(_PAUSE_SECONDS)  # many changes come together


def _over(view: BackfillView) -> bool:
    return BackfillStatus(view.status).terminal and not view.active


def _untold(client: Client, backfill_id: str, told: set[str]) -> Iterator[RunView]:
    """The backfill's runs, oldest first, without those that have been told."""
    found: list[RunView] = []
    passed = 0
    for run in client.each_run(backfill=backfill_id):
        if run.id not in told:
            found.append(run)
            passed = 0
        elif (passed := passed + 1) >= _TOLD:
            break
    return reversed(found)


def _tell(run: RunView, console: Console) -> None:
    mark, style = STATUS_STYLES[run.status]
    note = f"{run.status}  {took(run.started_at, run.finished_at)}  run {run.id}"
    if run.reason is not None:
        note += f"  {clip(run.reason, 80)}"
    console.line(f"{console.style(mark, style)} {local(run.scheduled_at)}  {console.style(note, Style.DIM)}")


def _footer(view: BackfillView, active: list[RunView], console: Console) -> list[str]:
    lines = []
    for run in active[:_ACTIVE_LINES]:
        mark, style = STATUS_STYLES[run.status]
        note = took(run.started_at, None)
        lines.append(f"{console.style(mark, style)} {local(run.scheduled_at)}  {console.style(note, Style.DIM)}")
    if len(active) > _ACTIVE_LINES:
        lines.append(console.style(f"  … and {len(active) - _ACTIVE_LINES} more", Style.DIM))
    lines.append(console.style(_progress(view), Style.DIM))
    return lines


def _progress(view: BackfillView) -> str:
    """`12 of 31 runs done, 1 of them failed; 3 due times had a run`."""
    done = view.succeeded + view.failed
    text = f"{done} of {view.total - view.passed_over} runs done"
    if view.failed:
        text += f", {view.failed} of them failed"
    if view.passed_over:
        text += f"; {view.passed_over} due times had a run"
    return text


def _begun(console: Console, view: BackfillView) -> None:
    times = "1 due time" if view.total == 1 else f"{view.total} due times"
    span = f"{local(view.from_at)} to {local(view.until_at)}"
    told = f"{console.style(view.dag, Style.BOLD)}  {times}, {span}, {view.parallel} at once"
    console.line(told + console.style(f"  backfill {view.id}", Style.DIM))


def _summary(view: BackfillView, console: Console) -> None:
    status = "failed" if view.failed and view.status == BackfillStatus.DONE else _LIKE[BackfillStatus(view.status)]
    mark, style = STATUS_STYLES[status]
    console.line()
    console.line(f"{console.style(f'{mark} backfill of {view.dag} {view.status}', style)}: {_progress(view)}")


_LIKE = {
    BackfillStatus.RUNNING: "running",
    BackfillStatus.DONE: "success",
    BackfillStatus.CANCELLED: "cancelled",
}
"""The status of a run that a backfill's is shown like."""


def _list(invocation: Invocation, dag: str | None) -> int:
    with program_of(invocation) as program:
        found = list(program.each_backfill(dag=dag, limit=_LISTED))
    rows: list[list[str | Cell]] = [
        [
            Cell(f"{status_cell(_LIKE[BackfillStatus(view.status)]).text[:1]} {view.status}"),
            Cell(view.dag, Style.BOLD),
            f"{local(view.from_at)} to {local(view.until_at)}",
            _progress(view),
            f"by {clip(view.actor, 20)}",
            view.id,
        ]
        for view in found
    ]
    if rows:
        invocation.console.table(rows, ("status", "dag", "due times", "progress", "", "backfill"))
    else:
        invocation.console.line("no backfill yet", Style.DIM)
    return 0


def _cancel(invocation: Invocation, wanted: str) -> int:
    with program_of(invocation) as program:
        found = [view for view in program.each_backfill() if wanted in view.id]
        if len(found) != 1:
            problem = "fits more than one" if found else "is no part of the id of a"
            raise CommandError(f"`{wanted}` {problem} backfill: `backfill --list` shows them", 2)
        view = program.cancel_backfill(found[0].id)
    invocation.console.line(f"backfill {view.id} of {view.dag} is {view.status}: {_progress(view)}")
    return 0
