"""`db`: what there is to know of the database, its upgrade, copies of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ppacer.cli.access import ServedError, find_server, held, opened
from ppacer.cli.command import CommandError, Invocation, from_here
from ppacer.cli.console import Cell, Style
from ppacer.cli.times import local
from ppacer.client import Client, ClientError
from ppacer.database_url import is_server, shown
from ppacer.services.worker_memory import size_text
from ppacer.store import StoreError
from ppacer.web.messages import DatabasePart, DatabaseView, LeaderView

_SQLITE = b"SQLite format 3\0"
_PARTS = ("runs", "logs")


def database(invocation: Invocation) -> int:
    action = invocation.text("action")
    target = invocation.optional("file")
    if (target is not None) != (action == "backup"):
        raise CommandError(
            "say where the copy goes: db backup FILE" if target is None else f"db {action} takes no file", 2
        )
    match action:
        case "upgrade":
            _upgrade(invocation)
        case "backup":
            assert target is not None
            _back_up(invocation, Path(target))
        case _:
            _show(invocation)
    return 0


def _upgrade(invocation: Invocation) -> None:
    config = invocation.config
    _refuse_absent(invocation)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        invocation.console.line(text)

    try:
        with held(config), opened(invocation, upgrading=tell):
            if not told:
                invocation.console.line(f"{shown(config.database)} is of this program's version already")
    except ServedError as error:
        raise CommandError(f"{error}: stop it first") from error


# --- status ----------------------------------------------------------------------------------------------------------


def _show(invocation: Invocation) -> None:
    with _asked(invocation) as client:
        view = client.database() if client is not None else _looked_at(invocation)
    where = "" if client is None else f", answers at {client.url}"
    rows: list[list[str | Cell]] = []
    for part in view.parts:
        half = " (its upgrade to that was cut off)" if part.half else ""
        rows += [
            [Cell("database" if part.part == "runs" else "logs", Style.DIM), _place(part.name)],
            [Cell("version", Style.DIM), f"{part.version}{half}"],
            [Cell("size", Style.DIM), size_text(part.size)],
            [Cell("rows", Style.DIM), _rows_text(part)],
        ]
    rows += [
        [Cell("durability", Style.DIM), view.durability],
        [Cell("leader", Style.DIM), _leader_text(view.leader) + where],
    ]
    invocation.console.table(rows)


def _looked_at(invocation: Invocation) -> DatabaseView:
    from ppacer.store.kinds import facts_in  # noqa: PLC0415 - what a client of a program that serves need not load
    from ppacer.web.api_database import part_view  # noqa: PLC0415 - likewise
    from ppacer.web.views import leader_view  # noqa: PLC0415 - likewise

    config = invocation.config
    _refuse_absent(invocation)
    runs = facts_in(config.database, "runs")
    parts = [part_view("runs", shown(config.database), runs)]
    if is_server(config.logs) or Path(config.logs).exists():
        parts.append(part_view("logs", shown(config.logs), facts_in(config.logs, "logs")))
    return DatabaseView(tuple(parts), config.durability, leader_view(runs.leader))


def _place(name: str) -> str:
    return name if is_server(name) else from_here(Path(name))


def _rows_text(part: DatabasePart) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in part.rows.items() if count) or "none"


def _leader_text(leader: LeaderView | None) -> str:
    if leader is None:
        return "not known"
    return f"process {leader.pid} on {leader.host} since {local(leader.since)}, the {leader.epoch}. to lead"


# --- backup ----------------------------------------------------------------------------------------------------------


def _back_up(invocation: Invocation, target: Path) -> None:
    config = invocation.config
    for name in (config.database, config.logs):
        if is_server(name):
            raise CommandError(f"{shown(name)} is a server's database: use pg_dump or mysqldump", 2)
    sources = (Path(config.database), Path(config.logs))
    targets = (target, target.with_suffix(".logs.db"))
    for file in targets:
        _refuse_to_replace(file, sources)
    with _asked(invocation) as client:
        if client is None:
            _refuse_absent(invocation)
        # The runs first: whatever they tell of has its logs by then.
        for part, source, file in zip(_PARTS, sources, targets, strict=True):
            if client is not None:
                with _written(file) as stream:
                    client.copy_database(part, stream)
            elif source.exists():
                from ppacer.store.sqlite import copy_closed  # noqa: PLC0415 - what a client need not load

                copy_closed(source, file)
            else:
                continue
            invocation.console.line(f"{part} copied to {from_here(file)}, {size_text(file.stat().st_size)}")


def _refuse_to_replace(file: Path, sources: tuple[Path, ...]) -> None:
    if not file.exists():
        return
    if any(source.exists() and file.samefile(source) for source in sources):
        raise CommandError(f"{file} is the database itself: name another file", 2)
    try:
        with file.open("rb") as stream:
            ours = stream.read(len(_SQLITE)) == _SQLITE
    except OSError as error:
        raise CommandError(f"cannot replace {file}: {(error.strerror or str(error)).lower()}") from error
    if not ours:
        raise CommandError(f"{file} is no copy of a database: name another file", 2)


@contextmanager
def _written(file: Path) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file once it is whole and on the disk. Raises `CommandError`."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        with partial.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except OSError as error:
        raise CommandError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from error
    finally:
        partial.unlink(missing_ok=True)


# --- both ------------------------------------------------------------------------------------------------------------


@contextmanager
def _asked(invocation: Invocation) -> Iterator[Client | None]:
    """The program that serves; none where none does, and then the database is this process's alone meanwhile.

    Raises `CommandError`, also for what is refused within.
    """
    config = invocation.config
    try:
        while (client := find_server(config)) is None:
            try:
                with held(config):
                    yield None
                    return
            except ServedError:
                continue  # since a moment ago
        with client:
            yield client
    except (ClientError, StoreError) as error:
        raise CommandError(str(error)) from error


def _refuse_absent(invocation: Invocation) -> None:
    if not is_server(invocation.config.database) and not Path(invocation.config.database).exists():
        raise CommandError(f"there is no database yet: {invocation.config.database} does not exist")
