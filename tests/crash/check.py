"""What must hold when a world has come to its end, whatever was killed in it: read from its database, from the database
as each kill left it, and from its side-effect file, and from nothing else."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeAlias

from tests.crash.points import POINTS, Point
from tests.crash.proofs import Scene, prove
from tests.e2e.chaos_history import History
from tests.e2e.chaos_records import ENDED, Records, Row

Line: TypeAlias = dict[str, Any]

LOST_BUDGET = 3
PERIOD = 1_000_000
"""Of the dag `tick`, in microseconds."""

_EVENTS = {
    "cancel": "cancel_requested",
    "task_cancel": "task_cancel_requested",
    "restart": "run_reopened",
    "rerun": "run_reopened",
    "mark": "task_marked",
}


def check(folder: Path) -> list[str]:
    """The faults of a world that has ended, in words."""
    begun = next(line for line in _lines(folder) if line["kind"] == "began")
    points = [POINTS[id_] for id_ in begun["points"]]
    return list(Check(folder, points[0].program, points).faults())


def _lines(folder: Path) -> list[Line]:
    return [json.loads(line) for line in (folder / "effects.jsonl").read_text(encoding="utf-8").splitlines()]


class Check:
    """Of a folder in which `program` has run, and been killed at `points`."""

    def __init__(self, folder: Path, program: str, points: Sequence[Point] = ()) -> None:
        self.folder = folder
        self.program = program
        self.points = points
        self.lines = _lines(folder)
        self.records = Records(folder / f"{program}.db", folder / f"{program}.logs.db", folder / "effects.jsonl")
        self.attempts = {row["id"]: row for rows in self.records.attempts.values() for row in rows}

    def of(self, kind: str) -> list[Line]:
        return [line for line in self.lines if line["kind"] == kind]

    def faults(self) -> Iterator[str]:
        yield from self.kills()
        yield from self.acknowledged()
        yield from self.reports()
        yield from self.ends()
        yield from self.deeds()
        yield from self.limits()
        yield from self.losses()
        yield from self.due_times()
        yield from self.logs()
        yield from self.mails()

    # --- the kills ---------------------------------------------------------------------------------------------------

    def kills(self) -> Iterator[str]:
        """Each point was hit once and the kill came, where it was meant to; all else ended as it should."""
        if found := self.of("survived"):
            yield f"the kill did not come: {found}"
        hits = Counter(line["point"] for line in self.of("about"))
        if hits != Counter(point.name for point in self.points):
            yield f"hit were {dict(hits)}"
        for line in self.of("about"):
            snapshot = self.folder / "snapshots" / line["point"]
            if not snapshot.exists():
                yield f"nothing was kept of the database when {line['point']} was hit"
                continue
            yield from prove(Scene(line, self.lines, snapshot / f"{self.program}.db"))
        for line in self.of("ended"):
            if line["code"] != 0:
                yield f"{line['process']} ended with {line['code']}"
        for line in self.of("left"):
            if line["commands"]:
                yield f"processes are left: {line['commands']}"

    # --- what was acknowledged ---------------------------------------------------------------------------------------

    def acknowledged(self) -> Iterator[str]:
        keys = Counter(run["idempotency_key"] for run in self.records.runs.values())
        gone = {line["run"] for line in self.of("expected") if line["ends"] == "gone"}
        told = {(run, event["kind"]) for run, events in self.records.events.items() for event in events}
        for line in self.of("acknowledged"):
            if line["what"] == "trigger" and line["id"] not in gone and keys[line["key"]] != 1:
                yield f"{keys[line['key']]} runs for {line}"
            if line["what"] in _EVENTS and (line["run"], _EVENTS[line["what"]]) not in told:
                yield f"granted, and forgotten: {line}"

    def reports(self) -> Iterator[str]:
        """What an executor was told to be accepted is there, and is not done again."""
        for line in self.of("answer"):
            for attempt, token, outcome in line["reports"]:
                row = self.attempts.get(attempt)
                if row is None:
                    if not self.of_pruned():
                        yield f"the accepted report on {attempt} is gone"
                    continue
                if outcome == "deferred":
                    if row["parts"] == 0:
                        yield f"the accepted deferral of {attempt} is gone"
                elif (row["token"], row["status"]) != (token, outcome):
                    yield f"accepted was {outcome} of {attempt} under {token}, recorded is {dict(row)}"
                if outcome == "success":
                    yield from self._not_again(attempt, line["at"])

    def of_pruned(self) -> bool:
        return any(line["ends"] == "gone" for line in self.of("expected"))

    def _not_again(self, attempt: str, at: float) -> Iterator[str]:
        tasks = self.of("task")
        for key in {line["key"] for line in tasks if line["attempt"] == attempt}:
            again = [line for line in tasks if line["key"] == key and line["word"] == "start" and line["at"] > at]
            if again:
                yield f"done again after it had been accepted: {again}"

    # --- runs and their tasks ----------------------------------------------------------------------------------------

    def ends(self) -> Iterator[str]:
        expected = {line["run"]: line["ends"] for line in self.of("expected")}
        for run, ends in expected.items():
            found = self.records.runs.get(run)
            if (found["status"] if found else "gone") != ends:
                yield f"run {run} is {found['status'] if found else 'gone'}, it should be {ends}"
        for run in self.records.runs.values():
            if run["status"] not in ENDED:
                yield f"run {run['id']} has not ended: {run['status']}"
            attempts = {row["id"]: row["status"] for row in self.attempts.values() if row["run_id"] == run["id"]}
            history = History(self.records.dags[run["dag"]], run)
            history.tell(self.records.events[run["id"]])
            history.compare(run, self.records.tasks.get(run["id"], {}), attempts)
            yield from history.faults

    def deeds(self) -> Iterator[str]:
        """Whatever is a success has come to its end under its token, and nothing is done twice at one time."""
        tasks = self.of("task")
        begun = Counter((line["attempt"], line["token"], line["part"]) for line in tasks if line["word"] == "start")
        for what, count in begun.items():
            if count > 1:
                yield f"{count} beginnings of attempt, token and part {what}"
        for line in tasks:
            if line["word"] == "start" and line["beside"]:
                yield f"done under two tokens at a time: {line}"
            row = self.attempts.get(line["attempt"])
            if row is None and not self.of_pruned():
                yield f"an attempt that the database does not know: {line}"
            if row is not None and line["token"] > row["token"]:
                yield f"a token that was never granted: {line}"
        ended = {(line["attempt"], line["token"]) for line in tasks if line["word"] == "end"}
        for id_, row in self.attempts.items():
            if row["status"] == "success" and (id_, row["token"]) not in ended:
                yield f"a success that did not happen: {dict(row)}"
        tokens = [row["token"] for row in self.attempts.values() if row["token"]]
        if len(set(tokens)) != len(tokens):
            yield f"one token for two attempts: {tokens}"

    def limits(self) -> Iterator[str]:
        """Nothing is tried more often than is allowed."""
        for (run_id, key), rows in self.records.attempts.items():
            kind = self.records.dags[self.records.runs[run_id]["dag"]].tasks[key[0]]
            by_epoch: dict[int, list[Row]] = defaultdict(list)
            for row in rows:
                by_epoch[row["epoch"]].append(row)
            for epoch, tried in by_epoch.items():
                statuses = [row["status"] for row in tried]
                where = f"{key} of run {run_id}, epoch {epoch}: {statuses}"
                if [row["number"] for row in tried] != list(range(1, len(tried) + 1)):
                    yield f"{where}: numbers {[row['number'] for row in tried]}"
                if statuses.count("lost") > LOST_BUDGET + 1:
                    yield f"{where}: lost too often"
                if sum(status in ("failed", "timed_out") for status in statuses) > kind.retries + 1:
                    yield f"{where}: tried too often"
                if "success" in statuses[:-1]:
                    yield f"{where}: tried again after a success"

    def losses(self) -> Iterator[str]:
        """Nothing is lost but what a kill may have cost."""
        kills = [line["clock"] for line in self.of("about")]
        killed = {line["process"] for line in self.of("died")}
        spared = self.points[0].world == "apart" and not killed - {"scheduler"} and not self.points[0].inner
        for row in self.attempts.values():
            if row["status"] != "lost" and row["error_kind"] not in ("killed", "lost", "exited"):
                continue
            if spared and not self._was_away_for_long(row):
                yield f"the scheduler's death cost an attempt: {dict(row)}"
            elif killed <= {"scheduler"} and row["created_at"] > max(kills, default=0):
                yield f"lost without a reason: {dict(row)}"

    def _was_away_for_long(self, row: Row) -> bool:
        """Whether the executor rightly stopped the attempt, since it had not been heard for too long: on a busy machine
        a program may take long to start."""
        received = [line["at"] for line in self.of("received")]
        ends = [min((at for at in received if at > line["at"]), default=0.0) for line in self.of("about")]
        away = [end - line["at"] for line, end in zip(self.of("about"), ends, strict=True)]
        fenced = "could not renew its lease" in (row["error"] or "")
        return fenced and max(away, default=0.0) > self.points[0].lease / 3

    # --- due times, logs, mails --------------------------------------------------------------------------------------

    def due_times(self) -> Iterator[str]:
        due, past = (
            sorted(run["scheduled_at"] for run in self.records.runs.values() if run["kind"] == kind)
            for kind in ("scheduled", "backfill")
        )
        if due and due != list(range(due[0], due[0] + PERIOD * len(due), PERIOD)):
            yield f"due times: {due}"
        if due and self.records.watched.get("tick") != due[-1]:
            yield f"watched until {self.records.watched}, last due {due[-1]}"
        wanted: set[int] = set()
        for each in self.records.backfills:
            first = -(-each["from_at"] // PERIOD) * PERIOD
            wanted |= set(range(first, each["until_at"], PERIOD))
            if (each["status"], each["made"] + each["passed_over"]) != ("done", each["total"]):
                yield f"a backfill that is not done: {dict(each)}"
        if past != sorted(wanted):
            yield f"backfilled: {past}, asked for: {sorted(wanted)}"

    def logs(self) -> Iterator[str]:
        """No log has a hole, and that of a success is whole."""
        parts: dict[str, list[Row]] = defaultdict(list)
        for part in self.records.logs:
            parts[part["attempt"]].append(part)
        for id_, row in self.attempts.items():
            for part in parts[id_]:
                if part["count"] != part["last"]:
                    yield f"the log of {dict(row)} has {part['count']} entries of {part['last']}"
            if row["status"] == "success" and [part["deeds"] for part in parts[id_]] != [1] * (row["parts"] + 1):
                yield f"the log of {dict(row)}: {[dict(part) for part in parts[id_]]}"

    def mails(self) -> Iterator[str]:
        """Whatever counts as told was told at least once, and more often only after a kill; the rest may still be."""
        told = Counter(line["run"] for line in self.of("mail"))
        with closing(sqlite3.connect(self.folder / f"{self.program}.db")) as database:
            rows = database.execute("SELECT run_id, status FROM notifications").fetchall()
        for run, status in rows:
            least = 1 if status == "sent" else 0
            if status == "failed" or not least <= told[run] <= 1 + len(self.of("about")):
                yield f"a notification of run {run} is {status}, it was told {told[run]} times"
        if set(told) - {run for run, _ in rows}:
            yield f"told of what the database does not know: {told}"
