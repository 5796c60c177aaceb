"""What must hold of the database and of what the tasks did, whatever happened: the invariants of the runtime.

What a run's history may tell, and that it leads to the rows, is checked in `chaos_history`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.e2e.chaos_history import History
from tests.e2e.chaos_proxy import Accepted
from tests.e2e.chaos_records import ENDED, FAMILY, Key, Kind, Records, Row

LOST_BUDGET = 3
PERIOD = 2_000_000
"""Of the dag `tick`, in microseconds."""

_CANCELS = ("cancel_requested", "task_cancel_requested")


@dataclass(frozen=True)
class Wish:
    """Something that was asked of a run, by an actor of its own, and the event that tells that it was done."""

    actor: str
    run: str
    event: str


@dataclass
class Check:
    """`faults` says in words what does not hold."""

    records: Records
    faults: list[str] = field(default_factory=list)

    def run(self, made: Mapping[str, str], accepted: Iterable[Accepted], granted: Sequence[Wish]) -> list[str]:
        """`made` are the runs that were acknowledged, by their keys, `granted` the wishes that were."""
        self._check_due_times()
        self._check_acknowledged(made, accepted, granted)
        for run in self.records.runs.values():
            self._check_history(run)
            for key, rows in self.records.old_tasks[run["id"]].items():
                self._check_task(run, key, rows)
                self._check_deeds(run, key)
            self._check_values(run)
        self._check_limits()
        self._check_asked_runs()
        self._check_tokens()
        self._check_logs()
        return self.faults

    def _expect(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    # --- what was acknowledged ---------------------------------------------------------------------------------------

    def _check_due_times(self) -> None:
        """Every due time has made exactly one run, up to the watermark, and in the ranges of the backfills."""
        due, past = (
            sorted(run["scheduled_at"] for run in self.records.runs.values() if run["kind"] == kind)
            for kind in ("scheduled", "backfill")
        )
        wanted = [due[0] + PERIOD * number for number in range(len(due))] if due else []
        self._expect(due == wanted, f"due times: {due}")
        for backfill in self.records.backfills:
            first = -(-backfill["from_at"] // PERIOD) * PERIOD
            span = [at for at in past if backfill["from_at"] <= at < backfill["until_at"]]
            self._expect(span == list(range(first, backfill["until_at"], PERIOD)), f"{dict(backfill)}: {span}")
            decided = backfill["made"] + backfill["passed_over"]
            self._expect((backfill["status"], decided) == ("done", backfill["total"]), f"not done: {dict(backfill)}")
        self._expect(bool(past), "no backfill")
        until = self.records.watched["tick"]
        self._expect(not due or until == due[-1], f"watched until {until}, last due {due}")

    def _check_acknowledged(
        self, made: Mapping[str, str], accepted: Iterable[Accepted], granted: Sequence[Wish]
    ) -> None:
        runs = [run for run in self.records.runs.values() if run["idempotency_key"] and run["actor"] != "run_dag"]
        keys = {run["idempotency_key"]: run["id"] for run in runs}
        self._expect(keys == dict(made), f"runs {keys}, acknowledged were {made}")
        rows = {row["id"]: row for rows in self.records.attempts.values() for row in rows}
        for one in accepted:
            row = rows.get(one.attempt)
            if row is not None and one.outcome == "deferred":
                self._expect(row["parts"] > 0 or row["status"] == "cancelled", f"{one} was acknowledged and forgotten")
                continue
            found = None if row is None else Accepted(row["id"], row["token"], row["status"])
            self._expect(found == one, f"acknowledged {one}, recorded {found}")
        told = Counter(
            (event["actor"], run, event["kind"]) for run, events in self.records.events.items() for event in events
        )
        kinds = {(run, kind) for _, run, kind in told}
        for wish in granted:
            if told[wish.actor, wish.run, wish.event] == 0:  # a cancel of what was to be cancelled anyway
                earlier = wish.event in _CANCELS and any((wish.run, kind) in kinds for kind in _CANCELS)
                self._expect(earlier, f"{wish} was granted, and forgotten")
        for (actor, run, kind), count in told.items():
            if actor.startswith("wish-") and kind in ("run_reopened", *_CANCELS):
                self._expect(count == 1, f"the one wish of {actor} for run {run} was done {count} times")

    def _check_history(self, run: Row) -> None:
        history = History(self.records.dags[run["dag"]], run)
        history.tell(self.records.events[run["id"]])
        attempts = {row["id"]: row["status"] for row in self._attempts_of(run)}
        history.compare(run, self.records.tasks.get(run["id"], {}), attempts)
        self.faults += history.faults

    def _attempts_of(self, run: Row) -> list[Row]:
        return [row for (id_, _), rows in self.records.attempts.items() if id_ == run["id"] for row in rows]

    # --- tasks and their attempts ------------------------------------------------------------------------------------

    def _check_task(self, run: Row, key: Key, rows: Sequence[Row]) -> None:
        kind = self.records.dags[run["dag"]].tasks[key[0]]
        attempts = self.records.attempts[run["id"], key]
        self._expect({each["epoch"] for each in attempts} <= {row["epoch"] for row in rows}, f"{key}: without a row")
        tried: list[tuple[Row, list[Row]]] = []
        for row in rows:
            made = [each for each in attempts if each["epoch"] == row["epoch"]]
            if row["attempts"] and tried and (not made or made[0]["number"] > 1):
                # Taken along into the new epoch with the other members of its family, as it was.
                made = tried.pop()[1] + made
            tried.append((row, made))
        for row, made in tried:
            self._check_tries(kind, row, made, f"{self._name(run, key)}, epoch {row['epoch']} ({row['status']})")
        if run["status"] in ENDED and key in self.records.tasks[run["id"]]:
            self._expect(rows[-1]["status"] in ENDED, f"{self._name(run, key)}: unfinished in a run that has ended")

    def _check_tries(self, kind: Kind, row: Row, attempts: Sequence[Row], where: str) -> None:
        statuses = [attempt["status"] for attempt in attempts]
        numbers = [attempt["number"] for attempt in attempts]
        where = f"{where}: {statuses}"
        self._expect(numbers == list(range(1, row["attempts"] + 1)), f"{where}: attempts {numbers}")
        self._expect(statuses.count("lost") == row["lost"] <= LOST_BUDGET + 1, f"{where}: lost {row['lost']}")
        spent = statuses.count("failed") + statuses.count("timed_out")
        self._expect(spent <= 1 + kind.retries, f"{where}: tried too often")
        self._expect("success" not in statuses[:-1], f"{where}: tried again after a success")
        marked = (row["reason"] or "").startswith("marked ")
        if not marked and row["position"] != FAMILY:
            succeeded = row["status"] == "success"
            self._expect(succeeded == (statuses[-1:] == ["success"]), f"{where}: not its last attempt")
        if row["status"] in ENDED:
            live = {"queued", "running", "deferred"} & set(statuses)
            self._expect(not live, f"{where}: a live attempt of a task that has ended")
        if row["status"] == "skipped":
            self._expect(not attempts, f"{where}: skipped, and tried")

    def _name(self, run: Row, key: Key) -> str:
        return f"{run['dag']}.{key[0]}{key[1] or ''} of run {run['id']}"

    # --- what they did -----------------------------------------------------------------------------------------------

    def _check_deeds(self, run: Row, key: Key) -> None:
        """What was noted belongs to attempts, and each part of an attempt was begun at most once."""
        kind = self.records.dags[run["dag"]].tasks[key[0]]
        if not kind.notes:
            return
        shown, where = self.records.shown(run, key), self._name(run, key)
        attempts = self.records.attempts[run["id"], key]
        starts, ends = (kept[run["id"], shown] for kept in (self.records.starts, self.records.ends))
        made = Counter(attempt["number"] for attempt in attempts)
        begun = Counter((noted["number"], noted["part"]) for noted in starts)
        for (number, part), count in begun.items():
            self._expect(count <= made[number], f"{where}: attempt {number}, part {part} was begun {count} times")
        for attempt in attempts:
            ended = [noted for noted in ends if self._belongs(noted, attempt, attempts)]
            what = f"{where}, attempt {attempt['number']} of epoch {attempt['epoch']}"
            if attempt["status"] == "success":
                self._expect(bool(ended), f"{what}: a success that did not happen")
            if attempt["status"] == "failed" and attempt["error_kind"] == "exception":
                self._expect(not ended, f"{what}: a failure that did not happen: {attempt['error']}")

    def _belongs(self, noted: Row, attempt: Row, attempts: Sequence[Row]) -> bool:
        """Of attempts with the same number, each in an epoch of its own, to the newest that was there."""
        at = noted["at"] * 1_000_000
        same = [each for each in attempts if each["number"] == noted["number"] and each["created_at"] <= at]
        return bool(same) and same[-1]["id"] == attempt["id"]

    def _check_values(self, run: Row) -> None:
        """What tasks got of each other: the outputs of a family in the order of its list, `when` as it says."""
        if run["dag"] != "wide":
            return
        tasks = self.records.tasks.get(run["id"], {})
        for task, family in (("join", "each"), ("rest", "some")):
            row = tasks.get((task, 0))
            if row is not None and row["status"] == "success" and not row["reason"]:
                for position, got in enumerate(json.loads(row["output"])):
                    expected = (f"{family}[{position}]", None)
                    self._expect(got in expected, f"{self._name(run, (task, 0))}: got {got} from {family}[{position}]")
        for position in (0, 1):
            tried = self.records.attempts[run["id"], ("some", position)]
            self._expect(not tried, f"{self._name(run, ('some', position))}: tried though its `when` is false")

    # --- limits, runs of runs, tokens, logs --------------------------------------------------------------------------

    def _check_limits(self) -> None:
        """No pool and no dag ever had more at work than it may."""
        pools: dict[str, list[tuple[int, int]]] = defaultdict(list)
        dags: dict[str, list[tuple[int, int]]] = defaultdict(list)
        steps = {"attempt_started": 1, "attempt_finished": -1, "attempt_deferred": -1}
        for run_id, events in self.records.events.items():
            run = self.records.runs[run_id]
            claimed: set[str] = set()
            for event in events:
                if event["kind"] in ("run_started", "run_finished"):
                    dags[run["dag"]].append((event["at"], 1 if event["kind"] == "run_started" else -1))
                if event["kind"] not in steps:
                    continue
                attempt, kind = event["payload"]["id"], self.records.dags[run["dag"]].tasks[event["payload"]["task"]]
                if event["kind"] == "attempt_started":
                    claimed.add(attempt)
                if kind.pool is not None and attempt in claimed:
                    pools[kind.pool].append((event["at"], steps[event["kind"]]))
        for pool, edges in pools.items():
            self._expect(_most(edges) <= self.records.slots[pool], f"pool {pool}: {_most(edges)} at once")
        for dag, edges in dags.items():
            most = self.records.dags[dag].most_runs
            self._expect(_most(edges) <= most, f"dag {dag}: {_most(edges)} runs at once, {most} are allowed")

    def _check_asked_runs(self) -> None:
        """Each attempt that asks for a run has made one, which never outlives it."""
        attempts = {row["id"]: row for rows in self.records.attempts.values() for row in rows if row["task"] == "child"}
        asked: dict[str, Row] = {}
        for run in self.records.runs.values():
            if run["actor"] == "run_dag":
                attempt = run["idempotency_key"].removeprefix("run_dag:")
                self._expect(attempt in attempts and attempt not in asked, f"a second run for the attempt {attempt}")
                asked[attempt] = run
        for attempt, run in asked.items():
            self._expect(run["status"] in ENDED, f"run {run['id']}, which a task asked for, is {run['status']}")
            status = attempts[attempt]["status"] if attempt in attempts else ""
            if run["epoch"] == 1 and status in ("success", "failed"):
                self._expect(
                    run["status"] == "success" or status == "failed", f"{attempt} is a {status} of {dict(run)}"
                )

    def _check_tokens(self) -> None:
        claimed = [row for rows in self.records.attempts.values() for row in rows if row["token"]]
        self._expect(len({row["token"] for row in claimed}) == len(claimed), "one token for two attempts")
        for rows in self.records.attempts.values():
            tokens = [row["token"] for row in rows if row["token"]]
            self._expect(tokens == sorted(tokens), f"tokens that do not grow: {tokens}")

    def _check_logs(self) -> None:
        """No log has a hole, and that of a success is whole."""
        parts: dict[str, list[Row]] = defaultdict(list)
        for part in self.records.logs:
            parts[part["attempt"]].append(part)
        for (run_id, key), rows in self.records.attempts.items():
            run = self.records.runs[run_id]
            kind = self.records.dags[run["dag"]].tasks[key[0]]
            for row in rows:
                where = f"the log of {self._name(run, key)}, attempt {row['number']}"
                found = parts[row["id"]]
                for part in found:
                    self._expect(part["count"] == part["last"], f"{where}: {part['count']} entries of {part['last']}")
                if row["status"] == "success" and kind.notes:
                    lines = [part["deeds"] for part in found]
                    self._expect(lines == [1] * (row["parts"] + 1), f"{where}: the line {lines} times")
                    count = sum(part["count"] for part in found)
                    self._expect(kind.id != "talk" or count == 501, f"{where}: {count} entries")


def _most(edges: list[tuple[int, int]]) -> int:
    """The most at once, given when each begins and ends; what ends makes room for what begins at that moment."""
    running = most = 0
    for _, step in sorted(edges):
        running += step
        most = max(most, running)
    return most
