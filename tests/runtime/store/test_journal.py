"""The journal: batches in their order, groups in one transaction, and what a failure does to those who wait."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ppacer.core.model import InsertEvent, InsertRun, RunStatus, UpdateRun, Write
from ppacer.protocol import LogEntry
from ppacer.services import journal as journal_module
from ppacer.services.journal import Journal
from ppacer.store import Conflict, DiskFull, LeaderLost, Store, Unavailable
from ppacer.store.logs import LogStore

PATIENCE = 90.0
"""Seconds after which a test that waits has failed."""


class Gate:
    """Holds each write until it is let through, notes its kind and size, and may make it fail."""

    def __init__(self, store: Store, logs: LogStore, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: list[tuple[str, int]] = []
        self.fault: Exception | None = None
        self.entered = threading.Semaphore(0)
        self._go = threading.Semaphore(0)
        self._open = False
        write, append = store.write, logs.append

        def gated_write(writes: Sequence[Write]) -> None:
            self._pass("rows", len(writes))
            write(writes)

        def gated_append(entries: Sequence[tuple[str, Sequence[LogEntry]]]) -> None:
            if entries:
                self._pass("logs", sum(len(batch) for _, batch in entries))
                append(entries)

        monkeypatch.setattr(store, "write", gated_write)
        monkeypatch.setattr(logs, "append", gated_append)

    def open(self) -> None:
        self._open = True
        self._go.release()

    def _pass(self, kind: str, size: int) -> None:
        self.groups.append((kind, size))
        self.entered.release()
        if not self._open:
            assert self._go.acquire(timeout=PATIENCE)
        if self.fault is not None:
            raise self.fault


@pytest.fixture
def gate(store: Store, logs: LogStore, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(store, logs, monkeypatch)


@asynccontextmanager
async def opened(store: Store, logs: LogStore) -> AsyncIterator[Journal]:
    journal = Journal(store, logs)
    try:
        yield journal
    finally:
        await journal.close()


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), PATIENCE))


def entry(seq: int) -> LogEntry:
    return LogEntry(seq=seq, at=seq, stream="stdout", level=20, message=f"line {seq}")


def test_a_commit_is_durable_when_it_is_done(store: Store, logs: LogStore, rows: Any) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            await journal.commit([InsertRun(rows.run())], [("a", [entry(1)])])
            assert store.runs() == [rows.run()]
            assert logs.read("a") == [entry(1)]
            await journal.commit([])
            await journal.commit([], [("a", [entry(2)])])
            assert logs.last_seq(["a"]) == {"a": 2}

    run(test)


def test_what_arrives_together_is_one_transaction_in_the_order_of_arrival_logs_first(
    store: Store, logs: LogStore, rows: Any, gate: Gate
) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            first = journal.commit([InsertRun(rows.run())])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            waiting = [
                journal.commit([UpdateRun(rows.run(status=RunStatus.RUNNING), RunStatus.QUEUED)]),
                journal.commit([InsertEvent(rows.event(1)), InsertEvent(rows.event(2))], [("a", [entry(1), entry(2)])]),
                journal.commit([UpdateRun(rows.run(status=RunStatus.SUCCESS), RunStatus.RUNNING)]),
                journal.commit([], [("b", [entry(1)])]),
            ]
            assert not first.done()
            gate.open()
            await asyncio.gather(first, *waiting)
        assert gate.groups == [("rows", 1), ("logs", 3), ("rows", 4)]
        assert store.runs() == [rows.run(status=RunStatus.SUCCESS)]

    run(test)


def test_a_group_is_bounded_but_a_batch_stays_whole(
    store: Store, logs: LogStore, rows: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "GROUP", 3)

    async def test() -> None:
        async with opened(store, logs) as journal:
            futures = [journal.commit([InsertRun(rows.run())])]
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            futures += [journal.commit([InsertEvent(rows.event(seq))]) for seq in (1, 2, 3, 4)]
            futures.append(journal.commit([InsertEvent(rows.event(seq)) for seq in range(5, 10)]))
            gate.open()
            await asyncio.gather(*futures)
        assert gate.groups == [("rows", 1), ("rows", 3), ("rows", 1), ("rows", 5)]

    run(test)


def test_a_failure_fails_all_that_wait_and_all_that_come_until_the_reset(
    store: Store, logs: LogStore, rows: Any, gate: Gate
) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            first = journal.commit([InsertRun(rows.run(1))])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            second = journal.commit([InsertRun(rows.run(2))])
            fault = gate.fault = DiskFull("pipeline.db: the disk is full")
            gate.open()
            results = await asyncio.gather(first, second, return_exceptions=True)
            later = journal.commit([InsertRun(rows.run(3))])
            assert results == [fault, fault]
            assert later.done()
            assert later.exception() is fault
            assert journal.failure is fault
            assert await journal.read(store.runs) == []  # reading goes on

            gate.fault = None
            journal.reset()
            assert journal.failure is None
            await journal.commit([InsertRun(rows.run(4))])
            assert store.runs() == [rows.run(4)]

    run(test)


def test_a_conflict_of_one_batch_takes_back_those_of_its_group(
    store: Store, logs: LogStore, rows: Any, gate: Gate
) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            first = journal.commit([InsertRun(rows.run(1))])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            second = journal.commit([InsertRun(rows.run(2))])
            wrong = UpdateRun(rows.run(1), RunStatus.FAILED)
            third = journal.commit([wrong])
            gate.open()
            await first
            results = await asyncio.gather(second, third, return_exceptions=True)
            assert results[0] is results[1]
            assert isinstance(results[0], Conflict)
            assert results[0].write is wrong
        assert store.runs() == [rows.run(1)]

    run(test)


def test_rows_whose_log_cannot_be_kept_are_not_committed(store: Store, logs: LogStore, rows: Any) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            logs.close()
            with pytest.raises(Unavailable, match=f"{re.escape(logs.name)} has been closed"):
                await journal.commit([InsertRun(rows.run())], [("a", [entry(1)])])
        assert store.runs() == []

    run(test)


def test_a_lost_lead_is_told(store: Store, logs: LogStore, rows: Any, open_database: Callable[[], Store]) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            open_database().advance_leader()
            with pytest.raises(LeaderLost):
                await journal.commit([InsertRun(rows.run())])

    run(test)


def test_a_fault_of_the_program_itself_is_told_too(store: Store, logs: LogStore) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            nonsense: Any = "no write"
            with pytest.raises(KeyError):
                await journal.commit([nonsense])
            assert isinstance(journal.failure, KeyError)

    run(test)


def test_giving_up_waiting_does_not_take_back_what_was_queued(
    store: Store, logs: LogStore, rows: Any, gate: Gate
) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            first = journal.commit([InsertRun(rows.run())])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            second = journal.commit([InsertEvent(rows.event(1))])
            first.cancel()
            second.cancel()
            gate.open()
            await journal.commit([InsertEvent(rows.event(2))])
        assert store.events(rows.id(1)) == [rows.event(1), rows.event(2)]

    run(test)


def test_closing_writes_what_waits_and_refuses_what_comes(store: Store, logs: LogStore, rows: Any, gate: Gate) -> None:
    async def test() -> None:
        journal = Journal(store, logs)
        first = journal.commit([InsertRun(rows.run())])
        await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
        second = journal.commit([InsertEvent(rows.event(1))])
        closing = asyncio.create_task(journal.close())
        await asyncio.sleep(0)
        late = journal.commit([InsertEvent(rows.event(2))])
        gate.open()
        await asyncio.gather(first, second, closing)
        with pytest.raises(Unavailable, match="the journal has been closed"):
            await late
        with pytest.raises(Unavailable, match="the journal has been closed"):
            await journal.read(store.runs)
        assert store.events(rows.id(1)) == [rows.event(1)]
        await journal.close()

    run(test)


def test_reads_run_beside_the_loop_and_beside_a_write(store: Store, logs: LogStore, rows: Any, gate: Gate) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            writing = journal.commit([InsertRun(rows.run())])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            assert await journal.read(store.runs, limit=5) == []
            assert await journal.read(lambda: threading.current_thread() is threading.main_thread()) is False
            gate.open()
            await writing
            assert await journal.read(store.run, rows.id(1)) == rows.run()
            with pytest.raises(ZeroDivisionError):
                await journal.read(lambda: 1 // 0)

    run(test)


def test_upkeep_is_done_alone_and_in_order(store: Store, logs: LogStore, rows: Any, gate: Gate) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            run = rows.run(status=RunStatus.SUCCESS)
            first = journal.commit([InsertRun(run)], [("a", [entry(1), entry(2)])])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            waiting = [
                journal.commit([InsertEvent(rows.event(1))]),
                journal.commit([InsertEvent(rows.event(2))]),
                journal.upkeep(lambda: [len(store.events(run.id)), len(logs.read("a"))]),
                journal.upkeep(logs.delete, [("a", 1)]),
                journal.commit([], [("a", [entry(1), entry(3)])]),
                journal.upkeep(store.trim_run, run.id, limit=5),
                journal.commit([InsertEvent(rows.event(1))]),
            ]
            gate.open()
            assert await asyncio.gather(first, *waiting) == [None, None, None, [2, 2], None, None, 2, None]
        assert gate.groups == [("logs", 2), ("rows", 1), ("rows", 2), ("logs", 2), ("rows", 1)]
        assert [line.seq for line in logs.read("a")] == [1, 2, 3]
        assert store.events(rows.id(1)) == [rows.event(1)]

    run(test)


def test_upkeep_that_fails_is_a_failure_of_the_journal(store: Store, logs: LogStore, rows: Any) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            held = threading.Event()
            waits = journal.upkeep(held.wait, PATIENCE)
            results = asyncio.gather(
                journal.commit([InsertRun(rows.run(1))]),
                journal.upkeep(lambda: 1 // 0),
                journal.commit([InsertRun(rows.run(2))]),
                journal.upkeep(store.give_back, 1),
                return_exceptions=True,
            )
            held.set()
            assert await waits
            before, *failed = await results
            assert before is None
            assert [type(each) for each in failed] == [ZeroDivisionError] * 3
            assert journal.failure is failed[0]
            journal.reset()
            assert await journal.upkeep(store.give_back, 1) == 0
        assert store.runs() == [rows.run(1)]

    run(test)


def test_upkeep_of_a_closed_journal_is_refused(store: Store, logs: LogStore) -> None:
    async def test() -> None:
        journal = Journal(store, logs)
        await journal.close()
        with pytest.raises(Unavailable, match="the journal has been closed"):
            await journal.upkeep(store.give_back, 1)

    run(test)


def test_many_writers_and_readers_at_once(store: Store, logs: LogStore, rows: Any) -> None:
    async def test() -> None:
        async with opened(store, logs) as journal:
            await journal.commit([InsertRun(rows.run())])
            seen: list[int] = []

            async def write(first: int) -> None:
                for seq in range(first, 300, 10):
                    await journal.commit([InsertEvent(rows.event(seq))], [("a", [entry(seq)])])

            async def watch() -> None:
                while not seen or seen[-1] < 290:
                    seen.append(len(await journal.read(store.events, rows.id(1))))

            await asyncio.gather(watch(), *(write(first) for first in range(1, 11)))
            assert seen == sorted(seen)
            assert len(logs.read("a")) == 299

    run(test)


def test_no_thread_is_left(kind: str, store: Store, logs: LogStore, tmp_path: Path, rows: Any) -> None:
    before = set(threading.enumerate())

    async def test() -> None:
        async with opened(store, logs) as journal:
            await journal.commit([InsertRun(rows.run())])
            await journal.read(store.runs)
            assert set(threading.enumerate()) > before
        left = {thread for thread in set(threading.enumerate()) - before if thread.name.startswith("journal")}
        assert left == set()

    run(test)
    store.close()
    logs.close()
    files = {"pipeline.db", "pipeline.logs.db"} if kind == "sqlite" else set()
    assert {path.name for path in tmp_path.iterdir()} == files


def test_all_that_arrives_during_a_commit_waits_for_the_disk_once(
    store: Store, logs: LogStore, rows: Any, gate: Gate
) -> None:
    commits: list[str] = []
    for name, one in (("rows", store), ("logs", logs)):
        event.listen(one._database._writer, "commit", lambda _, name=name: commits.append(name))

    async def test() -> None:
        async with opened(store, logs) as journal:
            first = journal.commit([InsertRun(rows.run())])
            await asyncio.to_thread(gate.entered.acquire, timeout=PATIENCE)
            waiting = [journal.commit([InsertEvent(rows.event(seq))], [("a", [entry(seq)])]) for seq in range(1, 101)]
            gate.open()
            await asyncio.gather(first, *waiting)

    run(test)
    assert commits == ["rows", "logs", "rows"]
