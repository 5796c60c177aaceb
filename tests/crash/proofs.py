"""That a kill fell where it was meant to, told from the side-effect file and from the database as the kill left it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """`hit` is the line that the victim wrote last; `database` is as it was then, or a moment later where the process
    that has it open went on."""

    hit: Line
    lines: list[Line]
    database: Path

    @property
    def hand(self) -> Line:
        found: Line = self.hit["hand"]
        return found

    def of(self, kind: str) -> list[Line]:
        return [line for line in self.lines if line["kind"] == kind]

    def before(self, kind: str) -> list[Line]:
        return [line for line in self.of(kind) if line["at"] <= self.hit["at"]]

    def rows_there(self) -> list[bool]:
        """For each row in hand whether the database has it as it was to be."""
        with closing(sqlite3.connect(self.database)) as database:
            return [_is_there(database, row) for row in self.hand["rows"]]


def prove(scene: Scene) -> Iterator[str]:
    """Says in words what contradicts that the kill fell there."""
    word, _, rest = scene.hit["point"].partition(".")
    for fault in _PROOFS[word](scene, rest.rpartition(".")[2]):
        yield f"{scene.hit['point']} was not where the kill fell: {fault}"


def _is_there(database: sqlite3.Connection, row: Line) -> bool:
    if "made" in row:
        query = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?"
        return bool(database.execute(query, (row["made"],)).fetchone()[0])
    matches = " AND ".join(f"{column} IS ?" for column in (*row["key"], *row.get("want", {})))
    values = [*row["key"].values(), *row.get("want", {}).values()]
    try:
        (count,) = database.execute(f"SELECT count(*) FROM {row['table']} WHERE {matches}", values).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        count = 0
    return bool(count) is not row.get("gone", False)


def _commit(scene: Scene, when: str) -> Iterator[str]:
    """Before the commit none of its rows is there, after it all are."""
    if scene.hit["point"].startswith(("commit.log.", "commit.log_schema", "commit.log_pruning")):
        scene = Scene(scene.hit, scene.lines, scene.database.with_suffix(".logs.db"))
    there = scene.rows_there()
    if not there:
        yield "nothing was in hand"
    elif any(there) if when == "before" else not all(there):
        yield f"{sum(there)} of {len(there)} rows are there, in hand were {scene.hand['rows']}"


def _answer(scene: Scene, when: str) -> Iterator[str]:
    """What is answered is committed; the executor got that very answer only if it was sent."""
    if not all(scene.rows_there()):
        yield f"it was not committed: {scene.hand['rows']}"
    # On a machine at rest the executor has read it before the scheduler, which has sent it, comes to its line.
    asked = [line for line in scene.of("answer") if line["since"] <= scene.hit["at"]]
    this = [line for line in asked if line["request"] == scene.hand["request"]]
    if bool(this) is not (when == "after"):
        yield f"the executor read {this}"


def _api(scene: Scene, when: str) -> Iterator[str]:
    """Likewise with whoever asked: an answer that was lost is one to a question asked later."""
    if not all(scene.rows_there()):
        yield f"it was not committed: {scene.hand['rows']}"
    name = scene.hit["point"].split(".")[1]
    ended = [line for kind in ("acknowledged", "refused") for line in scene.of(kind) if line["what"] == name]
    if not ended:
        yield "nobody was answered"
    elif (ended[0]["since"] <= scene.hit["at"]) is not (when == "after"):
        yield f"the first answer was {ended[0]}"


def _request(scene: Scene, when: str) -> Iterator[str]:
    """The scheduler has what was sent, and the executor the answer that it read."""
    received = [line for line in scene.of("received") if line["request"] == scene.hand["request"]]
    answered = [line for line in scene.before("answer") if line["request"] == scene.hand["request"]]
    if bool(received) is not (when != "before"):
        yield f"the scheduler received {received}"
    if bool(answered) is not (when == "answered"):
        yield f"the executor was answered {answered}"
    if when == "answered" and not all(scene.rows_there()):
        yield f"it was answered and not committed: {scene.hand['rows']}"


def _direct(scene: Scene, when: str) -> Iterator[str]:
    answered = [line for line in scene.before("answer") if line["request"] == scene.hand["request"]]
    if bool(answered) is not (when == "answered"):
        yield f"the executor was answered {answered}"
    if when == "answered" and not all(scene.rows_there()):
        yield f"it was answered and not committed: {scene.hand['rows']}"
    running = {"table": "attempts", "want": {"status": "running"}}
    reported = [running | {"key": {"id": id_}} for id_, *_ in scene.hand["reports"]]
    with closing(sqlite3.connect(scene.database)) as database:
        if when == "before" and not all(_is_there(database, row) for row in reported):
            yield f"what was not sent is recorded: {reported}"


def _hand_over(scene: Scene, when: str) -> Iterator[str]:
    """The attempt counts as running; before it was handed over, no worker has it."""
    if not all(scene.rows_there()):
        yield f"it was not running: {scene.hand['rows']}"
    token = scene.hand["rows"][0]["want"]["token"]
    if when == "before" and any(line["token"] == token for line in scene.of("read")):
        yield "a worker has had it"


def _worker(scene: Scene, when: str) -> Iterator[str]:
    """The worker has the attempt, and has come as far with it as it is said to have."""
    token = scene.hand["token"]
    victim = scene.hit["pid"]
    words = [line["word"] for line in scene.of("task") if (line["token"], line["pid"]) == (token, victim)]
    if not any((line["token"], line["pid"]) == (token, victim) for line in scene.before("read")):
        yield "the worker did not have it"
    told = "outcome" in scene.hit["point"]
    if told and words != ["start", "end"]:
        yield f"the task has done {words}"
    if not told and words:
        yield f"the task has done {words}"


def _zygote(scene: Scene, when: str) -> Iterator[str]:
    """An attempt waits for the worker that is being made."""
    granted = {token for line in scene.before("answer") for _, token in line["granted"]}
    if not granted - {line["token"] for line in scene.before("read")}:
        yield "no attempt waits for a worker"


def _notify(scene: Scene, when: str) -> Iterator[str]:
    """It counts as not sent yet; it was sent or was not."""
    if not all(scene.rows_there()):
        yield f"it does not wait to be sent: {scene.hand['rows']}"
    told = [line for line in scene.before("mail") if line["run"] == scene.hand["run"]]
    if bool(told) is not (when == "after"):
        yield f"told was {told}"


_PROOFS: dict[str, Callable[[Scene, str], Iterator[str]]] = {
    "commit": _commit,
    "answer": _answer,
    "api": _api,
    "request": _request,
    "direct": _direct,
    "handover": _hand_over,
    "worker": _worker,
    "zygote": _zygote,
    "notify": _notify,
}
