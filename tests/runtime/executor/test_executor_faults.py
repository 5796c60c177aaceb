"""The executor under faults: lost answers, stale tokens, leases that run out, a scheduler away, its own death."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ppacer.protocol import Exchange, ExchangeAnswer, Outcome
from ppacer.services import executor as executors
from ppacer.services import leases
from ppacer.services.executor import Executor
from ppacer.services.transport import DirectTransport, Fault, TransportError

from .conftest import BOUND, FOR_EVER, PROGRAM, Bench, FakeScheduler, eventually, gone, numbers_in, value

pytestmark = pytest.mark.slow

MODULE = """
    import os, subprocess, time
    from pathlib import Path

    def ok():
        return os.getpid()

    def waits(path, seconds=0.3):
        Path(path).write_text(str(os.getpid()))
        time.sleep(seconds)
        return "waited"

    def meets(folder, name, others):
        (Path(folder) / name).touch()
        end = time.monotonic() + 60
        while len(list(Path(folder).iterdir())) < others:
            assert time.monotonic() < end
            time.sleep(0.01)
        return name

    def family(path):
        child = subprocess.Popen(["setsid", "sh", "-c", "sleep 3600 & echo $! >> $0; wait", path + ".grand"])
        while not Path(path + ".grand").exists() or not Path(path + ".grand").read_text():
            time.sleep(0.01)
        text = f"{os.getpid()} {os.getppid()} {child.pid} {Path(path + '.grand').read_text()}"
        Path(path + ".new").write_text(text)
        os.rename(path + ".new", path)
        time.sleep(3600)
"""


@pytest.fixture(autouse=True)
def module(bench: Bench) -> None:
    bench.module("m", MODULE)


def test_eight_tasks_at_once(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    async def main() -> None:
        folder = tmp_path / "meeting"
        folder.mkdir()
        async with bench.executor(scheduler, capacity=8):
            attempts = [scheduler.assign("m:meets", str(folder), str(n), 8) for n in range(8)]
            await scheduler.offer()
            for n, attempt in enumerate(attempts):
                assert value(await scheduler.report(attempt)) == str(n)

    asyncio.run(main())


def test_the_slots_asked_for_never_exceed_the_capacity(
    bench: Bench, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: set[str] = set()
    under_way = 0
    most = 0

    original = scheduler.exchange

    async def count(exchange: Exchange) -> ExchangeAnswer:
        nonlocal under_way, most
        asked = exchange.claim.slots if exchange.claim else 0
        held.difference_update(report.attempt for report in exchange.reports)
        under_way += asked
        most = max(most, under_way + len(held))
        try:
            answer = await original(exchange)
            held.update(assignment.attempt for assignment in answer.assignments)
            return answer
        finally:
            under_way -= asked

    async def main() -> None:
        monkeypatch.setattr(scheduler, "exchange", count)
        async with bench.executor(scheduler, capacity=3):
            attempts = [scheduler.assign("m:ok") for _ in range(40)]
            await scheduler.offer()
            for attempt in attempts:
                value(await scheduler.report(attempt))

    asyncio.run(main())
    assert most <= 3


def test_a_cancel_is_heard_of_at_once_though_no_slot_is_free(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path
) -> None:
    """Not only when the leases are renewed, after a third of their term; and while the executor is drained, too."""

    async def main() -> None:
        async with bench.executor(scheduler, capacity=2) as executor:
            first, second = (scheduler.assign("m:waits", str(tmp_path / name), 3600) for name in ("first", "second"))
            await scheduler.offer()
            await numbers_in(tmp_path / "first")
            await numbers_in(tmp_path / "second")
            scheduler.cancel.add(first)
            await scheduler.offer()
            assert (await scheduler.report(first)).outcome is Outcome.CANCELLED
            draining = asyncio.create_task(executor.drain())
            await asyncio.sleep(0)
            scheduler.cancel.add(second)
            await scheduler.offer()
            assert (await scheduler.report(second)).outcome is Outcome.CANCELLED
            await draining

    asyncio.run(main())


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_every_lost_exchange_is_repeated_under_its_id(bench: Bench, scheduler: FakeScheduler, lost: str) -> None:
    seen: dict[str, Exchange] = {}
    repeated: list[str] = []

    def lose(exchange: Exchange) -> None:
        if exchange.request in seen:
            assert exchange == seen[exchange.request]
            repeated.append(exchange.request)
        elif exchange.reports or (exchange.claim and scheduler.queue) or lost == "answer":
            seen[exchange.request] = exchange
            raise OSError("lost on the way")

    async def main() -> None:
        if lost == "request":
            scheduler.before = lose
        else:
            scheduler.after = lose
        async with bench.executor(scheduler, capacity=1):
            for _ in range(3):
                value(await scheduler.run("m:ok"))
        assert len(scheduler.reports) == 3

    asyncio.run(main())
    assert len(repeated) >= 3


def test_an_executor_needs_a_slot(bench: Bench, scheduler: FakeScheduler) -> None:
    with pytest.raises(ValueError, match="a capacity of 0"):
        Executor(PROGRAM, DirectTransport(scheduler.exchange), file=bench.file, capacity=0)


def test_a_scheduler_that_is_away_is_mentioned_once(
    bench: Bench, scheduler: FakeScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    away = 4

    def before(exchange: Exchange) -> None:
        nonlocal away
        away -= 1
        if away > 0:
            raise TransportError(Fault.AWAY, "http://scheduler: nothing listens there (connection refused)")

    async def main() -> None:
        scheduler.before = before
        async with bench.executor(scheduler, capacity=1):
            value(await scheduler.run("m:ok"))

    with caplog.at_level(logging.INFO, "ppacer"):
        asyncio.run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "http://scheduler: nothing listens there (connection refused); trying again until it answers",
        "the scheduler answers again",
    ]


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.VERSION])
def test_a_refusal_for_good_ends_the_executor(bench: Bench, scheduler: FakeScheduler, fault: Fault) -> None:
    def before(exchange: Exchange) -> None:
        raise TransportError(fault, "no")

    async def main() -> None:
        scheduler.before = before
        with pytest.raises(TransportError) as caught:
            await Executor(PROGRAM, DirectTransport(scheduler.exchange), file=bench.file).run()
        assert caught.value.fault is fault

    asyncio.run(main())


def test_a_rejected_report_is_sent_in_a_shorter_form(bench: Bench, scheduler: FakeScheduler) -> None:
    def before(exchange: Exchange) -> None:
        if any(report.output for report in exchange.reports):
            raise TransportError(Fault.REJECTED, "too large")

    async def main() -> None:
        scheduler.before = before
        async with bench.executor(scheduler, capacity=1):
            report = await scheduler.run("m:ok")
            assert (report.outcome, report.error_kind) == (Outcome.FAILED, "output")
            assert "too large" in (report.error or "")

    asyncio.run(main())


@pytest.mark.parametrize("by", ["renewal", "log"])
def test_a_stale_token_ends_the_attempt_without_a_report(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path, by: str
) -> None:
    async def main() -> None:
        async with bench.executor(scheduler, capacity=2) as executor:
            path, gate = tmp_path / "pid", tmp_path / "gate"
            if by == "renewal":
                attempt = scheduler.assign("m:waits", str(path), 3600)
            else:
                command = f"echo $$ > {path}; until test -e {gate}; do sleep 0.05; done; echo x; exec sleep 3600"
                attempt = scheduler.assign("ppacer.tasks.shell:shell", command)
            await scheduler.offer()
            (pid,) = await numbers_in(path)
            before = len(scheduler.exchanges)
            scheduler.stale.add(attempt)
            if by == "renewal":
                bench.slept = 12.0
            else:
                gate.touch()
            await gone([pid])
            await eventually(lambda: not executor.running)
            assert attempt not in scheduler.reports
            refused = [one for one in scheduler.exchanges[before:] if one.renewals or one.logs]
            assert len(refused) < 5, "what was refused once is not asked for again and again"
            value(await scheduler.run("m:ok"))

    asyncio.run(main())


def test_leases_are_renewed_every_third_of_their_term(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    def renewals() -> int:
        return sum(bool(one.renewals) for one in scheduler.exchanges)

    async def main() -> None:
        scheduler.lease = 3000.0
        async with bench.executor(scheduler, capacity=1):
            path = tmp_path / "pid"
            scheduler.assign("m:waits", str(path), 3600)
            await scheduler.offer()
            await numbers_in(path)
            for count in range(1, 5):
                bench.slept += 600.0  # no reason yet: less than a third has passed since it was renewed
                await asyncio.sleep(1.5 * leases._CHECK_SECONDS if count == 1 else 0.0)
                assert renewals() == count - 1
                bench.slept += 500.0
                await scheduler.until(lambda count=count: renewals() == count)  # type: ignore[misc]

    asyncio.run(main())


@pytest.mark.parametrize("term", [1.5, 6.0, 30.0, 3600.0])
def test_what_the_answer_to_a_report_grants_is_asked_for_again_in_time(
    bench: Bench, scheduler: FakeScheduler, term: float
) -> None:
    """If that answer is lost in silence, its lease is still alive when it is missed."""

    async def main() -> None:
        executor = Executor(PROGRAM, DirectTransport(scheduler.exchange), file=bench.file)
        executor._leases.term = term
        assert executor._delivery._patience() <= 2 / 3 * term

    asyncio.run(main())


def test_an_executor_that_cannot_renew_stops_its_work(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    """The fence: when the term is over the attempt has ended, though nobody has told the executor anything."""
    cut_off = False

    def before(exchange: Exchange) -> None:
        if cut_off:
            raise OSError("cut off")

    async def main() -> None:
        nonlocal cut_off
        scheduler.before = before
        async with bench.executor(scheduler, capacity=1):
            path = tmp_path / "pid"
            attempt = scheduler.assign("m:waits", str(path), 3600)
            await scheduler.offer()
            (pid,) = await numbers_in(path)
            cut_off = True
            bench.slept = 29.0
            await gone([pid])  # the task itself would go on for an hour
            cut_off = False
            report = await scheduler.report(attempt)
            assert (report.outcome, report.error_kind) == (Outcome.LOST, "lost")

    asyncio.run(main())


def test_a_clock_that_jumps_fences_at_once(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    """As when a machine has slept: the lease is over although no timer has gone off."""

    def before(exchange: Exchange) -> None:
        if bench.slept and not exchange.reports:
            raise OSError("cut off")

    async def main() -> None:
        scheduler.before = before
        async with bench.executor(scheduler, capacity=1):
            path = tmp_path / "pid"
            attempt = scheduler.assign("m:waits", str(path), 3600)
            await scheduler.offer()
            (pid,) = await numbers_in(path)
            bench.slept = 3600.0
            await gone([pid])
            assert (await scheduler.report(attempt)).outcome is Outcome.LOST

    asyncio.run(main())


@pytest.mark.parametrize("stale", [False, True])
def test_a_claim_whose_answer_came_late_is_confirmed_before_it_starts(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path, stale: bool
) -> None:
    """The clock jumps while the answer is under way, so the lease may be over: stale work must not begin."""
    unanswered = 0

    def before(exchange: Exchange) -> None:
        nonlocal unanswered
        if exchange.renewals and unanswered < 2:
            assert not (tmp_path / "pid").exists()
            unanswered += 1
            raise OSError("lost on the way")

    def after(exchange: Exchange) -> None:
        if exchange.claim and scheduler._granted:
            bench.slept = 25.0

    async def main() -> None:
        scheduler.before, scheduler.after = before, after
        async with bench.executor(scheduler, capacity=1) as executor:
            path = tmp_path / "pid"
            attempt = scheduler.assign("m:waits", str(path))
            if stale:
                scheduler.stale.add(attempt)
            await scheduler.offer()
            await scheduler.until(lambda: any(one.renewals for one in scheduler.exchanges))
            await eventually(lambda: not executor.running)
            assert path.exists() is not stale
            assert (attempt in scheduler.reports) is not stale

    asyncio.run(main())
    assert unanswered == 2


def test_draining_lets_attempts_end_and_claims_no_more(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    async def main() -> None:
        async with bench.executor(scheduler, capacity=2) as executor:
            path = tmp_path / "pid"
            attempt = scheduler.assign("m:waits", str(path), 0.5)
            await scheduler.offer()
            await numbers_in(path)
            draining = asyncio.create_task(executor.drain())
            await scheduler.until(lambda: any(one.claim and one.claim.slots == 0 for one in scheduler.exchanges))
            later = scheduler.assign("m:ok")
            await scheduler.offer()
            await draining
            assert value(scheduler.reports[attempt]) == "waited"
            assert later not in scheduler.reports
            assert [one.attempt for one in scheduler.queue] == [later]
            assert scheduler.exchanges[0].capacity == 2
            assert scheduler.exchanges[-1].capacity == 0

    asyncio.run(main())


def test_what_is_granted_while_draining_is_handed_back_unstarted(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path
) -> None:
    async def main() -> None:
        async with bench.executor(scheduler, capacity=2) as executor:
            await scheduler.until(lambda: bool(scheduler.exchanges))
            path = tmp_path / "pid"
            attempt = scheduler.assign("m:waits", str(path))
            await scheduler.offer()
            await executor.drain()
            assert scheduler.reports[attempt].outcome is Outcome.LOST
            assert not path.exists()

    asyncio.run(main())


def test_draining_for_a_time_hands_back_what_still_runs(bench: Bench, scheduler: FakeScheduler, tmp_path: Path) -> None:
    async def main() -> None:
        async with bench.executor(scheduler, capacity=2) as executor:
            path = tmp_path / "pid"
            attempt = scheduler.assign("m:waits", str(path), 3600)
            await scheduler.offer()
            (pid,) = await numbers_in(path)
            await executor.drain(0.2)
            assert scheduler.reports[attempt].outcome is Outcome.LOST
            await gone([pid])

    asyncio.run(main())


def test_an_idle_executor_drains_at_once(
    bench: Bench, scheduler: FakeScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only when its long-poll is over."""
    monkeypatch.setattr(executors, "LONG_POLL_SECONDS", FOR_EVER)

    async def main() -> None:
        async with bench.executor(scheduler) as executor:
            executor._leases.term = FOR_EVER
            await scheduler.until(lambda: bool(scheduler.exchanges) and scheduler.exchanges[-1].claim is not None)
            async with asyncio.timeout(BOUND):
                await executor.drain()

    asyncio.run(main())


def test_draining_ends_although_the_scheduler_is_away(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executors, "_LAST_REPORTS_SECONDS", 0.5)
    cut_off = False

    def before(exchange: Exchange) -> None:
        if cut_off:
            raise OSError("cut off")

    async def main() -> None:
        nonlocal cut_off
        scheduler.before = before
        async with bench.executor(scheduler, capacity=1) as executor:
            path = tmp_path / "pid"
            scheduler.assign("m:waits", str(path), 3600)
            await scheduler.offer()
            (pid,) = await numbers_in(path)
            cut_off = True
            async with asyncio.timeout(BOUND):
                await executor.drain(0.1)
            await gone([pid])

    asyncio.run(main())


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_the_zygote_killed_costs_its_attempts_and_nothing_else(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path, isolation: str
) -> None:
    async def main() -> None:
        async with bench.executor(scheduler, capacity=2):
            path = tmp_path / "pids"
            attempt = scheduler.assign("m:family", str(path), given={"isolation": isolation})
            await scheduler.offer()
            pids = await numbers_in(path)
            os.kill(pids[1], signal.SIGKILL)
            report = await scheduler.report(attempt)
            assert (report.outcome, report.error_kind) == (Outcome.LOST, "lost")
            assert "was killed by signal 9" in (report.error or "")
            await gone(pids)
            value(await scheduler.run("m:ok"))

    asyncio.run(main())


def test_a_program_that_cannot_start_workers(bench: Bench, scheduler: FakeScheduler) -> None:
    bench.file.write_text("import sys\nsys.exit(7)\n")

    async def main() -> None:
        async with bench.executor(scheduler, capacity=1):
            report = await scheduler.run("m:ok")
            assert (report.outcome, report.error_kind) == (Outcome.LOST, "lost")
            assert "the process that starts workers ended with exit code 7" in (report.error or "")

    asyncio.run(main())


@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_an_executor_killed_with_9_leaves_no_process(bench: Bench, tmp_path: Path, isolation: str) -> None:
    path = tmp_path / "pids"
    script = tmp_path / "executor.py"
    tests = Path(__file__).parent
    script.write_text(_EXECUTOR_SCRIPT.format(tests=tests, folder=tmp_path, path=path, isolation=isolation))
    with subprocess.Popen([sys.executable, str(script)]) as process:
        try:
            pids = asyncio.run(numbers_in(path))
            assert len(pids) == 4
        finally:
            process.kill()
        asyncio.run(gone(pids))


_EXECUTOR_SCRIPT = """
import asyncio, importlib.util, sys
from pathlib import Path
spec = importlib.util.spec_from_file_location("bench", "{tests}/conftest.py")
bench = sys.modules["bench"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(bench)

async def main():
    scheduler = bench.FakeScheduler()
    async with bench.Bench(Path("{folder}")).executor(scheduler):
        scheduler.assign("m:family", "{path}", given=dict(isolation="{isolation}"))
        await scheduler.offer()
        await asyncio.sleep(600)

asyncio.run(main())
"""
