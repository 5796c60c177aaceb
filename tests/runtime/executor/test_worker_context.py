"""What tasks say of themselves through their context: progress, notices, that they are alive."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ppacer.context import Cancellation, TaskCancelled, make_context
from ppacer.core.trace_ids import traceparent
from ppacer.protocol import Exchange, Outcome

from .conftest import Bench, FakeScheduler, make_assignment, value

MODULE = """
    import multiprocessing, time
    from pathlib import Path
    from ppacer import TaskContext

    def goes_on(context: TaskContext, path):
        context.progress(0, "begun")
        context.progress(0.25, "a quarter")
        while not Path(path).exists():
            time.sleep(0.01)
        context.progress(1)

    def counts(context: TaskContext, times):
        for n in range(times):
            context.progress(n / times, f"{n} of {times}")

    def beats(context: TaskContext, path):
        context.heartbeat()
        while not Path(path).exists():
            time.sleep(0.01)

    def tells(context: TaskContext, count):
        for n in range(count):
            context.notifier.send(f"notice {n}", subject="hello", to="ops" if n == 1 else None)
        return count

    def tells_and_fails(context: TaskContext):
        context.notifier.send("last words")
        raise ValueError("no")

    def tells_much(context: TaskContext):
        context.notifier.send("x" * 100_000 + "\\udc80", "\\0")

    def spans(context: TaskContext):
        from ppacer.tasks.shell import shell
        return [context.traceparent, shell("echo $TRACEPARENT") or ""]

    def tells_from_a_fork(context: TaskContext):
        process = multiprocessing.get_context("fork").Process(target=context.progress, args=(0.5,))
        process.start()
        process.join()
        assert process.exitcode == 0

    def looks(context: TaskContext):
        return context.params
"""

Body = Callable[[FakeScheduler], Awaitable[None]]


@pytest.fixture
def play(bench: Bench, scheduler: FakeScheduler) -> Callable[[Body], None]:
    bench.module("m", MODULE)

    def play(body: Body) -> None:
        async def main() -> None:
            async with bench.executor(scheduler, capacity=2):
                await body(scheduler)

        asyncio.run(main())

    return play


def isolations(test: Callable[..., None]) -> Callable[..., None]:
    return pytest.mark.slow(pytest.mark.parametrize("given", [{"isolation": "process"}, {"isolation": "thread"}])(test))


# --- in the task -----------------------------------------------------------------------------------------------------


def test_a_heartbeat_raises_once_the_task_was_told_to_stop() -> None:
    cancelled = Cancellation()
    context = make_context(make_assignment(), cancelled)
    context.heartbeat()
    cancelled.request()
    with pytest.raises(TaskCancelled):
        context.heartbeat()


@pytest.mark.parametrize("fraction", [-0.1, 1.1, 40, float("nan"), float("inf")])
def test_progress_is_a_fraction(fraction: float) -> None:
    with pytest.raises(ValueError, match="progress goes from 0 to 1"):
        make_context(make_assignment(), Cancellation()).progress(fraction)


def test_a_notice_is_made_of_texts() -> None:
    with pytest.raises(TypeError, match="a notice is made of texts, not of int"):
        make_context(make_assignment(), Cancellation()).notifier.send(7)  # type: ignore[arg-type]


# --- on its way ------------------------------------------------------------------------------------------------------


@isolations
def test_progress_is_passed_on_while_the_task_runs(
    play: Callable[[Body], None], tmp_path: Path, given: dict[str, object]
) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        before = time.time()
        attempt = scheduler.assign("m:goes_on", path=str(tmp_path / "go"), given=given)
        await scheduler.offer()
        await scheduler.until(lambda: any(one.fraction == 0.25 for one in scheduler.progress.get(attempt, [])))
        assert scheduler.progress[attempt][-1].message == "a quarter"
        assert before <= scheduler.progress[attempt][-1].at / 1e6 <= time.time()
        (tmp_path / "go").touch()
        await scheduler.report(attempt)
        assert (scheduler.progress[attempt][-1].fraction, scheduler.progress[attempt][-1].message) == (1.0, "")

    play(body)


@isolations
def test_progress_that_is_said_all_the_time_is_passed_on_now_and_then(
    play: Callable[[Body], None], given: dict[str, object]
) -> None:
    """The newest wins, and the last is never lost."""

    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:counts", times=20_000, given=given)
        told = scheduler.progress[report.attempt]
        assert told[-1].message == "19999 of 20000"
        assert [one.at for one in told] == sorted(one.at for one in told)
        assert len(told) <= 2 + (report.finished_at - report.started_at) / 400_000

    play(body)


@pytest.mark.slow
def test_a_heartbeat_tells_that_the_task_is_alive(play: Callable[[Body], None], tmp_path: Path) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        attempt = scheduler.assign("m:beats", path=str(tmp_path / "go"))
        await scheduler.offer()
        await scheduler.until(lambda: attempt in scheduler.progress)
        assert scheduler.progress[attempt][-1].fraction is None
        (tmp_path / "go").touch()
        await scheduler.report(attempt)

    play(body)


@isolations
def test_notices_arrive_in_order_and_before_the_report(play: Callable[[Body], None], given: dict[str, object]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        seen: list[str] = []

        def after(exchange: Exchange) -> None:
            seen.extend(f"notice {one.seq}" for one in exchange.notices)
            seen.extend("report" for _ in exchange.reports)

        scheduler.after = after
        report = await scheduler.run("m:tells", count=3, given=given)
        assert seen == ["notice 1", "notice 2", "notice 3", "report"]
        notices = scheduler.notices[report.attempt]
        assert [(one.message, one.subject, one.notifier) for one in notices] == [
            ("notice 0", "hello", None),
            ("notice 1", "hello", "ops"),
            ("notice 2", "hello", None),
        ]
        assert {one.token for one in notices} == {report.token}

    play(body)


@pytest.mark.slow
def test_a_notice_is_repeated_until_it_is_acknowledged(play: Callable[[Body], None]) -> None:
    lost = 3

    def after(exchange: Exchange) -> None:
        nonlocal lost
        if exchange.notices and lost:
            lost -= 1
            raise OSError("lost on the way")
        assert not (exchange.reports and lost)

    async def body(scheduler: FakeScheduler) -> None:
        scheduler.after = after
        report = await scheduler.run("m:tells_and_fails")
        assert report.outcome is Outcome.FAILED
        assert [one.message for one in scheduler.notices[report.attempt]] == ["last words"]

    play(body)
    assert lost == 0


@pytest.mark.slow
def test_a_loop_of_notices_is_cut_short(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:tells", count=1000)
        assert value(report) == 1000
        assert len(scheduler.notices[report.attempt]) == 100
        assert scheduler.text(report.attempt, "logging") == ["this attempt has sent 100 notices: no more are passed on"]

    play(body)


@pytest.mark.slow
def test_a_notice_is_cut_to_what_can_be_sent(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:tells_much")
        (notice,) = scheduler.notices[report.attempt]
        assert len(notice.message) == 16 * 1024
        assert notice.message.endswith("x…")
        assert notice.subject == "\\x00"

    play(body)


@pytest.mark.slow
def test_a_process_that_the_task_forked_does_not_disturb_it(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:tells_from_a_fork")
        assert report.outcome is Outcome.SUCCESS, report.error
        assert report.attempt not in scheduler.progress

    play(body)


@pytest.mark.slow
def test_the_params_of_the_run(play: Callable[[Body], None]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        assert value(await scheduler.run("m:looks")) == {"full": True}

    play(body)


# --- its span --------------------------------------------------------------------------------------------------------


@isolations
def test_the_span_of_an_attempt_is_told_to_it_and_to_its_processes(
    play: Callable[[Body], None], given: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("TRACEPARENT", "00-whoever-started-the-program-01")

    async def body(scheduler: FakeScheduler) -> None:
        for _ in range(2):  # in the same worker, the second time
            report = await scheduler.run("m:spans", given=given)
            assert value(report) == [traceparent(make_assignment().run.id, report.attempt, 1.0)] * 2

    play(body)


@isolations
def test_without_traces_there_is_no_span(play: Callable[[Body], None], given: dict[str, object]) -> None:
    async def body(scheduler: FakeScheduler) -> None:
        assert value(await scheduler.run("m:spans", given=given)) == [None, ""]

    play(body)


def test_a_span_that_a_task_is_given_goes_before_its_own(
    play: Callable[[Body], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")

    async def body(scheduler: FakeScheduler) -> None:
        report = await scheduler.run("m:spans", given={"env": '{"TRACEPARENT":"00-own"}'})
        assert value(report) == ["00-own", "00-own"]

    play(body)
