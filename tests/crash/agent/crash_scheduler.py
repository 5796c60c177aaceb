"""Crash points of the scheduler: each commit by what it holds, each answer, each message to people."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from crash_agent import append, armed, passing

# --- commits ---------------------------------------------------------------------------------------------------------


class _Held(threading.local):
    """What the transaction of this thread holds: rows of each kind of change, and whether tables are made in it."""

    def __init__(self) -> None:
        self.kinds: dict[str, list[dict[str, object]]] = {}
        self.tables: list[str] = []


HELD = _Held()


@contextmanager
def _holding(kinds: dict[str, list[dict[str, object]]]) -> Iterator[None]:
    HELD.kinds = kinds
    try:
        yield
    finally:
        HELD.kinds = {}


def _patch_dialect(module: ModuleType) -> None:
    """`do_commit` is where a transaction is sealed, whoever began it."""
    dialect = module.DefaultDialect
    commit = dialect.do_commit

    def do_commit(self: object, connection: object) -> None:
        kinds = dict(HELD.kinds)
        if HELD.tables:
            part = "log_schema" if "log_entries" in HELD.tables else "schema"
            kinds[part] = [{"made": table} for table in HELD.tables]
            HELD.tables = []
        for kind, rows in kinds.items():
            passing(f"commit.{kind}.before", lambda number, rows=rows: _rows(rows, number))
        commit(self, connection)
        for kind, rows in kinds.items():
            passing(f"commit.{kind}.after", lambda number, rows=rows: _rows(rows, number))

    dialect.do_commit = do_commit


def _rows(rows: list[dict[str, object]], number: int) -> dict[str, object]:
    for row in rows:
        if row.get("want") == "leader":
            row["want"] = {"leader_epoch": number}
    return {"rows": rows}


def _patch_cursors(module: ModuleType) -> None:
    """Notices the tables that a transaction makes."""
    if not armed("commit.schema") and not armed("commit.log_schema"):
        return
    dialect = module.DefaultDialect
    execute = dialect.do_execute_no_params if hasattr(dialect, "do_execute_no_params") else None

    def noticing(call: Callable[..., None]) -> Callable[..., None]:
        def done(self: object, cursor: object, statement: str, *more: object, **named: object) -> None:
            words = statement.split()
            if [word.upper() for word in words[:2]] == ["CREATE", "TABLE"]:
                HELD.tables.append(words[2].strip('"('))
            call(self, cursor, statement, *more, **named)

        return done

    dialect.do_execute = noticing(dialect.do_execute)
    if execute is not None:
        dialect.do_execute_no_params = noticing(execute)


def _patch_default(module: ModuleType) -> None:
    _patch_dialect(module)
    _patch_cursors(module)


def _patch_store(module: ModuleType) -> None:
    store = module.Store
    write, advance = store.write, store.advance_leader

    def held_write(self: object, writes: Any, *more: Any) -> None:
        with _holding(_kinds(writes) if armed("commit.") else {}):
            write(self, writes, *more)

    def held_advance(self: object, *more: Any) -> int:
        row: dict[str, object] = {"table": "ppacer_meta", "key": {"part": "runs"}, "want": "leader"}
        with _holding({"leader": [row]}):
            epoch: int = advance(self, *more)
            return epoch

    store.write, store.advance_leader = held_write, held_advance


def _patch_logs(module: ModuleType) -> None:
    logs = module.LogStore
    add, delete = logs.append, logs.delete

    def held_append(self: object, entries: Any, *more: Any) -> None:
        rows = [
            {"table": "log_entries", "key": {"attempt": attempt, "seq": entry.seq}, "want": {}}
            for attempt, batch in entries
            for entry in batch
        ]
        with _holding({"log": rows} if rows else {}):
            add(self, entries, *more)

    def held_delete(self: object, parts: Any, *more: Any) -> None:
        rows = [{"table": "log_entries", "key": {"attempt": attempt, "seq": 1}, "gone": True} for attempt, _ in parts]
        with _holding({"log_pruning": rows} if rows else {}):
            delete(self, parts, *more)

    logs.append, logs.delete = held_append, held_delete


_TABLES = {
    "Run": ("runs", "id"),
    "Task": ("tasks", "run_id", "epoch", "task", "position"),
    "Attempt": ("attempts", "id"),
    "Event": ("events", "run_id", "seq"),
    "Backfill": ("backfills", "id"),
    "Notification": ("notifications", "id"),
    "Build": ("builds", "build"),
    "Dag": ("dags", "project", "dag"),
    "DagVersion": ("dag_versions", "project", "dag", "at"),
    "DagEvent": ("dag_events", "id"),
}
_WANTED = ("status", "token", "parts", "paused")


def _kinds(writes: Iterable[Any]) -> dict[str, list[dict[str, object]]]:
    """The kinds of change among the writes, each with all rows of the transaction, as they will be after it."""
    rows: dict[str, dict[str, Any]] = {}
    first: dict[str, object] = {}
    kinds: dict[str, None] = {}
    for write in writes:
        for row in _changed(write):
            name = json.dumps([row["table"], row["key"]])
            rows[name] = row
            first.setdefault(name, getattr(write, "expected", None))
        kinds.update(dict.fromkeys(_kinds_of(write)))
    # What ends up as it was tells nothing.
    told = [row for name, row in rows.items() if first[name] is None or row["want"].get("status") != first[name]]
    return dict.fromkeys(kinds, told)


def _changed(write: Any) -> Iterator[dict[str, Any]]:
    """The rows that a write makes or changes in a way that can be told from outside."""
    name = type(write).__name__
    if name == "RenewLeases":
        for attempt, _ in write.leases:
            yield {"table": "attempts", "key": {"id": attempt}, "want": {"lease_until": write.lease_until}}
    if name == "DeleteRuns":
        for run_id in write.run_ids:
            yield {"table": "runs", "key": {"id": run_id}, "gone": True}
    table = _TABLES.get(name.removeprefix("Insert").removeprefix("Update"))
    if table is None or not name.startswith(("Insert", "Update")):
        return
    row = write.row
    key = {column: getattr(row, column) for column in table[1:]}
    yield {"table": table[0], "key": key, "want": {one: getattr(row, one) for one in _WANTED if hasattr(row, one)}}


def _kinds_of(write: Any) -> Iterator[str]:
    match type(write).__name__:
        case "InsertRun":
            yield {"manual": "run_made", "scheduled": "due_run", "backfill": "backfill_run"}[write.row.kind]
        case "UpdateRun" if write.row.status not in (write.expected, "queued"):
            yield (
                "run_begun" if write.row.status == "running" else "run_ended" if write.row.status.terminal else "queued"
            )
        case "UpdateAttempt":
            moves = {
                ("queued", "running"): "claim",
                ("running", "success"): "report",
                ("running", "failed"): "failure",
                ("running", "lost"): "loss",
                ("running", "deferred"): "deferral",
                ("deferred", "queued"): "going_on",
                ("running", "cancelled"): "cancelled",
            }
            if found := moves.get((str(write.expected), str(write.row.status))):
                yield found
        case "UpdateTask" if write.expected == "retrying" and write.row.status == "queued":
            yield "retry"
        case "InsertEvent":
            events = {
                "cancel_requested": "cancel",
                "task_cancel_requested": "task_cancel",
                "run_reopened": "reopening",
                "task_marked": "mark",
                "task_expanded": "expansion",
                "run_decided": "decision",
            }
            if found := events.get(str(write.row.kind)):
                yield found
        case "InsertBackfill":
            yield "backfill"
        case "UpdateBackfill" if write.row.status.terminal:
            yield "backfill_end"
        case "InsertDagEvent" if write.row.kind in ("paused", "resumed"):
            yield str(write.row.kind)
        case "InsertBuild":
            yield "build"
        case "InsertNotification":
            yield "notice"
        case "UpdateNotification" if write.row.status == "sent":
            yield "notice_sent"
        case "RenewLeases":
            yield "renewal"
        case "DeleteRuns":
            yield "pruning"


# --- answers ---------------------------------------------------------------------------------------------------------


def _patch_exchange(module: ModuleType) -> None:
    handler = module.ExchangeHandler
    post, finish = handler.post, handler.finish

    async def heard_post(self: Any) -> None:
        append("received", request=json.loads(self.request.body)["request"])
        await post(self)

    def told_finish(self: Any, chunk: Any = None) -> Any:
        kinds: list[str] = []
        hand: dict[str, object] = {}
        if armed("answer.") and chunk is not None and self.get_status() == 200:
            answer = json.loads(chunk)
            kinds = answer_kinds(answer)
            request = json.loads(self.request.body)
            hand = {"request": request["request"], "rows": answered_rows(request, answer)}
        for kind in kinds:
            passing(f"answer.{kind}.before", lambda _: hand)
        result = finish(self, chunk)
        for kind in kinds:
            passing(f"answer.{kind}.after", lambda _: hand)
        return result

    handler.post, handler.finish = heard_post, told_finish


def answer_kinds(answer: Any) -> list[str]:
    parts = {"assignments": "claim", "reports": "report", "renewals": "renewal", "logs": "log", "notices": "notice"}
    return [kind for part, kind in parts.items() if answer.get(part)]


def answered_rows(request: Any, answer: Any) -> list[dict[str, object]]:
    """What must be in the database since it was answered."""
    sent = {report["attempt"]: report for report in request.get("reports", ())}
    return [
        *(
            {"table": "attempts", "key": {"id": one["attempt"]}, "want": {"status": "running", "token": one["token"]}}
            for one in answer.get("assignments", ())
        ),
        *(
            {"table": "attempts", "key": {"id": ack["attempt"]}, "want": {"status": sent[ack["attempt"]]["outcome"]}}
            for ack in answer.get("reports", ())
            if ack["status"] == 200
        ),
    ]


_EVENTS = {
    "cancel": "cancel_requested",
    "task_cancel": "task_cancel_requested",
    "restart": "run_reopened",
    "rerun": "run_reopened",
    "mark": "task_marked",
}


def _patch_api(module: ModuleType) -> None:
    handler = module.BaseHandler
    answer = handler.answer

    def told_answer(self: Any, message: Any, status: int = 200) -> None:
        name = "" if self.request.method == "GET" else _name(self.request.path)

        def hand(_: int) -> object:
            return {"rows": [_asked(name, message)]}

        passing(f"api.{name}.before", hand)
        answer(self, message, status)
        passing(f"api.{name}.after", hand)

    handler.answer = told_answer


def _name(path: str) -> str:
    last = path.rpartition("/")[2]
    if "/tasks/" in path and last == "cancel":
        return "task_cancel"
    return {"runs": "trigger", "backfills": "backfill"}.get(last, last)


def _asked(name: str, message: Any) -> dict[str, object]:
    """The row by which what was asked for shows; an answer that is kept for its key is JSON already."""
    id_ = json.loads(message.text)["id"] if hasattr(message, "text") else message.id
    if name in _EVENTS:
        return {"table": "events", "key": {"run_id": id_, "kind": _EVENTS[name]}, "want": {}}
    if name in ("pause", "resume"):
        return {"table": "dags", "key": {"dag": id_}, "want": {"paused": name == "pause"}}
    return {"table": "backfills" if name == "backfill" else "runs", "key": {"id": id_}, "want": {}}


# --- messages to people, and what is kept ----------------------------------------------------------------------------


def _patch_sender(module: ModuleType) -> None:
    sender = module.NotificationSender
    deliver = sender._deliver

    async def told_deliver(self: Any, outgoing: Any) -> None:
        row = {"table": "notifications", "key": {"id": outgoing.row.id}, "want": {"status": "pending"}}
        passing("notify.before", lambda _: {"rows": [row], "run": outgoing.row.run_id})
        await deliver(self, outgoing)
        passing("notify.after", lambda _: {"rows": [row], "run": outgoing.row.run_id})

    sender._deliver = told_deliver


def _patch_pruner(module: ModuleType) -> None:
    """Nobody waits a minute for the first look here."""
    if armed("commit.pruning") or armed("commit.log_pruning"):
        module.FIRST_AFTER = 1.0
        module.EVERY = 1.0


PATCHES: dict[str, Callable[[ModuleType], None]] = {
    "sqlalchemy.engine.default": _patch_default,
    "ppacer.store.store": _patch_store,
    "ppacer.store.logs": _patch_logs,
    "ppacer.web.exchange": _patch_exchange,
    "ppacer.web.base": _patch_api,
    "ppacer.services.notification_sender": _patch_sender,
    "ppacer.services.pruner": _patch_pruner,
}
