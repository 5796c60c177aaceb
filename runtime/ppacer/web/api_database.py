"""The JSON API of the database: what there is to know of it, and copies of it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from tornado.iostream import StreamClosedError

from ppacer.core.accounts import Right
from ppacer.store import Store
from ppacer.store.facts import Facts
from ppacer.store.logs import LogStore
from ppacer.store.schema import LOGS, RUNS
from ppacer.web.base import ApiError, BaseHandler
from ppacer.web.messages import DatabasePart, DatabaseView
from ppacer.web.operation import operation, streams
from ppacer.web.views import leader_view

_PIECE = 256 * 1024
_MEDIA = "application/vnd.sqlite3"


class DatabaseHandler(BaseHandler):
    """What there is to know of the database. All rows are counted for that, which may take a while."""

    @operation("Show the database", DatabaseView)
    async def get(self) -> DatabaseView:
        runs = await self.read(self.site.store.facts)
        logs = await self.read(self.site.logs.facts)
        return DatabaseView(
            (part_view(RUNS, self.site.store.name, runs), part_view(LOGS, self.site.logs.name, logs)),
            self.site.store.durability,
            leader_view(runs.leader),
        )


class CopyHandler(BaseHandler):
    """Sends a copy of a part that is what had been committed at one moment. Copies are made one at a time, beside the
    database, where none is left behind."""

    @streams("Copy a part of the database", _MEDIA, right=Right.ADMINISTER)
    async def get(self, part: str) -> None:
        stores: dict[str, Store | LogStore] = {RUNS: self.site.store, LOGS: self.site.logs}
        store = stores.get(part)
        if store is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no part `{part[:50]}`, only {' and '.join(stores)}")
        await self.record(HTTPStatus.OK)
        async with self.site.copying:
            file = await self.read(_copied, store)
        with file:
            self.set_header("Content-Type", _MEDIA)
            self.set_header("Content-Length", str(file.seek(0, 2)))
            file.seek(0)
            try:
                while piece := await asyncio.to_thread(file.read, _PIECE):
                    self.write(piece)
                    await self.flush()
            except StreamClosedError:
                return  # whoever asked has gone


def _copied(store: Store | LogStore) -> BinaryIO:
    """A copy, open, that has no name any more: it goes when it is closed."""
    copy = Path(f"{store.name}.copy")
    try:
        store.copy(copy)
        return copy.open("rb")
    finally:
        copy.unlink(missing_ok=True)


def part_view(part: str, name: str, facts: Facts) -> DatabasePart:
    return DatabasePart(part, name, facts.version, facts.half, facts.size, facts.rows)
