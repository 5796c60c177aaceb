"""Tasks that wait without a worker: what they leave behind, and what they find when they go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ppacer.core import codec
from ppacer.deferral import NOTHING, Deferred, defer, defer_to_run
from ppacer.protocol import Deferral, Exchange, Outcome, Report, RunRequest

from .conftest import FOR_EVER, Bench, FakeScheduler, eventually, value

MODULE = """
    import asyncio, time
    from datetime import UTC, date, datetime, timedelta
    from pathlib import Path
    from ppacer import TaskContext
    from ppacer.deferral import Deferred, defer, defer_to_run

    def counts(limit, context: TaskContext):
        tries = context.state["tries"] if context.state else 0
        if tries < limit:
            defer(timedelta(minutes=1), state={"tries": tries + 1, "day": date(2026, 1, 1)})
        return [context.part, context.state]

    def waits_until():
        try:
            defer(datetime(2026, 1, 1, tzinfo=UTC), output={"woken": True})
        except Exception:
            return "swallowed"

    async def waits_async():
        await asyncio.sleep(0)
        raise Deferred(timedelta(seconds=90), state=None)

    def runs():
        defer_to_run("child", {"day": date(2026, 1, 1)}, scheduled_at=datetime(2026, 1, 2, tzinfo=UTC))

    def leaves_much():
        defer(timedelta(1), state="x" * 2_000_000)

    def leaves_what_has_no_json():
        defer(timedelta(1), state=object())

    def waits_for_nothing():
        raise Deferred()

    def sleeps():
        time.sleep(3600)

    def holds(folder, context: TaskContext):
        if context.part == 0:
            defer(timedelta(0), state=1)
        (Path(folder) / "begun").touch()
        while not (Path(folder) / "gate").exists():
            time.sleep(0.01)
        return "held"
"""


@pytest.fixture
def call(bench: Bench, scheduler: FakeScheduler) -> Callable[..., Report]:
    """Runs one callable of the module; its report."""
    bench.module("m", MODULE)

    def call(callable: str, *args: object, given: dict[str, object] | None = None, seconds: float = FOR_EVER) -> Report:
        async def main() -> Report:
            async with bench.executor(scheduler, capacity=2):
                return await scheduler.run(callable, *args, given=given, seconds=seconds)

        return asyncio.run(main())

    return call


# --- what a task says ------------------------------------------------------------------------------------------------


def said(call: Callable[[], object], now: int = 1_000_000) -> Deferral:
    with pytest.raises(Deferred) as caught:
        call()
    return caught.value.deferral(now)


def test_a_time_or_a_duration() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert said(lambda: defer(moment)) == Deferral(until=1_767_225_600_000_000)
    assert said(lambda: defer(timedelta(seconds=2), state=None)) == Deferral(until=3_000_000, state="null")
    assert said(lambda: defer(timedelta(0), state=NOTHING, output=[1])) == Deferral(until=1_000_000, output="[1]")


def test_a_run() -> None:
    asked = said(lambda: defer_to_run("child", {"a": timedelta(1)}, wait=False, state=1))
    params = '{"a":{"$":"duration","v":86400000000}}'
    assert asked == Deferral(run=RunRequest("child", params, None, wait=False), state="1")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: defer(datetime(2026, 1, 1)), "cannot wait until 2026-01-01T00:00:00, which has no time zone"),  # noqa: DTZ001
        (lambda: defer_to_run("x", scheduled_at=datetime(2026, 1, 1)), "a run's time needs a time zone"),  # noqa: DTZ001
        (Deferred, "waits until a time or for a run: neither is given"),
        (lambda: defer(timedelta(1), state=object()), "a value of type object has no JSON form"),
    ],
)
def test_what_cannot_be_waited_for(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_the_parameters_of_a_run_have_names() -> None:
    with pytest.raises(TypeError, match="the parameters of a run are a dict, not list"):
        defer_to_run("child", [1])  # type: ignore[arg-type]  # as a param of type json may be


# --- what the executor reports ---------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread"])
def test_a_task_goes_on_where_it_left_off(bench: Bench, scheduler: FakeScheduler, isolation: str) -> None:
    bench.module("m", MODULE)

    async def main() -> None:
        async with bench.executor(scheduler):
            before = time.time_ns() // 1000
            report = await scheduler.run("m:counts", 1, given={"isolation": isolation})
            assert (report.outcome, report.output, report.error) == (Outcome.DEFERRED, None, None)
            assert report.deferral is not None
            assert report.deferral.until is not None
            assert before <= report.deferral.until - 60_000_000 <= time.time_ns() // 1000
            state = report.deferral.state
            assert state is not None
            again = await scheduler.run("m:counts", 1, given={"isolation": isolation, "state": state, "part": 1})
            assert value(again) == [1, codec.decode(state)] == [1, {"tries": 1, "day": date(2026, 1, 1)}]

    asyncio.run(main())


@pytest.mark.slow
def test_a_task_may_end_by_waiting(call: Callable[..., Report]) -> None:
    """Its own `except Exception` lets that pass."""
    report = call("m:waits_until")
    assert report.outcome is Outcome.DEFERRED
    assert report.deferral == Deferral(until=1_767_225_600_000_000, output='{"woken":true}')


@pytest.mark.slow
@pytest.mark.parametrize("isolation", ["process", "thread", "async"])
def test_a_coroutine_may_wait(call: Callable[..., Report], isolation: str) -> None:
    report = call("m:waits_async", given={"isolation": isolation})
    assert report.outcome is Outcome.DEFERRED
    assert report.deferral is not None
    assert report.deferral.state == "null"


@pytest.mark.slow
def test_a_task_may_wait_for_a_run(call: Callable[..., Report]) -> None:
    report = call("m:runs")
    params = '{"day":{"$":"date","v":"2026-01-01"}}'
    assert report.deferral == Deferral(run=RunRequest("child", params, 1_767_312_000_000_000))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("callable", "kind", "words"),
    [
        ("leaves_much", "output", "the task's state is 2000002 bytes of JSON, more than the 1048576"),
        ("leaves_what_has_no_json", "exception", "a value of type object has no JSON form"),
        ("waits_for_nothing", "exception", "neither is given"),
    ],
)
def test_what_cannot_be_left_behind(call: Callable[..., Report], callable: str, kind: str, words: str) -> None:
    report = call(f"m:{callable}")
    assert (report.outcome, report.error_kind) == (Outcome.FAILED, kind)
    assert words in (report.error or "")


@pytest.mark.slow
@pytest.mark.parametrize("left", [0.4, -3.0])
def test_the_time_out_of_a_later_part_is_what_is_left_of_it(call: Callable[..., Report], left: float) -> None:
    """Else the task would go on for longer than its report is waited for."""
    report = call("m:sleeps", seconds=600, given={"state": "1", "part": 2, "time_left": left})
    assert report.outcome is Outcome.TIMED_OUT
    assert (report.error or "").startswith("the task ran longer than its time-out of 10m\n")


@pytest.mark.slow
@pytest.mark.parametrize("refused", [False, True])
def test_a_part_may_come_back_before_the_answer_to_the_report_on_the_one_before(
    bench: Bench, scheduler: FakeScheduler, tmp_path: Path, refused: bool
) -> None:
    """As when the scheduler is started again just then. The late answer is about the earlier part and nothing else,
    whether the executor still holds that or was told meanwhile that its token is stale."""
    bench.module("m", MODULE)
    silent = True

    def tells_of_the_first(exchange: Exchange) -> bool:
        return any(report.token == 1 for report in exchange.reports)

    def before(exchange: Exchange) -> None:
        if silent and reports(1) and tells_of_the_first(exchange):
            raise OSError("lost before it arrives, so that it cannot be granted the later part")

    def after(exchange: Exchange) -> None:
        if silent and tells_of_the_first(exchange):
            raise OSError("lost on the way")

    def reports(token: int) -> list[Report]:
        return [report for one in scheduler.exchanges for report in one.reports if report.token == token]

    async def main() -> None:
        nonlocal silent
        scheduler.before = before
        scheduler.after = after
        async with bench.executor(scheduler, capacity=2) as executor:
            attempt = scheduler.assign("m:holds", str(tmp_path))
            await scheduler.offer()
            await scheduler.until(lambda: bool(reports(1)))
            if refused:
                scheduler.stale.add(attempt)
                bench.slept = 12.0  # the lease is to be renewed
                await eventually(lambda: not executor.running)
                scheduler.stale.clear()
            part = {"attempt": attempt, "token": 2, "part": 1, "state": "1"}
            scheduler.assign("m:holds", str(tmp_path), given=part)
            await scheduler.offer()
            await eventually((tmp_path / "begun").exists)
            silent = False
            seen = len(reports(1))
            await scheduler.until(lambda: len(reports(1)) > seen)
            (tmp_path / "gate").touch()
            await scheduler.until(lambda: bool(reports(2)))
            assert value(reports(2)[0]) == "held"

    asyncio.run(main())
