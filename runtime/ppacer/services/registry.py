"""Which dags there are: those of the program, kept in step with the database, and those that older runs began with."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ppacer import spec
from ppacer.core import codec
from ppacer.core.model import (
    BuildRow,
    DagEvent,
    DagEventKind,
    DagRow,
    DagVersion,
    InsertBuild,
    InsertDag,
    InsertDagEvent,
    InsertDagVersion,
    UpdateDag,
    Write,
)
from ppacer.core.plan import DagPlan, plans
from ppacer.services.journal import Journal
from ppacer.store.store import Store

_log = logging.getLogger("ppacer")

BUILD = "build"
"""The actor of what another build of the program brings."""

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
        self._pools = {pool.name: pool.slots for pool in program.pools}
        self._older: OrderedDict[str, Mapping[str, DagPlan]] = OrderedDict()

    @property
    def current(self) -> Mapping[str, DagPlan]:
        """The plans of the program's own dags, by dag."""
        return self._current

    @property
    def pools(self) -> Mapping[str, int]:
        """The slots of the program's own pools, by name."""
        return self._pools

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

    async def sync(self, now: int, new_id: Callable[[int], str]) -> SyncedDags:
        """Makes the database know this build, its dags and what is new of them, and which dags are gone.

        A new dag with the very tasks of one that is gone is that one under another name.
        """
        known = {row.dag: row for row in await self._journal.read(self._store.dags)}
        writes: list[Write] = []
        events: list[tuple[str, DagEventKind, dict[str, str]]] = []
        if await self._journal.read(self._store.build, self._program.build) is None:
            writes.append(InsertBuild(self._build_row(now)))
        rows: dict[str, DagRow] = {}
        shapes: dict[str, str] = {}
        new, changed = [], []
        for dag_id, plan in self._current.items():
            old = known.pop(dag_id, None)
            if old is None:
                row = DagRow(dag_id, plan.build, now, now, watched_until=_watched_from(plan.dag, now))
                new.append(dag_id)
                writes.append(InsertDag(row))
                shapes[dag_id] = shape(plan)
                events.append((dag_id, DagEventKind.ADDED, {"build": plan.build}))
            else:
                row = self._seen_again(old, plan, now)
                writes.append(UpdateDag(row))
                if old.build != plan.build or old.removed_at is not None:
                    last = await self._last_shape(dag_id)
                    if old.removed_at is not None or last != shape(plan):
                        changed.append(dag_id)
                        shapes[dag_id] = shape(plan)
                        events.append((dag_id, DagEventKind.CHANGED, {"build": plan.build, "before": old.build}))
            rows[dag_id] = row
        gone = [row for row in known.values() if row.removed_at is None]
        renamed = await self._renamed(gone, [dag_id for dag_id in new if dag_id in shapes], shapes)
        for row in gone:
            to = renamed.get(row.dag)
            writes.append(UpdateDag(replace(row, removed_at=now, renamed_to=to)))
            events.append((row.dag, DagEventKind.REMOVED, {"build": self._program.build}))
            if to is not None:
                events.append((to, DagEventKind.RENAMED, {"before": row.dag}))
        build = self._program.build
        writes += [InsertDagVersion(DagVersion(dag, build, now, digest)) for dag, digest in shapes.items()]
        writes += [
            InsertDagEvent(DagEvent(new_id(now), dag, now, kind, BUILD, json.dumps(payload)))
            for dag, kind, payload in events
        ]
        await self._journal.commit(writes)
        return SyncedDags(rows, tuple(new), tuple(changed), tuple(row.dag for row in gone))

    @staticmethod
    def _seen_again(old: DagRow, plan: DagPlan, now: int) -> DagRow:
        watched = old.watched_until
        return replace(
            old,
            build=plan.build,
            last_seen_at=now,
            removed_at=None,
            renamed_to=None,
            watched_until=_watched_from(plan.dag, now) if watched is None else watched,
        )

    async def _last_shape(self, dag_id: str) -> str | None:
        versions = await self._journal.read(self._store.dag_versions, dag_id)
        return versions[0].digest if versions else None

    async def _renamed(self, gone: Sequence[DagRow], new: Sequence[str], shapes: Mapping[str, str]) -> dict[str, str]:
        """Which of the new dags each of those that are gone has become, where that is beyond doubt."""
        if not gone or not new:
            return {}
        before: dict[str | None, list[str]] = {}
        for row in gone:
            before.setdefault(await self._last_shape(row.dag), []).append(row.dag)
        after: dict[str, list[str]] = {}
        for dag_id in new:
            after.setdefault(shapes[dag_id], []).append(dag_id)
        return {
            names[0]: after[digest][0]
            for digest, names in before.items()
            if digest is not None and len(names) == 1 and len(after.get(digest, ())) == 1
        }

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


def shape(plan: DagPlan) -> str:
    """A digest of a dag and of the code of its tasks, whatever its name and wherever its parts stand in their files."""
    tree = json.loads(codec.encode(plan.dag))
    del tree["id"]
    codes = sorted((task.callable, plan.code(task)) for task in plan.dag.tasks)
    text = json.dumps([_without_places(tree), codes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _without_places(tree: object) -> object:
    if isinstance(tree, dict):
        return {key: _without_places(value) for key, value in tree.items() if key not in _PLACES}
    if isinstance(tree, list):
        return [_without_places(item) for item in tree]
    return tree


_PLACES = frozenset({"at", "settings_at", "x", "y"})


def _watched_from(dag: spec.Dag, now: int) -> int | None:
    """From when on the due times of a dag that was never watched count: its start, if it is to catch up, else now."""
    if not dag.schedules:
        return None
    return 0 if dag.start is not None and dag.catchup is not spec.Catchup.NONE else now
