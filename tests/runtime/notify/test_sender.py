"""When notifications are sent, how often they are tried, and what is known of them afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import pytest

from ppacer import spec
from ppacer.core.model import (
    AttemptStatus,
    BuildRow,
    DagRow,
    ErrorKind,
    InsertAttempt,
    InsertBuild,
    InsertDag,
    InsertNotification,
    InsertRun,
    InsertTask,
    NoticeEvent,
    Notification,
    NotificationStatus,
    RunStatus,
    TaskRow,
    TaskStatus,
    UpdateAttempt,
    UpdateNotification,
)
from ppacer.services.caller import CallError
from ppacer.services.notices import Outgoing
from ppacer.services.notification_sender import (
    AT_ONCE,
    PER_NOTIFIER,
    RETRY_SECONDS,
    NotificationSender,
    pending_outgoing,
)
from ppacer.store import open_store

AT = spec.At(3, 1)
NAMES = ("ops", "mail", "chat", "page", "desk")
NOTIFIERS = tuple(spec.Notifier(name, f"shop:{name}", AT) for name in NAMES)
PENDING, SENT, FAILED = NotificationStatus.PENDING, NotificationStatus.SENT, NotificationStatus.FAILED


class Worker:
    """Answers calls as the test wants; keeps what was called."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.under_way: list[str] = []
        self.answer: Callable[[], object] = lambda: None
        self.held: asyncio.Event | None = None

    async def call(self, function: str, args=(), kwargs=None, *, seconds: float, where: str) -> object:
        self.calls.append((function, *args))
        self.under_way.append(where.split()[1])
        try:
            if self.held is not None:
                await self.held.wait()
            return self.answer()
        finally:
            self.under_way.remove(where.split()[1])


class Desk:
    """A sender with all that it hangs on: `rows` is what the database would say."""

    def __init__(self, kit, *notifiers: spec.Notifier) -> None:
        self.kit = kit
        self.hand = kit.hand()
        self.worker = Worker()
        self.rows: dict[str, Notification] = {}
        self.found = kit.plan(*(notifiers or NOTIFIERS))
        self.news: list[str] = []
        self.sender = self.new_sender()

    def new_sender(self) -> NotificationSender:
        return NotificationSender(
            self, self.hand, self.hand, self.worker, turn=nullcontext, plan=self.plan, page="https://etl.example.org"
        )

    async def plan(self, build: str, dag: str):
        assert (build, dag) == ("b1", "sales")
        return self.found

    def write(self, writes: list[UpdateNotification]) -> None:
        for write in writes:
            assert self.rows[write.row.id].status is write.expected
            self.rows[write.row.id] = write.row

    def announce(self, topic: str) -> None:
        self.news.append(topic)

    def add(self, id: str = "n1", notifier: str = "ops", **settings: object) -> None:
        row = make_row(self.kit, id, notifier, **settings)
        self.rows[id] = row
        self.sender.add(Outgoing(row, self.kit.now, "ValueError: no rows"))

    async def settle(self) -> None:
        """Lets everything that can go on without time passing go on."""
        for _ in range(50):
            self.hand.advance(0)
            await asyncio.sleep(0)

    async def later(self, seconds: float) -> None:
        self.hand.advance(seconds)
        await self.settle()


def make_row(kit, id: str, notifier: str, **settings: object) -> Notification:
    fields = {"due_at": kit.now, "status": PENDING, "run_id": kit.run().id, "task": "load", "number": 1, **settings}
    event = fields.pop("event", NoticeEvent.FAILURE)
    message = fields.pop("message", "The task load failed")
    return Notification(id, kit.now, "sales", "b1", event, notifier, "sales: load failed", message, **fields)


@pytest.fixture
def desk(kit) -> Callable[..., Desk]:
    return lambda *notifiers: Desk(kit, *notifiers)


async def test_what_is_pending_is_sent_and_marked(desk, kit) -> None:
    here = desk()
    here.add()
    await here.settle()
    row = here.rows["n1"]
    assert (row.status, row.tries, row.sent_at, row.error) == (SENT, 1, kit.now, None)
    assert here.sender.pending == 0
    assert here.news == [f"run/{kit.run().id}"]


async def test_a_notifier_gets_the_message_and_the_arguments_of_its_declaration(desk, kit) -> None:
    notifier = spec.Notifier(
        "ops", "shop:ops", AT, (spec.Literal("#etl", AT), spec.Secret("TOKEN", AT)), (("loud", spec.Literal(True, AT)),)
    )
    here = desk(notifier)
    here.add(task="check", position=2)
    await here.settle()
    [(_, called, message, channel, token)] = here.worker.calls
    assert (called, channel, token) == ("shop:ops", "#etl", spec.Secret("TOKEN", AT)), "secrets are the worker's"
    assert (message.subject, message.text, message.event) == ("sales: load failed", "The task load failed", "failure")
    assert (message.dag, message.run, message.task, message.attempt) == ("sales", kit.run().id, "check[2]", 1)
    assert message.error == "ValueError: no rows"
    assert message.scheduled_at.isoformat() == "2026-01-01T01:00:00+01:00"
    assert message.page == f"https://etl.example.org/runs/{kit.run().id}"


async def test_log_needs_no_worker(desk, caplog: pytest.LogCaptureFixture) -> None:
    here = desk(spec.Notifier("ops", "ppacer.notifiers:log", AT))
    here.add()
    await here.settle()
    assert here.rows["n1"].status is SENT
    assert here.worker.calls == []
    [record] = caplog.records
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "alert: sales: load failed: The task load failed")


async def test_what_fails_is_tried_again_at_growing_distances_and_then_given_up(desk, kit, caplog) -> None:
    caplog.set_level(logging.WARNING)
    here = desk()
    here.worker.answer = fails("Traceback (most recent call last):\nOSError: no route")
    here.add()
    await here.settle()
    at = kit.now
    for tries, seconds in enumerate(RETRY_SECONDS, start=1):
        row = here.rows["n1"]
        assert (row.status, row.tries, row.due_at - at) == (PENDING, tries, seconds * 1_000_000)
        assert row.error == "Traceback (most recent call last):\nOSError: no route"
        await here.later(seconds - 0.001)
        assert len(here.worker.calls) == tries, "not before it is due"
        await here.later(0.001)
        at += seconds * 1_000_000
    row = here.rows["n1"]
    assert (row.status, row.tries) == (FAILED, 5)
    assert here.sender.pending == 0
    await here.later(100_000)
    assert len(here.worker.calls) == 5
    told = [record.getMessage() for record in caplog.records]
    assert told[0] == "notifier ops could not tell “sales: load failed”: OSError: no route; once more in 10 s"
    assert told[-1] == "notifier ops could not tell “sales: load failed”: OSError: no route; given up after 5 tries"


async def test_a_try_that_succeeds_after_others_leaves_no_error(desk) -> None:
    here = desk()
    here.worker.answer = fails("no route")
    here.add()
    await here.settle()
    here.worker.answer = lambda: None
    await here.later(10)
    row = here.rows["n1"]
    assert (row.status, row.tries, row.error) == (SENT, 2, None)


async def test_a_fault_of_any_kind_is_tried_again_and_named(desk) -> None:
    here = desk()
    here.worker.answer = fails("spam", LookupError)
    here.add()
    await here.settle()
    assert (here.rows["n1"].status, here.rows["n1"].error) == (PENDING, "LookupError: spam")


async def test_a_clock_that_is_set_forward_makes_nothing_wait(desk, kit) -> None:
    here = desk()
    here.add(due_at=kit.now + 3600 * 1_000_000)
    await here.settle()
    assert here.worker.calls == []
    here.hand.at += 3600 * 1_000_000  # nobody's timer notices
    for timer in here.hand.waiting:
        timer.at += 3600 * 1_000_000
    await here.later(30)
    assert here.rows["n1"].status is SENT


@pytest.mark.parametrize("missing", ["build", "notifier"])
async def test_what_no_try_can_mend_is_given_up_at_once(desk, caplog, missing: str) -> None:
    here = desk()
    if missing == "build":
        here.found = None
    here.add(notifier="nobody")
    await here.settle()
    row = here.rows["n1"]
    assert (row.status, row.tries) == (FAILED, 1)
    assert (
        row.error
        == ("build b1, to which it belongs, cannot be read", "build b1 has no notifier nobody")[missing == "notifier"]
    )
    assert caplog.records[-1].getMessage().endswith("given up after one try")


async def test_whoever_ends_can_wait_until_all_has_been_tried_once(desk) -> None:
    here = desk()
    here.worker.held = asyncio.Event()
    here.add("n1")
    here.add("n2", "nobody")
    waiting = asyncio.ensure_future(here.sender.all_tried())
    await here.settle()
    done, _ = await asyncio.wait({waiting}, timeout=0.2)
    assert done == set(), "one is under way"
    here.worker.held.set()
    await here.settle()
    assert await asyncio.wait_for(waiting, 60) == ()
    assert here.rows["n1"].status is SENT


async def test_whoever_has_waited_hears_what_could_not_be_told(desk) -> None:
    here = desk()
    here.worker.answer = fails("no route")
    here.add()
    await here.settle()
    (problem,) = await asyncio.wait_for(here.sender.all_tried(), 60)
    assert problem == "notifier ops could not tell “sales: load failed”: no route"
    here.hand.advance(1)
    here.sender.close()
    here.sender = here.new_sender()
    here.sender.add(Outgoing(here.rows["n1"], here.kit.now, ""))
    assert await asyncio.wait_for(here.sender.all_tried(), 60) == (), "that was said by the one before"


async def test_a_notifier_that_hangs_holds_up_nobody_else(desk) -> None:
    here = desk()
    here.worker.held = asyncio.Event()
    for n in range(6):
        here.add(f"ops{n}", "ops", run_id=f"r{n}")
    await here.settle()
    assert here.worker.under_way == ["ops"] * PER_NOTIFIER
    for n, name in enumerate(NAMES[1:]):
        here.add(f"other{n}", name)
    await here.settle()
    assert here.worker.under_way == ["ops"] * PER_NOTIFIER + ["mail", "chat"]
    assert len(here.worker.under_way) == AT_ONCE
    here.worker.held.set()
    await here.settle()
    assert {row.status for row in here.rows.values()} == {SENT}


async def test_those_that_wait_take_turns(desk) -> None:
    here = desk()
    here.worker.held = asyncio.Event()
    for n in range(8):
        here.add(f"a{n}", "ops", run_id=f"r{n}")
        here.add(f"b{n}", "mail", run_id=f"r{n}")
    here.add("c", "chat")
    here.add("d", "page")
    await here.settle()
    assert here.worker.under_way == ["ops", "mail", "ops", "mail"], "each as it came, few of one notifier at once"
    here.worker.held.set()
    await here.settle()
    order = [call[1].removeprefix("shop:") for call in here.worker.calls]
    assert {"chat", "page"} <= set(order[: 2 * AT_ONCE]), "before the rest of the long lines"


async def test_what_one_run_has_to_tell_reaches_a_notifier_in_order(desk) -> None:
    here = desk()
    here.worker.held = asyncio.Event()
    here.add("n1", "ops", run_id="r1", message="it has failed, to be tried again")
    here.add("n2", "ops", run_id="r1", message="it has succeeded")
    here.add("n3", "mail", run_id="r1")
    await here.settle()
    assert here.worker.under_way == ["ops", "mail"]
    here.worker.held.set()
    await here.settle()
    told = [call[2].text for call in here.worker.calls if call[1] == "shop:ops"]
    assert told == ["it has failed, to be tried again", "it has succeeded"]
    assert {row.status for row in here.rows.values()} == {SENT}


async def test_deleted_runs_take_their_notifications_along(desk, kit) -> None:
    here = desk()
    here.worker.held = asyncio.Event()
    here.add("under way")
    here.add("later", due_at=kit.now + 5_000_000)
    await here.settle()
    here.sender.forget([kit.run().id])
    here.rows.clear()  # a write to what is gone would be an error
    here.worker.held.set()
    await here.later(10)
    assert here.sender.pending == 0
    assert len(here.worker.calls) == 1


async def test_a_sender_that_is_closed_stops_what_is_under_way_and_marks_nothing(desk) -> None:
    here = desk()
    here.worker.held = asyncio.Event()
    here.add()
    await here.settle()
    here.sender.close()
    here.worker.held.set()
    await here.later(100)
    assert here.worker.under_way == []
    assert here.rows["n1"].status is PENDING
    assert here.rows["n1"].tries == 0


async def test_what_was_added_twice_is_sent_once(desk, kit) -> None:
    here = desk()
    here.add()
    here.add()
    await here.settle()
    assert len(here.worker.calls) == 1


# --- a restart -------------------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path, kit):
    with_all = open_store(tmp_path / "p.db")
    with_all.advance_leader()
    attempt = replace(kit.attempt(), status=AttemptStatus.QUEUED)
    with_all.write(
        [
            InsertBuild(BuildRow("b1", "p", "0", 1, "{}", kit.now)),
            InsertDag(DagRow("sales", "b1", kit.now, kit.now)),
            InsertRun(kit.run(status=RunStatus.FAILED, scheduled_at=kit.now - 5, reason="it ran too long")),
            InsertTask(TaskRow(kit.run().id, 1, "load", 0, TaskStatus.FAILED)),
            InsertAttempt(attempt),
            UpdateAttempt(
                replace(
                    attempt,
                    status=AttemptStatus.FAILED,
                    error="Traceback (most recent call last):\nKeyError: 'eu'",
                    error_kind=ErrorKind.EXCEPTION,
                ),
                AttemptStatus.QUEUED,
                7,
            ),
        ]
    )
    yield with_all
    with_all.close()


def test_what_is_pending_is_found_again_with_all_that_its_row_leaves_out(store, kit) -> None:
    rows = [
        make_row(kit, "1", "ops", tries=2, due_at=kit.now + 60_000_000),
        make_row(kit, "2", "ops", task=None, number=0),
        make_row(kit, "3", "ops", event=NoticeEvent.MESSAGE),
        make_row(kit, "4", "", event=NoticeEvent.PING, task=None, number=0),
        make_row(kit, "5", "ops", run_id=None, task=None),
        make_row(kit, "6", "ops", status=SENT, sent_at=kit.now),
        make_row(kit, "7", "ops", status=FAILED),
    ]
    store.write([InsertNotification(row) for row in rows])
    found = {one.row.id: one for one in pending_outgoing(store)}
    assert {key: one.row for key, one in found.items()} == {row.id: row for row in rows[:5]}
    assert {key: one.cause for key, one in found.items()} == {
        "1": "KeyError: 'eu'",
        "2": "it ran too long",
        "3": None,
        "4": None,
        "5": None,
    }
    assert [found[key].scheduled_at for key in "145"] == [kit.now - 5, kit.now - 5, kit.now]


async def test_what_was_not_marked_before_a_crash_is_sent_again(desk, store, kit) -> None:
    here = desk()
    store.write([InsertNotification(make_row(kit, "n1", "ops"))])
    [outgoing] = pending_outgoing(store)
    here.sender.add(outgoing)
    here.hand.advance(0)
    await asyncio.sleep(0)  # it is being sent
    here.sender.close()
    [outgoing] = pending_outgoing(store)
    here.rows["n1"] = outgoing.row
    here.sender = here.new_sender()
    here.sender.add(outgoing)
    await here.settle()
    store.write([UpdateNotification(here.rows["n1"], PENDING)])
    assert pending_outgoing(store) == []


def fails(text: str, kind: type[Exception] = CallError) -> Callable[[], object]:
    def answer() -> object:
        raise kind(text)

    return answer
