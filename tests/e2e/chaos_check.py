"""What must hold of the database and of what the tasks did, whatever happened: the invariants of the runtime."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.e2e.chaos_proxy import Accepted

ENDED = {"success", "failed", "skipped", "upstream_failed", "cancelled"}
LOST_BUDGET = 3
PERIOD = 2_000_000
"""Of the dag `tick`, in microseconds."""

RETRIES = {"third_time": 2, "crashes": 1, "never": 1}
PARENTS = {
    "chain": {"b": ["a"], "c": ["b"], "d": ["c"]},
    "fan": {name: ["first"] for name in ("quick", "slow", "child", "talk")}
    | {"last": ["quick", "slow", "child", "talk"]},
    "flaky": {"after": ["third_time", "crashes"], "blocked": ["never"]},
    "tick": {},
}

Row = Mapping[str, Any]


@dataclass
class Check:
    """`faults` says in words what does not hold."""

    database: Path
    logs: Path
    steps: Path
    faults: list[str] = field(default_factory=list)

    def run(self, made: Mapping[str, str], accepted: Iterable[Accepted]) -> list[str]:
        """`made` are the runs that were acknowledged, by their keys."""
        with sqlite3.connect(self.database) as connection:
            connection.row_factory = sqlite3.Row
            self._read(connection)
        self._check_due_times()
        self._check_acknowledged(made, accepted)
        for run in self.runs.values():
            self._check_history(run)
            for task in self.tasks[run["id"]].values():
                self._check_task(run, task)
        self._check_tokens()
        self._check_logs()
        return self.faults

    def _read(self, connection: sqlite3.Connection) -> None:
        self.runs: dict[str, Row] = {row["id"]: row for row in connection.execute("SELECT * FROM runs")}
        self.tasks: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in connection.execute("SELECT * FROM tasks"):
            self.tasks[row["run_id"]][row["task"]] = row
        self.attempts: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in connection.execute("SELECT * FROM attempts ORDER BY number"):
            self.attempts[row["run_id"], row["task"]].append(row)
        self.events: dict[str, list[Row]] = defaultdict(list)
        for row in connection.execute("SELECT * FROM events ORDER BY run_id, seq"):
            self.events[row["run_id"]].append(row)
        (self.watched_until,) = connection.execute("SELECT watched_until FROM dags WHERE dag = 'tick'").fetchone()
        self.starts: dict[tuple[str, str], list[Row]] = defaultdict(list)
        self.ends: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for line in self.steps.read_text(encoding="utf-8").splitlines():
            noted = json.loads(line)
            kept = self.starts if noted["word"] == "start" else self.ends
            kept[noted["run"], noted["task"]].append(noted)

    def _expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def _check_due_times(self) -> None:
        """Every due time has made exactly one run, up to the watermark."""
        due = sorted(run["scheduled_at"] for run in self.runs.values() if run["kind"] == "scheduled")
        wanted = [due[0] + PERIOD * number for number in range(len(due))] if due else []
        self._expect(due == wanted, f"due times: {due}")
        self._expect(not due or self.watched_until == due[-1], f"watched until {self.watched_until}, last due {due}")

    def _check_acknowledged(self, made: Mapping[str, str], accepted: Iterable[Accepted]) -> None:
        keys = {run["idempotency_key"]: run["id"] for run in self.runs.values() if run["idempotency_key"]}
        self._expect(keys == dict(made), f"runs {keys}, acknowledged were {made}")
        rows = {row["id"]: row for rows in self.attempts.values() for row in rows}
        for one in accepted:
            row = rows.get(one.attempt)
            found = None if row is None else Accepted(row["id"], row["token"], row["status"])
            self._expect(found == one, f"acknowledged {one}, recorded {found}")

    def _check_task(self, run: Row, task: Row) -> None:
        name, key = task["task"], (run["id"], task["task"])
        attempts = self.attempts[key]
        statuses = [row["status"] for row in attempts]
        where = f"{run['dag']}.{name} of run {run['id']} ({task['status']} {statuses})"
        numbers = [row["number"] for row in attempts]
        self._expect(numbers == list(range(1, task["attempts"] + 1)), f"{where}: attempts {numbers}")
        self._expect(statuses.count("lost") == task["lost"] <= LOST_BUDGET + 1, f"{where}: lost {task['lost']}")
        spent = statuses.count("failed") + statuses.count("timed_out")
        self._expect(spent <= 1 + RETRIES.get(name, 0), f"{where}: tried too often")
        self._expect("success" not in statuses[:-1], f"{where}: tried again after a success")
        self._expect((task["status"] == "success") == (statuses[-1:] == ["success"]), f"{where}: not its last attempt")
        if run["status"] in ENDED:
            self._expect(task["status"] in ENDED, f"{where}: unfinished in a run that has ended")
            self._expect(set(statuses).isdisjoint({"queued", "running"}), f"{where}: a live attempt")
        begun = [noted["number"] for noted in self.starts[key]]
        ended = {noted["number"] for noted in self.ends[key]}
        self._expect(len(begun) == len(set(begun)), f"{where}: an attempt began twice: {begun}")
        self._expect(set(begun) <= set(numbers), f"{where}: what is not recorded began: {begun}")
        for row in attempts:
            if row["status"] == "success":
                self._expect(row["number"] in ended, f"{where}: a success that did not happen")
            if row["status"] == "failed" and row["error_kind"] != "killed":
                self._expect(row["number"] not in ended, f"{where}: a failure that did not happen: {row['error']}")
        if begun:
            began = min(noted["at"] for noted in self.starts[key])
            for parent in PARENTS[run["dag"]].get(name, []):
                until = [noted["at"] for noted in self.ends[run["id"], parent]]
                self._expect(bool(until) and min(until) <= began, f"{where}: began before {parent} had ended")

    def _check_history(self, run: Row) -> None:
        """The events lead to the rows, and nothing changes once it has ended."""
        where = f"{run['dag']}, run {run['id']}"
        events = self.events[run["id"]]
        self._expect([row["seq"] for row in events] == list(range(1, len(events) + 1)), f"{where}: a gap in its events")
        status = ""
        tasks: dict[str, str] = {}
        attempts: dict[str, str] = {}
        for row in events:
            payload = json.loads(row["payload"])
            task, attempt = payload.get("task", ""), payload.get("id", "")
            self._expect(status not in ENDED, f"{where}: {row['kind']} after its end")
            if row["kind"] in ("task_queued", "task_retrying", "task_finished"):
                self._expect(tasks.get(task) not in ENDED, f"{where}: {row['kind']} after the end of {task}")
            match row["kind"]:
                case "run_created":
                    status = "queued"
                case "run_started":
                    status = "running"
                case "run_finished":
                    status = payload["status"]
                case "task_queued":
                    tasks[task], attempts[attempt] = "queued", "queued"
                case "task_retrying":
                    tasks[task] = "retrying"
                case "task_finished":
                    tasks[task] = payload["status"]
                case "attempt_started":
                    tasks[task], attempts[attempt] = "running", "running"
                case "attempt_finished":
                    self._expect(attempts[attempt] in ("queued", "running"), f"{where}: {task} ended twice")
                    attempts[attempt] = payload["status"]
        found = {name: row["status"] for name, row in self.tasks[run["id"]].items() if row["status"] != "waiting"}
        rows = {row["id"]: row["status"] for name in found for row in self.attempts[run["id"], name]}
        self._expect((status, tasks, attempts) == (run["status"], found, rows), f"{where}: not what its events tell")

    def _check_tokens(self) -> None:
        claimed = [row for rows in self.attempts.values() for row in rows if row["token"]]
        self._expect(len({row["token"] for row in claimed}) == len(claimed), "one token for two attempts")
        for rows in self.attempts.values():
            tokens = [row["token"] for row in rows if row["token"]]
            self._expect(tokens == sorted(tokens), f"tokens that do not grow: {tokens}")

    def _check_logs(self) -> None:
        """No log has a hole, and that of a success is whole."""
        query = (
            "SELECT attempt, count(*), max(seq), sum(message = 'a line of the deed') FROM log_entries GROUP BY attempt"
        )
        with sqlite3.connect(self.logs) as connection:
            found = {attempt: counted for attempt, *counted in connection.execute(query)}
        for (_, name), rows in self.attempts.items():
            for row in rows:
                count, last, deeds = found.get(row["id"], (0, 0, 0))
                self._expect(count == last, f"the log of {name} {row['number']} has {count} entries of {last}")
                if row["status"] == "success" and name != "last":
                    self._expect(deeds == 1, f"the log of {name} {row['number']} has the line {deeds} times")
                    self._expect(name != "talk" or count == 501, f"the log of {name} has {count} entries")
