"""A store in memory, with the guards, keys and references of the real one: `test_memory_store.py` compares the two.

`MemoryStore` and `MemoryLogs` are what one scheduler has opened of a `Memory`. A transaction is carried out whole or
not at all, and whoever watches is told of its changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ppacer.core import model as m
from ppacer.core.rows import current_rows
from ppacer.protocol import LogEntry
from ppacer.records import replace
from ppacer.store.accounts import Known
from ppacer.store.errors import Conflict, LeaderLost
from ppacer.store.old import AWAITED_KEY, Mark, OldRun
from tests.simulator.memory import WRITES, Change, Memory, has_ended


class MemoryStore:
    """The interface of `ppacer.store.Store`, as far as the services use it. `before` and `after` are called around
    each transaction, and may raise what a disk may."""

    name = "memory"

    def __init__(
        self,
        memory: Memory,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
        *,
        exclusive: bool = False,
    ) -> None:
        self.memory = memory
        self.exclusive = exclusive
        self.old = MemoryOldRows(memory)
        self.accounts = NoAccounts()
        self._leader: int | None = None
        self._before = before
        self._after = after

    def advance_leader(self, _: object = None) -> int:
        self._before()
        self.memory.leader += 1
        self._leader = self.memory.leader
        self._after()
        return self._leader

    def write(self, writes: Sequence[m.Write]) -> None:
        self._transact(lambda changes: [WRITES[type(write)](self.memory, changes, write) for write in writes])

    def trim_run(self, run_id: str, limit: int) -> int:
        return self._trim(run_id, limit, ("notifications", "events", "attempts", "tasks"))

    def trim_outputs(self, run_id: str, limit: int) -> int:
        memory = self.memory
        rows = [row for row in memory.of_run(run_id, "tasks") if row.output is not None]
        found = rows[:limit] if has_ended(memory, run_id) else []

        def clear(changes: list[Change]) -> None:
            for row in found:
                key = (row.run_id, row.epoch, row.task, row.position)
                memory.put(changes, "tasks", key, replace(row, output=None))

        self._transact(clear)
        return len(found)

    def give_back(self, pages: int) -> int:
        return 0

    def _trim(self, run_id: str, limit: int, tables: Sequence[str]) -> int:
        memory = self.memory
        keys = [(table, key) for table in tables for key in sorted(memory.by_run.get(run_id, {}).get(table, ()))]
        found = keys[:limit] if has_ended(memory, run_id) else []
        self._transact(lambda changes: [memory.put(changes, table, key, None) for table, key in found])
        return len(found)

    def _transact(self, work: Callable[[list[Change]], object]) -> None:
        self._before()
        memory = self.memory
        if self._leader is None:
            raise LeaderLost("memory: nothing may be written before the lead has been taken")
        if memory.leader != self._leader:
            raise LeaderLost(f"memory: another scheduler has taken the lead (epoch {memory.leader})")
        changes: list[Change] = []
        outputs = set(memory.outputs)
        try:
            work(changes)
        except Conflict:
            memory.take_back(changes)
            memory.outputs = outputs
            raise
        memory.watch(changes)
        self._after()

    # --- reads -------------------------------------------------------------------------------------------------------

    def dags(self) -> list[m.DagRow]:
        return sorted(self.memory.tables["dags"].values(), key=lambda row: row.dag)

    def dag(self, dag: str) -> m.DagRow | None:
        return self.memory.tables["dags"].get(dag)

    def build(self, build: str) -> m.BuildRow | None:
        return self.memory.tables["builds"].get(build)

    def dag_versions(self, dag: str) -> list[m.DagVersion]:
        rows = [row for row in self.memory.tables["versions"].values() if row.dag == dag]
        return sorted(rows, key=lambda row: -row.at)

    def dag_events(self, dag: str, before: str | None = None, limit: int = 100) -> list[m.DagEvent]:
        rows = [row for row in self.memory.tables["dag_events"].values() if row.dag == dag]
        return _page(rows, before, limit)

    def backfill(self, backfill_id: str) -> m.Backfill | None:
        return self.memory.tables["backfills"].get(backfill_id)

    def backfills(self, dag: str | None = None, before: str | None = None, limit: int = 100) -> list[m.Backfill]:
        return _page([row for row in self.memory.tables["backfills"].values() if dag in (None, row.dag)], before, limit)

    def active_backfills(self) -> list[m.Backfill]:
        return _by_id(row for row in self.memory.tables["backfills"].values() if not row.status.terminal)

    def run(self, run_id: str) -> m.Run | None:
        return self.memory.tables["runs"].get(run_id)

    def run_at(self, dag: str, scheduled_at: int) -> m.Run | None:
        return self.run(self.memory.due.get(dag, {}).get(scheduled_at, ""))

    def run_by_idempotency_key(self, dag: str, key: str) -> m.Run | None:
        return self.run(self.memory.keys.get((dag, key), ""))

    def due_times(self, dag: str, from_at: int, until_at: int) -> list[int]:
        return sorted(due for due in self.memory.due.get(dag, ()) if from_at <= due < until_at)

    def last_due_times(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for dag, due in self.memory.due.items():
            scheduled = [at for at, id_ in due.items() if self.memory.tables["runs"][id_].kind is m.RunKind.SCHEDULED]
            if scheduled:
                found[dag] = max(scheduled)
        return found

    def due_times_ahead(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for row in self.dags():
            if row.watched_until is not None:
                ahead = sorted(due for due in self.memory.due.get(row.dag, ()) if due > row.watched_until)
                if ahead:
                    found[row.dag] = ahead
        return found

    def active_runs(self) -> list[m.Run]:
        return _by_id(run for run in self.memory.tables["runs"].values() if not run.status.terminal)

    def runs(self, dag: str | None = None, limit: int = 100) -> list[m.Run]:
        return _page([run for run in self.memory.tables["runs"].values() if dag in (None, run.dag)], None, limit)

    def tasks(self, run_id: str, epoch: int | None = None) -> list[m.TaskRow]:
        return [row for row in self.memory.of_run(run_id, "tasks") if epoch in (None, row.epoch)]

    def current_tasks(self, run_id: str) -> list[m.TaskRow]:
        return current_rows(self.tasks(run_id))

    def attempt(self, attempt_id: str) -> m.Attempt | None:
        return self.memory.tables["attempts"].get(attempt_id)

    def attempts(self, run_id: str, task: str | None = None, positions: Iterable[int] | None = None) -> list[m.Attempt]:
        wanted = None if positions is None else set(positions)
        return [
            row
            for row in self.memory.of_run(run_id, "attempts")
            if task in (None, row.task) and (wanted is None or row.position in wanted)
        ]

    def live_attempts(self) -> list[m.Attempt]:
        return _by_id(row for row in self.memory.tables["attempts"].values() if not row.status.terminal)

    def events(self, run_id: str, after_seq: int = 0, limit: int | None = None) -> list[m.Event]:
        return [row for row in self.memory.of_run(run_id, "events") if row.seq > after_seq][:limit]

    def last_event_seq(self, run_ids: Iterable[str]) -> dict[str, int]:
        of = {run_id: self.memory.by_run.get(run_id, {}).get("events", ()) for run_id in run_ids}
        return {run_id: max((seq for _, seq in keys), default=0) for run_id, keys in of.items()}

    def notification(self, notification_id: str) -> m.Notification | None:
        return self.memory.tables["notifications"].get(notification_id)

    def notifications(self, run_id: str) -> list[m.Notification]:
        return sorted(self.memory.of_run(run_id, "notifications"), key=lambda row: row.id)

    def pending_notifications(self) -> list[m.Notification]:
        rows = [row for row in self.memory.tables["notifications"].values() if not row.status.terminal]
        return sorted(rows, key=lambda row: (row.due_at, row.id))


def _by_id(rows: Iterable[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: row.id)


def _page(rows: Iterable[Any], before: str | None, limit: int) -> list[Any]:
    return sorted((row for row in rows if before is None or row.id < before), key=lambda row: row.id, reverse=True)[
        :limit
    ]


class NoAccounts:
    """Nobody logs in here: who asks is found out in the web server, which is not part of a simulated world."""

    def known(self) -> Known:
        return Known((), (), ())


class MemoryOldRows:
    """The interface of `ppacer.store.old.OldRows`."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def runs(self, until: Mark, after: Mark, limit: int, *, dag: str | None = None) -> list[OldRun]:
        needed = self._needed()
        found = [
            old
            for old in self._ended()
            if after < old.mark <= until
            and old.id not in needed
            and dag in (None, self._memory.tables["runs"][old.id].dag)
        ]
        return found[:limit]

    def beyond(self, dag: str, keep: int) -> Mark | None:
        ended = [old for old in self._ended() if self._memory.tables["runs"][old.id].dag == dag]
        return ended[-keep - 1].mark if len(ended) > keep else None

    def dags_of_runs_since(self, finished_at: int) -> list[str]:
        runs = self._memory.tables["runs"]
        return sorted({runs[old.id].dag for old in self._ended() if old.ended_at >= finished_at})

    def runs_with_outputs(self, finished_before: int, limit: int) -> list[OldRun]:
        found = [old for old in self._ended() if old.id in self._memory.outputs and old.ended_at < finished_before]
        return found[:limit]

    def attempts(self, run_ids: Sequence[str]) -> list[str]:
        return [
            row.id for id_ in run_ids if has_ended(self._memory, id_) for row in self._memory.of_run(id_, "attempts")
        ]

    def recent_attempts(self, attempt_ids: Sequence[str], finished_at: int) -> set[str]:
        rows = [self._memory.tables["attempts"][id_] for id_ in attempt_ids if id_ in self._memory.tables["attempts"]]
        return {row.id for row in rows if row.finished_at is None or row.finished_at >= finished_at}

    def dag_events(self, before: str, limit: int) -> list[str]:
        return sorted(id_ for id_ in self._memory.tables["dag_events"] if id_ < before)[:limit]

    def notifications(self, before: str, at_before: int, limit: int) -> list[str]:
        rows = self._memory.tables["notifications"].values()
        return sorted(row.id for row in rows if row.id < before and row.at < at_before and row.status.terminal)[:limit]

    def _ended(self) -> list[OldRun]:
        memory = self._memory
        found = []
        for run in memory.tables["runs"].values():
            if run.status.terminal:
                seqs = [seq for _, seq in memory.by_run.get(run.id, {}).get("events", ())]
                size = len(memory.by_run.get(run.id, {}).get("tasks", ())) + max(seqs, default=0)
                found.append(OldRun(run.id, run.finished_at, size))
        return sorted(found, key=lambda old: old.mark)

    def _needed(self) -> set[str]:
        tables = self._memory.tables
        runs: list[m.Run] = _by_id(tables["runs"].values())
        needed = set({run.dag: run.id for run in runs}.values())
        scheduled: dict[str, m.Run] = {}
        for run in runs:
            last = scheduled.get(run.dag)
            if run.kind is m.RunKind.SCHEDULED and (last is None or run.scheduled_at > last.scheduled_at):
                scheduled[run.dag] = run
        needed.update(run.id for run in scheduled.values())
        going = {row.id for row in tables["backfills"].values() if not row.status.terminal}
        needed.update(run.id for run in runs if run.backfill in going)
        needed.update(row.run_id for row in tables["notifications"].values() if not row.status.terminal and row.run_id)
        for run in runs:
            if run.idempotency_key is not None and run.idempotency_key.startswith(AWAITED_KEY):
                asking = tables["attempts"].get(run.idempotency_key[len(AWAITED_KEY) :][:36])
                if asking is not None and not asking.status.terminal:
                    needed.add(run.id)
                if asking is not None and not run.status.terminal:
                    needed.add(asking.run_id)
        return needed


class MemoryLogs:
    """The interface of `ppacer.store.logs.LogStore`."""

    name = "memory"

    def __init__(
        self,
        memory: Memory,
        before: Callable[[], object] = lambda: None,
        after: Callable[[], object] = lambda: None,
    ) -> None:
        self._memory = memory
        self._before = before
        self._after = after

    def append(self, entries: Sequence[tuple[str, Sequence[LogEntry]]]) -> None:
        new = [(attempt, entry) for attempt, batch in entries for entry in batch]
        if new:
            self._before()
            for attempt, entry in new:
                self._memory.logs.setdefault(attempt, {}).setdefault(entry.seq, entry)
            self._after()

    def delete(self, parts: Sequence[tuple[str, int]]) -> None:
        if parts:
            self._before()
            for attempt, until in parts:
                log = self._memory.logs.get(attempt, {})
                for seq in [seq for seq in log if seq <= until]:
                    del log[seq]
                if not log:
                    self._memory.logs.pop(attempt, None)
            self._after()

    def give_back(self, pages: int) -> int:
        return 0

    def read(self, attempt_id: str, after: int = 0, limit: int = 1000) -> list[LogEntry]:
        log = self._memory.logs.get(attempt_id, {})
        return [log[seq] for seq in sorted(log) if seq > after][:limit]

    def last_seq(self, attempt_ids: Iterable[str]) -> dict[str, int]:
        return {id_: max(self._memory.logs.get(id_, ()), default=0) for id_ in attempt_ids}

    def spans(self, attempt_ids: Iterable[str]) -> dict[str, tuple[int, int]]:
        return {id_: (min(log), max(log)) for id_ in attempt_ids if (log := self._memory.logs.get(id_))}

    def attempts(self, after: str, before: str, limit: int) -> list[str]:
        return sorted(id_ for id_ in self._memory.logs if after < id_ < before)[:limit]
