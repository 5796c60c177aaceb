"""`logs RUN [TASK]`: what tasks wrote, attempt by attempt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ppacer import spec
from ppacer.cli.access import Opened, exclusive, find_server
from ppacer.cli.command import CommandError, Invocation, similar
from ppacer.cli.console import Console, Style, printable, status_cell
from ppacer.cli.follow import entry_style, message_lines, task_name
from ppacer.client import ClientError
from ppacer.web.messages import AttemptView, LogLine, LogPage, RunDetail, RunList, TaskView
from ppacer.web.views import log_page, run_detail, run_view

_PAGE = 1000
_LATEST = "latest"


def logs(invocation: Invocation) -> int:
    with _reader(invocation) as reader:
        try:
            detail = reader.run(_find_run(reader, invocation.text("run")))
            wanted = invocation.values.get("task")
            tasks = [_find_task(detail, wanted)] if isinstance(wanted, str) else detail.tasks
            number = invocation.number("attempt", 0)
            for index, task in enumerate(tasks):
                _print_task(reader, detail, task, number, invocation.console, first=index == 0)
        except ClientError as error:
            raise CommandError(str(error)) from error
    return 0


class _Reader(Protocol):
    """What is read, from a program that serves (`Client`) or from the database (`_Stored`)."""

    def runs(self, *, id_part: str | None = None, limit: int = 20) -> RunList: ...

    def run(self, run_id: str) -> RunDetail: ...

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        after: int = 0,
    ) -> LogPage: ...


class _Stored:
    def __init__(self, opened: Opened, program: spec.Program) -> None:
        self._store = opened.store
        self._logs = opened.logs
        self._dags = {dag.id: dag for dag in program.dags}

    def runs(self, *, id_part: str | None = None, limit: int = 20) -> RunList:
        found = self._store.find_runs(id_part, limit) if id_part else self._store.runs(limit=limit)
        return RunList(tuple(map(run_view, found)))

    def run(self, run_id: str) -> RunDetail:
        found = self._store.run(run_id)
        assert found is not None, "its id was found in this database, which nobody else writes now"
        return run_detail(
            found, self._dags.get(found.dag), self._store.tasks(run_id), self._store.attempts(run_id), seq=0
        )

    def logs(
        self,
        run_id: str,
        task: str,
        *,
        position: int = 0,
        attempt: int | None = None,
        after: int = 0,
    ) -> LogPage:
        tries = self._store.attempts(run_id, task)
        found = [each for each in tries if each.position == position and attempt in (None, each.number)]
        return log_page(found[-1], self._logs.read(found[-1].id, after, _PAGE), after, limit=_PAGE)


@contextmanager
def _reader(invocation: Invocation) -> Iterator[_Reader]:
    config = invocation.config
    client = find_server(config)
    if client is not None:
        with client:
            yield client
    elif not Path(config.database).exists():
        raise CommandError(f"there is no run yet: {config.database} does not exist")
    else:
        with exclusive(config) as opened:
            yield _Stored(opened, invocation.program)


def _find_run(reader: _Reader, text: str) -> str:
    if text == _LATEST:
        newest = reader.runs(limit=1).runs
        if not newest:
            raise CommandError("there is no run yet")
        return newest[0].id
    if not text:
        raise CommandError("expected a run's id, a unique part of it, or `latest`", 2)
    match reader.runs(id_part=text, limit=10).runs:
        case (only,):
            return only.id
        case ():
            raise CommandError(f"there is no run whose id holds `{text}`")
        case several:
            listed = "".join(f"\n  {run.id}  {run.dag}, {run.status}" for run in several)
            raise CommandError(f"`{text}` fits more than one run:{listed}", 2)


def _find_task(detail: RunDetail, text: str) -> TaskView:
    """By the name that is shown: `load`, `raw["eu"]`, and for members of a run-time family `check[0]`."""
    for task in detail.tasks:
        if task_name(task) == text or (task.id == text and task.position == 0):
            return task
    plain = re.sub(r"\s", "", text)
    names = [task_name(task) for task in detail.tasks]
    raise CommandError(f"the run has no task `{text}`{similar(plain, names)}", 2)


def _print_task(
    reader: _Reader, detail: RunDetail, task: TaskView, number: int, console: Console, *, first: bool
) -> None:
    attempt = next((each for each in task.attempts if each.number == number), None) if number else None
    if number and attempt is None:
        made = len(task.attempts)
        raise CommandError(f"{task_name(task)} has no attempt {number}: it made {made or 'none'}", 2)
    attempt = attempt or (task.attempts[-1] if task.attempts else None)
    if not first:
        console.line()
    _print_header(task, attempt, console)
    if attempt is None:
        return
    after, told = 0, False
    while True:
        page = reader.logs(detail.run.id, task.id, position=task.position, attempt=attempt.number, after=after)
        for entry in page.entries:
            told = told or entry.message == attempt.error
            _print_entry(entry, console)
        if page.complete or not page.entries:
            break
        after = page.last
    if not told:
        for line in (attempt.error or "").rstrip().splitlines():
            console.line(printable(line), Style.RED)


def _print_entry(entry: LogLine, console: Console) -> None:
    time = datetime.fromisoformat(entry.at).astimezone().strftime("%H:%M:%S")
    logger = f"{entry.logger}: " if entry.logger and entry.logger != "root" else ""
    first, *rest = message_lines(entry)
    style = entry_style(entry)
    console.line(f"{console.style(time, Style.DIM)}  {console.style(logger + first, style)}")
    for line in rest:
        console.line(f"{' ' * len(time)}  {console.style(line, style)}")


def _print_header(task: TaskView, attempt: AttemptView | None, console: Console) -> None:
    if attempt is None:
        status, note = status_cell(task.status), ""
    else:
        status = status_cell(attempt.status)
        note = f"  attempt {attempt.number}" if len(task.attempts) > 1 else ""
    shown = console.style(status.text, status.style)
    console.line(f"{console.style(task_name(task), Style.BOLD)}  {shown}{console.style(note, Style.DIM)}")
