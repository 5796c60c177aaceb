"""Which dags there are: those of the program, kept in step with the database, and those that older runs began with."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ppacer import spec
from ppacer.core import codec
from ppacer.core.model import BuildRow, DagRow, InsertBuild, InsertDag, UpdateDag, Write
from ppacer.core.plan import DagPlan, plans
from ppacer.services.journal import Journal
from ppacer.store.store import Store

_log = logging.getLogger("ppacer")

_KEPT_BUILDS = 8
"""How many older builds stay decoded."""


@dataclass(frozen=True, slots=True)
class SyncedDags:
    """What a start found: the rows of the program's dags, and the names of the new, changed and removed ones."""

    rows: Mapping[str, DagRow]
    new: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class Registry:
    """The program's dags and, on demand, those of earlier builds."""

    def __init__(self, program: spec.Program, store: Store, journal: Journal) -> None:
        self._program = program
        self._store = store
        self._journal = journal
        self._current = plans(program)
        self._codes = {callable_.id: callable_.hash for callable_ in program.callables}
        self._older: OrderedDict[str, Mapping[str, DagPlan]] = OrderedDict()

    @property
    def current(self) -> Mapping[str, DagPlan]:
        """The plans of the program's own dags, by dag."""
        return self._current

    def has_code(self, callable_id: str, code: str) -> bool:
        """Whether the program itself has this very code."""
        return self._codes.get(callable_id) == code

    async def plan(self, build: str, dag_id: str) -> DagPlan | None:
        """The dag as a build has it; none if that build is unknown or cannot be read by this version."""
        if build == self._program.build:
            return self._current.get(dag_id)
        if build not in self._older:
            self._older[build] = await self._read(build)
            if len(self._older) > _KEPT_BUILDS:
                self._older.popitem(last=False)
        self._older.move_to_end(build)
        return self._older[build].get(dag_id)

    async def sync(self, now: int) -> SyncedDags:
        """Makes the database know this build and its dags, and which dags are gone."""
        known = {row.dag: row for row in await self._journal.read(self._store.dags)}
        writes: list[Write] = []
        if await self._journal.read(self._store.build, self._program.build) is None:
            writes.append(InsertBuild(self._build_row(now)))
        rows: dict[str, DagRow] = {}
        new, changed = [], []
        for dag_id, plan in self._current.items():
            old = known.pop(dag_id, None)
            if old is None:
                row = DagRow(dag_id, plan.build, now, now, watched_until=_watched_from(plan.dag, now))
                new.append(dag_id)
                writes.append(InsertDag(row))
            else:
                if await self._differs(old, plan):
                    changed.append(dag_id)
                watched = old.watched_until
                row = replace(
                    old,
                    build=plan.build,
                    last_seen_at=now,
                    removed_at=None,
                    watched_until=_watched_from(plan.dag, now) if watched is None else watched,
                )
                writes.append(UpdateDag(row))
            rows[dag_id] = row
        gone = [row for row in known.values() if row.removed_at is None]
        writes += [UpdateDag(replace(row, removed_at=now)) for row in gone]
        await self._journal.commit(writes)
        return SyncedDags(rows, tuple(new), tuple(changed), tuple(row.dag for row in gone))

    async def _differs(self, old: DagRow, plan: DagPlan) -> bool:
        if old.removed_at is not None:
            return True
        if old.build == plan.build:
            return False
        before = await self.plan(old.build, old.dag)
        return before is None or codec.encode(before.dag) != codec.encode(plan.dag)

    def _build_row(self, now: int) -> BuildRow:
        program = self._program
        return BuildRow(program.build, program.name, program.compiler, program.spec_version, codec.encode(program), now)

    async def _read(self, build: str) -> Mapping[str, DagPlan]:
        row = await self._journal.read(self._store.build, build)
        if row is None:
            _log.error("build %.12s is not in the database", build)
            return {}
        try:
            return plans(codec.decode_as(spec.Program, row.spec))
        except codec.CodecError as error:
            _log.error("build %.12s (spec version %d) cannot be read: %s", build, row.spec_version, error)
            return {}


def _watched_from(dag: spec.Dag, now: int) -> int | None:
    """From when on the due times of a dag that was never watched count: its start, if it is to catch up, else now."""
    if not dag.schedules:
        return None
    return 0 if dag.start is not None and dag.catchup is not spec.Catchup.NONE else now
