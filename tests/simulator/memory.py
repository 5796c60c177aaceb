"""What is on the simulated disk, and how each write changes it: with the guards, keys and references of the real store.

It outlives the schedulers that open it (`store.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ppacer.core import model as m
from ppacer.protocol import LogEntry
from ppacer.records import replace
from ppacer.store.errors import Conflict

Key: TypeAlias = Any
Change: TypeAlias = tuple[str, Key, Any, Any]
"""A table, the row's key, and the row before and after; none where there is none."""

TABLES = (
    "builds",
    "dags",
    "versions",
    "dag_events",
    "backfills",
    "runs",
    "tasks",
    "attempts",
    "events",
    "notifications",
)


@dataclass(slots=True)
class Memory:
    """The tables by their keys, and what is found through indexes. `watch` gets the changes of each transaction."""

    tables: dict[str, dict[Key, Any]] = field(default_factory=lambda: {name: {} for name in TABLES})
    due: dict[str, dict[int, str]] = field(default_factory=dict)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    by_run: dict[str, dict[str, dict[Key, None]]] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    """Ended runs whose outputs have not been taken away."""
    logs: dict[str, dict[int, LogEntry]] = field(default_factory=dict)
    leader: int = 0
    watch: Callable[[Sequence[Change]], object] = lambda changes: None

    def of_run(self, run_id: str, table: str) -> list[Any]:
        rows = self.tables[table]
        return [rows[key] for key in sorted(self.by_run.get(run_id, {}).get(table, ()))]

    # --- changing rows -----------------------------------------------------------------------------------------------

    def put(self, changes: list[Change], table: str, key: Key, row: Any) -> None:
        rows = self.tables[table]
        old = rows.get(key)
        if row is None:
            del rows[key]
        else:
            rows[key] = row
        changes.append((table, key, old, row))
        self._index(table, key, old, row)

    def take_back(self, changes: list[Change]) -> None:
        for table, key, old, row in reversed(changes):
            if old is None:
                del self.tables[table][key]
            else:
                self.tables[table][key] = old
            self._index(table, key, row, old)
        changes.clear()

    def _index(self, table: str, key: Key, old: Any, row: Any) -> None:
        if table in _OF_RUN and (old is None) is not (row is None):
            known = row if old is None else old
            of_run = self.by_run.setdefault(known.run_id or "", {}).setdefault(table, {})
            if row is None:
                of_run.pop(key, None)
            else:
                of_run[key] = None
        elif table == "runs":
            if old is None or row is None:
                self._index_run(row or old, there=row is not None)
            if row is not None and row.status.terminal:
                self.outputs.add(key)
            else:
                self.outputs.discard(key)

    def _index_run(self, run: m.Run, *, there: bool) -> None:
        if run.kind is not m.RunKind.MANUAL:
            due = self.due.setdefault(run.dag, {})
            if there:
                due[run.scheduled_at] = run.id
            else:
                due.pop(run.scheduled_at, None)
        if run.idempotency_key is not None:
            if there:
                self.keys[run.dag, run.idempotency_key] = run.id
            else:
                self.keys.pop((run.dag, run.idempotency_key), None)


_OF_RUN = frozenset({"tasks", "attempts", "events", "notifications"})


# --- writes ----------------------------------------------------------------------------------------------------------


def _insert(memory: Memory, changes: list[Change], write: Any, table: str, key: Key) -> None:
    if key in memory.tables[table]:
        raise Conflict(f"{type(write).__name__} {key}: it exists already", write)
    memory.put(changes, table, key, write.row)


def _need(memory: Memory, write: Any, table: str, key: Key) -> None:
    if key is not None and key not in memory.tables[table]:
        raise Conflict(f"{type(write).__name__}: there is no {key} in {table}", write)


def _guarded(memory: Memory, write: Any, table: str, key: Key, **expected: object) -> Any:
    row = memory.tables[table].get(key)
    if row is None:
        raise Conflict(f"{type(write).__name__} {key}: there is no such row", write)
    for name, value in expected.items():
        if getattr(row, name) != value:
            found = getattr(row, name)
            raise Conflict(f"{type(write).__name__} {key}: its {name} is {found!r}, not {value!r}", write)
    return row


def _kept(old: Any, new: Any, names: tuple[str, ...]) -> Any:
    """The new row, with what an update does not touch as it was."""
    for name in names:
        if getattr(old, name) != getattr(new, name):
            return replace(new, **{each: getattr(old, each) for each in names})
    return new


def _build(memory: Memory, changes: list[Change], write: m.InsertBuild) -> None:
    _insert(memory, changes, write, "builds", write.row.build)


def _dag(memory: Memory, changes: list[Change], write: m.InsertDag) -> None:
    _need(memory, write, "builds", write.row.build)
    _insert(memory, changes, write, "dags", write.row.dag)


def _change_dag(memory: Memory, changes: list[Change], write: m.UpdateDag) -> None:
    _guarded(memory, write, "dags", write.row.dag)
    _need(memory, write, "builds", write.row.build)
    memory.put(changes, "dags", write.row.dag, write.row)


def _watched(memory: Memory, changes: list[Change], write: m.WatchedUntil) -> None:
    row = _guarded(memory, write, "dags", write.dag)
    memory.put(changes, "dags", write.dag, replace(row, watched_until=write.watched_until))


def _version(memory: Memory, changes: list[Change], write: m.InsertDagVersion) -> None:
    _need(memory, write, "builds", write.row.build)
    _need(memory, write, "dags", write.row.dag)
    _insert(memory, changes, write, "versions", (write.row.dag, write.row.at))


def _dag_event(memory: Memory, changes: list[Change], write: m.InsertDagEvent) -> None:
    _need(memory, write, "dags", write.row.dag)
    _insert(memory, changes, write, "dag_events", write.row.id)


def _backfill(memory: Memory, changes: list[Change], write: m.InsertBackfill) -> None:
    _need(memory, write, "dags", write.row.dag)
    _insert(memory, changes, write, "backfills", write.row.id)


_BACKFILL_KEPT = ("dag", "actor", "created_at", "from_at", "until_at", "params", "project")


def _change_backfill(memory: Memory, changes: list[Change], write: m.UpdateBackfill) -> None:
    old = _guarded(memory, write, "backfills", write.row.id, status=write.expected)
    memory.put(changes, "backfills", write.row.id, _kept(old, write.row, _BACKFILL_KEPT))


def _run(memory: Memory, changes: list[Change], write: m.InsertRun) -> None:
    row = write.row
    _need(memory, write, "builds", row.build)
    _need(memory, write, "dags", row.dag)
    _need(memory, write, "backfills", row.backfill)
    if row.kind is not m.RunKind.MANUAL and row.scheduled_at in memory.due.get(row.dag, ()):
        raise Conflict(f"InsertRun {row.id}: dag {row.dag} has a run of {row.scheduled_at}", write)
    if row.idempotency_key is not None and (row.dag, row.idempotency_key) in memory.keys:
        raise Conflict(f"InsertRun {row.id}: dag {row.dag} has a run of key {row.idempotency_key}", write)
    _insert(memory, changes, write, "runs", row.id)


_RUN_KEPT = (
    *("dag", "build", "kind", "scheduled_at", "created_at", "actor"),
    *("previous_at", "params", "idempotency_key", "backfill", "project"),
)


def _change_run(memory: Memory, changes: list[Change], write: m.UpdateRun) -> None:
    row, epoch = write.row, write.expected_epoch
    old = _guarded(memory, write, "runs", row.id, status=write.expected, epoch=row.epoch if epoch is None else epoch)
    memory.put(changes, "runs", row.id, _kept(old, row, _RUN_KEPT))


def _task(memory: Memory, changes: list[Change], write: m.InsertTask) -> None:
    row = write.row
    _need(memory, write, "runs", row.run_id)
    _insert(memory, changes, write, "tasks", (row.run_id, row.epoch, row.task, row.position))


def _change_task(memory: Memory, changes: list[Change], write: m.UpdateTask) -> None:
    row = write.row
    key = (row.run_id, row.epoch, row.task, row.position)
    _guarded(memory, write, "tasks", key, status=write.expected)
    memory.put(changes, "tasks", key, row)


def _attempt(memory: Memory, changes: list[Change], write: m.InsertAttempt) -> None:
    row = write.row
    _need(memory, write, "tasks", (row.run_id, row.epoch, row.task, row.position))
    for other in memory.by_run.get(row.run_id, {}).get("attempts", ()):
        one = memory.tables["attempts"][other]
        if one.number == row.number and (one.task, one.position, one.epoch) == (row.task, row.position, row.epoch):
            raise Conflict(f"InsertAttempt {row.id}: there is one of that number", write)
    _insert(memory, changes, write, "attempts", row.id)


_ATTEMPT_KEPT = ("run_id", "epoch", "task", "position", "number", "created_at")


def _change_attempt(memory: Memory, changes: list[Change], write: m.UpdateAttempt) -> None:
    row = write.row
    old = _guarded(memory, write, "attempts", row.id, status=write.expected, token=write.expected_token)
    memory.put(changes, "attempts", row.id, _kept(old, row, _ATTEMPT_KEPT))


def _renew(memory: Memory, changes: list[Change], write: m.RenewLeases) -> None:
    for id_, token in write.leases:
        row = memory.tables["attempts"].get(id_)
        if row is not None and row.status is m.AttemptStatus.RUNNING and row.token == token:
            memory.put(changes, "attempts", id_, replace(row, lease_until=write.lease_until))


def _event(memory: Memory, changes: list[Change], write: m.InsertEvent) -> None:
    _need(memory, write, "runs", write.row.run_id)
    _insert(memory, changes, write, "events", (write.row.run_id, write.row.seq))


def _notification(memory: Memory, changes: list[Change], write: m.InsertNotification) -> None:
    row = write.row
    _need(memory, write, "builds", row.build)
    _need(memory, write, "dags", row.dag)
    _need(memory, write, "runs", row.run_id)
    _insert(memory, changes, write, "notifications", row.id)


_NOTIFICATION_CHANGES = ("status", "due_at", "tries", "sent_at", "error")


def _change_notification(memory: Memory, changes: list[Change], write: m.UpdateNotification) -> None:
    row = write.row
    old = _guarded(memory, write, "notifications", row.id, status=write.expected)
    memory.put(
        changes, "notifications", row.id, replace(old, **{name: getattr(row, name) for name in _NOTIFICATION_CHANGES})
    )


def has_ended(memory: Memory, run_id: str) -> bool:
    run = memory.tables["runs"].get(run_id)
    return run is not None and run.status.terminal


def _delete_runs(memory: Memory, changes: list[Change], write: m.DeleteRuns) -> None:
    for run_id in write.run_ids:
        if has_ended(memory, run_id):
            for table in ("notifications", "events", "attempts", "tasks"):
                for key in list(memory.by_run.get(run_id, {}).get(table, ())):
                    memory.put(changes, table, key, None)
            memory.put(changes, "runs", run_id, None)


def _clear_outputs(memory: Memory, changes: list[Change], write: m.ClearOutputs) -> None:
    for run_id in write.run_ids:
        if has_ended(memory, run_id):
            for key in list(memory.by_run.get(run_id, {}).get("tasks", ())):
                if memory.tables["tasks"][key].output is not None:
                    memory.put(changes, "tasks", key, replace(memory.tables["tasks"][key], output=None))
            memory.outputs.discard(run_id)


def _delete_from(table: str) -> Callable[[Memory, list[Change], Any], None]:
    def delete(memory: Memory, changes: list[Change], write: Any) -> None:
        for id_ in write.ids:
            if id_ in memory.tables[table]:
                memory.put(changes, table, id_, None)

    return delete


WRITES: dict[type, Callable[[Memory, list[Change], Any], None]] = {
    m.InsertBuild: _build,
    m.InsertDag: _dag,
    m.UpdateDag: _change_dag,
    m.WatchedUntil: _watched,
    m.InsertDagVersion: _version,
    m.InsertDagEvent: _dag_event,
    m.InsertBackfill: _backfill,
    m.UpdateBackfill: _change_backfill,
    m.InsertRun: _run,
    m.UpdateRun: _change_run,
    m.InsertTask: _task,
    m.UpdateTask: _change_task,
    m.InsertAttempt: _attempt,
    m.UpdateAttempt: _change_attempt,
    m.RenewLeases: _renew,
    m.InsertEvent: _event,
    m.InsertNotification: _notification,
    m.UpdateNotification: _change_notification,
    m.DeleteRuns: _delete_runs,
    m.ClearOutputs: _clear_outputs,
    m.DeleteDagEvents: _delete_from("dag_events"),
    m.DeleteNotifications: _delete_from("notifications"),
}
