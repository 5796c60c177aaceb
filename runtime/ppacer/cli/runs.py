"""`runs [DAG]`: the latest runs, and what became of them."""

from __future__ import annotations

from ppacer.cli.access import program_of
from ppacer.cli.command import CommandError, Invocation, similar
from ppacer.cli.console import Cell, Style, clip, status_cell
from ppacer.cli.times import local, took
from ppacer.web.messages import RunView

_DEFAULT = 20
_LONGEST_NOTE = 60


def runs(invocation: Invocation) -> int:
    dag = invocation.optional("dag")
    statuses = invocation.several("statuses")
    with program_of(invocation) as program:
        found = list(program.each_run(dag=dag, statuses=statuses, limit=invocation.number("count", _DEFAULT)))
    names = [each.id for each in invocation.program.dags]
    if not found and dag is not None and dag not in names:
        raise CommandError(f"there is no dag `{dag}`{similar(dag, names)}", 2)
    rows = [_row(run) for run in found]
    if rows:
        invocation.console.table(rows, ("status", "dag", "planned for", "kind", "by", "took", "run", ""))
    else:
        invocation.console.line("no such run" if statuses or dag is not None else "no run yet", Style.DIM)
    return 0


def _row(run: RunView) -> list[str | Cell]:
    return [
        status_cell(run.status),
        Cell(run.dag, Style.BOLD),
        local(run.scheduled_at),
        run.kind,
        clip(run.actor, 20),
        Cell(took(run.started_at, run.finished_at), right=True),
        run.id,
        Cell(clip(_note(run), _LONGEST_NOTE), Style.YELLOW if run.late_at else Style.DIM),
    ]


def _note(run: RunView) -> str:
    notes = ["late"] if run.late_at is not None else []
    if run.epoch > 1:
        notes.append(f"epoch {run.epoch}")
    if run.reason is not None:
        notes.append(run.reason)
    return ", ".join(notes)
