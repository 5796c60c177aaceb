"""The worker that attempts share: whose output is whose, how they are stopped, and what a crash costs the others."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ppacer.protocol import Outcome
from ppacer.services import worker_attempt

from .conftest import FOR_EVER, Bench, FakeScheduler, eventually, gone, numbers_in, value
from .sharing import ASYNC, THREAD, Body, player, until_ended

pytestmark = pytest.mark.slow


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    return player(bench, scheduler)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "meeting").mkdir()
    return tmp_path / "meeting"


# --- one process for all ---------------------------------------------------------------------------------------------


def test_threads_and_coroutines_share_a_process(play: Callable[[Body], None], folder: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempts = [scheduler.assign("m:meets", str(folder), f"t{n}", 6, given=THREAD) for n in range(3)]
        attempts += [scheduler.assign("m:meets_async", str(folder), f"a{n}", 6, given=ASYNC) for n in range(3)]
        await scheduler.offer()
        pids = {value(report) for report in await until_ended(scheduler, *attempts)}
        assert len(pids) == 1
        assert pids == {value(await scheduler.run("m:ok", given=THREAD))}
        assert pids == {value(await scheduler.run("m:ok", given=ASYNC))}
        assert pids == {value(await scheduler.run("m:ok_async", given=THREAD))}
        assert pids != {value(await scheduler.run("m:ok"))}

    play(body)


@pytest.mark.parametrize("given", [{"env": '{"A":"1"}'}, {"cwd": '"/"'}, {"memory": 10**9}])
def test_what_needs_a_process_of_its_own_gets_one(play: Callable[[Body], None], given: dict[str, object]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        shared = value(await scheduler.run("m:ok", given=THREAD))
        assert value(await scheduler.run("m:ok", given=THREAD | given)) != shared

    play(body)


@pytest.mark.parametrize(
    ("callable", "args", "isolation", "kind", "words"),
    [
        ("fails", (), THREAD, "exception", "ValueError: no such region"),
        ("exits", (3,), THREAD, "exited", "the task called sys.exit(3)"),
        ("exits_async", (), ASYNC, "exited", "the task called sys.exit(3)"),
        ("no_such", (), ASYNC, "import", "module 'm' has no attribute 'no_such'"),
        ("ok", (1,), THREAD, "arguments", "the arguments do not fit ok()"),
    ],
)
def test_a_failure_costs_nobody_else_anything(
    play: Callable[[Body], None],
    callable: str,
    args: tuple[object, ...],
    isolation: dict[str, object],
    kind: str,
    words: str,
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:ok_async", given=ASYNC))
        report = await scheduler.run(f"m:{callable}", *args, given=isolation)
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, kind)
        assert words in (report.error or "")
        assert (report.error or "").endswith("\ntask task2 of dag sales (sales.ppd:7)")
        assert value(await scheduler.run("m:ok_async", given=ASYNC)) == before

    play(body)


# --- whose output is whose -------------------------------------------------------------------------------------------


def test_what_threads_write_is_in_their_own_logs(play: Callable[[Body], None], folder: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        names = ["anna", "ben", "cleo"]
        attempts = [scheduler.assign("m:talks", str(folder), name, 3, given=THREAD) for name in names]
        await scheduler.offer()
        await until_ended(scheduler, *attempts)
        for name, attempt in zip(names, attempts, strict=True):
            out = [*(str(n) for n in range(50)), "in bytes", "in a thread", "in a pool", "in a process", "unfinished"]
            assert sorted(scheduler.text(attempt, "stdout")) == sorted(f"{name} {text}" for text in out)
            assert sorted(scheduler.text(attempt, "stderr")) == [f"{name} to its stderr", f"{name} to stderr"]
            records = [entry for entry in scheduler.logs[attempt] if entry.stream == "logging"]
            assert [entry.message for entry in records] == [f"{name} logs", f"{name} details"]
            assert records[0].attributes == f'{{"who": "{name}"}}'

    play(body)


def test_what_coroutines_write_is_in_their_own_logs(play: Callable[[Body], None], folder: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        names = ["anna", "ben", "cleo"]
        attempts = [scheduler.assign("m:talks_async", str(folder), name, 3, given=ASYNC) for name in names]
        await scheduler.offer()
        for report in await until_ended(scheduler, *attempts):
            assert report.outcome is Outcome.SUCCESS, report.error
        for name, attempt in zip(names, attempts, strict=True):
            out = [*(str(n) for n in range(50)), "in a thread", "in a pool", "in a task", "in a process"]
            assert sorted(scheduler.text(attempt, "stdout")) == sorted(f"{name} {text}" for text in out)
            assert scheduler.text(attempt, "logging") == [f"{name} logs"]

    play(body)


def test_what_is_written_to_a_descriptor_belongs_to_whoever_runs(
    play: Callable[[Body], None], folder: Path, tmp_path: Path
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:writes_to_descriptor", "alone", given=THREAD)
        assert scheduler.text(report.attempt, "stdout") == ["alone"]
        go = tmp_path / "go"
        both = [scheduler.assign("m:writes_and_waits", name, str(folder), str(go), given=THREAD) for name in "ab"]
        await scheduler.offer()
        await scheduler.until(lambda: all(len(scheduler.text(one)) == 2 for one in both))
        go.touch()
        await until_ended(scheduler, *both)
        for attempt in both:
            assert sorted(scheduler.text(attempt, "stdout")) == ["a", "b"]

    play(body)


def test_a_process_that_a_thread_forked_writes_to_the_descriptors(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:forks", given=THREAD)
        assert report.outcome is Outcome.SUCCESS
        assert scheduler.text(report.attempt, "stdout") == ["from the child"]
        assert scheduler.text(report.attempt, "stderr") == ["WARNING child: logged by the child"]

    play(body)


def test_a_flood_of_output_holds_nobody_up(play: Callable[[Body], None], tmp_path: Path) -> None:
    away = True

    def before(exchange: object) -> None:
        if away and getattr(exchange, "logs", ()):
            raise OSError("away")

    async def body(scheduler: FakeScheduler) -> None:
        nonlocal away
        scheduler.before = before
        path = tmp_path / "written"
        attempt = scheduler.assign("m:floods", str(path), given=THREAD)
        await scheduler.offer()
        await eventually(path.exists)  # although nothing of its 50 MB can be delivered
        away = False
        report = await scheduler.report(attempt)
        assert report.outcome is Outcome.SUCCESS
        (note,) = scheduler.text(attempt, "system")
        assert "are left out here" in note

    play(body)


# --- stops -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["time-out", "cancel"])
@pytest.mark.parametrize(("callable", "isolation"), [("beats", THREAD), ("cleans_up", ASYNC), ("cleans_up", THREAD)])
def test_what_heeds_a_stop_costs_nobody_anything(
    play: Callable[[Body], None],
    bench: Bench,
    tmp_path: Path,
    callable: str,
    isolation: dict[str, object],
    end: str,
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path, trace = tmp_path / "pid", tmp_path / "trace"
        attempt = scheduler.assign(f"m:{callable}", str(path), str(trace), given=isolation)
        await scheduler.offer()
        (pid,) = await numbers_in(path)
        if end == "cancel":
            scheduler.cancel.add(attempt)
            await scheduler.run("m:ok", given=THREAD)
        else:
            bench.ring(attempt)
        report = await scheduler.report(attempt)
        assert report.outcome is (Outcome.TIMED_OUT if end == "time-out" else Outcome.CANCELLED)
        assert trace.read_text() == "cleaned up"
        assert value(await scheduler.run("m:ok", given=THREAD)) == pid

    play(body)


def test_a_command_of_a_thread_is_told_to_stop_with_it(
    play: Callable[[Body], None], bench: Bench, tmp_path: Path
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        path = tmp_path / "pid"
        before = value(await scheduler.run("m:ok", given=THREAD))
        attempt = scheduler.assign("m:runs_command", str(path), given=THREAD)
        await scheduler.offer()
        pids = await numbers_in(path)
        bench.ring(attempt)
        assert (await scheduler.report(attempt)).outcome is Outcome.TIMED_OUT
        await gone(pids)
        assert value(await scheduler.run("m:ok", given=THREAD)) == before

    play(body)


def test_a_thread_that_does_not_stop_retires_its_worker(
    play: Callable[[Body], None], bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No new attempts for it; its neighbours get a time to end, and those that do not are lost."""
    monkeypatch.setattr(worker_attempt, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(worker_attempt, "NEIGHBOUR_SECONDS", FOR_EVER)

    async def body(scheduler: FakeScheduler) -> None:
        gate = tmp_path / "gate"
        quick = scheduler.assign("m:meets_at", str(tmp_path / "quick"), str(gate), given=THREAD)
        slow = scheduler.assign("m:waits", str(tmp_path / "slow"), given=THREAD)
        stubborn = scheduler.assign("m:waits", str(tmp_path / "stubborn"), given=THREAD)
        await scheduler.offer()
        for name in ("quick", "slow", "stubborn"):
            (pid,) = await numbers_in(tmp_path / name)
        bench.ring(stubborn)
        while value(await scheduler.run("m:ok", given=THREAD)) == pid:
            assert stubborn not in scheduler.reports
        assert stubborn not in scheduler.reports
        gate.touch()
        assert value(await scheduler.report(quick)) == "waited"
        assert slow not in scheduler.reports
        bench.ring(stubborn)
        lost, timed_out = await until_ended(scheduler, slow, stubborn)
        assert timed_out.outcome is Outcome.TIMED_OUT
        assert (lost.outcome, lost.error_kind) == (Outcome.LOST, "lost")
        assert "task task3 of dag sales (sales.ppd:7), which ran in it as well, did not stop" in (lost.error or "")
        await gone([pid])

    play(body)


@pytest.mark.parametrize(("callable", "isolation"), [("waits", THREAD), ("blocks", ASYNC)])
def test_what_is_alone_in_its_worker_is_killed_after_the_grace(
    play: Callable[[Body], None],
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    callable: str,
    isolation: dict[str, object],
) -> None:
    """Without a time for neighbours, and also where it blocks the loop of the worker."""
    monkeypatch.setattr(worker_attempt, "GRACE_SECONDS", 0.5)
    monkeypatch.setattr(worker_attempt, "NEIGHBOUR_SECONDS", FOR_EVER)

    async def body(scheduler: FakeScheduler) -> None:
        attempt = scheduler.assign(f"m:{callable}", str(tmp_path / "pid"), given=isolation)
        await scheduler.offer()
        pids = await numbers_in(tmp_path / "pid")
        bench.ring(attempt)
        assert (await scheduler.report(attempt)).outcome is Outcome.TIMED_OUT
        await gone(pids)

    play(body)


def test_a_stale_thread_is_told_to_stop_and_not_reported(
    play: Callable[[Body], None], bench: Bench, tmp_path: Path
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = scheduler.assign("m:heeds", str(tmp_path / "pid"), given=THREAD)
        await scheduler.offer()
        (pid,) = await numbers_in(tmp_path / "pid")
        scheduler.stale.add(attempt)
        bench.slept = 12.0  # the lease is to be renewed
        await scheduler.until(lambda: any(one.renewals for one in scheduler.exchanges))
        assert value(await scheduler.run("m:ok", given=THREAD)) == pid
        assert attempt not in scheduler.reports

    play(body)


# --- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("callable", "args", "kind", "words"),
    [
        ("exits_at_once", (3,), "exited", "ended with exit code 3 before the task returned"),
        ("segfaults", (), "killed", "killed by SIGSEGV"),
    ],
)
def test_a_crash_fails_the_attempt_that_ran_alone(
    play: Callable[[Body], None], callable: str, args: tuple[object, ...], kind: str, words: str
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = value(await scheduler.run("m:ok", given=THREAD))
        report = await scheduler.run(f"m:{callable}", *args, given=THREAD)
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, kind)
        assert words in (report.error or "")
        assert value(await scheduler.run("m:ok", given=THREAD)) != before

    play(body)


def test_a_crash_of_several_loses_them(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        neighbour = scheduler.assign("m:waits", str(tmp_path / "pid"), given=THREAD)
        await scheduler.offer()
        await numbers_in(tmp_path / "pid")
        report = await scheduler.run("m:segfaults", given=THREAD)
        other = await scheduler.report(neighbour)
        for one in (report, other):
            assert (one.outcome, one.error_kind) == (Outcome.LOST, "lost")
            assert "killed by SIGSEGV" in (one.error or "")
            assert "it ran another attempt as well, and which of them did that is not known" in (one.error or "")
            assert "in segfaults" in "\n".join(scheduler.text(one.attempt, "stderr"))

    play(body)


def test_what_shared_a_worker_that_crashed_runs_alone_from_then_on(
    play: Callable[[Body], None], folder: Path, tmp_path: Path
) -> None:
    """So that a task which crashes each time is known, and those beside it do not spend their tries on it."""

    async def body(scheduler: FakeScheduler) -> None:
        good, bad = {**THREAD, "task": "good"}, {**THREAD, "task": "bad"}
        neighbour = scheduler.assign("m:waits", str(tmp_path / "first"), given=good)
        await scheduler.offer()
        await numbers_in(tmp_path / "first")
        lost = [await scheduler.run("m:segfaults", given=bad), await scheduler.report(neighbour)]
        assert [report.outcome for report in lost] == [Outcome.LOST, Outcome.LOST]
        neighbour = scheduler.assign("m:meets", str(folder), "good", 2, given=good)
        await scheduler.offer()
        await eventually((folder / "good").exists)
        report = await scheduler.run("m:segfaults", given=bad)
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "killed")
        others = value(await scheduler.run("m:ok", given=THREAD))
        (folder / "end").touch()
        alone = value(await scheduler.report(neighbour))
        assert alone != others
        await gone([alone])

    play(body)


def test_a_worker_killed_from_outside(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = scheduler.assign("m:waits", str(tmp_path / "pid"), given=THREAD)
        await scheduler.offer()
        (pid,) = await numbers_in(tmp_path / "pid")
        os.kill(pid, signal.SIGKILL)
        report = await scheduler.report(attempt)
        assert (report.outcome, report.error_kind) == (Outcome.FAILED, "killed")

    play(body)
