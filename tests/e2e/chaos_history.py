"""The history of one run told again, step by step: each step must be allowed, and the last one lead to the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.e2e.chaos_records import BAD, ENDED, FAMILY, Dag, Key, Kind, Row

Payload = Mapping[str, Any]


class History:
    """`faults` says in words what does not hold."""

    def __init__(self, dag: Dag, run: Row) -> None:
        self.faults: list[str] = []
        self.status = ""
        self.outcome: str | None = None
        self.epoch = 1
        self.tasks: dict[Key, str] = {}
        self.attempts: dict[str, str] = {}
        self._dag = dag
        self._where = f"{run['dag']}, run {run['id']}"
        self._steps: Mapping[str, Callable[[Key, Payload], None]] = {
            "run_created": self._created,
            "run_started": self._started,
            "run_decided": self._decided,
            "run_finished": self._finished,
            "run_reopened": self._reopened,
            "task_expanded": self._expanded,
            "task_queued": self._queued,
            "task_retrying": lambda key, _: self._move(key, "retrying"),
            "task_finished": lambda key, payload: self._move(key, payload["status"]),
            "task_reset": self._reset,
            "task_marked": self._marked,
            "attempt_started": self._attempt_started,
            "attempt_deferred": lambda _, payload: self._attempt(payload["id"], "deferred", "running"),
            "attempt_finished": self._attempt_finished,
            "cancel_requested": self._nothing,
            "task_cancel_requested": self._nothing,
            "lease_restored": self._nothing,
        }

    def tell(self, events: list[Row]) -> None:
        self._expect([row["seq"] for row in events] == list(range(1, len(events) + 1)), "a gap in its events")
        at = 0
        for row in events:
            self._expect(row["at"] >= at, f"{row['kind']} goes back in time")
            at = row["at"]
            payload = row["payload"]
            key = payload.get("task", ""), payload.get("position", 0)
            self._expect(self.status not in ENDED or row["kind"] == "run_reopened", f"{row['kind']} after its end")
            self._steps[row["kind"]](key, payload)

    def compare(self, run: Row, tasks: Mapping[Key, Row], attempts: Mapping[str, str]) -> None:
        """With the rows that there are at the end."""
        told = {key: status for key, status in self.tasks.items() if status != "waiting"}
        found = {key: row["status"] for key, row in tasks.items() if row["status"] != "waiting"}
        for what, one, other in (
            ("its status", self.status, run["status"]),
            ("its epoch", self.epoch, run["epoch"]),
            ("tasks", set(told.items()) ^ set(found.items()), set()),
            ("attempts", set(self.attempts.items()) ^ set(attempts.items()), set()),
        ):
            self._expect(one == other, f"{what}: its events do not lead to its rows: {one}, {other}")

    def _expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(f"{self._where}: {fault}")

    # --- the run -----------------------------------------------------------------------------------------------------

    def _created(self, _: Key, __: Payload) -> None:
        self.status = "queued"

    def _started(self, _: Key, __: Payload) -> None:
        self._expect(self.status == "queued", f"it starts though {self.status}")
        self.status = "running"

    def _decided(self, _: Key, payload: Payload) -> None:
        self._expect(not self._open_tasks(), f"decided before {self._open_tasks()}")
        self.outcome = payload["outcome"]

    def _finished(self, _: Key, payload: Payload) -> None:
        self.status = payload["status"]
        self._expect(self.outcome in (None, self.status), f"it ends as {self.status}, decided was {self.outcome}")
        bad = [kind.id for kind in self._dag.ordinary() if self._is_bad(kind)]
        if self.status != "cancelled":
            self._expect(bool(bad) == (self.status == "failed"), f"it ends as {self.status} with {bad}")
        if self.tasks:
            live = [kind.id for kind in self._dag.tasks.values() if self.tasks.get(kind.whole) not in ENDED]
            self._expect(not live, f"it ends before {live}")
            left_out = [kind.id for kind in self._dag.tasks.values() if self._is_left_out(kind)]
            self._expect(not left_out, f"it ends without {left_out}")

    def _is_left_out(self, kind: Kind) -> bool:
        """Whether it is a handler that must have had its turn, and had none."""
        wanted = {"success": "success", "failure": "failed", "finally": self.status}.get(kind.handler)
        return wanted == self.status and not kind.parents and self.tasks.get(kind.whole) == "skipped"

    def _reopened(self, _: Key, payload: Payload) -> None:
        self._expect(payload["epoch"] == self.epoch + 1, f"epoch {payload['epoch']} after {self.epoch}")
        self.epoch = payload["epoch"]
        if self.status in ENDED:
            self.status, self.outcome = "queued", None

    def _open_tasks(self) -> list[str]:
        return [kind.id for kind in self._dag.ordinary() if self.tasks.get(kind.whole, "waiting") not in ENDED]

    def _is_bad(self, kind: Kind) -> bool:
        return any(status in BAD for (task, _), status in self.tasks.items() if task == kind.id)

    # --- its tasks ---------------------------------------------------------------------------------------------------

    def _move(self, key: Key, status: str) -> None:
        self._expect(self.tasks.get(key) not in ENDED, f"{status} after the end of {key}")
        self.tasks[key] = status

    def _expanded(self, key: Key, payload: Payload) -> None:
        self._expect(self._may_run(key), f"{key} is expanded before its rule holds")
        self._move(key, "running")
        self.tasks.update({(key[0], position): "waiting" for position in range(payload["members"])})

    def _queued(self, key: Key, payload: Payload) -> None:
        if self.tasks.get(key, "waiting") == "waiting":
            self._expect(self._may_run(key), f"{key} is tried before its rule holds: {self.tasks}")
        self._move(key, "queued")
        self.attempts[payload["id"]] = "queued"

    def _reset(self, key: Key, _: Payload) -> None:
        task, position = key
        if position == FAMILY:
            self.tasks = {each: status for each, status in self.tasks.items() if each[0] != task}
        elif (task, FAMILY) in self.tasks:
            self.tasks[task, FAMILY] = "running"
        self.tasks[key] = "waiting"

    def _marked(self, key: Key, payload: Payload) -> None:
        if (key[0], FAMILY) in self.tasks:
            self.tasks[key[0], FAMILY] = "running"  # what it ends as, if it does, is told next
        self.tasks[key] = payload["status"]

    def _nothing(self, _: Key, __: Payload) -> None:
        """It changes nothing by itself."""

    def _may_run(self, key: Key) -> bool:
        """Whether the rule of a task lets it run as things stand."""
        kind = self._dag.tasks[key[0]]
        if kind.handler != "none" and not self._is_time_for(kind):
            return False
        parents = [status for parent in kind.parents for status in self._statuses(kind, key, parent)]
        match kind.trigger:
            case "all_success":
                return all(status == "success" for status in parents)
            case "none_failed":
                return all(status in ENDED - BAD for status in parents)
            case "all_done":
                return all(status in ENDED for status in parents)
        raise AssertionError(kind.trigger)

    def _is_time_for(self, kind: Kind) -> bool:
        if self.outcome is None or self._open_tasks():
            return False
        if kind.handler != "finally":
            return self.outcome == {"success": "success", "failure": "failed"}[kind.handler]
        others = [each for each in self._dag.tasks.values() if each.handler in ("success", "failure")]
        return all(self.tasks.get(each.whole) in ENDED for each in others)

    def _statuses(self, kind: Kind, key: Key, parent: str) -> list[str]:
        """Those of a parent that count for a task: for a family those of its members, once they are known."""
        whole = self._dag.tasks[parent].whole
        if parent in kind.pairwise and key[1] != FAMILY:
            return [self.tasks.get((parent, key[1]), "waiting")]
        members = [self.tasks[each] for each in self.tasks if each[0] == parent and each[1] != FAMILY]
        if whole[1] == FAMILY and members and parent not in kind.pairwise:
            return members
        if parent in kind.pairwise:
            return []  # its list is known, that is enough
        return [self.tasks.get(whole, "waiting")]

    # --- their attempts ----------------------------------------------------------------------------------------------

    def _attempt_started(self, key: Key, payload: Payload) -> None:
        self._move(key, "running")
        self._attempt(payload["id"], "running", "queued")

    def _attempt_finished(self, _: Key, payload: Payload) -> None:
        self._attempt(payload["id"], payload["status"], "queued", "running", "deferred")

    def _attempt(self, attempt: str, status: str, *before: str) -> None:
        was = self.attempts.get(attempt)
        self._expect(was in before, f"attempt {attempt} is {status} after {was}")
        self.attempts[attempt] = status
