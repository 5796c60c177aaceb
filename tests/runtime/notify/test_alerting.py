"""What a turn has to tell: rows within it, the log and the sender after it; and what stays in the log."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from ppacer import spec
from ppacer.core import happenings as h
from ppacer.core.ids import IdSource
from ppacer.core.model import InsertNotification, NoticeEvent, RunStatus
from ppacer.protocol import TaskNotice
from ppacer.services.alerting import Alerting
from ppacer.services.notices import MOST_MESSAGES, Outgoing
from ppacer.services.notifier import Notifier

AT = spec.At(3, 1)
OPS = spec.Notifier("ops", "shop:ops", AT)


class Turn:
    """What one turn writes, and what follows once that is durable."""

    def __init__(self, kit) -> None:
        self.rows: list[str] = []
        self.sent: list[str] = []
        self._later: list[Callable[[], None]] = []
        self.silenced = False
        self.alerting = Alerting(
            self,
            Notifier(),
            kit.hand(),
            send=self.send,
            new_id=IdSource(bytes).next,
            silenced=lambda dag: self.silenced,
            env={"HC": "https://hc.example.org"}.__getitem__,
            page=None,
        )

    def write(self, writes: list[InsertNotification]) -> None:
        self.rows += [f"{write.row.event} to {write.row.notifier or write.row.message}" for write in writes]

    def then(self, call: Callable[[], None]) -> None:
        self._later.append(call)

    def send(self, outgoing: Outgoing) -> None:
        self.sent.append(outgoing.row.notifier or outgoing.row.message)

    def durable(self) -> None:
        for call in self._later:
            call()


@pytest.fixture
def turn(kit) -> Turn:
    return Turn(kit)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO)
    return lambda: [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def notice(kit, **settings: object) -> h.Notice:
    fields = {"alert": True, "task": "load", "number": 2, "error": "ValueError: no rows", "notifiers": ("ops",)}
    return h.Notice(NoticeEvent.FAILURE, run=kit.run(), **{**fields, **settings})


def test_a_row_is_part_of_the_turn_and_is_sent_once_that_is_durable(turn: Turn, kit, log) -> None:
    turn.alerting.tell(notice(kit), kit.plan(OPS))
    assert (turn.rows, turn.sent, log()) == (["failure to ops"], [], [])
    turn.durable()
    assert turn.sent == ["ops"]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "ERROR sales [0000000a], task load, attempt 2: failed: ValueError: no rows (told to ops)"),
        ({"notifiers": ()}, "ERROR alert: sales [0000000a], task load, attempt 2: failed: ValueError: no rows"),
        ({"alert": False}, "WARNING sales [0000000a], task load, attempt 2: failed: ValueError: no rows"),
        ({"task": "check", "position": 3, "number": 0}, "ERROR sales [0000000a], task check[3]: failed: ValueError"),
        ({"task": None, "number": 0, "error": None}, "ERROR sales [0000000a]: failed (told to ops)"),
        ({"message": "call me"}, "ERROR sales [0000000a], task load, attempt 2: failed: ValueError: no rows – call me"),
    ],
)
def test_the_log_tells_of_everything(turn: Turn, kit, log, settings: dict[str, object], line: str) -> None:
    turn.alerting.tell(notice(kit, **settings), kit.plan(OPS))
    turn.durable()
    [told] = log()
    assert told.startswith(line)


def test_alerts_of_a_silenced_dag_stay_in_the_log(turn: Turn, kit, log) -> None:
    turn.silenced = True
    turn.alerting.tell(notice(kit), kit.plan(OPS))
    turn.durable()
    assert (turn.rows, turn.sent) == ([], [])
    assert log() == [
        "WARNING sales [0000000a], task load, attempt 2: failed: ValueError: no rows (alerts are silenced)"
    ]


@pytest.mark.parametrize(
    ("settings", "silenced", "rows", "why"),
    [
        ({}, False, ["message to ops"], ""),
        ({"notifier": "ops"}, False, ["message to ops"], ""),
        ({"notifier": "nobody"}, False, [], " (there is no notifier nobody)"),
        ({}, True, [], " (alerts are silenced)"),
        ({"seq": MOST_MESSAGES}, False, ["message to ops"], ""),
        ({"seq": MOST_MESSAGES + 1}, False, [], " (it is told here alone: an attempt sends at most 100 messages)"),
    ],
)
def test_messages_of_tasks(turn: Turn, kit, log, settings, silenced: bool, rows: list[str], why: str) -> None:
    turn.silenced = silenced
    said = TaskNotice(**{"attempt": kit.attempt().id, "token": 7, "seq": 1, "message": "half of it", **settings})
    turn.alerting.message(said, kit.attempt("check", 2), kit.run(), kit.plan(OPS, notify=("ops",)))
    assert turn.rows == rows
    turn.durable()
    assert log() == [f"INFO sales [0000000a], task check[2] says: half of it{why}"]
    assert len(turn.sent) == len(rows)


def test_each_part_of_a_task_that_waits_has_messages_of_its_own(turn: Turn, kit, log) -> None:
    """What a part says is numbered beyond all that the parts before it could have said."""
    attempt = replace(kit.attempt(), parts=2)
    for seq in (2 * MOST_MESSAGES + 1, 3 * MOST_MESSAGES, 3 * MOST_MESSAGES + 1):
        turn.alerting.message(
            TaskNotice(attempt.id, 7, seq, "part of it"), attempt, kit.run(), kit.plan(OPS, notify=("ops",))
        )
    assert turn.rows == ["message to ops"] * 2


@pytest.mark.parametrize("status", [status for status in RunStatus if status.terminal])
def test_only_a_run_that_succeeded_gives_a_sign_of_life(turn: Turn, kit, status: RunStatus) -> None:
    turn.silenced = True  # a sign of life is no alert
    turn.alerting.ended(kit.run(status=status), kit.plan(ping=spec.Env("HC", AT)))
    turn.durable()
    asked = ["https://hc.example.org"] if status is RunStatus.SUCCESS else []
    assert turn.sent == asked
    assert turn.rows == [f"ping to {address}" for address in asked]


def test_a_ping_without_an_address_is_told_with_its_place(turn: Turn, kit, log) -> None:
    turn.alerting.ended(kit.run(status=RunStatus.SUCCESS), kit.plan(ping=spec.Env("NOWHERE", AT)))
    turn.durable()
    assert turn.rows == []
    assert 'ERROR the ping of dag sales has no address: env("NOWHERE") has no value here (p.ppd:3:1)' in log()


def test_what_becomes_of_a_run(turn: Turn, kit, log) -> None:
    turn.alerting.started(kit.run())
    ended = kit.run(status=RunStatus.FAILED, started_at=kit.now, finished_at=kit.now + 1_500_000, reason="too long")
    turn.alerting.ended(ended, None)
    turn.durable()
    assert log() == [
        f"INFO sales [0000000a] started (run {kit.run().id})",
        "WARNING sales [0000000a] ended: failed in 1.50 s: too long",
    ]
